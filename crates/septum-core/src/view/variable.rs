//! Variables as views show them: `vars.PATH` among the keys.

use std::collections::BTreeSet;

use super::KeyState;
use super::explain::{Explanation, HistoryStep};
use super::list::{KeyCell, KeyRow, ListedValues, ReasonView, one_line};
use crate::layer::{Tree, TreeKind, VariableChange, VariableHistoryStep};
use crate::map::IndexMap;
use crate::name::EnvironmentName;
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ManifestDocument, ResolvedTarget, TemplatePart, TemplateRead};
use crate::route::Reason;
use crate::sort::{CollectSorted, sort_by_key};

/// Prefix of variables among keys.
pub const VARIABLES: &str = "vars.";

/// Rows of the variables of an app for some of its environments, in the order of definition.
pub fn variable_rows(survey: &Survey, environments: &[EnvironmentName], values: ListedValues) -> Vec<KeyRow> {
    let mut paths: IndexMap<String, ()> = IndexMap::default();
    for resolved in &survey.environments {
        paths.extend(resolved.definition.variable_paths().into_iter().map(|path| (path, ())));
        paths.extend(resolved.definition.variable_rules.keys().map(|path| (path.clone(), ())));
    }
    let sorted: BTreeSet<&str> = paths.keys().map(String::as_str).collect_set();
    let has_parts = |path: &String| {
        let below = format!("{path}.");
        sorted.range(below.as_str()..).next().is_some_and(|next| next.starts_with(below.as_str()))
    };
    // an empty mapping in one environment has keys in another
    let whole = paths.keys().filter(|path| !has_parts(path));
    whole.map(|path| variable_row(survey, path, environments, values)).collect()
}

/// Row of one variable.
pub fn variable_row(survey: &Survey, path: &str, environments: &[EnvironmentName], values: ListedValues) -> KeyRow {
    let reasons = reasons_of(survey, path);
    let is_secret = !reasons.is_empty();
    let selected = environments.iter().filter_map(|name| survey.environment(name));
    let cell = |resolved: &ResolvedTarget| {
        let text = if is_secret { None } else { shown_text(resolved, path) };
        KeyCell {
            shown: text.as_deref().map(|text| one_line(Some(text))),
            value: text.filter(|_| values == ListedValues::Included),
            ..state_of(resolved, path)
        }
    };
    KeyRow {
        app: survey.app.as_str().to_owned(),
        bundle: String::new(),
        key: format!("{VARIABLES}{path}"),
        sensitive: is_secret,
        undecided: false,
        reasons: reasons.iter().map(ReasonView::of).collect(),
        overruled: Vec::new(),
        environments: selected
            .map(|resolved| (resolved.definition.environment.as_str().to_owned(), cell(resolved)))
            .collect(),
    }
}

/// Reasons why a variable is a secret in some environment, each once; none if it is plain.
fn reasons_of(survey: &Survey, path: &str) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for resolved in &survey.environments {
        let Some(tree) = resolved.definition.variable(path) else { continue };
        for reason in survey.routing.variable_reasons(resolved, path, tree) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    sort_by_key(&mut reasons, |reason| reason.kind);
    reasons
}

/// State and location of a variable in an environment.
fn state_of(resolved: &ResolvedTarget, path: &str) -> KeyCell {
    let definition = &resolved.definition;
    let history = definition.variable_history(path);
    let is_own = |layer: &str| layer == definition.environment.as_str();
    let state = match (definition.variable(path), history.last()) {
        (Some(_), Some(last)) if is_own(last.layer.as_str()) => KeyState::Set,
        (Some(_), _) => KeyState::Inherited,
        (None, Some(last)) if matches!(last.change, VariableChange::Removed(_)) => KeyState::Removed,
        (None, _) => KeyState::Missing,
    };
    let source = history.last().filter(|_| state != KeyState::Missing).map(|last| last.place.to_string());
    KeyCell { state, source, ..KeyCell::default() }
}

/// Final value of a variable as text: as written, if no template reads it.
fn shown_text(resolved: &ResolvedTarget, path: &str) -> Option<String> {
    text_of(resolved, path, resolved.definition.variable(path)?)
}

fn text_of(resolved: &ResolvedTarget, path: &str, tree: &Tree) -> Option<String> {
    match &tree.kind {
        TreeKind::Leaf(scalar) => match resolved.variables.get(path).map(|value| &value.outcome) {
            Some(EntryOutcome::Known(value)) => value.text().map(str::to_owned),
            Some(EntryOutcome::Pointed(_) | EntryOutcome::Locked(_) | EntryOutcome::Failed) => None,
            _ if scalar.locked => None,
            Some(EntryOutcome::Missing) | None => Some(scalar.text().to_owned()),
        },
        TreeKind::List(items) => {
            let items = items.iter().enumerate();
            let texts: Option<Vec<_>> =
                items.map(|(index, item)| text_of(resolved, &format!("{path}[{index}]"), item)).collect();
            Some(format!("[{}]", texts?.join(", ")))
        }
        TreeKind::Map(map) => {
            let text = |(key, value): (&String, &Tree)| {
                let text = text_of(resolved, &crate::layer::tree::join_path(path, key), value)?;
                Some(format!("{key}: {text}"))
            };
            let texts: Option<Vec<_>> = map.iter().map(text).collect();
            Some(format!("{{{}}}", texts?.join(", ")))
        }
    }
}

/// Explains a variable in an environment; none if the environment does not know it.
pub fn explain_variable(survey: &Survey, path: &str, environment: &EnvironmentName) -> Option<Explanation> {
    let resolved = survey.environment(environment)?;
    let definition = &resolved.definition;
    let (history, rules) = (definition.variable_history(path), definition.variable_rules.get(path));
    if definition.variable(path).is_none() && history.is_empty() && rules.is_none() {
        return None;
    }
    let row = variable_row(survey, path, std::slice::from_ref(environment), ListedValues::Omitted);
    let shown = shown_text(resolved, path).filter(|_| !row.sensitive);
    let is_known = definition.variable(path).is_some();
    let state = row.environments.values().next().map(|cell| cell.state);
    let reads = resolved.variables.get(path).map(|value| value.lineage.reads.as_slice()).unwrap_or_default();
    let label = |read: &TemplateRead| match read {
        TemplateRead::Entry(id) => definition.label(id),
        TemplateRead::Variable(path) => format!("{VARIABLES}{path}"),
    };
    Some(Explanation {
        history: history.iter().map(|step| history_step(step, !row.sensitive)).collect(),
        consumers: readers_of(resolved, path),
        uses: reads.iter().map(label).collect_set().into_iter().collect(),
        description: rules.and_then(|rules| Some(rules.value.description.as_ref()?.value.clone())),
        absent: match state {
            Some(KeyState::Removed) => Some("removed"),
            _ if !is_known => Some("no value"),
            _ if row.sensitive => Some("[secret]"),
            _ if shown.is_none() => Some("unknown without the key"),
            _ => None,
        },
        value: shown,
        row,
        ..Explanation::default()
    })
}

fn history_step(step: &VariableHistoryStep<'_>, is_plain: bool) -> HistoryStep {
    let written = |tree: &Tree| {
        let mut is_open = is_plain;
        tree.leaves("", &mut |_, _, scalar| is_open &= !scalar.encrypted && !scalar.locked);
        is_open.then(|| written_text(tree))
    };
    let (change, value) = match step.change {
        VariableChange::Set(tree) => ("value", written(tree)),
        VariableChange::Merged(_) => ("merged", None),
        VariableChange::Removed(_) => ("removed", None),
    };
    HistoryStep { source: step.place.to_string(), layer: step.layer.as_str().to_owned(), change, value }
}

/// Text of a structure as written, in one line.
fn written_text(tree: &Tree) -> String {
    match &tree.kind {
        TreeKind::Leaf(scalar) => scalar.text().to_owned(),
        TreeKind::List(items) => format!("[{}]", items.iter().map(written_text).collect::<Vec<_>>().join(", ")),
        TreeKind::Map(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}: {}", written_text(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Labels of the entries, variables and other objects that read a variable in an environment.
fn readers_of(resolved: &ResolvedTarget, path: &str) -> Vec<String> {
    let is_it = |read: &TemplateRead| match read {
        TemplateRead::Variable(read) => {
            read == path || read.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
        }
        TemplateRead::Entry(_) => false,
    };
    let entries = resolved.entries.iter().filter(|(_, value)| value.lineage.reads.iter().any(is_it));
    let variables = resolved.variables.iter().filter(|(_, value)| value.lineage.reads.iter().any(is_it));
    let patches = resolved.patches.iter().flat_map(|patch| &patch.documents);
    let documents = resolved.manifests.iter().chain(patches);
    let parts = documents.flat_map(|document| document.parts.iter().map(move |part| (document, part)));
    let parts = parts.filter(|(_, part)| part.lineage.reads.iter().any(is_it));
    let labels: BTreeSet<String> = entries
        .map(|(id, _)| resolved.definition.label(id))
        .chain(variables.map(|(path, _)| format!("{VARIABLES}{path}")))
        .chain(parts.map(|(document, part)| part_label(document, part)))
        .collect_set();
    labels.into_iter().collect()
}

/// Label of a part of another object: `Deployment web (spec.replicas)`.
fn part_label(document: &ManifestDocument, part: &TemplatePart) -> String {
    let text = |path: &[&str]| match &document.tree.at(path)?.kind {
        TreeKind::Leaf(scalar) if !scalar.locked => Some(scalar.text()),
        _ => None,
    };
    match (text(&["kind"]), text(&["metadata", "name"])) {
        (Some(kind), Some(name)) if part.path.is_empty() => format!("{kind} {name}"),
        (Some(kind), Some(name)) => format!("{kind} {name} ({})", part.path),
        _ => part.place.to_string(),
    }
}
