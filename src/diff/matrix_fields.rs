//! Differences of several environments beside the values of keys: objects, rules, sources.

use super::change::{Change, ChangeKind, ChangeSubject, FieldChange, ShownValue};
use super::compare::compare_targets;
use super::matrix::{MatrixCell, MatrixObject, MatrixRow};
use super::snapshot::TargetSnapshot;
use super::surveyed::mask_secrets;
use super::value::ValueMarker;
use crate::leak_scan::SecretFinder;
use crate::map::IndexMap;
use crate::name::EnvironmentName;

/// Rows of what an app has beside the values of its keys.
///
/// Each environment is compared with the first one that has the object: that shows every difference once.
pub(super) fn field_rows(
    app: &str,
    sides: &[(EnvironmentName, TargetSnapshot)],
    marker: &ValueMarker,
    finder: &SecretFinder,
) -> Vec<MatrixRow> {
    let mut found = FieldTable::new(app, sides);
    for (first, (_, left)) in sides.iter().enumerate() {
        for (index, (name, right)) in sides.iter().enumerate().skip(first + 1) {
            let mut changes = compare_targets(app, &[name.to_string()], left, right, marker);
            mask_secrets(&mut changes, finder);
            for change in &changes {
                found.add(first, index, change);
            }
        }
        if !found.has_later_objects(first) {
            break;
        }
    }
    found.into_rows()
}

/// A difference by subject, kind and path, with the cell of each environment.
type CellsOfField = ((ChangeSubject, ChangeKind, Option<String>), Vec<MatrixCell>);

/// Differences by subject and path.
struct FieldTable<'a> {
    app: &'a str,
    names: Vec<&'a EnvironmentName>,
    /// The first environment that has the object, where that is not the first one of all.
    owners: IndexMap<ChangeSubject, usize>,
    rows: IndexMap<(ChangeSubject, ChangeKind, Option<String>), Vec<MatrixCell>>,
}

impl<'a> FieldTable<'a> {
    fn new(app: &'a str, sides: &'a [(EnvironmentName, TargetSnapshot)]) -> Self {
        let names = sides.iter().map(|(name, _)| name).collect();
        Self { app, names, owners: IndexMap::default(), rows: IndexMap::default() }
    }

    /// Whether an object is in a later environment only, so that those are compared, too.
    fn has_later_objects(&self, first: usize) -> bool {
        self.owners.values().any(|owner| *owner > first)
    }

    /// Adds a change of the environment `index`, compared with the environment `first`.
    fn add(&mut self, first: usize, index: usize, change: &Change) {
        let is_object = matches!(change.subject, ChangeSubject::Object { .. });
        let owner = self.owners.get(&change.subject).copied().unwrap_or_default();
        match change.kind {
            ChangeKind::Added | ChangeKind::Removed if is_object => {
                if change.kind == ChangeKind::Added && first == 0 {
                    self.owners.entry(change.subject.clone()).or_insert(index);
                }
                if first == 0 || owner == first {
                    self.add_presence(index, change);
                }
            }
            ChangeKind::Changed | ChangeKind::Rules | ChangeKind::Source if owner == first => {
                let kind = match (&change.subject, change.kind) {
                    (ChangeSubject::Entry { .. }, ChangeKind::Changed) => ChangeKind::Rules,
                    (_, kind) => kind,
                };
                for field in &change.fields {
                    self.add_field(index, change, kind, field);
                }
            }
            // of a key that one environment does not have, the row of its value says so
            ChangeKind::Added
            | ChangeKind::Removed
            | ChangeKind::Renamed
            | ChangeKind::Moved
            | ChangeKind::Changed
            | ChangeKind::Rules
            | ChangeKind::Source
            | ChangeKind::Invalid => {}
        }
    }

    fn add_presence(&mut self, index: usize, change: &Change) {
        let is_there = change.kind == ChangeKind::Added;
        let count = self.names.len();
        let (own, other) = if is_there { ("present", "missing") } else { ("missing", "present") };
        let cell = |state| MatrixCell { state, value: None, group: None };
        let key = (change.subject.clone(), ChangeKind::Added, None);
        let cells = self.rows.entry(key).or_insert_with(|| (0..count).map(|_| cell(other)).collect());
        if let Some(slot) = cells.get_mut(index) {
            *slot = cell(own);
        }
    }

    fn add_field(&mut self, index: usize, change: &Change, kind: ChangeKind, field: &FieldChange) {
        let count = self.names.len();
        let key = (change.subject.clone(), kind, Some(field.path.clone()));
        // whatever is not said differs from the left side, which all comparisons of this subject share
        let cells = self.rows.entry(key).or_insert_with(|| {
            let is_unknown = field.is_unknown;
            (0..count).map(|_| field_cell(field.from.as_ref(), is_unknown)).collect()
        });
        if let Some(slot) = cells.get_mut(index) {
            *slot = field_cell(field.to.as_ref(), field.is_unknown);
        }
    }

    fn into_rows(self) -> Vec<MatrixRow> {
        let Self { app, names, rows, .. } = self;
        let absent = |subject: &ChangeSubject| -> Vec<usize> {
            let cells = rows.get(&(subject.clone(), ChangeKind::Added, None)).map(Vec::as_slice).unwrap_or_default();
            let missing = cells.iter().enumerate().filter(|(_, cell)| cell.state == "missing");
            missing.map(|(index, _)| index).collect()
        };
        let absent: Vec<Vec<usize>> = rows.keys().map(|(subject, ..)| absent(subject)).collect();
        let row = |(((subject, kind, path), mut cells), absent): (CellsOfField, Vec<usize>)| {
            // an object that an environment does not have has no fields there
            for index in absent.into_iter().filter(|_| path.is_some()) {
                if let Some(cell) = cells.get_mut(index) {
                    *cell = NONE;
                }
            }
            number_values(&mut cells);
            let change = match kind {
                ChangeKind::Added => "missing",
                kind => kind.as_str(),
            };
            let (mut bundle, mut key, mut object) = (None, None, None);
            match subject {
                ChangeSubject::Environment => {}
                ChangeSubject::Entry { bundle: of, key: name } => (bundle, key) = (Some(of), Some(name)),
                ChangeSubject::Object { kind, group, namespace, name } => {
                    object = Some(MatrixObject { kind, group, namespace, name });
                }
            }
            let environments = names.iter().map(ToString::to_string).zip(cells).collect();
            MatrixRow { app: app.to_owned(), bundle, key, object, field: path, change, sensitive: false, environments }
        };
        rows.into_iter().zip(absent).map(row).collect()
    }
}

/// Cell of an environment that does not have the field.
const NONE: MatrixCell = MatrixCell { state: "none", value: None, group: None };

fn field_cell(value: Option<&ShownValue>, is_unknown: bool) -> MatrixCell {
    let state = match value {
        None => return NONE,
        Some(ShownValue::Secret) if is_unknown => "unknown",
        Some(ShownValue::Failed) => "invalid",
        Some(ShownValue::Text(_) | ShownValue::Binary | ShownValue::Secret | ShownValue::Store(_)) => "value",
    };
    let text = match value {
        Some(ShownValue::Text(text) | ShownValue::Store(text)) => Some(text.clone()),
        _ => None,
    };
    MatrixCell { state, value: text, group: None }
}

/// Numbers values that can be read: those with the same number are the same.
fn number_values(cells: &mut [MatrixCell]) {
    let mut known: Vec<String> = Vec::new();
    for cell in cells {
        let Some(text) = &cell.value else { continue };
        let index = known.iter().position(|other| other == text).unwrap_or_else(|| {
            known.push(text.clone());
            known.len() - 1
        });
        cell.group = Some(index + 1);
    }
}
