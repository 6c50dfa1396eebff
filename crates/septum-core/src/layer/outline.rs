//! Fields of a layer and the words that they take, for editors: the same lists as the reader has.

use super::delivery::{FIELDS as DELIVERY_FIELDS, FLUX_FIELDS};
use super::entries::known_fields;
use super::read::{ALLOW_FIELDS, BUNDLE_FIELDS};
use super::schema::TYPES;
use super::words::{CsiProvider, LayerWord, Naming, Promotion, Pruning, RefForm, SealScope, SecretForm};
use crate::project::LAYER_FIELDS;

/// Mapping of a layer with known fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerMapping {
    /// The layer itself.
    Layer,
    /// A bundle: `bundles.NAME`.
    Bundle,
    /// The long form of an entry.
    Entry,
    /// An item of `allow`.
    Allow,
    /// `delivery`.
    Delivery,
    /// `delivery.flux`.
    FluxDelivery,
}

impl LayerMapping {
    /// Its fields.
    pub fn fields(self) -> Vec<&'static str> {
        match self {
            Self::Layer => LAYER_FIELDS.to_vec(),
            Self::Bundle => BUNDLE_FIELDS.to_vec(),
            Self::Entry => known_fields().collect(),
            Self::Allow => ALLOW_FIELDS.to_vec(),
            Self::Delivery => DELIVERY_FIELDS.to_vec(),
            Self::FluxDelivery => FLUX_FIELDS.to_vec(),
        }
    }

    /// The words that a field takes; none if it takes others too.
    pub fn words(self, field: &str) -> Vec<&'static str> {
        match (self, field) {
            (Self::Layer | Self::Bundle, "names") => Naming::words(),
            (Self::Layer | Self::Bundle, "immutable")
            | (Self::Bundle, "open")
            | (Self::Entry, "sensitive" | "required" | "template")
            | (Self::FluxDelivery, "watch" | "resourceSet") => BOOLEANS.to_vec(),
            (Self::Entry, "type") => TYPES.to_vec(),
            (Self::Entry, "promote") => Promotion::words(),
            (Self::Delivery, "secrets") => SecretForm::words(),
            (Self::Delivery, "refs") => RefForm::words(),
            (Self::Delivery, "provider") => CsiProvider::words(),
            (Self::Delivery, "scope") => SealScope::words(),
            (Self::Delivery, "prune") => Pruning::words(),
            _ => Vec::new(),
        }
    }
}

const BOOLEANS: [&str; 2] = ["true", "false"];
