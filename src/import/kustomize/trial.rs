//! Layers between two trials: the plan that is tried, and what a trial before it left.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::BuiltRoots;
use super::assemble::{BASE_LAYER, LayerAssembly};
use super::correct::IS_PATCHED;
use super::object_correction::CORRECTION;
use super::transform::KustomizeObjects;
use crate::import::{ExpectedEnvironment, ImportPlan};
use crate::sort::sort_by_key;

impl LayerAssembly<'_, '_> {
    /// The plan of the layers as they are.
    pub(super) fn to_plan(&self, built: &BuiltRoots) -> ImportPlan {
        let (files, notes, references) = (self.files.clone(), self.notes.clone(), self.references_text());
        let mut plan = ImportPlan { files, references, notes, ..ImportPlan::default() };
        for (name, layer) in &self.layers {
            let is_root = name == BASE_LAYER || self.roots.iter().any(|root| root.name == *name);
            let is_named = self.layers.values().any(|other| other.extends.contains(name));
            if is_root || is_named {
                plan.add_file(format!("{name}.yaml"), layer.to_bytes().to_vec());
                if let Some(secrets) = layer.secrets_bytes() {
                    plan.add_secret_layer(format!("{name}.secrets.yaml"), secrets);
                }
            }
        }
        for root in self.roots {
            let objects = built.trees.get(&root.name).cloned().unwrap_or_default();
            plan.expected.push(ExpectedEnvironment {
                name: root.name.clone(),
                objects,
                ..ExpectedEnvironment::default()
            });
        }
        plan
    }

    /// Environments with their objects, each after those that it extends.
    pub(super) fn with_extended_first<'b>(&self, built: &'b KustomizeObjects) -> Vec<(&'b String, &'b Vec<Json>)> {
        let mut found: Vec<_> = built.iter().collect();
        sort_by_key(&mut found, |(name, _)| self.layers_of(name).len());
        found
    }

    /// Removes bundles that kustomize builds in another way from all layers; their objects are then taken as built.
    pub(super) fn drop_bundles(&mut self, names: &BTreeSet<String>) {
        for layer in self.layers.values_mut() {
            layer.bundles.retain(|name, _| !names.contains(name));
        }
        for name in names {
            for kind in ["ConfigMap", "Secret"] {
                self.declare_temporary(kind, name);
            }
        }
    }

    /// Removes the patches of former trials, and the notes about them.
    pub(super) fn forget_corrections(&mut self) {
        self.patched.clear();
        self.notes.retain(|note| !note.text.contains(&format!(" {IS_PATCHED}: ")));
        for layer in self.layers.values_mut() {
            layer.patches.retain(|patch| patch.origin != CORRECTION);
        }
    }

    /// Declares an object as external until the built one is there. Whether it was not declared before.
    pub(super) fn declare_temporary(&mut self, kind: &str, name: &str) -> bool {
        let object = (kind.to_owned(), name.to_owned(), None);
        let is_final = self.is_final;
        let base = self.layer(BASE_LAYER);
        if base.external.contains(&object) {
            return false;
        }
        base.external.push(object.clone());
        if !is_final {
            self.temporary.push(object);
        }
        true
    }

    /// Removes the objects that were declared until the built ones were there. Whether there were any.
    pub(super) fn forget_temporary(&mut self) -> bool {
        let temporary = std::mem::take(&mut self.temporary);
        self.is_final = true;
        let base = self.layer(BASE_LAYER);
        base.external.retain(|object| !temporary.contains(object));
        !temporary.is_empty()
    }
}
