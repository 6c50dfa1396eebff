//! Which values of a file its selector has encrypted.

use super::{Closed, Sealed};
use crate::sops::cipher::Ciphertext;
use crate::sops::document::{Comment, Document, Leaf, Tree};
use crate::sops::path::KeyPath;
use crate::sops::scalar::Value;
use crate::sops::selector::{Selection, Selector};
use crate::sops::store::{Format, Target, amend};
use crate::sops::way::{Visit, Way, visit};
use crate::span::{Place, Span};

impl Sealed {
    /// Whether a value at a path is encrypted, or would be if it were put there.
    pub fn encrypts(&self, document: usize, path: &KeyPath) -> bool {
        if self.format == Format::Binary {
            return true;
        }
        let Some(branch) = self.document.branches.get(document) else { return true };
        let mut alone = Document { branches: vec![branch.clone()] };
        let target = Target { document: 0, path };
        // what cannot be put there is refused in words of its own
        if amend::put(&mut alone, &target, &Tree::text("x")).is_none() {
            return true;
        }
        let mut search = Search { path, is_encrypted: true };
        visit(&mut alone, &self.metadata.selector, &mut search);
        search.is_encrypted
    }
}

impl Sealed {
    /// Whether a value that was typed in plaintext is what is left of a ciphertext.
    pub fn has_broken_ciphertext(&self) -> bool {
        let mut document = Document { branches: self.document.branches.clone() };
        let mut search = Broken { typed: self.typed(), is_broken: false };
        visit(&mut document, &self.metadata.selector, &mut search);
        search.is_broken
    }
}

/// Whether a value has parts of a ciphertext.
struct Broken<'a> {
    typed: &'a [KeyPath],
    is_broken: bool,
}

/// Parts that a ciphertext has, and hardly any secret.
const PARTS: [&str; 4] = ["ENC[", "AES256_GCM", ",iv:", ",tag:"];

impl Visit for Broken<'_> {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        if let Value::Text(text) = &leaf.value
            && self.typed.contains(way.path())
        {
            self.is_broken |= PARTS.iter().any(|part| memchr::memmem::find(text, part.as_bytes()).is_some());
        }
        None
    }
}

struct Search<'a> {
    path: &'a KeyPath,
    is_encrypted: bool,
}

impl Visit for Search<'_> {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, _: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        if way.path() == self.path {
            self.is_encrypted = way.selection() == Selection::Encrypted;
        }
        None
    }
}

impl Closed {
    /// Whether a value stands in plaintext that the selector of the file has encrypted. Needs no key.
    pub fn is_incomplete(&self) -> bool {
        self.plaintext_at().is_some()
    }

    /// Place of the first such value, as far as it is known without the key: where comments select, the
    /// checksum knows better.
    pub fn typed_plaintext(&self) -> Option<Place> {
        let by_comments =
            matches!(self.metadata.selector, Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_));
        self.plaintext_at().filter(|_| !by_comments).map(|span| self.source.place(span))
    }

    fn plaintext_at(&self) -> Option<Span> {
        if self.format == Format::Binary {
            return None;
        }
        let mut document = Document { branches: self.parsed.document.branches.clone() };
        let mut search = Plaintext(None);
        visit(&mut document, &self.metadata.selector, &mut search);
        search.0
    }
}

/// The first value in plaintext.
struct Plaintext(Option<Span>);

impl Visit for Plaintext {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        let is_plain = match &leaf.value {
            Value::Null => false,
            Value::Text(text) => !text.is_empty() && !Ciphertext::is_one(text),
            _ => true,
        };
        if is_plain && way.selection() == Selection::Encrypted {
            self.0.get_or_insert(leaf.site.span);
        }
        None
    }
}
