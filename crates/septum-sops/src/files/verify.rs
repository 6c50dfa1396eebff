//! Verification of new bytes, which are read again before they reach a file.
//!
//! A changed file has its previous content except for the change; each of its values decrypts, and the checksum
//! matches. Otherwise there is a bug in this program, and the file is not written.

use crate::crypto::cipher::DataKey;
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::open::{DecryptPurpose, DecryptedDocument, decrypt_values};
use crate::files::sealed::EncryptedFile;
use crate::files::write_error::UnfaithfulOutput;
use crate::store::{ParsedFile, SopsFormat};
use septum_base::value_path::ValuePath;

/// Checks that bytes are an encrypted file of a document with this fingerprint under this data key, and returns them.
///
/// A binary file is one value between two constant texts, and so is not read again.
pub(crate) fn check_written(
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
    let DecryptedDocument { values, summary, .. } =
        decrypt_values(&mut document, &source, format, &metadata, key, DecryptPurpose::Verify);
    values.verify_mac(&metadata, key).map_err(|_| UnfaithfulOutput::Unreadable)?;
    if summary.is_none_or(|summary| summary.fingerprint != expected) {
        return Err(UnfaithfulOutput::Different(ValuePath::default()));
    }
    // it has no other owner then, and need not be copied
    drop((metadata, document));
    Ok(source.into_text().into_bytes())
}
