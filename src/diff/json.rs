//! Differences for programs.

use serde::Serialize;

use super::change::{Change, ChangeKind, ChangeSubject, FieldChange, ShownValue};

/// A difference in `diff --format json`. Values of secrets are absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRow<'c> {
    app: &'c str,
    environments: &'c [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectRow<'c>>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'c str>,
    sensitive: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<RoutingRow<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldRow<'c>>,
}

#[derive(Debug, Serialize)]
struct ObjectRow<'c> {
    kind: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'c str,
    name: &'c str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoutingRow<'c> {
    from: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_value: Option<bool>,
    reasons: &'c [String],
}

#[derive(Debug, Serialize)]
struct FieldRow<'c> {
    path: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'c str>,
    /// Kind of the change: `added`, `removed` or `changed`.
    change: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
}

/// The changes as rows.
pub fn to_json_rows(changes: &[Change]) -> Vec<ChangeRow<'_>> {
    changes.iter().map(to_row).collect()
}

fn to_row(change: &Change) -> ChangeRow<'_> {
    let (mut bundle, mut key, mut object) = (None, None, None);
    match &change.subject {
        ChangeSubject::Environment => {}
        ChangeSubject::Entry { bundle: of, key: name } => (bundle, key) = (Some(of.as_str()), Some(name.as_str())),
        ChangeSubject::Object { kind, group, namespace, name } => {
            object = Some(ObjectRow { kind, group, namespace, name });
        }
    }
    let is_secret = |value: &Option<ShownValue>| *value == Some(ShownValue::Secret);
    ChangeRow {
        app: &change.app,
        environments: &change.environments,
        bundle,
        key,
        object,
        change: change.kind.as_str(),
        from: written(change.from.as_ref()),
        to: written(change.to.as_ref()),
        sensitive: is_secret(&change.from)
            || is_secret(&change.to)
            || (change.kind == ChangeKind::Moved && change.routing.is_some()),
        unknown: change.is_unknown,
        routing: change.routing.as_ref().map(|routing| RoutingRow {
            from: routing.from,
            to: routing.to,
            same_value: routing.is_same_value,
            reasons: &routing.reasons,
        }),
        fields: change.fields.iter().map(field_row).collect(),
    }
}

fn field_row(field: &FieldChange) -> FieldRow<'_> {
    FieldRow {
        path: &field.path,
        from: written(field.from.as_ref()),
        to: written(field.to.as_ref()),
        change: match (&field.from, &field.to) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        },
        sensitive: [&field.from, &field.to].iter().any(|value| **value == Some(ShownValue::Secret)),
        unknown: field.is_unknown,
    }
}

fn written(value: Option<&ShownValue>) -> Option<&str> {
    match value? {
        ShownValue::Text(text) | ShownValue::Store(text) => Some(text),
        ShownValue::Binary | ShownValue::Secret | ShownValue::Failed => None,
    }
}
