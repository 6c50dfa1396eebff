//! What all layers of an environment say together.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::entry::Entry;
use super::manifests::{ExternalObject, ManifestPattern};
use super::tree::Tree;
use super::{AllowedFinding, Delivery, Naming};
use crate::name::{AppName, BundleName, EntryId, EnvironmentName, KeyName};
use crate::sops::NamingKey;
use crate::span::{Located, Location, Source};

/// The merged definition of an app in an environment.
#[derive(Debug)]
pub struct Definition {
    /// The app.
    pub app: AppName,
    /// Where the app is named; nowhere if it has its directory's name.
    pub app_place: Option<Location>,
    /// The environment.
    pub environment: EnvironmentName,
    /// The namespace of its objects.
    pub namespace: Option<Located<String>>,
    /// Labels on every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Annotations on every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// What templates may use.
    pub vars: Option<Tree>,
    /// The bundles; the app's own, named like the app, is the first.
    pub bundles: IndexMap<BundleName, Bundle>,
    /// Files with other objects of the app.
    pub manifests: Vec<ManifestPattern>,
    /// Objects that others make.
    pub external: Vec<ExternalObject>,
    /// How its objects are named, where a layer says so.
    pub names: Option<Located<Naming>>,
    /// How its secrets leave.
    pub delivery: Delivery,
    /// What follows from the data keys of its encrypted layers, if there are any and they were decrypted.
    pub naming_key: Option<NamingKey>,
    /// Its encrypted layers, with what the wrapped data key of each is told by.
    pub wrappings: Vec<(Source, [u8; 32])>,
    /// Accepted findings.
    pub allow: Vec<AllowedFinding>,
    /// Where its layers were looked for, found or not.
    pub candidates: Vec<PathBuf>,
    /// The files it was merged from, lowest first.
    pub files: Vec<Source>,
}

/// A named set of entries.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The type of the Secret, which makes every entry sensitive.
    pub secret_type: Option<Located<String>>,
    /// Where it is named; the app's own may be named nowhere.
    pub place: Option<Location>,
    /// Overlays may add keys.
    pub open: bool,
    /// The service account that may read the Secret.
    pub rbac: Option<Located<String>>,
    /// Labels on its objects, beside those of every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Annotations on its objects, beside those of every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// The entries in the order in which they were defined.
    pub entries: IndexMap<KeyName, Entry>,
}

impl Definition {
    /// How its objects are named.
    pub fn naming(&self) -> Naming {
        self.names.as_ref().map(|names| names.value).unwrap_or_default()
    }

    /// The name of the app's own bundle.
    pub fn own_bundle(&self) -> BundleName {
        self.app.as_str().into()
    }

    /// An entry.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.bundles.get(&id.bundle)?.entries.get(&id.key)
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

    /// How templates and messages name an entry: `data.KEY`, or `bundles.NAME.KEY` for one of
    /// another bundle than the app's own.
    pub fn label(&self, id: &EntryId) -> String {
        entry_label(self.app.as_str(), id)
    }
}

/// How an entry of `app` is named: `data.KEY`, or `bundles.NAME.KEY`.
pub fn entry_label(app: &str, id: &EntryId) -> String {
    if id.bundle.as_str() == app { format!("data.{}", id.key) } else { format!("bundles.{}.{}", id.bundle, id.key) }
}
