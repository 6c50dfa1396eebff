//! Visibility of values without the keys that decrypt them.

use std::sync::Arc;

/// Whether the values of encrypted layers are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAccess {
    /// They are: without an identity that is an error.
    Decrypt,
    /// It is enough to know which leaves are encrypted. Routing is decided over all environments,
    /// and nobody should need the key of `prod` to render `dev`.
    StructureOnly,
    /// The same, and nothing else may be known: what is made of it has to be what everybody sees.
    PublicView,
}

/// How much of something is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// All.
    #[default]
    Known,
    /// What stands for it, with ciphertext in the place of plaintext.
    Placeholder,
    /// Not even that.
    Unknown,
}

/// What stands for a value that is not known: the text that it would be with ciphertext in the place of
/// plaintext. Two that are equal stand for equal values, as long as the data keys are the same. None
/// where it cannot be made: a filter wants something else than ciphertext.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholder(Option<Arc<str>>);

impl Placeholder {
    /// The one of a text.
    pub fn of(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// The text, if it can be made.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// How much is known of what it stands for.
    pub fn visibility(&self) -> Visibility {
        if self.0.is_some() { Visibility::Placeholder } else { Visibility::Unknown }
    }
}

/// What becomes of what nobody decrypted.
#[derive(Debug, Clone, Copy)]
pub enum OnMissingKey<K> {
    /// It is an error.
    Fail,
    /// It is kept as far as it is known, with the help of this.
    Keep(K),
}
