//! Unwrapping of a file's data key from the entries of its recipients.
//!
//! Each recipient has an age file of its own with the data key in it, or, with several key groups, the share of its
//! group (format, sections 1.1 and 1.8).

use std::fmt;
use std::io::Read as _;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use crate::crypto::KEY_LENGTH;
use crate::crypto::shamir::{self, ShamirError};
use crate::identities::identity::{Identities, IdentityBatch};
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::{DecryptionError, GroupState, IntegrityFault, IntegrityFinding, NoIdentity};
use crate::recipients::group::{AgeRecipient, KeyGroup};
use crate::recipients::recipient;
use septum_base::sort::sort_by_key;
use septum_base::value_path::ValuePath;

/// The length of a share.
const SHARE: usize = KEY_LENGTH + 1;

/// Length in bytes of the tag with which age authenticates a file.
const TAG: usize = 16;

/// A data key, or a share of one.
type DataKeyBytes = Zeroizing<Vec<u8>>;

/// The data key of a file, with the shares from which it was combined. Wiped when dropped.
pub struct UnlockedDataKey {
    data_key: Zeroizing<[u8; KEY_LENGTH]>,
    /// The shares of groups that were decrypted, if there are several groups.
    shares: Vec<Option<DataKeyBytes>>,
}

impl fmt::Debug for UnlockedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unlocked([secret])")
    }
}

impl UnlockedDataKey {
    /// Copies the key for another version of the file.
    pub(crate) fn clone_key(&self) -> Self {
        Self { data_key: self.data_key.clone(), shares: self.shares.clone() }
    }

    /// The key itself.
    pub fn data_key(&self) -> &[u8; KEY_LENGTH] {
        &self.data_key
    }

    #[cfg(test)]
    pub(crate) fn whole(key: [u8; KEY_LENGTH]) -> Self {
        Self { data_key: Zeroizing::new(key), shares: Vec::new() }
    }

    /// Share of a group, or, if it is the only one, the whole key.
    pub(crate) fn share_of(&self, group: usize) -> Result<DataKeyBytes, ShamirError> {
        if self.shares.len() < 2 {
            return Ok(Zeroizing::new(self.data_key.to_vec()));
        }
        if let Some(Some(share)) = self.shares.get(group) {
            return Ok(share.clone());
        }
        let point = u8::try_from(group + 1).map_err(|_| ShamirError::Parameters)?;
        shamir::recover_share(point, &self.shares.iter().flatten().collect::<Vec<_>>())
    }
}

/// Unwraps the data key of a file.
///
/// In a group, the entry whose label fits an identity is tried first, then all others: the label may be wrong.
pub fn unlock_data_key(metadata: &SopsMetadata, identities: &Identities) -> Result<UnlockedDataKey, DecryptionError> {
    let mut opening = DataKeyRecovery::new(metadata);
    let recipients = opening.recipients();
    for ring in identities.identity_batches(&recipients) {
        opening.try_identities(&ring);
        if let Some(unlocked) = opening.finish() {
            return Ok(unlocked);
        }
        if opening.findings.iter().any(|finding| finding.fault == IntegrityFault::Threshold) {
            break;
        }
    }
    if opening.findings.is_empty() {
        Err(no_identity(metadata, identities, &opening.opened))
    } else {
        Err(DecryptionError::Content(opening.findings))
    }
}

/// A file that is being decrypted.
struct DataKeyRecovery<'a> {
    metadata: &'a SopsMetadata,
    opened: Vec<Option<DataKeyBytes>>,
    findings: Vec<IntegrityFinding>,
}

impl<'a> DataKeyRecovery<'a> {
    fn new(metadata: &'a SopsMetadata) -> Self {
        Self { metadata, opened: vec![None; metadata.groups.len()], findings: Vec::new() }
    }

    /// The labels of all entries, each once.
    fn recipients(&self) -> Vec<String> {
        let mut recipients: Vec<String> = Vec::new();
        for entry in self.metadata.age_recipients() {
            if !recipients.contains(&entry.recipient) {
                recipients.push(entry.recipient.clone());
            }
        }
        recipients
    }

    /// Tries identities on every group that is not decrypted: shares beyond the threshold show whether it is the one with
    /// which the data key was split.
    fn try_identities(&mut self, ring: &IdentityBatch) {
        let metadata = self.metadata;
        for (index, group) in metadata.groups.iter().enumerate() {
            if self.opened.get(index).is_some_and(Option::is_none) {
                let share = self.open_group(group, ring);
                if let Some(slot) = self.opened.get_mut(index) {
                    *slot = share;
                }
            }
        }
    }

    fn open_group(&mut self, group: &KeyGroup, ring: &IdentityBatch) -> Option<DataKeyBytes> {
        let mut entries: Vec<(bool, &AgeRecipient)> =
            group.age.iter().map(|entry| (ring.has_recipient(&entry.recipient), entry)).collect();
        sort_by_key(&mut entries, |(ours, _)| !ours);
        let length = if self.metadata.groups.len() > 1 { SHARE } else { KEY_LENGTH };
        for (ours, entry) in entries {
            match unwrap_key(&entry.wrapped.text, ring, length) {
                Ok(key) if key.len() == length => return Some(key),
                Err(_) if !ours => {}
                Ok(_) | Err(_) => self.findings.push(broken_key_finding(self.metadata, entry)),
            }
        }
        None
    }

    fn is_enough(&self) -> bool {
        self.opened.iter().flatten().count() >= self.metadata.needed_groups().max(1)
    }

    /// The data key, if enough groups are decrypted.
    fn finish(&mut self) -> Option<UnlockedDataKey> {
        if !self.is_enough() {
            return None;
        }
        let shares = std::mem::take(&mut self.opened);
        let whole = match shares.as_slice() {
            [Some(key)] => key.clone(),
            shares => {
                let known: Vec<_> = shares.iter().flatten().collect();
                let whole = shamir::combine_shares(&known).ok()?;
                let fewest = known.get(..self.metadata.needed_groups())?;
                if shamir::combine_shares(fewest).ok()? != whole {
                    self.findings.push(threshold_finding(self.metadata));
                    return None;
                }
                whole
            }
        };
        let mut data_key = Zeroizing::new([0; KEY_LENGTH]);
        data_key.copy_from_slice(whole.get(..KEY_LENGTH)?);
        Some(UnlockedDataKey { data_key, shares })
    }
}

/// Whether the entry of a recipient is an age file with a key in it, as far as that is seen without an identity: a
/// careless merge leaves none.
pub(crate) fn is_intact(entry: &AgeRecipient) -> bool {
    let armored = format!("{}\n", entry.wrapped.text.trim());
    let mut file = Vec::new();
    if ArmoredReader::new(armored.as_bytes()).read_to_end(&mut file).is_err() {
        return false;
    }
    let mut rest = file.as_slice();
    // behind the header and a nonce: the key, or its share, and a tag
    Decryptor::new_buffered(&mut rest).is_ok() && matches!(rest.len().checked_sub(TAG), Some(KEY_LENGTH..=SHARE))
}

/// Whether the entries of recipients contain this data key, as far as the available identities show without a prompt:
/// an entry can be exchanged for one with another key in it, and then its recipient decrypts nothing.
pub(crate) fn recipients_hold_key(
    metadata: &SopsMetadata,
    data_key: &[u8; KEY_LENGTH],
    identities: &Identities,
) -> bool {
    let Some(ring) = identities.free_identities() else { return true };
    if metadata.groups.len() > 1 {
        let mut opening = DataKeyRecovery::new(metadata);
        opening.try_identities(&ring);
        let is_other = |unlocked: UnlockedDataKey| unlocked.data_key() != data_key;
        let is_other = opening.finish().is_some_and(is_other);
        return opening.findings.is_empty() && !is_other;
    }
    let is_it = |entry: &AgeRecipient| {
        unwrap_key(&entry.wrapped.text, &ring, KEY_LENGTH).is_ok_and(|key| key.as_slice() == data_key)
    };
    metadata.age_recipients().filter(|entry| ring.has_recipient(&entry.recipient)).all(is_it)
}

/// Decrypts an age file that contains `length` bytes; one byte more is returned if it has more.
fn unwrap_key(armored: &str, ring: &IdentityBatch, length: usize) -> Result<DataKeyBytes, DecryptError> {
    // the armor reader accepts no leading blanks, and old files lack the last line break
    let armored = format!("{}\n", armored.trim());
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(armored.as_bytes()))?;
    let mut plaintext = decryptor.decrypt(ring.iter())?;
    let mut key = Zeroizing::new(vec![0; length + 1]);
    let mut filled = 0;
    while let Some(free) = key.get_mut(filled..).filter(|free| !free.is_empty()) {
        match plaintext.read(free).map_err(DecryptError::Io)? {
            0 => break,
            read => filled += read,
        }
    }
    key.truncate(filled);
    Ok(key)
}

fn broken_key_finding(metadata: &SopsMetadata, entry: &AgeRecipient) -> IntegrityFinding {
    let mut path = ValuePath::from_root_key("sops");
    path.enter_key("age");
    IntegrityFinding {
        place: metadata.place.source.place(entry.wrapped.span),
        path,
        fault: IntegrityFault::DataKey { recipient: recipient::shorten_recipient(&entry.recipient) },
    }
}

/// The checksum does not cover the threshold: sops decrypts such a file with all shares, and splits the next data key for
/// fewer groups.
fn threshold_finding(metadata: &SopsMetadata) -> IntegrityFinding {
    let mut path = ValuePath::from_root_key("sops");
    path.enter_key("shamir_threshold");
    IntegrityFinding { place: metadata.place.clone(), path, fault: IntegrityFault::Threshold }
}

fn no_identity(metadata: &SopsMetadata, identities: &Identities, opened: &[Option<DataKeyBytes>]) -> DecryptionError {
    let state = |(index, group): (usize, &KeyGroup)| GroupState {
        recipients: group.list_recipients(),
        opened: opened.get(index).is_some_and(Option::is_some),
    };
    DecryptionError::NoIdentity(Box::new(NoIdentity {
        place: metadata.place.clone(),
        groups: metadata.groups.iter().enumerate().map(state).collect(),
        needed: metadata.needed_groups(),
        searched: identities.searched(),
    }))
}
