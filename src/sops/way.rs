//! The way through a document: which path a value has, and what the selector says of it
//! (format, sections 1.3 and 1.5).

use super::document::{Comment, Document, Item, Leaf, Position, Tree};
use super::path::KeyPath;
use super::selector::{Scope, Selection, Selector};
use crate::yaml::node::Key;

/// Who is told of everything that lies on the way, in its order.
pub(super) trait Visit {
    /// A comment.
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>);

    /// A single value; gives the comment that it turned out to be, if it did.
    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment>;
}

/// Goes through all documents. Their depth is bounded by the reader, so recursion is safe here.
pub(super) fn visit(document: &mut Document, selector: &Selector, visitor: &mut impl Visit) {
    let mut way = Way { selector, path: KeyPath::default(), scopes: Vec::new(), runs: Vec::new(), lists: Vec::new() };
    for branch in &mut document.branches {
        way.items(&mut branch.items, visitor);
    }
}

/// Where the walk is.
pub(super) struct Way<'s> {
    selector: &'s Selector,
    path: KeyPath,
    /// Whether a key matched, for each key on the way.
    scopes: Vec<Scope>,
    /// The comments right before the item that the walk is at, for each level.
    runs: Vec<Run>,
    /// Whether each level is a list.
    lists: Vec<bool>,
}

/// Whether a comment of those right before an item matches.
#[derive(Default)]
struct Run {
    last: bool,
    earlier: bool,
}

/// How a part of a map or a list is called.
trait Step {
    const IN_LIST: bool;

    fn enter(&self, way: &mut Way<'_>, index: usize);
    fn leave(way: &mut Way<'_>);
}

impl Step for Key {
    const IN_LIST: bool = false;

    fn enter(&self, way: &mut Way<'_>, _: usize) {
        let scope = way.selector.enter(way.scope(), &self.text);
        way.scopes.push(scope);
        way.path.enter_key(&self.text);
    }

    fn leave(way: &mut Way<'_>) {
        way.scopes.pop();
        way.path.leave();
    }
}

impl Step for Position {
    const IN_LIST: bool = true;

    fn enter(&self, way: &mut Way<'_>, index: usize) {
        way.path.enter_index(index);
    }

    fn leave(way: &mut Way<'_>) {
        way.path.leave();
    }
}

impl Way<'_> {
    /// The path of the value; that of the map or list, for a comment.
    pub(super) fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Whether what the walk is at is an item of a list.
    pub(super) fn in_list(&self) -> bool {
        self.lists.last().copied().unwrap_or_default()
    }

    /// What the selector says of the value that the walk is at.
    pub(super) fn selection(&self) -> Selection {
        self.selected(self.runs.iter().any(|run| run.earlier || run.last))
    }

    /// What the selector says of the comment that the walk is at: one that makes what follows
    /// encrypted stays readable itself.
    pub(super) fn comment_selection(&self) -> Selection {
        let marks = matches!(self.selector, Selector::EncryptedCommentRegex(_));
        let innermost = self.runs.len().saturating_sub(1);
        let matched = |(level, run): (usize, &Run)| run.earlier || run.last && !(marks && level == innermost);
        self.selected(self.runs.iter().enumerate().any(matched))
    }

    fn selected(&self, commented: bool) -> Selection {
        let scope = match self.selector {
            Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) if commented => Scope::Matched,
            Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) => Scope::Unmatched,
            _ => self.scope(),
        };
        self.selector.selection(scope)
    }

    fn scope(&self) -> Scope {
        self.scopes.last().copied().unwrap_or_else(|| self.selector.root())
    }

    fn items<K: Step>(&mut self, items: &mut [Item<K>], visitor: &mut impl Visit) {
        self.runs.push(Run::default());
        self.lists.push(K::IN_LIST);
        let mut index = 0;
        for item in items {
            match item {
                Item::Comment(comment) => {
                    self.note(&comment.text);
                    visitor.comment(comment, self);
                }
                Item::Value(key, value) => {
                    key.enter(self, index);
                    let comment = self.tree(value, visitor);
                    K::leave(self);
                    if let Some(run) = self.runs.last_mut() {
                        *run = Run::default();
                    }
                    index += 1;
                    if let Some(comment) = comment {
                        *item = Item::Comment(comment);
                    }
                }
            }
        }
        self.runs.pop();
        self.lists.pop();
    }

    fn tree(&mut self, tree: &mut Tree, visitor: &mut impl Visit) -> Option<Comment> {
        match tree {
            Tree::Leaf(leaf) => return visitor.leaf(leaf, self),
            Tree::List(list) => self.items(&mut list.items, visitor),
            Tree::Map(map) => self.items(&mut map.items, visitor),
        }
        None
    }

    fn note(&mut self, comment: &str) {
        let matches = match self.selector {
            Selector::UnencryptedCommentRegex(pattern) | Selector::EncryptedCommentRegex(pattern) => {
                pattern.is_match(comment)
            }
            _ => false,
        };
        if let Some(run) = self.runs.last_mut() {
            run.earlier |= run.last;
            run.last = matches;
        }
    }
}
