//! Values as far as a difference may know them.

use std::fmt;
use std::sync::Arc;

use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

use crate::visibility::Placeholder;

/// Digest of a value under a key of this run: equal values have equal marks, and a mark says nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ValueMark([u8; 32]);

impl fmt::Debug for ValueMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Makes marks under one random key, which is never written: only marks of the same run can be compared.
#[derive(Clone)]
pub struct ValueMarker([u8; 32]);

impl fmt::Debug for ValueMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueMarker")
    }
}

impl ValueMarker {
    /// A marker with a new random key.
    pub fn random() -> Self {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Self(key)
    }

    /// Mark of a value.
    pub(super) fn mark(&self, value: &[u8]) -> ValueMark {
        ValueMark(Sha256::new().chain_update(self.0).chain_update(value).finalize().into())
    }
}

/// Value of an entry, or of a field of an object.
#[derive(Debug, Clone)]
pub(super) enum DiffValue {
    /// There is none.
    Absent,
    /// A text that anyone may read.
    Text(Arc<str>),
    /// Other bytes that anyone may read.
    Binary(ValueMark),
    /// A value that must not leak.
    Secret(ValueMark),
    /// A value that is unknown without a key.
    Locked(Placeholder),
    /// A value that stays in a store, by its reference.
    Store(Arc<str>),
    /// Its source is invalid, which was reported.
    Failed,
}

/// Whether two values are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueEquality {
    /// They are.
    Same,
    /// They are not.
    Different,
    /// It cannot be known without a key.
    Unknown,
}

impl DiffValue {
    /// Whether there is a value.
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The text, if anyone may read it.
    pub(super) fn text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Compares two values, of which each may be on its own side of the classification boundary.
    pub(super) fn equality(&self, other: &Self, marker: &ValueMarker) -> ValueEquality {
        let known = |is_same: bool| if is_same { ValueEquality::Same } else { ValueEquality::Different };
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Store(a), Self::Store(b)) => known(a == b),
            (Self::Absent, Self::Absent) | (Self::Failed, Self::Failed) => ValueEquality::Same,
            (Self::Locked(a), Self::Locked(b)) => match (a.text(), b.text()) {
                (Some(a), Some(b)) if a == b => ValueEquality::Same,
                _ => ValueEquality::Unknown,
            },
            (Self::Locked(_), Self::Secret(_) | Self::Text(_) | Self::Binary(_))
            | (Self::Secret(_) | Self::Text(_) | Self::Binary(_), Self::Locked(_)) => ValueEquality::Unknown,
            (a, b) => match (a.mark(marker), b.mark(marker)) {
                (Some(a), Some(b)) => known(a == b),
                _ => ValueEquality::Different,
            },
        }
    }

    fn mark(&self, marker: &ValueMarker) -> Option<ValueMark> {
        match self {
            Self::Text(text) => Some(marker.mark(text.as_bytes())),
            Self::Binary(mark) | Self::Secret(mark) => Some(*mark),
            Self::Absent | Self::Locked(_) | Self::Store(_) | Self::Failed => None,
        }
    }
}
