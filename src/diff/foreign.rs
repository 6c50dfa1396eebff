//! Objects that were read: of a cluster, of files, of standard input.
//!
//! They have no layers, so both sides are compared as objects: the keys of ConfigMaps and Secrets are the entries.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::node::{DiffNode, NodeReader, ScalarType};
use super::snapshot::{ObjectSnapshot, RoutingReasons, SnapshotEntryState, TargetSnapshot, reasons_for};
use super::value::{DiffValue, ValueMarker};
use crate::deliver::{self, Delivered};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::import::{SourceObject, SourceObjects, to_stored};
use crate::name::{EntryId, EnvironmentName};
use crate::object::{RenderedObject, Reveal};
use crate::output_tree::{ObjectSite, object_sites};
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::{CollectSorted as _, sort_by};
use crate::span::Source;
use crate::value::OutputValue;
use crate::visibility::{OnMissingKey, Visibility};

/// Label with the name of a bundle's object without its suffix.
const BASE_NAME: &str = "septum.dev/base-name";

/// Number of characters of the suffix of a name that depends on values.
const SUFFIX: usize = 10;

/// Identity of an object that an environment renders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectAddress {
    /// `kind`
    pub kind: String,
    /// API group; empty for the core group.
    pub group: String,
    /// `metadata.namespace`, if the layers set one.
    pub namespace: Option<String>,
    /// `metadata.name`; none if it is unknown without a key.
    pub name: Option<String>,
    /// Name without a suffix that depends on values.
    pub base_name: String,
    /// Whether the name has such a suffix.
    pub is_hashed: bool,
    /// Whether the namespace is that of the target.
    pub is_home: bool,
}

/// An environment of an app as objects.
#[derive(Debug)]
pub struct ObjectForm {
    /// The objects, with their keys as entries.
    pub snapshot: TargetSnapshot,
    /// Their identities.
    pub addresses: Vec<ObjectAddress>,
    /// Their sources.
    pub sites: Vec<ObjectSite>,
}

/// Reads objects, each once. Errors: text that is not YAML, an object that is there twice.
pub fn read_objects(sources: &[Source]) -> Result<Vec<SourceObject>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut found = SourceObjects { keeps_encrypted: true, keeps_generated: true, ..SourceObjects::default() };
    for source in sources {
        found.read(source, &mut problems);
    }
    let mut seen = BTreeSet::new();
    for object in &found.objects {
        let (version, kind, namespace, name) = object.id();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        if !seen.insert((group, kind, namespace, name)) {
            let error = Diagnostic::error(Rule::InvalidManifest, format!("{} is there twice", object.label()));
            problems.push(error.at_masked(object.place().clone()).hint("compare one state of each object"));
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(found.objects) }
}

impl ObjectAddress {
    /// Whether an object is this one, possibly with other values.
    fn fits(&self, object: &SourceObject) -> bool {
        let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
        let is_there = match (&self.namespace, &object.namespace) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        (self.kind.as_str(), self.group.as_str()) == (object.kind.as_str(), group)
            && is_there
            && (self.has_name(&object.name) || base_label(object) == Some(&self.base_name))
    }

    fn has_name(&self, name: &str) -> bool {
        let is_former = || {
            let suffix = name.strip_prefix(&*self.base_name).and_then(|rest| rest.strip_prefix('-'));
            suffix.is_some_and(|suffix| {
                suffix.len() == SUFFIX && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            })
        };
        self.name.as_deref() == Some(name) || (self.is_hashed && is_former())
    }
}

/// Ciphertext is a placeholder of its value.
fn visibility_of(object: &SourceObject) -> Visibility {
    if object.is_encrypted { Visibility::Placeholder } else { Visibility::Known }
}

/// Objects that were read have no layers that route their keys.
fn no_reasons(_key: &str) -> RoutingReasons {
    Vec::new()
}

/// The objects of one side that are compared. What a controller or the cluster makes counts only if the other side has it
/// too: nobody writes pods and copies of certificates into manifests.
pub(super) fn compared_objects<'o>(
    objects: &'o [SourceObject],
    others: &[SourceObject],
) -> impl Iterator<Item = &'o SourceObject> {
    fn identity(object: &SourceObject) -> (&str, &str, &str, &str) {
        let (version, kind, namespace, name) = object.id();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        (group, kind, namespace, base_label(object).unwrap_or(name))
    }
    let known: BTreeSet<_> = others.iter().map(identity).collect_set();
    let is_compared: Vec<_> =
        objects.iter().map(|object| !object.is_generated || known.contains(&identity(object))).collect();
    objects.iter().zip(is_compared).filter_map(|(object, is_compared)| is_compared.then_some(object))
}

fn base_label(object: &SourceObject) -> Option<&str> {
    object.tree.at(&["metadata", "labels", BASE_NAME])?.as_text()
}

/// Whether a name is that of an object of the environment with other values.
pub(super) fn is_former_name(address: &ObjectAddress, name: &str) -> bool {
    address.is_hashed && address.name.as_deref() != Some(name) && address.has_name(name)
}

/// Reads an environment of a surveyed app as objects.
pub(super) fn object_form(
    pipeline: &Pipeline<'_>,
    (app, survey): (&App, &Survey),
    environment: &EnvironmentName,
    marker: &ValueMarker,
    problems: &mut Diagnostics,
) -> ObjectForm {
    let mut form = ObjectForm { snapshot: TargetSnapshot::default(), addresses: Vec::new(), sites: Vec::new() };
    let Some(resolved) = survey.environment(environment) else { return form };
    let definition = &*resolved.definition;
    let built = pipeline.objects(survey, environment, OnMissingKey::Keep(&|_| None), problems);
    let references = built
        .external
        .iter()
        .filter_map(|part| deliver::deliver_refs(part, definition, problems))
        .map(|manifest| RenderedObject::Manifest(manifest, environment.clone()))
        .collect::<Vec<_>>();
    for object in built.whole.iter().chain(&references) {
        let (kind, namespace, name) = object.identity();
        let (base_name, is_named, visibility) = match object {
            RenderedObject::Bundle(bundle) => {
                (definition.affixes.apply(&bundle.base_name), bundle.is_named, Visibility::Known)
            }
            RenderedObject::Manifest(manifest, _) => (manifest.name.clone(), true, manifest.visibility),
        };
        let address = ObjectAddress {
            kind: kind.to_owned(),
            group: object.group().to_owned(),
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            name: is_named.then(|| name.to_owned()),
            is_hashed: !is_named || name != base_name,
            is_home: definition.namespace.as_ref().is_some_and(|home| home.value == namespace),
            base_name,
        };
        let value = to_stored(object.to_value(Reveal::Values));
        let reasons = |key: &str| match object {
            RenderedObject::Bundle(bundle) => {
                let id = EntryId { bundle: bundle.base_name.as_str().into(), key: key.into() };
                reasons_for(&survey.routing, &id)
            }
            RenderedObject::Manifest(..) => Vec::new(),
        };
        form.snapshot.add_object(&address, &value, (visibility, marker), &reasons);
        if let RenderedObject::Bundle(bundle) = object {
            for (key, placeholder) in &bundle.unknown {
                let value = DiffValue::Locked(placeholder.clone());
                form.snapshot.add_entry(&address, key, value, reasons(key));
            }
        }
        form.addresses.push(address);
    }
    let delivered: Vec<_> = built.whole.into_iter().chain(references).map(Delivered::plain).collect();
    form.sites = object_sites(app, survey, environment, &delivered);
    form
}

/// The objects among `objects` that are those of an environment, as its left side. Takes them from the list.
///
/// `is_live` says that other programs add fields to the objects: fields that the right side does not have are not
/// compared.
pub(super) fn take_matching(
    objects: &mut Vec<SourceObject>,
    addresses: &[ObjectAddress],
    is_live: bool,
    marker: &ValueMarker,
) -> TargetSnapshot {
    let mut snapshot = TargetSnapshot { is_live, ..TargetSnapshot::default() };
    for address in addresses {
        // the current one before a former one
        let exact = objects
            .iter()
            .position(|object| address.fits(object) && address.name.as_deref() == Some(object.name.as_str()));
        let Some(index) = exact.or_else(|| objects.iter().position(|object| address.fits(object))) else { continue };
        let object = objects.swap_remove(index);
        let own = ObjectAddress { name: Some(object.name.clone()), ..address.clone() };
        let value = to_stored(object.tree.to_value());
        snapshot.add_object(&own, &value, (visibility_of(&object), marker), &no_reasons);
    }
    snapshot.sort();
    snapshot
}

/// Objects by kind and the name that stays when values change, of which a side has several: current and former ones.
/// Such a name does not say which of them is meant.
#[derive(Debug, Default)]
pub(super) struct AmbiguousNames<'o>(BTreeSet<(&'o str, &'o str, &'o str)>);

impl<'o> AmbiguousNames<'o> {
    /// Those of any of several sides.
    pub(super) fn of(sides: &[&[&'o SourceObject]]) -> Self {
        let mut found = BTreeSet::new();
        for objects in sides {
            let mut seen = BTreeSet::new();
            found.extend(objects.iter().map(|object| Self::key(object)).filter(|key| !seen.insert(*key)));
        }
        Self(found)
    }

    fn key(object: &'o SourceObject) -> (&'o str, &'o str, &'o str) {
        let (_, kind, namespace, name) = object.id();
        (kind, namespace, base_label(object).unwrap_or(name))
    }
}

/// Objects that belong to no environment.
pub(super) fn other_objects<'o>(
    objects: &[&'o SourceObject],
    ambiguous: &AmbiguousNames<'o>,
    marker: &ValueMarker,
) -> TargetSnapshot {
    let mut snapshot = TargetSnapshot::default();
    for object in objects {
        let base_label = base_label(object).filter(|_| !ambiguous.0.contains(&AmbiguousNames::key(object)));
        let address = ObjectAddress {
            kind: object.kind.clone(),
            group: object.api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            namespace: object.namespace.clone(),
            name: Some(object.name.clone()),
            base_name: base_label.unwrap_or(&object.name).to_owned(),
            is_hashed: base_label.is_some(),
            is_home: false,
        };
        let value = to_stored(object.tree.to_value());
        snapshot.add_object(&address, &value, (visibility_of(object), marker), &no_reasons);
    }
    snapshot.sort();
    snapshot
}

impl TargetSnapshot {
    /// Adds an object: the keys of a ConfigMap or Secret as entries with the `reasons` of their routing, the rest by path.
    fn add_object(
        &mut self,
        address: &ObjectAddress,
        value: &OutputValue<'_>,
        (visibility, marker): (Visibility, &ValueMarker),
        reasons: &dyn Fn(&str) -> RoutingReasons,
    ) {
        let is_core = |kind: &str| address.group.is_empty() && address.kind == kind;
        let reader = NodeReader { marker, is_secret: is_core("Secret"), visibility };
        let mut tree = reader.read_object(value);
        tree.remove_metadata("name");
        tree.remove_metadata("namespace");
        if is_core("Secret") || is_core("ConfigMap") {
            for (field, node) in tree.take_fields(&["data", "stringData", "binaryData"]) {
                let DiffNode::Map(pairs) = node else { continue };
                for (key, node) in pairs {
                    let DiffNode::Scalar(kind, value) = node else { continue };
                    let value = match (&value, field.as_str()) {
                        (DiffValue::Text(text), "binaryData") => DiffValue::Binary(marker.mark(&decoded(text))),
                        _ if kind == ScalarType::Null => DiffValue::Text("".into()),
                        _ => value,
                    };
                    self.add_entry(address, &key, value, reasons(&key));
                }
            }
        }
        let api_version = tree.field("apiVersion").and_then(DiffNode::scalar_text).unwrap_or("v1").to_owned();
        self.objects.push(ObjectSnapshot {
            kind: address.kind.clone(),
            group: address.group.clone(),
            api_version,
            namespace: address.namespace.clone().filter(|_| !address.is_home).unwrap_or_default(),
            base_name: address.base_name.clone(),
            name: address.name.clone(),
            tree,
        });
    }

    fn add_entry(&mut self, address: &ObjectAddress, key: &str, value: DiffValue, reasons: RoutingReasons) {
        let is_secret = address.kind == "Secret";
        let bundle = match &address.namespace {
            Some(namespace) if !address.is_home => format!("{namespace}/{}", address.base_name),
            _ => address.base_name.clone(),
        };
        let state = SnapshotEntryState {
            value,
            sensitivity: if is_secret { Sensitivity::Sensitive } else { Sensitivity::Plain },
            reasons,
            source: None,
            rules: std::collections::BTreeMap::new(),
        };
        // a key may be in both objects of a bundle: both are kept
        let id = EntryId { bundle: bundle.as_str().into(), key: key.into() };
        let other = EntryId { bundle: format!("{bundle} ({})", address.kind).as_str().into(), key: key.into() };
        if self.entries.contains_key(&id) {
            self.entries.insert(other, state);
        } else {
            self.entries.insert(id, state);
        }
    }

    fn sort(&mut self) {
        sort_by(&mut self.objects, |a, b| a.identity().cmp(&b.identity()));
    }
}

/// Values of the Secrets among objects: they are shown nowhere, wherever they are repeated.
pub(super) fn secret_values(objects: &[SourceObject]) -> Vec<Wiping<Vec<u8>>> {
    let mut found = Vec::new();
    for object in objects.iter().filter(|object| object.is_core("Secret")) {
        for field in ["data", "stringData"] {
            let Some(values) = object.tree.get(field) else { continue };
            values.leaves("", &mut |_, _, scalar| {
                let text = scalar.text();
                if field == "data" {
                    let packed: String = text.split_ascii_whitespace().collect();
                    found.extend(STANDARD.decode(packed.as_bytes()).ok().map(Wiping::new));
                }
                found.push(Wiping::new(text.as_bytes().to_vec()));
            });
        }
    }
    found.retain(|value| !value.is_empty());
    found
}

fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text.as_bytes()).unwrap_or_else(|_| text.as_bytes().to_vec())
}
