//! Values of a file that its selector covers.

use super::{DecryptedFile, EncryptedFile};
use crate::crypto::cipher::Ciphertext;
use crate::document::scalar::TypedValue;
use crate::document::selector::Selection;
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsTree};
use crate::store::{EditPath, SopsFormat, amend};
use septum_base::span::{Location, Span};
use septum_base::value_path::ValuePath;

impl DecryptedFile {
    /// Whether a value at a path is encrypted, or would be if it were set.
    pub fn encrypts_path(&self, document: usize, path: &ValuePath) -> bool {
        if self.format == SopsFormat::Binary {
            return true;
        }
        let Some(branch) = self.document.branches.get(document) else { return true };
        let mut alone = SopsDocument { branches: vec![branch.clone()] };
        let target = EditPath { document: 0, path };
        // a value that cannot be set is refused with its own message
        if amend::put_value(&mut alone, &target, &SopsTree::from_text("x")).is_none() {
            return true;
        }
        let mut search = EncryptedPathSearch { path, is_encrypted: true };
        visit_document(&mut alone, &self.metadata.selector, &mut search);
        search.is_encrypted
    }
}

impl DecryptedFile {
    /// Whether a value that was entered in plaintext is the rest of a ciphertext.
    pub fn has_broken_ciphertext(&self) -> bool {
        let mut document = SopsDocument { branches: self.document.branches.clone() };
        let mut search = BrokenCiphertextSearch { typed: self.typed_paths(), is_broken: false };
        visit_document(&mut document, &self.metadata.selector, &mut search);
        search.is_broken
    }
}

/// Search for a value with parts of a ciphertext.
struct BrokenCiphertextSearch<'a> {
    typed: &'a [ValuePath],
    is_broken: bool,
}

/// Parts that a ciphertext has, and that are unlikely in a secret.
const PARTS: [&str; 4] = ["ENC[", "AES256_GCM", ",iv:", ",tag:"];

impl DocumentVisitor for BrokenCiphertextSearch<'_> {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if let TypedValue::Text(text) = &leaf.value
            && self.typed.contains(way.path())
        {
            self.is_broken |= PARTS.iter().any(|part| memchr::memmem::find(text, part.as_bytes()).is_some());
        }
        None
    }
}

struct EncryptedPathSearch<'a> {
    path: &'a ValuePath,
    is_encrypted: bool,
}

impl DocumentVisitor for EncryptedPathSearch<'_> {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, _: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if way.path() == self.path {
            self.is_encrypted = way.selection() == Selection::Encrypted;
        }
        None
    }
}

impl EncryptedFile {
    /// Whether a value is in plaintext that the selector covers. Needs no key.
    pub fn is_incomplete(&self) -> bool {
        self.plaintext_at().is_some()
    }

    /// Location of the first such value, as far as it is known without the key: where comments select, the checksum
    /// is more precise.
    pub fn typed_plaintext(&self) -> Option<Location> {
        self.plaintext_at().filter(|_| !self.metadata.selector.is_by_comments()).map(|span| self.source.place(span))
    }

    fn plaintext_at(&self) -> Option<Span> {
        if self.format == SopsFormat::Binary {
            return None;
        }
        let mut document = SopsDocument { branches: self.parsed.document.branches.clone() };
        let mut search = PlaintextSearch(None);
        visit_document(&mut document, &self.metadata.selector, &mut search);
        search.0
    }
}

/// The first value in plaintext.
struct PlaintextSearch(Option<Span>);

impl DocumentVisitor for PlaintextSearch {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let is_plain = match &leaf.value {
            TypedValue::Null => false,
            TypedValue::Text(text) => !text.is_empty() && !Ciphertext::is_ciphertext(text),
            _ => true,
        };
        if is_plain && way.selection() == Selection::Encrypted {
            self.0.get_or_insert(leaf.site.span);
        }
        None
    }
}
