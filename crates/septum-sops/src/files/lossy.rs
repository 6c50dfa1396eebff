//! Values whose text changes when they are encrypted and decrypted.
//!
//! The format encrypts numbers and times, not their texts: `0644` comes back as `420`, `1.10` as `1.1`
//! and `2024-01-01` as `2024-01-01T00:00:00Z` (format, section 1.9.2). For sops that is the same value.
//! Where values are texts, as in layers, it is not.

use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use septum_base::diagnostic::{Diagnostic, Rule};
use septum_base::span::{Location, Source};
use septum_base::value_path::ValuePath;

/// A value whose text changes once it is decrypted.
#[derive(Debug, Clone)]
pub struct LossyValue {
    /// Its path.
    pub path: ValuePath,
    /// Location of the value.
    pub place: Location,
}

impl LossyValue {
    /// Converts the value to a diagnostic.
    pub fn into_diagnostic(self) -> Diagnostic {
        let message =
            format!("`{}` is a number or a timestamp to sops, which writes it back as a different string", self.path);
        Diagnostic::warning(Rule::RewordedValue, message).at_masked(self.place).hint("quote it to keep its exact form")
    }
}

/// The values of a document that a selector has encrypted, and whose text would not be restored.
pub(crate) fn find_lossy_values(document: &mut SopsDocument, source: &Source, selector: &Selector) -> Vec<LossyValue> {
    let mut look = LossyValueSearch { source, found: Vec::new() };
    visit_document(document, selector, &mut look);
    look.found
}

struct LossyValueSearch<'a> {
    source: &'a Source,
    found: Vec<LossyValue>,
}

impl DocumentVisitor for LossyValueSearch<'_> {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let is_read = matches!(leaf.value, TypedValue::Int(_) | TypedValue::Float(_) | TypedValue::Time(_));
        if is_read && way.selection() == Selection::Encrypted {
            let span = leaf.site.span;
            let written = self.source.text().get(span.start..span.end).unwrap_or_default();
            if leaf.value.bytes().is_some_and(|bytes| *bytes != *written.as_bytes()) {
                self.found.push(LossyValue { path: way.path().clone(), place: self.source.place(span) });
            }
        }
        None
    }
}
