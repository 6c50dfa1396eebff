//! Merged result of all layers of an environment.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::entry::Entry;
use super::manifests::{ExternalObject, ManifestPattern};
use super::tree::Tree;
use super::{AllowedFinding, Delivery, Naming};
use crate::name::{AppName, BundleName, EntryId, EnvironmentName, KeyName};
use crate::sops::NamingKey;
use crate::span::{Located, Location, Source};

/// Merged definition of an app in an environment.
#[derive(Debug)]
pub struct Definition {
    /// Name of the app.
    pub app: AppName,
    /// Location where the app is named; `None` if it has its directory's name.
    pub app_place: Option<Location>,
    /// Name of the environment.
    pub environment: EnvironmentName,
    /// Namespace of its objects.
    pub namespace: Option<Located<String>>,
    /// Labels on every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Annotations on every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// Variables for templates.
    pub vars: Option<Tree>,
    /// Bundles; the app's own, named like the app, is the first.
    pub bundles: IndexMap<BundleName, Bundle>,
    /// Files with other objects of the app.
    pub manifests: Vec<ManifestPattern>,
    /// Objects managed outside the project.
    pub external: Vec<ExternalObject>,
    /// Naming of its objects, if a layer sets it.
    pub names: Option<Located<Naming>>,
    /// Delivery of its secrets.
    pub delivery: Delivery,
    /// Key derived from the data keys of its encrypted layers, if there are any and they were decrypted.
    pub naming_key: Option<NamingKey>,
    /// Encrypted layers, each with the digest that identifies its wrapped data key.
    pub wrappings: Vec<(Source, [u8; 32])>,
    /// Accepted findings.
    pub allow: Vec<AllowedFinding>,
    /// Paths at which its layers were searched, whether they exist or not.
    pub candidates: Vec<PathBuf>,
    /// Files it was merged from, lowest first.
    pub files: Vec<Source>,
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
    /// Service account that may read the Secret.
    pub rbac: Option<Located<String>>,
    /// Labels on its objects, in addition to those on every object.
    pub labels: IndexMap<String, Located<String>>,
    /// Annotations on its objects, in addition to those on every object.
    pub annotations: IndexMap<String, Located<String>>,
    /// Entries in order of definition.
    pub entries: IndexMap<KeyName, Entry>,
}

impl Definition {
    /// Naming scheme of its objects.
    pub fn naming(&self) -> Naming {
        self.names.as_ref().map(|names| names.value).unwrap_or_default()
    }

    /// Name of the app's own bundle.
    pub fn own_bundle(&self) -> BundleName {
        self.app.as_str().into()
    }

    /// Entry with this id.
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
