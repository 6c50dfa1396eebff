//! Encrypts a document of any format.

use super::ambiguous::is_ambiguous;
use super::cipher::{Ciphertext, DataKey, Type};
use super::document::{Comment, Document, Leaf, Site};
use super::mac::{Mac, MacScope};
use super::path::KeyPath;
use super::scalar::Value;
use super::selector::{Selection, Selector};
use super::stash::{Kept, Stash};
use super::store::{Change, Format, Unfit};
use super::way::{Visit, Way, visit};
use crate::span::Span;

/// What became of a document that was encrypted.
pub(super) struct Encrypted {
    pub(super) mac: Mac,
    /// How many values are encrypted.
    pub(super) values: usize,
    /// The number of values that are not empty and stay in plaintext.
    pub(super) plain: usize,
    /// How many ciphertexts, those of comments included, were not there before.
    pub(super) new: usize,
    /// What makes the text one of ciphertext.
    pub(super) changes: Vec<Change>,
    pub(super) problem: Option<SealProblem>,
}

/// Why a value cannot be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealProblem {
    /// The system has no randomness to give.
    NoRandomness,
    /// A ciphertext would match the pattern that selects what stays readable.
    CommentPattern {
        /// The map or list that the comment is in.
        path: KeyPath,
    },
    /// A key on the way to the value has a `:`, so that nobody could tell which keys those are.
    AmbiguousKey {
        /// Place of the value.
        span: Span,
    },
    /// The format could not hold the value once it is decrypted.
    Unfit {
        /// Its path.
        path: KeyPath,
        /// Why.
        unfit: Unfit,
    },
    /// An integer of 64 bits without a sign: sops refuses to read the file.
    Unsigned {
        /// Where it stands.
        span: Span,
        /// Its path.
        path: KeyPath,
    },
}

/// How values are encrypted.
pub(super) struct Sealer<'a> {
    pub(super) format: Format,
    pub(super) key: &'a DataKey,
    pub(super) selector: &'a Selector,
    pub(super) scope: MacScope,
    /// The ciphertexts of values that were there before.
    pub(super) stash: Stash,
}

impl Sealer<'_> {
    /// Encrypts a document. Its values stay in plaintext; the changes are what counts.
    pub(super) fn seal(self, document: &mut Document) -> Encrypted {
        let selector = self.selector;
        let encrypted =
            Encrypted { mac: Mac::new(self.scope), values: 0, plain: 0, new: 0, changes: Vec::new(), problem: None };
        let mut run = Run { sealer: self, encrypted };
        visit(document, selector, &mut run);
        run.encrypted
    }
}

struct Run<'a> {
    sealer: Sealer<'a>,
    encrypted: Encrypted,
}

impl Visit for Run<'_> {
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>) {
        let text = comment.text.as_str();
        // one of another key was taken over as it is, and stays so
        let foreign = || Ciphertext::parse(text.trim()).is_ok();
        if text.is_empty() || way.comment_selection() != Selection::Encrypted || foreign() {
            return;
        }
        let associated = way.path().associated_data();
        let Some(token) = self.token(Type::Comment, &associated, text.as_bytes()) else { return };
        if let Selector::UnencryptedCommentRegex(pattern) = self.sealer.selector
            && pattern.is_match(token.text())
        {
            self.encrypted.problem = Some(SealProblem::CommentPattern { path: way.path().clone() });
        }
        let kept = token.written().filter(|written| !written.starts_with('-') || comment.as_item);
        let written = match (kept, self.sealer.format.comment(token.text())) {
            (Some(written), _) => written.to_owned(),
            // of which list a bare one is follows from the lines around it, and sops takes long ones for others
            _ if comment.as_item => format!("- {}", token.text()),
            (None, Some(written)) => written.to_string(),
            (None, None) => return,
        };
        let Site { span, indent, .. } = comment.site;
        // what was kept stands where it stood, unless it is an item of a list
        match indent.filter(|_| matches!(token, Token::New(_)) || written.starts_with('-')) {
            Some(indent) => {
                let start = span.start - span.column.saturating_sub(1).min(span.start);
                self.change(Span { start, ..span }, format!("{:indent$}{written}", ""));
            }
            None => self.change(span, written),
        }
    }

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        if let Value::Text(text) = &leaf.value
            && leaf.unsigned
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
        if self.sealer.format != Format::Binary
            && let Err(unfit) = self.sealer.format.leaf(&leaf.value, leaf.site)
        {
            self.encrypted.problem.get_or_insert(SealProblem::Unfit { path: way.path().clone(), unfit });
        }
        let token = self.token(kind, &way.path().associated_data(), &bytes)?;
        let written = self.written(&token, leaf.site);
        self.change(leaf.site.span, written);
        None
    }
}

/// A ciphertext: one that was there before, or a new one.
enum Token {
    Kept(Kept),
    New(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Kept(kept) => kept.token(),
            Self::New(token) => token,
        }
    }

    /// As it stood before, with what was around it.
    fn written(&self) -> Option<&str> {
        match self {
            Self::Kept(kept) => Some(kept.written()),
            Self::New(_) => None,
        }
    }
}

impl Run<'_> {
    fn token(&mut self, kind: Type, associated: &str, plaintext: &[u8]) -> Option<Token> {
        if let Some(kept) = self.sealer.stash.take(kind, associated, plaintext) {
            return Some(Token::Kept(kept));
        }
        self.encrypted.new += 1;
        let new = self.sealer.key.seal(plaintext, kind, associated);
        if new.is_none() {
            self.encrypted.problem.get_or_insert(SealProblem::NoRandomness);
        }
        new.map(Token::New)
    }

    /// With the quotes that it had, if they fit where it stands now.
    fn written(&self, token: &Token, site: Site) -> String {
        let fits = |written: &&str| !(written.contains('\n') || site.flow && !written.starts_with(['"', '\'']));
        match token.written().filter(fits) {
            Some(written) => written.to_owned(),
            None => self.sealer.format.token(token.text(), site),
        }
    }

    fn change(&mut self, span: Span, text: String) {
        self.encrypted.changes.push(Change::new(span.start..span.end, text));
    }
}
