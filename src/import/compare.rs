//! Structural comparison of objects, as the API server sees them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::emit::as_kubectl_reads;
use crate::layer::tree::join_path;
use crate::map::{HashSet, IndexMap};
use crate::sort::sort_by_key;
use crate::value::OutputValue;

/// Path at which two objects differ. No value is part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructuralDifference {
    /// Path from the root: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// Kind of the difference.
    pub kind: &'static str,
}

/// Differences between an expected object and one that was rendered; empty if they are equal.
pub fn find_differences(expected: OutputValue<'_>, actual: OutputValue<'_>) -> Vec<StructuralDifference> {
    let mut found = Vec::new();
    compare_values(&to_stored(expected), &to_stored(actual), "", &mut found);
    found
}

/// Differences between an expected structure and one that was rendered, in which a null is a value.
pub(super) fn find_value_differences(expected: OutputValue<'_>, actual: OutputValue<'_>) -> Vec<StructuralDifference> {
    let mut found = Vec::new();
    compare_values(&as_kubectl_reads(expected), &as_kubectl_reads(actual), "", &mut found);
    found
}

/// An object as it is stored: plain scalars with their types, nulls and empty metadata dropped, `stringData` merged.
pub fn to_stored(value: OutputValue<'_>) -> OutputValue<'_> {
    let OutputValue::Map(mut fields) = without_nulls(as_kubectl_reads(value)) else { return OutputValue::Null };
    let text = |fields: &[(Cow<'_, str>, OutputValue<'_>)], name: &str| {
        fields.iter().find_map(|(key, value)| match value {
            OutputValue::String(text) if key == name => Some(text.to_string()),
            _ => None,
        })
    };
    let (version, kind) = (text(&fields, "apiVersion"), text(&fields, "kind"));
    if version.as_deref() == Some("v1") && matches!(kind.as_deref(), Some("Secret" | "ConfigMap")) {
        fields = to_stored_data(fields);
    }
    if kind.as_deref() == Some("ExternalSecret") {
        let name = metadata_text(&fields, "name").unwrap_or_default();
        let spec = fields.iter_mut().find(|(key, _)| key == "spec").map(|(_, spec)| spec);
        if let Some(OutputValue::Map(spec)) = spec {
            drop_external_defaults(spec, &name);
        }
    }
    if kind.as_deref() == Some("RoleBinding") {
        drop_own_namespace(&mut fields);
    }
    for (key, value) in &mut fields {
        if key == "metadata"
            && let OutputValue::Map(metadata) = value
        {
            metadata.retain(|(field, value)| !(matches!(&**field, "labels" | "annotations") && is_empty_map(value)));
        }
    }
    OutputValue::Map(fields)
}

fn metadata_text(fields: &[(Cow<'_, str>, OutputValue<'_>)], name: &str) -> Option<String> {
    let (_, OutputValue::Map(metadata)) = fields.iter().find(|(key, _)| key == "metadata")? else { return None };
    match metadata.iter().find(|(key, _)| key == name)? {
        (_, OutputValue::String(name)) => Some(name.to_string()),
        _ => None,
    }
}

/// Drops the namespace of service accounts that is the one of their binding: without one, it is meant
/// (`appliesToUser` of the RBAC authorizer in Kubernetes).
fn drop_own_namespace(fields: &mut [(Cow<'_, str>, OutputValue<'_>)]) {
    let Some(namespace) = metadata_text(fields, "namespace") else { return };
    let subjects = fields.iter_mut().find(|(key, _)| key == "subjects").map(|(_, subjects)| subjects);
    let Some(OutputValue::List(subjects)) = subjects else { return };
    for subject in subjects {
        if let OutputValue::Map(pairs) = subject
            && pairs.iter().any(|(key, value)| key == "kind" && is_text(value, "ServiceAccount"))
        {
            pairs.retain(|(key, value)| !(key == "namespace" && is_text(value, &namespace)));
        }
    }
}

/// Drops fields of an ExternalSecret with the values that the API server fills in, and sorts its `data` by key.
fn drop_external_defaults(spec: &mut Vec<(Cow<'_, str>, OutputValue<'_>)>, name: &str) {
    let drop_fields = |value: &mut OutputValue<'_>, defaults: &[(&str, &str)]| {
        if let OutputValue::Map(pairs) = value {
            pairs.retain(|(key, value)| {
                !defaults.iter().any(|(field, default)| key == field && is_text(value, default))
            });
        }
    };
    for (field, value) in spec.iter_mut() {
        match (&**field, value) {
            ("secretStoreRef", value) => drop_fields(value, &[("kind", "SecretStore")]),
            ("target", value) => {
                drop_fields(value, &[("creationPolicy", "Owner"), ("deletionPolicy", "Retain"), ("name", name)]);
            }
            ("data", OutputValue::List(items)) => {
                for item in items.iter_mut() {
                    if let OutputValue::Map(pairs) = item
                        && let Some((_, remote)) = pairs.iter_mut().find(|(key, _)| key == "remoteRef")
                    {
                        let defaults = [
                            ("conversionStrategy", "Default"),
                            ("decodingStrategy", "None"),
                            ("metadataPolicy", "None"),
                        ];
                        drop_fields(remote, &defaults);
                    }
                }
                let key_of = |item: &OutputValue<'_>| match item {
                    OutputValue::Map(pairs) => pairs.iter().find_map(|(key, value)| match value {
                        OutputValue::String(text) if key == "secretKey" => Some(text.to_string()),
                        _ => None,
                    }),
                    _ => None,
                };
                sort_by_key(items, key_of);
            }
            _ => {}
        }
    }
    spec.retain(|(field, value)| !(field == "target" && is_empty_map(value)));
}

/// Fields of a ConfigMap or Secret as they are stored.
fn to_stored_data<'a>(fields: Vec<(Cow<'a, str>, OutputValue<'a>)>) -> Vec<(Cow<'a, str>, OutputValue<'a>)> {
    let is_secret = fields.iter().any(|(key, value)| key == "kind" && is_text(value, "Secret"));
    let (mut data, mut rest) = (Vec::new(), Vec::new());
    let mut written = Vec::new();
    for (key, value) in fields {
        match (&*key, value) {
            ("data" | "binaryData", OutputValue::Map(pairs)) if pairs.is_empty() => {}
            ("data", OutputValue::Map(pairs)) if is_secret => {
                data.extend(pairs.into_iter().map(|(key, value)| (key, without_blanks(value))));
            }
            ("binaryData", OutputValue::Map(pairs)) => {
                let pairs = pairs.into_iter().map(|(key, value)| (key, without_blanks(value)));
                rest.push((key, OutputValue::Map(pairs.collect())));
            }
            ("stringData", OutputValue::Map(pairs)) if is_secret => written.extend(pairs),
            ("type", value) if is_secret && is_text(&value, "Opaque") => {}
            ("immutable", OutputValue::Bool(false)) => {}
            (_, value) => rest.push((key, value)),
        }
    }
    written.retain(|(_, value)| matches!(value, OutputValue::String(_)));
    let replaced: HashSet<_> = written.iter().map(|(key, _)| key.clone()).collect();
    data.retain(|(key, _)| !replaced.contains(key));
    let mut encoded = IndexMap::default();
    for (key, value) in written {
        if let OutputValue::String(text) = value {
            // the last one of a key counts, and is last
            encoded.shift_remove(&key);
            encoded.insert(key, OutputValue::text(STANDARD.encode(text.as_bytes())));
        }
    }
    data.extend(encoded);
    if !data.is_empty() {
        rest.push(("data".into(), OutputValue::Map(data)));
    }
    rest
}

/// Base64 without the line breaks that Go's decoder skips.
fn without_blanks(value: OutputValue<'_>) -> OutputValue<'_> {
    match value {
        OutputValue::String(text) if text.contains(['\n', '\r']) => OutputValue::text(text.replace(['\n', '\r'], "")),
        value => value,
    }
}

fn is_text(value: &OutputValue<'_>, expected: &str) -> bool {
    matches!(value, OutputValue::String(text) if text == expected)
}

fn is_empty_map(value: &OutputValue<'_>) -> bool {
    matches!(value, OutputValue::Map(pairs) if pairs.is_empty())
}

/// Value without the keys that are null.
fn without_nulls(value: OutputValue<'_>) -> OutputValue<'_> {
    match value {
        OutputValue::List(items) => OutputValue::List(items.into_iter().map(without_nulls).collect()),
        OutputValue::Map(pairs) => {
            let pairs = pairs.into_iter().filter(|(_, value)| !matches!(value, OutputValue::Null));
            OutputValue::Map(pairs.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        value => value,
    }
}

fn compare_values(
    expected: &OutputValue<'_>,
    actual: &OutputValue<'_>,
    path: &str,
    found: &mut Vec<StructuralDifference>,
) {
    let mut push = |path: &str, kind| found.push(StructuralDifference { path: path.to_owned(), kind });
    match (expected, actual) {
        (OutputValue::Map(expected), OutputValue::Map(actual)) => {
            let mut added: IndexMap<&str, _> = IndexMap::default();
            for (key, value) in actual {
                added.entry(&**key).or_insert(value);
            }
            for (key, value) in expected {
                let path = join_path(path, key);
                match added.get(&**key) {
                    Some(actual) => compare_values(value, actual, &path, found),
                    None => found.push(StructuralDifference { path, kind: "is missing" }),
                }
            }
            let known: HashSet<&str> = expected.iter().map(|(key, _)| &**key).collect();
            for key in added.keys().filter(|key| !known.contains(*key)) {
                found.push(StructuralDifference { path: join_path(path, key), kind: "was added" });
            }
        }
        (OutputValue::List(expected), OutputValue::List(actual)) => {
            if expected.len() != actual.len() {
                push(path, "has another number of items");
                return;
            }
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare_values(expected, actual, &format!("{path}[{index}]"), found);
            }
        }
        (OutputValue::Literal(one), OutputValue::Literal(other)) if is_same_number(one, other) => {}
        (expected, actual) if expected == actual => {}
        _ => push(path, "differs"),
    }
}

/// Whether two spellings are of one number.
fn is_same_number(one: &str, other: &str) -> bool {
    one == other
        || one.parse::<f64>().is_ok_and(|one| other.parse::<f64>().is_ok_and(|other| one.to_bits() == other.to_bits()))
}
