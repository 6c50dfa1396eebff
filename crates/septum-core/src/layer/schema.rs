//! JSON Schema keywords of an entry, read from YAML.

use serde_json::{Number, Value};

use super::unexpected::known_cause;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::map::IndexMap;
use crate::span::{Located, Source};
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlNode};
use crate::yaml::scalar::{CoreType, core_type};

/// Keywords of JSON Schema (2020-12) that apply to a single text or number.
pub(super) const SCHEMA_KEYWORDS: [&str; 12] = [
    "type",
    "enum",
    "const",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "examples",
];

pub(super) const TYPES: [&str; 4] = ["string", "integer", "number", "boolean"];

/// Reads the keywords with their values.
pub(super) fn read_schema(
    map: Mapping,
    source: &Source,
    problems: &mut Diagnostics,
) -> IndexMap<String, Located<Value>> {
    let mut schema = IndexMap::default();
    for (key, node) in map {
        let place = source.place(node.span);
        let is_broken = node.has_broken();
        let value = match key.text.as_str() {
            "enum" | "const" | "examples" => node_texts(&node),
            _ => node_to_json(&node),
        };
        match wrong_keyword(&key.text, &value) {
            None if is_broken => {}
            None => {
                schema.insert(key.text, Located { value, place });
            }
            Some(expected) => {
                let at = if node.span.start == node.span.end { source.place(key.span) } else { place };
                let hint = value.as_str().filter(|_| key.text == "type").and_then(type_hint);
                problems.push(
                    Diagnostic::error(Rule::InvalidField, format!("expected {expected} for `{}`", key.text))
                        .at(at)
                        .maybe_hint(hint)
                        .with_cause(known_cause(is_broken)),
                );
            }
        }
    }
    schema
}

/// Hint at the type that a word of another language means, or at the type that it nearly spells.
fn type_hint(word: &str) -> Option<String> {
    let meant = match word.to_ascii_lowercase().as_str() {
        "int" | "int32" | "int64" | "long" | "uint" | "port" => "integer",
        "float" | "double" | "decimal" | "num" | "numeric" => "number",
        "str" | "text" | "url" | "uri" | "char" => "string",
        "bool" | "flag" => "boolean",
        "secret" | "password" | "token" | "credential" | "sensitive" => {
            return Some("write `sensitive: true`; `type` is the data type of the value".to_owned());
        }
        _ => return did_you_mean(word, TYPES),
    };
    Some(format!("did you mean `{meant}`?"))
}

/// Expected value of a keyword, if the given one does not match it (JSON Schema Validation 2020-12, section 6).
fn wrong_keyword(keyword: &str, value: &Value) -> Option<&'static str> {
    let (ok, expected) = match keyword {
        "type" => {
            (value.as_str().is_some_and(|name| TYPES.contains(&name)), "`string`, `integer`, `number` or `boolean`")
        }
        "enum" => (value.as_array().is_some_and(|items| !items.is_empty()), "a list of at least one value"),
        "examples" => (value.is_array(), "a list"),
        "pattern" => (value.is_string(), "a string"),
        "minLength" | "maxLength" => (value.is_u64(), "a non-negative integer"),
        "multipleOf" => (value.as_f64().is_some_and(|number| number > 0.0), "a number greater than 0"),
        "const" => (!value.is_object() && !value.is_array(), "a string, a number or a boolean"),
        _ => (value.is_number(), "a number"),
    };
    (!ok).then_some(expected)
}

/// Node as JSON with its scalars as texts, as written.
fn node_texts(node: &YamlNode) -> Value {
    match &node.kind {
        YamlKind::Scalar(scalar) => scalar.text().into(),
        YamlKind::List(items) => items.iter().map(node_texts).collect(),
        YamlKind::Map(_) => node_to_json(node),
    }
}

/// Node as JSON, by the YAML 1.2 core schema.
fn node_to_json(node: &YamlNode) -> Value {
    match &node.kind {
        YamlKind::Scalar(scalar) => json_scalar(scalar),
        YamlKind::List(items) => Value::Array(items.iter().map(node_to_json).collect()),
        YamlKind::Map(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.text.clone(), node_to_json(value))).collect())
        }
    }
}

fn json_scalar(scalar: &Scalar) -> Value {
    let text = scalar.text();
    let number = || text.parse::<Number>().ok().map(Value::Number);
    match core_type(scalar) {
        CoreType::Null => Value::Null,
        CoreType::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
        // a number of YAML that is not one of JSON (`0x1F`, `.5`) is kept as its text
        CoreType::Int | CoreType::Float => number().unwrap_or_else(|| text.into()),
        CoreType::String => text.into(),
    }
}
