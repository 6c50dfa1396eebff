//! Correction of one object: what is written to make it equal to the built one.

use serde_json::{Value as Json, json};

use super::draft::{PatchContent, PlannedPatch};
use super::field_effects::FieldEffects;
use super::json::{escape_key, find_operations, json_value, text_at};
use super::pair::identity;
use super::transform::CommonFields;
use crate::manifest::keeps_name;
use crate::map::HashSet;
use crate::template_tokens::is_template;
use crate::yaml::write::write_document;

/// Number of differences from which whole fields are written instead.
pub(super) const MANY: usize = 12;

/// Origin of patches that correct a mapping.
pub(super) const CORRECTION: &str = "as built";

/// Environment that is corrected.
pub(super) struct CorrectedEnvironment<'a> {
    pub(super) name: &'a str,
    pub(super) rendered: &'a [Json],
    pub(super) built: &'a [Json],
    pub(super) fields: &'a CommonFields,
    pub(super) effects: &'a FieldEffects,
    /// Objects that are encrypted, by environment: nothing can be taken as built of them.
    pub(super) encrypted: &'a HashSet<(String, [String; 4])>,
    /// Whether names with suffixes are written as the names of their bundles.
    pub(super) by_bundle: bool,
}

/// Correction of an object, before equal ones are joined.
pub(super) struct ObjectCorrection<'a> {
    pub(super) object: &'a Json,
    pub(super) operations: Vec<Json>,
    /// Labels and annotations, which other fields of the layers may add to after the patches.
    pub(super) merge: Option<Json>,
}

impl<'a> ObjectCorrection<'a> {
    /// Correction by some operations, which differences of labels and annotations are taken out of.
    pub(super) fn new(rendered: &'a Json, built: &Json, mut operations: Vec<Json>) -> Self {
        operations.retain(|operation| !is_metadata_text(text_at(operation, "/path")));
        Self { object: rendered, operations, merge: metadata_merge(rendered, built) }
    }

    /// Key of corrections that are equal.
    pub(super) fn to_key(&self) -> String {
        format!("{}\0{:?}", Json::Array(self.operations.clone()), self.merge)
    }

    /// Patches of the objects with some names.
    pub(super) fn into_patches(self, environment: &CorrectedEnvironment<'_>, names: &[String]) -> Vec<PlannedPatch> {
        let target = environment.target_of(self.object, names);
        let patch = |source: PatchContent, text: &str| PlannedPatch {
            source,
            target: Some(target.clone()),
            options: None,
            is_template: is_template(text),
            origin: CORRECTION.to_owned(),
            node: None,
        };
        let mut found = Vec::new();
        if let Some(mut merge) = self.merge {
            let [version, kind, _, _] = identity(self.object);
            merge["apiVersion"] = json!(version);
            merge["kind"] = json!(kind);
            // the target selects the objects
            merge["metadata"]["name"] = match names {
                [name] => json!(name),
                _ => json!("any"),
            };
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
    /// Whether an object is encrypted in what was built.
    pub(super) fn is_encrypted(&self, object: &Json) -> bool {
        self.encrypted.contains(&(self.name.to_owned(), identity(object).map(str::to_owned)))
    }

    /// Namespace that tells an object from others of its name; empty if there are none.
    pub(super) fn qualifier<'o>(&self, object: &'o Json) -> &'o str {
        let [_, kind, namespace, name] = identity(object);
        let same_name = self.rendered.iter().filter(|other| {
            let [_, other_kind, _, other_name] = identity(other);
            other_kind == kind && other_name == name
        });
        if same_name.count() > 1 { namespace } else { "" }
    }

    /// Writes an operation for an object that has not got the fields of the app yet.
    pub(super) fn before_common_fields(&self, kind: &str, operation: &mut Json) {
        match text_at(operation, "/path") {
            // the namespace may come from the app, after the patches
            "/metadata/namespace" if text_at(operation, "/op") == "replace" => operation["op"] = json!("add"),
            "/metadata/name" if !keeps_name(kind) => {
                operation["value"] = json!(self.fields.source_name(text_at(operation, "/value")));
            }
            _ => {}
        }
    }

    /// Target that selects objects by their names before prefix and suffix.
    pub(super) fn target_of(&self, object: &Json, names: &[String]) -> Json {
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
pub(super) fn coarse_operations(rendered: &Json, built: &Json) -> Vec<Json> {
    let mut found = Vec::new();
    let fields = |object: &Json| object.as_object().cloned().unwrap_or_default();
    let (from, to) = (fields(rendered), fields(built));
    for (key, value) in &from {
        match to.get(key) {
            None => found.push(json!({ "op": "remove", "path": format!("/{}", escape_key(key)) })),
            Some(wanted) if key == "metadata" => find_operations(value, wanted, "/metadata", &mut found),
            Some(wanted) => {
                let mut inner = Vec::new();
                find_operations(value, wanted, "", &mut inner);
                if !inner.is_empty() {
                    found.push(json!({ "op": "replace", "path": format!("/{}", escape_key(key)), "value": wanted }));
                }
            }
        }
    }
    for (key, value) in to.iter().filter(|(key, _)| !from.contains_key(*key)) {
        found.push(json!({ "op": "add", "path": format!("/{}", escape_key(key)), "value": value }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_several_objects_names_none_of_them() {
        let (fields, effects, encrypted) = (CommonFields::default(), FieldEffects::default(), HashSet::default());
        let environment = CorrectedEnvironment {
            name: "prod",
            rendered: &[],
            built: &[],
            fields: &fields,
            effects: &effects,
            encrypted: &encrypted,
            by_bundle: false,
        };
        let rendered = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" } });
        let built =
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a", "labels": { "l": "v" } } });
        for (names, expected) in [(&["a"][..], "name: a\n"), (&["a", "b"], "name: any\n")] {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let patches = ObjectCorrection::new(&rendered, &built, Vec::new()).into_patches(&environment, &names);
            let [PlannedPatch { source: PatchContent::Text(text), target: Some(target), .. }] = patches.as_slice()
            else {
                panic!("{} patches", patches.len());
            };
            assert!(text.contains(expected), "{text}");
            assert_eq!(target["name"], names.join("|"));
        }
    }
}
