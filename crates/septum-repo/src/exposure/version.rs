//! Parts of a version of an encrypted file that are readable without a key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sops::{DecryptionError, EncryptedFile, SopsFormat, ValuePath, canonical_recipient, plaintext_values};
use crate::sort::CollectSorted;

/// Text that every encrypted file contains.
const CIPHERTEXT: &[u8] = b"ENC[AES256_GCM,";

/// Values that are in plaintext in a file, by their paths; none if it cannot be read.
pub(super) fn read_plaintext_values(path: &Path, bytes: &[u8]) -> BTreeSet<String> {
    let name = path.to_string_lossy();
    let read = |format| plaintext_values(&name, bytes.to_vec(), format).unwrap_or_default();
    let values = match SopsFormat::of_path(path) {
        // the name does not show in which format it was encrypted
        SopsFormat::Binary => OTHER_FORMATS.into_iter().flat_map(read).collect(),
        format => read(format),
    };
    let mut labels: BTreeSet<String> =
        values.into_iter().map(|(document, path)| value_label(document, &path)).collect_set();
    if SopsFormat::of_path(path) == SopsFormat::Binary && !has_ciphertext(bytes) {
        labels.insert(WHOLE.to_owned());
    }
    labels
}

/// Formats of which a file may be whose name shows none.
const OTHER_FORMATS: [SopsFormat; 4] = [SopsFormat::Yaml, SopsFormat::Json, SopsFormat::Dotenv, SopsFormat::Ini];

/// Path of the value that a binary file is.
const WHOLE: &str = "data";

fn has_ciphertext(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, CIPHERTEXT).is_some()
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
        if !has_ciphertext(&bytes) {
            return Ok(None);
        }
        let is_named = SopsFormat::of_path(path) != SopsFormat::Binary;
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let format = match SopsFormat::guess(path, &bytes) {
            // a binary file is JSON once it is encrypted, and read as such so that its ciphertext is at hand; a
            // source that names a ciphertext is not one
            SopsFormat::Binary if !is_object => return Ok(None),
            SopsFormat::Binary => SopsFormat::Json,
            format => format,
        };
        let name = path.to_string_lossy();
        let file = match EncryptedFile::read(&name, bytes, format) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            // a text that shows an encrypted file, as documentation does
            Err(_) if !is_named && !is_object => return Ok(None),
            Err(error) => return Err(Box::new(error)),
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
