//! All objects of a target: those built from bundles, and those that the app provides.

use std::cell::OnceCell;

use super::access::build_access;
use super::build::build_objects;
use super::checksum::object_checksums;
use super::declared;
use super::external::usurped_names;
use super::input::BuildInput;
use super::jobs::hashed_name_warning;
use super::link::ReferenceChecker;
use super::metadata::common_metadata;
use super::name_index::ObjectsByName;
use super::pod;
use super::provide::ObjectIndex;
use super::renamed::RenamedObjects;
use super::sealed::sealed_elsewhere;
use super::{ExternalBundle, Object, ObjectKind, Reveal};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Definition;
use crate::manifest::references::{Reference, ReferenceRules, find_references, suspicious_names};
use crate::manifest::{self, ChecksumIndex, CommonMetadata, Manifest};
use crate::map::HashSet;
use crate::name::EnvironmentName;
use crate::sort::{CollectSorted, sort_by};
use crate::value::OutputValue;
use crate::visibility::Visibility;

/// Object of the output.
#[derive(Debug)]
pub enum RenderedObject {
    /// An object built from a bundle.
    Bundle(Object),
    /// Another object, for an environment.
    Manifest(Manifest, EnvironmentName),
}

impl RenderedObject {
    /// Sort key of objects, which must be unique in a run: kind, namespace, name.
    pub fn identity(&self) -> (&str, &str, &str) {
        match self {
            Self::Bundle(object) => {
                let (kind, namespace, name) = object.identity();
                (kind.as_str(), namespace, name)
            }
            Self::Manifest(manifest, _) => {
                (&manifest.kind, manifest.namespace.as_deref().unwrap_or_default(), &manifest.name)
            }
        }
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        match self {
            Self::Bundle(_) => "",
            Self::Manifest(manifest, _) => manifest.group(),
        }
    }

    /// Environment it was built for.
    pub fn environment(&self) -> &EnvironmentName {
        match self {
            Self::Bundle(object) => &object.environment,
            Self::Manifest(_, environment) => environment,
        }
    }

    /// Whether all of it is known, including its name and its references.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Bundle(object) => object.is_known() && object.is_named,
            Self::Manifest(manifest, _) => manifest.visibility == Visibility::Known,
        }
    }

    /// Name that stays when the values change.
    pub fn base_name(&self) -> &str {
        match self {
            Self::Bundle(object) => &object.base_name,
            Self::Manifest(manifest, _) => &manifest.name,
        }
    }

    /// Whether it is a Secret.
    pub fn is_secret(&self) -> bool {
        self.group().is_empty() && self.identity().0 == ObjectKind::Secret.as_str()
    }

    /// Object as a structure.
    pub fn to_value(&self, reveal: Reveal) -> OutputValue<'_> {
        match self {
            Self::Bundle(object) => object.to_value(reveal),
            Self::Manifest(manifest, _) => {
                let value = manifest.tree.to_value();
                if reveal == Reveal::Nothing && self.is_secret() {
                    with_hidden_values(value, super::HIDDEN)
                } else {
                    value
                }
            }
        }
    }

    /// Secret as a structure with a mark in place of each value that is not empty, decrypted or not; another object
    /// with a mark in place of each unknown checksum.
    pub fn to_outline<'a>(&'a self, mark: &'a str) -> OutputValue<'a> {
        let object = match self {
            Self::Bundle(object) => object,
            Self::Manifest(..) if self.is_secret() => return with_hidden_values(self.to_value(Reveal::Values), mark),
            Self::Manifest(manifest, _) => {
                return with_marks(self.to_value(Reveal::Values), &manifest.unknown_checksums, mark);
            }
        };
        let OutputValue::Map(mut fields) = object.to_value(Reveal::Nothing) else { return OutputValue::Null };
        let known = object.data.iter().map(|(key, value)| (key, !value.bytes().is_empty()));
        let keys = known.chain(object.unknown.keys().map(|key| (key, true))).collect_map();
        let values = keys
            .into_iter()
            .map(|(key, has_value)| (key.as_str(), OutputValue::text(if has_value { mark } else { "" })));
        fields.retain(|(field, _)| field != "data");
        fields.push(("data".into(), OutputValue::map(values)));
        OutputValue::Map(fields)
    }
}

/// Structure with the values of some keys replaced by a mark.
fn with_marks<'a>(value: OutputValue<'a>, keys: &[String], mark: &'a str) -> OutputValue<'a> {
    match value {
        OutputValue::Map(pairs) => {
            let marked = pairs.into_iter().map(|(key, value)| {
                let is_marked = keys.iter().any(|marked| *marked == *key);
                let value = if is_marked { OutputValue::text(mark) } else { with_marks(value, keys, mark) };
                (key, value)
            });
            OutputValue::Map(marked.collect())
        }
        OutputValue::List(items) => {
            OutputValue::List(items.into_iter().map(|item| with_marks(item, keys, mark)).collect())
        }
        other => other,
    }
}

/// Structure of a Secret with its values replaced by a mark.
fn with_hidden_values<'a>(value: OutputValue<'a>, mark: &'a str) -> OutputValue<'a> {
    let OutputValue::Map(fields) = value else { return value };
    let hide = |value| match value {
        OutputValue::Map(pairs) => {
            OutputValue::Map(pairs.into_iter().map(|(key, _)| (key, OutputValue::text(mark))).collect())
        }
        _ => OutputValue::text(mark),
    };
    let is_data = |key: &str| matches!(key, "data" | "stringData");
    let fields = fields.into_iter().map(|(key, value)| if is_data(&key) { (key, hide(value)) } else { (key, value) });
    OutputValue::Map(fields.collect())
}

/// Objects of a target.
#[derive(Debug, Default)]
pub struct TargetObjects {
    /// Complete objects, in the order in which they are written.
    pub whole: Vec<RenderedObject>,
    /// Bundles whose values are in a store.
    pub external: Vec<ExternalBundle>,
}

/// Renders all objects of a target.
pub fn render(target: BuildInput<'_>, problems: &mut Diagnostics) -> TargetObjects {
    let definition = &*target.resolved.definition;
    let common = common_metadata(definition, problems);
    let (objects, mut external) = build_objects(target, &common, problems);
    let provided = ObjectIndex::of(target.resolved, target.routing);
    let bundles = provided.to_bundles(definition);
    let mut manifests = Vec::new();
    for mut manifest in manifest::collect_manifests(target.resolved, target.routing, problems) {
        manifest::wire_workload(&mut manifest, &bundles, problems);
        manifests.push(manifest);
    }
    let built = ObjectsByName::of(&objects);
    manifests.extend(build_access(definition, &built, &external, problems));
    problems.extend(manifests.iter().filter_map(|manifest| namesake_error(manifest, &built, definition)));
    problems.extend(usurped_names(&external, &built, &manifests));
    for manifest in &mut manifests {
        provided.rename_split_keys(&mut manifest.tree, target.references);
    }
    check_links(target, &manifests, provided, problems);
    manifest::add_affixes(&mut manifests, &definition.affixes, common.namespace.as_deref(), target.references);
    for part in &mut external {
        part.name = definition.affixes.apply(&part.name);
    }
    let moved = manifest::MovedObjects::of(&manifests);
    let checksums = if manifests.iter().any(manifest::requests_checksums) {
        object_checksums(definition, &objects.iter().collect::<Vec<_>>(), &manifests)
    } else {
        ChecksumIndex::default()
    };
    let mut renamed = RenamedObjects::default();
    renamed.add(&objects, &external);
    let names = renamed.written_names();
    for manifest in &mut manifests {
        problems.extend(hashed_name_warning(manifest, target.references, &built, definition));
        rename_references(manifest, target.references, (&renamed, &names), &common, problems);
        manifest::reload(manifest, target.references, problems);
        manifest::add_checksums(manifest, target.references, &checksums, problems);
        manifest::apply_common(manifest, &common, &moved);
        declared::check_manifest(manifest, target, problems);
        problems.extend(sealed_elsewhere(manifest));
    }
    let manifests =
        manifests.into_iter().map(|manifest| RenderedObject::Manifest(manifest, definition.environment.clone()));
    let mut whole: Vec<_> = objects.into_iter().map(RenderedObject::Bundle).chain(manifests).collect();
    sort_by(&mut whole, |a, b| a.identity().cmp(&b.identity()));
    TargetObjects { whole, external }
}

/// Error: a manifest has the name that a bundle's object has without its suffix. kustomize rejects that too: a
/// reference would silently lead to the wrong one of the two.
fn namesake_error(manifest: &Manifest, built: &ObjectsByName<'_>, definition: &Definition) -> Option<Diagnostic> {
    let object = built.get(&manifest.kind, &manifest.name).filter(|_| manifest.group().is_empty())?;
    let name = &object.base_name;
    if object.name == definition.affixes.apply(name) {
        return None;
    }
    let message = format!("{} has the same name as the bundle `{name}`", manifest.label());
    let error = Diagnostic::error(Rule::InvalidName, message).at(manifest.place().clone());
    let error = match definition.place_of_bundle(name) {
        Some(place) => error.at_with(place.clone(), "the bundle"),
        None => error,
    };
    Some(
        error
            .note(format!("the object of the bundle gets a hash suffix, so a reference to `{name}` would be ambiguous"))
            .hint("rename one of them"),
    )
}

/// Checks all references. An object of a manifest or a controller may be referenced by any other.
fn check_links(target: BuildInput<'_>, manifests: &[Manifest], mut provided: ObjectIndex, problems: &mut Diagnostics) {
    let all: Vec<_> = manifests.iter().map(|manifest| find_references(&manifest.tree, target.references)).collect();
    for (manifest, references) in manifests.iter().zip(&all) {
        provided.add(manifest, references);
    }
    let (resolved, routing) = (target.resolved, target.routing);
    let definition = &*resolved.definition;
    let links = ReferenceChecker { provided: &provided, definition, routing, resolved, nameless: OnceCell::new() };
    for (manifest, references) in manifests.iter().zip(&all) {
        links.check(manifest, references, problems);
        pod::check_pods(manifest, &provided, problems);
    }
}

/// Replaces the written names of bundles' objects by their final names.
fn rename_references(
    manifest: &mut Manifest,
    rules: &ReferenceRules,
    (renamed, names): (&RenamedObjects, &HashSet<String>),
    common: &CommonMetadata,
    problems: &mut Diagnostics,
) {
    let is_nameless = |reference: &Reference| renamed.is_nameless(reference);
    if renamed.has_nameless() && find_references(&manifest.tree, rules).iter().any(is_nameless) {
        manifest.visibility = Visibility::Unknown;
    }
    // bundles without a namespace may be in any: references are resolved accordingly
    let here = common.namespace.as_ref();
    renamed.rename_in(&mut manifest.tree, rules, |reference| {
        let namespace = reference.namespace.as_ref();
        namespace.is_none() || here.is_none() || namespace == here
    });
    if names.is_empty() {
        return;
    }
    for (path, place) in suspicious_names(&manifest.tree, rules, names) {
        problems.push(
            Diagnostic::warning(
                Rule::UnknownReference,
                format!("`{path}` of {} looks like a reference", manifest.label()),
            )
            .at(place)
            .note("the object of that name gets another name in the output, but no rule declares this field as a reference")
            .hint("if it is a reference, add a rule under `references` in `septum.yaml`"),
        );
    }
}
