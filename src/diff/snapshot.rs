//! Targets as resolved from their layers.

use std::collections::BTreeMap;

use super::node::{DiffNode, NodeReader};
use super::value::{DiffValue, ValueMarker};
use crate::deliver::{self, Delivered};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::emit::as_kubectl_reads;
use crate::layer::{Definition, Entry, LayerWord as _};
use crate::leak_scan;
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::object::{RenderedObject, Reveal};
use crate::output_tree::{find_duplicates, object_sites};
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::resolve::{EntryOutcome, ResolvedValue, StoreText, StoreTextPart};
use crate::route::{Routing, Sensitivity};
use crate::sort::sort_by;
use crate::visibility::{OnMissingKey, Visibility};

/// One side of a comparison: the entries and objects of a target, without secrets.
#[derive(Debug, Default)]
pub struct TargetSnapshot {
    /// Entries by bundle and key, in the order of definition.
    pub(super) entries: IndexMap<EntryId, SnapshotEntryState>,
    /// Objects, sorted.
    pub(super) objects: Vec<ObjectSnapshot>,
    /// Namespace of the target. Objects in it have none of their own here, so that they match those of another.
    pub(super) namespace: Option<String>,
    /// Whether other programs add fields to the objects, which are not compared.
    pub(super) is_live: bool,
    /// Warnings of objects that the layers generate more than once: `render` refuses them.
    pub(super) duplicates: Vec<Diagnostic>,
}

/// Reasons of a verdict, each with its location.
pub(super) type RoutingReasons = Vec<(String, String)>;

/// Entry of a snapshot.
#[derive(Debug)]
pub struct SnapshotEntryState {
    pub(super) value: DiffValue,
    pub(super) sensitivity: Sensitivity,
    /// Reasons of the verdict, with their locations.
    pub(super) reasons: RoutingReasons,
    /// Field that gives the value.
    pub(super) source: Option<&'static str>,
    /// Rules by name.
    pub(super) rules: BTreeMap<String, String>,
}

/// Object of a snapshot.
#[derive(Debug)]
pub(super) struct ObjectSnapshot {
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) api_version: String,
    pub(super) namespace: String,
    /// Name that stays when values change.
    pub(super) base_name: String,
    /// Name; none if it is unknown without a key.
    pub(super) name: Option<String>,
    pub(super) tree: DiffNode,
}

impl TargetSnapshot {
    /// Reads an environment of a surveyed app. Errors: those that `render` reports too.
    pub fn of_environment(
        pipeline: &Pipeline<'_>,
        (app, survey): (&App, &Survey),
        environment: &EnvironmentName,
        marker: &ValueMarker,
        problems: &mut Diagnostics,
    ) -> Self {
        let Some(resolved) = survey.environment(environment) else { return Self::default() };
        let definition = &*resolved.definition;
        let built = pipeline.objects(survey, environment, OnMissingKey::Keep(&|_| None), problems);
        let mut objects: Vec<_> =
            built.whole.iter().map(|object| rendered_object(object, definition, marker)).collect();
        let references: Vec<_> = built
            .external
            .iter()
            .filter_map(|part| deliver::deliver_refs(part, definition, problems))
            .map(|manifest| RenderedObject::Manifest(manifest, environment.clone()))
            .collect();
        objects.extend(references.iter().map(|object| rendered_object(object, definition, marker)));
        let delivered: Vec<_> = built.whole.into_iter().chain(references).map(Delivered::plain).collect();
        leak_scan::check_leaks(resolved, &survey.routing, &delivered, problems);
        let duplicates = find_duplicates(&object_sites(app, survey, environment, &delivered));
        let namespace = definition.namespace.as_ref().map(|namespace| namespace.value.clone());
        if let Some(namespace) = &namespace {
            for object in &mut objects {
                object.leave_namespace(namespace);
            }
        }
        sort_by(&mut objects, |a, b| a.identity().cmp(&b.identity()));
        let entry = |(id, value): (&EntryId, &ResolvedValue)| {
            let state = entry_state(definition.entry(id), value, &survey.routing, id, marker);
            (id.clone(), state)
        };
        let as_warning = |found| Diagnostic { severity: Severity::Warning, ..found };
        let duplicates = duplicates.into_iter().map(as_warning).collect();
        Self { entries: resolved.entries.iter().map(entry).collect(), objects, namespace, is_live: false, duplicates }
    }
}

impl ObjectSnapshot {
    /// Identity of an object, by which both sides are matched.
    pub(super) fn identity(&self) -> (&str, &str, &str, &str) {
        (&self.kind, &self.group, &self.namespace, &self.base_name)
    }

    /// Drops the namespace of the target.
    fn leave_namespace(&mut self, namespace: &str) {
        if self.namespace == namespace {
            self.namespace.clear();
            self.tree.remove_metadata("namespace");
        }
    }
}

fn entry_state(
    entry: Option<&Entry>,
    value: &ResolvedValue,
    routing: &Routing,
    id: &EntryId,
    marker: &ValueMarker,
) -> SnapshotEntryState {
    let sensitivity = routing.sensitivity(id);
    SnapshotEntryState {
        value: entry_value(&value.outcome, sensitivity, marker),
        sensitivity,
        reasons: reasons_for(routing, id),
        source: entry.and_then(|entry| entry.source.as_ref()).map(|source| source.value.field()),
        rules: entry.map(|entry| entry.rules.to_texts()).unwrap_or_default(),
    }
}

/// The reasons for the verdict on an entry, with their locations.
pub(super) fn reasons_for(routing: &Routing, id: &EntryId) -> RoutingReasons {
    let sensitivity = routing.sensitivity(id);
    let reasons = routing.verdict(id).map(|verdict| verdict.reasons.as_slice()).unwrap_or_default();
    let reasons = reasons.iter().filter(|reason| reason.argues_for == sensitivity);
    reasons.map(|reason| (format!("{}: {}", reason.kind, reason.detail), reason.place.to_string())).collect()
}

fn entry_value(outcome: &EntryOutcome, sensitivity: Sensitivity, marker: &ValueMarker) -> DiffValue {
    match outcome {
        EntryOutcome::Missing => DiffValue::Absent,
        EntryOutcome::Failed => DiffValue::Failed,
        EntryOutcome::Locked(placeholder) => DiffValue::Locked(placeholder.clone()),
        EntryOutcome::Pointed(text) => store_value(text, marker),
        EntryOutcome::Known(value) => match (sensitivity, value.text()) {
            (Sensitivity::Sensitive, _) => DiffValue::Secret(marker.mark(value.bytes())),
            (Sensitivity::Plain, Some(text)) => DiffValue::Text(text.into()),
            (Sensitivity::Plain, None) => DiffValue::Binary(marker.mark(value.bytes())),
        },
    }
}

/// Value that is a reference to a store; a text around it may contain secrets.
fn store_value(text: &StoreText, marker: &ValueMarker) -> DiffValue {
    if let Some(pointer) = text.lone_ref() {
        return DiffValue::Store(pointer.to_short().into());
    }
    let mut whole = zeroize::Zeroizing::new(String::new());
    for piece in &text.pieces {
        match piece {
            StoreTextPart::Text(text) => whole.push_str(text.expose()),
            StoreTextPart::Value { store_ref, filters, .. } => {
                whole.extend(["\u{0}", &store_ref.to_short(), &format!("{filters:?}"), "\u{0}"]);
            }
        }
    }
    DiffValue::Secret(marker.mark(whole.as_bytes()))
}

fn rendered_object(object: &RenderedObject, definition: &Definition, marker: &ValueMarker) -> ObjectSnapshot {
    let (kind, namespace, name) = object.identity();
    let (visibility, is_named) = match object {
        // its values are entries
        RenderedObject::Bundle(object) => (Visibility::Known, object.is_named),
        RenderedObject::Manifest(manifest, _) => (manifest.visibility, true),
    };
    let mut value = as_kubectl_reads(object.to_value(Reveal::Values));
    let base_name = match object {
        RenderedObject::Bundle(object) => definition.affixes.apply(&object.base_name),
        RenderedObject::Manifest(manifest, _) => manifest.name.clone(),
    };
    let mut api_version = "v1".to_owned();
    if let crate::value::OutputValue::Map(fields) = &mut value {
        if matches!(object, RenderedObject::Bundle(_)) {
            fields.retain(|(field, _)| !matches!(&**field, "data" | "binaryData"));
            if object.is_secret() {
                // how it is delivered
                let form = definition.delivery.secrets().word();
                fields.push(("delivery.secrets".into(), crate::value::OutputValue::text(form)));
            }
        }
        if let Some((_, crate::value::OutputValue::String(version))) =
            fields.iter().find(|(field, _)| field == "apiVersion")
        {
            api_version = version.to_string();
        }
    }
    let reader = NodeReader { marker, is_secret: object.is_secret(), visibility };
    let mut tree = reader.read_object(&value);
    tree.remove_metadata("name");
    ObjectSnapshot {
        kind: kind.to_owned(),
        group: object.group().to_owned(),
        api_version,
        namespace: namespace.to_owned(),
        base_name,
        name: is_named.then(|| name.to_owned()),
        tree,
    }
}
