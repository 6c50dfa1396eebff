//! Differences between what the layers render and what kustomize built, written as patches and files of the
//! environment: they make any import equal, whatever a kustomization does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::assemble::LayerAssembly;
use super::draft::{PatchContent, PlannedManifest, PlannedPatch};
use super::json::{find_operations, json_value, normalize_object, text_at};
use super::pair::{identity, pair_objects};
use super::resources::CIPHERTEXT_NAME;
use super::transform::CommonFields;
use crate::import::{ImportNote, PlannedFile, file_word};
use crate::template_tokens::is_template;
use crate::yaml::write::write_document;

/// Number of differences from which whole fields are written instead.
const MANY: usize = 12;

/// Origin of patches that correct a mapping.
pub(super) const CORRECTION: &str = "as built";

/// Correction of an object, before equal ones are joined.
struct ObjectCorrection<'a> {
    object: &'a Json,
    operations: Vec<Json>,
    /// Labels and annotations, which other fields of the layers may add to after the patches.
    merge: Option<Json>,
}

/// Environment that is corrected.
pub(super) struct CorrectedEnvironment<'a> {
    pub(super) name: &'a str,
    pub(super) rendered: &'a [Json],
    pub(super) built: &'a [Json],
    pub(super) fields: &'a CommonFields,
    /// Objects that are encrypted: nothing can be taken as built of them.
    pub(super) encrypted: &'a HashSet<[String; 4]>,
    /// Whether names with suffixes are written as the names of their bundles.
    pub(super) by_bundle: bool,
}

/// Result of a correction.
#[derive(Default)]
pub(super) struct CorrectionOutcome {
    /// Objects that were corrected.
    pub(super) count: usize,
    /// Bundles that kustomize builds in another way.
    pub(super) wrong_bundles: BTreeSet<String>,
    /// Whether something cannot be corrected object by object.
    pub(super) is_stuck: bool,
}

/// Label of an object for people.
pub(super) fn object_label(object: &Json) -> String {
    let [_, kind, namespace, name] = identity(object);
    if namespace.is_empty() { format!("the {kind} `{name}`") } else { format!("the {kind} `{namespace}/{name}`") }
}

impl LayerAssembly<'_, '_> {
    /// Adds to the layer of an environment what makes it equal to what was built.
    pub(super) fn correct(&mut self, environment: &CorrectedEnvironment<'_>) -> CorrectionOutcome {
        let mut outcome = CorrectionOutcome::default();
        let bundles = self.bundle_names(environment);
        let (pairs, missing, extra) = pair_objects(environment.rendered, environment.built);
        let mut corrections: BTreeMap<String, (ObjectCorrection<'_>, Vec<String>)> = BTreeMap::new();
        for (rendered, built) in pairs {
            let mut operations = Vec::new();
            find_operations(rendered, built, "", &mut operations);
            if operations.is_empty() {
                continue;
            }
            outcome.count += 1;
            self.corrected.insert(format!("{} {:?}", environment.name, identity(built)));
            let [_, kind, _, name] = identity(rendered);
            if let Some(bundle) = bundles.get(&(kind.to_owned(), name.to_owned())) {
                outcome.wrong_bundles.insert(bundle.clone());
                continue;
            }
            let touches_values = |operation: &Json| {
                let path = text_at(operation, "/path");
                path.starts_with("/data") || path.starts_with("/stringData")
            };
            let has_ciphertext = || Json::Array(operations.clone()).to_string().contains(CIPHERTEXT_NAME);
            let has_values = kind == "Secret" && operations.iter().any(touches_values);
            if has_values && !has_ciphertext() && self.leave_out_secret(&environment.fields.source_name(name)) {
                continue;
            }
            if has_values || has_ciphertext() {
                outcome.is_stuck = true;
                continue;
            }
            let paths: BTreeSet<_> =
                operations.iter().map(|operation| shown_path(text_at(operation, "/path"))).collect();
            let shown: Vec<_> = paths.iter().take(3).map(|path| format!("`{path}`")).collect();
            let more = paths.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.note_correction(
                environment.name,
                rendered,
                &format!("differs after mapping: {}{more}", shown.join(", ")),
            );
            if operations.len() > MANY {
                operations = coarse_operations(rendered, built);
            }
            if environment.by_bundle {
                for operation in &mut operations {
                    by_bundle(operation, &bundles);
                }
            }
            let merge = metadata_merge(rendered, built);
            operations.retain(|operation| !is_metadata_text(text_at(operation, "/path")));
            // the namespace may come from the app, after the patches
            for operation in
                operations.iter_mut().filter(|operation| text_at(operation, "/path") == "/metadata/namespace")
            {
                if text_at(operation, "/op") == "replace" {
                    operation["op"] = json!("add");
                }
            }
            let correction = ObjectCorrection { object: rendered, operations, merge };
            let key = format!("{kind}\0{}\0{}", environment.qualifier(rendered), correction.to_key());
            let source_name = environment.fields.source_name(name);
            corrections.entry(key).or_insert_with(|| (correction, Vec::new())).1.push(source_name);
        }
        for (correction, names) in corrections.into_values() {
            let patches = correction.into_patches(environment, &names);
            self.layer(environment.name).patches.extend(patches);
        }
        for object in extra {
            outcome.count += 1;
            self.remove_object(environment, object, &bundles, &mut outcome);
        }
        for object in missing {
            outcome.count += 1;
            self.corrected.insert(format!("{} {:?}", environment.name, identity(object)));
            let is_secret = environment.encrypted.contains(&identity(object).map(str::to_owned));
            if is_secret || object.to_string().contains(CIPHERTEXT_NAME) {
                outcome.is_stuck = true;
                continue;
            }
            self.add_built(environment, object, &bundles);
        }
        outcome
    }

    fn note_correction(&mut self, environment: &str, object: &Json, why: &str) {
        if self.is_as_built {
            return;
        }
        let text = format!("{} of {environment} is taken as built: {why}", object_label(object));
        let note = ImportNote { place: String::new(), text };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Names of the objects of bundles, as they are rendered.
    fn bundle_names(&self, environment: &CorrectedEnvironment<'_>) -> HashMap<(String, String), String> {
        let mut found = HashMap::new();
        let bundles: BTreeSet<_> = self.layers.values().flat_map(|layer| layer.bundles.keys()).collect();
        for object in environment.rendered {
            let [version, kind, _, name] = identity(object);
            if version != "v1" || !matches!(kind, "ConfigMap" | "Secret") {
                continue;
            }
            let matching = bundles.iter().find(|bundle| {
                let whole = environment.fields.final_name(bundle);
                let rest = name.strip_prefix(whole.as_str());
                rest.is_some_and(|rest| rest.is_empty() || (rest.len() == 11 && rest.starts_with('-')))
            });
            if let Some(bundle) = matching {
                found.insert((kind.to_owned(), name.to_owned()), (*bundle).clone());
            }
        }
        found
    }

    /// Removes an object that kustomize does not build.
    fn remove_object(
        &mut self,
        environment: &CorrectedEnvironment<'_>,
        object: &Json,
        bundles: &HashMap<(String, String), String>,
        outcome: &mut CorrectionOutcome,
    ) {
        let [version, kind, _, name] = identity(object);
        if let Some(bundle) = bundles.get(&(kind.to_owned(), name.to_owned())) {
            outcome.wrong_bundles.insert(bundle.clone());
            return;
        }
        let source_name = environment.fields.source_name(name);
        let patch =
            json!({ "apiVersion": version, "kind": kind, "metadata": { "name": source_name }, "$patch": "delete" });
        let target = environment.target_of(object, &[source_name]);
        if !self.is_as_built {
            let text = format!(
                "{} of {} is removed: kustomize does not build it under this name",
                object_label(object),
                environment.name
            );
            self.notes.push(ImportNote { place: String::new(), text });
        }
        self.layer(environment.name).patches.push(PlannedPatch {
            source: PatchContent::Text(write_document(&json_value(&patch))),
            target: Some(target),
            options: None,
            is_template: false,
            origin: CORRECTION.to_owned(),
        });
    }

    /// Adds an object as it was built.
    fn add_built(
        &mut self,
        environment: &CorrectedEnvironment<'_>,
        object: &Json,
        bundles: &HashMap<(String, String), String>,
    ) {
        let mut object = object.clone();
        self.note_correction(environment.name, &object, "the mapping does not give it");
        let [_, kind, _, name] = identity(&object).map(str::to_owned);
        let path =
            format!("as-built/{}/{}-{}.yaml", environment.name, file_word(&kind.to_lowercase()), file_word(&name));
        if environment.by_bundle {
            by_bundle(&mut object, bundles);
        }
        object["metadata"]["name"] = json!(environment.fields.source_name(&name));
        let text = write_document(&json_value(&object));
        let has_values = |field: &str| object[field].as_object().is_some_and(|values| !values.is_empty());
        let is_secret = kind == "Secret" && (has_values("data") || has_values("stringData"));
        if is_secret {
            self.add_secret_manifest(&path, &path, text, environment.name);
            return;
        }
        let is_template = is_template(&text);
        self.files.insert(path.clone(), PlannedFile::Plain(text.into_bytes()));
        self.layer(environment.name).manifests.push(PlannedManifest { path, is_template });
    }
}

impl ObjectCorrection<'_> {
    fn to_key(&self) -> String {
        format!("{}\0{:?}", Json::Array(self.operations.clone()), self.merge)
    }

    fn into_patches(self, environment: &CorrectedEnvironment<'_>, names: &[String]) -> Vec<PlannedPatch> {
        let target = environment.target_of(self.object, names);
        let patch = |source: PatchContent, text: &str| PlannedPatch {
            source,
            target: Some(target.clone()),
            options: None,
            is_template: is_template(text),
            origin: CORRECTION.to_owned(),
        };
        let mut found = Vec::new();
        if let Some(mut merge) = self.merge {
            let [version, kind, _, _] = identity(self.object);
            merge["apiVersion"] = json!(version);
            merge["kind"] = json!(kind);
            merge["metadata"]["name"] = json!(names.first());
            let text = write_document(&json_value(&merge));
            found.push(patch(PatchContent::Text(text.clone()), &text));
        }
        if !self.operations.is_empty() {
            let text = Json::Array(self.operations.clone()).to_string();
            found.push(patch(PatchContent::Operations(self.operations), &text));
        }
        found
    }
}

impl CorrectedEnvironment<'_> {
    /// Namespace that tells an object from others of its name; empty if there are none.
    fn qualifier<'o>(&self, object: &'o Json) -> &'o str {
        let [_, kind, namespace, name] = identity(object);
        let same_name = self.rendered.iter().filter(|other| {
            let [_, other_kind, _, other_name] = identity(other);
            other_kind == kind && other_name == name
        });
        if same_name.count() > 1 { namespace } else { "" }
    }

    /// Target that selects objects by their names before prefix and suffix.
    fn target_of(&self, object: &Json, names: &[String]) -> Json {
        let [version, kind, _, _] = identity(object);
        let names: Vec<_> = names.iter().map(|name| regex::escape(name).replace("\\-", "-")).collect();
        let mut target = json!({});
        if let Some((group, _)) = version.split_once('/') {
            target["group"] = json!(regex::escape(group).replace("\\-", "-"));
        }
        target["kind"] = json!(kind);
        target["name"] = json!(names.join("|"));
        let namespace = self.qualifier(object);
        if !namespace.is_empty() {
            target["namespace"] = json!(namespace);
        }
        target
    }
}

/// Whether a path is of a label or an annotation, or of all of them.
fn is_metadata_text(path: &str) -> bool {
    ["/metadata/labels", "/metadata/annotations"]
        .iter()
        .any(|field| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Patch that sets and removes labels and annotations.
fn metadata_merge(rendered: &Json, built: &Json) -> Option<Json> {
    let mut metadata = serde_json::Map::new();
    for field in ["labels", "annotations"] {
        let pairs = |object: &Json| object["metadata"][field].as_object().cloned().unwrap_or_default();
        let (from, to) = (pairs(rendered), pairs(built));
        let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
        let mut changes: serde_json::Map<_, _> = changed.map(|(key, value)| (key.clone(), value.clone())).collect();
        changes.extend(from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Json::Null)));
        if !changes.is_empty() {
            metadata.insert(field.to_owned(), Json::Object(changes));
        }
    }
    (!metadata.is_empty()).then(|| json!({ "metadata": metadata }))
}

/// Operations on whole fields of an object.
fn coarse_operations(rendered: &Json, built: &Json) -> Vec<Json> {
    let mut found = Vec::new();
    let fields = |object: &Json| object.as_object().cloned().unwrap_or_default();
    let (from, to) = (fields(rendered), fields(built));
    for (key, value) in &from {
        match to.get(key) {
            None => found.push(json!({ "op": "remove", "path": format!("/{key}") })),
            Some(wanted) if key == "metadata" => find_operations(value, wanted, "/metadata", &mut found),
            Some(wanted) => {
                let mut inner = Vec::new();
                find_operations(value, wanted, "", &mut inner);
                if !inner.is_empty() {
                    found.push(json!({ "op": "replace", "path": format!("/{key}"), "value": wanted }));
                }
            }
        }
    }
    for (key, value) in to.iter().filter(|(key, _)| !from.contains_key(*key)) {
        found.push(json!({ "op": "add", "path": format!("/{key}"), "value": value }));
    }
    found
}

/// Writes names of bundles with a suffix as the names of the bundles.
fn by_bundle(value: &mut Json, bundles: &HashMap<(String, String), String>) {
    match value {
        Json::String(text) => {
            if let Some((_, bundle)) = bundles.iter().find(|((_, name), _)| name == text) {
                text.clone_from(bundle);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| by_bundle(item, bundles)),
        Json::Object(map) => {
            map.iter_mut().filter(|(key, _)| *key != "path").for_each(|(_, value)| by_bundle(value, bundles));
        }
        _ => {}
    }
}

/// A path of an operation as it is shown to people.
fn shown_path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~")
}

impl CommonFields {
    /// Name of an object before the prefix and the suffix of the app.
    pub(super) fn source_name(&self, name: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let suffix = self.suffix.as_deref().unwrap_or_default();
        let stripped = name.strip_prefix(prefix).and_then(|name| name.strip_suffix(suffix));
        stripped.unwrap_or(name).to_owned()
    }

    /// Name of an object with the prefix and the suffix of the app.
    pub(super) fn final_name(&self, name: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        format!("{prefix}{name}{}", self.suffix.as_deref().unwrap_or_default())
    }
}

/// Objects for comparison.
pub(super) fn normalize_all(objects: impl IntoIterator<Item = Json>) -> Vec<Json> {
    objects.into_iter().map(normalize_object).collect()
}
