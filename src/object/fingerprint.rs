//! What an object is told by, if nobody can see its values.
//!
//! It is made of what the object looks like with ciphertext in the place of plaintext. As long as it
//! stays the same, so does what would be decrypted; who holds no key can tell by it that a committed
//! object is current.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Object, RenderedObject, Reveal};
use crate::manifest::Visibility;

/// A hash of what stands for an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The same within a context: what else decides how the object leaves.
    #[must_use]
    pub fn within(&self, context: &[u8]) -> Self {
        hash(&[&self.0, context])
    }
}

impl fmt::Display for Fingerprint {
    /// In hexadecimal, as much as no two objects ever share.
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
        // with their lengths, so that no two lists run into one
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

impl Object {
    /// The fingerprint of an object with values that nobody decrypted; none if all are known, or not even
    /// what stands for them.
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
        for (key, shadow) in &self.unknown {
            parts.extend([b"unknown", key.as_bytes(), shadow.text()?.as_bytes()]);
        }
        Some(hash(&parts))
    }
}

impl RenderedObject {
    /// The fingerprint of an object that is not known without a key.
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
