//! Traversal of a document: the path of each value, and the state of the selector at it (format, sections 1.3 and
//! 1.5).

use crate::document::selector::{Selection, Selector, SelectorScope};
use crate::document::tree::{Leaf, ListPosition, SopsComment, SopsDocument, SopsItem, SopsTree};
use septum_base::value_path::ValuePath;
use septum_base::yaml::node::YamlKey;

/// Visitor of every value and comment of a document, in document order.
pub(crate) trait DocumentVisitor {
    /// A step on the way.
    fn visit_step(&mut self, _: DocumentStep<'_>) {}

    /// A comment.
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>);

    /// A single value; returns the comment that it turned out to be, if it did.
    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment>;
}

/// A step of a traversal that is neither a value nor a comment.
#[derive(Clone, Copy)]
pub(crate) enum DocumentStep<'k> {
    /// Below a key of a map.
    Key(&'k str),
    /// Into a map.
    Map,
    /// Into a list.
    List,
    /// Out of a map or list.
    End,
    /// Behind the map at the root.
    EndOfBranch,
}

/// Visits all documents. Their depth is bounded by the reader, so recursion is safe here.
pub(crate) fn visit_document(document: &mut SopsDocument, selector: &Selector, visitor: &mut impl DocumentVisitor) {
    let mut way = TraversalState {
        selector,
        path: ValuePath::default(),
        scopes: Vec::new(),
        runs: Vec::new(),
        lists: Vec::new(),
    };
    for branch in &mut document.branches {
        visitor.visit_step(DocumentStep::Map);
        way.visit_items(&mut branch.items, visitor);
        visitor.visit_step(DocumentStep::EndOfBranch);
    }
}

/// Position of a traversal.
pub(crate) struct TraversalState<'s> {
    selector: &'s Selector,
    path: ValuePath,
    /// Scope of each key on the path: whether it matched.
    scopes: Vec<SelectorScope>,
    /// The comments right before the current item, for each level.
    runs: Vec<CommentRun>,
    /// Whether each level is a list.
    lists: Vec<bool>,
}

/// Whether a comment of those right before an item matches.
#[derive(Default)]
struct CommentRun {
    last: bool,
    earlier: bool,
}

/// Name of an item of a map or a list.
trait TraversalStep {
    const IN_LIST: bool;

    fn enter(&self, way: &mut TraversalState<'_>, index: usize);
    fn key(&self) -> Option<&str>;
    fn leave(way: &mut TraversalState<'_>);
}

impl TraversalStep for YamlKey {
    const IN_LIST: bool = false;

    fn enter(&self, way: &mut TraversalState<'_>, _: usize) {
        let scope = way.selector.enter_key(way.scope(), &self.text);
        way.scopes.push(scope);
        way.path.enter_key(&self.text);
    }

    fn key(&self) -> Option<&str> {
        Some(&self.text)
    }

    fn leave(way: &mut TraversalState<'_>) {
        way.scopes.pop();
        way.path.leave_step();
    }
}

impl TraversalStep for ListPosition {
    const IN_LIST: bool = true;

    fn enter(&self, way: &mut TraversalState<'_>, index: usize) {
        way.path.enter_index(index);
    }

    fn key(&self) -> Option<&str> {
        None
    }

    fn leave(way: &mut TraversalState<'_>) {
        way.path.leave_step();
    }
}

impl TraversalState<'_> {
    /// The path of the value; that of the map or list, for a comment.
    pub(crate) fn path(&self) -> &ValuePath {
        &self.path
    }

    /// Whether the current item is one of a list.
    pub(crate) fn in_list(&self) -> bool {
        self.lists.last().copied().unwrap_or_default()
    }

    /// Decision of the selector on the current value.
    pub(crate) fn selection(&self) -> Selection {
        self.select_value(self.runs.iter().any(|run| run.earlier || run.last))
    }

    /// Decision of the selector on the current comment: one that causes the following value to be encrypted stays
    /// readable itself.
    pub(crate) fn comment_selection(&self) -> Selection {
        let marks = matches!(self.selector, Selector::EncryptedCommentRegex(_));
        let innermost = self.runs.len().saturating_sub(1);
        let matched = |(level, run): (usize, &CommentRun)| run.earlier || run.last && !(marks && level == innermost);
        self.select_value(self.runs.iter().enumerate().any(matched))
    }

    fn select_value(&self, commented: bool) -> Selection {
        let scope = match self.selector {
            Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) if commented => {
                SelectorScope::Matched
            }
            Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) => SelectorScope::Unmatched,
            _ => self.scope(),
        };
        self.selector.selection(scope)
    }

    fn scope(&self) -> SelectorScope {
        self.scopes.last().copied().unwrap_or_else(|| self.selector.root_scope())
    }

    fn visit_items<K: TraversalStep>(&mut self, items: &mut [SopsItem<K>], visitor: &mut impl DocumentVisitor) {
        self.runs.push(CommentRun::default());
        self.lists.push(K::IN_LIST);
        let mut index = 0;
        for item in items {
            match item {
                SopsItem::Comment(comment) => {
                    self.note_comment(comment);
                    visitor.visit_comment(comment, self);
                }
                SopsItem::Value(key, value) => {
                    key.enter(self, index);
                    if let Some(key) = key.key() {
                        visitor.visit_step(DocumentStep::Key(key));
                    }
                    let comment = self.visit_tree(value, visitor);
                    K::leave(self);
                    if let Some(run) = self.runs.last_mut() {
                        *run = CommentRun::default();
                    }
                    index += 1;
                    if let Some(comment) = comment {
                        *item = SopsItem::Comment(comment);
                    }
                }
            }
        }
        visitor.visit_step(DocumentStep::End);
        self.runs.pop();
        self.lists.pop();
    }

    fn visit_tree(&mut self, tree: &mut SopsTree, visitor: &mut impl DocumentVisitor) -> Option<SopsComment> {
        match tree {
            SopsTree::Leaf(leaf) => return visitor.visit_leaf(leaf, self),
            SopsTree::List(list) => {
                visitor.visit_step(DocumentStep::List);
                self.visit_items(&mut list.items, visitor);
            }
            SopsTree::Map(map) => {
                visitor.visit_step(DocumentStep::Map);
                self.visit_items(&mut map.items, visitor);
            }
        }
        None
    }

    fn note_comment(&mut self, comment: &SopsComment) {
        let matches = match self.selector {
            Selector::UnencryptedCommentRegex(pattern) | Selector::EncryptedCommentRegex(pattern) => {
                pattern.is_match(comment.pattern_text())
            }
            _ => false,
        };
        if let Some(run) = self.runs.last_mut() {
            run.earlier |= run.last;
            run.last = matches;
        }
    }
}
