//! Unverified comments of an encrypted file: the checksum covers values alone.

use crate::crypto::cipher::Ciphertext;
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use crate::files::stray::START_OF_DATA;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum_base::span::{Location, Source};

/// The comments of a file that were altered.
#[derive(Debug, Default)]
pub(crate) struct CommentFindings {
    /// Those whose ciphertext does not decrypt.
    altered: Vec<Location>,
    /// Those in plaintext that the selector covers.
    plain: Vec<Location>,
}

impl CommentFindings {
    /// Those of a document that was decrypted from a source.
    pub(crate) fn of(document: &mut SopsDocument, source: &Source, selector: &Selector) -> Self {
        let mut search = CommentSearch { source, found: Self::default() };
        visit_document(document, selector, &mut search);
        search.found
    }

    /// The first comment whose ciphertext does not decrypt.
    pub(crate) fn altered(&self) -> Option<&Location> {
        self.altered.first()
    }

    /// A warning for each comment that does not decrypt.
    pub(crate) fn altered_warnings(&self) -> Diagnostics {
        let warning = |place: &Location| {
            Diagnostic::warning(Rule::AlteredComment, "this encrypted comment does not decrypt")
                .at_masked(place.clone())
                .note("it was changed or moved, or belongs to another file; the MAC does not cover comments")
                .hint("restore the line from Git, or remove it")
        };
        self.altered.iter().map(warning).collect()
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

struct CommentSearch<'a> {
    source: &'a Source,
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

    fn visit_leaf(&mut self, _: &mut Leaf, _: &TraversalState<'_>) -> Option<SopsComment> {
        None
    }
}
