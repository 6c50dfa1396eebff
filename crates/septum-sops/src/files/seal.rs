//! Encryption of documents of any format.

use crate::crypto::cipher::{Ciphertext, DataKey, PlaintextType};
use crate::crypto::ciphertext_cache::{CachedToken, CiphertextCache};
use crate::crypto::mac::{Mac, MacScope};
use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument, ValueSite};
use crate::files::ambiguous::is_ambiguous;
use crate::store::{SopsFormat, TextEdits, UnrepresentableValue};
use septum_base::span::Span;
use septum_base::value_path::ValuePath;

/// Result of encrypting a document.
pub(crate) struct EncryptedDocument {
    pub(crate) mac: Mac,
    /// Number of encrypted values.
    pub(crate) values: usize,
    /// The number of values that are not empty and stay in plaintext.
    pub(crate) plain: usize,
    /// Number of new ciphertexts, including those of comments.
    pub(crate) new: usize,
    /// Edits that turn the text into ciphertext.
    pub(crate) changes: TextEdits,
    pub(crate) problem: Option<SealProblem>,
}

/// Reason why a value cannot be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealProblem {
    /// The system has no randomness.
    NoRandomness,
    /// A ciphertext would match the pattern of values that stay readable.
    CommentPattern {
        /// The map or list that the comment is in.
        path: ValuePath,
    },
    /// A key on the path to the value has a `:`, so that the keys of the path would be ambiguous.
    AmbiguousKey {
        /// Place of the value.
        span: Span,
    },
    /// The format could not hold the value once it is decrypted.
    Unfit {
        /// Its path.
        path: ValuePath,
        /// Reason why the value cannot be represented.
        unfit: UnrepresentableValue,
    },
    /// An integer of 64 bits without a sign: sops refuses to read the file.
    Unsigned {
        /// Location of the value.
        span: Span,
        /// Its path.
        path: ValuePath,
    },
}

/// Encrypts the values of a document.
pub(crate) struct DocumentEncryptor<'a> {
    pub(crate) format: SopsFormat,
    pub(crate) key: &'a DataKey,
    pub(crate) selector: &'a Selector,
    pub(crate) scope: MacScope,
    /// The existing ciphertexts.
    pub(crate) stash: CiphertextCache,
}

impl DocumentEncryptor<'_> {
    /// Encrypts a document. Its values stay in plaintext; the edits are the result.
    pub(crate) fn encrypt_document(self, document: &mut SopsDocument) -> EncryptedDocument {
        let selector = self.selector;
        let encrypted = EncryptedDocument {
            mac: Mac::new(self.scope),
            values: 0,
            plain: 0,
            new: 0,
            changes: TextEdits::default(),
            problem: None,
        };
        let mut run = EncryptionRun { sealer: self, encrypted };
        visit_document(document, selector, &mut run);
        run.encrypted
    }
}

struct EncryptionRun<'a> {
    sealer: DocumentEncryptor<'a>,
    encrypted: EncryptedDocument,
}

impl DocumentVisitor for EncryptionRun<'_> {
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        let text = comment.text.as_str();
        // one of another key was taken over as it is, and stays so
        let foreign = || Ciphertext::parse(text.trim()).is_ok();
        if text.is_empty() || way.comment_selection() != Selection::Encrypted || foreign() {
            return;
        }
        let associated = way.path().associated_data();
        let Some(token) = self.make_token(PlaintextType::Comment, &associated, text.as_bytes()) else { return };
        if let Selector::UnencryptedCommentRegex(pattern) = self.sealer.selector
            && pattern.is_match(token.text())
        {
            self.encrypted.problem = Some(SealProblem::CommentPattern { path: way.path().clone() });
        }
        let kept = token.written().filter(|written| !written.starts_with('-') || comment.as_item);
        let written = match (kept, self.sealer.format.write_comment(token.text())) {
            (Some(written), _) => written.to_owned(),
            // the list of a bare one follows from the lines around it, and sops assigns long ones to another list
            _ if comment.as_item => format!("- {}", token.text()),
            (None, Some(written)) => written.to_string(),
            (None, None) => return,
        };
        let ValueSite { span, indent, .. } = comment.site;
        // a kept comment stays in its place, unless it is an item of a list
        match indent
            .and_then(|indent| usize::try_from(indent).ok())
            .filter(|_| matches!(token, CiphertextToken::New(_)) || written.starts_with('-'))
        {
            Some(indent) => {
                let start = span.start - span.column.saturating_sub(1).min(span.start);
                self.push_edit(Span { start, ..span }, &[&" ".repeat(indent), &written]);
            }
            None => self.push_edit(span, &[&written]),
        }
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if let TypedValue::Text(text) = &leaf.value
            && leaf.site.unsigned
            && !text.is_empty()
        {
            let problem = SealProblem::Unsigned { span: leaf.site.span, path: way.path().clone() };
            self.encrypted.problem.get_or_insert(problem);
        }
        let (Some(bytes), Some(kind)) = (leaf.value.bytes(), leaf.value.kind()) else { return None };
        if way.selection() != Selection::Encrypted {
            self.encrypted.mac.add_plain(&bytes);
            self.encrypted.plain += usize::from(!bytes.is_empty());
            return None;
        }
        if bytes.is_empty() {
            return None;
        }
        self.encrypted.mac.add_encrypted(&bytes);
        self.encrypted.values += 1;
        if is_ambiguous(way.path()) {
            let problem = SealProblem::AmbiguousKey { span: leaf.site.span };
            self.encrypted.problem.get_or_insert(problem);
        }
        if self.sealer.format != SopsFormat::Binary
            && let Err(unfit) = self.sealer.format.write_leaf(&leaf.value, leaf.site)
        {
            self.encrypted.problem.get_or_insert(SealProblem::Unfit { path: way.path().clone(), unfit });
        }
        let token = self.make_token(kind, &way.path().associated_data(), &bytes)?;
        self.push_token(&token, leaf.site);
        None
    }
}

/// A ciphertext: a previous one, or a new one.
enum CiphertextToken {
    Kept(CachedToken),
    New(String),
}

impl CiphertextToken {
    fn text(&self) -> &str {
        match self {
            Self::Kept(kept) => kept.token(),
            Self::New(token) => token,
        }
    }

    /// Its previous text in the file, with what was around it.
    fn written(&self) -> Option<&str> {
        match self {
            Self::Kept(kept) => Some(kept.written()),
            Self::New(_) => None,
        }
    }
}

impl EncryptionRun<'_> {
    fn make_token(&mut self, kind: PlaintextType, associated: &str, plaintext: &[u8]) -> Option<CiphertextToken> {
        if let Some(kept) = self.sealer.stash.take_token(kind, associated, plaintext) {
            return Some(CiphertextToken::Kept(kept));
        }
        self.encrypted.new += 1;
        let new = self.sealer.key.encrypt_to_text(plaintext, kind, associated);
        if new.is_none() {
            self.encrypted.problem.get_or_insert(SealProblem::NoRandomness);
        }
        new.map(CiphertextToken::New)
    }

    /// Writes a ciphertext with its previous quotes, if they fit its new place.
    fn push_token(&mut self, token: &CiphertextToken, site: ValueSite) {
        let fits = |written: &&str| !(written.contains('\n') || site.flow && !written.starts_with(['"', '\'']));
        match token.written().filter(fits) {
            Some(written) => self.push_edit(site.span, &[written]),
            None => {
                let quotes = self.sealer.format.token_quotes(site);
                self.push_edit(site.span, &[quotes, token.text(), quotes]);
            }
        }
    }

    fn push_edit(&mut self, span: Span, pieces: &[&str]) {
        self.encrypted.changes.push(span.start..span.end, pieces);
    }
}
