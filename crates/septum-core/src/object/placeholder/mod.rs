//! Secrets with placeholders in the place of their values: of the right shape, the same on every run, and marked.
//!
//! Validators, policies and a dry run of the API server then work without any key. No placeholder depends on a value: not
//! on a decrypted one, and not on one that a layer has in plaintext.

mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hash::HashedContent;
use super::{Constraints, Object, ObjectKind, RenderedObject, TargetObjects};
use crate::layer::{Definition, Entry, EntrySource, Tree, TreeKind};
use crate::manifest::Manifest;
use crate::map::HashSet;
use crate::name::EntryId;
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::route::{Routing, Sensitivity};
use crate::secret::Secret;
use crate::sort::CollectSorted;
use crate::span::Location;
use crate::visibility::Visibility;

use shape::{PLACEHOLDER, ValueShape};

/// Annotation of an object with placeholders.
const MARK: &str = "septum.dev/placeholders";

/// Start of a value that is encrypted with SOPS.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// Source of placeholders for the objects of a target.
pub struct PlaceholderSource<'a> {
    definition: &'a Definition,
    constraints: &'a Constraints,
    /// Plain values, which a placeholder may contain.
    plain: HashSet<&'a str>,
}

impl<'a> PlaceholderSource<'a> {
    /// Source for a target that was resolved without keys.
    pub fn of(resolved: &'a ResolvedTarget, routing: &Routing, constraints: &'a Constraints) -> Self {
        let plain = resolved.entries.iter().filter_map(|(id, value)| match &value.outcome {
            EntryOutcome::Known(known) if routing.sensitivity(id) == Sensitivity::Plain => known.text(),
            _ => None,
        });
        Self { definition: &resolved.definition, constraints, plain: plain.collect() }
    }

    /// Name of an object whose values are placeholders.
    pub fn name_of(&self, object: &Object) -> String {
        let (kind, secret_type, data) = (object.kind, object.secret_type.as_deref(), self.data_of(object));
        let suffix = HashedContent { kind, secret_type, data: &data }.suffix();
        format!("{}-{suffix}", self.definition.affixes.apply(&object.base_name))
    }

    /// Replaces all values of Secrets, and everything that is unknown elsewhere.
    pub fn fill(&self, objects: &mut TargetObjects) {
        for object in &mut objects.whole {
            match object {
                RenderedObject::Bundle(object) => {
                    if object.kind == ObjectKind::Secret && !(object.data.is_empty() && object.is_known())
                        || !object.is_known()
                    {
                        object.data = self.data_of(object);
                        object.unknown.clear();
                        object.annotations.insert(MARK.to_owned(), "true".to_owned());
                    }
                }
                RenderedObject::Manifest(manifest, _) => fill_manifest(manifest),
            }
        }
    }

    /// Placeholders of an object; known values of a ConfigMap stay.
    fn data_of(&self, object: &Object) -> BTreeMap<String, ResolvedBytes> {
        let known = object.data.iter().map(|(key, value)| (key, Some(value), None));
        let unknown = object.unknown.iter().map(|(key, placeholder)| (key, None, placeholder.text()));
        let fill = |(key, known, text): (&String, Option<&ResolvedBytes>, Option<&str>)| {
            let value = match (object.kind, known) {
                (ObjectKind::ConfigMap, Some(known)) => known.clone(),
                _ => rendered(self.placeholder(object, key, known, text)),
            };
            (key.clone(), value)
        };
        known.chain(unknown).map(fill).collect_map()
    }

    fn placeholder(&self, object: &Object, key: &str, known: Option<&ResolvedBytes>, unknown: Option<&str>) -> String {
        let id = EntryId { bundle: object.base_name.as_str().into(), key: key.into() };
        let entry = self.definition.entry(&id);
        if let Some(EntrySource::Registries(tree)) = source_of(entry) {
            let servers = tree.as_map().into_iter().flat_map(|map| map.keys()).map(String::as_str);
            return shape::docker_logins(servers, key == ".dockercfg");
        }
        if let Some(text) = shape::typed_value(object.secret_type.as_deref(), &object.base_name, key) {
            return text;
        }
        if let Some(text) = entry.and_then(|entry| self.allowed_value(entry)) {
            return text;
        }
        let shape = match (known.and_then(ResolvedBytes::text), unknown) {
            (Some(text), _) => ValueShape::of(text, key, &|_| false),
            (None, Some(text)) => {
                let written = match source_of(entry) {
                    Some(EntrySource::Value(scalar)) => scalar.text(),
                    _ => "",
                };
                // what a layer has in plaintext beside the expressions of a template
                let is_public = |host: &str| {
                    let name = host.split(':').next().unwrap_or(host);
                    let is_written = written.contains("{{") && written.contains(host) && !host.contains("ENC");
                    is_written || self.plain.contains(host) || self.plain.contains(name)
                };
                ValueShape::of(text, key, &is_public)
            }
            (None, None) => ValueShape::of("", key, &|_| false),
        };
        shape.to_text()
    }

    /// Value that the rules of an entry allow, if it has rules about values.
    fn allowed_value(&self, entry: &Entry) -> Option<String> {
        let rules = &*entry.rules;
        if rules.schema.is_empty() && rules.format.is_none() {
            return None;
        }
        let is_allowed = |text: &String| self.constraints.check(&rules.schema, rules.format.as_ref(), text).is_empty();
        shape::rule_candidates(&rules.schema, rules.format.as_ref().map(|format| format.value.as_str()))
            .into_iter()
            .find(is_allowed)
    }
}

/// Replaces the values of a Secret, and everything that is unknown elsewhere.
fn fill_manifest(manifest: &mut Manifest) {
    let is_secret = manifest.kind == "Secret" && manifest.api_version == "v1";
    let secret_type = manifest.tree.get("type").and_then(Tree::as_text).map(str::to_owned);
    let mut has_placeholders = false;
    for field in ["data", "stringData"].into_iter().filter(|_| is_secret) {
        let Some(Tree { kind: TreeKind::Map(map), .. }) = manifest.tree.at_mut(&[field]) else { continue };
        for (key, value) in map {
            let text = shape::typed_value(secret_type.as_deref(), &manifest.name, key)
                .unwrap_or_else(|| ValueShape::of("", key, &|_| false).to_text());
            let text = if field == "data" { STANDARD.encode(text) } else { text };
            *value = Tree::text(&text, &value.place);
            has_placeholders = true;
        }
    }
    if manifest.visibility != Visibility::Known {
        has_placeholders |= replace_unknown(&mut manifest.tree);
        manifest.visibility = Visibility::Known;
    }
    if has_placeholders && let Some(metadata) = manifest.tree.map_under("metadata") {
        let place = Location::synthetic();
        let annotations = metadata.entry("annotations".to_owned()).or_insert_with(|| Tree::map([], &place));
        if let TreeKind::Map(annotations) = &mut annotations.kind {
            annotations.insert(MARK.to_owned(), Tree::text("true", &place));
        }
    }
}

fn source_of(entry: Option<&Entry>) -> Option<&EntrySource> {
    Some(&entry?.source.as_ref()?.value)
}

fn rendered(text: String) -> ResolvedBytes {
    ResolvedBytes::Rendered(Arc::new(Secret::new(text)))
}

/// Replaces texts that are unknown; false if there are none.
fn replace_unknown(tree: &mut Tree) -> bool {
    match &mut tree.kind {
        TreeKind::Leaf(scalar) => {
            let is_unknown = scalar.locked || scalar.text().contains(CIPHERTEXT);
            if is_unknown {
                *tree = Tree::text(PLACEHOLDER, &tree.place);
            }
            is_unknown
        }
        // each part, whatever the one before had
        TreeKind::List(items) => items.iter_mut().fold(false, |found, item| replace_unknown(item) | found),
        TreeKind::Map(map) => map.values_mut().fold(false, |found, value| replace_unknown(value) | found),
    }
}
