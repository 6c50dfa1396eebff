//! Files that are made again and again, and keep their bytes while their contents do.
//!
//! The data key of such a file follows from the keys of what it is made of, and each nonce from what it is
//! for ([`DataKey::deterministic`]). What is random, the wrapping of the data key for its recipients, and
//! what is not, the time, are those of the file that is there, as long as its data key is the same.
//!
//! The recipients are part of what the data key follows from: whoever is taken out knows no later one.
//!
//! Where no key follows from anything, the data key of the file that is there is used again, but only for
//! the very values that the file has: whoever knows the recipients can put a file there with a data key of
//! their own, and would read what is encrypted under it later. SECURITY.md has the whole argument.

use zeroize::Zeroizing;

use super::age;
use super::cipher::{Ciphertext, DataKey};
use super::derived::DerivedKey;
use super::document::{Document, Map, Tree};
use super::encrypt::{Plan, metadata_fields};
use super::error::Error;
use super::group::{AgeRecipient, KeyGroup};
use super::identity::Identities;
use super::metadata::{Metadata, Text};
use super::plain::{plain, seal_mac};
use super::recipient::{self, Recipient};
use super::rules::RecipientGroup;
use super::seal::{Encrypted, SealProblem, Sealer};
use super::sealed::Closed;
use super::stash::Stash;
use super::store::{Change, Format, Parsed, apply};
use super::stored_mac;
use super::time::Timestamp;
use super::wrap::{self, Recipients};
use super::write_error::WriteError;
use crate::span::{Source, Span};

/// What tells the data key of a file from what it follows from.
const OF_RECIPIENTS: &[u8] = b"septum: the data key of a file for its recipients, version 1";

/// A file that was made.
#[derive(Debug)]
pub struct Stable {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What of the file that was there lives on.
    pub kept: Kept,
}

/// What of a file lives on when it is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Everything,
    /// The data key, and every value that did not change.
    Values,
    /// Nothing: there was no such file, or its data key was another one. The next time it will.
    Nothing,
    /// Nothing: no key follows from what it is made of, and the file that was there is known to be another.
    Unstable,
    /// Nothing: no key follows from what it is made of, and nobody at hand can decrypt the file that is there.
    Unopened,
}

/// The data key of a file, and what of an earlier one goes with it.
struct Basis {
    key: DataKey,
    stash: Stash,
    /// The data key as it was wrapped, and when.
    wrapped: Option<(Vec<KeyGroup>, Timestamp)>,
    otherwise: Kept,
    /// How many values the file has, if its data key is for no others.
    only: Option<usize>,
}

impl Basis {
    /// One that goes with nothing; none if the system has no randomness to give.
    fn random() -> Option<Self> {
        let key = DataKey::deterministic(DataKey::generate()?.bytes());
        Some(Self { key, stash: Stash::default(), wrapped: None, otherwise: Kept::Unstable, only: None })
    }

    /// Encrypts a document under it, or under a random one if it is for other values.
    fn seal(mut self, document: &mut Document, plan: &Plan) -> Option<(Self, Encrypted)> {
        let stash = std::mem::take(&mut self.stash);
        let (selector, scope) = (&plan.selector, plan.mac_scope);
        let encrypted = Sealer { format: Format::Yaml, key: &self.key, selector, scope, stash }.seal(document);
        match self.only {
            // not one more in the file either: a list has room for a guess at every value
            Some(values) if encrypted.new > 0 || encrypted.values != values => Self::random()?.seal(document, plan),
            _ => Some((self, encrypted)),
        }
    }
}

/// Encrypts a document of YAML, again if it was before. `committed` is the file that is there, if any;
/// `key` follows from what the document is made of, if that has a key.
pub fn encrypt_stable(
    name: &str,
    text: Zeroizing<String>,
    plan: &Plan,
    key: Option<&DerivedKey>,
    committed: Option<&[u8]>,
    identities: &Identities,
    now: Timestamp,
) -> Result<Stable, WriteError> {
    let source = Source::new(name, text.as_str());
    drop(text);
    let (source, Parsed { mut document, .. }) = plain(source, Format::Yaml, &plan.selector)?;
    let place = || source.place(Span::locate(source.text(), 0, 0));
    let no_randomness = || WriteError::Value { place: place(), problem: SealProblem::NoRandomness };
    let before = committed.and_then(|bytes| Closed::read(name, bytes.to_vec(), Format::Yaml).ok().flatten());
    let basis = basis(plan, key, before, identities).ok_or_else(no_randomness)?;
    let (basis, encrypted) = basis.seal(&mut document, plan).ok_or_else(no_randomness)?;
    let (Basis { key, wrapped, otherwise, .. }, Encrypted { mac, values, changes, problem, .. }) = (basis, encrypted);
    if let Some(problem) = problem {
        return Err(WriteError::Value { place: place(), problem });
    }
    if values == 0 {
        return Err(WriteError::NothingSelected { place: place(), selector: plan.selector.to_string() });
    }
    let mac = mac.finish();
    let sealed = apply(source.text(), changes);
    let (groups, at) = match wrapped {
        Some((groups, at)) => (groups, Some(at)),
        None => {
            let Recipients { groups, threshold } = &plan.recipients;
            let wrapped = wrap::seal(key.bytes(), groups, *threshold);
            (wrapped.map_err(|problem| WriteError::Wrap { place: place(), problem })?, None)
        }
    };
    let file = |time: Timestamp| -> Result<Vec<u8>, WriteError> {
        let mac = seal_mac(&key, &mac, time).ok_or_else(no_randomness)?;
        let fields = metadata_fields(plan, &groups, &mac, time);
        let block = Format::Yaml.block(&fields, &sealed, sealed.len(), plan.layout.indent(Format::Yaml));
        let mut out = apply(&sealed, vec![Change::new(sealed.len()..sealed.len(), block)]);
        Ok(std::mem::take(&mut *out).into_bytes())
    };
    // the time is that of the last change: if there is none, the file stays what it is
    let unchanged = at.map(&file).transpose()?.filter(|bytes| committed == Some(bytes.as_slice()));
    match unchanged {
        Some(bytes) => Ok(Stable { bytes, kept: Kept::Everything }),
        None => Ok(Stable { bytes: file(now)?, kept: otherwise }),
    }
}

/// The text of a file as far as it is known without its data key: `text` has its values as they are to stand
/// there. Of the file that is there, what nobody can make again is taken over if it is for the recipients of
/// the plan; otherwise `unknown` stands for it.
pub fn with_metadata(text: &str, plan: &Plan, committed: Option<&[u8]>, unknown: &str) -> String {
    let is_whole = |before: &Closed| {
        let metadata = before.metadata();
        let has_mac = metadata.mac.as_ref().is_some_and(|mac| is_ciphertext(&mac.text));
        has_mac && is_by(metadata, plan) && metadata.age().all(age::is_intact)
    };
    let before = committed.and_then(|bytes| Closed::read("", bytes.to_vec(), Format::Yaml).ok().flatten());
    let fields = match before.as_ref().map(Closed::metadata).filter(|_| before.as_ref().is_some_and(is_whole)) {
        Some(metadata) => {
            let mac = metadata.mac.as_ref().map(|mac| mac.text.as_str()).unwrap_or_default();
            metadata_fields(plan, &metadata.groups, mac, metadata.last_modified)
        }
        None => unknown_fields(plan, unknown),
    };
    let block = Format::Yaml.block(&fields, text, text.len(), plan.layout.indent(Format::Yaml));
    format!("{text}{}", block.as_str())
}

/// The metadata of a file that is not there yet.
fn unknown_fields(plan: &Plan, unknown: &str) -> Map {
    let wrapped = || Text { text: format!("{unknown}\n"), span: Span::default() };
    let entry = |recipient: &Recipient| AgeRecipient { recipient: recipient.to_string(), wrapped: wrapped() };
    let group = |group: &RecipientGroup| KeyGroup { age: group.age.iter().map(entry).collect(), ..KeyGroup::default() };
    let groups: Vec<_> = plan.recipients.groups.iter().map(group).collect();
    let mut fields = metadata_fields(plan, &groups, unknown, Timestamp::at(std::time::SystemTime::UNIX_EPOCH));
    fields.put("lastmodified", Tree::text(unknown));
    fields
}

/// Whether a text is the ciphertext of a text, and nothing else.
pub fn is_ciphertext(text: &str) -> bool {
    text.ends_with(",type:str]") && Ciphertext::parse(text).is_ok()
}

/// By which key a file is encrypted; none if the system has no randomness to give.
fn basis(plan: &Plan, key: Option<&DerivedKey>, before: Option<Closed>, identities: &Identities) -> Option<Basis> {
    // a key that somebody damaged would stay damaged
    let is_whole = |before: &Closed| before.metadata().age().all(age::is_intact);
    let before = before.filter(|before| is_by(before.metadata(), plan) && is_whole(before));
    if let Some(key) = key {
        let key = DataKey::deterministic(for_recipients(key, &plan.recipients).expose());
        let before = before.filter(|before| stored_mac(before.metadata(), &key).is_ok());
        let before = before.filter(|before| age::gives(before.metadata(), key.bytes(), identities));
        let wrapped = before.map(|before| (before.metadata().groups.clone(), before.metadata().last_modified));
        let otherwise = if wrapped.is_some() { Kept::Values } else { Kept::Nothing };
        return Some(Basis { key, stash: Stash::default(), wrapped, otherwise, only: None });
    }
    let opened = match before.map(|before| before.open(identities)) {
        None => return Basis::random(),
        Some(Ok(opened)) => opened,
        Some(Err(error)) => {
            let lacks_key = matches!(error, Error::NoIdentity(..));
            let basis = Basis::random()?;
            return Some(Basis { otherwise: if lacks_key { Kept::Unopened } else { Kept::Unstable }, ..basis });
        }
    };
    if !age::gives(&opened.metadata, opened.unlocked.data_key(), identities) {
        return Basis::random();
    }
    let only = Some(opened.encrypted());
    let wrapped = Some((opened.metadata.groups.clone(), opened.metadata.last_modified));
    let key = DataKey::deterministic(opened.unlocked.data_key());
    Some(Basis { key, stash: opened.stash, wrapped, otherwise: Kept::Values, only })
}

/// The data key that follows for recipients.
fn for_recipients(key: &DerivedKey, recipients: &Recipients) -> DerivedKey {
    let parts = parts(recipients);
    key.then(OF_RECIPIENTS, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Whether a file is encrypted as a plan says.
fn is_by(metadata: &Metadata, plan: &Plan) -> bool {
    let Ok(recipients) = Recipients::of_file(metadata) else { return false };
    let selector = |of: &super::Selector| (of.field(), of.argument().to_owned());
    parts(&recipients) == parts(&plan.recipients)
        && selector(&metadata.selector) == selector(&plan.selector)
        && metadata.mac_scope == plan.mac_scope
}

/// Recipients in an order of their own, and without comments: groups with their members, and how many are needed.
pub(super) fn parts(recipients: &Recipients) -> Vec<Vec<u8>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for group in &recipients.groups {
        let age = group.age.iter().map(|recipient| recipient::identity(recipient.as_str()));
        let mut members: Vec<_> = age.chain(group.foreign.iter().map(ToString::to_string)).collect();
        members.sort_unstable();
        members.dedup();
        groups.push(members);
    }
    let needed = match recipients.groups.len() {
        0 | 1 => 1,
        count => recipients.threshold.unwrap_or(count),
    };
    let counts = [needed, groups.len()].map(|count| count.to_string().into_bytes());
    let members = groups.into_iter().map(|members| members.join("\n").into_bytes());
    counts.into_iter().chain(members).collect()
}
