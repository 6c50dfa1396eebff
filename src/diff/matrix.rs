//! More than two environments: a row for each key, object or rule that differs between any of them.

use std::collections::BTreeSet;

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::snapshot::TargetSnapshot;
use super::value::{DiffValue, ValueEquality, ValueMarker};
use crate::diagnostic::{StyledText, escape_line};
use crate::leak_scan::SecretFinder;
use crate::map::{IndexMap, IndexSet};
use crate::name::{EntryId, EnvironmentName};
use crate::route::Sensitivity;
use crate::sort::CollectSorted;

/// Widest value in a table.
const WIDTH: usize = 28;

/// A key, field, rule or object that differs. Serialised in `diff A B C --format json`.
#[derive(Debug, Serialize)]
pub struct MatrixRow {
    /// The app.
    pub app: String,
    /// The bundle of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The object, if it is not about a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<MatrixObject>,
    /// Path in the object, name of a rule of the key, or `source`; none for the object itself and for the value of the
    /// key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `changed`, `missing` if some environment does not have it, `invalid` if it is so in all, `rules` or `source`.
    pub change: &'static str,
    /// Whether it is a secret.
    pub sensitive: bool,
    /// Its value in each environment.
    pub environments: IndexMap<String, MatrixCell>,
}

/// An object that differs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MatrixObject {
    /// `kind`
    pub kind: String,
    /// API group; absent for the core group.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub group: String,
    /// `metadata.namespace`, unless it is that of the environment.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: String,
    /// `metadata.name`, without a suffix that depends on values.
    pub name: String,
}

impl MatrixRow {
    /// Label of what differs.
    fn label(&self) -> String {
        let subject = match (&self.object, &self.bundle, &self.key) {
            (Some(MatrixObject { kind, namespace, name, .. }), ..) if namespace.is_empty() => format!("{kind} {name}"),
            (Some(MatrixObject { kind, namespace, name, .. }), ..) => format!("{kind} {namespace}/{name}"),
            (None, Some(bundle), Some(key)) if *bundle == self.app => key.clone(),
            (None, Some(bundle), Some(key)) => format!("{bundle}/{key}"),
            (None, ..) => String::new(),
        };
        match &self.field {
            Some(field) if subject.is_empty() => field.clone(),
            Some(field) => format!("{subject}: {field}"),
            None => subject,
        }
    }

    /// Key by which rows are sorted: keys first, each followed by its rules.
    pub(super) fn sort_key(&self) -> impl Ord + '_ {
        (&self.app, &self.object, &self.bundle, &self.key, &self.field)
    }
}

/// Value of a key in an environment.
#[derive(Debug, Serialize)]
pub struct MatrixCell {
    /// `value`, `missing`, `invalid`, or `unknown` without a key; of a field also `none`, of an object `present`.
    pub state: &'static str,
    /// The value, if anyone may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Number of the value: environments with the same number have the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
}

/// Rows of the keys of an app.
pub fn matrix_rows(
    app: &str,
    sides: &[(EnvironmentName, TargetSnapshot)],
    marker: &ValueMarker,
    finder: &SecretFinder,
) -> Vec<MatrixRow> {
    let ids: IndexSet<&EntryId> = sides.iter().flat_map(|(_, side)| side.entries.keys()).collect();
    ids.into_iter().filter_map(|id| matrix_row(app, id, sides, marker, finder)).collect()
}

fn matrix_row(
    app: &str,
    id: &EntryId,
    sides: &[(EnvironmentName, TargetSnapshot)],
    marker: &ValueMarker,
    finder: &SecretFinder,
) -> Option<MatrixRow> {
    let entries = sides.iter().map(|(_, side)| side.entries.get(id));
    let is_secret = entries.clone().flatten().any(|entry| entry.sensitivity == Sensitivity::Sensitive);
    let values: Vec<DiffValue> =
        entries.map(|entry| entry.map_or(DiffValue::Absent, |entry| entry.value.clone())).collect();
    let mut groups: Vec<&DiffValue> = Vec::new();
    let mut numbers = Vec::new();
    for value in &values {
        if !value.is_present() {
            numbers.push(None);
            continue;
        }
        let same = groups.iter().position(|known| known.equality(value, marker) == ValueEquality::Same);
        numbers.push(Some(same.map_or(groups.len(), |index| index) + 1));
        if same.is_none() {
            groups.push(value);
        }
    }
    let distinct = numbers.iter().collect_set();
    let is_same = distinct.len() < 2;
    // what is invalid may differ
    if is_same && !values.iter().any(|value| matches!(value, DiffValue::Failed)) {
        return None;
    }
    let cell = |(value, group): (&DiffValue, &Option<usize>)| {
        let state = match value {
            DiffValue::Absent => "missing",
            DiffValue::Locked(_) => "unknown",
            DiffValue::Failed => "invalid",
            _ => "value",
        };
        let text = match value {
            DiffValue::Text(text) | DiffValue::Store(text) if !is_secret => Some(text.to_string()),
            DiffValue::Store(text) => Some(text.to_string()),
            _ => None,
        };
        let text = text.filter(|text| !finder.finds(text.as_bytes()));
        let group = group.filter(|_| !matches!(value, DiffValue::Locked(_) | DiffValue::Failed));
        MatrixCell { state, value: text, group }
    };
    // a text that repeats a secret is hidden as one
    let is_hidden = |value: &DiffValue| matches!(value, DiffValue::Text(text) if finder.finds(text.as_bytes()));
    let is_secret_shown = is_secret || values.iter().any(is_hidden);
    let names = sides.iter().map(|(name, _)| name.to_string());
    let is_missing = values.iter().any(|value| !value.is_present());
    Some(MatrixRow {
        app: app.to_owned(),
        bundle: Some(id.bundle.as_str().to_owned()),
        key: Some(id.key.as_str().to_owned()),
        object: None,
        field: None,
        change: match (is_missing, is_same) {
            (true, _) => "missing",
            (false, true) => "invalid",
            (false, false) => "changed",
        },
        sensitive: is_secret_shown,
        environments: names.zip(values.iter().zip(&numbers).map(cell)).collect(),
    })
}

/// The rows as a table, with a line for each environment if the table is wider than `width`.
pub fn to_matrix_text(rows: &[MatrixRow], width: Option<usize>) -> StyledText {
    let names: IndexSet<&str> = rows.iter().flat_map(|row| row.environments.keys().map(String::as_str)).collect();
    let mut lines: Vec<(bool, Vec<String>)> = Vec::new();
    let mut app = None;
    for row in rows {
        if app != Some(&row.app) {
            app = Some(&row.app);
            lines.push((true, [row.app.clone()].into_iter().chain(names.iter().map(ToString::to_string)).collect()));
        }
        let start = differing_start(row);
        let cells =
            names.iter().map(|name| row.environments.get(*name).map(|cell| cell_text(cell, row.sensitive, start)));
        let cells = cells.map(Option::unwrap_or_default);
        lines.push((false, [format!("  {}", row.label())].into_iter().chain(cells).collect()));
    }
    lines.iter_mut().flat_map(|(_, cells)| cells).for_each(|cell| *cell = escape_line(cell).into_owned());
    let widths: Vec<usize> = (0..=names.len())
        .map(|column| {
            lines.iter().filter_map(|(_, cells)| cells.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
        })
        .collect();
    let total: usize = widths.iter().map(|width| width + 2).sum();
    let bold = anstyle::Style::new().bold();
    let mut out = StyledText::new();
    if width.is_some_and(|width| total > width + 2) {
        for (is_heading, cells) in &lines {
            let mut cells = cells.iter();
            let first = cells.next().cloned().unwrap_or_default();
            if *is_heading {
                out.push_in(bold, first);
                out.end_line();
                continue;
            }
            out.push_line(first);
            let widest = names.iter().map(|name| name.width()).max().unwrap_or_default();
            for (name, cell) in names.iter().zip(cells) {
                out.push_line(format!("    {name:widest$}  {cell}").trim_end().to_owned());
            }
        }
        return out;
    }
    for (is_heading, cells) in &lines {
        let pad = |(cell, width): (&String, &usize)| format!("{cell}{}", " ".repeat(width - cell.width().min(*width)));
        let line = cells.iter().zip(&widths).map(pad).collect::<Vec<_>>().join("  ");
        out.push_in(if *is_heading { bold } else { anstyle::Style::new() }, line.trim_end().to_owned());
        out.end_line();
    }
    out
}

/// Number of characters that the values of a row have in common at their start, less a few, if some that differ would
/// look the same when they are cut.
fn differing_start(row: &MatrixRow) -> Option<usize> {
    let texts: BTreeSet<&str> = row.environments.values().filter_map(|cell| cell.value.as_deref()).collect_set();
    let cut: BTreeSet<String> = texts.iter().map(|text| cut_text(text, None)).collect_set();
    if cut.len() == texts.len() {
        return None;
    }
    let (first, last) = (texts.first()?, texts.last()?);
    // what the first and the last one of a sorted list have in common, all have
    let common = first.chars().zip(last.chars()).take_while(|(a, b)| a == b).count();
    Some(common.saturating_sub(WIDTH / 4))
}

/// The part of a text that fits a cell: of its first line, or from a character on.
fn cut_text(text: &str, start: Option<usize>) -> String {
    let rest: String = text.chars().skip(start.unwrap_or_default()).collect();
    let line = match start {
        None => rest.lines().next().unwrap_or_default().to_owned(),
        Some(_) => rest.replace('\n', " "),
    };
    let cut: String = line.chars().take(WIDTH).collect();
    let before = if start.is_some_and(|start| start > 0) { "…" } else { "" };
    let after = if cut.len() < rest.len() { "…" } else { "" };
    format!("{before}{}{after}", if after.is_empty() { &cut } else { cut.trim_end() })
}

fn cell_text(cell: &MatrixCell, is_secret: bool, start: Option<usize>) -> String {
    match (cell.state, &cell.value, cell.group) {
        (word @ ("missing" | "none" | "present"), ..) => word.to_owned(),
        ("invalid", ..) => "(invalid)".to_owned(),
        ("unknown", ..) => "[secret] unknown".to_owned(),
        (_, None, Some(group)) if is_secret => format!("[secret {group}]"),
        (_, None, _) => "[secret]".to_owned(),
        (_, Some(text), _) if text.is_empty() => "\"\"".to_owned(),
        (_, Some(text), _) => cut_text(text, start),
    }
}
