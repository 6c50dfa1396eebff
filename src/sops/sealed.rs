//! An encrypted file in hand: read and verified, changed, and written back with nothing else touched.
//!
//! What is changed is the plaintext of the file, as text: the file with each ciphertext replaced by
//! its plaintext, the metadata still in it. Writing puts ciphertexts in again, those of unchanged
//! values as they were.

mod adopt;
mod change;
mod exposed;
mod selection;

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::age::{self, Unlocked};
use super::ambiguous::refuse_ambiguous_file;
use super::cipher::DataKey;
use super::content::{difference, same_branches};
use super::document::{Document, Item, Leaf, Map, Tree};
use super::error::{Error, Fault, Finding};
use super::identity::Identities;
use super::mac::MacScope;
use super::metadata::Metadata;
use super::open::{Opened, Purpose, open};
use super::path::KeyPath;
use super::plain::{plain, text, without_returns};
use super::remarks::Remarks;
use super::rewrite::selects_alike;
use super::scalar::Value;
use super::selector::Selector;
use super::stash::Stash;
use super::store::{Block, Change, EditProblem, Format, Parsed, Unfit, amend, apply, fit_line_ends, moved};
use super::verified::Unfaithful;
use super::wrap::Recipients;
use super::write_error::WriteError;
use super::{DATA, missing_block, stored_mac, verify};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::span::{Place, Source, Span};

/// A file that was decrypted and verified, and can be changed.
pub struct Sealed {
    pub(super) format: Format,
    /// The file as it stands on disk.
    pub(super) source: Source,
    pub(super) metadata: Metadata,
    /// The data key with the shares that it was put together from.
    pub(super) unlocked: Unlocked,
    pub(super) key: DataKey,
    pub(super) stash: Stash,
    pub(super) document: Document,
    /// The file in plaintext, with its metadata; empty for a binary file.
    pub(super) text: Zeroizing<String>,
    /// Where the metadata stand in `text`, as long as nobody changed it.
    pub(super) cuts: Option<Vec<Range<usize>>>,
    /// The hash of what `text`, or a binary file's data, was before somebody changed it.
    first: Option<[u8; 32]>,
    encrypted: usize,
    /// A value that the format cannot hold in plaintext, so that there is no text to be changed.
    unfit: Option<(KeyPath, Unfit)>,
    /// Comments that are not as the file was encrypted.
    remarks: Remarks,
    /// Values that somebody typed in plaintext.
    typed: Vec<KeyPath>,
    /// The reason why no text in plaintext holds what the file holds.
    unsettled: Option<Unfaithful>,
    /// What is to be new about its encryption.
    pub(super) renewal: Renewal,
}

/// What of a file's encryption is to be another when it is written.
#[derive(Default)]
pub(super) struct Renewal {
    /// Recipients, where they are not those of the file.
    pub(super) recipients: Option<Recipients>,
    /// Which values are encrypted and which the checksum covers, where the file says otherwise.
    pub(super) selection: Option<(Selector, MacScope)>,
    /// Whether the data key is a new one.
    pub(super) rotated: bool,
}

/// An encrypted file that was read, and not decrypted: what it says of its encryption needs no key.
pub struct Closed {
    pub(super) format: Format,
    pub(super) source: Source,
    pub(super) parsed: Parsed,
    pub(super) metadata: Metadata,
}

impl Closed {
    /// Reads a file; `None` if it is not encrypted.
    pub fn read(name: &str, bytes: Vec<u8>, format: Format) -> Result<Option<Self>, Error> {
        let source = text(name, bytes).map_err(Error::Read)?;
        let parsed = format.parse(&source).map_err(Error::Read)?;
        if parsed.blocks.iter().all(Option::is_none) {
            return Ok(None);
        }
        let metadata = metadata_of(&parsed, &source)?;
        // whoever changed the file needed no key for it, and nothing that is checked later would show it
        refuse_ambiguous_file(&parsed.document, &source, &metadata.selector)
            .map_err(|found| Error::AmbiguousKey(Box::new(found)))?;
        Ok(Some(Self { format, source, parsed, metadata }))
    }

    /// What the file says of its encryption.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Decrypts the file and verifies it. All that is wrong with its values is told together.
    pub fn open(self, identities: &Identities) -> Result<Sealed, Error> {
        let unlocked = age::unlock(&self.metadata, identities)?;
        self.open_with(unlocked)
    }

    /// The same of a file in which somebody typed plaintext where ciphertext must be: it is encrypted when the file
    /// is written. What else was changed nobody can tell, since the checksum is over the values that are gone.
    pub fn open_incomplete(self, identities: &Identities) -> Result<Sealed, Error> {
        let unlocked = age::unlock(&self.metadata, identities)?;
        self.open_as(unlocked, true, Purpose::Change)
    }

    /// The same as [`open`](Self::open) of a file that is only read: the ciphertexts of its values are not kept.
    pub fn open_to_read(self, identities: &Identities) -> Result<Sealed, Error> {
        let unlocked = age::unlock(&self.metadata, identities)?;
        self.open_as(unlocked, false, Purpose::Read)
    }

    fn open_with(self, unlocked: Unlocked) -> Result<Sealed, Error> {
        self.open_as(unlocked, false, Purpose::Change)
    }

    fn open_as(self, unlocked: Unlocked, takes_plaintext: bool, purpose: Purpose) -> Result<Sealed, Error> {
        let Self { format, source, parsed, metadata } = self;
        let key = DataKey::new(unlocked.data_key());
        let Parsed { mut document, blocks, in_place, .. } = parsed;
        let Opened { mac, findings, encrypted, stash, mut changes, unfit } =
            open(&mut document, &source, format, &metadata, &key, purpose);
        let is_plaintext = |finding: &Finding| matches!(finding.fault, Fault::Plaintext { .. });
        let mut typed = Vec::new();
        if takes_plaintext && !findings.is_empty() && findings.iter().all(is_plaintext) {
            stored_mac(&metadata, &key).map_err(|finding| Error::Content(vec![finding]))?;
            typed = findings.into_iter().map(|finding| finding.path).collect();
        } else {
            verify(mac, findings, encrypted, &metadata, &key)?;
        }
        fit_line_ends(format, source.text(), &mut changes);
        let remarks = Remarks::of(&mut document, &source, &metadata.selector);
        let mut cuts = None;
        let moves_lines = changes.iter().any(|change| change.text.contains('\n') || change.text.starts_with('#'));
        let fields = blocks.iter().flatten().next().map(|block| block.fields.clone()).unwrap_or_default();
        let text = match blocks.iter().flatten().next() {
            _ if format == Format::Binary => Zeroizing::default(),
            Some(block) if !in_place => format.emit(&document, Some(&block.fields)).unwrap_or_default(),
            _ => {
                let moved = |block: &Block| moved(block.whole.start, &changes)..moved(block.whole.end, &changes);
                cuts = Some(blocks.iter().flatten().map(moved).collect());
                apply(source.text(), changes)
            }
        };
        let is_risky = format == Format::Yaml && unfit.is_none() && (!in_place || moves_lines);
        let (renewal, first) = (Renewal::default(), (!typed.is_empty()).then_some([0; 32]));
        #[rustfmt::skip]
        let mut sealed = Sealed {
            format, source, metadata, unlocked, key, stash, document, text, cuts, first, encrypted, unfit, renewal,
            unsettled: None, remarks, typed,
        };
        if is_risky {
            sealed.unsettled = sealed.settle(&fields).err();
        }
        if format == Format::Ini {
            sealed.join_comments();
        }
        Ok(sealed)
    }
}

impl Sealed {
    /// Decrypts a file and verifies it. All that is wrong with its values is told together.
    pub fn open(name: &str, bytes: Vec<u8>, format: Format, identities: &Identities) -> Result<Self, Error> {
        match Closed::read(name, bytes, format)? {
            Some(closed) => closed.open(identities),
            None => Err(missing_block(Source::new(name, "").place(Span::default()))),
        }
    }

    /// Decrypts a file by its data key, whoever its recipients are.
    #[cfg(test)]
    pub(super) fn open_by(name: &str, bytes: Vec<u8>, format: Format, unlocked: Unlocked) -> Result<Self, Error> {
        Closed::read(name, bytes, format)?.expect("encrypted").open_with(unlocked)
    }

    /// Makes sure that the text in plaintext holds what the file holds: a line of a block or a comment can be
    /// another thing beside its new neighbours. Where it would, the text is written anew as sops would.
    fn settle(&mut self, fields: &Map) -> Result<(), Unfaithful> {
        let differs = |text: &str| match self.read(text) {
            Ok(parsed) => difference(&self.document, &parsed.document).map(Unfaithful::Different).or_else(|| {
                let is_same = selects_alike(&self.document, &parsed.document, &self.metadata.selector);
                (!is_same).then_some(Unfaithful::Selection)
            }),
            Err(_) => Some(Unfaithful::Unreadable),
        };
        if differs(&self.text).is_none() {
            return Ok(());
        }
        let text = self.format.emit(&self.document, Some(fields)).map_err(|_| Unfaithful::Unreadable)?;
        differs(&text).map_or(Ok(()), Err)?;
        (self.text, self.cuts) = (text, None);
        Ok(())
    }

    /// What the file says of its encryption.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Takes comments as the plaintext has them, where adjacent lines are one: they may come from several ciphertexts.
    fn join_comments(&mut self) {
        let Ok(parsed) = self.parsed() else { return };
        if same_branches(&self.document, &parsed.document) {
            self.document = parsed.document;
        }
    }

    /// Values that stood in plaintext where ciphertext must be, and will be encrypted.
    pub fn typed(&self) -> &[KeyPath] {
        &self.typed
    }

    /// Warnings about comments that do not decrypt.
    pub fn altered_comments(&self) -> Diagnostics {
        self.remarks.altered_warnings()
    }

    /// Warnings about comments that nobody encrypted.
    pub fn plain_comments(&self) -> Option<Diagnostic> {
        self.remarks.plain_warning(self.source.name())
    }

    /// Checks that no ciphertext would be left behind that requires the data key of the file.
    pub fn check_comments(&self) -> Result<(), WriteError> {
        self.remarks.altered().map_or(Ok(()), |place| Err(WriteError::LostComment(place.clone())))
    }

    /// The values, decrypted.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Whether it has other values than the file, or is to be encrypted in another way.
    pub fn is_changed(&self) -> bool {
        self.is_renewed() || self.is_edited()
    }

    /// Whether it has other values than the file.
    pub(super) fn is_edited(&self) -> bool {
        self.first.is_some_and(|first| first != self.hash())
    }

    /// To be called before anything is changed.
    fn remember(&mut self) {
        if self.first.is_none() {
            self.first = Some(self.hash());
        }
        self.cuts = None;
    }

    /// How many values were encrypted.
    pub fn encrypted(&self) -> usize {
        self.encrypted
    }

    /// The value at a path of a document.
    pub fn get(&self, document: usize, path: &KeyPath) -> Option<&Tree> {
        amend::get(&self.document, document, path)
    }

    /// The plaintext with the comments, blank lines and quotes of the file, without its metadata.
    pub fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if self.format == Format::Binary {
            return Ok(Zeroizing::new(self.data().unwrap_or_default().to_vec()));
        }
        self.check_fit()?;
        let mut text = apply(&self.text, self.without_blocks()?);
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Changes that take the metadata out of the text.
    fn without_blocks(&self) -> Result<Vec<Change>, WriteError> {
        let cuts = match &self.cuts {
            Some(cuts) => cuts.clone(),
            None => self.parsed()?.blocks.into_iter().flatten().map(|block| block.whole).collect(),
        };
        // a document without values would be none at all without its metadata
        let mut is_empty = self.document.branches.iter().map(|branch| branch.values().next().is_none());
        let mut rest = || if self.format == Format::Yaml && is_empty.next() == Some(true) { "{}\n" } else { "" };
        Ok(cuts.into_iter().map(|cut| Change::new(cut, rest())).collect())
    }

    /// The same, with nothing else left of the file before it is put together.
    pub fn into_plaintext(mut self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if let Some(Leaf { value: Value::Text(bytes), .. }) = self.leaf_mut() {
            return Ok(std::mem::take(bytes).into_bytes());
        }
        if self.format == Format::Binary {
            return self.plaintext();
        }
        self.check_fit()?;
        let changes = self.without_blocks()?;
        let text = std::mem::take(&mut self.text);
        drop(self);
        let mut text = apply(&text, changes);
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// The plaintext as sops prints it in a format.
    pub fn emit(&self, format: Format) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if format == Format::Binary {
            let data = self.data().map(|data| Zeroizing::new(data.to_vec()));
            return data.ok_or_else(|| self.unfit(Unfit::Nested));
        }
        let mut text = format.emit(&self.document, None).map_err(|unfit| self.unfit(unfit))?;
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Takes the whole plaintext as somebody edited it.
    pub fn replace(&mut self, plaintext: &[u8]) -> Result<(), WriteError> {
        if self.format == Format::Binary {
            self.remember();
            if let Some(leaf) = self.leaf_mut() {
                leaf.value = Value::Text(plaintext.to_vec().into());
            }
            return Ok(());
        }
        if self.plaintext()?.as_slice() == plaintext {
            return Ok(());
        }
        let source = text(self.source.name(), plaintext.to_vec()).map_err(WriteError::Read)?;
        let source = if self.has_returns() { source } else { without_returns(source, self.format).0 };
        let (source, parsed) = plain(source, self.format, &self.metadata.selector)?;
        let blocks = self.parsed()?.blocks;
        let slice = |block: &Block| self.text.get(block.whole.clone()).unwrap_or_default().to_owned();
        let first = blocks.iter().flatten().next().map(slice).unwrap_or_default();
        let changes = parsed.ends.iter().enumerate().map(|(index, &end)| {
            let block = blocks.get(index).and_then(Option::as_ref).map_or_else(|| first.clone(), slice);
            Change::new(end..end, self.format.joined(source.text(), end, &block))
        });
        let text = apply(source.text(), changes.collect());
        self.remember();
        self.text = text;
        self.document = parsed.document;
        Ok(())
    }

    /// Whether values of a dotenv file end with a CR, as sops takes it from a file with CRLF.
    fn has_returns(&self) -> bool {
        let is_return = |tree: &Tree| matches!(tree, Tree::Leaf(leaf) if leaf.value.bytes().is_some_and(|bytes| bytes.ends_with(b"\r")));
        let mut values = self.document.branches.iter().flat_map(Map::values);
        self.format == Format::Dotenv && values.any(|(_, value)| is_return(value))
    }

    pub(super) fn parsed(&self) -> Result<Parsed, WriteError> {
        self.check_fit()?;
        self.read(&self.text)
    }

    /// That there is a text at all.
    pub(super) fn check_fit(&self) -> Result<(), WriteError> {
        if let Some(problem) = &self.unsettled {
            return Err(WriteError::Unfaithful { place: self.place(), problem: problem.clone() });
        }
        let Some((path, unfit)) = &self.unfit else { return Ok(()) };
        let problem = EditProblem::Unfit(*unfit);
        Err(WriteError::Edit { place: self.place(), path: path.clone(), problem })
    }

    fn read(&self, text: &str) -> Result<Parsed, WriteError> {
        self.format.parse(&Source::new(self.source.name(), text)).map_err(WriteError::Read)
    }

    /// A binary file's bytes.
    fn data(&self) -> Option<&[u8]> {
        match self.document.branches.first()?.get(DATA)? {
            Tree::Leaf(Leaf { value: Value::Text(bytes), .. }) => Some(bytes),
            Tree::Leaf(_) | Tree::List(_) | Tree::Map(_) => None,
        }
    }

    /// A binary file's only value.
    fn leaf_mut(&mut self) -> Option<&mut Leaf> {
        let branch = self.document.branches.first_mut().filter(|_| self.format == Format::Binary)?;
        branch.items.iter_mut().find_map(|item| match item {
            Item::Value(key, Tree::Leaf(leaf)) if key.text == DATA => Some(leaf),
            _ => None,
        })
    }

    fn hash(&self) -> [u8; 32] {
        let data = if self.format == Format::Binary { self.data() } else { None };
        Sha256::digest(data.unwrap_or(self.text.as_bytes())).into()
    }

    /// Lets go of the file as it was, but for the line that messages show.
    pub(super) fn forget_source(&mut self) {
        let line = self.source.text().lines().next().unwrap_or_default();
        let source = Source::new(self.source.name(), line);
        self.metadata.place = source.place(Span::locate(line, 0, 0));
        self.remarks = Remarks::default();
        self.source = source;
    }

    pub(super) fn place(&self) -> Place {
        self.source.place(Span::locate(self.source.text(), 0, 0))
    }

    fn unfit(&self, unfit: Unfit) -> WriteError {
        WriteError::Unfit { place: self.place(), unfit }
    }
}

fn metadata_of(parsed: &Parsed, source: &Source) -> Result<Metadata, Error> {
    match parsed.blocks.first() {
        Some(Some(block)) => Metadata::read(block.fields.to_node(), source.place(block.key)),
        _ => Err(missing_block(source.place(Span::locate(source.text(), 0, 0)))),
    }
}
