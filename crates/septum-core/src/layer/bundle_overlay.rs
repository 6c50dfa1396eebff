//! Bundles and entries of a definition, as the layers above its base change them.

use super::definition::{Bundle, Definition};
use super::entry::{Entry, EntryHistoryStep, EntryPatch, EntrySchema, EntrySource, LayerChange};
use super::name_conflicts::FormerNames;
use super::renames::{self, FormerKeyUse, misplaced_rename};
use super::{BundlePatch, Layer, LayerRole, Tree, TreeKind, content_keys, registries, tree};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, nearest_slip};
use crate::map::IndexMap;
use crate::name::{BundleName, EntryId, KeyName};
use crate::span::{Located, Location};

/// The bundles of a layer and their entries, the own bundle first.
pub(super) fn overlay_bundles(
    definition: &mut Definition,
    logins: &mut IndexMap<BundleName, Entry>,
    layer: &Layer,
    problems: &mut Diagnostics,
) {
    // rules of the own bundle (`open`, `type`) come before its entries
    for (bundle_name, change) in &layer.bundles {
        overlay_bundle(&mut definition.bundles, bundle_name, change, layer, problems);
    }
    let own: BundleName = definition.app.as_str().into();
    let has_logins = logins.contains_key(&own);
    overlay_entries(definition, (&own, has_logins), &layer.data, layer, problems);
    for (bundle_name, change) in &layer.bundles {
        if let Some(bundle) = definition.bundles.get(bundle_name) {
            overlay_registries(logins, bundle, bundle_name, change, layer, problems);
            let has_logins = logins.contains_key(bundle_name);
            overlay_entries(definition, (bundle_name, has_logins), &change.data, layer, problems);
        }
    }
}

/// The values of a layer; `None` removes one.
pub(super) fn overlay_values<V: Clone>(
    values: &mut IndexMap<String, Located<V>>,
    changes: &IndexMap<String, Located<Option<V>>>,
) {
    for (key, change) in changes {
        match &change.value {
            Some(value) => {
                values.insert(key.clone(), Located { value: value.clone(), place: change.place.clone() });
            }
            None => {
                values.shift_remove(key);
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
    overlay_values(&mut bundle.labels, &change.labels);
    overlay_values(&mut bundle.annotations, &change.annotations);
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
        // nulls remove keys of what it replaces, which has none: they are values in the first structure alone
        EntrySource::Content(content) if entry.source.is_some() => EntrySource::Content(without_nulls(content)),
        EntrySource::Content(content) => EntrySource::Content(tree::first_layer(content)),
        EntrySource::Registries(logins) => EntrySource::Registries(without_nulls(logins)),
        other => other.clone(),
    };
    entry.history.push(origin(&new.place, LayerChange::Source(source.clone())));
    entry.source = Some(Located { value: source, place: new.place.clone() });
}

/// Structure merged over nothing, which leaves its nulls out. In logins, a null is never a value: it removes a server, or
/// a field of one, that an earlier layer may have given.
fn without_nulls(structure: &Tree) -> Tree {
    let mut first = Tree { place: structure.place.clone(), kind: TreeKind::Map(IndexMap::default()) };
    tree::merge_trees(&mut first, structure, &mut Diagnostics::new());
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
