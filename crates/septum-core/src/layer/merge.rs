//! Merging of the layers of an environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::definition::{Bundle, Definition, ManifestSealCell};
use super::entry::{Entry, EntryHistoryStep, EntryPatch, EntrySchema, EntrySource, LayerChange};
use super::name_conflicts::{FormerNames, report_conflicts};
use super::renames::{self, FormerKeyUse, misplaced_rename};
use super::variables::MergedVariables;
use super::{
    BundlePatch, Delivery, ImageChange, Layer, LayerCache, LayerRole, ManifestOverlay, NameAffixes, Tree, TreeKind,
    VariableRules, content_keys, registries, tree,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, nearest_slip};
use crate::map::IndexMap;
use crate::name::{AppName, BundleName, EntryId, EnvironmentName, KeyName};
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
    let named = layers.iter().rev().find_map(|layer| layer.app.as_ref());
    let name: AppName = named.map_or_else(|| app.directory_name(), |name| name.value.clone()).as_str().into();
    let own: BundleName = name.as_str().into();
    let mut definition = Definition {
        app: name,
        app_place: named.map(|name| name.place.clone()),
        has_sibling_apps,
        environment: environment.clone(),
        namespace: None,
        labels: IndexMap::default(),
        removed_labels: BTreeSet::new(),
        annotations: IndexMap::default(),
        selector_labels: IndexMap::default(),
        affixes: NameAffixes::default(),
        vars: None,
        variable_rules: VariableRules::default(),
        bundles: IndexMap::from_iter([(own.clone(), Bundle::default())]),
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
    };
    let (mut logins, mut variables) = (IndexMap::default(), MergedVariables::default());
    for layer in layers {
        overlay_text(&mut definition.namespace, layer.namespace.as_ref());
        overlay_text(&mut definition.affixes.prefix, layer.prefix.as_ref());
        overlay_text(&mut definition.affixes.suffix, layer.suffix.as_ref());
        overlay_texts(&mut definition.labels, &layer.labels);
        for (key, label) in &layer.labels {
            match label.value {
                Some(_) => definition.removed_labels.remove(key),
                None => definition.removed_labels.insert(key.clone()),
            };
        }
        overlay_texts(&mut definition.selector_labels, &layer.selector_labels);
        overlay_texts(&mut definition.annotations, &layer.annotations);
        variables.overlay(layer, problems);
        // rules of the own bundle (`open`, `type`) come before its entries
        for (bundle_name, change) in &layer.bundles {
            overlay_bundle(&mut definition.bundles, bundle_name, change, layer, problems);
        }
        let has_logins = logins.contains_key(&own);
        overlay_entries(&mut definition, (&own, has_logins), &layer.data, layer, problems);
        for (bundle_name, change) in &layer.bundles {
            if let Some(bundle) = definition.bundles.get(bundle_name) {
                overlay_registries(&mut logins, bundle, bundle_name, change, layer, problems);
                let has_logins = logins.contains_key(bundle_name);
                overlay_entries(&mut definition, (bundle_name, has_logins), &change.data, layer, problems);
            }
        }
        overlay_manifests(&mut definition.overlays, layer);
        for (name, change) in &layer.images {
            overlay_image(&mut definition.images, name, change);
        }
        for (name, Located { value, place }) in &layer.replicas {
            match value {
                Some(value) => {
                    drop(definition.replicas.insert(name.clone(), Located { value: *value, place: place.clone() }));
                }
                None => drop(definition.replicas.shift_remove(name)),
            }
        }
        definition.delivery.overlay(&layer.delivery);
        definition.external.extend(layer.external.iter().cloned());
        definition.allow.extend(layer.allow.iter().cloned());
    }
    (definition.vars, definition.variable_rules) = variables.into_parts();
    registries::place_registries(&mut definition, logins, problems);
    for bundle in definition.bundles.values_mut() {
        bundle.entries.values_mut().for_each(|entry| bundle.lifecycle.complete_rules(&mut entry.rules));
    }
    report_conflicts(&definition, problems);
    definition
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

fn overlay_texts(texts: &mut IndexMap<String, Located<String>>, changes: &IndexMap<String, Located<Option<String>>>) {
    for (key, change) in changes {
        match &change.value {
            Some(value) => {
                texts.insert(key.clone(), Located { value: value.clone(), place: change.place.clone() });
            }
            None => {
                texts.shift_remove(key);
            }
        }
    }
}

fn overlay_bundle(
    bundles: &mut IndexMap<BundleName, Bundle>,
    name: &BundleName,
    change: &BundlePatch,
    layer: &Layer,
    problems: &mut Diagnostics,
) {
    if !layer.role.defines() {
        if !bundles.contains_key(name) {
            problems.push(
                Diagnostic::error(
                    Rule::UnknownKey,
                    format!("the bundle `{name}` is changed in `{}`, but it is not defined", layer.name),
                )
                .at(change.place.clone())
                .maybe_hint(did_you_mean(name.as_str(), bundles.keys().map(BundleName::as_str)))
                .hint("define it in `base.yaml`"),
            );
            return;
        }
        if let Some(secret_type) = &change.secret_type {
            let message = format!("the type of the bundle `{name}` may not differ between environments");
            problems.push(
                Diagnostic::error(Rule::InvalidField, message)
                    .at(secret_type.place.clone())
                    .hint("set `type` in `base.yaml`"),
            );
            return;
        }
    }
    if layer.role == LayerRole::Mixin && !bundles.contains_key(name) {
        let is_left = |known: &str| !layer.bundles.contains_key(known);
        problems.extend(
            nearest_slip(name.as_str(), bundles.keys().map(BundleName::as_str), is_left)
                .map(|near| hardly_new(&format!("the bundle `{name}`"), layer, near).at(change.place.clone())),
        );
    }
    let bundle = bundles.entry(name.clone()).or_default();
    bundle.place.get_or_insert_with(|| change.place.clone());
    bundle.secret_type = change.secret_type.clone().or_else(|| bundle.secret_type.take());
    bundle.open = change.open.as_ref().map_or(bundle.open, |open| open.value);
    bundle.names = change.names.clone().or_else(|| bundle.names.take());
    bundle.immutable = change.immutable.clone().or_else(|| bundle.immutable.take());
    bundle.rbac = change.rbac.clone().or_else(|| bundle.rbac.take());
    bundle.lifecycle.overlay(&change.lifecycle);
    overlay_texts(&mut bundle.labels, &change.labels);
    overlay_texts(&mut bundle.annotations, &change.annotations);
}

fn overlay_registries(
    logins: &mut IndexMap<BundleName, Entry>,
    bundle: &Bundle,
    name: &BundleName,
    change: &BundlePatch,
    layer: &Layer,
    problems: &mut Diagnostics,
) {
    let Some(registries) = &change.registries else { return };
    // a type for registries implies the key
    let is_of_type = bundle.secret_type.as_ref().is_some_and(|kind| registries::key_of(&kind.value).is_some());
    if !logins.contains_key(name) && !layer.role.defines() && !bundle.open && !is_of_type {
        problems.push(
            Diagnostic::error(
                Rule::UnknownKey,
                format!("`{}` sets `registries` in the bundle `{name}`, but they are not defined", layer.name),
            )
            .at(registries.key_place.clone())
            .hint("define them in `base.yaml`; `registries: {}` is enough"),
        );
        return;
    }
    let entry = logins.entry(name.clone()).or_insert_with(|| Entry::defined_at(&registries.key_place));
    entry.broken |= registries.broken;
    overlay_entry(entry, &"registries".into(), registries, layer, problems);
}

fn overlay_entries(
    definition: &mut Definition,
    (name, has_logins): (&BundleName, bool),
    changes: &IndexMap<KeyName, EntryPatch>,
    layer: &Layer,
    problems: &mut Diagnostics,
) {
    if changes.is_empty() {
        return;
    }
    let Definition { bundles, former_uses, app, has_sibling_apps, .. } = definition;
    let app = has_sibling_apps.then_some(&*app);
    let former_names = FormerNames::of_bundle(bundles.get(name));
    for (key, change) in changes {
        let bundle = bundles.entry(name.clone()).or_default();
        problems.extend(misplaced_rename(key, change, layer));
        if let Some(current) = former_names.current_name(bundle, key, &change.key_place).cloned() {
            let id = EntryId { bundle: name.clone(), key: current.clone() };
            let has_key = |bundle: &Bundle| [key, &current].iter().any(|key| bundle.entries.contains_key(*key));
            let has_namesake = bundles.iter().any(|(other, bundle)| other != name && has_key(bundle));
            let command = renames::rename_command(app, key, &id, has_namesake);
            let former = FormerKeyUse::of_change(id, key, change, command);
            problems.push(former.warning(layer));
            former_uses.push(former);
            if let Some(entry) = bundles.get_mut(name).and_then(|bundle| bundle.entries.get_mut(&current)) {
                entry.broken |= change.broken;
                overlay_entry(entry, &current, change, layer, problems);
            }
            continue;
        }
        let may_define = (layer.role.defines() || bundle.open) && !change.removed;
        if !bundle.entries.contains_key(key) && has_logins && registries::is_generated_key(key) && !layer.role.defines()
        {
            problems.push(registries::generated_key(name, key, change));
            continue;
        }
        if !bundle.entries.contains_key(key) && !may_define {
            problems.push(unknown_key(bundles, name, key, change, layer));
            continue;
        }
        if layer.role != LayerRole::Base && !bundle.entries.contains_key(key) {
            let is_left = |known: &str| !changes.contains_key(known);
            problems.extend(
                nearest_slip(key.as_str(), bundle.entries.keys().map(KeyName::as_str), is_left)
                    .map(|near| hardly_new(&format!("`{key}`"), layer, near).at(change.key_place.clone())),
            );
        }
        let entry = bundle.entries.entry(key.clone()).or_insert_with(|| Entry::defined_at(&change.key_place));
        entry.broken |= change.broken;
        overlay_entry(entry, key, change, layer, problems);
    }
}

/// Warning: a layer defines a name that nearly equals one defined by a layer below it.
fn hardly_new(what: &str, layer: &Layer, near: &str) -> Diagnostic {
    Diagnostic::warning(Rule::UnknownKey, format!("{what} is new in `{}`: no lower layer defines it", layer.name))
        .hint(format!("did you mean `{near}`?"))
        .hint("if it is new, define it in `base.yaml`")
}

fn unknown_key(
    bundles: &IndexMap<BundleName, Bundle>,
    name: &BundleName,
    key: &KeyName,
    change: &EntryPatch,
    layer: &Layer,
) -> Diagnostic {
    let verb = if change.removed { "removed" } else { "set" };
    let error =
        Diagnostic::error(Rule::UnknownKey, format!("`{key}` is {verb} in `{}`, but it is not defined", layer.name))
            .at(change.key_place.clone());
    let known = bundles.get(name).into_iter().flat_map(|bundle| bundle.entries.keys()).map(KeyName::as_str);
    let near = did_you_mean(key.as_str(), known);
    let or = if near.is_some() { "or " } else { "" };
    let error = error.maybe_hint(near);
    if let Some((other, _)) = bundles.iter().find(|(_, bundle)| bundle.entries.contains_key(key)) {
        return error.hint(format!("the bundle `{other}` has a key of this name"));
    }
    if change.removed || layer.role.defines() {
        return error;
    }
    error.hint(format!(
        "{or}define it in `base.yaml`; `bundles: {{ {name}: {{ open: true }} }}` there allows undefined keys"
    ))
}

fn overlay_entry(entry: &mut Entry, key: &KeyName, change: &EntryPatch, layer: &Layer, problems: &mut Diagnostics) {
    if let Some(declared) = change.rules.sensitive.as_ref().filter(|declared| !declared.value) {
        let raised = entry.rules.sensitive.as_ref().filter(|earlier| earlier.value);
        if let Some(problem) = lowered_sensitivity(key, declared, raised, layer.role) {
            problems.push(problem);
            return;
        }
    }
    EntrySchema::overlay(&mut entry.rules, &change.rules);
    let origin =
        |place: &Location, change| EntryHistoryStep { layer: layer.name.clone(), place: place.clone(), change };
    if change.removed {
        entry.source = None;
        entry.history.push(origin(&change.key_place, LayerChange::Removed));
        return;
    }
    let Some(new) = &change.source else {
        entry.history.push(origin(&change.key_place, LayerChange::Rules));
        return;
    };
    if let (EntrySource::Content(more), Some(Located { value: EntrySource::Content(content), place }))
    | (EntrySource::Registries(more), Some(Located { value: EntrySource::Registries(content), place })) =
        (&new.value, &mut entry.source)
    {
        if matches!(new.value, EntrySource::Content(_)) {
            content_keys::report_mistyped_keys(content, more, key.as_str(), layer.name.as_str(), problems);
        }
        tree::merge_trees(content, more, problems);
        *place = new.place.clone();
        entry.history.push(origin(&new.place, LayerChange::Merged(more.clone())));
        return;
    }
    let source = match &new.value {
        EntrySource::Content(content) => EntrySource::Content(tree::first_layer(content)),
        EntrySource::Registries(logins) => EntrySource::Registries(without_nulls(logins)),
        other => other.clone(),
    };
    entry.history.push(origin(&new.place, LayerChange::Source(source.clone())));
    entry.source = Some(Located { value: source, place: new.place.clone() });
}

/// Removes nulls from logins. A null is never a value there: it removes a server, or a field of one, that an earlier
/// layer may have given.
fn without_nulls(logins: &Tree) -> Tree {
    let mut first = Tree { place: logins.place.clone(), kind: TreeKind::Map(IndexMap::default()) };
    tree::merge_trees(&mut first, logins, &mut Diagnostics::new());
    first
}

/// Error: an overlay lowers sensitivity. It may raise plain to sensitive, never lower it; and since routing is the same
/// in all environments, only a layer that defines keys may declare one plain.
fn lowered_sensitivity(
    key: &KeyName,
    declared: &Located<bool>,
    raised: Option<&Located<bool>>,
    role: LayerRole,
) -> Option<Diagnostic> {
    let error = |message| Diagnostic::error(Rule::LoweredSensitivity, message).at(declared.place.clone());
    match (raised, role) {
        (Some(earlier), _) => Some(
            error(format!("`{key}` is declared sensitive by an earlier layer, which a later layer cannot override"))
                .at_with(earlier.place.clone(), "declared here")
                .hint("remove this line, or the declaration in the earlier layer"),
        ),
        (None, LayerRole::Environment) => Some(
            error(format!(
                "an environment cannot declare `{key}` plain, because a key is routed the same way in all environments"
            ))
            .hint("declare it in `base.yaml`, with a `reason`"),
        ),
        (None, LayerRole::Base | LayerRole::Mixin) => None,
    }
}
