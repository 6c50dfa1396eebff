//! Parts of a version of an encrypted file that are readable without a key.

use std::collections::BTreeMap;
use std::path::Path;

use crate::sops::{DecryptionError, EncryptedFile, SopsFormat, canonical_recipient};

/// Text that every encrypted file contains.
const CIPHERTEXT: &[u8] = b"ENC[AES256_GCM,";

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
        let recipients = age.map(|entry| (canonical_recipient(&entry.recipient), entry.wrapped.text.clone())).collect();
        let values = file.encrypted_values().into_iter().map(|value| {
            let path = value.path.to_string();
            let label = if value.document == 0 { path } else { format!("document {}: {path}", value.document + 1) };
            (label, value.ciphertext)
        });
        Ok(Some(Self { recipients, values: values.collect() }))
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
