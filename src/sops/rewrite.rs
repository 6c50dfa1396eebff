//! The way of a changed file back to its bytes.

use super::cipher::DataKey;
use super::content::Fingerprint;
use super::document::{Comment, Document, Leaf, Tree};
use super::group::KeyGroup;
use super::mac::MacScope;
use super::path::KeyPath;
use super::plain::seal_mac;
use super::scalar::Value;
use super::seal::{Encrypted, SealProblem, Sealer};
use super::sealed::Sealed;
use super::selector::{Selection, Selector};
use super::shared::refuse_shared;
use super::stash::Stash;
use super::store::{Block, Change, Format, Parsed, apply};
use super::time::Timestamp;
use super::verified::{Unfaithful, check_written};
use super::way::{Visit, Way, visit};
use super::wrap::{self, Recipients};
use super::write_error::WriteError;
use crate::span::Source;

impl Sealed {
    /// Who shall be able to decrypt the file. Those who already are keep their entries as they are.
    ///
    /// Somebody who is left out still knows the data key: [`rotate`](Self::rotate) gives it a new one.
    pub fn set_recipients(&mut self, recipients: Recipients) {
        self.renewal.recipients = Some(recipients);
    }

    /// Which values shall be encrypted, and which the checksum covers. That an encrypted value would
    /// lie open is found when the file is written, and refused.
    pub fn set_selection(&mut self, selector: Selector, mac_scope: MacScope) {
        self.renewal.selection = Some((selector, mac_scope));
    }

    /// Takes a new data key: all is encrypted anew.
    pub fn rotate(&mut self) -> Result<(), WriteError> {
        self.check_comments()?;
        self.key = DataKey::generate().ok_or_else(|| self.no_randomness())?;
        self.stash = Stash::default();
        self.renewal.rotated = true;
        Ok(())
    }

    /// The bytes of the file: those it had, if nothing changed.
    pub fn write(mut self, now: Timestamp) -> Result<Vec<u8>, WriteError> {
        if !self.is_changed() {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        let selection = self.renewal.selection.take();
        // who can decrypt the file is no part of what the checksum is over
        let is_new = self.renewal.rotated || selection.is_some() || self.is_edited();
        if let Some((selector, scope)) = &selection {
            self.stays_closed(selector)?;
            self.put_rule(selector, *scope)?;
        }
        if self.renewal.rotated || self.renewal.recipients.is_some() {
            let (groups, threshold) = self.wrapped()?;
            self.put_groups(&groups, threshold)?;
        }
        if is_new {
            self.mark_conflicts()?;
        }
        let is_binary = self.format == Format::Binary;
        let before = std::mem::take(&mut self.document);
        let (mut document, expected) =
            if is_binary { (before, None) } else { (<_>::default(), Some(Fingerprint::of(&before))) };
        let text = if is_binary { self.source.clone() } else { self.take_text()? };
        let Parsed { document: read, blocks, in_place, .. } = self.format.parse(&text).map_err(WriteError::Read)?;
        if !in_place {
            refuse_shared(&read, &text, &self.metadata.selector)?;
        }
        if !is_binary {
            document = read;
        }
        let mut encrypted = self.seal(&mut document);
        if is_binary && !is_new {
            // its text is one of ciphertext already
            encrypted.changes.clear();
        }
        if selection.is_some() && encrypted.values == 0 && encrypted.plain > 0 {
            let selector = self.metadata.selector.to_string();
            return Err(WriteError::NothingSelected { place: self.place(), selector });
        }
        let fingerprint = Fingerprint::of(&document);
        if expected.is_some_and(|expected| expected.content != fingerprint.content) {
            return Err(self.unfaithful(Unfaithful::Different(KeyPath::default())));
        }
        drop(document);
        let bytes = self.finish(&text, &blocks, encrypted, is_new.then_some(now))?;
        drop((text, blocks));
        check_written(self.source.name(), bytes, self.format, &self.key, fingerprint)
            .map_err(|problem| self.unfaithful(problem))
    }

    /// The text in plaintext, which is in the new bytes soon. With a new data key, nothing of the old file is needed
    /// any more.
    fn take_text(&mut self) -> Result<Source, WriteError> {
        self.check_fit()?;
        let text = Source::new(self.source.name(), std::mem::take(&mut *self.text));
        if self.renewal.rotated {
            self.forget_source();
        }
        Ok(text)
    }

    fn unfaithful(&self, problem: Unfaithful) -> WriteError {
        WriteError::Unfaithful { place: self.place(), problem }
    }

    pub(super) fn is_renewed(&self) -> bool {
        self.renewal.rotated || self.renewal.recipients.is_some() || self.renewal.selection.is_some()
    }

    fn seal(&mut self, document: &mut Document) -> Encrypted {
        // a binary file has one value, which is encrypted whatever the metadata say
        let default = Selector::default();
        let selector = if self.format == Format::Binary { &default } else { &self.metadata.selector };
        let stash = std::mem::take(&mut self.stash);
        let scope = self.metadata.mac_scope;
        Sealer { format: self.format, key: &self.key, selector, scope, stash }.seal(document)
    }

    /// That nothing is encrypted now that a selector would leave in plaintext.
    fn stays_closed(&self, selector: &Selector) -> Result<(), WriteError> {
        if self.format == Format::Binary {
            return Ok(());
        }
        let mut document = self.parsed()?.document;
        let before = selected(&mut document, &self.metadata.selector);
        let after = selected(&mut document, selector);
        let exposed = before.into_iter().zip(after).filter(|(before, after)| before.1 && !after.1);
        let paths: Vec<KeyPath> = exposed.map(|(before, _)| before.0).collect();
        if paths.is_empty() {
            return Ok(());
        }
        Err(WriteError::Exposed { place: self.place(), selector: selector.to_string(), paths })
    }

    /// The text with its ciphertexts, and with a new checksum if it was changed at a time.
    fn finish(
        &self,
        text: &Source,
        blocks: &[Option<Block>],
        encrypted: Encrypted,
        changed: Option<Timestamp>,
    ) -> Result<Vec<u8>, WriteError> {
        let Encrypted { mac, mut changes, problem, .. } = encrypted;
        if let Some(problem) = problem {
            return Err(WriteError::Value { place: self.place(), problem });
        }
        if let Some(now) = changed {
            let mac = seal_mac(&self.key, &mac.finish(), now).ok_or_else(|| self.no_randomness())?;
            changes.extend(blocks.iter().flatten().flat_map(|block| self.resealed(block, &mac, now)));
        }
        let mut out = apply(text.text(), changes);
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

    /// The data key, wrapped for whoever shall be able to decrypt the file.
    fn wrapped(&self) -> Result<(Vec<KeyGroup>, Option<usize>), WriteError> {
        let Recipients { groups, threshold } = match &self.renewal.recipients {
            Some(recipients) => recipients.clone(),
            None => Recipients::of_file(&self.metadata)
                .map_err(|problem| WriteError::Recipient { place: self.metadata.place.clone(), problem })?,
        };
        let wrapped = if self.renewal.rotated {
            wrap::seal(self.key.bytes(), &groups, threshold)
        } else {
            wrap::rewrap(&self.unlocked, &self.metadata, &groups, threshold)
        };
        Ok((wrapped.map_err(|problem| WriteError::Wrap { place: self.place(), problem })?, threshold))
    }

    fn no_randomness(&self) -> WriteError {
        WriteError::Value { place: self.place(), problem: SealProblem::NoRandomness }
    }
}

/// Whether a selector has the same values of two documents encrypted that hold the same. Where comments select, that
/// hangs on where they stand.
pub(super) fn selects_alike(first: &Document, second: &Document, selector: &Selector) -> bool {
    let selected = |document: &Document| -> Vec<bool> {
        let mut document = Document { branches: document.branches.clone() };
        selected(&mut document, selector).into_iter().map(|(_, is_selected)| is_selected).collect()
    };
    let by_comments = matches!(selector, Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_));
    !by_comments || selected(first) == selected(second)
}

/// Every value and comment on the way through a document, and whether a selector has it encrypted.
fn selected(document: &mut Document, selector: &Selector) -> Vec<(KeyPath, bool)> {
    struct Look(Vec<(KeyPath, bool)>);
    impl Visit for Look {
        fn comment(&mut self, _: &mut Comment, way: &Way<'_>) {
            self.0.push((way.path().clone(), way.comment_selection() == Selection::Encrypted));
        }

        fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
            // nulls and empty texts are never encrypted
            let something = leaf.value.bytes().is_some_and(|bytes| !bytes.is_empty());
            self.0.push((way.path().clone(), something && way.selection() == Selection::Encrypted));
            None
        }
    }
    let mut look = Look(Vec::new());
    visit(document, selector, &mut look);
    look.0
}
