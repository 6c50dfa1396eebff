//! Index of the ConfigMaps and Secrets of an environment and their keys, which references are checked against.

use std::collections::{BTreeMap, BTreeSet};

use super::external::StoreSplit;
use super::sealed::sealed_keys;
use super::typed;
use crate::layer::{Definition, RefForm, Tree};
use crate::manifest::references::{OWN_NAME, RefKind, Reference, ReferenceRules, Role, rewrite_references};
use crate::manifest::{BundleObjectMap, Manifest};
use crate::name::EntryId;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::{Routing, Sensitivity};
use crate::sort::CollectSorted;
use crate::span::Location;

/// ConfigMaps that exist in every namespace by default: that of the root certificates (`RootCAConfigMapPublisher` of
/// the controller manager), and the equivalents of `OpenShift` and Istio.
const EVERYWHERE: [&str; 3] = ["istio-ca-root-cert", "kube-root-ca.crt", "openshift-service-ca.crt"];

/// Keys of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySet {
    /// A known set.
    Known(BTreeSet<String>),
    /// The object is managed elsewhere, and its keys are unknown.
    Any,
}

/// Existing objects.
#[derive(Debug, Default)]
pub struct ObjectIndex {
    /// Objects of bundles, by kind and name. They are in the namespace of the app.
    bundles: BTreeMap<(RefKind, String), BTreeSet<String>>,
    /// Other objects, by kind, namespace and name.
    others: BTreeMap<(RefKind, Option<String>, String), KeySet>,
    /// Objects that a layer declares external without a namespace: they may be in any.
    anywhere: BTreeSet<(RefKind, String)>,
    /// Splits of bundles between known values and a store, by bundle name.
    splits: BTreeMap<String, StoreSplit>,
    /// Keys of ConfigMaps whose values are binary (`binaryData`), with the name of the ConfigMap.
    binary: BTreeSet<(String, String)>,
    /// Definitions of the required entries without a value, by the object that would have them.
    lacking: BTreeMap<(RefKind, String), Location>,
    namespace: Option<String>,
}

impl ObjectIndex {
    /// Objects of an environment's bundles, and the objects it declares external.
    pub fn of(resolved: &ResolvedTarget, routing: &Routing) -> Self {
        let definition = &*resolved.definition;
        let namespace = definition.namespace.as_ref().map(|namespace| namespace.value.clone());
        let mut provided = Self { namespace, ..Self::default() };
        for name in definition.bundles.keys() {
            provided
                .splits
                .extend(StoreSplit::of(resolved, routing, name).map(|split| (name.as_str().to_owned(), split)));
        }
        for (id, value) in &resolved.entries {
            let name = id.bundle.as_str();
            if matches!(value.outcome, EntryOutcome::Missing)
                && let Some(entry) = definition.entry(id)
                && entry.rules.required.as_ref().is_some_and(|required| required.value)
            {
                let object = (kind_for(routing.sensitivity(id)), name.to_owned());
                provided.lacking.entry(object).or_insert_with(|| entry.defined.clone());
            }
            let split = provided.splits.get(name).filter(|split| split.keys.contains(id.key.as_str()));
            let (side, name) = match (split, &value.outcome) {
                // a value mounted by a driver is in no Secret
                (_, EntryOutcome::Missing) | (Some(StoreSplit { form: RefForm::Csi, .. }), _) => continue,
                (Some(split), _) => (RefKind::Secret, split.name.as_str()),
                (None, _) => (kind_for(routing.sensitivity(id)), name),
            };
            if side == RefKind::ConfigMap
                && matches!(&value.outcome, EntryOutcome::Known(known) if known.text().is_none())
            {
                provided.binary.insert((name.to_owned(), id.key.as_str().to_owned()));
            }
            let keys = provided.bundles.entry((side, name.to_owned()));
            keys.or_default().insert(id.key.as_str().to_owned());
        }
        for (name, _) in definition.bundles.iter().filter(|(_, bundle)| typed::is_filled_by_cluster(bundle)) {
            let keys = provided.bundles.entry((RefKind::Secret, name.as_str().to_owned())).or_default();
            keys.extend(typed::FILLED_IN.map(str::to_owned));
        }
        for external in &definition.external {
            let target = if external.kind == "Secret" { RefKind::Secret } else { RefKind::ConfigMap };
            match external.namespace.clone() {
                None => drop(provided.anywhere.insert((target, external.name.clone()))),
                namespace => drop(provided.others.insert((target, namespace, external.name.clone()), KeySet::Any)),
            }
        }
        provided
    }

    /// Adds the object of a manifest, and objects that a controller creates from it.
    pub fn add(&mut self, manifest: &Manifest, references: &[Reference]) {
        let target = match manifest.kind.as_str() {
            "ConfigMap" if manifest.group().is_empty() => Some(RefKind::ConfigMap),
            "Secret" if manifest.group().is_empty() => Some(RefKind::Secret),
            _ => None,
        };
        let namespace = self.namespace_of(manifest);
        if target == Some(RefKind::ConfigMap) {
            let keys = manifest.tree.get("binaryData").and_then(Tree::as_map).into_iter().flat_map(|map| map.keys());
            self.binary.extend(keys.map(|key| (manifest.name.clone(), key.clone())));
        }
        if let Some(target) = target {
            let keys = if is_filled(&manifest.tree) { KeySet::Any } else { KeySet::Known(data_keys(&manifest.tree)) };
            self.others.insert((target, namespace.clone(), manifest.name.clone()), keys);
        }
        for output in references.iter().filter(|reference| reference.role == Role::Output) {
            let is_of_same_name = output.path == OWN_NAME;
            // an object that `namespace` moves takes what is made of it along
            let written = output.namespace.clone().filter(|_| !is_of_same_name);
            let is_filled = manifest.tree.at(&["spec", "template"]).is_some_and(is_filled);
            let keys = sealed_keys(manifest).filter(|_| !is_filled).map(KeySet::Known);
            let object = (output.target, written.or_else(|| namespace.clone()), output.name.value.clone());
            self.others.insert(object, keys.unwrap_or(KeySet::Any));
        }
    }

    /// Bundles in the form that wiring uses.
    pub fn to_bundles(&self, definition: &Definition) -> BundleObjectMap {
        let mut bundles = BundleObjectMap::default();
        definition.bundles.keys().for_each(|name| bundles.define(name.as_str()));
        for (target, name) in self.bundles.keys() {
            match target {
                RefKind::ConfigMap => bundles.add_config_map(name),
                RefKind::Secret => {
                    let bundle = self.bundle_of(name);
                    let secret_type = definition.bundles.get(bundle).and_then(|bundle| bundle.secret_type.as_ref());
                    bundles.add_secret(bundle, name, secret_type.map_or("Opaque", |secret_type| &secret_type.value));
                }
            }
        }
        for (name, split) in self.splits.iter().filter(|(_, split)| split.form == RefForm::Csi) {
            bundles.add_class(name, &split.name);
        }
        bundles
    }

    /// Bundle that a Secret of this name belongs to.
    pub(super) fn bundle_of<'n>(&'n self, name: &'n str) -> &'n str {
        let split = self.splits.iter().find(|(_, split)| split.name == name);
        split.map_or(name, |(bundle, _)| bundle.as_str())
    }

    /// Bundle whose values a driver mounts with a class, with their keys.
    pub(super) fn mounted_by(&self, class: &str) -> Option<(&str, &BTreeSet<String>)> {
        let is_it = |(_, split): &(&String, &StoreSplit)| split.form == RefForm::Csi && split.name == class;
        self.splits.iter().find(is_it).map(|(bundle, split)| (bundle.as_str(), &split.keys))
    }

    /// Redirects references to keys of a bundle whose values are in a store to the Secret created from it.
    pub(super) fn rename_split_keys(&self, object: &mut Tree, rules: &ReferenceRules) {
        if !self.splits.values().any(|split| split.beside && split.form == RefForm::ExternalSecret) {
            return;
        }
        rewrite_references(object, rules, |reference| {
            let split = self.splits.get(&reference.name.value).filter(|split| split.beside)?;
            let all_there = reference.keys.iter().all(|key| split.keys.contains(&key.value));
            let leads = reference.target == RefKind::Secret && !reference.keys.is_empty() && all_there;
            (leads && split.form == RefForm::ExternalSecret).then(|| split.name.clone())
        });
    }

    /// Whether all secrets of a bundle are only mounted by a driver.
    pub(super) fn is_only_mounted(&self, bundle: &str) -> bool {
        self.splits.get(bundle).is_some_and(|split| split.form == RefForm::Csi && !split.beside)
    }

    /// Secret that an operator creates from a store beside the bundle's Secret, with its keys.
    pub(super) fn made_beside(&self, bundle: &str) -> Option<(&str, &BTreeSet<String>)> {
        let split = self.splits.get(bundle)?;
        (split.beside && split.form == RefForm::ExternalSecret).then_some((&split.name, &split.keys))
    }

    /// Whether a key of a bundle is only mounted by a driver, and in no Secret.
    pub(super) fn is_mounted(&self, bundle: &str, key: &str) -> bool {
        self.splits.get(bundle).is_some_and(|split| split.form == RefForm::Csi && split.keys.contains(key))
    }

    /// Namespace that a manifest will be in.
    pub fn namespace_of(&self, manifest: &Manifest) -> Option<String> {
        self.namespace.clone().or_else(|| manifest.namespace.clone())
    }

    /// Keys of the object that a reference names from a namespace; `None` if it does not exist.
    pub fn find(&self, reference: &Reference, from: Option<&String>) -> Option<KeySet> {
        let name = &reference.name.value;
        let namespace = reference.namespace.as_ref().or(from);
        if reference.target == RefKind::ConfigMap && EVERYWHERE.contains(&name.as_str()) {
            return Some(KeySet::Any);
        }
        if let Some(keys) = self.bundle(reference, from) {
            return Some(KeySet::Known(keys.clone()));
        }
        let is_external = || self.anywhere.contains(&(reference.target, name.clone())).then_some(KeySet::Any);
        self.others.get(&(reference.target, namespace.cloned(), name.clone())).cloned().or_else(is_external)
    }

    /// Other namespace with an object, not of a bundle, that has the name of a reference.
    pub(super) fn elsewhere(&self, reference: &Reference) -> Option<&str> {
        let is_same = |(kind, namespace, name): &&(RefKind, Option<String>, String)| {
            *kind == reference.target && *name == reference.name.value && namespace.is_some()
        };
        self.others.keys().find(is_same)?.1.as_deref()
    }

    /// Keys of the bundle's object that a reference names.
    pub fn bundle(&self, reference: &Reference, from: Option<&String>) -> Option<&BTreeSet<String>> {
        let namespace = reference.namespace.as_ref().or(from);
        let here = namespace == self.namespace.as_ref() || self.namespace.is_none();
        self.bundles.get(&(reference.target, reference.name.value.clone())).filter(|_| here)
    }

    /// Whether a key of a ConfigMap is binary, so that no variable can hold its value.
    pub fn is_binary(&self, reference: &Reference, key: &str) -> bool {
        reference.target == RefKind::ConfigMap && self.binary.contains(&(reference.name.value.clone(), key.to_owned()))
    }

    /// Definition of a required entry without a value, for which a bundle lacks the object that a reference names.
    pub(super) fn lacking_entry(&self, reference: &Reference) -> Option<&Location> {
        self.lacking.get(&(reference.target, reference.name.value.clone()))
    }

    /// Whether a bundle produced an object of the other kind under this name.
    pub fn is_other_kind(&self, reference: &Reference) -> bool {
        self.other_half(reference).is_some()
    }

    /// Keys of the other object of the same bundle.
    pub(super) fn other_half(&self, reference: &Reference) -> Option<&BTreeSet<String>> {
        self.bundles.get(&(other_kind(reference.target), reference.name.value.clone()))
    }

    /// Whether the other object of the same bundle contains a key.
    pub fn other_has(&self, reference: &Reference, key: &str) -> bool {
        self.other_half(reference).is_some_and(|keys| keys.contains(key))
    }

    /// Names of all objects of a kind, for suggestions.
    pub fn names(&self, target: RefKind) -> impl Iterator<Item = &str> {
        let bundles = self.bundles.keys().filter(move |(kind, _)| *kind == target).map(|(_, name)| name.as_str());
        let others = self.others.keys().filter(move |(kind, ..)| *kind == target).map(|(_, _, name)| name.as_str());
        let anywhere = self.anywhere.iter().filter(move |(kind, _)| *kind == target).map(|(_, name)| name.as_str());
        bundles.chain(others).chain(anywhere)
    }
}

/// Annotations and labels that request a controller to fill an object: `OpenShift`'s bundles of certificates, copies of
/// other objects, generated and fetched values.
const FILLERS: [&str; 15] = [
    "argocd-vault-plugin.kubernetes.io/path",
    "avp.kubernetes.io/path",
    "cert-manager.io/inject-ca-from",
    "config.openshift.io/inject-trusted-cabundle",
    "kubed.appscode.com/origin",
    "reflector.v1.k8s.emberstack.com/reflects",
    "replicator.v1.mittwald.de/replicate-from",
    "secret-generator.cs.sap.com/enabled",
    "secret-generator.v1.mittwald.de/autogenerate",
    "secret-generator.v1.mittwald.de/type",
    "service.alpha.openshift.io/inject-cabundle",
    "service.beta.openshift.io/inject-cabundle",
    "service.alpha.openshift.io/originating-service-name",
    "service.beta.openshift.io/originating-service-name",
    "vault.security.banzaicloud.io/vault-addr",
];

/// Whether a controller adds keys to an object in a manifest: by its type, like tokens of service accounts, or because
/// an annotation requests it.
fn is_filled(tree: &Tree) -> bool {
    let is_token = tree.get("type").and_then(Tree::as_text) == Some(typed::SERVICE_ACCOUNT_TOKEN);
    let asks = |field: &str| {
        let marks = tree.at(&["metadata", field]).and_then(Tree::as_map);
        marks.is_some_and(|marks| FILLERS.iter().any(|filler| marks.contains_key(*filler)))
    };
    is_token || asks("annotations") || asks("labels")
}

/// Entry behind a key of a bundle's object.
pub(super) fn entry_of(definition: &Definition, bundle: &str, key: &str) -> Option<EntryId> {
    let id = EntryId { bundle: bundle.into(), key: key.into() };
    definition.entry(&id).is_some().then_some(id)
}

/// Kind of the object that an entry goes to.
pub(super) fn kind_for(sensitivity: Sensitivity) -> RefKind {
    match sensitivity {
        Sensitivity::Plain => RefKind::ConfigMap,
        Sensitivity::Sensitive => RefKind::Secret,
    }
}

/// Kind on the other side of the classification boundary.
pub(super) fn other_kind(target: RefKind) -> RefKind {
    match target {
        RefKind::ConfigMap => RefKind::Secret,
        RefKind::Secret => RefKind::ConfigMap,
    }
}

/// Keys of a ConfigMap or a Secret in a manifest.
fn data_keys(tree: &Tree) -> BTreeSet<String> {
    let maps = ["data", "binaryData", "stringData"].into_iter().filter_map(|field| tree.get(field)?.as_map());
    maps.flat_map(|map| map.keys().cloned()).collect_set()
}
