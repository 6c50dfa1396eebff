//! Layers: parsing of each file, and merging of all files of an environment.
//!
//! A layer is read once ([`Layer::read`]); `stack` orders those of an environment; merging them gives a [`Definition`],
//! in which every value keeps the chain of locations it came through.

mod allow_index;
mod allowed;
mod app_choice;
mod bundle_overlay;
mod content_keys;
mod definition;
mod delivery;
mod entries;
pub mod entry;
mod fields;
mod foreign_field;
mod invalid_yaml;
mod library;
mod lifecycle;
mod manifests;
mod merge;
mod misread;
mod name_conflicts;
mod outline;
mod overlays;
mod partial;
mod plaintext;
mod pointer;
mod read;
mod registries;
mod renames;
mod schema;
mod stack;
pub mod tree;
mod unexpected;
mod variable_path;
mod variable_rules;
mod variables;
mod words;

use std::path::PathBuf;

use crate::map::IndexMap;
use crate::name::{BundleName, KeyName, LayerName};
use crate::sops::NamingKey;
use crate::span::{Located, Location, Source};

pub use allow_index::{AllowIndex, AllowScope, KeyBundles};
pub use allowed::AllowedFinding;
pub use app_choice::AppChoice;
pub use definition::{Bundle, Definition, ManifestSeal, NameAffixes, entry_label};
pub use delivery::{Delivery, FluxDelivery, SecretStore};
pub use entries::SOURCES as ENTRY_SOURCES;
pub use entry::{Entry, EntryHistoryStep, EntryPatch, EntrySchema, EntrySource, LayerChange};
pub use library::LayerCache;
pub use lifecycle::LifecycleDefaults;
pub use manifests::{ExternalObject, ManifestList, ManifestOverlay, ManifestPattern};
pub use outline::LayerMapping;
pub use overlays::{ImageChange, LayerPatch, PatchSelector, PatchSource};
pub use partial::PartialDefinition;
pub use plaintext::PlaintextLayer;
pub use pointer::StoreRef;
pub use renames::{FormerKeyUse, key_text};
pub use tree::{Tree, TreeKind};
pub use variable_path::{VariableChange, VariableHistoryStep};
pub use variable_rules::VariableRules;
pub use words::{CsiProvider, LayerWord, Naming, Promotion, Pruning, RefForm, SealScope, SecretForm};

/// Capabilities of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRole {
    /// `base`: defines keys.
    Base,
    /// A layer in a subdirectory, applied where it is named: also defines keys.
    Mixin,
    /// An environment: sets keys that are already defined.
    Environment,
}

impl LayerRole {
    /// Role of a layer, which follows from its name.
    pub(crate) fn of_layer(name: &str) -> Self {
        match name {
            crate::project::BASE => Self::Base,
            _ if name.contains('/') => Self::Mixin,
            _ => Self::Environment,
        }
    }

    /// Whether such a layer may introduce keys.
    pub fn defines(self) -> bool {
        match self {
            Self::Base | Self::Mixin => true,
            Self::Environment => false,
        }
    }
}

/// Parsed layer file.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Name of the layer; `prod` for both `prod.yaml` and `prod.secrets.yaml`.
    pub name: LayerName,
    /// Capabilities of the layer.
    pub role: LayerRole,
    /// Source file.
    pub source: Source,
    /// Whether a part of the file is not valid YAML, which was reported.
    pub is_partial: bool,
    /// Directory that paths in it are relative to.
    pub directory: PathBuf,
    /// `app`
    pub app: Option<Located<String>>,
    /// `extends`
    pub extends: Vec<Located<LayerName>>,
    /// `namespace`; an inner `None` removes it.
    pub namespace: Option<Located<Option<String>>>,
    /// `labels`; `None` removes one.
    pub labels: IndexMap<String, Located<Option<String>>>,
    /// `annotations`; `None` removes one.
    pub annotations: IndexMap<String, Located<Option<String>>>,
    /// `selectorLabels`; `None` removes one.
    pub selector_labels: IndexMap<String, Located<Option<String>>>,
    /// `prefix`; an inner `None` removes it.
    pub prefix: Option<Located<Option<String>>>,
    /// `suffix`; an inner `None` removes it.
    pub suffix: Option<Located<Option<String>>>,
    /// `vars`
    pub vars: Option<Tree>,
    /// `varRules`: rules of variables, by path.
    pub variable_rules: VariableRules,
    /// `data`: the entries of the app's own bundle.
    pub data: IndexMap<KeyName, EntryPatch>,
    /// `bundles`
    pub bundles: IndexMap<BundleName, BundlePatch>,
    /// `manifests`: other objects of the app.
    pub manifests: Option<ManifestList>,
    /// `patches`: changes of other objects.
    pub patches: Vec<LayerPatch>,
    /// `images`; `None` removes one.
    pub images: IndexMap<String, Located<Option<ImageChange>>>,
    /// `replicas`; `None` removes one.
    pub replicas: IndexMap<String, Located<Option<u32>>>,
    /// `external`: objects managed outside the project.
    pub external: Vec<ExternalObject>,
    /// `names`
    pub names: Option<Located<Naming>>,
    /// `immutable`
    pub immutable: Option<Located<bool>>,
    /// `delivery`
    pub delivery: Delivery,
    /// `allow`
    pub allow: Vec<AllowedFinding>,
    /// Key derived from the data key of the file, if it was decrypted.
    pub naming_key: Option<NamingKey>,
    /// Digest that identifies the wrapped data key of the file, if it is encrypted.
    pub wrapping: Option<[u8; 32]>,
}

/// Settings of a layer for a bundle.
#[derive(Debug, Clone)]
pub struct BundlePatch {
    /// Location of its name.
    pub place: Location,
    /// `type`: the type of the Secret; all entries are then sensitive.
    pub secret_type: Option<Located<String>>,
    /// `open`: overlays may add keys.
    pub open: Option<Located<bool>>,
    /// `names`, for its objects alone.
    pub names: Option<Located<Naming>>,
    /// `immutable`, for its objects alone.
    pub immutable: Option<Located<bool>>,
    /// `rbac`: the service account that may read the Secret.
    pub rbac: Option<Located<String>>,
    /// Lifecycle rules of its entries.
    pub lifecycle: LifecycleDefaults,
    /// `labels` of its objects; `None` removes one.
    pub labels: IndexMap<String, Located<Option<String>>>,
    /// `annotations` of its objects; `None` removes one.
    pub annotations: IndexMap<String, Located<Option<String>>>,
    /// `data`
    pub data: IndexMap<KeyName, EntryPatch>,
    /// `registries`: logins to image registries, which form one entry.
    pub registries: Option<EntryPatch>,
}

/// Fields of the mappings of a layer, each table with its place in the schema for editors, which must have them all.
pub fn field_tables() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("/properties", crate::project::LAYER_FIELDS.to_vec()),
        ("/definitions/entryFields/properties", entries::known_fields().collect()),
        ("/definitions/variableRules/properties", variable_rules::known_fields().collect()),
        ("/definitions/bundle/properties", read::BUNDLE_FIELDS.to_vec()),
        ("/definitions/bundle/properties/rbac/properties", manifests::RBAC_FIELDS.to_vec()),
        ("/definitions/bundle/properties/registries/additionalProperties/properties", registries::FIELDS.to_vec()),
        ("/definitions/storeRef/properties", pointer::FIELDS.to_vec()),
        ("/definitions/delivery/properties", delivery::FIELDS.to_vec()),
        ("/definitions/delivery/properties/store/then/properties", delivery::STORE_FIELDS.to_vec()),
        ("/definitions/delivery/properties/flux/properties", delivery::FLUX_FIELDS.to_vec()),
        ("/definitions/patch/properties", overlays::PATCH_FIELDS.to_vec()),
        ("/definitions/patch/properties/target/properties", overlays::TARGET_FIELDS.to_vec()),
        ("/definitions/patch/properties/options/properties", overlays::OPTION_FIELDS.to_vec()),
        ("/properties/images/additionalProperties/properties", overlays::IMAGE_FIELDS.to_vec()),
        ("/properties/manifests/else/properties", manifests::REPLACE_FIELDS.to_vec()),
        ("/definitions/manifestList/items/then/properties", manifests::MANIFEST_FIELDS.to_vec()),
        ("/properties/external/items/properties", manifests::EXTERNAL_FIELDS.to_vec()),
        ("/properties/allow/items/properties", read::ALLOW_FIELDS.to_vec()),
    ]
}
