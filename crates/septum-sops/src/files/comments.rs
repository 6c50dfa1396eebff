//! Unverified comments of an encrypted file: the checksum covers values alone, even where comments select them.

use crate::crypto::cipher::Ciphertext;
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use crate::files::stray::START_OF_DATA;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum_base::span::{Location, Source};
use septum_base::value_path::ValuePath;
use zeroize::Zeroizing;

/// The comments of a file that were altered.
#[derive(Debug, Default)]
pub(crate) struct CommentFindings {
    /// Those whose ciphertext does not decrypt.
    altered: Vec<Location>,
    /// Those in plaintext that the selector covers.
    plain: Vec<Location>,
    /// Encrypted values that the comments leave in plaintext: somebody added, removed or moved one.
    unmarked: Vec<UnmarkedValue>,
    /// Values in plaintext, if there are such.
    open: Vec<Zeroizing<Vec<u8>>>,
}

/// An encrypted value that the comments leave in plaintext.
#[derive(Debug)]
struct UnmarkedValue {
    path: ValuePath,
    place: Location,
    value: Zeroizing<Vec<u8>>,
}

impl CommentFindings {
    /// Those of a document that was decrypted from a source.
    pub(crate) fn of(document: &mut SopsDocument, source: &Source, selector: &Selector) -> Self {
        let mut search = CommentSearch { source, is_by_comments: selector.is_by_comments(), found: Self::default() };
        visit_document(document, selector, &mut search);
        if search.found.unmarked.is_empty() {
            search.found.open.clear();
        }
        search.found
    }

    /// The first comment whose ciphertext does not decrypt.
    pub(crate) fn altered(&self) -> Option<&Location> {
        self.altered.first()
    }

    /// A warning for each comment that does not decrypt, and for each value that the comments do not select any more.
    pub(crate) fn altered_warnings(&self) -> Diagnostics {
        let warning = |place: &Location| {
            Diagnostic::warning(Rule::AlteredComment, "this encrypted comment does not decrypt")
                .at_masked(place.clone())
                .note("it was changed or moved, or belongs to another file; the MAC does not cover comments")
                .hint("restore the line from Git, or remove it")
        };
        let unmarked =
            |value: &UnmarkedValue| unmarked_diagnostic(Diagnostic::warning, &value.path, value.place.clone());
        self.altered.iter().map(warning).chain(self.unmarked.iter().map(unmarked)).collect()
    }

    /// The first value that was encrypted, and that the comments of a document with its changes leave in plaintext,
    /// wherever it is there: lists and maps may have been changed around it.
    pub(crate) fn unmarked_in(
        &self,
        document: &mut SopsDocument,
        selector: &Selector,
    ) -> Option<(&ValuePath, &Location)> {
        if self.unmarked.is_empty() {
            return None;
        }
        let mut plain = PlainValues::default();
        visit_document(document, selector, &mut plain);
        let count = |value: &[u8], values: &mut dyn Iterator<Item = &[u8]>| values.filter(|it| *it == value).count();
        let is_exposed = |unmarked: &&UnmarkedValue| {
            let value = unmarked.value.as_slice();
            let before = count(value, &mut self.open.iter().map(|open| open.as_slice()));
            let after = count(value, &mut plain.0.iter().map(|(_, value)| value.as_slice()));
            after > before || plain.0.iter().any(|(path, _)| *path == unmarked.path)
        };
        self.unmarked.iter().find(is_exposed).map(|unmarked| (&unmarked.path, &unmarked.place))
    }

    /// Drops what only the original file has.
    pub(crate) fn forget_comments(&mut self) {
        self.altered.clear();
        self.plain.clear();
    }

    /// One warning for all comments in plaintext.
    pub(crate) fn plain_warning(&self, name: &str) -> Option<Diagnostic> {
        let first = self.plain.first()?.clone();
        let message = match self.plain.len() {
            1 => "this comment is in plaintext, so it is not authenticated".to_owned(),
            count => format!("this comment and {} more are in plaintext, so they are not authenticated", count - 1),
        };
        Some(
            Diagnostic::warning(Rule::PlainComment, message)
                .at_masked(first)
                .note("comments of this file are encrypted, and the MAC does not cover comments")
                .hint(format!("review them, then run `septum rotate {}` to encrypt them", shell_word(name))),
        )
    }
}

/// The finding that the comments leave a value in plaintext that is encrypted.
pub(crate) fn unmarked_diagnostic(
    kind: fn(Rule, String) -> Diagnostic,
    path: &ValuePath,
    place: Location,
) -> Diagnostic {
    kind(Rule::WouldExpose, format!("`{path}` is encrypted, but the comments of the file leave it in plaintext"))
        .at_masked(place)
        .note("a comment was added, removed or moved without the key; the MAC does not cover comments, and sops rejects the file")
        .hint("restore the comments from Git; if the value should be in plaintext, decrypt the file and encrypt it again")
}

struct CommentSearch<'a> {
    source: &'a Source,
    is_by_comments: bool,
    found: CommentFindings,
}

impl DocumentVisitor for CommentSearch<'_> {
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        let selection = way.comment_selection();
        let span = comment.site.span;
        let written = self.source.text().get(span.start..span.end).unwrap_or_default();
        let written = written.trim_start_matches(['#', ';', '-', ' ']).trim();
        let is_open = Ciphertext::parse(written).is_ok() && comment.text.trim() != written;
        if is_open || selection == Selection::Plain || comment.text.trim().is_empty() {
            return;
        }
        let place = self.source.place(span);
        if written.contains(START_OF_DATA) || Ciphertext::is_ciphertext(written.as_bytes()) {
            self.found.altered.push(place);
        } else if selection == Selection::Encrypted {
            self.found.plain.push(place);
        }
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if self.is_by_comments && way.selection() == Selection::Plain {
            let span = leaf.site.span;
            let written = self.source.text().get(span.start..span.end).unwrap_or_default();
            let is_token = |text: &[u8]| memchr::memmem::find(text, START_OF_DATA.as_bytes()).is_some();
            if is_token(written.as_bytes()) && leaf.value.bytes().is_some_and(|bytes| !is_token(&bytes)) {
                let value = Zeroizing::new(leaf.value.bytes().unwrap_or_default().to_vec());
                let (path, place) = (way.path().clone(), self.source.place(span));
                self.found.unmarked.push(UnmarkedValue { path, place, value });
            } else if let Some(value) = leaf.value.bytes() {
                self.found.open.push(Zeroizing::new(value.to_vec()));
            }
        }
        None
    }
}

/// Values that a selector leaves in plaintext.
#[derive(Default)]
struct PlainValues(Vec<(ValuePath, Zeroizing<Vec<u8>>)>);

impl DocumentVisitor for PlainValues {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let value = leaf.value.bytes().filter(|_| way.selection() == Selection::Plain);
        self.0.extend(value.map(|value| (way.path().clone(), Zeroizing::new(value.to_vec()))));
        None
    }
}
