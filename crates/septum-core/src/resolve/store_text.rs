//! Texts with values in them that stay in a store.

use std::sync::Arc;

use crate::layer::StoreRef;
use crate::name::EntryId;
use crate::secret::Secret;

/// Text whose parts may stay in a store.
#[derive(Debug, Clone)]
pub struct StoreText {
    /// Consecutive parts of the text; at least one is a value of a store.
    pub pieces: Vec<StoreTextPart>,
}

/// Part of a text.
#[derive(Debug, Clone)]
pub enum StoreTextPart {
    /// A known text.
    Text(Secret<String>),
    /// A value of a store.
    Value {
        /// Entry that the value belongs to.
        id: EntryId,
        /// Reference to the value in the store.
        store_ref: Arc<StoreRef>,
        /// Filters applied to it, in this order.
        filters: Vec<StoreRefFilter>,
    },
}

impl StoreText {
    /// Text that is the value of a single entry.
    pub(super) fn value(id: &EntryId, pointer: &Arc<StoreRef>) -> Self {
        let piece = StoreTextPart::Value { id: id.clone(), store_ref: Arc::clone(pointer), filters: Vec::new() };
        Self { pieces: vec![piece] }
    }

    /// Reference, if the text is a single value of a store without filters.
    pub fn lone_ref(&self) -> Option<&Arc<StoreRef>> {
        match self.pieces.as_slice() {
            [StoreTextPart::Value { store_ref: pointer, filters, .. }] if filters.is_empty() => Some(pointer),
            _ => None,
        }
    }
}

/// Filter that a template may apply to a value of a store. The component that assembles the text has an equivalent for
/// each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreRefFilter {
    /// `urlencode`
    UrlEncode,
    /// `b64encode`
    Base64,
    /// `tojson`
    Json,
    /// `sha256`
    Sha256,
    /// `trim`
    Trim,
}

impl StoreRefFilter {
    const NAMES: [&str; 5] = ["urlencode", "b64encode", "tojson", "sha256", "trim"];

    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "urlencode" => Self::UrlEncode,
            "b64encode" => Self::Base64,
            "tojson" => Self::Json,
            "sha256" => Self::Sha256,
            "trim" => Self::Trim,
            _ => return None,
        })
    }
}

/// Message and hint: the value of a `ref` was requested while rendering.
pub(super) fn unknown_value(label: &str) -> (String, String) {
    let filters: Vec<_> = StoreRefFilter::NAMES.iter().map(|name| format!("`{name}`")).collect();
    (
        format!("`{label}` is in an external store, so its value is not known here"),
        format!("a template can only insert it: `{{{{ {label} }}}}`; the allowed filters are {}", filters.join(", ")),
    )
}
