//! Values that an alias has in two places, of which one is encrypted and the other stays readable.
//!
//! Each place is written out with a value of its own, so that the one in plaintext would reveal the other.

use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use crate::files::write_error::WriteError;
use septum_base::map::HashMap;
use septum_base::span::{Source, Span};
use septum_base::value_path::ValuePath;

/// Refuses a document in which a value is encrypted in one place and in plaintext in another one.
pub(crate) fn refuse_shared(document: &SopsDocument, source: &Source, selector: &Selector) -> Result<(), WriteError> {
    let mut document = SopsDocument { branches: document.branches.clone() };
    let mut search = SharedTextSearch::default();
    visit_document(&mut document, selector, &mut search);
    match search.found {
        None => Ok(()),
        Some((plain, encrypted, span)) => Err(WriteError::SharedValue { place: source.place(span), plain, encrypted }),
    }
}

/// Places of values, by the location of their text: copies of an anchor keep its location.
#[derive(Default)]
struct SharedTextSearch {
    known: HashMap<usize, (ValuePath, bool)>,
    /// Path in plaintext, encrypted path, and the location of the value.
    found: Option<(ValuePath, ValuePath, Span)>,
}

impl DocumentVisitor for SharedTextSearch {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        // nulls and empty texts are never encrypted
        if leaf.value.bytes().is_none_or(|bytes| bytes.is_empty()) {
            return None;
        }
        let is_encrypted = way.selection() == Selection::Encrypted;
        let here = (way.path().clone(), is_encrypted);
        let (path, was_encrypted) = self.known.entry(leaf.site.span.start).or_insert(here);
        if *was_encrypted != is_encrypted && self.found.is_none() {
            let (here, there) = (way.path().clone(), path.clone());
            let (plain, encrypted) = if is_encrypted { (there, here) } else { (here, there) };
            self.found = Some((plain, encrypted, leaf.site.span));
        }
        None
    }
}
