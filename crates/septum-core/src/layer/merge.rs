//! Merging of the layers of an environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bundle_overlay::{overlay_bundles, overlay_values};
use super::definition::{Bundle, Definition, ManifestSealCell};
use super::name_conflicts::report_conflicts;
use super::variables::MergedVariables;
use super::{Delivery, ImageChange, Layer, LayerCache, ManifestOverlay, NameAffixes, VariableRules, registries};
use crate::diagnostic::Diagnostics;
use crate::map::IndexMap;
use crate::name::{AppName, BundleName, EnvironmentName};
use crate::project::{App, BASE};
use crate::sops::NamingKey;
use crate::span::{Located, Location, Span};
use crate::visibility::KeyAccess;

impl LayerCache<'_> {
    /// Merges the definition of an environment of `app`. Invalid parts of a layer are reported and left out; `None` if
    /// a layer could not be read at all.
    pub fn merge_definition(
        &self,
        app: &App,
        environment: &EnvironmentName,
        access: KeyAccess,
        problems: &mut Diagnostics,
    ) -> Option<Definition> {
        let stack = self.stack_layers(app, environment, access, problems);
        stack.unread.is_empty().then(|| self.merge_stack(app, environment, &stack.layers, problems))
    }

    /// Merges layers, lowest first.
    pub(super) fn merge_stack(
        &self,
        app: &App,
        environment: &EnvironmentName,
        layers: &[Arc<Layer>],
        problems: &mut Diagnostics,
    ) -> Definition {
        let has_siblings = self.project.apps.len() > 1;
        let mut definition = merge_layers((app, has_siblings), environment, layers, problems);
        let mut names: Vec<_> = layers.iter().map(|layer| &layer.name).collect();
        names.dedup();
        definition.candidates = names.into_iter().flat_map(|name| self.candidates(app, name.as_str())).collect();
        definition
    }

    /// Name of an app: the one in its base, or its directory's name.
    pub fn app_name(&self, app: &App) -> Result<AppName, Diagnostics> {
        let mut name = None;
        for file in self.files(app, BASE) {
            let layer = self.load_layer(&file, &BASE.into(), KeyAccess::StructureOnly)?.layer;
            name = layer.app.as_ref().map(|app| app.value.as_str().into()).or(name);
        }
        Ok(name.unwrap_or_else(|| app.directory_name().as_str().into()))
    }

    /// Name of an app, whose base must be valid: the name by which a user selects it.
    pub fn selected_app_name(&self, app: &App) -> Result<AppName, Diagnostics> {
        for file in self.files(app, BASE) {
            let loaded = self.load_layer(&file, &BASE.into(), KeyAccess::StructureOnly)?;
            if loaded.layer.is_partial {
                return Err(loaded.problems);
            }
        }
        self.app_name(app)
    }

    /// Place of the name of an app: `app` in its own base, or else that file as a whole, which tells it from others
    /// whose name is the same one of a shared layer.
    pub fn place_of_app(&self, app: &App) -> Location {
        let files = self.files(app, BASE).into_iter().filter(|file| file.parent() == Some(&app.directory));
        let layers = files.filter_map(|file| self.load_layer(&file, &BASE.into(), KeyAccess::StructureOnly).ok());
        let layers: Vec<_> = layers.map(|loaded| loaded.layer).collect();
        let named = layers.iter().rev().find_map(|layer| Some(layer.app.as_ref()?.place.clone()));
        let whole = || layers.first().map(|layer| layer.source.place(Span::default()));
        named.or_else(whole).unwrap_or_else(Location::synthetic)
    }
}

fn merge_layers(
    (app, has_sibling_apps): (&App, bool),
    environment: &EnvironmentName,
    layers: &[Arc<Layer>],
    problems: &mut Diagnostics,
) -> Definition {
    let mut definition = definition_of(app, environment, layers);
    definition.has_sibling_apps = has_sibling_apps;
    let (mut logins, mut variables) = (IndexMap::default(), MergedVariables::default());
    for layer in layers {
        overlay_settings(&mut definition, layer);
        variables.overlay(layer, problems);
        overlay_bundles(&mut definition, &mut logins, layer, problems);
    }
    (definition.vars, definition.variable_rules) = variables.into_parts();
    registries::place_registries(&mut definition, logins, problems);
    for bundle in definition.bundles.values_mut() {
        bundle.entries.values_mut().for_each(|entry| bundle.lifecycle.complete_rules(&mut entry.rules));
    }
    report_conflicts(&definition, problems);
    definition
}

/// The definition without what layers change one after the other; the bundle of the app is its first.
fn definition_of(app: &App, environment: &EnvironmentName, layers: &[Arc<Layer>]) -> Definition {
    let named = layers.iter().rev().find_map(|layer| layer.app.as_ref());
    let name: AppName = named.map_or_else(|| app.directory_name(), |name| name.value.clone()).as_str().into();
    let own: BundleName = name.as_str().into();
    Definition {
        app: name,
        app_place: named.map(|name| name.place.clone()),
        has_sibling_apps: false,
        environment: environment.clone(),
        namespace: None,
        labels: IndexMap::default(),
        removed_labels: BTreeSet::new(),
        annotations: IndexMap::default(),
        selector_labels: IndexMap::default(),
        affixes: NameAffixes::default(),
        vars: None,
        variable_rules: VariableRules::default(),
        bundles: IndexMap::from_iter([(own, Bundle::default())]),
        overlays: Vec::new(),
        images: IndexMap::default(),
        replicas: IndexMap::default(),
        external: Vec::new(),
        names: layers.iter().rev().find_map(|layer| layer.names.clone()),
        immutable: layers.iter().rev().find_map(|layer| layer.immutable.clone()),
        delivery: Delivery::default(),
        naming_key: NamingKey::combine_keys(layers.iter().filter_map(|layer| layer.naming_key.as_ref())),
        wrappings: layers.iter().filter_map(|layer| Some((layer.source.clone(), layer.wrapping?))).collect(),
        manifest_seals: ManifestSealCell::default(),
        former_uses: Vec::new(),
        allow: Vec::new(),
        candidates: Vec::new(),
        files: layers.iter().map(|layer| layer.source.clone()).collect(),
        layers: layers.to_vec(),
    }
}

/// Everything of a layer but variables and bundles.
fn overlay_settings(definition: &mut Definition, layer: &Layer) {
    overlay_text(&mut definition.namespace, layer.namespace.as_ref());
    overlay_text(&mut definition.affixes.prefix, layer.prefix.as_ref());
    overlay_text(&mut definition.affixes.suffix, layer.suffix.as_ref());
    overlay_values(&mut definition.labels, &layer.labels);
    for (key, label) in &layer.labels {
        match label.value {
            Some(_) => definition.removed_labels.remove(key),
            None => definition.removed_labels.insert(key.clone()),
        };
    }
    overlay_values(&mut definition.selector_labels, &layer.selector_labels);
    overlay_values(&mut definition.annotations, &layer.annotations);
    overlay_manifests(&mut definition.overlays, layer);
    for (name, change) in &layer.images {
        overlay_image(&mut definition.images, name, change);
    }
    overlay_values(&mut definition.replicas, &layer.replicas);
    definition.delivery.overlay(&layer.delivery);
    definition.external.extend(layer.external.iter().cloned());
    definition.allow.extend(layer.allow.iter().cloned());
}

/// Adds the manifests of a layer; those that replace the earlier ones leave nothing for their patches.
fn overlay_manifests(overlays: &mut Vec<ManifestOverlay>, layer: &Layer) {
    if layer.manifests.as_ref().is_some_and(|manifests| manifests.replaces) {
        overlays.clear();
    }
    let manifests = layer.manifests.as_ref().map(|manifests| manifests.patterns.clone()).unwrap_or_default();
    if !manifests.is_empty() || !layer.patches.is_empty() {
        overlays.push(ManifestOverlay { manifests, patches: layer.patches.clone() });
    }
}

fn overlay_image(
    images: &mut IndexMap<String, Located<ImageChange>>,
    name: &str,
    change: &Located<Option<ImageChange>>,
) {
    let Some(value) = &change.value else {
        images.shift_remove(name);
        return;
    };
    let fresh = || Located { value: ImageChange::default(), place: change.place.clone() };
    let image = images.entry(name.to_owned()).or_insert_with(fresh);
    image.value.overlay(value);
    image.place = change.place.clone();
}

fn overlay_text(text: &mut Option<Located<String>>, change: Option<&Located<Option<String>>>) {
    if let Some(Located { value, place }) = change {
        *text = value.clone().map(|value| Located { value, place: place.clone() });
    }
}
