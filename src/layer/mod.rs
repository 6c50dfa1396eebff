//! Layers: what each file says, and what they say together.
//!
//! A layer is read once ([`Layer::read`]); `stack` lines up those of an environment; merging
//! them gives a [`Definition`], in which every value keeps the chain of places it came through.

mod content_keys;
mod definition;
mod delivery;
mod entries;
pub mod entry;
mod fields;
mod foreign_field;
mod library;
mod manifests;
mod merge;
mod misread;
mod naming;
mod plaintext;
mod pointer;
mod read;
mod registries;
mod schema;
mod seal_scope;
mod stack;
pub mod tree;
mod unexpected;
mod variables;

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::name::{BundleName, KeyName, LayerName};
use crate::sops::NamingKey;
use crate::span::{Located, Location, Source};

pub use definition::{Bundle, Definition, entry_label};
pub use delivery::{CsiProvider, Delivery, RefForm, SecretForm, SecretStore};
pub use entry::{Entry, EntryHistoryStep, EntryPatch, EntrySchema, EntrySource, LayerChange};
pub use library::{KeyAccess, LayerCache};
pub use manifests::{ExternalObject, ManifestPattern};
pub use naming::Naming;
pub use plaintext::PlaintextLayer;
pub use pointer::StoreRef;
pub use seal_scope::SealScope;
pub use tree::{Tree, TreeKind};

/// What a layer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRole {
    /// `base`: defines keys.
    Base,
    /// A layer in a subdirectory, applied where it is named: defines keys too.
    Mixin,
    /// An environment: sets what is defined.
    Environment,
}

impl LayerRole {
    /// Whether such a layer may introduce keys.
    pub fn defines(self) -> bool {
        match self {
            Self::Base | Self::Mixin => true,
            Self::Environment => false,
        }
    }
}

/// One file, read.
#[derive(Debug)]
pub struct Layer {
    /// Its name; `prod` for both `prod.yaml` and `prod.secrets.yaml`.
    pub name: LayerName,
    /// What it may do.
    pub role: LayerRole,
    /// The file.
    pub source: Source,
    /// The directory that paths in it are relative to.
    pub directory: PathBuf,
    /// `app`
    pub app: Option<Located<String>>,
    /// `extends`
    pub extends: Vec<Located<LayerName>>,
    /// `namespace`; `None` within removes it.
    pub namespace: Option<Located<Option<String>>>,
    /// `labels`; `None` removes one.
    pub labels: IndexMap<String, Located<Option<String>>>,
    /// `annotations`; `None` removes one.
    pub annotations: IndexMap<String, Located<Option<String>>>,
    /// `vars`
    pub vars: Option<Tree>,
    /// `data`: the entries of the app's own bundle.
    pub data: IndexMap<KeyName, EntryPatch>,
    /// `bundles`
    pub bundles: IndexMap<BundleName, BundlePatch>,
    /// `manifests`: other objects of the app. One that says so replaces what earlier layers said.
    pub manifests: Option<Vec<ManifestPattern>>,
    /// `external`: objects that others make.
    pub external: Vec<ExternalObject>,
    /// `names`
    pub names: Option<Located<Naming>>,
    /// `delivery`
    pub delivery: Delivery,
    /// `allow`
    pub allow: Vec<AllowedFinding>,
    /// What follows from the data key of the file, if it was decrypted.
    pub naming_key: Option<NamingKey>,
    /// By what the wrapped data key of the file is told, if it is encrypted.
    pub wrapping: Option<[u8; 32]>,
}

/// What a layer says about a bundle.
#[derive(Debug)]
pub struct BundlePatch {
    /// Where its name stands.
    pub place: Location,
    /// `type`: the type of the Secret; all entries are then sensitive.
    pub secret_type: Option<Located<String>>,
    /// `open`: overlays may add keys.
    pub open: Option<Located<bool>>,
    /// `rbac`: the service account that may read the Secret.
    pub rbac: Option<Located<String>>,
    /// `labels` of its objects; `None` removes one.
    pub labels: IndexMap<String, Located<Option<String>>>,
    /// `annotations` of its objects; `None` removes one.
    pub annotations: IndexMap<String, Located<Option<String>>>,
    /// `data`
    pub data: IndexMap<KeyName, EntryPatch>,
    /// `registries`: logins to image registries, which make one entry.
    pub registries: Option<EntryPatch>,
}

/// A finding that the team accepts, with its reason.
#[derive(Debug, Clone)]
pub struct AllowedFinding {
    /// The rule, or the detector, that is silenced.
    pub rule: Located<String>,
    /// The key it is silenced for.
    pub key: Located<String>,
    /// Why.
    pub reason: Located<String>,
    /// Until when (`YYYY-MM-DD`), if not for ever.
    pub until: Option<Located<String>>,
}
