//! Files encrypted in the format of SOPS, with age recipients.
//!
//! A file has one random data key. It encrypts each selected value on its own, bound to the keys on the path to it,
//! and every recipient has the data key wrapped for itself. A checksum over the plaintext of all values, encrypted
//! too, shows whether values were added, removed or changed. Section numbers in this module are those of
//! `docs/sops-format.md`.
//!
//! Septum does not protect what the format leaves unprotected (section 8): keys, structure, types, lengths, nulls and
//! empty values; plaintext may move between neighbouring plain values; and anyone who knows the recipients can write
//! a whole new file. Authenticity is the responsibility of Git.
//!
//! There is no way to skip the checksum, and no part of a file is returned before it has been checked.
//!
//! | to | use |
//! |---|---|
//! | read what a file declares about its encryption, without a key | [`EncryptedFile`], [`SopsMetadata`] |
//! | decrypt a file and verify it | [`DecryptedFile`], [`Identities`] |
//! | change values, recipients or the data key, and write the file | [`DecryptedFile`] |
//! | encrypt a file | [`encrypt_file`], [`EncryptionPlan`], [`Recipients`] |
//! | find the creation rule of a file | [`SopsConfig`], [`CreationRule`] |
//!
//! ```
//! use septum_sops::{
//!     DecryptedFile, EncryptionPlan, Identities, IdentityKind, IdentitySources, NewIdentity, Recipient, Recipients,
//!     SopsFormat, SopsTree, Timestamp, encrypt_file,
//! };
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").ok_or("a time")?;
//! let new = NewIdentity::generate(IdentityKind::X25519).ok_or("no randomness")?;
//! let plan = EncryptionPlan::new(Recipients::from_age(vec![Recipient::parse(new.recipient())?]));
//! let text = b"password: hunter2 # of the database\n".to_vec();
//! let encrypted = encrypt_file("secrets.yaml", text, SopsFormat::Yaml, &plan, now)?;
//!
//! let identities = Identities::new(IdentitySources { age_key: Some(new.file_text(now)), ..Default::default() });
//! let mut file = DecryptedFile::decrypt_bytes("secrets.yaml", encrypted.bytes, SopsFormat::Yaml, &identities)?;
//! file.set_value(0, &"password".parse()?, &SopsTree::from_text("correct horse"))?;
//! assert!(file.plaintext()?.starts_with(b"password: correct horse # of the database\n"));
//! let bytes = file.write_bytes(now)?;
//! # assert!(!bytes.is_empty());
//! # Ok(())
//! # }
//! ```

mod config;
mod crypto;
mod data_key;
mod document;
mod files;
mod identities;
mod metadata;
mod recipients;
mod store;

pub use config::policy_merge::{EncryptionPolicy, PolicyConflict};
pub use config::rules::{CreationRule, RecipientGroup, SopsConfig};
pub use crypto::cipher::MalformedCiphertext;
pub use crypto::mac::MacScope;
pub use crypto::shamir::ShamirError;
pub use data_key::wrap::{Recipients, SealError};
pub use document::pattern::GoRegex;
pub use document::scalar::TypedValue;
pub use document::selector::Selector;
pub use document::tree::{
    Leaf, ListPosition, SopsComment, SopsDocument, SopsItem, SopsList, SopsMap, SopsTree, ValueSite,
};
pub use files::encrypt::{EncryptedOutput, EncryptionPlan, ExposedValue, encrypt_file};
pub use files::extract::PathNotFound;
pub use files::lossy::LossyValue;
pub use files::seal::SealProblem;
pub use files::sealed::{DecryptedFile, DecryptedText, EncryptedFile, ValueEdit};
pub use files::write_error::{UnfaithfulOutput, WriteError};
pub use identities::identity::Identities;
pub use identities::keygen::{IdentityKind, NewIdentity};
pub use identities::sources::{HostSystem, IdentitySources, is_identity_variable};
pub use metadata::block::SopsMetadata;
pub use metadata::error::{
    DecryptionError, GroupState, IntegrityFault, IntegrityFinding, MetadataFault, MetadataProblem, NoIdentity,
};
pub use metadata::selector_origin::SelectorOrigin;
pub use recipients::group::SpannedText;
pub use recipients::group::{AgeRecipient, ForeignRecipient, KeyGroup};
pub use recipients::passphrase::PassphraseProvider;
pub use recipients::recipient::{InvalidRecipient, Recipient, UnusableRecipient, WrapError};
pub use septum_base::time::Timestamp;
pub use septum_base::value_path::{PathError, ValuePath, ValuePathStep};
pub use store::layout::{Indent, StoreLayout};
pub use store::{EditProblem, SopsFormat, UnrepresentableValue};

// used by Septum alone
#[doc(hidden)]
pub use config::drift::{Drift, GroupDrift, compute_drift};
#[doc(hidden)]
pub use config::policy;
#[doc(hidden)]
pub use config::rules::{INCOMING, SopsConfigCache, file_of_incoming};
#[doc(hidden)]
pub use crypto::derived::DerivedKey;
#[doc(hidden)]
pub use crypto::naming::NamingKey;
#[doc(hidden)]
pub use data_key::unlock::{UnlockedDataKey, unlock_data_key};
#[doc(hidden)]
pub use data_key::wrap::{rewrap_data_key, wrap_data_key};
#[doc(hidden)]
pub use document::conflict::format_conflict;
#[doc(hidden)]
pub use document::text_bytes::TextBytes;
#[doc(hidden)]
pub use files::ambiguous::refuse_ambiguous_keys;
#[doc(hidden)]
pub use files::ciphertexts::{EncryptedValue, plaintext_values};
#[doc(hidden)]
pub use files::encrypt::encrypt_judged;
#[doc(hidden)]
pub use files::lock::{lock_values, mark_selected};
#[doc(hidden)]
pub use files::redacted::RedactedFile;
#[doc(hidden)]
pub use files::stable::{CiphertextReuse, StableFile, encrypt_stable, is_ciphertext, with_metadata};
#[doc(hidden)]
pub use files::stray::{ciphertext_as_value, holds_ciphertext, in_encrypted_file, in_plain_file, refuse_ciphertext};
#[doc(hidden)]
pub use identities::identity::{LookupOutcome, SearchedSource};
#[doc(hidden)]
pub use identities::keygen::recipients_of;
#[doc(hidden)]
pub use recipients::foreign::ForeignKey;
#[doc(hidden)]
pub use recipients::group::recipient_fields;
#[doc(hidden)]
pub use recipients::private_key::refuse_private_key;
#[doc(hidden)]
pub use recipients::recipient::{canonical_recipient, shorten_recipient as short_recipient};

use crypto::cipher::DataKey;
use files::walk::DecryptWalk;

use septum_base::span::{Location, Source};
use septum_base::yaml::node::{YamlKind, YamlNode};

/// The key of the root that holds the metadata.
pub const BLOCK: &str = "sops";

/// The key of a binary file's only value.
const DATA: &str = "data";

/// Number of values above which the failure of all of them is reported as one cause.
const MANY: usize = 3;

/// A file that was decrypted and verified.
#[derive(Debug)]
pub struct DecryptedTree<T = YamlNode> {
    /// The document without its `sops` block. Decrypted values are marked, are located where their ciphertext is in
    /// the file, and are texts (`DoubleQuoted`) or numbers, booleans and times (`Plain`). Everything else is as it
    /// was read.
    pub tree: T,
    /// Encryption metadata of the file: recipients, last change, selector.
    pub metadata: SopsMetadata,
    /// Number of encrypted values; zero deserves a warning.
    pub encrypted: usize,
    /// Key derived from the data key, for names of secrets.
    pub naming_key: NamingKey,
}

/// Whether a document is encrypted: it has a mapping `sops` at its root.
pub fn is_encrypted(root: &YamlNode) -> bool {
    root.as_map().and_then(|map| map.get(BLOCK)).is_some_and(|block| block.as_map().is_some())
}

/// Reads the metadata of an encrypted document, without any key.
pub fn read_metadata(root: &YamlNode, source: &Source) -> Result<SopsMetadata, DecryptionError> {
    let block = root.as_map().and_then(|map| map.get_key_value(BLOCK));
    match block {
        Some((key, block)) => {
            let keys = root.as_map().into_iter().flatten().map(|(key, _)| key.text.as_str());
            SopsMetadata::read_block(block.clone(), source.place(key.span)).map(|metadata| metadata.beside([keys]))
        }
        None => Err(missing_block(source.place(root.span))),
    }
}

/// Decrypts a document and verifies it. All problems with its values are reported together.
pub fn decrypt_document(
    root: YamlNode,
    source: &Source,
    identities: &Identities,
) -> Result<DecryptedTree, DecryptionError> {
    let place = source.place(root.span);
    let DecryptedTree { tree, metadata, encrypted, naming_key } = decrypt_documents(vec![root], source, identities)?;
    let tree = tree.into_iter().next().ok_or_else(|| missing_block(place))?;
    Ok(DecryptedTree { tree, metadata, encrypted, naming_key })
}

/// Decrypts a file of several documents: they share one data key and one checksum, and each has a
/// copy of the metadata, of which the first counts (section 1.7).
pub fn decrypt_documents(
    mut documents: Vec<YamlNode>,
    source: &Source,
    identities: &Identities,
) -> Result<DecryptedTree<Vec<YamlNode>>, DecryptionError> {
    let first = documents.first().map_or_else(|| Err(missing_block(source.place(<_>::default()))), Ok)?;
    let metadata = read_metadata(first, source)?;
    let unlocked = unlock_data_key(&metadata, identities)?;
    let key = DataKey::new(unlocked.data_key());
    for document in &mut documents {
        if let YamlKind::Map(map) = &mut document.kind {
            map.shift_remove(BLOCK);
        }
    }
    let mut walk = DecryptWalk::new(source, &metadata, &key);
    for document in &mut documents {
        walk.decrypt_tree(document);
    }
    let encrypted = walk.finish().verify_mac(&metadata, &key)?;
    let naming_key = NamingKey::of_file(unlocked.data_key());
    Ok(DecryptedTree { tree: documents, metadata, encrypted, naming_key })
}

fn missing_block(place: Location) -> DecryptionError {
    DecryptionError::Metadata(vec![MetadataProblem { place, problem: MetadataFault::NotEncrypted }])
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct SopsReadme;

#[cfg(test)]
mod tests;
