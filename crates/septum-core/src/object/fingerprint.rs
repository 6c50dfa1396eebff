//! Identity of an object without its values.
//!
//! It is computed from the object with ciphertext in the place of plaintext. As long as it stays the same, so do the
//! decrypted values; without a key it shows whether a committed object is up to date.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::hash::encode;
use super::{Object, RenderedObject, Reveal};
use crate::visibility::Visibility;

/// Hash of the placeholders of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Fingerprint combined with a context: other inputs that decide how the object is delivered.
    #[must_use]
    pub fn within(&self, context: &[u8]) -> Self {
        hash(&[&self.0, context])
    }

    /// The fingerprint in the form of a checksum, which it stands for.
    pub(super) fn suffix(&self) -> String {
        encode(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    /// Hexadecimal prefix, long enough to be unique among objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

fn hash(parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        // with their lengths, so that different lists give different input
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

impl Object {
    /// Fingerprint of an object with undecrypted values; `None` if all values are known, or if not even the
    /// placeholders are.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        if self.is_known() {
            return None;
        }
        let mut parts: Vec<&[u8]> = vec![self.kind.as_str().as_bytes(), self.base_name.as_bytes()];
        parts.push(self.namespace.as_deref().unwrap_or_default().as_bytes());
        parts.push(self.secret_type.as_deref().unwrap_or_default().as_bytes());
        parts.push(if self.immutable { b"immutable" } else { b"" });
        for texts in [&self.labels, &self.annotations] {
            parts.push(b"texts");
            parts.extend(texts.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]));
        }
        for (key, value) in &self.data {
            parts.extend([b"known", key.as_bytes(), value.bytes()]);
        }
        for (key, placeholder) in &self.unknown {
            parts.extend([b"unknown", key.as_bytes(), placeholder.text()?.as_bytes()]);
        }
        Some(hash(&parts))
    }
}

impl RenderedObject {
    /// Fingerprint of an object that is unknown without a key.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Bundle(object) => object.fingerprint(),
            Self::Manifest(manifest, _) if manifest.visibility == Visibility::Placeholder => {
                let mut text = zeroize::Zeroizing::new(String::new());
                crate::yaml::write::append_document(&mut text, &self.to_value(Reveal::Values));
                Some(hash(&[text.as_bytes()]))
            }
            Self::Manifest(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_stands_for_a_checksum_in_its_form() {
        let found = hash(&[b"a"]).suffix();
        assert_eq!(found.len(), 10);
        assert!(found.chars().all(|char| "2456789bcdfghkmt".contains(char)), "{found}");
    }
}
