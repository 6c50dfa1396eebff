//! Verification of new bytes, which are read again before they reach a file.
//!
//! A file that was changed holds what it held, but for the change; each of its values decrypts, and the checksum
//! fits. Otherwise there is a mistake in this program, and nothing is written.

use super::cipher::DataKey;
use super::content::DocumentFingerprint;
use super::open::{DecryptPurpose, DecryptedDocument, decrypt_values};
use super::path::ValuePath;
use super::sealed::EncryptedFile;
use super::store::{ParsedFile, SopsFormat};
use super::verify_mac;

/// Difference between new bytes and what was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfaithfulOutput {
    /// Another reader could not read them, or not decrypt them.
    Unreadable,
    /// They hold another thing, here if it is known where.
    Different(ValuePath),
    /// Comments select values, and in the new file they would be of others.
    Selection,
}

/// Checks that bytes are an encrypted file of a document with this fingerprint under this data key, and gives them back.
///
/// A binary file is one value between two texts that are always the same, and so is not read again.
pub(super) fn check_written(
    name: &str,
    bytes: Vec<u8>,
    format: SopsFormat,
    key: &DataKey,
    expected: DocumentFingerprint,
) -> Result<Vec<u8>, UnfaithfulOutput> {
    if format == SopsFormat::Binary {
        return Ok(bytes);
    }
    let closed = EncryptedFile::read(name, bytes, format).ok().flatten().ok_or(UnfaithfulOutput::Unreadable)?;
    let EncryptedFile { source, parsed, metadata, .. } = closed;
    let ParsedFile { mut document, .. } = parsed;
    let DecryptedDocument { mac, findings, encrypted, .. } =
        decrypt_values(&mut document, &source, format, &metadata, key, DecryptPurpose::Verify);
    verify_mac(mac, findings, encrypted, &metadata, key).map_err(|_| UnfaithfulOutput::Unreadable)?;
    if DocumentFingerprint::collect_comments(&document) != expected {
        return Err(UnfaithfulOutput::Different(ValuePath::default()));
    }
    // it is nobody else's then, and need not be copied
    drop((metadata, document));
    Ok(source.into_text().into_bytes())
}
