//! Comparison of two snapshots of a target.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeKind, ChangeSubject, FieldChange, RoutingChange, ShownValue};
use super::node::NodeComparison;
use super::snapshot::{ObjectSnapshot, SnapshotEntryState, TargetSnapshot};
use super::value::{DiffValue, ValueEquality, ValueMarker};
use crate::manifest::patch::MergeSchema;
use crate::map::IndexSet;
use crate::name::EntryId;
use crate::route::Sensitivity;
use crate::sort::CollectSorted;

/// Differences between two snapshots of `app`, in the environments that `environments` names.
pub fn compare_targets(
    app: &str,
    environments: &[String],
    left: &TargetSnapshot,
    right: &TargetSnapshot,
    marker: &ValueMarker,
) -> Vec<Change> {
    let change = |subject, kind| Change {
        app: app.to_owned(),
        environments: environments.to_vec(),
        subject,
        kind,
        from: None,
        to: None,
        is_unknown: false,
        routing: None,
        fields: Vec::new(),
    };
    let mut found = Vec::new();
    if left.namespace != right.namespace {
        let shown = |side: &TargetSnapshot| side.namespace.clone().map(ShownValue::Text);
        let path = "namespace".to_owned();
        let field = FieldChange { path, from: shown(left), to: shown(right), is_unknown: false };
        found.push(Change { fields: vec![field], ..change(ChangeSubject::Environment, ChangeKind::Changed) });
    }
    let ids: IndexSet<&EntryId> = left.entries.keys().chain(right.entries.keys()).collect();
    for id in ids {
        let subject = ChangeSubject::Entry { bundle: id.bundle.as_str().into(), key: id.key.as_str().into() };
        let shape = change(subject, ChangeKind::Changed);
        found.extend(compare_entries(left.entries.get(id), right.entries.get(id), shape, marker));
    }
    found.extend(compare_objects(left, right, &change, marker));
    found
}

/// An environment that only one side has.
pub(super) fn whole_target(app: &str, environments: &[String], kind: ChangeKind) -> Change {
    Change {
        app: app.to_owned(),
        environments: environments.to_vec(),
        subject: ChangeSubject::Environment,
        kind,
        from: None,
        to: None,
        is_unknown: false,
        routing: None,
        fields: Vec::new(),
    }
}

fn compare_entries(
    left: Option<&SnapshotEntryState>,
    right: Option<&SnapshotEntryState>,
    shape: Change,
    marker: &ValueMarker,
) -> Option<Change> {
    let absent = DiffValue::Absent;
    let value = |side: Option<&'_ SnapshotEntryState>| side.map_or(absent.clone(), |entry| entry.value.clone());
    let (was, is) = (value(left), value(right));
    let with_value = [left, right].into_iter().flatten().filter(|entry| entry.value.is_present());
    let is_secret = with_value.into_iter().any(|entry| entry.sensitivity == Sensitivity::Sensitive);
    let shown = |value: &DiffValue| value.is_present().then(|| to_shown(value, is_secret));
    let with_values = |kind| Change { kind, from: shown(&was), to: shown(&is), ..shape.clone() };
    let rules = changed_rules(left, right);
    match (was.is_present(), is.is_present()) {
        (false, true) => return Some(Change { fields: rules, ..with_values(ChangeKind::Added) }),
        (true, false) => return Some(Change { fields: rules, ..with_values(ChangeKind::Removed) }),
        _ => {}
    }
    let equality = was.equality(&is, marker);
    if let (Some(left), Some(right)) = (left, right)
        && left.sensitivity != right.sensitivity
        && was.is_present()
    {
        let routing = RoutingChange {
            from: object_kind(left.sensitivity),
            to: object_kind(right.sensitivity),
            is_same_value: match equality {
                ValueEquality::Same => Some(true),
                ValueEquality::Different => Some(false),
                ValueEquality::Unknown => None,
            },
            reasons: new_reasons(left, right),
        };
        let is_unknown = equality == ValueEquality::Unknown;
        return Some(Change { routing: Some(routing), fields: rules, is_unknown, ..with_values(ChangeKind::Moved) });
    }
    match equality {
        ValueEquality::Different => return Some(Change { fields: rules, ..with_values(ChangeKind::Changed) }),
        ValueEquality::Unknown => {
            return Some(Change { fields: rules, is_unknown: true, ..with_values(ChangeKind::Changed) });
        }
        ValueEquality::Same => {}
    }
    if !rules.is_empty() {
        return Some(Change { kind: ChangeKind::Rules, fields: rules, ..shape });
    }
    let sources = (left.and_then(|entry| entry.source), right.and_then(|entry| entry.source));
    match sources {
        (Some(from), Some(to)) if from != to => {
            let text = |word: &str| Some(ShownValue::Text(word.to_owned()));
            let field = FieldChange { path: "source".to_owned(), from: text(from), to: text(to), is_unknown: false };
            Some(Change { kind: ChangeKind::Source, fields: vec![field], ..shape })
        }
        _ => None,
    }
}

/// Adds a change for each entry that is invalid in both of two environments: it says that they may differ.
pub(super) fn add_invalid_entries(
    app: &str,
    environments: &[String],
    (left, right): (&TargetSnapshot, &TargetSnapshot),
    found: &mut Vec<Change>,
) {
    let is_invalid = |side: &TargetSnapshot, id: &EntryId| {
        side.entries.get(id).is_some_and(|entry| matches!(entry.value, DiffValue::Failed))
    };
    for id in left.entries.keys().filter(|id| is_invalid(left, id) && is_invalid(right, id)) {
        let subject = ChangeSubject::Entry { bundle: id.bundle.as_str().into(), key: id.key.as_str().into() };
        let (from, to) = (Some(ShownValue::Failed), Some(ShownValue::Failed));
        match found.iter_mut().find(|change| change.subject == subject) {
            Some(known) if known.kind == ChangeKind::Moved => {}
            // its rules differ
            Some(known) => (known.kind, known.from, known.to) = (ChangeKind::Invalid, from, to),
            None => {
                found.push(Change { subject, from, to, ..whole_target(app, environments, ChangeKind::Invalid) });
            }
        }
    }
}

fn to_shown(value: &DiffValue, is_secret: bool) -> ShownValue {
    match value {
        DiffValue::Text(text) if !is_secret => ShownValue::Text(text.to_string()),
        DiffValue::Binary(_) if !is_secret => ShownValue::Binary,
        DiffValue::Store(pointer) => ShownValue::Store(pointer.to_string()),
        DiffValue::Failed => ShownValue::Failed,
        DiffValue::Text(_) | DiffValue::Binary(_) | DiffValue::Secret(_) | DiffValue::Locked(_) | DiffValue::Absent => {
            ShownValue::Secret
        }
    }
}

fn object_kind(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Plain => "ConfigMap",
        Sensitivity::Sensitive => "Secret",
    }
}

/// Reasons of the right side that the left side does not have, wherever they are.
fn new_reasons(left: &SnapshotEntryState, right: &SnapshotEntryState) -> Vec<String> {
    let known: BTreeSet<&str> = left.reasons.iter().map(|(detail, _)| detail.as_str()).collect_set();
    let reasons = right.reasons.iter().filter(|(detail, _)| !known.contains(detail.as_str()));
    reasons.map(|(detail, place)| format!("{detail} ({place})")).collect()
}

fn changed_rules(left: Option<&SnapshotEntryState>, right: Option<&SnapshotEntryState>) -> Vec<FieldChange> {
    let none = BTreeMap::new();
    let (was, is) = (left.map_or(&none, |entry| &entry.rules), right.map_or(&none, |entry| &entry.rules));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect_set();
    let mut found: Vec<FieldChange> = Vec::new();
    // an entry that is there or not, without a value
    if left.is_some() != right.is_some() && [left, right].into_iter().flatten().all(|entry| !entry.value.is_present()) {
        let text = |side: Option<&SnapshotEntryState>| side.map(|_| ShownValue::Text("without a value".to_owned()));
        found.push(FieldChange { path: "key".to_owned(), from: text(left), to: text(right), is_unknown: false });
    }
    for name in names {
        let (from, to) = (was.get(name), is.get(name));
        if from != to {
            let shown = |text: Option<&String>| text.map(|text| ShownValue::Text(text.clone()));
            found.push(FieldChange { path: name.clone(), from: shown(from), to: shown(to), is_unknown: false });
        }
    }
    found
}

/// An object of each side, or of one of them.
type ObjectPair<'s> = (Option<&'s ObjectSnapshot>, Option<&'s ObjectSnapshot>);

/// Objects of both sides by their identity. Where one side has several of an identity, those with the same name are
/// matched, the others in their order: none is dropped.
fn match_objects<'s>(left: &'s [ObjectSnapshot], right: &'s [ObjectSnapshot]) -> Vec<ObjectPair<'s>> {
    let mut groups: BTreeMap<(&str, &str, &str, &str), [Vec<&ObjectSnapshot>; 2]> = BTreeMap::new();
    for (side, objects) in [left, right].into_iter().enumerate() {
        for object in objects {
            let group = groups.entry(object.identity()).or_default();
            group.get_mut(side).into_iter().for_each(|objects| objects.push(object));
        }
    }
    let mut found = Vec::new();
    for [was, is] in groups.into_values() {
        let mut is: Vec<Option<&ObjectSnapshot>> = is.into_iter().map(Some).collect();
        let mut others = Vec::new();
        for left in was {
            let same = is.iter_mut().find(|right| right.is_some_and(|right| right.name == left.name));
            match same.and_then(Option::take) {
                Some(right) => found.push((Some(left), Some(right))),
                None => others.push(left),
            }
        }
        let mut is = is.into_iter().flatten();
        found.extend(others.into_iter().map(|left| (Some(left), is.next())).collect::<Vec<_>>());
        found.extend(is.map(|right| (None, Some(right))));
    }
    found
}

fn compare_objects(
    left: &TargetSnapshot,
    right: &TargetSnapshot,
    change: &dyn Fn(ChangeSubject, ChangeKind) -> Change,
    marker: &ValueMarker,
) -> Vec<Change> {
    let is_live = left.is_live;
    let matched = match_objects(&left.objects, &right.objects);
    let renamed: BTreeMap<String, String> = matched
        .iter()
        .filter_map(|(left, right)| {
            let (from, to) = ((*left)?.name.as_ref()?, (*right)?.name.as_ref()?);
            (from != to).then(|| (from.clone(), to.clone()))
        })
        .collect_map();
    let comparison = NodeComparison { marker, renamed: &renamed, is_live };
    let mut found = Vec::new();
    for (left, right) in matched {
        let Some(object) = left.or(right) else { continue };
        let subject = ChangeSubject::Object {
            kind: object.kind.clone(),
            group: object.group.clone(),
            namespace: object.namespace.clone(),
            name: object.base_name.clone(),
        };
        match (left, right) {
            (Some(left), Some(right)) => {
                if let (Some(from), Some(to)) = (&left.name, &right.name)
                    && from != to
                {
                    let text = |name: &String| Some(ShownValue::Text(name.clone()));
                    let renamed = change(subject.clone(), ChangeKind::Renamed);
                    found.push(Change { from: text(from), to: text(to), ..renamed });
                }
                let schema = MergeSchema::of_kind(&right.api_version, &right.kind);
                let fields = comparison.compare(&left.tree, &right.tree, schema);
                if !fields.is_empty() {
                    let is_unknown = fields.iter().all(|field| field.is_unknown);
                    found.push(Change { is_unknown, fields, ..change(subject, ChangeKind::Changed) });
                }
            }
            (None, Some(_)) => found.push(change(subject, ChangeKind::Added)),
            (Some(_), None) => found.push(change(subject, ChangeKind::Removed)),
            (None, None) => {}
        }
    }
    found
}
