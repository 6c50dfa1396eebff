//! Fields that change all objects of a kustomization: they become fields of a layer if every built object agrees.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::assemble::{BASE_LAYER, LayerAssembly};
use super::fields::{GeneratorBehavior, place_text};
use super::graph::{EnvironmentRoot, KustomizationGraph, NodeIndex, ResourceItem};
use super::json::text_at;
use crate::import::ImportNote;
use crate::manifest::is_namespaced;
use crate::map::IndexMap;

/// Built objects of each environment, by name.
pub(super) type KustomizeObjects = BTreeMap<String, Vec<Json>>;

/// Fields of one environment that change all of its objects.
#[derive(Default, Clone)]
pub(super) struct CommonFields {
    pub(super) namespace: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    labels: IndexMap<String, String>,
    selector_labels: IndexMap<String, String>,
    annotations: IndexMap<String, String>,
    images: IndexMap<String, IndexMap<&'static str, String>>,
    replicas: IndexMap<String, String>,
}

impl CommonFields {
    /// Fields of a root that hold for every object that was built of it.
    pub(super) fn of_root(graph: &KustomizationGraph<'_>, root: &EnvironmentRoot, built: &[Json]) -> Self {
        let mut found = Self::default();
        let reached: Vec<_> = graph.reached(root.node).into_iter().filter_map(|index| graph.nodes.get(index)).collect();
        let of_generators = reached.iter().flat_map(|node| &node.content.generators);
        let of_generators = of_generators.filter_map(|generator| generator.namespace.as_ref());
        let namespaces = reached.iter().rev().filter_map(|node| node.content.namespace.as_ref()).chain(of_generators);
        found.namespace = namespaces.map(|text| text.value.clone()).find(|namespace| has_namespace(built, namespace));
        let (prefix, suffix) = name_affixes(graph, root.node);
        found.prefix = Some(prefix).filter(|text| !text.is_empty());
        found.suffix = Some(suffix).filter(|text| !text.is_empty());
        for node in &reached {
            for rule in node.content.labels.iter().filter(|rule| !rule.elsewhere) {
                let to = if rule.selectors { &mut found.selector_labels } else { &mut found.labels };
                to.extend(rule.pairs.iter().cloned());
            }
            found.annotations.extend(node.content.annotations.iter().cloned());
            for image in &node.content.images {
                let fields = [("newName", &image.new_name), ("newTag", &image.new_tag), ("digest", &image.digest)];
                let fields = fields.into_iter().filter_map(|(field, text)| Some((field, text.clone()?)));
                let fields: IndexMap<_, _> = fields.collect();
                if !fields.is_empty() {
                    found.images.entry(image.name.clone()).or_default().extend(fields);
                }
            }
            for replicas in &node.content.replicas {
                found.replicas.insert(replicas.name.clone(), replicas.count.clone());
            }
        }
        let holds = |field: &str, key: &str, value: &str| {
            let pointer = format!("/metadata/{field}/{}", key.replace('~', "~0").replace('/', "~1"));
            built.iter().all(|object| text_at(object, &pointer) == value)
        };
        found.labels.retain(|key, value| holds("labels", key, value));
        found.selector_labels.retain(|key, value| holds("labels", key, value));
        found.annotations.retain(|key, value| holds("annotations", key, value));
        found
    }

    /// Prefix and suffix of all names.
    pub(super) fn affixes(&self) -> (String, String) {
        (self.prefix.clone().unwrap_or_default(), self.suffix.clone().unwrap_or_default())
    }

    /// Name with its prefix and suffix.
    pub(super) fn affixed(&self, name: &str) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        text(&self.prefix) + name + &text(&self.suffix)
    }

    /// Whether all objects have a label or an annotation.
    pub(super) fn holds(&self, field: &str, key: &str, value: &str) -> bool {
        let of = |texts: &IndexMap<String, String>| texts.get(key).is_some_and(|text| text == value);
        if field == "labels" { of(&self.labels) || of(&self.selector_labels) } else { of(&self.annotations) }
    }
}

/// Whether all built objects with a namespace have this one.
fn has_namespace(built: &[Json], namespace: &str) -> bool {
    let of_namespace = |object: &&Json| is_namespaced(text_at(object, "/kind"));
    built.iter().filter(of_namespace).all(|object| text_at(object, "/metadata/namespace") == namespace)
}

/// Prefix and suffix of all names below a kustomization, as far as they are the same for all.
fn name_affixes(graph: &KustomizationGraph<'_>, index: NodeIndex) -> (String, String) {
    let Some(node) = graph.nodes.get(index) else { return Default::default() };
    let mut parts = Vec::new();
    for item in &node.resources {
        parts.push(match item {
            ResourceItem::File(..) => Default::default(),
            ResourceItem::Directory(below) => name_affixes(graph, *below),
        });
    }
    // one that merges changes an object from below, with its name
    if node.content.generators.iter().any(|generator| generator.behavior == GeneratorBehavior::Create) {
        parts.push(Default::default());
    }
    parts.dedup();
    let inner: (String, String) = match parts.as_slice() {
        [one] => one.clone(),
        _ => Default::default(),
    };
    let own = |text: &Option<super::field_map::Text>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let mut found = inner;
    for component in node.components.iter().filter_map(|component| graph.nodes.get(*component)) {
        found = (own(&component.content.prefix) + &found.0, found.1 + &own(&component.content.suffix));
    }
    (own(&node.content.prefix) + &found.0, found.1 + &own(&node.content.suffix))
}

impl LayerAssembly<'_, '_> {
    /// Writes the fields of all environments: to the base if they are the same everywhere.
    pub(super) fn add_common_fields(&mut self, all: &BTreeMap<String, CommonFields>) {
        let each: Vec<_> = all.values().collect();
        for (environment, fields) in all {
            macro_rules! text_field {
                ($field:ident) => {
                    if let Some(text) = &fields.$field {
                        let is_shared = each.iter().all(|other| other.$field.as_ref() == Some(text));
                        let layer = if is_shared { BASE_LAYER } else { environment };
                        self.layer(layer).$field = Some(text.clone());
                    }
                };
            }
            macro_rules! map_field {
                ($field:ident, $value:expr) => {
                    for (key, value) in &fields.$field {
                        let is_shared = each.iter().all(|other| other.$field.get(key) == Some(value));
                        let layer = if is_shared { BASE_LAYER } else { environment };
                        self.layer(layer).$field.insert(key.clone(), $value(value.clone()));
                    }
                };
            }
            text_field!(namespace);
            text_field!(prefix);
            text_field!(suffix);
            map_field!(labels, Some);
            map_field!(selector_labels, std::convert::identity);
            map_field!(annotations, std::convert::identity);
            map_field!(images, std::convert::identity);
            map_field!(replicas, std::convert::identity);
        }
    }

    /// Notes what becomes of fields without an equivalent.
    pub(super) fn note_fields(&mut self) {
        let graph = self.graph;
        let mut add = |place: &crate::span::Location, text: String| {
            let note = ImportNote { place: place_text(place), text };
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        };
        for node in &graph.nodes {
            for field in &node.content.as_built {
                let (name, why) = field.value;
                add(
                    &field.place,
                    format!("`{name}` {why}: the objects that it changes are taken as built, in each environment"),
                );
            }
            for field in &node.content.dropped {
                let (name, why) = field.value;
                add(&field.place, format!("`{name}` is dropped: it {why}"));
            }
            for image in &node.content.images {
                if let Some(suffix) = &image.tag_suffix {
                    add(&suffix.place, "`tagSuffix` has no equivalent: the images are taken as built".to_owned());
                }
            }
            for rule in node.content.labels.iter().filter(|rule| rule.elsewhere) {
                if let Some((key, _)) = rule.pairs.first() {
                    let place = node.content.source.place(crate::span::Span::locate(node.content.source.text(), 0, 0));
                    add(
                        &place,
                        format!(
                            "the label `{key}` is set in pod templates or at other paths: these are taken as built"
                        ),
                    );
                }
            }
        }
    }
}
