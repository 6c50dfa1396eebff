//! Data of the page: compact rows, of which the script makes the matrix and the details.

use serde_json::{Value as Json, json};

use super::ReportContent;
use super::interner::TextTable;
use crate::map::{HashMap, IndexMap};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;
use crate::view::KeyState;
use crate::view::explain::{Explanation, HistoryStep, explain_value};
use crate::view::key_docs::{AppDocs, KeyDoc, document_keys};
use crate::view::list::{KeyCell, KeyRow, ListedValues, include_values, key_row};
use crate::view::secret_filter::SecretFilter;
use crate::view::variable::{VARIABLES, explain_variable, variable_rows};

/// Longest value in the details, in characters; a longer one is cut.
const LONGEST: usize = 500;

/// The data of the page as JSON.
pub(super) fn matrix_data(content: &ReportContent<'_>) -> Json {
    let mut texts = TextTable::default();
    let environments: Vec<Json> = content.environments.iter().map(|name| texts.add(name.as_str())).collect();
    let mut groups: IndexMap<String, Vec<Json>> = IndexMap::default();
    for survey in content.surveys {
        let docs = document_keys(survey);
        let docs = index_docs(&docs);
        let secrets = SecretFilter::of(survey);
        for mut row in rows_of(survey, content.environments) {
            secrets.hide_row(&mut row);
            let heading = match row.bundle.as_str() {
                "" => format!("{} vars", row.app),
                bundle if bundle == row.app => row.app.clone(),
                bundle => format!("{}/{bundle}", row.app),
            };
            let mut explanations = explanations_of(survey, &row, content.environments);
            for (_, explanation) in &mut explanations {
                secrets.hide_explanation(explanation);
            }
            let doc = docs.get(&(row.bundle.as_str(), row.key.as_str())).copied();
            let data = row_data(&row, &explanations, doc, content.environments, &mut texts);
            groups.entry(heading).or_default().push(data);
        }
    }
    let groups: Vec<Json> = groups.into_iter().map(|(heading, rows)| json!([texts.add(&heading), rows])).collect();
    json!({ "environments": environments, "groups": groups, "texts": texts.into_texts() })
}

fn rows_of(survey: &Survey, environments: &[EnvironmentName]) -> Vec<KeyRow> {
    let mut ids: IndexMap<&EntryId, ()> = IndexMap::default();
    for resolved in &survey.environments {
        ids.extend(resolved.entries.keys().map(|id| (id, ())));
    }
    let entry = |id: &&EntryId| {
        let mut row = key_row(survey, id, environments);
        include_values(survey, id, &mut row);
        row
    };
    let variables = variable_rows(survey, environments, ListedValues::Included);
    ids.keys().map(entry).chain(variables).collect()
}

/// The explanation of a key in each environment that the app has.
fn explanations_of(survey: &Survey, row: &KeyRow, environments: &[EnvironmentName]) -> Vec<(usize, Explanation)> {
    let explain = |name: &EnvironmentName| match row.key.strip_prefix(VARIABLES).filter(|_| row.bundle.is_empty()) {
        Some(path) => explain_variable(survey, path, name),
        None => {
            let id = EntryId { bundle: row.bundle.as_str().into(), key: row.key.as_str().into() };
            explain_value(survey, &id, name)
        }
    };
    environments.iter().enumerate().filter_map(|(index, name)| Some((index, explain(name)?))).collect()
}

/// Documentation of keys by bundle and key.
fn index_docs(docs: &AppDocs) -> HashMap<(&str, &str), &KeyDoc> {
    let groups = docs.groups.iter();
    groups.flat_map(|(bundle, keys)| keys.iter().map(move |key| ((bundle.as_str(), key.key.as_str()), key))).collect()
}

/// A key: its name, whether it is a secret, a variable, or undecided, its cells, the reasons, the steps of its history, which of
/// them each environment has, its description, and notes.
fn row_data(
    row: &KeyRow,
    explanations: &[(usize, Explanation)],
    doc: Option<&KeyDoc>,
    environments: &[EnvironmentName],
    texts: &mut TextTable,
) -> Json {
    let flags = u8::from(row.sensitive) | u8::from(row.bundle.is_empty()) << 1 | u8::from(row.undecided) << 2;
    let cells = environments.iter().map(|name| cell_data(row, row.environments.get(name.as_str()), texts));
    let cells: Vec<Json> = cells.collect();
    let mut reasons: Vec<Json> = Vec::new();
    for (found, overruled) in [(&row.reasons, false), (&row.overruled, true)] {
        for reason in found {
            let place = texts.add_place(&reason.source);
            reasons.push(json!([texts.add(&reason.layer), texts.add(&reason.detail), place, overruled]));
        }
    }
    let mut steps: IndexMap<String, (usize, Json)> = IndexMap::default();
    let mut histories: IndexMap<Vec<usize>, Vec<usize>> = IndexMap::default();
    for (environment, explanation) in explanations {
        let history = explanation.history.iter().map(|step| {
            let data = step_data(step, texts);
            let count = steps.len();
            steps.entry(data.to_string()).or_insert((count, data)).0
        });
        histories.entry(history.collect()).or_default().push(*environment);
    }
    let steps: Vec<Json> = steps.into_iter().map(|(_, (_, data))| data).collect();
    let histories: Vec<Json> = histories.into_iter().map(|(steps, names)| json!([names, steps])).collect();
    let description = texts.add_optional(doc.and_then(|doc| doc.description.as_deref()));
    let notes = doc.map(|doc| notes_of(doc, texts)).unwrap_or_default();
    json!([texts.add(&row.key), flags, cells, reasons, steps, histories, description, notes])
}

fn notes_of(doc: &KeyDoc, texts: &mut TextTable) -> Vec<Json> {
    let mut notes: Vec<(&str, String)> = Vec::new();
    if doc.required {
        notes.push(("Required", "yes".to_owned()));
    }
    let kind = [doc.kind.clone()].into_iter().chain(doc.rules.iter().cloned()).collect::<Vec<_>>().join("; ");
    notes.push(("Type", kind));
    notes.extend(doc.notes.iter().map(|(name, note)| (*name, note.clone())));
    notes.into_iter().map(|(name, note)| json!([texts.add(name), texts.add(&note)])).collect()
}

/// A cell: its state, the value in one line, and the value if that is more.
fn cell_data(row: &KeyRow, cell: Option<&KeyCell>, texts: &mut TextTable) -> Json {
    let Some(cell) = cell else { return Json::Null };
    let state = match cell.state {
        KeyState::Missing => 0,
        KeyState::Inherited => 1,
        KeyState::Set => 2,
        KeyState::Removed => 3,
    };
    // a row that is a secret has no values; a second look costs nothing
    let shown = cell.shown.as_deref().filter(|_| !row.sensitive);
    let value = cell.value.as_deref().filter(|value| !row.sensitive && Some(*value) != shown);
    let value = value.filter(|value| !value.is_empty()).map(cut_text);
    json!([state, texts.add_optional(shown), texts.add_optional(value.as_deref())])
}

fn step_data(step: &HistoryStep, texts: &mut TextTable) -> Json {
    let place = texts.add_place(&step.source);
    let value = step.value.as_deref().map(cut_text);
    json!([texts.add(&step.layer), place, texts.add(step.change), texts.add_optional(value.as_deref())])
}

fn cut_text(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
