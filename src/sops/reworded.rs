//! Values whose text is another one once they are decrypted.
//!
//! The format encrypts numbers and times, not their texts: `0644` comes back as `420`, `1.10` as `1.1`
//! and `2024-01-01` as `2024-01-01T00:00:00Z` (format, section 1.9.2). For sops that is the same value.
//! Where values are texts, as in layers, it is not.

use super::document::{Comment, Document, Leaf};
use super::path::KeyPath;
use super::scalar::Value;
use super::selector::{Selection, Selector};
use super::way::{Visit, Way, visit};
use crate::diagnostic::Diagnostic;
use crate::span::{Place, Source};

/// A value whose text is another one once it is decrypted.
#[derive(Debug, Clone)]
pub struct Reworded {
    /// Its path.
    pub path: KeyPath,
    /// Where it stands.
    pub place: Place,
}

impl Reworded {
    /// What there is to say of it.
    pub fn into_diagnostic(self) -> Diagnostic {
        let message = format!("`{}` is a number or a time to sops, and comes back as another text", self.path);
        Diagnostic::warning("reworded-value", message).at_hidden(self.place).hint("put it in quotes to keep its text")
    }
}

/// The values of a document that a selector has encrypted, and whose text would not come back.
pub(super) fn reworded(document: &mut Document, source: &Source, selector: &Selector) -> Vec<Reworded> {
    let mut look = Look { source, found: Vec::new() };
    visit(document, selector, &mut look);
    look.found
}

struct Look<'a> {
    source: &'a Source,
    found: Vec<Reworded>,
}

impl Visit for Look<'_> {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        let is_read = matches!(leaf.value, Value::Int(_) | Value::Float(_) | Value::Time(_));
        if is_read && way.selection() == Selection::Encrypted {
            let span = leaf.site.span;
            let written = self.source.text().get(span.start..span.end).unwrap_or_default();
            if leaf.value.bytes().is_some_and(|bytes| *bytes != *written.as_bytes()) {
                self.found.push(Reworded { path: way.path().clone(), place: self.source.place(span) });
            }
        }
        None
    }
}
