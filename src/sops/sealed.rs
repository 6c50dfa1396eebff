//! An encrypted file in hand: read and verified, changed, and written back with nothing else touched.
//!
//! What is changed is the plaintext of the file, as text: the file with each ciphertext replaced by
//! its plaintext, the metadata still in it. Writing puts ciphertexts in again, those of unchanged
//! values as they were.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::age;
use super::cipher::DataKey;
use super::document::{Document, Item, Leaf, Tree};
use super::entries::put_recipients;
use super::error::Error;
use super::identity::Identities;
use super::metadata::Metadata;
use super::open::{Opened, open};
use super::path::{KeyPath, Step};
use super::plain::{plain, seal_mac, text};
use super::scalar::Value;
use super::seal::{Encrypted, Sealer};
use super::selector::Selector;
use super::stash::Stash;
use super::store::{Block, Change, EditProblem, Format, Parsed, Target, Unfit, apply, others};
use super::time::Timestamp;
use super::write_error::WriteError;
use super::{missing_block, verify};
use crate::span::{Place, Source, Span};

/// The key of a binary file's only value.
const DATA: &str = "data";

/// A file that was decrypted and verified, and can be changed.
pub struct Sealed {
    format: Format,
    /// The file as it stands on disk.
    source: Source,
    metadata: Metadata,
    key: DataKey,
    stash: Stash,
    document: Document,
    /// The file in plaintext, with its metadata; empty for a binary file.
    text: Zeroizing<String>,
    /// The hash of what `text`, or a binary file's data, was at first.
    first: [u8; 32],
    encrypted: usize,
    /// A value that the format cannot hold in plaintext, so that there is no text to be changed.
    unfit: Option<(KeyPath, Unfit)>,
    /// Recipients, where they are not those of the file.
    recipients: Option<Vec<String>>,
    /// Whether the data key is a new one.
    rotated: bool,
}

impl Sealed {
    /// Decrypts a file and verifies it. All that is wrong with its values is told together.
    pub fn open(name: &str, bytes: Vec<u8>, format: Format, identities: &Identities) -> Result<Self, Error> {
        let source = text(name, bytes).map_err(Error::Read)?;
        Self::open_with(source, format, |metadata| age::data_key(metadata, identities))
    }

    /// Decrypts a file with the key that is found for its metadata.
    pub(super) fn open_with(
        source: Source,
        format: Format,
        key: impl FnOnce(&Metadata) -> Result<DataKey, Error>,
    ) -> Result<Self, Error> {
        let parsed = format.parse(&source).map_err(Error::Read)?;
        let metadata = metadata_of(&parsed, &source)?;
        let key = key(&metadata)?;
        let Parsed { mut document, blocks, in_place, .. } = parsed;
        let Opened { mac, findings, encrypted, stash, changes, unfit } =
            open(&mut document, &source, format, &metadata, &key);
        verify(mac, findings, encrypted, &metadata, &key)?;
        let text = match blocks.into_iter().flatten().next() {
            _ if format == Format::Binary => Zeroizing::default(),
            Some(block) if !in_place => format.emit(&document, Some(&block.fields)).unwrap_or_default(),
            _ => apply(source.text(), changes),
        };
        let (recipients, rotated, first) = (None, false, [0; 32]);
        #[rustfmt::skip]
        let mut sealed = Self {
            format, source, metadata, key, stash, document, text, first, encrypted, unfit, recipients, rotated,
        };
        sealed.first = sealed.hash();
        Ok(sealed)
    }

    /// What the file says of its encryption.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The values, decrypted.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// How many values were encrypted.
    pub fn encrypted(&self) -> usize {
        self.encrypted
    }

    /// The value at a path of a document.
    pub fn get(&self, document: usize, path: &KeyPath) -> Option<&Tree> {
        let root = self.document.branches.get(document)?;
        let (first, rest) = path.steps().split_first()?;
        let Step::Key(key) = first else { return None };
        rest.iter().try_fold(root.get(key)?, |tree, step| match (tree, step) {
            (Tree::Map(map), Step::Key(key)) => map.get(key),
            (Tree::List(list), Step::Index(index)) => list.values().nth(*index),
            _ => None,
        })
    }

    /// The plaintext with the comments, blank lines and quotes of the file, without its metadata.
    pub fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        if self.format == Format::Binary {
            return Ok(Zeroizing::new(self.data().unwrap_or_default().to_vec()));
        }
        let parsed = self.parsed()?;
        let blocks = parsed.blocks.into_iter().flatten();
        let mut text = apply(&self.text, blocks.map(|block| Change::new(block.whole, "")).collect());
        if self.format == Format::Yaml && text.trim().is_empty() {
            text.push_str("{}\n");
        }
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

    /// Puts a value at a path; maps on the way are made.
    pub fn set(&mut self, document: usize, path: &KeyPath, value: &Tree) -> Result<(), WriteError> {
        let target = Target { document, path };
        let edit = |sealed: &Self, parsed: &Parsed| sealed.format.set(&sealed.text, parsed, &target, value);
        self.edit(&target, edit)
    }

    /// Takes a value out.
    pub fn unset(&mut self, document: usize, path: &KeyPath) -> Result<(), WriteError> {
        let target = Target { document, path };
        self.edit(&target, |sealed, parsed| sealed.format.unset(&sealed.text, parsed, &target))
    }

    fn edit(
        &mut self,
        target: &Target<'_>,
        changes: impl FnOnce(&Self, &Parsed) -> Result<Vec<Change>, EditProblem>,
    ) -> Result<(), WriteError> {
        let path = target.path;
        let problem = |sealed: &Self, problem| WriteError::Edit { place: sealed.place(), path: path.clone(), problem };
        if self.format == Format::Binary {
            return Err(problem(self, EditProblem::NoKeys));
        }
        if matches!(path.steps().first(), Some(Step::Key(key)) if self.format.reserves(key)) {
            return Err(problem(self, EditProblem::Reserved));
        }
        let before = self.parsed()?;
        let changes = changes(self, &before).map_err(|found| problem(self, found))?;
        let text = apply(&self.text, changes);
        let after = self.read(&text)?;
        if !same(&others(&before.document, target), &others(&after.document, target)) {
            return Err(problem(self, EditProblem::Entangled));
        }
        self.document = after.document;
        self.text = text;
        Ok(())
    }

    /// Takes the whole plaintext as somebody edited it.
    pub fn replace(&mut self, plaintext: &[u8]) -> Result<(), WriteError> {
        if self.format == Format::Binary {
            let data = Value::Text(Zeroizing::new(plaintext.to_vec()));
            if let Some(Item::Value(_, Tree::Leaf(leaf))) =
                self.document.branches.first_mut().and_then(|b| b.items.first_mut())
            {
                leaf.value = data;
            }
            return Ok(());
        }
        if self.plaintext()?.as_slice() == plaintext {
            return Ok(());
        }
        let source = text(self.source.name(), plaintext.to_vec()).map_err(WriteError::Read)?;
        let (source, parsed) = plain(source, self.format)?;
        let blocks = self.parsed()?.blocks;
        let slice = |block: &Block| self.text.get(block.whole.clone()).unwrap_or_default().to_owned();
        let first = blocks.iter().flatten().next().map(slice).unwrap_or_default();
        let changes = parsed.ends.iter().enumerate().map(|(index, &end)| {
            let block = blocks.get(index).and_then(Option::as_ref).map_or_else(|| first.clone(), slice);
            Change::new(end..end, self.format.joined(source.text(), end, &block))
        });
        self.text = apply(source.text(), changes.collect());
        self.document = parsed.document;
        Ok(())
    }

    /// Who shall be able to decrypt the file, in this order. Those who already are keep their entries.
    pub fn set_recipients(&mut self, recipients: Vec<String>) {
        self.recipients = Some(recipients);
    }

    /// Takes a new data key: all is encrypted anew.
    pub fn rotate(&mut self) -> Result<(), WriteError> {
        let recipients: Vec<_> = self.metadata.foreign().map(|entry| entry.key.to_string()).collect();
        if !recipients.is_empty() {
            return Err(WriteError::Foreign { place: self.place(), recipients });
        }
        let no_randomness =
            || WriteError::Value { place: self.place(), problem: super::seal::SealProblem::NoRandomness };
        self.key = DataKey::generate().ok_or_else(no_randomness)?;
        self.stash = Stash::default();
        self.rotated = true;
        Ok(())
    }

    /// The bytes of the file: those it had, if nothing changed.
    pub fn write(mut self, now: Timestamp) -> Result<Vec<u8>, WriteError> {
        let rekeyed = self.rotated || self.recipients.is_some();
        if rekeyed && self.metadata.groups.len() > 1 {
            return Err(WriteError::Groups(self.place()));
        }
        if !rekeyed && self.hash() == self.first {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        if self.format == Format::Binary {
            let parsed = self.format.parse(&self.source).map_err(WriteError::Read)?;
            let mut document = std::mem::take(&mut self.document);
            let encrypted = self.seal(&mut document);
            let text = self.source.text().to_owned();
            return self.finish(&text, &parsed.blocks, encrypted, now);
        }
        let Parsed { mut document, blocks, .. } = self.parsed()?;
        let encrypted = self.seal(&mut document);
        let text = std::mem::take(&mut self.text);
        self.finish(&text, &blocks, encrypted, now)
    }

    fn seal(&mut self, document: &mut Document) -> Encrypted {
        let default = Selector::default();
        let selector = if self.format == Format::Binary { &default } else { &self.metadata.selector };
        let stash = std::mem::take(&mut self.stash);
        let sealer = Sealer { format: self.format, key: &self.key, selector, scope: self.metadata.mac_scope, stash };
        sealer.seal(document)
    }

    fn finish(
        &self,
        text: &str,
        blocks: &[Option<Block>],
        encrypted: Encrypted,
        now: Timestamp,
    ) -> Result<Vec<u8>, WriteError> {
        let Encrypted { mac, mut changes, problem, .. } = encrypted;
        if let Some(problem) = problem {
            return Err(WriteError::Value { place: self.place(), problem });
        }
        let mac = seal_mac(&self.key, &mac.finish(), now).ok_or_else(|| WriteError::Value {
            place: self.place(),
            problem: super::seal::SealProblem::NoRandomness,
        })?;
        for block in blocks.iter().flatten() {
            if self.rotated || self.recipients.is_some() {
                changes.push(self.new_block(text, block, &mac, now)?);
            } else {
                changes.extend(self.resealed(block, &mac, now));
            }
        }
        let mut out = apply(text, changes);
        Ok(std::mem::take(&mut *out).into_bytes())
    }

    /// The two fields of the metadata that any change changes.
    fn resealed(&self, block: &Block, mac: &str, now: Timestamp) -> Vec<Change> {
        let leaf = |name: &str| match block.fields.get(name) {
            Some(Tree::Leaf(leaf)) => Some(leaf.site),
            _ => None,
        };
        let time = Value::text(&now.to_seconds());
        let time = leaf("lastmodified").and_then(|site| {
            let text = self.format.leaf(&time, site).ok()?;
            Some(Change { at: site.span.start..site.span.end, text })
        });
        let mac = leaf("mac").map(|site| Change::new(site.span.start..site.span.end, self.format.token(mac, site)));
        time.into_iter().chain(mac).collect()
    }

    /// The metadata with other recipients; fields that are not known here stay.
    fn new_block(&self, text: &str, block: &Block, mac: &str, now: Timestamp) -> Result<Change, WriteError> {
        let mut fields = super::document::Map::default();
        for (key, value) in block.fields.values() {
            fields.put(&key.text, value.clone());
        }
        let age: Vec<_> = self.metadata.age().collect();
        let old = || age.iter().map(|entry| entry.recipient.clone()).collect();
        let recipients = self.recipients.clone().unwrap_or_else(old);
        put_recipients(&mut fields, &recipients, &self.key, |recipient| {
            let entry = age.iter().find(|entry| entry.recipient == recipient).filter(|_| !self.rotated)?;
            Some(format!("{}\n", entry.wrapped.text.trim_end()))
        })?;
        fields.put("lastmodified", Tree::text(now.to_seconds()));
        fields.put("mac", Tree::text(mac));
        let start = block.whole.start;
        let rest = text.get(block.whole.end..).unwrap_or_default();
        let head = format!("{}{rest}", text.get(..start).unwrap_or_default());
        Ok(Change::new(block.whole.clone(), self.format.block(&fields, &head, start)))
    }

    fn parsed(&self) -> Result<Parsed, WriteError> {
        if let Some((path, unfit)) = &self.unfit {
            let problem = EditProblem::Unfit(*unfit);
            return Err(WriteError::Edit { place: self.place(), path: path.clone(), problem });
        }
        self.read(&self.text)
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

    fn hash(&self) -> [u8; 32] {
        let data = if self.format == Format::Binary { self.data() } else { None };
        Sha256::digest(data.unwrap_or(self.text.as_bytes())).into()
    }

    fn place(&self) -> Place {
        self.source.place(Span::locate(self.source.text(), 0, 0))
    }

    fn unfit(&self, unfit: Unfit) -> WriteError {
        WriteError::Unfit { place: self.place(), unfit }
    }
}

/// Whether values are the same at the same places; what is not a number is itself here.
fn same(one: &[(String, Value)], other: &[(String, Value)]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.0 == other.0 && one.1.kind() == other.1.kind() && one.1.bytes() == other.1.bytes())
}

fn metadata_of(parsed: &Parsed, source: &Source) -> Result<Metadata, Error> {
    match parsed.blocks.first() {
        Some(Some(block)) => Metadata::read(block.fields.to_node(), source.place(block.key)),
        _ => Err(missing_block(source.place(Span::locate(source.text(), 0, 0)))),
    }
}
