//! Merged result of all layers of an environment.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::entry::Entry;
use super::manifests::{ExternalObject, ManifestOverlay};
use super::overlays::ImageChange;
use super::tree::{Tree, TreeKind};
use super::variable_path::{VariableChange, VariableHistoryStep, change_at, collect_paths, part_at};
use super::{AllowedFinding, Delivery, FormerKeyUse, Layer, LayerRole, LifecycleDefaults, Naming, VariableRules};
use crate::diagnostic::{shell_option, shell_word};
use crate::map::IndexMap;
use crate::name::{AppName, BundleName, EntryId, EnvironmentName, KeyName};
use crate::sops::{NamingKey, SopsMetadata};
use crate::span::{Located, Location, Source};

/// Merged definition of an app in an environment.
#[derive(Debug)]
pub struct Definition {
    /// Name of the app.
    pub app: AppName,
    /// Location where the app is named; `None` if it has its directory's name.
    pub app_place: Option<Location>,
    /// Whether the project has other apps, so that a command needs the name of this one.
    pub(super) has_sibling_apps: bool,
    /// Name of the environment.
    pub environment: EnvironmentName,
    /// Namespace of its objects.
    pub namespace: Option<Located<String>>,
    /// Labels on every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Labels that a layer removes, including the default ones.
    pub removed_labels: BTreeSet<String>,
    /// Annotations on every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// Labels on every object, its selectors and its pod templates.
    pub selector_labels: IndexMap<String, Located<String>>,
    /// Prefix and suffix of the names of objects.
    pub affixes: NameAffixes,
    /// Variables for templates.
    pub vars: Option<Tree>,
    /// Rules of variables, by path.
    pub variable_rules: VariableRules,
    /// Bundles; the app's own, named like the app, is the first.
    pub bundles: IndexMap<BundleName, Bundle>,
    /// Other objects of the app, in the order of the layers.
    pub overlays: Vec<ManifestOverlay>,
    /// Changes of images in them, by name.
    pub images: IndexMap<String, Located<ImageChange>>,
    /// Numbers of replicas of workloads in them, by name.
    pub replicas: IndexMap<String, Located<u32>>,
    /// Objects managed outside the project.
    pub external: Vec<ExternalObject>,
    /// Naming of its objects, if a layer sets it.
    pub names: Option<Located<Naming>>,
    /// Whether its objects are immutable, if a layer sets it.
    pub immutable: Option<Located<bool>>,
    /// Delivery of its secrets.
    pub delivery: Delivery,
    /// Key derived from the data keys of its encrypted layers, if there are any and they were decrypted.
    pub(super) naming_key: Option<NamingKey>,
    /// Encrypted layers, each with the digest that identifies its wrapped data key.
    pub wrappings: Vec<(Source, [u8; 32])>,
    /// Encryption of its manifests, once they were read.
    pub(super) manifest_seals: ManifestSealCell,
    /// Keys that layers set under their former names.
    pub former_uses: Vec<FormerKeyUse>,
    /// Accepted findings.
    pub allow: Vec<AllowedFinding>,
    /// Paths at which its layers were searched, whether they exist or not.
    pub candidates: Vec<PathBuf>,
    /// Files it was merged from, lowest first.
    pub files: Vec<Source>,
    /// Layers it was merged from, lowest first.
    pub layers: Vec<Arc<Layer>>,
}

/// Encryption of a manifest file.
#[derive(Debug)]
pub struct ManifestSeal {
    /// The file.
    pub source: Source,
    /// Its metadata.
    pub metadata: SopsMetadata,
    /// Key derived from its data key, if it was decrypted.
    pub naming_key: Option<NamingKey>,
}

/// Encryption of all manifests of an environment.
#[derive(Debug, Default)]
pub(super) struct ManifestSealCell(OnceLock<ManifestSeals>);

#[derive(Debug)]
struct ManifestSeals {
    naming_key: Option<NamingKey>,
    wrappings: Vec<(Source, [u8; 32])>,
    seals: Vec<Arc<ManifestSeal>>,
}

/// Prefix and suffix of the names of objects.
#[derive(Debug, Clone, Default)]
pub struct NameAffixes {
    /// `prefix`
    pub prefix: Option<Located<String>>,
    /// `suffix`
    pub suffix: Option<Located<String>>,
}

impl NameAffixes {
    /// Whether names stay as they are.
    pub fn is_empty(&self) -> bool {
        self.prefix.is_none() && self.suffix.is_none()
    }

    /// Name with prefix and suffix.
    pub fn apply(&self, name: &str) -> String {
        let text = |affix: &Option<Located<String>>| affix.as_ref().map_or(String::new(), |affix| affix.value.clone());
        format!("{}{name}{}", text(&self.prefix), text(&self.suffix))
    }
}

/// Named set of entries.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Type of the Secret, which makes every entry sensitive.
    pub secret_type: Option<Located<String>>,
    /// Location where it is named; the app's own may be named nowhere.
    pub place: Option<Location>,
    /// Whether overlays may add keys.
    pub open: bool,
    /// Naming of its objects, if a layer sets it for this bundle.
    pub names: Option<Located<Naming>>,
    /// Whether its objects are immutable, if a layer sets it for this bundle.
    pub immutable: Option<Located<bool>>,
    /// Service account that may read the Secret.
    pub rbac: Option<Located<String>>,
    /// Lifecycle rules of its entries without their own.
    pub lifecycle: LifecycleDefaults,
    /// Labels on its objects, in addition to those on every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Annotations on its objects, in addition to those on every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// Entries in order of definition.
    pub entries: IndexMap<KeyName, Entry>,
}

impl Definition {
    /// Role of the layer that it is of: that of an environment, unless no environment has the layer.
    pub fn role(&self) -> LayerRole {
        LayerRole::of_layer(self.environment.as_str())
    }

    /// Key derived from the data keys of its encrypted layers, or else of its encrypted manifests.
    pub fn naming_key(&self) -> Option<&NamingKey> {
        let of_manifests = || self.manifest_seals.0.get()?.naming_key.as_ref();
        self.naming_key.as_ref().or_else(of_manifests)
    }

    /// Encrypted layers and manifests, each with the digest that identifies its wrapped data key.
    pub fn all_wrappings(&self) -> impl Iterator<Item = &(Source, [u8; 32])> {
        let of_manifests = self.manifest_seals.0.get().map(|seals| &seals.wrappings);
        self.wrappings.iter().chain(of_manifests.into_iter().flatten())
    }

    /// Encryption of its manifests, once they were read.
    pub fn seals(&self) -> &[Arc<ManifestSeal>] {
        self.manifest_seals.0.get().map_or(&[], |seals| &seals.seals)
    }

    /// Adds the encryption of its manifests, which are read after the layers.
    pub fn add_manifest_seals(&self, seals: &[Arc<ManifestSeal>]) {
        let naming_key = NamingKey::combine_keys(seals.iter().filter_map(|seal| seal.naming_key.as_ref()));
        let wrappings = seals.iter().map(|seal| (seal.source.clone(), seal.metadata.hash_wrapped_keys())).collect();
        // read once in a run
        let _ = self.manifest_seals.0.set(ManifestSeals { naming_key, wrappings, seals: seals.to_vec() });
    }

    /// Naming scheme of a bundle's objects.
    pub fn naming(&self, bundle: &str) -> Naming {
        self.names_of(bundle).map(|names| names.value).unwrap_or_default()
    }

    /// Setting that decides the naming of a bundle's objects.
    pub fn names_of(&self, bundle: &str) -> Option<&Located<Naming>> {
        let own = self.bundles.get(bundle).and_then(|bundle| bundle.names.as_ref());
        own.or(self.names.as_ref())
    }

    /// Setting that decides whether objects of a bundle are immutable. Without one, those are that are named by their
    /// values.
    pub fn immutable_of(&self, bundle: &str) -> Option<&Located<bool>> {
        let own = self.bundles.get(bundle).and_then(|bundle| bundle.immutable.as_ref());
        own.or(self.immutable.as_ref())
    }

    /// Name of the app's own bundle.
    pub fn own_bundle(&self) -> BundleName {
        self.app.as_str().into()
    }

    /// Entry with this id.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.bundles.get(&id.bundle)?.entries.get(&id.key)
    }

    /// Current name of an entry that no longer exists under its former name, in any bundle.
    pub fn renamed_entry(&self, old: &str) -> Option<EntryId> {
        self.bundles.iter().find_map(|(bundle_name, bundle)| {
            Some(EntryId { bundle: bundle_name.clone(), key: bundle.renamed_key(old)?.clone() })
        })
    }

    /// Value of a variable, if it has one.
    pub fn variable(&self, path: &str) -> Option<&Tree> {
        part_at(self.vars.as_ref()?, path)
    }

    /// Changes of all layers to a variable, oldest first.
    pub fn variable_history(&self, path: &str) -> Vec<VariableHistoryStep<'_>> {
        let changes = self.layers.iter().filter_map(|layer| {
            let change = change_at(layer.vars.as_ref()?, path)?;
            let (VariableChange::Set(tree) | VariableChange::Merged(tree) | VariableChange::Removed(tree)) = change;
            Some(VariableHistoryStep { layer: layer.name.clone(), place: tree.place.clone(), change })
        });
        changes.collect()
    }

    /// Paths of the variables: scalars, lists, and mappings without keys.
    pub fn variable_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        if let Some(Tree { kind: TreeKind::Map(map), .. }) = &self.vars {
            map.iter().for_each(|(key, value)| collect_paths(key.clone(), value, &mut paths));
        }
        paths
    }

    /// All entries with their ids, in the order of definition.
    pub fn entries(&self) -> impl Iterator<Item = (EntryId, &Bundle, &Entry)> {
        self.bundles.iter().flat_map(|(bundle_name, bundle)| {
            bundle
                .entries
                .iter()
                .map(move |(key, entry)| (EntryId { bundle: bundle_name.clone(), key: key.clone() }, bundle, entry))
        })
    }

    /// Location of the definition of a bundle, or else of the app.
    pub fn place_of_bundle(&self, name: &str) -> Option<&Location> {
        let bundle = self.bundles.get(name);
        let place = bundle.and_then(|bundle| {
            let entry = bundle.entries.values().next().map(|entry| &entry.defined);
            bundle.place.as_ref().or(entry)
        });
        place.or(self.app_place.as_ref())
    }

    /// Words with which a command names an entry of an environment, and no other: `prod KEY --bundle NAME`.
    pub fn command_words(&self, environment: &str, id: &EntryId) -> String {
        let is_alone =
            |(name, bundle): (&BundleName, &Bundle)| *name == id.bundle || !bundle.entries.contains_key(&id.key);
        let is_clear = id.bundle == self.own_bundle() && self.bundles.iter().all(is_alone);
        self.words_for(environment, id.key.as_str(), (!is_clear).then_some(&id.bundle))
    }

    /// Suggestion of the entry that a text names as messages and other commands do: `data.KEY`, `bundles.NAME.KEY`,
    /// `NAME/KEY`.
    pub fn labelled_entry(&self, label: &str) -> Option<String> {
        let is_short = |id: &EntryId| label.split_once('/') == Some((id.bundle.as_str(), id.key.as_str()));
        let (id, ..) = self.entries().find(|(id, ..)| self.label(id) == label || is_short(id))?;
        let bundle = if id.bundle == self.own_bundle() { String::new() } else { format!(" --bundle {}", id.bundle) };
        Some(format!("did you mean `{}{bundle}`?", id.key))
    }

    /// Words with which a command names a variable of an environment.
    pub fn variable_words(&self, environment: &str, path: &str) -> String {
        self.words_for(environment, &format!("vars.{path}"), None)
    }

    /// Words with which a command names something in a bundle, or in any of them.
    pub fn words_for(&self, environment: &str, name: &str, bundle: Option<&BundleName>) -> String {
        let app = if self.has_sibling_apps { shell_option("--app", self.app.as_str()) } else { String::new() };
        let bundle = bundle.map(|bundle| shell_option("--bundle", bundle.as_str())).unwrap_or_default();
        // it would be an option
        let rest = name.trim_start_matches('-');
        if rest.len() < name.len() {
            let dashes = "-".repeat(name.len() - rest.len());
            return format!("{environment}{app}{bundle} -- {dashes}{}", shell_word(rest));
        }
        format!("{environment} {}{app}{bundle}", shell_word(name))
    }

    /// Label of an entry in templates and messages: `data.KEY`, or `bundles.NAME.KEY` in another bundle than the app's
    /// own.
    pub fn label(&self, id: &EntryId) -> String {
        entry_label(self.app.as_str(), id)
    }
}

/// Label of an entry of `app`: `data.KEY`, or `bundles.NAME.KEY`.
pub fn entry_label(app: &str, id: &EntryId) -> String {
    if id.bundle.as_str() == app { format!("data.{}", id.key) } else { format!("bundles.{}.{}", id.bundle, id.key) }
}
