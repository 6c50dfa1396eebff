//! Files that are generated repeatedly, and keep their bytes while their contents do not change.
//!
//! The data key of such a file is derived from the keys of its sources, and each nonce from its purpose
//! ([`DataKey::deterministic`]). The random part, the wrapping of the data key for its recipients, and the time,
//! which is not random, are those of the existing file, as long as its data key is the same.
//!
//! The recipients are part of the derivation of the data key: a removed recipient knows no later one.
//!
//! If the sources have no keys to derive from, the data key of the existing file is reused, but only for the
//! very values that the file has: anyone who knows the recipients can put a file there with a data key of their own,
//! and would read later values encrypted under it. SECURITY.md has the whole argument.

use zeroize::Zeroizing;

use crate::config::rules::RecipientGroup;
use crate::crypto::cipher::{Ciphertext, DataKey};
use crate::crypto::ciphertext_cache::CiphertextCache;
use crate::crypto::derived::DerivedKey;
use crate::data_key::unlock;
use crate::data_key::wrap::{self, Recipients};
use crate::document::tree::{SopsDocument, SopsMap, SopsTree};
use crate::files::encrypt::{EncryptionPlan, metadata_fields};
use crate::files::leaf_verifier::stored_mac;
use crate::files::plain::{parse_plaintext, seal_mac};
use crate::files::seal::{DocumentEncryptor, EncryptedDocument, SealProblem};
use crate::files::sealed::EncryptedFile;
use crate::files::write_error::WriteError;
use crate::identities::identity::Identities;
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::DecryptionError;
use crate::recipients::group::SpannedText;
use crate::recipients::group::{AgeRecipient, KeyGroup};
use crate::recipients::recipient::Recipient;
use crate::store::{ParsedFile, SopsFormat, TextEdit, apply_edits};
use septum_base::span::{Source, Span};
use septum_base::time::Timestamp;

/// Label that separates the data key of a file from the keys from which it is derived.
const OF_RECIPIENTS: &[u8] = b"septum: the data key of a file for its recipients, version 1";

/// A generated file.
#[derive(Debug)]
pub struct StableFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Reusable content of the existing file.
    pub kept: CiphertextReuse,
}

/// Content of a file that is reused when it is generated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiphertextReuse {
    /// All of it.
    Everything,
    /// The data key, and every unchanged value.
    Values,
    /// Nothing: no such file existed, or its data key was another one. The next run will reuse this one.
    Nothing,
    /// Nothing: its sources have no keys to derive from, and the existing file is known to differ.
    Unstable,
    /// Nothing: its sources have no keys to derive from, and no available identity decrypts the existing file.
    Unopened,
}

/// The data key of a file, and the parts of an earlier one that are valid with it.
struct EncryptionBasis {
    key: DataKey,
    stash: CiphertextCache,
    /// The data key as it was wrapped, and the time.
    wrapped: Option<(Vec<KeyGroup>, Timestamp)>,
    otherwise: CiphertextReuse,
    /// Number of values of the file, if its data key must not be used for others.
    only: Option<usize>,
}

impl EncryptionBasis {
    /// A random data key without parts of an earlier file; none if the system has no randomness.
    fn random() -> Option<Self> {
        let key = DataKey::deterministic(DataKey::generate()?.bytes());
        Some(Self {
            key,
            stash: CiphertextCache::default(),
            wrapped: None,
            otherwise: CiphertextReuse::Unstable,
            only: None,
        })
    }

    /// Encrypts a document under it, or under a random one if it must not be used for its values.
    fn encrypt_document(
        mut self,
        document: &mut SopsDocument,
        plan: &EncryptionPlan,
    ) -> Option<(Self, EncryptedDocument)> {
        let stash = std::mem::take(&mut self.stash);
        let (selector, scope) = (&plan.selector, plan.mac_scope);
        let encrypted = DocumentEncryptor { format: SopsFormat::Yaml, key: &self.key, selector, scope, stash }
            .encrypt_document(document);
        match self.only {
            // not one more in the file either: a list has room for a guess at every value
            Some(values) if encrypted.new > 0 || encrypted.values != values => {
                Self::random()?.encrypt_document(document, plan)
            }
            _ => Some((self, encrypted)),
        }
    }
}

/// Encrypts a document of YAML, reusing `committed`, the existing file, if there is one; `key` is derived from the
/// sources of the document, if these have a key.
pub fn encrypt_stable(
    name: &str,
    text: Zeroizing<String>,
    plan: &EncryptionPlan,
    key: Option<&DerivedKey>,
    committed: Option<&[u8]>,
    identities: &Identities,
    now: Timestamp,
) -> Result<StableFile, WriteError> {
    let source = Source::new(name, text.as_str());
    drop(text);
    let (source, ParsedFile { mut document, .. }) = parse_plaintext(source, SopsFormat::Yaml, &plan.selector)?;
    let place = || source.place(Span::locate(source.text(), 0, 0));
    let no_randomness = || WriteError::Value { place: place(), problem: SealProblem::NoRandomness };
    let before = committed.and_then(|bytes| EncryptedFile::read(name, bytes.to_vec(), SopsFormat::Yaml).ok().flatten());
    let basis = choose_basis(plan, key, before, identities).ok_or_else(no_randomness)?;
    let (basis, encrypted) = basis.encrypt_document(&mut document, plan).ok_or_else(no_randomness)?;
    let (EncryptionBasis { key, wrapped, otherwise, .. }, EncryptedDocument { mac, values, changes, problem, .. }) =
        (basis, encrypted);
    if let Some(problem) = problem {
        return Err(WriteError::Value { place: place(), problem });
    }
    if values == 0 {
        return Err(WriteError::NothingSelected { place: place(), selector: plan.selector.to_string() });
    }
    let mac = mac.finish();
    let sealed = changes.apply(source.text());
    let (groups, at) = match wrapped {
        Some((groups, at)) => (groups, Some(at)),
        None => {
            let Recipients { groups, threshold } = &plan.recipients;
            let wrapped = wrap::wrap_data_key(key.bytes(), groups, *threshold);
            (wrapped.map_err(|problem| WriteError::Wrap { place: place(), problem })?, None)
        }
    };
    let file = |time: Timestamp| -> Result<Vec<u8>, WriteError> {
        let mac = seal_mac(&key, &mac, time).ok_or_else(no_randomness)?;
        let fields = metadata_fields(plan, &groups, &mac, time);
        let block = SopsFormat::Yaml.write_block(&fields, (&sealed, ""), plan.layout.indent(SopsFormat::Yaml));
        let mut out = apply_edits(&sealed, vec![TextEdit::new(sealed.len()..sealed.len(), block)]);
        Ok(std::mem::take(&mut *out).into_bytes())
    };
    // the time is that of the last change: if there is none, the file stays unchanged
    let unchanged = at.map(&file).transpose()?.filter(|bytes| committed == Some(bytes.as_slice()));
    match unchanged {
        Some(bytes) => Ok(StableFile { bytes, kept: CiphertextReuse::Everything }),
        None => Ok(StableFile { bytes: file(now)?, kept: otherwise }),
    }
}

/// The text of a file as far as it is known without its data key: `text` has the final values. Parts of the existing
/// file that cannot be generated without the key are copied if it is for the recipients of the plan; otherwise they
/// are replaced by `unknown`.
pub fn with_metadata(text: &str, plan: &EncryptionPlan, committed: Option<&[u8]>, unknown: &str) -> String {
    let is_whole = |before: &EncryptedFile| {
        let metadata = before.metadata();
        let has_mac = metadata.mac.as_ref().is_some_and(|mac| is_ciphertext(&mac.text));
        has_mac && is_made_by(metadata, plan) && metadata.age_recipients().all(unlock::is_intact)
    };
    let before = committed.and_then(|bytes| EncryptedFile::read("", bytes.to_vec(), SopsFormat::Yaml).ok().flatten());
    let fields = match before.as_ref().map(EncryptedFile::metadata).filter(|_| before.as_ref().is_some_and(is_whole)) {
        Some(metadata) => {
            let mac = metadata.mac.as_ref().map(|mac| mac.text.as_str()).unwrap_or_default();
            metadata_fields(plan, &metadata.groups, mac, metadata.last_modified)
        }
        None => unknown_fields(plan, unknown),
    };
    let block = SopsFormat::Yaml.write_block(&fields, (text, ""), plan.layout.indent(SopsFormat::Yaml));
    format!("{text}{}", block.as_str())
}

/// The metadata of a file that does not exist yet.
fn unknown_fields(plan: &EncryptionPlan, unknown: &str) -> SopsMap {
    let wrapped = || SpannedText { text: format!("{unknown}\n"), span: Span::default() };
    let entry = |recipient: &Recipient| AgeRecipient { recipient: recipient.to_string(), wrapped: wrapped() };
    let group = |group: &RecipientGroup| KeyGroup { age: group.age.iter().map(entry).collect(), ..KeyGroup::default() };
    let groups: Vec<_> = plan.recipients.groups.iter().map(group).collect();
    let mut fields =
        metadata_fields(plan, &groups, unknown, Timestamp::from_system_time(std::time::SystemTime::UNIX_EPOCH));
    fields.put_value("lastmodified", SopsTree::from_text(unknown));
    fields
}

/// Whether a text is exactly the ciphertext of a text.
pub fn is_ciphertext(text: &str) -> bool {
    text.ends_with(",type:str]") && Ciphertext::parse(text).is_ok()
}

/// The key with which a file is encrypted; none if the system has no randomness.
fn choose_basis(
    plan: &EncryptionPlan,
    key: Option<&DerivedKey>,
    before: Option<EncryptedFile>,
    identities: &Identities,
) -> Option<EncryptionBasis> {
    // a damaged key would stay damaged
    let is_whole = |before: &EncryptedFile| before.metadata().age_recipients().all(unlock::is_intact);
    let before = before.filter(|before| is_made_by(before.metadata(), plan) && is_whole(before));
    if let Some(key) = key {
        let key = DataKey::deterministic(for_recipients(key, &plan.recipients).expose());
        let before = before.filter(|before| stored_mac(before.metadata(), &key).is_ok());
        let before = before.filter(|before| unlock::recipients_hold_key(before.metadata(), key.bytes(), identities));
        let wrapped = before.map(|before| (before.metadata().groups.clone(), before.metadata().last_modified));
        let otherwise = if wrapped.is_some() { CiphertextReuse::Values } else { CiphertextReuse::Nothing };
        return Some(EncryptionBasis { key, stash: CiphertextCache::default(), wrapped, otherwise, only: None });
    }
    let opened = match before.map(|before| before.decrypt_file(identities)) {
        None => return EncryptionBasis::random(),
        Some(Ok(opened)) => opened,
        Some(Err(error)) => {
            let lacks_key = matches!(error, DecryptionError::NoIdentity(..));
            let basis = EncryptionBasis::random()?;
            return Some(EncryptionBasis {
                otherwise: if lacks_key { CiphertextReuse::Unopened } else { CiphertextReuse::Unstable },
                ..basis
            });
        }
    };
    if !unlock::recipients_hold_key(&opened.metadata, opened.unlocked.data_key(), identities) {
        return EncryptionBasis::random();
    }
    let only = Some(opened.encrypted_count());
    let wrapped = Some((opened.metadata.groups.clone(), opened.metadata.last_modified));
    let key = DataKey::deterministic(opened.unlocked.data_key());
    Some(EncryptionBasis { key, stash: opened.stash, wrapped, otherwise: CiphertextReuse::Values, only })
}

/// The data key that is derived for recipients.
fn for_recipients(key: &DerivedKey, recipients: &Recipients) -> DerivedKey {
    let parts = recipients.canonical_parts();
    key.derive_next(OF_RECIPIENTS, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Whether the encryption of a file matches a plan.
fn is_made_by(metadata: &SopsMetadata, plan: &EncryptionPlan) -> bool {
    let Ok(recipients) = Recipients::of_file(metadata) else { return false };
    let selector = |of: &crate::Selector| (of.field_name(), of.argument().to_owned());
    recipients.canonical_parts() == plan.recipients.canonical_parts()
        && selector(&metadata.selector) == selector(&plan.selector)
        && metadata.mac_scope == plan.mac_scope
}
