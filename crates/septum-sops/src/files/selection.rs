//! Comparison of the values that a selector encrypts.

use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use septum_base::value_path::ValuePath;

/// Whether a selector has the same values of two equal documents encrypted. Where comments select, that depends on
/// their positions.
pub(crate) fn selects_alike(first: &SopsDocument, second: &SopsDocument, selector: &Selector) -> bool {
    let selected = |document: &SopsDocument| -> Vec<bool> {
        let mut document = SopsDocument { branches: document.branches.clone() };
        collect_selected(&mut document, selector).into_iter().map(|(_, is_selected)| is_selected).collect()
    };
    let by_comments = matches!(selector, Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_));
    !by_comments || selected(first) == selected(second)
}

/// Every value and comment of a document in order, and whether a selector has it encrypted.
pub(crate) fn collect_selected(document: &mut SopsDocument, selector: &Selector) -> Vec<(ValuePath, bool)> {
    struct SelectionSearch(Vec<(ValuePath, bool)>);
    impl DocumentVisitor for SelectionSearch {
        fn visit_comment(&mut self, _: &mut SopsComment, way: &TraversalState<'_>) {
            self.0.push((way.path().clone(), way.comment_selection() == Selection::Encrypted));
        }

        fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
            // nulls and empty texts are never encrypted
            let something = leaf.value.bytes().is_some_and(|bytes| !bytes.is_empty());
            self.0.push((way.path().clone(), something && way.selection() == Selection::Encrypted));
            None
        }
    }
    let mut look = SelectionSearch(Vec::new());
    visit_document(document, selector, &mut look);
    look.0
}
