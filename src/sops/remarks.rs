//! Comments of an encrypted file that nobody verified: the checksum covers values alone.

use super::cipher::Ciphertext;
use super::document::{Comment, Document, Leaf};
use super::selector::{Selection, Selector};
use super::stray::START_OF_DATA;
use super::way::{Visit, Way, visit};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::span::{Place, Source};

/// The comments of a file that are not as it was encrypted.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Those that hold ciphertext which does not decrypt.
    altered: Vec<Place>,
    /// Those in plaintext where the selector says that they are encrypted.
    plain: Vec<Place>,
}

impl Remarks {
    /// Those of a document that was decrypted from a source.
    pub(super) fn of(document: &mut Document, source: &Source, selector: &Selector) -> Self {
        let mut search = Search { source, found: Self::default() };
        visit(document, selector, &mut search);
        search.found
    }

    /// The first comment whose ciphertext does not decrypt.
    pub(super) fn altered(&self) -> Option<&Place> {
        self.altered.first()
    }

    /// A warning for each comment that does not decrypt.
    pub(super) fn altered_warnings(&self) -> Diagnostics {
        let warning = |place: &Place| {
            Diagnostic::warning("altered-comment", "this comment holds ciphertext that does not decrypt")
                .at_hidden(place.clone())
                .note("it was changed or moved, or is of another file; the checksum covers values alone")
                .hint("restore the line from Git, or remove it")
        };
        self.altered.iter().map(warning).collect()
    }

    /// One warning for all comments in plaintext.
    pub(super) fn plain_warning(&self, name: &str) -> Option<Diagnostic> {
        let first = self.plain.first()?.clone();
        let message = match self.plain.len() {
            1 => "this comment is in plaintext, so that nobody can tell who wrote it".to_owned(),
            count => format!("this comment and {} more are in plaintext: nobody can tell who wrote them", count - 1),
        };
        Some(
            Diagnostic::warning("plain-comment", message)
                .at_hidden(first)
                .note("comments of this file are encrypted, and the checksum covers values alone")
                .hint(format!("`septum rotate {name}` encrypts them too, once you know that they belong there")),
        )
    }
}

struct Search<'a> {
    source: &'a Source,
    found: Remarks,
}

impl Visit for Search<'_> {
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>) {
        let selection = way.comment_selection();
        let span = comment.site.span;
        let written = self.source.text().get(span.start..span.end).unwrap_or_default();
        let written = written.trim_start_matches(['#', ';', '-', ' ']).trim();
        let is_open = Ciphertext::parse(written).is_ok() && comment.text.trim() != written;
        if is_open || selection == Selection::Plain || comment.text.trim().is_empty() {
            return;
        }
        let place = self.source.place(span);
        if written.contains(START_OF_DATA) || Ciphertext::is_one(written.as_bytes()) {
            self.found.altered.push(place);
        } else if selection == Selection::Encrypted {
            self.found.plain.push(place);
        }
    }

    fn leaf(&mut self, _: &mut Leaf, _: &Way<'_>) -> Option<Comment> {
        None
    }
}
