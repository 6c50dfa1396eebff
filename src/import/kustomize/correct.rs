//! Differences between what the layers render and what kustomize built, written as patches and files of the
//! environment: they make any import equal, whatever a kustomization does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::assemble::LayerAssembly;
use super::configurations::UnfollowedReference;
use super::draft::{PatchContent, PlannedManifest, PlannedPatch};
use super::json::{find_operations, json_value, normalize_object, text_at};
use super::object_correction::{CORRECTION, CorrectedEnvironment, MANY, ObjectCorrection, coarse_operations};
use super::pair::{BundleNames, identity, object_label, pair_objects};
use super::resources::{CIPHERTEXT_NAME, is_plaintext_secret};
use super::transform::CommonFields;
use crate::import::{ImportNote, PlannedFile, file_word};
use crate::map::HashMap;
use crate::sort::CollectSorted;
use crate::template_tokens::is_template;
use crate::yaml::write::write_document;

/// Verb of the notes about patches.
pub(super) const IS_PATCHED: &str = "is patched";

/// Result of a correction.
#[derive(Default)]
pub(super) struct CorrectionOutcome {
    /// Objects that were corrected.
    pub(super) count: usize,
    /// Bundles that kustomize builds in another way.
    pub(super) wrong_bundles: BTreeSet<String>,
    /// Whether there is a new rule for a reference, so that other corrections are needed.
    pub(super) has_new_rule: bool,
    /// Reason why an object cannot be corrected by itself.
    pub(super) stuck_at: Option<String>,
}

impl LayerAssembly<'_, '_> {
    /// Adds to the layer of an environment what makes it equal to what was built.
    pub(super) fn correct(&mut self, environment: &CorrectedEnvironment<'_>) -> CorrectionOutcome {
        let mut outcome = CorrectionOutcome::default();
        let bundles = self.bundle_names(environment);
        let (pairs, missing, extra) = pair_objects(environment.rendered, environment.built, &|name: &str| {
            environment.effects.affixed(&environment.fields.source_name(name))
        });
        let added = added_names(environment, &missing);
        let mut corrections: BTreeMap<String, (ObjectCorrection<'_>, Vec<String>)> = BTreeMap::new();
        for (rendered, built) in pairs {
            let Some(mut correction) = self.correct_pair(environment, (rendered, built), &bundles, &mut outcome) else {
                continue;
            };
            correction.operations.iter_mut().for_each(|operation| replace_names(operation, &added));
            let [_, kind, _, name] = identity(rendered);
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
            let is_secret = environment.is_encrypted(object);
            if is_secret || object.to_string().contains(CIPHERTEXT_NAME) {
                let [_, kind, _, _] = identity(object);
                let why = match kind {
                    "Secret" => "cannot be taken as built",
                    _ => "is no Secret: of other kinds, no value can be encrypted",
                };
                outcome.stuck_at = Some(format!("{} is encrypted, and {why}", object_label(object)));
                continue;
            }
            self.add_built(environment, object, (&bundles, &added));
        }
        outcome
    }

    /// Correction of a rendered object; none if it is equal, or is to be corrected as a whole.
    fn correct_pair<'a>(
        &mut self,
        environment: &CorrectedEnvironment<'_>,
        (rendered, built): (&'a Json, &'a Json),
        bundles: &BundleNames,
        outcome: &mut CorrectionOutcome,
    ) -> Option<ObjectCorrection<'a>> {
        let mut operations = Vec::new();
        find_operations(rendered, built, "", &mut operations);
        if operations.is_empty() {
            return None;
        }
        outcome.count += 1;
        let [_, kind, _, name] = identity(rendered);
        if let Some(bundle) = bundles.get(&(kind.to_owned(), name.to_owned())) {
            self.note_as_built(environment, built, &operations);
            outcome.wrong_bundles.insert(bundle.clone());
            return None;
        }
        // the first trial writes the names of bundles, and this is what it leaves
        let unfollowed = UnfollowedReference::find(rendered, &operations, bundles).filter(|_| !environment.by_bundle);
        if unfollowed.is_some_and(|found| self.add_unfollowed(environment.name, built, &found)) {
            outcome.has_new_rule = true;
            return None;
        }
        let touches_values = |operation: &Json| {
            let path = text_at(operation, "/path");
            path.starts_with("/data") || path.starts_with("/stringData")
        };
        let has_ciphertext = || Json::Array(operations.clone()).to_string().contains(CIPHERTEXT_NAME);
        let is_secret = kind == "Secret" && operations.iter().any(touches_values);
        if has_ciphertext()
            || (is_secret && !self.leave_out_secret(environment.name, &environment.fields.source_name(name)))
        {
            outcome.stuck_at = Some(format!("{} has values that cannot be written as a patch", object_label(built)));
            return None;
        }
        if is_secret {
            self.note_as_built(environment, built, &operations);
            return None;
        }
        self.note_difference(environment, (rendered, built), &operations);
        if operations.len() > MANY {
            operations = coarse_operations(rendered, built);
        }
        if environment.by_bundle {
            for operation in &mut operations {
                replace_names(operation, bundles);
            }
        }
        for operation in &mut operations {
            environment.before_common_fields(kind, operation);
        }
        Some(ObjectCorrection::new(rendered, built, operations))
    }

    /// Notes a difference that is patched: the fields that explain it, or the paths that differ.
    fn note_difference(
        &mut self,
        environment: &CorrectedEnvironment<'_>,
        (rendered, built): (&Json, &Json),
        operations: &[Json],
    ) {
        if let Some(fields) = environment.effects.explain(rendered, operations) {
            let notes = fields.into_iter().filter_map(|field| field.note(environment.name));
            notes.for_each(|text| self.add_note(String::new(), text));
            return;
        }
        self.patched.insert(format!("{} {:?}", environment.name, identity(built)));
        self.note_correction(environment.name, built, (IS_PATCHED, &explain_difference(operations)));
    }

    /// Notes that an object is taken as built, with the paths that differ.
    fn note_as_built(&mut self, environment: &CorrectedEnvironment<'_>, built: &Json, operations: &[Json]) {
        self.corrected.insert(format!("{} {:?}", environment.name, identity(built)));
        self.note_correction(environment.name, built, ("is taken as built", &explain_difference(operations)));
    }

    fn note_correction(&mut self, environment: &str, built: &Json, (what, why): (&str, &str)) {
        if self.is_as_built {
            return;
        }
        let text = format!("{} of {environment} {what}: ", object_label(built));
        // a later trial finds what the first one has brought about
        if !self.notes.iter().any(|note| note.text.starts_with(&text)) {
            self.add_note(String::new(), text + why);
        }
    }

    /// Lines about the number of objects that were patched, and of those that were taken as built.
    pub(super) fn count_corrections(&self) -> Vec<String> {
        let as_built = (self.corrected.len(), "taken as built");
        let patched = (self.patched.difference(&self.corrected).count(), "patched");
        let line = |(count, what): (usize, &str)| match count {
            0 => None,
            1 => Some(format!("1 object is {what}")),
            _ => Some(format!("{count} objects are {what}")),
        };
        [patched, as_built].into_iter().filter_map(line).collect()
    }

    /// Names of the objects of bundles, as they are rendered.
    fn bundle_names(&self, environment: &CorrectedEnvironment<'_>) -> BundleNames {
        let mut found = HashMap::default();
        let bundles = self.layers.values().flat_map(|layer| layer.bundles.keys()).collect_set();
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
        bundles: &BundleNames,
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
            node: None,
        });
    }

    /// Adds an object as it was built.
    fn add_built(
        &mut self,
        environment: &CorrectedEnvironment<'_>,
        object: &Json,
        (bundles, added): (&BundleNames, &BundleNames),
    ) {
        let mut object = object.clone();
        self.note_correction(environment.name, &object, ("is taken as built", "the mapping does not give it"));
        let [_, kind, _, name] = identity(&object).map(str::to_owned);
        let path =
            format!("as-built/{}/{}-{}.yaml", environment.name, file_word(&kind.to_lowercase()), file_word(&name));
        if environment.by_bundle {
            replace_names(&mut object, bundles);
        }
        replace_names(&mut object, added);
        object["metadata"]["name"] = json!(environment.fields.source_name(&name));
        let text = write_document(&json_value(&object));
        if is_plaintext_secret(&text) {
            self.add_secret_manifest(&path, &path, text, environment.name);
            return;
        }
        let is_template = is_template(&text);
        self.files.insert(path.clone(), PlannedFile::Plain(text.into_bytes()));
        self.layer(environment.name).manifests.push(PlannedManifest { path, is_template });
    }
}

/// ConfigMaps and Secrets that are added as built, by kind and name, with their names before the prefix and the suffix of
/// the app: references to them follow.
fn added_names(environment: &CorrectedEnvironment<'_>, missing: &[&Json]) -> BundleNames {
    let mut found = BundleNames::default();
    for object in missing {
        let [version, kind, _, name] = identity(object);
        let source_name = environment.fields.source_name(name);
        if version == "v1" && matches!(kind, "ConfigMap" | "Secret") && source_name != name {
            found.insert((kind.to_owned(), name.to_owned()), source_name);
        }
    }
    found
}

/// Writes names of objects as they are before their suffix, or their affixes.
fn replace_names(value: &mut Json, names: &BundleNames) {
    match value {
        Json::String(text) => {
            if let Some((_, written)) = names.iter().find(|((_, name), _)| name == text) {
                text.clone_from(written);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| replace_names(item, names)),
        Json::Object(map) => {
            map.iter_mut().filter(|(key, _)| *key != "path").for_each(|(_, value)| replace_names(value, names));
        }
        _ => {}
    }
}

/// Explanation of a difference: the first paths.
fn explain_difference(operations: &[Json]) -> String {
    let paths = operations.iter().map(|operation| shown_path(text_at(operation, "/path"))).collect_set();
    let first: Vec<_> = paths.iter().take(3).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("differs after mapping: {}{more}", first.join(", "))
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
