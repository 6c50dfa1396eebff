//! Metadata common to all objects of an app: its namespace, labels and annotations.

use std::collections::BTreeMap;

use super::follow::MovedObjects;
use super::identity::Manifest;
use super::scope::is_namespaced;
use super::selector_label::add_selector_labels;
use crate::layer::Tree;

/// Label with the name that all versions of an object begin with, if a hash of its values is part of its name.
pub const BASE_NAME: &str = "septum.dev/base-name";

/// Metadata common to the objects of a target.
#[derive(Debug, Clone, Default)]
pub struct CommonMetadata {
    /// Namespace, if the layers set one.
    pub namespace: Option<String>,
    /// Labels set in the layers.
    pub labels: BTreeMap<String, String>,
    /// Labels for objects that do not set them: the manager of the object, and its app.
    pub defaults: BTreeMap<String, String>,
    /// Labels for selectors and pod templates too.
    pub selector_labels: BTreeMap<String, String>,
    /// Annotations set in the layers.
    pub annotations: BTreeMap<String, String>,
}

/// Applies common metadata like kustomize: the namespace to all namespaced objects, and to references to the service
/// accounts and services that are `moved` with it; labels and annotations to the object itself. Selectors and pod
/// templates get the labels meant for them alone: a selector is immutable.
pub fn apply_common(manifest: &mut Manifest, common: &CommonMetadata, moved: &MovedObjects) {
    let place = manifest.tree.place.clone();
    if let Some(namespace) = common.namespace.as_ref().filter(|_| is_namespaced(&manifest.kind)) {
        if let Some(metadata) = manifest.tree.map_under("metadata") {
            metadata.insert("namespace".to_owned(), Tree::text(namespace, &place));
        }
        manifest.namespace = Some(namespace.clone());
    }
    if let Some(namespace) = &common.namespace {
        moved.follow(manifest, namespace);
    }
    let Some(metadata) = manifest.tree.at_mut(&["metadata"]) else { return };
    let missing = |found: Option<&Tree>, key: &String| found.and_then(|labels| labels.get(key)).is_none();
    let labels = metadata.get("labels");
    let defaults: Vec<_> = common.defaults.iter().filter(|(key, _)| missing(labels, key)).collect();
    let defaults: Vec<(String, String)> =
        defaults.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let all = defaults.iter().map(|(key, value)| (key, value)).chain(&common.labels);
    put_texts(metadata, "labels", all);
    put_texts(metadata, "annotations", common.annotations.iter());
    add_selector_labels(manifest, &common.selector_labels);
}

fn put_texts<'a>(metadata: &mut Tree, field: &str, texts: impl Iterator<Item = (&'a String, &'a String)>) {
    let place = metadata.place.clone();
    let mut texts = texts.peekable();
    if texts.peek().is_none() {
        return;
    }
    let Some(map) = metadata.map_under(field) else { return };
    for (key, value) in texts {
        map.insert(key.clone(), Tree::text(value, &place));
    }
}
