//! Parts of a version of an encrypted file that are readable without a key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sops::{DecryptionError, EncryptedFile, SopsFormat, ValuePath, canonical_recipient, plaintext_values};
use crate::sort::CollectSorted;

/// Text that every encrypted file contains.
const CIPHERTEXT: &[u8] = b"ENC[AES256_GCM,";

/// Values that are in plaintext in a file, by their paths; none if it cannot be read.
pub(super) fn read_plaintext_values(path: &Path, bytes: Vec<u8>) -> BTreeSet<String> {
    let values = plaintext_values(&path.to_string_lossy(), bytes, SopsFormat::of_path(path)).unwrap_or_default();
    values.into_iter().map(|(document, path)| value_label(document, &path)).collect_set()
}

/// Path of a value, with the document if it is not the first.
fn value_label(document: usize, path: &ValuePath) -> String {
    if document == 0 { path.to_string() } else { format!("document {}: {path}", document + 1) }
}

/// Recipients and ciphertexts of a version of a file.
#[derive(Debug, Default)]
pub(super) struct EncryptedVersion {
    /// The data key as it is wrapped for each recipient.
    pub(super) recipients: BTreeMap<String, String>,
    /// Ciphertexts by the path of their value.
    pub(super) values: BTreeMap<String, String>,
}

impl EncryptedVersion {
    /// Reads a version; `None` if it is not encrypted.
    pub(super) fn read(path: &Path, bytes: Vec<u8>) -> Result<Option<Self>, Box<DecryptionError>> {
        let format = SopsFormat::of_path(path);
        // a file of another format is JSON once it is encrypted; a source that names a ciphertext is not one
        let is_envelope = format != SopsFormat::Binary || bytes.trim_ascii_start().starts_with(b"{");
        if !is_envelope || memchr::memmem::find(&bytes, CIPHERTEXT).is_none() {
            return Ok(None);
        }
        let name = path.to_string_lossy();
        let Some(file) = EncryptedFile::read(&name, bytes, format).map_err(Box::new)? else {
            return Ok(None);
        };
        let groups = &file.metadata().groups;
        let age = groups.iter().flat_map(|group| &group.age);
        let recipients =
            age.map(|entry| (canonical_recipient(&entry.recipient), entry.wrapped.text.clone())).collect_map();
        let values = file.encrypted_values().into_iter();
        let values = values.map(|value| (value_label(value.document, &value.path), value.ciphertext));
        Ok(Some(Self { recipients, values: values.collect_map() }))
    }

    /// Whether both have values at the same paths.
    pub(super) fn has_paths_of(&self, other: &Self) -> bool {
        !self.values.is_empty() && self.values.keys().eq(other.values.keys())
    }

    pub(super) fn is_for(&self, recipient: &str) -> bool {
        self.recipients.contains_key(recipient)
    }

    /// Whether another version has the same data key: it is wrapped in the same way for some recipient, or some value
    /// has the same ciphertext.
    pub(super) fn has_data_key_of(&self, other: &Self) -> bool {
        let is_same = |(recipient, wrapped): (&String, &String)| other.recipients.get(recipient) == Some(wrapped);
        let is_kept = |(path, ciphertext): (&String, &String)| other.values.get(path) == Some(ciphertext);
        self.recipients.iter().any(is_same) || self.values.iter().any(is_kept)
    }
}
