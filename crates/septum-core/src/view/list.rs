//! The matrix of keys and environments.

use serde::Serialize;

use super::KeyState;
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::{Reason, Sensitivity};

/// One key of an app. Serialised in `list --format json`.
#[derive(Debug, Default, Serialize)]
pub struct KeyRow {
    /// The app.
    pub app: String,
    /// The bundle; empty for a variable.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bundle: String,
    /// The key.
    pub key: String,
    /// Whether it is routed to the Secret.
    pub sensitive: bool,
    /// Whether it goes to the Secret if its value, which is unknown without a key, is a credential.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    /// Reasons of the verdict.
    pub reasons: Vec<ReasonView>,
    /// Reasons that were overruled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overruled: Vec<ReasonView>,
    /// State of the key in each environment.
    pub environments: IndexMap<String, KeyCell>,
}

/// A reason as serialised for programs.
#[derive(Debug, Serialize)]
pub struct ReasonView {
    /// The layer of reasons: `declared`, `encrypted`, …
    pub layer: String,
    /// Explanation of the reason.
    pub detail: String,
    /// Location: `file:line:column`.
    pub source: String,
}

/// A key in an environment.
#[derive(Debug, Default, Serialize)]
pub struct KeyCell {
    /// State of the key in the environment.
    pub state: KeyState,
    /// Location; absent if the key is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The value as a line of a table, if it is plain and known. For users only.
    #[serde(skip)]
    pub shown: Option<String>,
    /// The value, if it is plain, known, a text, and was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Whether rows contain the values of plain keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedValues {
    /// They do.
    Included,
    /// They do not.
    Omitted,
}

/// The rows of an app for some of its environments, in the order of definition.
pub fn list_rows(survey: &Survey, environments: &[EnvironmentName], values: ListedValues) -> Vec<KeyRow> {
    let mut ids: IndexMap<&EntryId, ()> = IndexMap::default();
    for resolved in &survey.environments {
        ids.extend(resolved.entries.keys().map(|id| (id, ())));
    }
    let entry_row = |id: &&EntryId| {
        let mut row = key_row(survey, id, environments);
        if values == ListedValues::Included {
            include_values(survey, id, &mut row);
        }
        row
    };
    ids.keys().map(entry_row).collect()
}

/// Adds the values of a key to its row, if it is plain.
pub fn include_values(survey: &Survey, id: &EntryId, row: &mut KeyRow) {
    if survey.routing.sensitivity(id) != Sensitivity::Plain {
        return;
    }
    for resolved in &survey.environments {
        if let Some(cell) = row.environments.get_mut(resolved.definition.environment.as_str()) {
            let value = resolved.entries.get(id).and_then(|value| value.outcome.known());
            cell.value = value.and_then(|value| value.text()).map(str::to_owned);
        }
    }
}

/// The row of one key.
pub fn key_row(survey: &Survey, id: &EntryId, environments: &[EnvironmentName]) -> KeyRow {
    let sensitivity = survey.routing.sensitivity(id);
    let reasons = survey.routing.verdict(id).map(|verdict| verdict.reasons.as_slice()).unwrap_or_default();
    let selected = environments.iter().filter_map(|name| survey.environment(name));
    KeyRow {
        app: survey.app.as_str().to_owned(),
        bundle: id.bundle.as_str().to_owned(),
        key: id.key.as_str().to_owned(),
        sensitive: sensitivity == Sensitivity::Sensitive,
        undecided: survey.routing.is_undecided(id),
        // the same criteria in the same order as the verdict: reasons in its favour
        reasons: reasons.iter().filter(|reason| reason.argues_for == sensitivity).map(ReasonView::of).collect(),
        overruled: reasons.iter().filter(|reason| reason.argues_for != sensitivity).map(ReasonView::of).collect(),
        environments: selected
            .map(|resolved| (resolved.definition.environment.as_str().to_owned(), key_cell(resolved, id, sensitivity)))
            .collect(),
    }
}

impl ReasonView {
    /// A reason as serialised for programs.
    pub fn of(reason: &Reason) -> Self {
        Self { layer: reason.kind.to_string(), detail: reason.detail.clone(), source: reason.place.to_string() }
    }
}

fn key_cell(resolved: &ResolvedTarget, id: &EntryId, sensitivity: Sensitivity) -> KeyCell {
    let entry = resolved.definition.entry(id);
    let state = KeyState::of(entry, &resolved.definition.environment);
    let source = entry.filter(|_| state != KeyState::Missing).map(|entry| entry.place().to_string());
    let shown = match (sensitivity, resolved.entries.get(id).map(|value| &value.outcome)) {
        (Sensitivity::Plain, Some(EntryOutcome::Known(value))) => Some(one_line(value.text())),
        _ => None,
    };
    KeyCell { state, source, shown, value: None }
}

/// Widest value in a table.
const WIDTH: usize = 28;

pub(super) fn one_line(text: Option<&str>) -> String {
    let Some(text) = text else { return "(binary)".to_owned() };
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let more = lines.next().is_some();
    let printable = first.chars().map(|char| if char.is_control() { ' ' } else { char });
    let cut: String = printable.take(WIDTH).collect();
    match (text.is_empty(), more || first.chars().count() > WIDTH) {
        (true, _) => "\"\"".to_owned(),
        (false, true) => format!("{}…", cut.trim_end()),
        (false, false) => cut,
    }
}
