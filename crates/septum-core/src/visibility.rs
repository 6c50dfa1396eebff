//! Visibility of values without the keys that decrypt them.

use std::sync::Arc;

/// Whether the values of encrypted layers are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAccess {
    /// Required: a missing identity is an error.
    Decrypt,
    /// Only the encrypted leaves need to be known. Routing is decided over all environments, and rendering `dev` must
    /// not require the key of `prod`.
    StructureOnly,
    /// Like `StructureOnly`, and nothing more may be known: the result must be the same for everybody.
    PublicView,
}

/// Extent to which something is known without a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// All of it is known.
    #[default]
    Known,
    /// Only its placeholder is known, with ciphertext in the place of plaintext.
    Placeholder,
    /// Not even its placeholder is known.
    Unknown,
}

/// Placeholder for an unknown value: the text that it would be with ciphertext in the place of plaintext. Equal
/// placeholders mean equal values, as long as the data keys are the same. `None` where none can be computed, because a
/// filter does not accept ciphertext.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholder(Option<Arc<str>>);

impl Placeholder {
    /// Creates the placeholder of a text.
    pub fn of(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// Text, if it can be computed.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Visibility of the value that it stands for.
    pub fn visibility(&self) -> Visibility {
        if self.0.is_some() { Visibility::Placeholder } else { Visibility::Unknown }
    }
}

/// Policy for what was not decrypted.
#[derive(Debug, Clone, Copy)]
pub enum OnMissingKey<K> {
    /// Report an error.
    Fail,
    /// Keep it as far as it is known; the field says with what help.
    Keep(K),
}
