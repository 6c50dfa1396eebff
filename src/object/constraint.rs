//! Types and JSON Schema keywords of entries, checked on final values.
//!
//! Values are texts. A value declared with `type: integer`, `number` or `boolean` is parsed as such for the check, and
//! a keyword about numbers implies `number`; the text itself is never rewritten.

#[cfg(feature = "schema")]
#[cfg(feature = "schema")]
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Number, Value};

use crate::layer::EntrySchema;
use crate::map::{HashMap, IndexMap};
use crate::route::Sensitivity;
use crate::span::Located;

/// Keywords that apply to numbers.
const NUMERIC: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// Rule that a value breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Keyword of the rule.
    pub(super) keyword: String,
    /// Expected value: `an integer`, `at least 1`. Contains nothing of the actual value.
    pub(super) expected: String,
    /// Whether the rule itself is invalid, whatever the value.
    pub(super) is_of_rule: bool,
}

impl Violation {
    /// Whether its rule lists the allowed values.
    pub(super) fn lists_values(&self) -> bool {
        matches!(self.keyword.as_str(), "enum" | "const")
    }

    /// Expectation without the values that the rule lists.
    pub(super) fn keyword_alone(&self) -> String {
        format!("a value allowed by `{}`", self.keyword)
    }
}

/// Compiled schema, or the invalid rule in it and the reason.
#[cfg(feature = "schema")]
type CompiledSchema = Result<jsonschema::Validator, (&'static str, String)>;

/// Checks values; caches compiled schemas, since entries often share one.
#[derive(Default)]
pub struct Constraints {
    #[cfg(feature = "schema")]
    compiled: Mutex<HashMap<String, std::sync::Arc<CompiledSchema>>>,
}

/// Options for compiling a schema. Its keywords mean the same in draft 7 as in 2020-12, whose meta-schema, which every
/// schema is checked against, takes a millisecond to compile; but that one has more formats.
#[cfg(feature = "schema")]
fn schema_options(schema: &Value) -> jsonschema::ValidationOptions<'static> {
    use jsonschema::Draft::{Draft7, Draft202012};
    let options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(false);
    let is_newer = |format: &str| !options.is_known_format(Draft7, format);
    let newer = schema.get("format").and_then(Value::as_str).is_some_and(is_newer);
    options.with_draft(if newer { Draft202012 } else { Draft7 })
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Constraints")
    }
}

impl Constraints {
    /// Rules that a text breaks; an invalid schema is broken by every text.
    pub(super) fn check(
        &self,
        schema: &IndexMap<String, Located<Value>>,
        format: Option<&Located<String>>,
        text: &str,
    ) -> Vec<Violation> {
        if schema.is_empty() && format.is_none() {
            return Vec::new();
        }
        let kind = declared_type(schema);
        let Some(instance) = text_instance(kind, text) else {
            let expected = type_name(kind).to_owned();
            return vec![Violation { keyword: "type".to_owned(), expected, is_of_rule: false }];
        };
        // a type alone is already checked
        let mut rest = Map::new();
        for (keyword, value) in schema.iter().filter(|(keyword, _)| !matches!(keyword.as_str(), "type" | "examples")) {
            rest.insert(keyword.clone(), as_type(keyword, &value.value, kind));
        }
        if let Some(format) = format {
            rest.insert("format".to_owned(), Value::from(format.value.as_str()));
        }
        if rest.is_empty() { Vec::new() } else { self.violations(rest, &instance) }
    }

    /// Rules of an entry that a text does not meet: the keyword, and a description that contains nothing of the text.
    /// For a secret it does not contain the allowed values either.
    pub fn unmet(&self, rules: &EntrySchema, text: &str, sensitivity: Sensitivity) -> Vec<(String, String)> {
        let found = self.check(&rules.schema, rules.format.as_ref(), text).into_iter();
        let words = |violation: Violation| {
            let tells = sensitivity == Sensitivity::Sensitive && violation.lists_values();
            let expected = if tells { violation.keyword_alone() } else { violation.expected };
            (violation.keyword, expected)
        };
        found.map(words).collect()
    }

    #[cfg(feature = "schema")]
    fn violations(&self, schema: Map<String, Value>, instance: &Value) -> Vec<Violation> {
        let schema = Value::Object(schema);
        let key = schema.to_string();
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = compiled.entry(key).or_insert_with(|| {
            std::sync::Arc::new(schema_options(&schema).build(&schema).map_err(|error| wrong_rule(&schema, &error)))
        });
        let validator = std::sync::Arc::clone(validator);
        drop(compiled);
        match &*validator {
            Ok(validator) => validator
                .iter_errors(instance)
                .map(|error| {
                    let path = error.schema_path().to_string();
                    let keyword = path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
                    Violation {
                        expected: describe_expectation(&keyword, schema.get(&keyword)),
                        keyword,
                        is_of_rule: false,
                    }
                })
                .collect(),
            Err((keyword, reason)) => {
                vec![Violation { keyword: (*keyword).to_owned(), expected: reason.clone(), is_of_rule: true }]
            }
        }
    }

    #[cfg(not(feature = "schema"))]
    #[allow(clippy::unused_self, clippy::needless_pass_by_value, reason = "with the feature it is needed")]
    fn violations(&self, schema: Map<String, Value>, _: &Value) -> Vec<Violation> {
        let keyword = schema.keys().next().cloned().unwrap_or_default();
        let expected = "this build of septum does not include the feature `schema`";
        vec![Violation { keyword, expected: expected.to_owned(), is_of_rule: true }]
    }
}

/// Type that a value must have.
#[derive(Clone, Copy, PartialEq)]
enum SchemaType {
    String,
    Integer,
    Number,
    Boolean,
}

fn declared_type(schema: &IndexMap<String, Located<Value>>) -> SchemaType {
    match schema.get("type").and_then(|declared| declared.value.as_str()) {
        Some("integer") => SchemaType::Integer,
        Some("number") => SchemaType::Number,
        Some("boolean") => SchemaType::Boolean,
        None if NUMERIC.iter().any(|keyword| schema.contains_key(*keyword)) => SchemaType::Number,
        Some(_) | None => SchemaType::String,
    }
}

fn type_name(kind: SchemaType) -> &'static str {
    match kind {
        SchemaType::String => "a string",
        SchemaType::Integer => "an integer",
        SchemaType::Number => "a number",
        SchemaType::Boolean => "`true` or `false`",
    }
}

/// Text as a JSON value of a type; `None` if it is not of that type.
fn text_instance(kind: SchemaType, text: &str) -> Option<Value> {
    match kind {
        SchemaType::String => Some(Value::from(text)),
        SchemaType::Boolean => text.parse::<bool>().ok().map(Value::from),
        SchemaType::Integer => is_integer(text).then(|| parse_number(text)).flatten(),
        SchemaType::Number => parse_number(text),
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a decimal number; leading zeros and a plus sign are kept in the text and ignored here.
fn parse_number(text: &str) -> Option<Value> {
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Value::from(integer));
    }
    let looks_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float = text.parse::<f64>().ok().filter(|_| looks_decimal)?;
    Number::from_f64(float).map(Value::Number)
}

/// Value of a keyword, with the texts of `enum` and `const` as values of the declared type: the layer's value is kept
/// as text, so that `enum: [1.10]` means just that.
fn as_type(keyword: &str, value: &Value, kind: SchemaType) -> Value {
    match (keyword, value) {
        ("enum" | "const", Value::Array(items)) => items.iter().map(|item| as_type(keyword, item, kind)).collect(),
        ("enum" | "const", Value::String(text)) => text_instance(kind, text).unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

/// Name of the invalid rule, and the reason.
#[cfg(feature = "schema")]
fn wrong_rule(schema: &Value, error: &jsonschema::ValidationError<'_>) -> (&'static str, String) {
    let text = |keyword| schema.get(keyword).and_then(Value::as_str).unwrap_or_default();
    let reason = error.to_string();
    if reason.starts_with("Unknown format") {
        ("format", format!("`{}` is not a JSON Schema format", text("format")))
    } else if reason.contains("regex") {
        ("pattern", format!("`{}` is not a valid regular expression", text("pattern")))
    } else {
        // the library's message quotes the schema's values
        ("schema", "the combination is not a valid JSON Schema".to_owned())
    }
}

/// Expectation of a keyword, in words.
#[cfg(feature = "schema")]
fn describe_expectation(keyword: &str, value: Option<&Value>) -> String {
    let shown = value.map(show_value).unwrap_or_default();
    match keyword {
        "enum" => format!("one of {shown}"),
        "const" => format!("exactly {shown}"),
        "pattern" => format!("a string that matches {shown}"),
        "format" => format!("a string in the format {shown}"),
        "minLength" => format!("at least {shown} characters"),
        "maxLength" => format!("at most {shown} characters"),
        "minimum" => format!("at least {shown}"),
        "maximum" => format!("at most {shown}"),
        "exclusiveMinimum" => format!("greater than {shown}"),
        "exclusiveMaximum" => format!("less than {shown}"),
        "multipleOf" => format!("a multiple of {shown}"),
        _ => format!("`{keyword}: {shown}`"),
    }
}

#[cfg(feature = "schema")]
fn show_value(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(show_value).collect::<Vec<_>>().join(", "),
        Value::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}

#[cfg(test)]
#[cfg(feature = "schema")]
mod tests {
    use super::*;
    use crate::span::Location;

    fn check(schema: &str, text: &str) -> String {
        let schema: Map<String, Value> = serde_json::from_str(schema).expect("JSON");
        let mut format = None;
        let mut rules = IndexMap::default();
        for (keyword, value) in schema {
            let place = Location::synthetic();
            if keyword == "format" {
                format = Some(Located { value: value.as_str().unwrap_or_default().to_owned(), place });
            } else {
                rules.insert(keyword, Located { value, place });
            }
        }
        let violations = Constraints::default().check(&rules, format.as_ref(), text);
        violations.into_iter().map(|violation| violation.expected).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn values_are_checked_as_the_type_that_is_declared() {
        for (schema, text, expected) in [
            (r#"{"type":"integer","minimum":1,"maximum":65535}"#, "8080", ""),
            (r#"{"type":"integer","minimum":1,"maximum":65535}"#, "70000", "at most 65535"),
            (r#"{"type":"integer"}"#, "eighty", "an integer"),
            (r#"{"type":"integer"}"#, "0644", ""),
            (r#"{"type":"integer"}"#, "1.0", "an integer"),
            (r#"{"type":"number"}"#, "1e6", ""),
            (r#"{"type":"number"}"#, "inf", "a number"),
            (r#"{"type":"boolean"}"#, "yes", "`true` or `false`"),
            (r#"{"minimum":10}"#, "9", "at least 10"),
            (r#"{"minLength":12}"#, "short", "at least 12 characters"),
            (r#"{"enum":["debug","info"]}"#, "inof", "one of `debug`, `info`"),
            (r#"{"enum":["1.10"]}"#, "1.1", "one of `1.10`"),
            (r#"{"type":"integer","enum":["1","2"]}"#, "2", ""),
            (r#"{"pattern":"^v"}"#, "v1", ""),
            (r#"{"format":"hostname"}"#, "a b", "a string in the format `hostname`"),
            (r#"{"format":"hostname"}"#, "example.com", ""),
            (r#"{"format":"duration","minLength":2}"#, "PT15M", ""),
            (r#"{"format":"duration"}"#, "15m", "a string in the format `duration`"),
        ] {
            assert_eq!(check(schema, text), expected, "{schema} {text}");
        }
    }

    #[test]
    fn a_rule_that_is_wrong_is_no_rule_that_passes() {
        assert_eq!(check(r#"{"pattern":"("}"#, "x"), "`(` is not a valid regular expression");
        assert_eq!(check(r#"{"format":"hostnmae"}"#, "x"), "`hostnmae` is not a JSON Schema format");
    }
}
