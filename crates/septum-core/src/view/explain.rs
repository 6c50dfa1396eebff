//! The history of a value, the verdict with all its reasons, and the object that contains it.

use serde::Serialize;

use super::lifecycle::LifecycleView;
use super::list::{KeyRow, key_row};
use crate::layer::{Entry, EntrySource, LayerChange};
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::object::{self, ObjectKind};
use crate::pipeline::Survey;
use crate::resolve::{DeclassifiedRead, EntryOutcome, Lineage, ResolvedTarget, TemplateRead};
use crate::route::Sensitivity;

/// Explanation of a key in an environment. Serialised in `explain --format json`.
#[derive(Debug, Default, Serialize)]
pub struct Explanation {
    /// The key as shown by `list`.
    #[serde(flatten)]
    pub row: KeyRow,
    /// Changes by each layer, oldest first.
    pub history: Vec<HistoryStep>,
    /// The object that contains it; absent if there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectView>,
    /// Consumers of the key: workloads of `manifests`, with the place in each.
    pub consumers: Vec<String>,
    /// The final value, if it is plain and known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Reads of its template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Reads that `declassify` exempts, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub declassified: Vec<DeclassifiedView>,
    /// Purpose of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its lifecycle rules.
    #[serde(flatten)]
    pub lifecycle: LifecycleView,
    /// Reason why there is no final value to show, for users.
    #[serde(skip)]
    pub absent: Option<&'static str>,
}

/// A layer's step in the history.
#[derive(Debug, Serialize)]
pub struct HistoryStep {
    /// Location: `file:line:column`.
    pub source: String,
    /// The layer's name.
    pub layer: String,
    /// Kind of change: `value`, `file`, `template`, `content`, `registries`, `ref`, `merged`, `rules`, `removed`.
    pub change: &'static str,
    /// The written text; absent if the key is sensitive, or the value is not a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The object that contains a key.
#[derive(Debug, Serialize)]
pub struct ObjectView {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name, with `…` for a suffix that is not known without a key.
    pub name: String,
    /// The name of its bundle: the object's name without the suffix.
    pub base_name: String,
}

/// A declassified read.
#[derive(Debug, Serialize)]
pub struct DeclassifiedView {
    /// The read value.
    pub read: String,
    /// Reason why its result may be public.
    pub reason: String,
}

/// Explains a key in an environment; none if the environment does not know it.
pub fn explain_key(
    survey: &Survey,
    id: &EntryId,
    environment: &EnvironmentName,
    consumers: Vec<String>,
) -> Option<Explanation> {
    let explained = explain_value(survey, id, environment)?;
    let resolved = survey.environment(environment)?;
    let has_value = !matches!(resolved.entries.get(id)?.outcome, EntryOutcome::Missing);
    Some(Explanation { object: has_value.then(|| object_view(survey, resolved, id)), consumers, ..explained })
}

/// Explains a key in an environment, without the object that contains it: its name may depend on all keys of its bundle.
pub fn explain_value(survey: &Survey, id: &EntryId, environment: &EnvironmentName) -> Option<Explanation> {
    let resolved = survey.environment(environment)?;
    let entry = resolved.definition.entry(id)?;
    let value = resolved.entries.get(id)?;
    let sensitivity = survey.routing.sensitivity(id);
    let is_plain = sensitivity == Sensitivity::Plain;
    Some(Explanation {
        row: key_row(survey, id, std::slice::from_ref(environment)),
        history: entry.history.iter().map(|step| history_step(step, is_plain)).collect(),
        value: value.outcome.known().filter(|_| is_plain).and_then(|known| known.text()).map(str::to_owned),
        uses: crate::resolve::template_uses(resolved, id),
        declassified: if is_plain { declassified_reads(survey, resolved, &value.lineage) } else { Vec::new() },
        description: entry.rules.description.as_ref().map(|text| text.value.clone()),
        lifecycle: LifecycleView::of_rules(&entry.rules),
        absent: absence_reason(resolved, id, entry, is_plain),
        ..Explanation::default()
    })
}

/// Reads that `declassify` exempts, each reason once: reads after the first sensitive value may depend on it.
fn declassified_reads(survey: &Survey, resolved: &ResolvedTarget, lineage: &Lineage) -> Vec<DeclassifiedView> {
    let environment = &resolved.definition.environment;
    let is_sensitive =
        |read: &TemplateRead| survey.routing.read_sensitivity(environment, read) == Sensitivity::Sensitive;
    let mut reasons: IndexMap<&str, &TemplateRead> = IndexMap::default();
    for DeclassifiedRead { read, reason } in &lineage.declassified {
        let first = reasons.entry(reason).or_insert(read);
        if !is_sensitive(first) {
            *first = read;
        }
    }
    let label = |read: &TemplateRead| match read {
        TemplateRead::Entry(id) => resolved.definition.label(id),
        TemplateRead::Variable(path) => format!("vars.{path}"),
    };
    let view =
        |(reason, read): (&str, &TemplateRead)| DeclassifiedView { read: label(read), reason: reason.to_owned() };
    reasons.into_iter().map(view).collect()
}

fn object_view(survey: &Survey, resolved: &ResolvedTarget, id: &EntryId) -> ObjectView {
    let kind = match survey.routing.sensitivity(id) {
        Sensitivity::Plain => ObjectKind::ConfigMap,
        Sensitivity::Sensitive => ObjectKind::Secret,
    };
    if matches!(resolved.entries.get(id).map(|value| &value.outcome), Some(EntryOutcome::Pointed(_)))
        && let Some((kind, name)) = object::brought_by(resolved, &survey.routing, &id.bundle)
    {
        return ObjectView { kind, name, base_name: id.bundle.as_str().to_owned() };
    }
    let name = object::known_name(resolved, &survey.routing, &id.bundle, kind);
    ObjectView {
        kind: kind.as_str(),
        name: name.unwrap_or_else(|| format!("{}-…", resolved.definition.affixes.apply(id.bundle.as_str()))),
        base_name: id.bundle.as_str().to_owned(),
    }
}

fn absence_reason(resolved: &ResolvedTarget, id: &EntryId, entry: &Entry, is_plain: bool) -> Option<&'static str> {
    match resolved.entries.get(id).map(|value| &value.outcome) {
        Some(EntryOutcome::Missing) if entry.is_removed() => Some("removed"),
        Some(EntryOutcome::Missing) | None => Some("no value"),
        Some(EntryOutcome::Failed) => Some("its source is invalid; `septum render` reports why"),
        Some(EntryOutcome::Pointed(_)) => Some("[in a store]"),
        Some(_) if !is_plain => Some("[secret]"),
        Some(EntryOutcome::Locked(_)) => Some("unknown without the key"),
        Some(EntryOutcome::Known(value)) if value.text().is_none() => Some("(binary)"),
        Some(EntryOutcome::Known(_)) => None,
    }
}

fn history_step(step: &crate::layer::EntryHistoryStep, is_plain: bool) -> HistoryStep {
    let (change, value) = match &step.change {
        LayerChange::Rules => ("rules", None),
        LayerChange::Removed => ("removed", None),
        LayerChange::Merged(_) => ("merged", None),
        LayerChange::Source(source) => {
            let written = match source {
                EntrySource::Value(scalar) if is_plain && !scalar.encrypted => Some(scalar.text().to_owned()),
                EntrySource::File(path) | EntrySource::Template(path) => {
                    path.file_name().map(|name| name.to_string_lossy().into_owned())
                }
                EntrySource::Ref(pointer) => Some(pointer.to_short()),
                EntrySource::Value(_) | EntrySource::Content(_) | EntrySource::Registries(_) => None,
            };
            (source.field(), written)
        }
    };
    HistoryStep { source: step.place.to_string(), layer: step.layer.as_str().to_owned(), change, value }
}
