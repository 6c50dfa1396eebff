//! Labels, annotations and immutability of bundles: those of kustomizations that do not hold for all objects of the app.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::assemble::{BASE_LAYER, LayerAssembly};
use super::json::text_at;
use super::transform::{CommonFields, KustomizeObjects};
use crate::map::IndexMap;
use crate::sort::sort;

/// Length of the hash at the end of a name.
const HASH: usize = 10;

/// Texts of the objects of a bundle, by environment.
type EnvironmentTexts = BTreeMap<String, IndexMap<String, String>>;

impl LayerAssembly<'_, '_> {
    /// Adds what the built objects of each bundle have in addition to the fields of all objects: to the base if it is
    /// the same in all environments that have the bundle.
    pub(super) fn add_bundle_metadata(&mut self, fields: &BTreeMap<String, CommonFields>, built: &KustomizeObjects) {
        let mut names: Vec<_> = self.layers.values().flat_map(|layer| layer.bundles.keys().cloned()).collect();
        sort(&mut names);
        names.dedup();
        for name in names {
            for field in ["labels", "annotations"] {
                let mut found = EnvironmentTexts::new();
                for (environment, objects) in built {
                    let common = fields.get(environment).cloned().unwrap_or_default();
                    let texts = bundle_texts(objects, &common.affixed(&name), field);
                    let own = |(key, value): &(String, String)| !common.holds(field, key, value);
                    found.extend(texts.map(|texts| (environment.clone(), texts.into_iter().filter(own).collect())));
                }
                self.add_bundle_texts(&name, field, &found);
            }
            self.add_immutable(&name, fields, built);
        }
    }

    /// Sets whether the objects of a bundle are immutable: kustomize takes it from the last generator of the name.
    fn add_immutable(&mut self, name: &str, fields: &BTreeMap<String, CommonFields>, built: &KustomizeObjects) {
        let mut found = BTreeMap::new();
        for (environment, objects) in built {
            let affixed = fields.get(environment).map_or_else(|| name.to_owned(), |fields| fields.affixed(name));
            let mut of_bundle = objects.iter().filter(|object| is_of_bundle(object, &affixed)).peekable();
            if of_bundle.peek().is_some() {
                found.insert(environment, of_bundle.all(|object| object["immutable"] == true));
            }
        }
        if found.is_empty() {
            return;
        }
        self.layers.values_mut().filter_map(|layer| layer.bundles.get_mut(name)).for_each(|bundle| {
            bundle.immutable = None;
        });
        let is_shared = found.values().all(|immutable| *immutable);
        let of_environments = found.into_iter().filter(|(_, immutable)| *immutable && !is_shared);
        let layers =
            of_environments.map(|(environment, _)| environment.as_str()).chain(is_shared.then_some(BASE_LAYER));
        for layer in layers {
            self.layer(layer).bundles.entry(name.to_owned()).or_default().immutable = Some(true);
        }
    }

    fn add_bundle_texts(&mut self, name: &str, field: &str, found: &EnvironmentTexts) {
        for (environment, texts) in found {
            for (key, value) in texts {
                let is_shared = found.values().all(|other| other.get(key) == Some(value));
                let layer = if is_shared { BASE_LAYER } else { environment };
                let bundle = self.layer(layer).bundles.entry(name.to_owned()).or_default();
                let texts = if field == "labels" { &mut bundle.labels } else { &mut bundle.annotations };
                texts.insert(key.clone(), Some(value.clone()));
            }
        }
    }
}

/// Texts that all objects of a bundle have; `None` if there is no such object.
fn bundle_texts(objects: &[Json], name: &str, field: &str) -> Option<IndexMap<String, String>> {
    let mut of_bundle = objects.iter().filter(|object| is_of_bundle(object, name)).map(|object| {
        let texts = object.pointer(&format!("/metadata/{field}")).and_then(Json::as_object);
        let texts = texts.into_iter().flatten();
        texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect::<IndexMap<_, _>>()
    });
    let mut first = of_bundle.next()?;
    for other in of_bundle {
        first.retain(|key, value| other.get(key) == Some(value));
    }
    Some(first)
}

/// Whether an object has the name of a bundle, with or without a hash.
fn is_of_bundle(object: &Json, name: &str) -> bool {
    let is_kind = matches!(text_at(object, "/kind"), "ConfigMap" | "Secret") && text_at(object, "/apiVersion") == "v1";
    let is_hash = |rest: &str| {
        let hash = rest.strip_prefix('-');
        hash.is_some_and(|hash| hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    let rest = text_at(object, "/metadata/name").strip_prefix(name);
    is_kind && rest.is_some_and(|rest| rest.is_empty() || is_hash(rest))
}
