//! Layers of an app from the objects of its environments.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle_layers::BundleDraft;
use super::bundles::{ImportedBundle, bundle_of_config_map, bundle_of_secret};
use super::compare::find_differences;
use super::external_secrets::{ImportedStore, bundle_of_external};
use super::layer_text::{LayerText, without_default_labels};
use super::manifest_files::ManifestFiles;
use super::plan::ImportPlan;
use super::references::{MissingObject, find_missing_objects};
use super::source::SourceObject;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::manifest::is_namespaced;
use crate::manifest::references::ReferenceRules;
use crate::map::{IndexMap, IndexSet};
use crate::sort::CollectSorted;
use crate::value::OutputValue;

/// Layers of an app, before they are written.
pub(super) struct AppLayers {
    app: String,
    prefix: String,
    environments: Vec<EnvironmentDraft>,
}

/// Identity of an object among those of one namespace.
fn key_without_namespace(object: &SourceObject) -> (String, String, String) {
    let (api_version, kind, _, name) = object.id();
    (api_version.to_owned(), kind.to_owned(), name.to_owned())
}

/// Content of an environment.
struct EnvironmentDraft {
    name: String,
    namespace: Option<String>,
    bundles: IndexMap<String, ImportedBundle>,
    manifests: Vec<SourceObject>,
    missing: BTreeSet<MissingObject>,
    /// Store of its ExternalSecrets that are bundles.
    store: Option<ImportedStore>,
}

impl AppLayers {
    /// Layers of the app `app`, whose files have paths with this prefix.
    pub(super) fn new(app: &str, prefix: &str) -> Self {
        Self { app: app.to_owned(), prefix: prefix.to_owned(), environments: Vec::new() }
    }

    /// Sorts the objects of an environment into bundles and manifests.
    pub(super) fn add_environment(&mut self, name: &str, objects: Vec<SourceObject>, plan: &mut ImportPlan) {
        let namespace = objects.iter().find(|object| is_namespaced(&object.kind)).and_then(|it| it.namespace.clone());
        let trees: Vec<Tree> = objects.iter().map(|object| object.tree.clone()).collect();
        let rules = ReferenceRules::with_user(&[]);
        let mut missing = find_missing_objects(&trees, &rules);
        if namespace.is_some() {
            let own = |object: MissingObject| MissingObject {
                namespace: object.namespace.clone().filter(|other| Some(other) != namespace.as_ref()),
                ..object
            };
            missing = missing.into_iter().map(own).collect_set();
        }
        let mut draft = EnvironmentDraft {
            name: name.to_owned(),
            namespace,
            bundles: IndexMap::default(),
            manifests: Vec::new(),
            missing,
            store: usual_store(&objects),
        };
        let (secrets, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| object.is_core("Secret"));
        for secret in secrets {
            let mut found = Diagnostics::new();
            let bundle = bundle_of_secret(&secret, &mut found);
            // entries of layers are texts
            if bundle.has_binary() && !found.has_errors() {
                let text = format!("{} has binary values, and becomes an encrypted manifest", secret.label());
                plan.note(secret.place(), text);
                draft.manifests.push(secret);
                continue;
            }
            // a controller fills it in, and a bundle without values is not written
            if bundle.is_without_values() && !found.has_errors() {
                plan.note(secret.place(), format!("{} stays a manifest: it is empty", secret.label()));
                draft.manifests.push(secret);
                continue;
            }
            plan.findings.extend(found);
            draft.bundles.insert(secret.name, bundle);
        }
        // a bundle of an ExternalSecret needs its name for itself
        let (external, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|it| it.kind == "ExternalSecret");
        for object in others.into_iter().chain(external) {
            draft.add_object(object, plan);
        }
        self.environments.push(draft);
    }

    /// Adds all files of the app to the plan.
    pub(super) fn write(mut self, plan: &mut ImportPlan) {
        self.share_across_namespaces();
        let mut base = LayerText::default();
        base.add("app", OutputValue::text(self.app.clone()));
        let namespaces = self.environments.iter().map(|environment| &environment.namespace).collect_set();
        let common_namespace =
            if namespaces.len() == 1 { namespaces.into_iter().next().cloned().flatten() } else { None };
        base.add("namespace", common_namespace.clone().map_or(OutputValue::Null, OutputValue::text));
        base.add("labels", without_default_labels());
        let mut layers: Vec<_> = self.environments.iter().map(|_| LayerText::default()).collect();
        let mut secrets: Vec<_> = self.environments.iter().map(|_| LayerText::default()).collect();
        for (environment, layer) in self.environments.iter().zip(&mut layers) {
            let own = environment.namespace.clone().filter(|_| common_namespace.is_none());
            layer.add("namespace", own.map_or(OutputValue::Null, OutputValue::text));
        }
        let stores = self.environments.iter().map(|environment| &environment.store).collect_set();
        let is_common_store = stores.len() == 1;
        let delivery =
            |store: Option<&'_ ImportedStore>| store.map_or(OutputValue::Null, |store| store.to_field().into_owned());
        if is_common_store {
            base.add("delivery", delivery(stores.into_iter().next().and_then(Option::as_ref)));
        } else {
            for (environment, layer) in self.environments.iter().zip(&mut layers) {
                layer.add("delivery", delivery(environment.store.as_ref()));
            }
        }
        let mut allowed = Vec::new();
        self.add_bundles(&mut base, &mut layers, &mut secrets, &mut allowed, plan);
        self.add_manifests(&mut base, &mut layers, plan);
        self.add_external(&mut base, &mut layers);
        base.add("allow", OutputValue::List(allowed));
        plan.add_file(format!("{}base.yaml", self.prefix), base.to_bytes().to_vec());
        for ((environment, layer), secrets) in self.environments.iter().zip(layers).zip(secrets) {
            plan.add_file(format!("{}{}.yaml", self.prefix, environment.name), layer.to_bytes().to_vec());
            if !secrets.is_empty() {
                plan.add_secret_layer(format!("{}{}.secrets.yaml", self.prefix, environment.name), secrets.to_bytes());
            }
        }
    }

    /// Takes the namespace out of the manifests that differ by nothing else: the layers of the environments set it.
    fn share_across_namespaces(&mut self) {
        let namespaces = self.environments.iter().map(|environment| &environment.namespace).collect_set();
        if namespaces.len() == 1 || namespaces.contains(&None) {
            return;
        }
        let mut others: Vec<BTreeMap<(String, String, String), SourceObject>> = Vec::new();
        for environment in &self.environments {
            let found = environment.manifests.iter().filter_map(|object| {
                let object = object.without_namespace(environment.namespace.as_deref()?)?;
                Some((key_without_namespace(&object), object))
            });
            others.push(found.collect_map());
        }
        let Some((first, rest)) = others.split_first() else { return };
        let is_equal = |object: &SourceObject, other: &SourceObject| {
            find_differences(object.tree.to_value(), other.tree.to_value()).is_empty()
        };
        let in_all = |key: &(String, String, String), object: &SourceObject| {
            rest.iter().all(|objects| objects.get(key).is_some_and(|other| is_equal(object, other)))
        };
        let shared = first.iter().filter(|(key, object)| in_all(key, object)).map(|(key, _)| key.clone()).collect_set();
        for (environment, mut found) in self.environments.iter_mut().zip(others) {
            for object in &mut environment.manifests {
                let key = key_without_namespace(object);
                if object.namespace == environment.namespace && shared.contains(&key) {
                    *object = found.remove(&key).unwrap_or_else(|| object.clone());
                }
            }
        }
    }

    fn add_bundles<'a>(
        &'a self,
        base: &mut LayerText<'a>,
        layers: &mut [LayerText<'a>],
        secrets: &mut [LayerText<'a>],
        allowed: &mut Vec<OutputValue<'a>>,
        plan: &mut ImportPlan,
    ) {
        let names: IndexSet<&str> =
            self.environments.iter().flat_map(|environment| environment.bundles.keys().map(String::as_str)).collect();
        let environments: Vec<&str> = self.environments.iter().map(|it| it.name.as_str()).collect();
        let mut of_base = Vec::new();
        let mut of_layers: Vec<Vec<(&str, OutputValue<'a>)>> = layers.iter().map(|_| Vec::new()).collect();
        let mut of_secrets: Vec<Vec<(&str, OutputValue<'a>)>> = layers.iter().map(|_| Vec::new()).collect();
        for name in names {
            let found: Vec<Option<&ImportedBundle>> =
                self.environments.iter().map(|environment| environment.bundles.get(name)).collect();
            let draft =
                BundleDraft { app: &self.app, name, found: &found, environments: &environments, prefix: &self.prefix };
            let written = draft.write(allowed, plan);
            of_base.push((name, written.base));
            for (index, (layer, secret)) in written.layers.into_iter().enumerate() {
                if let (Some(layer), Some(of_layer)) = (layer, of_layers.get_mut(index)) {
                    of_layer.push((name, layer));
                }
                if let (Some(secret), Some(of_secret)) = (secret, of_secrets.get_mut(index)) {
                    of_secret.push((name, secret));
                }
            }
        }
        base.add("bundles", OutputValue::map(of_base));
        for (layer, bundles) in layers.iter_mut().zip(of_layers) {
            layer.add("bundles", OutputValue::map(bundles));
        }
        for (layer, bundles) in secrets.iter_mut().zip(of_secrets) {
            layer.add("bundles", OutputValue::map(bundles));
        }
    }

    /// Adds manifest files: to the base where all environments have the same object, to environments otherwise.
    fn add_manifests<'a>(&'a self, base: &mut LayerText<'a>, layers: &mut [LayerText<'a>], plan: &mut ImportPlan) {
        let mut paths = ManifestFiles::new(&self.prefix);
        let mut common: BTreeSet<(&str, &str, &str, &str)> = BTreeSet::new();
        let others: Vec<BTreeMap<_, &SourceObject>> = self
            .environments
            .iter()
            .skip(1)
            .map(|environment| environment.manifests.iter().map(|object| (object.id(), object)).collect_map())
            .collect();
        let is_equal = |one: &SourceObject, other: &SourceObject| {
            find_differences(one.tree.to_value(), other.tree.to_value()).is_empty()
        };
        for object in self.environments.iter().take(1).flat_map(|environment| &environment.manifests) {
            let same =
                |other: &BTreeMap<_, &SourceObject>| other.get(&object.id()).is_some_and(|it| is_equal(object, it));
            if others.iter().all(same) {
                common.insert(object.id());
                paths.add(object, "", plan);
            }
        }
        base.add("manifests", paths.take_patterns(""));
        for (environment, layer) in self.environments.iter().zip(layers) {
            for object in environment.manifests.iter().filter(|object| !common.contains(&object.id())) {
                paths.add(object, &environment.name, plan);
            }
            layer.add("manifests", paths.take_patterns(&environment.name));
        }
    }

    fn add_external<'a>(&'a self, base: &mut LayerText<'a>, layers: &mut [LayerText<'a>]) {
        let in_all = |object: &MissingObject| self.environments.iter().all(|it| it.missing.contains(object));
        let first = self.environments.iter().take(1).flat_map(|environment| &environment.missing);
        let common = first.filter(|object| in_all(object)).collect_set();
        let fields = |objects: &mut dyn Iterator<Item = &'a MissingObject>| {
            OutputValue::List(objects.map(MissingObject::to_field).collect())
        };
        base.add("external", fields(&mut common.iter().copied()));
        for (environment, layer) in self.environments.iter().zip(layers) {
            layer.add("external", fields(&mut environment.missing.iter().filter(|object| !common.contains(object))));
        }
    }
}

impl EnvironmentDraft {
    fn add_object(&mut self, object: SourceObject, plan: &mut ImportPlan) {
        if object.is_core("ConfigMap") {
            let reason = match bundle_of_config_map(&object) {
                Ok(bundle) => {
                    let is_fit = match self.bundles.get_mut(&object.name) {
                        Some(secret) => secret.merge(&bundle),
                        None => {
                            self.bundles.insert(object.name.clone(), bundle);
                            true
                        }
                    };
                    if is_fit {
                        return;
                    }
                    "the Secret of the same name has a type, other metadata, or the same keys"
                }
                Err(reason) => reason,
            };
            plan.note(object.place(), format!("{} stays a manifest: {reason}", object.label()));
        }
        if object.kind == "ExternalSecret" {
            let reason = match bundle_of_external(&object) {
                Ok((store, _)) if Some(&store) != self.store.as_ref() => {
                    "most others have another store or `refreshInterval`"
                }
                Ok(_) if self.bundles.contains_key(&object.name) => "there is a ConfigMap or Secret of the same name",
                Ok((_, bundle)) => {
                    self.bundles.insert(object.name, bundle);
                    return;
                }
                Err(reason) => reason,
            };
            plan.note(object.place(), format!("{} stays a manifest: {reason}", object.label()));
        }
        if object.kind == "SealedSecret" {
            let keys = object.tree.at(&["spec", "encryptedData"]).and_then(Tree::as_map);
            let keys: Vec<_> = keys.into_iter().flatten().map(|(key, _)| format!("`{key}`")).collect();
            let message = format!("{} cannot be decrypted, and stays a manifest", object.label());
            plan.findings.push(Diagnostic::warning(Rule::ImportLoss, message).at_masked(object.place().clone()).hint(
                format!(
                    "to replace it, define a bundle `{}`, and set these with `septum set {} KEY`: {}",
                    object.name,
                    self.name,
                    keys.join(", ")
                ),
            ));
        }
        self.manifests.push(object);
    }
}

/// Store that most ExternalSecrets read that can be bundles.
fn usual_store(objects: &[SourceObject]) -> Option<ImportedStore> {
    let external = objects.iter().filter(|object| object.kind == "ExternalSecret");
    let mut counts: BTreeMap<ImportedStore, usize> = BTreeMap::new();
    for (store, _) in external.filter_map(|object| bundle_of_external(object).ok()) {
        *counts.entry(store).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(store, _)| store)
}
