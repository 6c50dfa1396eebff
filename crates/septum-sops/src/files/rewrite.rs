//! Writing of a changed file.

use crate::crypto::cipher::DataKey;
use crate::crypto::ciphertext_cache::CiphertextCache;
use crate::crypto::mac::MacScope;
use crate::data_key::wrap::{self, Recipients};
use crate::document::scalar::TypedValue;
use crate::document::selector::Selector;
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsTree};
use crate::files::aliases::refuse_shared;
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::plain::seal_mac;
use crate::files::seal::{DocumentEncryptor, EncryptedDocument, SealProblem};
use crate::files::sealed::DecryptedFile;
use crate::files::selection::collect_selected;
use crate::files::verify::check_written;
use crate::files::write_error::{UnfaithfulOutput, WriteError};
use crate::recipients::group::KeyGroup;
use crate::store::{MetadataBlock, ParsedFile, SopsFormat, TextEdit};
use septum_base::span::{Source, Span};
use septum_base::time::Timestamp;
use septum_base::value_path::ValuePath;

impl DecryptedFile {
    /// Sets the recipients that can decrypt the file. Existing recipients keep their entries unchanged. A removed
    /// recipient still knows the data key: [`rotate_key`](Self::rotate_key) replaces it.
    pub fn set_recipients(&mut self, recipients: Recipients) {
        self.renewal.recipients = Some(recipients);
    }

    /// Sets the selector of encrypted values, and the values that the checksum covers. If an encrypted value would
    /// become plaintext, writing the file fails.
    pub fn set_selection(&mut self, selector: Selector, mac_scope: MacScope) {
        self.renewal.selection = Some((selector, mac_scope));
    }

    /// Replaces the data key: everything is encrypted anew.
    pub fn rotate_key(&mut self) -> Result<(), WriteError> {
        self.check_comments()?;
        self.key = DataKey::generate().ok_or_else(|| self.no_randomness())?;
        self.stash = CiphertextCache::default();
        self.renewal.rotated = true;
        // the old ciphertexts are no longer needed
        self.forget_source();
        Ok(())
    }

    /// The bytes of the file: the original ones, if it did not change.
    pub fn write_bytes(mut self, now: Timestamp) -> Result<Vec<u8>, WriteError> {
        if !self.is_changed() {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        let selection = self.renewal.selection.take();
        // the checksum does not cover the recipients
        let is_new = self.renewal.rotated || selection.is_some() || self.is_edited();
        if let Some((selector, scope)) = &selection {
            self.check_no_exposure(selector)?;
            self.put_rule(selector, *scope)?;
        }
        if self.renewal.rotated || self.renewal.recipients.is_some() {
            let (groups, threshold) = self.wrap_key()?;
            self.put_groups(&groups, threshold)?;
        }
        if is_new {
            self.mark_conflicts()?;
        }
        let is_binary = self.format == SopsFormat::Binary;
        let mut document = std::mem::take(&mut self.document);
        let expected = match self.summary.take() {
            Some(summary) => Some(summary.fingerprint),
            None if is_binary => None,
            None => Some(DocumentFingerprint::of(&mut std::mem::take(&mut document))),
        };
        let text = if is_binary { self.source.clone() } else { self.take_plaintext()? };
        let ParsedFile { document: read, blocks, in_place, .. } = self.format.parse(&text).map_err(WriteError::Read)?;
        if !in_place {
            refuse_shared(&read, &text, &self.metadata.selector)?;
        }
        let before = std::mem::replace(&mut document, read);
        if is_binary {
            move_values(before, &mut document);
        }
        if let Some((path, place)) = self.remarks.unmarked_in(&mut document, &self.metadata.selector) {
            return Err(WriteError::Unmarked { place: place.clone(), path: path.clone() });
        }
        let mut encrypted = self.encrypt_document(&mut document);
        if is_binary && !is_new {
            // its text is one of ciphertext already
            encrypted.changes.clear();
        }
        if selection.is_some() && encrypted.values == 0 && encrypted.plain > 0 {
            let selector = self.metadata.selector.to_string();
            return Err(WriteError::NothingSelected { place: self.root_place(), selector });
        }
        let fingerprint = DocumentFingerprint::of(&mut document);
        if expected.is_some_and(|expected| expected.content != fingerprint.content) {
            return Err(self.unfaithful_error(UnfaithfulOutput::Different(ValuePath::default())));
        }
        drop(document);
        let bytes = self.finish_write(&text, &blocks, encrypted, is_new.then_some(now))?;
        drop((text, blocks));
        check_written(self.source.name(), bytes, self.format, &self.key, fingerprint)
            .map_err(|problem| self.unfaithful_error(problem))
    }

    /// The text in plaintext, which is in the new bytes soon.
    fn take_plaintext(&mut self) -> Result<Source, WriteError> {
        self.check_fit()?;
        Ok(Source::new(self.source.name(), std::mem::take(&mut *self.text)))
    }

    fn unfaithful_error(&self, problem: UnfaithfulOutput) -> WriteError {
        WriteError::Unfaithful { place: self.root_place(), problem }
    }

    pub(crate) fn is_renewed(&self) -> bool {
        self.renewal.rotated || self.renewal.recipients.is_some() || self.renewal.selection.is_some()
    }

    fn encrypt_document(&mut self, document: &mut SopsDocument) -> EncryptedDocument {
        // a binary file has one value, which is encrypted whatever the metadata are
        let default = Selector::default();
        let selector = if self.format == SopsFormat::Binary { &default } else { &self.metadata.selector };
        let stash = std::mem::take(&mut self.stash);
        let scope = self.metadata.mac_scope;
        DocumentEncryptor { format: self.format, key: &self.key, selector, scope, stash }.encrypt_document(document)
    }

    /// Checks that no encrypted value becomes one that a selector leaves in plaintext.
    fn check_no_exposure(&self, selector: &Selector) -> Result<(), WriteError> {
        if self.format == SopsFormat::Binary {
            return Ok(());
        }
        let mut document = self.parse_text()?.document;
        let before = collect_selected(&mut document, &self.metadata.selector);
        let after = collect_selected(&mut document, selector);
        let exposed = before.into_iter().zip(after).filter(|(before, after)| before.1 && !after.1);
        let paths: Vec<ValuePath> = exposed.map(|(before, _)| before.0).collect();
        if paths.is_empty() {
            return Ok(());
        }
        Err(WriteError::Exposed { place: self.root_place(), selector: selector.to_string(), paths })
    }

    /// The text with its ciphertexts, and with a new checksum if it was changed, at the given time.
    fn finish_write(
        &self,
        text: &Source,
        blocks: &[Option<MetadataBlock>],
        encrypted: EncryptedDocument,
        changed: Option<Timestamp>,
    ) -> Result<Vec<u8>, WriteError> {
        let EncryptedDocument { mac, mut changes, problem, .. } = encrypted;
        if let Some(problem) = problem {
            // the span of the problem is one of this text, and not of the file
            let place = text.place(Span::locate(text.text(), 0, 0));
            return Err(WriteError::Value { place, problem });
        }
        if let Some(now) = changed {
            let mac = seal_mac(&self.key, &mac.finish(), now).ok_or_else(|| self.no_randomness())?;
            changes.extend(blocks.iter().flatten().flat_map(|block| self.reseal_fields(block, &mac, now)));
        }
        let mut out = changes.apply(text.text());
        Ok(std::mem::take(&mut *out).into_bytes())
    }

    /// The two fields of the metadata that every change updates.
    fn reseal_fields(&self, block: &MetadataBlock, mac: &str, now: Timestamp) -> Vec<TextEdit> {
        let leaf = |name: &str| match block.fields.get(name) {
            Some(SopsTree::Leaf(leaf)) => Some(leaf.site),
            _ => None,
        };
        let time = TypedValue::from_text(&now.to_seconds());
        let time = leaf("lastmodified").and_then(|site| {
            let text = self.format.write_leaf(&time, site).ok()?;
            Some(TextEdit { at: site.span.start..site.span.end, text })
        });
        let mac =
            leaf("mac").map(|site| TextEdit::new(site.span.start..site.span.end, self.format.write_token(mac, site)));
        time.into_iter().chain(mac).collect()
    }

    /// The data key, wrapped for the new recipients.
    fn wrap_key(&self) -> Result<(Vec<KeyGroup>, Option<usize>), WriteError> {
        let Recipients { groups, threshold } = match &self.renewal.recipients {
            Some(recipients) => recipients.clone(),
            None => Recipients::of_file(&self.metadata)
                .map_err(|problem| WriteError::Recipient { place: self.metadata.place.clone(), problem })?,
        };
        let wrapped = if self.renewal.rotated {
            wrap::wrap_data_key(self.key.bytes(), &groups, threshold)
        } else {
            wrap::rewrap_data_key(&self.unlocked, &self.metadata, &groups, threshold)
        };
        Ok((wrapped.map_err(|problem| WriteError::Wrap { place: self.root_place(), problem })?, threshold))
    }

    fn no_randomness(&self) -> WriteError {
        WriteError::Value { place: self.root_place(), problem: SealProblem::NoRandomness }
    }
}

/// Moves the values of a document to another one of the same shape.
fn move_values(mut from: SopsDocument, to: &mut SopsDocument) {
    struct LeafVisitor<F>(F);
    impl<F: FnMut(&mut TypedValue)> DocumentVisitor for LeafVisitor<F> {
        fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

        fn visit_leaf(&mut self, leaf: &mut Leaf, _: &TraversalState<'_>) -> Option<SopsComment> {
            (self.0)(&mut leaf.value);
            None
        }
    }
    let mut values = Vec::new();
    let take = |value: &mut TypedValue| values.push(std::mem::replace(value, TypedValue::Null));
    visit_document(&mut from, &Selector::default(), &mut LeafVisitor(take));
    let mut values = values.into_iter();
    let put = |value: &mut TypedValue| *value = values.next().unwrap_or(TypedValue::Null);
    visit_document(to, &Selector::default(), &mut LeafVisitor(put));
}
