//! Values of keys by their rules.

use serde_json::{Map, Value as Json, json};

use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};

/// Texts of which an editor cannot know the value: templates and ciphertexts.
const OPAQUE: &str = r"\{\{|\{%|^ENC\[AES256_GCM,";

/// Rules that hold for numbers, as an editor reads them.
const NUMERIC: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// Schema of a scalar value with these keywords of its rules; none if any value is valid. Every text may be quoted, so
/// that a number is also a string of digits; `null` removes a value.
pub(super) fn scalar_schema(rules: &Map<String, Json>) -> Option<Json> {
    if rules.keys().all(|rule| rule == "examples") {
        return None;
    }
    let mut schema = Map::new();
    if let Some(allowed) = allowed_values(rules) {
        schema.insert("enum".to_owned(), Json::Array(allowed));
        return Some(or_opaque(&schema));
    }
    let is_numeric = NUMERIC.iter().any(|rule| rules.contains_key(*rule));
    let kind = rules.get("type").and_then(Json::as_str);
    let (types, pattern): (&[&str], Option<&str>) = match kind {
        Some("integer") => (
            &["integer", "string", "null"],
            Some(r"^[-+]?[0-9]+$|^[-+]?[0-9][0-9.]*[eE][-+]?[0-9]+$|^[-+]?[0-9]+\.0*$"),
        ),
        Some("number") => {
            (&["number", "string", "null"], Some(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"))
        }
        Some("boolean") => (&["boolean", "string", "null"], Some("^(true|false)$")),
        _ if is_numeric => (&["number", "string", "null"], None),
        _ => (&["string", "number", "boolean", "null"], None),
    };
    schema.insert("type".to_owned(), json!(types));
    let mut patterns: Vec<Json> = pattern.into_iter().map(Json::from).collect();
    for rule in NUMERIC {
        if let Some(value) = rules.get(rule) {
            schema.insert(rule.to_owned(), value.clone());
        }
    }
    for rule in ["minLength", "maxLength"] {
        if let Some(value) = rules.get(rule) {
            schema.insert(rule.to_owned(), value.clone());
        }
    }
    patterns.extend(rules.get("pattern").cloned());
    match patterns.len() {
        0 => {}
        1 => drop(schema.insert("pattern".to_owned(), patterns.remove(0))),
        _ => drop(schema.insert("allOf".to_owned(), patterns.into_iter().map(|it| json!({ "pattern": it })).collect())),
    }
    if let (Some(kind), Some(_)) = (kind, pattern) {
        let article = if kind == "integer" { "an" } else { "a" };
        schema.insert("patternErrorMessage".to_owned(), format!("expected {article} {kind}").into());
    }
    Some(or_opaque(&schema))
}

fn or_opaque(schema: &Map<String, Json>) -> Json {
    json!({ "if": { "type": "string", "pattern": OPAQUE }, "then": true, "else": schema })
}

/// The values of `enum` or `const`, each as its text and as an editor may read it, and `null`.
fn allowed_values(rules: &Map<String, Json>) -> Option<Vec<Json>> {
    let texts: Vec<&Json> = match (rules.get("const"), rules.get("enum")) {
        (Some(value), _) => vec![value],
        (None, Some(Json::Array(values))) => values.iter().collect(),
        (None, _) => return None,
    };
    let mut allowed = Vec::new();
    for text in texts.into_iter().filter_map(Json::as_str) {
        allowed.push(text.into());
        let scalar = Scalar::new(text, YamlStyle::Plain);
        let read = match core_type(&scalar) {
            CoreType::Bool => Some(text.eq_ignore_ascii_case("true").into()),
            CoreType::Int | CoreType::Float => text.parse::<f64>().ok().and_then(number),
            CoreType::Null | CoreType::String => None,
        };
        allowed.extend(read);
    }
    allowed.push(Json::Null);
    Some(allowed)
}

/// A number of JSON, without a fraction where there is none.
fn number(value: f64) -> Option<Json> {
    serde_json::Number::from_f64(value).map(Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &Json) -> Map<String, Json> {
        json.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn values_are_judged_as_editors_read_them() {
        for (rule, valid, invalid) in [
            (
                json!({ "type": "string" }),
                vec![json!("x"), json!(1.1), json!(true), json!(null)],
                vec![json!([]), json!({})],
            ),
            (
                json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
                vec![
                    json!(8080),
                    json!("8080"),
                    json!("{{ vars.port }}"),
                    json!("ENC[AES256_GCM,data:x]"),
                    json!(null),
                ],
                vec![json!(0), json!("http"), json!(1.5), json!(70000), json!(true)],
            ),
            (json!({ "type": "boolean" }), vec![json!(true), json!("false")], vec![json!("yes"), json!(1)]),
            (
                json!({ "enum": ["info", "1.10"] }),
                vec![json!("info"), json!(1.1), json!("1.10")],
                vec![json!("x"), json!(2)],
            ),
            (json!({ "const": "true" }), vec![json!(true), json!("true")], vec![json!(false)]),
            (
                json!({ "pattern": "^[a-z]+$", "minLength": 2 }),
                vec![json!("ab"), json!(5)],
                vec![json!("a"), json!("A1")],
            ),
            (json!({ "type": "integer", "pattern": "^8" }), vec![json!("80")], vec![json!("90"), json!("8x")]),
        ] {
            let schema = scalar_schema(&rules(&rule)).unwrap();
            let validator = jsonschema::draft7::new(&schema).unwrap();
            for value in valid {
                assert!(validator.is_valid(&value), "{value} by {schema}");
            }
            for value in invalid {
                assert!(!validator.is_valid(&value), "{value} by {schema}");
            }
        }
    }
}
