//! An encrypted file in use: read and verified, changed, and written back with everything else unchanged.
//!
//! Changes apply to the plaintext of the file, as text: the file with each ciphertext replaced by its plaintext, the
//! metadata still in it. Writing restores ciphertexts, those of unchanged values without modification.

mod adopt;
mod change;
mod exposed;
mod plaintext;
mod selection;
mod text;

pub use change::ValueEdit;
pub use text::DecryptedText;

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::crypto::cipher::DataKey;
use crate::crypto::ciphertext_cache::CiphertextCache;
use crate::crypto::mac::MacScope;
use crate::data_key::unlock::{self, UnlockedDataKey};
use crate::data_key::wrap::Recipients;
use crate::document::scalar::TypedValue;
use crate::document::selector::Selector;
use crate::document::tree::{Leaf, SopsDocument, SopsItem, SopsMap, SopsTree};
use crate::files::ambiguous::refuse_ambiguous_file;
use crate::files::comments::CommentFindings;
use crate::files::content::{find_difference, same_branches};
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::leaf_verifier::stored_mac;
use crate::files::open::{ContentSummary, DecryptPurpose, DecryptedDocument, decrypt_values};
use crate::files::plain::read_text;
use crate::files::selection::selects_alike;
use crate::files::write_error::{UnfaithfulOutput, WriteError};
use crate::identities::identity::Identities;
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::DecryptionError;
use crate::store::{MetadataBlock, ParsedFile, SopsFormat, UnrepresentableValue, amend};
use crate::{DATA, missing_block};
use septum_base::diagnostic::{Diagnostic, Diagnostics};
use septum_base::span::{Location, Source, Span};
use septum_base::value_path::ValuePath;

/// A file that was decrypted and verified, and can be changed.
pub struct DecryptedFile {
    pub(crate) format: SopsFormat,
    /// The file as it is on disk.
    pub(crate) source: Source,
    pub(crate) metadata: SopsMetadata,
    /// The data key with the shares from which it was combined.
    pub(crate) unlocked: UnlockedDataKey,
    pub(crate) key: DataKey,
    pub(crate) stash: CiphertextCache,
    pub(crate) document: SopsDocument,
    /// Summary of the values, where the document is not kept.
    pub(crate) summary: Option<ContentSummary>,
    /// The file in plaintext, with its metadata; empty for a binary file.
    pub(crate) text: Zeroizing<String>,
    /// The metadata and their ranges in `text`, as long as it is unchanged.
    pub(crate) blocks: Option<Vec<MetadataBlock>>,
    /// The hash of `text`, or of a binary file's data, before the first change.
    first: Option<[u8; 32]>,
    encrypted: usize,
    /// A value that the format cannot hold in plaintext, so that there is no text to change.
    unfit: Option<(ValuePath, UnrepresentableValue)>,
    /// Comments that were altered.
    pub(crate) remarks: CommentFindings,
    /// Values that a user entered in plaintext.
    typed: Vec<ValuePath>,
    /// The reason why no text in plaintext has the content of the file.
    unsettled: Option<UnfaithfulOutput>,
    /// Pending changes to the encryption.
    pub(crate) renewal: PendingReencryption,
}

/// Changes to a file's encryption that apply when it is written.
#[derive(Default)]
pub(crate) struct PendingReencryption {
    /// New recipients, if they differ from those of the file.
    pub(crate) recipients: Option<Recipients>,
    /// Selector of encrypted values and scope of the checksum, where they differ from the file's.
    pub(crate) selection: Option<(Selector, MacScope)>,
    /// Whether the data key is new.
    pub(crate) rotated: bool,
}

/// An encrypted file that was read, and not decrypted: its metadata need no key.
pub struct EncryptedFile {
    pub(crate) format: SopsFormat,
    pub(crate) source: Source,
    pub(crate) parsed: ParsedFile,
    pub(crate) metadata: SopsMetadata,
}

impl EncryptedFile {
    /// Reads a file; `None` if it is not encrypted.
    pub fn read(name: &str, bytes: Vec<u8>, format: SopsFormat) -> Result<Option<Self>, DecryptionError> {
        let source = read_text(name, bytes).map_err(DecryptionError::Read)?;
        let parsed = format.parse(&source).map_err(DecryptionError::Read)?;
        if parsed.blocks.iter().all(Option::is_none) {
            return Ok(None);
        }
        let metadata = metadata_of(&parsed, &source)?;
        // changing the file took no key, and no later check would show it
        refuse_ambiguous_file(&parsed.document, &source, &metadata.selector)
            .map_err(|found| DecryptionError::AmbiguousKey(Box::new(found)))?;
        Ok(Some(Self { format, source, parsed, metadata }))
    }

    /// Encryption metadata of the file.
    pub fn metadata(&self) -> &SopsMetadata {
        &self.metadata
    }

    /// Decrypts the file and verifies it. All problems with its values are reported together.
    pub fn decrypt_file(self, identities: &Identities) -> Result<DecryptedFile, DecryptionError> {
        let unlocked = unlock::unlock_data_key(&self.metadata, identities)?;
        self.decrypt_with(unlocked)
    }

    /// Decrypts a file in which plaintext was entered where ciphertext must be: it is encrypted when the file is
    /// written. Other changes cannot be detected, since the checksum covers the values that were replaced.
    pub fn decrypt_incomplete(self, identities: &Identities) -> Result<DecryptedFile, DecryptionError> {
        let unlocked = unlock::unlock_data_key(&self.metadata, identities)?;
        self.decrypt_as(unlocked, true, DecryptPurpose::Change)
    }

    /// Decrypts and verifies like [`decrypt_file`](Self::decrypt_file), and keeps the text without the values, which
    /// takes less memory. `keeps_tokens` says whether the file may be written again with its ciphertexts.
    pub fn decrypt_to_text(
        self,
        identities: &Identities,
        keeps_tokens: bool,
    ) -> Result<DecryptedText, DecryptionError> {
        let unlocked = unlock::unlock_data_key(&self.metadata, identities)?;
        let purpose = if keeps_tokens { DecryptPurpose::Rewrite } else { DecryptPurpose::Text };
        self.decrypt_as(unlocked, false, purpose).map(DecryptedText)
    }

    /// Decrypts like [`decrypt_file`](Self::decrypt_file) for reading only: the ciphertexts of the values are not
    /// kept.
    pub fn decrypt_to_read(self, identities: &Identities) -> Result<DecryptedFile, DecryptionError> {
        let unlocked = unlock::unlock_data_key(&self.metadata, identities)?;
        self.decrypt_as(unlocked, false, DecryptPurpose::Read)
    }

    fn decrypt_with(self, unlocked: UnlockedDataKey) -> Result<DecryptedFile, DecryptionError> {
        self.decrypt_as(unlocked, false, DecryptPurpose::Change)
    }

    fn decrypt_as(
        self,
        unlocked: UnlockedDataKey,
        takes_plaintext: bool,
        purpose: DecryptPurpose,
    ) -> Result<DecryptedFile, DecryptionError> {
        let Self { format, source, parsed, metadata } = self;
        let key = DataKey::new(unlocked.data_key());
        let ParsedFile { mut document, blocks, in_place, .. } = parsed;
        // a binary file is its value; what is written anew is made of the values
        let needs_values = format == SopsFormat::Binary || !in_place || metadata.selector.is_by_comments();
        let purpose = if needs_values { purpose.with_values() } else { purpose };
        let DecryptedDocument { values, stash, changes, unfit, summary } =
            decrypt_values(&mut document, &source, format, &metadata, &key, purpose);
        let encrypted = values.encrypted_count();
        let typed = if takes_plaintext { values.typed_paths().unwrap_or_default() } else { Vec::new() };
        if typed.is_empty() {
            values.verify_mac(&metadata, &key)?;
        } else {
            stored_mac(&metadata, &key).map_err(|finding| DecryptionError::Content(vec![finding]))?;
        }
        let remarks = CommentFindings::of(&mut document, &source, &metadata.selector);
        if summary.is_some() {
            document = SopsDocument::default();
        }
        let moves_lines = changes.moves_lines();
        let fields = blocks.iter().flatten().next().map(|block| block.fields.clone()).unwrap_or_default();
        let (text, blocks) = match format {
            SopsFormat::Binary => (Zeroizing::default(), None),
            _ if !in_place => (format.emit_document(&document, Some(&fields)).unwrap_or_default(), None),
            _ => {
                let moved = |block: MetadataBlock| {
                    let Range { start, end } = block.whole;
                    MetadataBlock { whole: changes.moved_offset(start)..changes.moved_offset(end), ..block }
                };
                let blocks = blocks.into_iter().flatten().map(moved).collect();
                (changes.apply(source.text()), Some(blocks))
            }
        };
        let is_risky = format == SopsFormat::Yaml && unfit.is_none() && (!in_place || moves_lines);
        let (renewal, first) = (PendingReencryption::default(), (!typed.is_empty()).then_some([0; 32]));
        #[rustfmt::skip]
        let mut sealed = DecryptedFile {
            format, source, metadata, unlocked, key, stash, document, summary, text, blocks, first, encrypted, unfit,
            renewal, unsettled: None, remarks, typed,
        };
        if sealed.summary.is_some() {
            return if is_risky && !sealed.is_settled() { sealed.decrypt_with_values(purpose) } else { Ok(sealed) };
        }
        if is_risky {
            sealed.unsettled = sealed.settle_text(&fields).err();
        }
        if format == SopsFormat::Ini {
            sealed.join_comments();
        }
        Ok(sealed)
    }
}

impl DecryptedFile {
    /// Decrypts a file and verifies it. All problems with its values are reported together.
    pub fn decrypt_bytes(
        name: &str,
        bytes: Vec<u8>,
        format: SopsFormat,
        identities: &Identities,
    ) -> Result<Self, DecryptionError> {
        match EncryptedFile::read(name, bytes, format)? {
            Some(closed) => closed.decrypt_file(identities),
            None => Err(missing_block(Source::new(name, "").place(Span::default()))),
        }
    }

    /// Decrypts a file by its data key, whatever its recipients are.
    #[cfg(test)]
    pub(crate) fn decrypt_bytes_with(
        name: &str,
        bytes: Vec<u8>,
        format: SopsFormat,
        unlocked: UnlockedDataKey,
    ) -> Result<Self, DecryptionError> {
        match EncryptedFile::read(name, bytes, format)? {
            Some(closed) => closed.decrypt_as(unlocked, false, DecryptPurpose::Change),
            None => Err(missing_block(Source::new(name, "").place(Span::default()))),
        }
    }

    /// Ensures that the text in plaintext has the content of the file: a line of a block or a comment can have
    /// another meaning beside its new neighbours. In that case the text is rewritten as sops would write it.
    fn settle_text(&mut self, fields: &SopsMap) -> Result<(), UnfaithfulOutput> {
        let differs = |text: &str| match self.read_text(text) {
            Ok(parsed) => {
                find_difference(&self.document, &parsed.document).map(UnfaithfulOutput::Different).or_else(|| {
                    let is_same = selects_alike(&self.document, &parsed.document, &self.metadata.selector);
                    (!is_same).then_some(UnfaithfulOutput::Selection)
                })
            }
            Err(_) => Some(UnfaithfulOutput::Unreadable),
        };
        if differs(&self.text).is_none() {
            return Ok(());
        }
        let text = self.format.emit_document(&self.document, Some(fields)).map_err(|_| UnfaithfulOutput::Unreadable)?;
        differs(&text).map_or(Ok(()), Err)?;
        (self.text, self.blocks) = (text, None);
        Ok(())
    }

    /// Whether the text in plaintext has the content that the summary is of.
    fn is_settled(&mut self) -> bool {
        // not a copy of the text: it may be big
        let source = Source::new(self.source.name(), std::mem::take(&mut *self.text));
        let parsed = self.format.parse(&source);
        let fingerprint = parsed.map(|mut parsed| DocumentFingerprint::of(&mut parsed.document));
        self.text = Zeroizing::new(source.into_text());
        match (&self.summary, fingerprint) {
            (Some(summary), Ok(fingerprint)) => summary.fingerprint.content == fingerprint.content,
            _ => false,
        }
    }

    /// Decrypts the file again, with its values.
    fn decrypt_with_values(self, purpose: DecryptPurpose) -> Result<Self, DecryptionError> {
        let Self { format, source, unlocked, .. } = self;
        let name = source.name().to_owned();
        match EncryptedFile::read(&name, source.text().as_bytes().to_vec(), format)? {
            Some(closed) => closed.decrypt_as(unlocked, false, purpose.with_values()),
            None => Err(missing_block(source.place(Span::default()))),
        }
    }

    /// Encryption metadata of the file.
    pub fn metadata(&self) -> &SopsMetadata {
        &self.metadata
    }

    /// Replaces the comments by those of the plaintext, where adjacent lines are one: they may come from several
    /// ciphertexts.
    fn join_comments(&mut self) {
        let Ok(parsed) = self.parse_text() else { return };
        if same_branches(&self.document, &parsed.document) {
            self.document = parsed.document;
        }
    }

    /// Values that were in plaintext where ciphertext must be, and will be encrypted.
    pub fn typed_paths(&self) -> &[ValuePath] {
        &self.typed
    }

    /// Warnings about comments that do not decrypt, or leave encrypted values in plaintext.
    pub fn altered_comments(&self) -> Diagnostics {
        self.remarks.altered_warnings()
    }

    /// Warning about comments that are not encrypted.
    pub fn plain_comments(&self) -> Option<Diagnostic> {
        self.remarks.plain_warning(self.source.name())
    }

    /// Checks that no ciphertext would be left that requires the previous data key.
    pub fn check_comments(&self) -> Result<(), WriteError> {
        self.remarks.altered().map_or(Ok(()), |place| Err(WriteError::LostComment(place.clone())))
    }

    /// The values, decrypted.
    pub fn document(&self) -> &SopsDocument {
        &self.document
    }

    /// Whether its values differ from those of the file, or its encryption is to be changed.
    pub fn is_changed(&self) -> bool {
        self.is_renewed() || self.is_edited()
    }

    /// Whether its values differ from those of the file.
    pub(crate) fn is_edited(&self) -> bool {
        self.first.is_some_and(|first| first != self.hash_content())
    }

    /// Called before any change.
    fn remember_text(&mut self) {
        if self.first.is_none() {
            self.first = Some(self.hash_content());
        }
        self.blocks = None;
    }

    /// Number of values that were encrypted.
    pub fn encrypted_count(&self) -> usize {
        self.encrypted
    }

    /// The value at a path of a document.
    pub fn get(&self, document: usize, path: &ValuePath) -> Option<&SopsTree> {
        amend::get(&self.document, document, path)
    }

    /// A binary file's bytes.
    fn data(&self) -> Option<&[u8]> {
        match self.document.branches.first()?.get(DATA)? {
            SopsTree::Leaf(Leaf { value: TypedValue::Text(bytes), .. }) => Some(bytes),
            SopsTree::Leaf(_) | SopsTree::List(_) | SopsTree::Map(_) => None,
        }
    }

    /// A binary file's only value.
    fn leaf_mut(&mut self) -> Option<&mut Leaf> {
        let branch = self.document.branches.first_mut().filter(|_| self.format == SopsFormat::Binary)?;
        branch.items.iter_mut().find_map(|item| match item {
            SopsItem::Value(key, SopsTree::Leaf(leaf)) if key.text == DATA => Some(leaf),
            _ => None,
        })
    }

    fn hash_content(&self) -> [u8; 32] {
        let data = if self.format == SopsFormat::Binary { self.data() } else { None };
        Sha256::digest(data.unwrap_or(self.text.as_bytes())).into()
    }

    /// Drops the original file, except for the line that messages show. Of a binary file all but its ciphertext stays.
    pub(crate) fn forget_source(&mut self) {
        let data = self.leaf_mut().map(|leaf| leaf.site.span);
        let text = self.source.text();
        let source = match data {
            Some(Span { start, end, .. }) => {
                let (before, after) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
                Source::new(self.source.name(), [before, "\"\"", after].concat())
            }
            None => Source::new(self.source.name(), text.lines().next().unwrap_or_default()),
        };
        self.metadata.place = source.place(Span::locate(source.text(), 0, 0));
        self.remarks.forget_comments();
        self.source = source;
    }

    pub(crate) fn root_place(&self) -> Location {
        self.source.place(Span::locate(self.source.text(), 0, 0))
    }

    fn unrepresentable_error(&self, unfit: UnrepresentableValue) -> WriteError {
        WriteError::Unfit { place: self.root_place(), unfit }
    }
}

/// Keys at the top of a document.
fn top_keys(branch: &SopsMap) -> impl Iterator<Item = &str> {
    branch.values().map(|(key, _)| key.text.as_str())
}

fn metadata_of(parsed: &ParsedFile, source: &Source) -> Result<SopsMetadata, DecryptionError> {
    match parsed.blocks.first() {
        Some(Some(block)) => SopsMetadata::read_block(block.fields.to_node(), source.place(block.key))
            .map(|metadata| metadata.beside(parsed.document.branches.iter().map(top_keys))),
        _ => Err(missing_block(source.place(Span::locate(source.text(), 0, 0)))),
    }
}
