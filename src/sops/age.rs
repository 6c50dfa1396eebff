//! The data key, wrapped for an age recipient.
//!
//! Each recipient has an age file of its own with the data key in it, never one file for many
//! (format, section 1.1).

use std::io::Read as _;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use super::cipher::{DataKey, KEY_LENGTH};
use super::error::{Error, Fault, Finding, NoIdentity};
use super::identity::Identities;
use super::metadata::{AgeRecipient, Metadata};
use super::path::KeyPath;

/// The data key of a file.
///
/// The entry whose label fits an identity is tried first, then all others: the label may lie.
pub(super) fn data_key(metadata: &Metadata, identities: &Identities) -> Result<DataKey, Error> {
    let mut entries: Vec<(bool, &AgeRecipient)> =
        metadata.age.iter().map(|entry| (identities.has(&entry.recipient), entry)).collect();
    entries.sort_by_key(|(ours, _)| !ours);
    let mut findings = Vec::new();
    for (ours, entry) in entries {
        match unwrap(&entry.wrapped.text, identities) {
            Ok(key) => {
                if let Some(key) = DataKey::new(&key) {
                    return Ok(key);
                }
                findings.push(broken(metadata, entry));
            }
            Err(_) if ours => findings.push(broken(metadata, entry)),
            Err(_) => {}
        }
    }
    if findings.is_empty() { Err(no_identity(metadata, identities)) } else { Err(Error::Content(findings)) }
}

fn unwrap(armored: &str, identities: &Identities) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    // the armor reader takes no leading blanks, and old files lack the last line break
    let armored = format!("{}\n", armored.trim());
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(armored.as_bytes()))?;
    let mut plaintext = decryptor.decrypt(identities.iter())?;
    // one byte more than a key has, so that a longer text is noticed, and never a reallocation
    let mut key = Zeroizing::new(vec![0; KEY_LENGTH + 1]);
    let mut length = 0;
    while let Some(free) = key.get_mut(length..).filter(|free| !free.is_empty()) {
        match plaintext.read(free).map_err(DecryptError::Io)? {
            0 => break,
            read => length += read,
        }
    }
    key.truncate(length);
    Ok(key)
}

fn broken(metadata: &Metadata, entry: &AgeRecipient) -> Finding {
    let mut path = KeyPath::root("sops");
    path.enter_key("age");
    Finding {
        place: metadata.place.source.place(entry.wrapped.span),
        path,
        fault: Fault::DataKey { recipient: short(&entry.recipient) },
    }
}

fn no_identity(metadata: &Metadata, identities: &Identities) -> Error {
    Error::NoIdentity(Box::new(NoIdentity {
        place: metadata.place.clone(),
        recipients: metadata.everybody(),
        searched: identities.searched().to_vec(),
    }))
}

/// A recipient for a message: hybrid ones have two thousand characters.
pub(super) fn short(recipient: &str) -> String {
    const LONGEST: usize = 100;
    match recipient.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", recipient.get(..end).unwrap_or_default()),
        None => recipient.to_owned(),
    }
}
