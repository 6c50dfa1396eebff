//! The data key of a file, taken out of what its recipients have of it.
//!
//! Each recipient has an age file of its own with the data key in it, or, with several key groups,
//! the share of its group (format, sections 1.1 and 1.8).

use std::fmt;
use std::io::Read as _;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use super::cipher::KEY_LENGTH;
use super::error::{Error, Fault, Finding, GroupState, NoIdentity};
use super::group::{AgeRecipient, KeyGroup};
use super::identity::{Identities, Ring};
use super::metadata::Metadata;
use super::path::KeyPath;
use super::recipient;
use super::shamir::{self, ShamirError};

/// The length of a share.
const SHARE: usize = KEY_LENGTH + 1;

/// What age authenticates a file with.
const TAG: usize = 16;

/// A data key, or a share of one.
type Bytes = Zeroizing<Vec<u8>>;

/// The data key of a file, with the shares that it was put together from. Wiped when dropped.
pub struct Unlocked {
    data_key: Zeroizing<[u8; KEY_LENGTH]>,
    /// The shares of groups that were opened, if there are several groups.
    shares: Vec<Option<Bytes>>,
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unlocked([secret])")
    }
}

impl Unlocked {
    /// The same once more, for another version of the file.
    pub(super) fn again(&self) -> Self {
        Self { data_key: self.data_key.clone(), shares: self.shares.clone() }
    }

    /// The key itself.
    pub fn data_key(&self) -> &[u8; KEY_LENGTH] {
        &self.data_key
    }

    #[cfg(test)]
    pub(super) fn whole(key: [u8; KEY_LENGTH]) -> Self {
        Self { data_key: Zeroizing::new(key), shares: Vec::new() }
    }

    /// What a group has: its share, or, if it is the only one, the whole key.
    pub(super) fn share_of(&self, group: usize) -> Result<Bytes, ShamirError> {
        if self.shares.len() < 2 {
            return Ok(Zeroizing::new(self.data_key.to_vec()));
        }
        if let Some(Some(share)) = self.shares.get(group) {
            return Ok(share.clone());
        }
        let point = u8::try_from(group + 1).map_err(|_| ShamirError::Parameters)?;
        shamir::share(point, &self.shares.iter().flatten().collect::<Vec<_>>())
    }
}

/// Takes the data key out of a file.
///
/// In a group, the entry whose label fits an identity is tried first, then all others: the label
/// may lie.
pub fn unlock(metadata: &Metadata, identities: &Identities) -> Result<Unlocked, Error> {
    let mut opening = Opening::new(metadata);
    let recipients = opening.recipients();
    for ring in identities.rings(&recipients) {
        opening.turn(&ring);
        if let Some(unlocked) = opening.finish() {
            return Ok(unlocked);
        }
    }
    if opening.findings.is_empty() {
        Err(no_identity(metadata, identities, &opening.opened))
    } else {
        Err(Error::Content(opening.findings))
    }
}

/// A file that is being opened.
struct Opening<'a> {
    metadata: &'a Metadata,
    opened: Vec<Option<Bytes>>,
    findings: Vec<Finding>,
}

impl<'a> Opening<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        Self { metadata, opened: vec![None; metadata.groups.len()], findings: Vec::new() }
    }

    /// The labels of all entries, each once.
    fn recipients(&self) -> Vec<String> {
        let mut recipients: Vec<String> = Vec::new();
        for entry in self.metadata.age() {
            if !recipients.contains(&entry.recipient) {
                recipients.push(entry.recipient.clone());
            }
        }
        recipients
    }

    /// Tries identities on every group that is not open, until enough are.
    fn turn(&mut self, ring: &Ring) {
        let metadata = self.metadata;
        for (index, group) in metadata.groups.iter().enumerate() {
            if self.is_enough() {
                return;
            }
            if self.opened.get(index).is_some_and(Option::is_none) {
                let share = self.group(group, ring);
                if let Some(slot) = self.opened.get_mut(index) {
                    *slot = share;
                }
            }
        }
    }

    fn group(&mut self, group: &KeyGroup, ring: &Ring) -> Option<Bytes> {
        let mut entries: Vec<(bool, &AgeRecipient)> =
            group.age.iter().map(|entry| (ring.has(&entry.recipient), entry)).collect();
        entries.sort_by_key(|(ours, _)| !ours);
        let length = if self.metadata.groups.len() > 1 { SHARE } else { KEY_LENGTH };
        for (ours, entry) in entries {
            match unwrap(&entry.wrapped.text, ring, length) {
                Ok(key) if key.len() == length => return Some(key),
                Err(_) if !ours => {}
                Ok(_) | Err(_) => self.findings.push(broken(self.metadata, entry)),
            }
        }
        None
    }

    fn is_enough(&self) -> bool {
        self.opened.iter().flatten().count() >= self.metadata.needed().max(1)
    }

    /// The data key, if enough groups are open.
    fn finish(&mut self) -> Option<Unlocked> {
        if !self.is_enough() {
            return None;
        }
        let shares = std::mem::take(&mut self.opened);
        let whole = match shares.as_slice() {
            [Some(key)] => key.clone(),
            shares => shamir::combine(&shares.iter().flatten().collect::<Vec<_>>()).ok()?,
        };
        let mut data_key = Zeroizing::new([0; KEY_LENGTH]);
        data_key.copy_from_slice(whole.get(..KEY_LENGTH)?);
        Some(Unlocked { data_key, shares })
    }
}

/// Whether what a recipient has is an age file with a key in it, as far as that is seen without an
/// identity: a careless merge leaves none.
pub(super) fn is_intact(entry: &AgeRecipient) -> bool {
    let armored = format!("{}\n", entry.wrapped.text.trim());
    let mut file = Vec::new();
    if ArmoredReader::new(armored.as_bytes()).read_to_end(&mut file).is_err() {
        return false;
    }
    let mut rest = file.as_slice();
    // behind the header and a nonce: the key, or its share, and a tag
    Decryptor::new_buffered(&mut rest).is_ok() && matches!(rest.len().checked_sub(TAG), Some(KEY_LENGTH..=SHARE))
}

/// Whether what recipients have is this data key, as far as identities at hand can see that without a question to
/// anybody: an entry can be exchanged for one with another key in it, and then its recipient decrypts nothing.
pub(super) fn gives(metadata: &Metadata, data_key: &[u8; KEY_LENGTH], identities: &Identities) -> bool {
    let Some(ring) = identities.free() else { return true };
    if metadata.groups.len() > 1 {
        let mut opening = Opening::new(metadata);
        opening.turn(&ring);
        let is_other = |unlocked: Unlocked| unlocked.data_key() != data_key;
        return opening.findings.is_empty() && !opening.finish().is_some_and(is_other);
    }
    let is_it = |entry: &AgeRecipient| {
        unwrap(&entry.wrapped.text, &ring, KEY_LENGTH).is_ok_and(|key| key.as_slice() == data_key)
    };
    metadata.age().filter(|entry| ring.has(&entry.recipient)).all(is_it)
}

/// Opens an age file with `length` bytes in it; one byte more is given if it has more.
fn unwrap(armored: &str, ring: &Ring, length: usize) -> Result<Bytes, DecryptError> {
    // the armor reader takes no leading blanks, and old files lack the last line break
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

fn broken(metadata: &Metadata, entry: &AgeRecipient) -> Finding {
    let mut path = KeyPath::root("sops");
    path.enter_key("age");
    Finding {
        place: metadata.place.source.place(entry.wrapped.span),
        path,
        fault: Fault::DataKey { recipient: recipient::short(&entry.recipient) },
    }
}

fn no_identity(metadata: &Metadata, identities: &Identities, opened: &[Option<Bytes>]) -> Error {
    let state = |(index, group): (usize, &KeyGroup)| GroupState {
        recipients: group.everybody(),
        opened: opened.get(index).is_some_and(Option::is_some),
    };
    Error::NoIdentity(Box::new(NoIdentity {
        place: metadata.place.clone(),
        groups: metadata.groups.iter().enumerate().map(state).collect(),
        needed: metadata.needed(),
        searched: identities.searched(),
    }))
}
