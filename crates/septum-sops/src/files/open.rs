//! Decryption of documents of any format.

use zeroize::Zeroizing;

use crate::crypto::cipher::{Ciphertext, DataKey, PlaintextType};
use crate::crypto::ciphertext_cache::{CachedToken, CiphertextCache};
use crate::document::conflict::{has_mark, is_conflict};
use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, Selector};
use crate::document::text_bytes::TextBytes;
use crate::document::traversal::{DocumentStep, DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsMap, ValueSite};
use crate::files::fingerprint::{DocumentFingerprint, FingerprintBuilder};
use crate::files::leaf_verifier::{LeafContent, LeafPlace, LeafVerifier, UnverifiedValues};
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::IntegrityFault;
use crate::store::{SopsFormat, TextEdits, UnrepresentableValue};
use septum_base::span::{Source, Span};
use septum_base::value_path::ValuePath;

/// Result of decrypting a document.
pub(crate) struct DecryptedDocument {
    pub(crate) values: UnverifiedValues,
    pub(crate) stash: CiphertextCache,
    /// Edits that turn the text into plaintext.
    pub(crate) changes: TextEdits,
    /// A value that the format cannot hold in plaintext.
    pub(crate) unfit: Option<(ValuePath, UnrepresentableValue)>,
    /// Summary of the values, which are not kept then.
    pub(crate) summary: Option<ContentSummary>,
}

/// Content of a document whose values are not kept.
pub(crate) struct ContentSummary {
    pub(crate) fingerprint: DocumentFingerprint,
    /// Whether a value is a conflict.
    pub(crate) has_conflict: bool,
    /// Whether a value has a mark of a conflict.
    pub(crate) has_mark: bool,
    /// Whether each branch has no values.
    pub(crate) empty: Vec<bool>,
}

/// Purpose of a decrypted document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecryptPurpose {
    /// To be changed, and written again with its previous ciphertexts.
    Change,
    /// Its values are read, and its text in plaintext.
    Read,
    /// Its text in plaintext is encrypted again, with the ciphertexts that it had. Its values are not kept.
    Rewrite,
    /// Its text in plaintext is read. Its values are not kept.
    Text,
    /// To be compared with another one. Neither its values nor its text are kept.
    Verify,
}

impl DecryptPurpose {
    fn keeps_values(self) -> bool {
        matches!(self, Self::Change | Self::Read)
    }

    /// The same with the values kept.
    pub(crate) fn with_values(self) -> Self {
        match self {
            Self::Change | Self::Rewrite => Self::Change,
            Self::Read | Self::Text | Self::Verify => Self::Read,
        }
    }
}

/// Decrypts a document in place.
pub(crate) fn decrypt_values(
    document: &mut SopsDocument,
    source: &Source,
    format: SopsFormat,
    metadata: &SopsMetadata,
    key: &DataKey,
    purpose: DecryptPurpose,
) -> DecryptedDocument {
    // a binary file has one value, which is encrypted whatever the metadata are
    let selector = if format == SopsFormat::Binary { Selector::default() } else { metadata.selector.clone() };
    let mut opener = ValueDecryptor {
        last: String::new(),
        format,
        purpose,
        verifier: LeafVerifier::new(source, metadata, &selector, key),
        stash: CiphertextCache::default(),
        changes: TextEdits::of_text(format, source.text()),
        unfit: None,
        summary: (!purpose.keeps_values()).then(SummaryBuilder::default),
    };
    visit_document(document, &selector, &mut opener);
    let ValueDecryptor { verifier, stash, changes, unfit, summary, .. } = opener;
    let empty = || document.branches.iter().map(SopsMap::is_empty).collect();
    let summary = summary.map(|summary| summary.finish(empty()));
    DecryptedDocument { values: verifier.values, stash, changes, unfit, summary }
}

/// Summary of values on the way through a document.
#[derive(Default)]
struct SummaryBuilder {
    fingerprint: FingerprintBuilder,
    has_conflict: bool,
    has_mark: bool,
}

impl SummaryBuilder {
    fn add_value(&mut self, value: &TypedValue) {
        self.fingerprint.add_value(value);
        if let TypedValue::Text(text) = value {
            self.has_conflict |= is_conflict(text);
            self.has_mark |= has_mark(text);
        }
    }

    fn finish(self, empty: Vec<bool>) -> ContentSummary {
        let Self { fingerprint, has_conflict, has_mark } = self;
        ContentSummary { fingerprint: fingerprint.finish(), has_conflict, has_mark, empty }
    }
}

struct ValueDecryptor<'a> {
    /// Associated data of the ciphertext before.
    last: String,
    format: SopsFormat,
    purpose: DecryptPurpose,
    verifier: LeafVerifier<'a>,
    stash: CiphertextCache,
    changes: TextEdits,
    unfit: Option<(ValuePath, UnrepresentableValue)>,
    summary: Option<SummaryBuilder>,
}

impl DocumentVisitor for ValueDecryptor<'_> {
    fn visit_step(&mut self, step: DocumentStep<'_>) {
        if let Some(summary) = &mut self.summary {
            summary.fingerprint.add_step(step);
        }
    }

    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        self.decrypt_comment(comment, way);
        if let Some(summary) = &mut self.summary {
            summary.fingerprint.add_comment(comment, way.path());
        }
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let comment = self.decrypt_leaf(leaf, way);
        if let Some(summary) = &mut self.summary {
            match &comment {
                Some(comment) => summary.fingerprint.add_comment(comment, way.path()),
                None => summary.add_value(&leaf.value),
            }
            leaf.value = TypedValue::Null;
        }
        comment
    }
}

impl ValueDecryptor<'_> {
    fn decrypt_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        // one that does not decrypt stays as it is: sops does so, and it is not a value
        let is_encrypted = Ciphertext::parse(comment.text.trim()).is_ok_and(|it| it.kind == PlaintextType::Comment);
        if !is_encrypted || way.comment_selection() == Selection::Plain {
            return;
        }
        let token = comment.text.trim().to_owned();
        let Some((plaintext, associated)) = self.decrypt_bound(&token, &way.path().associated_data()) else { return };
        if let Some(text) = self.comment_text(&plaintext, &associated, &token, (comment.site.span, "")) {
            comment.text = text;
        }
    }

    fn decrypt_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let (source, span) = (self.verifier.source, leaf.site.span);
        let place = LeafPlace { path: way.path(), span };
        // go-yaml and we may differ on which value a comment is of
        let selection = if self.verifier.selector.is_by_comments() { Selection::AsFound } else { way.selection() };
        let found = std::mem::replace(&mut leaf.value, TypedValue::Null);
        let is_binary = self.format == SopsFormat::Binary && selection == Selection::Encrypted;
        // the reader does not copy the value of a binary file
        let in_source = is_binary && matches!(&found, TypedValue::Text(text) if text.is_empty());
        let (content, text) = match &found {
            TypedValue::Text(_) if in_source => {
                let text = source.text().get(span.start + 1..span.end.saturating_sub(1)).unwrap_or_default().as_bytes();
                (self.verifier.verify_text(text, place), text)
            }
            TypedValue::Text(text) => (self.verifier.verify_leaf(&found, selection, place), &**text),
            _ => (self.verifier.verify_leaf(&found, selection, place), &[][..]),
        };
        let token = std::str::from_utf8(text).unwrap_or_default().trim_end();
        match content {
            LeafContent::Invalid if in_source => leaf.value = TypedValue::Text(text.to_vec().into()),
            LeafContent::Plain | LeafContent::Invalid => leaf.value = found,
            LeafContent::Decrypted { value, associated } => {
                self.replace_value(leaf, value, &associated, token, way);
                self.last = associated;
            }
            LeafContent::Comment { plaintext, associated } => {
                leaf.value = TypedValue::Text(TextBytes::default());
                return self.list_comment(leaf, &plaintext, &associated, token, way);
            }
        }
        None
    }

    /// The text of a comment, and the path that its ciphertext is bound to. The map or list of a comment depends on
    /// the lines around it, and sops itself assigns some comments that it wrote to another one: any map or list that
    /// the comment may end, or be in, is accepted.
    fn decrypt_bound(&self, token: &str, own: &str) -> Option<(Zeroizing<Vec<u8>>, String)> {
        let ends = |path: &'_ str| path.match_indices(':').map(|(at, _)| at + 1).collect::<Vec<_>>();
        let around = [own, self.last.as_str()]
            .into_iter()
            .flat_map(|path| ends(path).into_iter().rev().filter_map(move |end| path.get(..end)));
        around.chain([":"]).find_map(|associated| {
            let plaintext = self.verifier.key.decrypt_bytes(Ciphertext::parse(token).ok()?, associated)?;
            Some((plaintext, associated.to_owned()))
        })
    }

    fn replace_value(
        &mut self,
        leaf: &mut Leaf,
        value: TypedValue,
        associated: &str,
        token: &str,
        way: &TraversalState<'_>,
    ) {
        let span = leaf.site.span;
        // a binary file has one value: if that is the same, so is the file
        if self.format != SopsFormat::Binary
            && let (Some(bytes), Some(kind)) = (value.bytes(), value.kind())
        {
            self.keep_ciphertext(kind, associated, &bytes, token, span.start..span.end);
        }
        if self.format != SopsFormat::Binary && self.purpose != DecryptPurpose::Verify {
            match self.format.write_leaf(&value, leaf.site) {
                Ok(text) => self.changes.push(span.start..span.end, &[&text]),
                // no error, as long as the text is not needed
                Err(unfit) => drop(self.unfit.get_or_insert((way.path().clone(), unfit))),
            }
        }
        leaf.value = value;
    }

    /// A comment of a list, which sops writes as an item of it (format, section 1.9.4).
    fn list_comment(
        &mut self,
        leaf: &Leaf,
        plaintext: &[u8],
        associated: &str,
        token: &str,
        way: &TraversalState<'_>,
    ) -> Option<SopsComment> {
        let span = leaf.site.span;
        let before = self.verifier.source.text().get(..span.start).unwrap_or_default().trim_end_matches(' ');
        if !(self.format == SopsFormat::Yaml && way.in_list() && !leaf.site.flow && before.ends_with('-')) {
            self.verifier.report_fault(LeafPlace { path: way.path(), span }, IntegrityFault::Comment);
            return None;
        }
        let site = ValueSite { span: Span { start: before.len() - 1, ..span }, ..ValueSite::default() };
        // at the column of the key it would be one of the map that the key is in
        let lead = if leaf.site.flat { " " } else { "" };
        let text = self.comment_text(plaintext, associated, token, (site.span, lead))?;
        Some(SopsComment { text, site, inline: false, as_item: true, signed: false })
    }

    fn comment_text(
        &mut self,
        plaintext: &[u8],
        associated: &str,
        token: &str,
        (span, lead): (Span, &str),
    ) -> Option<Zeroizing<String>> {
        let text = Zeroizing::new(std::str::from_utf8(plaintext).ok()?.to_owned());
        let written = self.format.write_comment(&text)?;
        self.keep_ciphertext(PlaintextType::Comment, associated, plaintext, token, span.start..span.end);
        if self.purpose != DecryptPurpose::Verify {
            self.changes.push(span.start..span.end, &[lead, &written]);
        }
        Some(text)
    }

    fn keep_ciphertext(
        &mut self,
        kind: PlaintextType,
        associated: &str,
        plaintext: &[u8],
        token: &str,
        at: std::ops::Range<usize>,
    ) {
        if matches!(self.purpose, DecryptPurpose::Change | DecryptPurpose::Rewrite) {
            self.stash.put_token(kind, associated, plaintext, CachedToken::new(self.verifier.source, at, token));
        }
    }
}
