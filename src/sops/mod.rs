//! Files encrypted in the format of SOPS, with age recipients.
//!
//! A file has one random data key. It encrypts each selected value on its own, bound to the keys on
//! the way to it, and every recipient has the data key wrapped for itself. A checksum over the
//! plaintext of all values, encrypted too, tells whether values were added, removed or changed.
//! Section numbers in this module are those of `docs/sops-format.md`.
//!
//! What the format does not protect (section 8) is not protected here either: keys, structure, types,
//! lengths, nulls and empty values; plaintext may move between neighbouring plain values; and
//! whoever knows the recipients can write a whole new file. Authenticity is Git's business.
//!
//! There is no way to skip the checksum, and nothing of a file is given out before it has been
//! checked.

mod age;
mod ambiguous;
mod cipher;
mod conflict;
mod content;
mod derived;
mod document;
mod drift;
mod encrypt;
mod error;
mod extract;
mod foreign;
mod group;
mod guess;
mod hybrid;
mod identity;
mod keygen;
mod layout;
mod lock;
mod mac;
mod metadata;
mod naming;
mod open;
mod path;
mod pattern;
mod places;
mod plain;
#[cfg(feature = "plugin")]
mod plugin;
pub mod policy;
mod private_key;
mod readable;
mod recipient;
mod remarks;
mod reworded;
mod rewrite;
mod rules;
mod scalar;
mod seal;
mod sealed;
mod selector;
mod shamir;
mod shared;
mod ssh;
mod stable;
mod stash;
mod store;
mod stray;
mod terms;
mod text_bytes;
mod time;
mod veiled;
mod verified;
mod walk;
mod way;
mod wrap;
mod write_error;

pub use age::{Unlocked, unlock};
pub use ambiguous::refuse_ambiguous_keys;
pub use cipher::MalformedCiphertext;
pub use conflict::conflict;
pub use derived::DerivedKey;
pub use document::{Comment, Document, Item, Leaf, List, Map, Position, Site, Tree};
pub use drift::{Drift, GroupDrift, drift};
pub use encrypt::{Exposed, Plan, Written, encrypt, encrypt_judged};
pub use error::{Error, Fault, Finding, GroupState, MetadataProblem, NoIdentity, Problem};
pub use extract::NotFound;
pub use foreign::ForeignKey;
pub use group::{AgeRecipient, ForeignRecipient, KeyGroup, recipient_fields};
pub use identity::{Identities, Outcome, Passphrases, Searched};
pub use keygen::{IdentityKind, NewIdentity, recipients_of};
pub use layout::{Indent, Layout};
pub use lock::{lock, mark_selected};
pub use mac::MacScope;
pub use metadata::{Metadata, Text};
pub use naming::NamingKey;
pub use path::{KeyPath, PathError, Step};
pub use pattern::Pattern;
pub use places::{Places, System};
pub use private_key::refuse_private_key;
pub use recipient::{InvalidRecipient, Recipient, Unusable, WrapError, short as short_recipient};
pub use reworded::Reworded;
pub use rules::{RecipientGroup, Rule, RuleBook, Rules};
pub use scalar::Value;
pub use seal::SealProblem;
pub use sealed::{Closed, Sealed};
pub use selector::Selector;
pub use shamir::ShamirError;
pub use stable::{Kept, Stable, encrypt_stable, is_ciphertext, with_metadata};
pub use store::{EditProblem, Format, Unfit};
pub use stray::{ciphertext_as_value, holds_ciphertext, in_encrypted_file, in_plain_file, refuse_ciphertext};
pub use terms::{Terms, TermsConflict};
pub use text_bytes::TextBytes;
pub use time::Timestamp;
pub use veiled::Veiled;
pub use verified::Unfaithful;
pub use wrap::{Recipients, SealError, rewrap, seal};
pub use write_error::WriteError;

use cipher::{Ciphertext, DataKey};
use walk::Walk;

use crate::span::{Place, Source};
use crate::yaml::node::{Kind, Node};

/// The key of the root that holds the metadata.
const BLOCK: &str = "sops";

/// The key of a binary file's only value.
const DATA: &str = "data";

/// If more values than this are all there is and none decrypts, that has one cause.
const MANY: usize = 3;

/// A file that was decrypted and verified.
#[derive(Debug)]
pub struct Decrypted<T = Node> {
    /// The document without its `sops` block. Decrypted values are marked, stand where their
    /// ciphertext stands in the file, and are texts (`DoubleQuoted`) or numbers, truth values and
    /// times (`Plain`). All else is as it was read.
    pub tree: T,
    /// What the file says of its encryption: recipients, last change, selector.
    pub metadata: Metadata,
    /// How many values were encrypted; none is worth a warning.
    pub encrypted: usize,
    /// What follows from the data key, for names of secrets.
    pub naming_key: NamingKey,
}

/// Whether a document is encrypted: it has a mapping `sops` at its root.
pub fn is_encrypted(root: &Node) -> bool {
    root.as_map().and_then(|map| map.get(BLOCK)).is_some_and(|block| block.as_map().is_some())
}

/// Reads the metadata of an encrypted document, without any key.
pub fn metadata(root: &Node, source: &Source) -> Result<Metadata, Error> {
    let block = root.as_map().and_then(|map| map.get_key_value(BLOCK));
    match block {
        Some((key, block)) => Metadata::read(block.clone(), source.place(key.span)),
        None => Err(missing_block(source.place(root.span))),
    }
}

/// Decrypts a document and verifies it. All that is wrong with its values is told together.
pub fn decrypt(root: Node, source: &Source, identities: &Identities) -> Result<Decrypted, Error> {
    let place = source.place(root.span);
    let Decrypted { tree, metadata, encrypted, naming_key } = decrypt_documents(vec![root], source, identities)?;
    let tree = tree.into_iter().next().ok_or_else(|| missing_block(place))?;
    Ok(Decrypted { tree, metadata, encrypted, naming_key })
}

/// Decrypts a file of several documents: they share one data key and one checksum, and each has a
/// copy of the metadata, of which the first counts (section 1.7).
pub fn decrypt_documents(
    mut documents: Vec<Node>,
    source: &Source,
    identities: &Identities,
) -> Result<Decrypted<Vec<Node>>, Error> {
    let first = documents.first().map_or_else(|| Err(missing_block(source.place(<_>::default()))), Ok)?;
    let metadata = metadata(first, source)?;
    let unlocked = unlock(&metadata, identities)?;
    let key = DataKey::new(unlocked.data_key());
    for document in &mut documents {
        if let Kind::Map(map) = &mut document.kind {
            map.shift_remove(BLOCK);
        }
    }
    let mut walk = Walk::new(&metadata, &key);
    for document in &mut documents {
        walk.document(document);
    }
    let Walk { mac, findings, encrypted, .. } = walk;
    let encrypted = verify(mac, findings, encrypted, &metadata, &key)?;
    let naming_key = NamingKey::of_file(unlocked.data_key());
    Ok(Decrypted { tree: documents, metadata, encrypted, naming_key })
}

/// Compares the checksum of the values with the one in the file; gives the number of values.
fn verify(
    mac: mac::Mac,
    mut findings: Vec<Finding>,
    encrypted: usize,
    metadata: &Metadata,
    key: &DataKey,
) -> Result<usize, Error> {
    let block = |fault| Finding { place: metadata.place.clone(), path: KeyPath::root(BLOCK), fault };
    let altered = findings.iter().filter(|finding| finding.fault == Fault::Altered).count();
    if altered == encrypted && altered > MANY {
        findings.retain(|finding| finding.fault != Fault::Altered);
        findings.push(block(Fault::Everything { values: encrypted }));
        return Err(Error::Content(findings));
    }
    match stored_mac(metadata, key) {
        // with the plaintext of a value missing, the checksum cannot fit, and says nothing more
        Ok(stored) => {
            let complete = findings.iter().all(|finding| matches!(finding.fault, Fault::NotUtf8 | Fault::Conflict));
            if complete && !mac::same(&stored, mac.finish().as_bytes()) {
                findings.push(block(Fault::MacMismatch));
            }
        }
        Err(finding) => findings.push(finding),
    }
    if findings.is_empty() { Ok(encrypted) } else { Err(Error::Content(findings)) }
}

/// The checksum that stands in the file. It is bound to the time of the last change.
fn stored_mac(metadata: &Metadata, key: &DataKey) -> Result<zeroize::Zeroizing<Vec<u8>>, Finding> {
    let mut path = KeyPath::root(BLOCK);
    path.enter_key("mac");
    let Some(mac) = &metadata.mac else {
        return Err(Finding { place: metadata.place.clone(), path, fault: Fault::NoMac });
    };
    let place = metadata.place.source.place(mac.span);
    let ciphertext = match Ciphertext::parse(&mac.text) {
        Ok(ciphertext) => ciphertext,
        Err(reason) => return Err(Finding { place, path, fault: Fault::Malformed(reason) }),
    };
    let opened = key.open(ciphertext, &metadata.last_modified.to_seconds());
    opened.ok_or(Finding { place, path, fault: Fault::MacAltered })
}

fn missing_block(place: Place) -> Error {
    Error::Metadata(vec![MetadataProblem { place, problem: Problem::NotEncrypted }])
}

#[cfg(test)]
mod tests;
