//! Entries whose values stay in a store, and the object that brings them to the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::input::{BuildInput, object_kind};
use super::metadata::ObjectMetadata;
use super::name_index::ObjectsByName;
use super::{ObjectKind, names};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Bundle, Definition, RefForm};
use crate::manifest::{CommonMetadata, Manifest};
use crate::map::HashMap;
use crate::name::{BundleName, EntryId};
use crate::resolve::{
    EntryOutcome, ResolvedBytes, ResolvedTarget, ResolvedValue, StoreText, StoreTextPart, TemplateRead,
};
use crate::route::{Routing, Sensitivity, detect};
use crate::span::Location;
use crate::test_hook::count_work;

/// Entries of a bundle whose values are in a store.
#[derive(Debug)]
pub struct ExternalBundle {
    /// Form in which they are delivered.
    pub form: RefForm,
    /// Name of the Secret that an operator creates, or of the class that a driver mounts.
    pub name: String,
    /// The same without prefix and suffix, which references of manifests use.
    pub written_name: String,
    /// Name of the bundle.
    pub base_name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// `metadata.labels`, of the Secret too.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, of the Secret too.
    pub annotations: BTreeMap<String, String>,
    /// `type` of the Secret.
    pub secret_type: String,
    /// Entries by key.
    pub entries: BTreeMap<String, ExternalEntry>,
}

/// Entry of an [`ExternalBundle`].
#[derive(Debug)]
pub struct ExternalEntry {
    /// Source of its value.
    pub value: ExternalValue,
    /// Location of that source.
    pub place: Location,
}

/// Source of an external entry's value.
#[derive(Debug)]
pub enum ExternalValue {
    /// A value of a store, or a text with such values in it.
    FromStore(Arc<StoreText>),
    /// A known text that is not secret, and belongs to the same Secret: the certificate of a key.
    Literal(ResolvedBytes),
}

/// Suffix of the name of a Secret from a store, if the bundle has another Secret.
const SUFFIX: &str = "-refs";

/// Split of a bundle's sensitive entries between known values and a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreSplit {
    /// Form in which the entries with a `ref` are delivered.
    pub(super) form: RefForm,
    /// Name of the object that provides them.
    pub(super) name: String,
    /// Keys of those entries.
    pub(super) keys: BTreeSet<String>,
    /// Whether the bundle has another Secret, with known values.
    pub(super) beside: bool,
}

impl StoreSplit {
    /// Split of a bundle; `None` if none of its entries is in a store.
    pub(super) fn of(resolved: &ResolvedTarget, routing: &Routing, name: &BundleName) -> Option<Self> {
        let definition = &*resolved.definition;
        let bundle = definition.bundles.get(name)?;
        count_work(bundle.entries.len());
        let (mut keys, mut known) = (BTreeSet::new(), false);
        for key in bundle.entries.keys() {
            let id = EntryId { bundle: name.clone(), key: key.clone() };
            match resolved.entries.get(&id).map(|value| &value.outcome) {
                Some(EntryOutcome::Pointed(_)) => drop(keys.insert(key.as_str().to_owned())),
                Some(EntryOutcome::Missing) | None => {}
                Some(EntryOutcome::Known(_) | EntryOutcome::Locked(_) | EntryOutcome::Failed) => {
                    known |= object_kind(routing, &id) == ObjectKind::Secret;
                }
            }
        }
        if keys.is_empty() {
            return None;
        }
        let form = definition.delivery.refs().unwrap_or(RefForm::ExternalSecret);
        let is_typed = bundle.secret_type.is_some();
        let beside = known && !(is_typed && form == RefForm::ExternalSecret);
        let with_suffix = beside && form == RefForm::ExternalSecret;
        let name = if with_suffix { format!("{name}{SUFFIX}") } else { name.as_str().to_owned() };
        Some(Self { form, name, keys, beside })
    }
}

/// Kind and name of the object that provides an entry of a bundle from a store.
pub fn brought_by(resolved: &ResolvedTarget, routing: &Routing, bundle: &BundleName) -> Option<(&'static str, String)> {
    let split = StoreSplit::of(resolved, routing, bundle)?;
    let kind = match split.form {
        RefForm::ExternalSecret => ObjectKind::Secret.as_str(),
        RefForm::Csi => "SecretProviderClass",
    };
    Some((kind, resolved.definition.affixes.apply(&split.name)))
}

/// Arguments of [`build_external`].
pub(super) struct ExternalArgs<'a> {
    pub(super) target: BuildInput<'a>,
    pub(super) common: &'a CommonMetadata,
    pub(super) name: &'a BundleName,
    pub(super) bundle: &'a Bundle,
    pub(super) metadata: &'a ObjectMetadata,
    /// Entries whose values are in a store.
    pub(super) store_texts: BTreeMap<String, &'a Arc<StoreText>>,
}

/// Builds the part of a bundle that is in a store. Values of the bundle's Secret that must be in the same object move
/// there. Errors: `delivery`, `invalid-name`.
pub(super) fn build_external(
    parts: &ExternalArgs<'_>,
    secret: &mut Option<BTreeMap<String, ResolvedBytes>>,
    problems: &mut Diagnostics,
) -> Option<ExternalBundle> {
    let split = StoreSplit::of(parts.target.resolved, parts.target.routing, parts.name)?;
    problems.extend(too_long(parts, &split));
    let mut entries = BTreeMap::new();
    for (key, pointed) in &parts.store_texts {
        let id = EntryId { bundle: parts.name.clone(), key: key.as_str().into() };
        let Some(value) = parts.target.resolved.entries.get(&id) else { continue };
        problems.extend(cannot_leave(parts.target, &id, value, pointed, split.form));
        let value = ExternalValue::FromStore(Arc::clone(pointed));
        entries.insert(key.clone(), ExternalEntry { value, place: place_of(parts.target.resolved, &id) });
    }
    if let (Some(kind), RefForm::Csi) = (&parts.bundle.secret_type, split.form) {
        let message = format!(
            "the bundle `{}` has the Secret type `{}`, but `refs: csi` creates no Secret",
            parts.name, kind.value
        );
        problems.push(
            Diagnostic::error(Rule::Delivery, message)
                .at(kind.place.clone())
                .note("the driver mounts the values as files, so they never become a Secret")
                .hint("remove `type`, or deliver with `refs: external-secret`"),
        );
    }
    if !split.beside
        && let Some(literals) = secret.take()
    {
        for (key, known) in literals {
            let id = EntryId { bundle: parts.name.clone(), key: key.as_str().into() };
            let place = place_of(parts.target.resolved, &id);
            problems.extend(secret_literal(parts.target, &id, &known));
            entries.insert(key, ExternalEntry { value: ExternalValue::Literal(known), place });
        }
    }
    Some(ExternalBundle {
        form: split.form,
        name: split.name.clone(),
        written_name: split.name,
        base_name: parts.name.as_str().to_owned(),
        namespace: parts.common.namespace.clone(),
        labels: parts.metadata.labels.clone(),
        annotations: parts.metadata.annotations.clone(),
        secret_type: parts.bundle.secret_type.as_ref().map_or("Opaque", |kind| kind.value.as_str()).to_owned(),
        entries,
    })
}

/// Error: a name leaves no room for its suffix. The bundle's own name was checked already.
fn too_long(parts: &ExternalArgs<'_>, split: &StoreSplit) -> Option<Diagnostic> {
    let why = names::wrong_object_name(&split.name).filter(|_| split.name != parts.name.as_str())?;
    names::wrong_object_name(parts.name.as_str()).is_none().then(|| {
        let message = format!(
            "`{}` is not a valid name for the Secret with the store values of `{}`: {why}",
            split.name, parts.name
        );
        let place = parts.bundle.place.clone();
        let error = Diagnostic::error(Rule::InvalidName, message).hint("shorten the name of the bundle");
        if let Some(place) = place { error.at(place) } else { error }
    })
}

/// Reports Secrets of this app with the name of one that an operator will create: they would be overwritten.
pub(super) fn usurped_names(
    external: &[ExternalBundle],
    built: &ObjectsByName<'_>,
    manifests: &[Manifest],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let secrets = manifests.iter().filter(|manifest| (manifest.group(), manifest.kind.as_str()) == ("", "Secret"));
    let mut secrets_of: HashMap<&str, Vec<&Manifest>> = HashMap::default();
    secrets.for_each(|manifest| secrets_of.entry(&manifest.name).or_default().push(manifest));
    for part in external.iter().filter(|part| part.makes_secret()) {
        let bundle = built.get(ObjectKind::Secret.as_str(), &part.name);
        let bundle = bundle.map(|object| format!("the bundle `{}`", object.base_name));
        let is_here = |manifest: &&&Manifest| {
            part.namespace.is_none() || manifest.namespace.is_none() || manifest.namespace == part.namespace
        };
        let manifest = secrets_of.get(part.name.as_str()).into_iter().flatten().find(is_here);
        let manifest = manifest.map(|manifest| manifest.label());
        let Some(other) = bundle.or(manifest) else { continue };
        let message = format!(
            "the Secret `{}` with the store values of `{}` has the same name as {other}",
            part.name, part.base_name
        );
        let place = part.entries.values().next().map_or_else(Location::synthetic, |entry| entry.place.clone());
        found.push(
            Diagnostic::error(Rule::InvalidName, message)
                .at(place)
                .note("the operator creates a Secret of that name, and would overwrite the other")
                .hint("rename one of them"),
        );
    }
    found
}

fn place_of(resolved: &ResolvedTarget, id: &EntryId) -> Location {
    resolved.entries.get(id).map_or_else(Location::synthetic, |value| value.place.clone())
}

/// Error: no layer sets the delivery of values in a store.
pub(super) fn undelivered_error(resolved: &ResolvedTarget, pointed: &EntryId) -> Option<Diagnostic> {
    let definition = &resolved.definition;
    // only ExternalSecrets need a store
    if definition.delivery.refs.is_some() || definition.delivery.store.is_some() {
        return None;
    }
    let (label, environment) = (definition.label(pointed), &definition.environment);
    let message = format!("`{label}` is a `ref`, but no layer of `{environment}` defines how to deliver it");
    Some(
        Diagnostic::error(Rule::Delivery, message)
            .at(place_of(resolved, pointed))
            .hint("set `delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: NAME } }`")
            .hint("or `delivery: { refs: csi, provider: vault, parameters: { … } }`"),
    )
}

/// Reason why a text that contains values of a store cannot be delivered in a form.
fn cannot_leave(
    target: BuildInput<'_>,
    id: &EntryId,
    value: &ResolvedValue,
    pointed: &StoreText,
    form: RefForm,
) -> Option<Diagnostic> {
    let definition = &target.resolved.definition;
    let label = definition.label(id);
    let error = |message| Diagnostic::error(Rule::Delivery, message).at_masked(value.place.clone());
    if form == RefForm::Csi && pointed.lone_ref().is_none() {
        let message = format!("`{label}` combines values from a store, which `refs: csi` does not support");
        return Some(
            error(message)
                .note("the driver mounts each value from the store unchanged")
                .hint("combine the values in the application, or store the whole value")
                .hint("or deliver with `refs: external-secret`"),
        );
    }
    let has_text = pointed.pieces.iter().any(|piece| matches!(piece, StoreTextPart::Text(_)));
    let known_secret = value.lineage.reads.iter().find(|read| is_known_secret(target, read));
    let uses = match known_secret {
        Some(read) => format!("the secret `{}`", read_label(definition, read)),
        None if value.lineage.encrypted && pointed.lone_ref().is_none() => "encrypted text".to_owned(),
        None => return None,
    };
    has_text.then(|| {
        error(format!("`{label}` combines values from a store with {uses}, whose value is known here"))
            .note("an ExternalSecret is not a Secret: the rest of the text would be in it in plaintext")
            .hint("keep both in the store, or neither")
    })
}

fn is_known_secret(target: BuildInput<'_>, read: &TemplateRead) -> bool {
    let resolved = target.resolved;
    let value = match read {
        TemplateRead::Entry(id) => resolved.entries.get(id),
        TemplateRead::Variable(path) => resolved.variables.get(path),
    };
    let sensitive = target.routing.read_sensitivity(&resolved.definition.environment, read) == Sensitivity::Sensitive;
    sensitive && !matches!(value.map(|value| &value.outcome), Some(EntryOutcome::Pointed(_)))
}

fn read_label(definition: &Definition, read: &TemplateRead) -> String {
    match read {
        TemplateRead::Entry(id) => definition.label(id),
        TemplateRead::Variable(path) => format!("vars.{path}"),
    }
}

/// Error: a value of a Secret in an ExternalSecret, where everybody can read it. A value that is sensitive only by the
/// type of its bundle is allowed: the certificate that belongs to a key.
fn secret_literal(target: BuildInput<'_>, id: &EntryId, known: &ResolvedBytes) -> Option<Diagnostic> {
    let value = target.resolved.entries.get(id)?;
    let lineage = &value.lineage;
    let entry = target.resolved.definition.entry(id)?;
    let declared = entry.rules.sensitive.as_ref().is_some_and(|rule| rule.value);
    let reads_secret = lineage.reads.iter().any(|read| is_known_secret(target, read));
    let detected = detect::classify(id.key.as_str(), known.text(), detect::TextKind::Literal).is_sensitive();
    if known.text().is_some() && !lineage.encrypted && !declared && !reads_secret && !detected {
        return None;
    }
    let label = target.resolved.definition.label(id);
    let message = format!("`{label}` has a secret value, but other keys of its bundle are in a store");
    Some(
        Diagnostic::error(Rule::Delivery, message)
            .at_masked(value.place.clone())
            .note("a bundle with a `type` is one Secret, and an ExternalSecret would show this value in plaintext")
            .hint("keep all values of the bundle in the store, or none"),
    )
}

impl ExternalBundle {
    /// Whether a Secret is created from it.
    pub fn makes_secret(&self) -> bool {
        self.form == RefForm::ExternalSecret
    }
}
