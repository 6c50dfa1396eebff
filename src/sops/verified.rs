//! Verification of new bytes, which are read again before they reach a file.
//!
//! A file that was changed holds what it held, but for the change; each of its values decrypts, and the checksum
//! fits. Otherwise there is a mistake in this program, and nothing is written.

use super::cipher::DataKey;
use super::content::Fingerprint;
use super::open::{Opened, Purpose, open};
use super::path::KeyPath;
use super::sealed::Closed;
use super::store::{Format, Parsed};
use super::verify;

/// Difference between new bytes and what was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfaithful {
    /// Another reader could not read them, or not decrypt them.
    Unreadable,
    /// They hold another thing, here if it is known where.
    Different(KeyPath),
    /// Comments select values, and in the new file they would be of others.
    Selection,
}

/// Checks that bytes are an encrypted file of a document with this fingerprint under this data key, and gives them back.
///
/// A binary file is one value between two texts that are always the same, and so is not read again.
pub(super) fn check_written(
    name: &str,
    bytes: Vec<u8>,
    format: Format,
    key: &DataKey,
    expected: Fingerprint,
) -> Result<Vec<u8>, Unfaithful> {
    if format == Format::Binary {
        return Ok(bytes);
    }
    let closed = Closed::read(name, bytes, format).ok().flatten().ok_or(Unfaithful::Unreadable)?;
    let Closed { source, parsed, metadata, .. } = closed;
    let Parsed { mut document, .. } = parsed;
    let Opened { mac, findings, encrypted, .. } = open(&mut document, &source, format, &metadata, key, Purpose::Verify);
    verify(mac, findings, encrypted, &metadata, key).map_err(|_| Unfaithful::Unreadable)?;
    if Fingerprint::of(&document) != expected {
        return Err(Unfaithful::Different(KeyPath::default()));
    }
    // it is nobody else's then, and need not be copied
    drop((metadata, document));
    Ok(source.into_text().into_bytes())
}
