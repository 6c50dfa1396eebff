//! Objects as values with types, for comparison and for the operations that make one of another.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use crate::layer::{Tree, TreeKind};
use crate::value::OutputValue;
use crate::yaml::kubectl::{JsonScalar, json_scalar};
use crate::yaml::node::YamlStyle;

/// A structure with the types that kubectl reads from it.
pub(super) fn json_of_tree(tree: &Tree) -> Json {
    match &tree.kind {
        TreeKind::Leaf(scalar) if scalar.blank || scalar.is_null() => Json::Null,
        TreeKind::Leaf(scalar) if scalar.style == YamlStyle::Plain && scalar.tag.is_none() => typed(scalar.text()),
        TreeKind::Leaf(scalar) => match scalar.tag_name() {
            Some("int" | "float" | "bool") => typed(scalar.text()),
            _ => Json::String(scalar.text().to_owned()),
        },
        TreeKind::List(items) => Json::Array(items.iter().map(json_of_tree).collect()),
        TreeKind::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), json_of_tree(value))).collect()),
    }
}

/// An output value with the types that kubectl reads from it.
pub(in crate::import) fn json_of_value(value: &OutputValue<'_>) -> Json {
    match value {
        OutputValue::Null => Json::Null,
        OutputValue::Bool(truth) => Json::Bool(*truth),
        OutputValue::Literal(text) => typed(text),
        OutputValue::String(text) => Json::String(text.to_string()),
        OutputValue::List(items) => Json::Array(items.iter().map(json_of_value).collect()),
        OutputValue::Map(pairs) => {
            Json::Object(pairs.iter().map(|(key, value)| (key.to_string(), json_of_value(value))).collect())
        }
    }
}

fn typed(text: &str) -> Json {
    match json_scalar(text) {
        JsonScalar::Null => Json::Null,
        JsonScalar::Bool(truth) => Json::Bool(truth),
        JsonScalar::Number(number) => {
            serde_json::from_str(&number).unwrap_or_else(|_| Json::String(number.into_owned()))
        }
        JsonScalar::Text(text) => Json::String(text.to_owned()),
    }
}

/// A value as it is written to a layer.
pub(super) fn json_value(json: &Json) -> OutputValue<'_> {
    match json {
        Json::Null => OutputValue::Null,
        Json::Bool(truth) => OutputValue::Bool(*truth),
        Json::Number(number) => OutputValue::Literal(number.to_string().into()),
        Json::String(text) => OutputValue::text(text.as_str()),
        Json::Array(items) => OutputValue::List(items.iter().map(json_value).collect()),
        Json::Object(map) => {
            OutputValue::Map(map.iter().map(|(key, value)| (Cow::from(key.as_str()), json_value(value))).collect())
        }
    }
}

/// A text as it is written to a layer.
pub(super) fn text_value(text: &str) -> OutputValue<'_> {
    OutputValue::text(text)
}

/// Text below some keys.
pub(super) fn text_at<'j>(object: &'j Json, path: &str) -> &'j str {
    object.pointer(path).and_then(Json::as_str).unwrap_or_default()
}

/// Operations (RFC 6902) that turn one value into another, for fields that exist in neither or both as needed.
pub(super) fn find_operations(from: &Json, to: &Json, path: &str, found: &mut Vec<Json>) {
    match (from, to) {
        (Json::Object(from), Json::Object(to)) => {
            for (key, value) in from {
                let path = format!("{path}/{}", escape_key(key));
                match to.get(key) {
                    Some(wanted) => find_operations(value, wanted, &path, found),
                    None => found.push(json!({ "op": "remove", "path": path })),
                }
            }
            for (key, value) in to {
                if !from.contains_key(key) {
                    found.push(json!({ "op": "add", "path": format!("{path}/{}", escape_key(key)), "value": value }));
                }
            }
        }
        (Json::Array(from), Json::Array(to)) if from.len() == to.len() => {
            for (index, (from, to)) in from.iter().zip(to).enumerate() {
                find_operations(from, to, &format!("{path}/{index}"), found);
            }
        }
        (from, to) if is_same(from, to) => {}
        (_, to) => found.push(json!({ "op": "replace", "path": path, "value": to })),
    }
}

/// Whether two values are equal, numbers by value.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Key as it is written in a path of an operation.
pub(super) fn escape_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Removes what has no meaning: nulls in mappings, empty labels and annotations, and the line breaks in base64.
pub(super) fn normalize_object(mut object: Json) -> Json {
    drop_nulls(&mut object);
    let base64 = match (text_at(&object, "/apiVersion"), text_at(&object, "/kind")) {
        ("v1", "Secret") => Some("data"),
        ("v1", "ConfigMap") => Some("binaryData"),
        _ => None,
    };
    // kustomize breaks the base64 of long values into lines of 70 characters
    let values = base64.and_then(|field| object.get_mut(field)?.as_object_mut());
    for value in values.into_iter().flat_map(Map::values_mut) {
        if let Json::String(text) = value {
            text.retain(|char| !matches!(char, '\n' | '\r'));
        }
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        for field in ["labels", "annotations"] {
            if metadata.get(field).and_then(Json::as_object).is_some_and(Map::is_empty) {
                metadata.remove(field);
            }
        }
    }
    object
}

fn drop_nulls(value: &mut Json) {
    match value {
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_name_what_differs() {
        let from = json!({ "a": { "b/c": 1, "d": [1, 2], "gone": true }, "n": 1 });
        let to = json!({ "a": { "b/c": 2, "d": [1, 3], "new": {} }, "n": 1.0 });
        let mut found = Vec::new();
        find_operations(&from, &to, "", &mut found);
        assert_eq!(
            found,
            [
                json!({ "op": "replace", "path": "/a/b~1c", "value": 2 }),
                json!({ "op": "replace", "path": "/a/d/1", "value": 3 }),
                json!({ "op": "remove", "path": "/a/gone" }),
                json!({ "op": "add", "path": "/a/new", "value": {} }),
            ]
        );
    }

    #[test]
    fn base64_of_several_lines_is_that_of_one() {
        for (version, kind, field, expected) in [
            ("v1", "Secret", "data", "QUJDRA=="),
            ("v1", "ConfigMap", "binaryData", "QUJDRA=="),
            ("v1", "ConfigMap", "data", "QUJD\nRA==\n"),
            ("v1", "Secret", "stringData", "QUJD\nRA==\n"),
            ("example.com/v1", "Secret", "data", "QUJD\nRA==\n"),
        ] {
            let object = json!({ "apiVersion": version, "kind": kind, field: { "key": "QUJD\nRA==\n", "other": 1 } });
            let found = normalize_object(object);
            assert_eq!(found[field], json!({ "key": expected, "other": 1 }), "{version} {kind} {field}");
        }
    }

    #[test]
    fn plain_scalars_have_the_types_of_kubectl() {
        for (text, expected) in [("yes", json!(true)), ("0400", json!(256)), ("1.10", json!(1.1)), ("a", json!("a"))] {
            assert_eq!(typed(text), expected, "{text}");
        }
    }
}
