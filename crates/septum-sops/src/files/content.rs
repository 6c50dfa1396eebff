//! Comparison of the content of two documents, and of the effects of changing one value on the others.
//!
//! Every written file is read again and compared by these rules, so that no mistake of a reader or of a writer
//! reaches a file.

use crate::document::scalar::TypedValue;
use crate::document::tree::{ListPosition, SopsComment, SopsDocument, SopsItem, SopsMap, SopsTree};
use crate::store::ini_comment_text;
use septum_base::value_path::{ValuePath, ValuePathStep};
use septum_base::yaml::node::YamlKey;

/// A value that is left out of a comparison, with everything below it.
#[derive(Clone, Copy)]
pub(crate) struct SkippedValue<'a> {
    /// Document index, from 0.
    pub(crate) document: usize,
    /// The path to it.
    pub(crate) steps: &'a [ValuePathStep],
    /// Whether it is in the first of both documents.
    pub(crate) in_first: bool,
    /// Whether it is in the second.
    pub(crate) in_second: bool,
}

/// Path of the first difference between two documents: in a value, its type, its place, or a comment. None if there
/// is none.
pub(crate) fn find_difference(first: &SopsDocument, second: &SopsDocument) -> Option<ValuePath> {
    difference_beside(first, second, None)
}

/// The lines of a comment: INI joins them, and may join others once a value between them is removed.
pub(crate) fn comment_lines(comment: &SopsComment) -> impl Iterator<Item = &str> {
    let lines = comment.text.trim_end().split('\n').enumerate();
    lines.map(|(index, line)| if index == 0 { line } else { ini_comment_text(line) })
}

/// Path of the first difference outside one value and the comments on its line.
pub(crate) fn difference_beside(
    first: &SopsDocument,
    second: &SopsDocument,
    skipped: Option<SkippedValue<'_>>,
) -> Option<ValuePath> {
    if first.branches.len() != second.branches.len() {
        return Some(ValuePath::default());
    }
    let mut both = first.branches.iter().zip(&second.branches).enumerate();
    both.find_map(|(index, (first, second))| {
        let skipped = skipped.filter(|skipped| skipped.document == index);
        let mut comparison = DocumentComparison { path: ValuePath::default() };
        if !comparison.same_items(&first.items, &second.items, skipped) {
            return Some(comparison.path);
        }
        let first = CommentCollector::of(first, skipped.filter(|skipped| skipped.in_first));
        let second = CommentCollector::of(second, skipped.filter(|skipped| skipped.in_second));
        first_difference(&first, &second, |first, second| (first.before, first.text) == (second.before, second.text))
    })
}

/// Name of an item of a map or a list.
trait ItemName {
    fn is_same(&self, other: &Self) -> bool;
    fn matches_step(&self, index: usize, step: &ValuePathStep) -> bool;
    fn enter(&self, index: usize, path: &mut ValuePath);
    /// Adds the key that a ciphertext below is bound to, if it is one.
    fn bind_key(&self, keys: &mut ValuePath) -> bool;
}

impl ItemName for YamlKey {
    fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
    }

    fn matches_step(&self, _: usize, step: &ValuePathStep) -> bool {
        matches!(step, ValuePathStep::Key(key) if *key == self.text)
    }

    fn enter(&self, _: usize, path: &mut ValuePath) {
        path.enter_key(&self.text);
    }

    fn bind_key(&self, keys: &mut ValuePath) -> bool {
        keys.enter_key(&self.text);
        true
    }
}

impl ItemName for ListPosition {
    fn is_same(&self, _: &Self) -> bool {
        true
    }

    fn matches_step(&self, index: usize, step: &ValuePathStep) -> bool {
        matches!(step, ValuePathStep::Index(wanted) if *wanted == index)
    }

    fn enter(&self, index: usize, path: &mut ValuePath) {
        path.enter_index(index);
    }

    fn bind_key(&self, _: &mut ValuePath) -> bool {
        false
    }
}

/// Part of a skipped path below an item, if the path leads through it.
fn skip_below<'a, K: ItemName>(skipped: Option<SkippedValue<'a>>, name: &K, index: usize) -> Option<SkippedValue<'a>> {
    skipped.and_then(|skipped| match skipped.steps {
        [step, rest @ ..] if name.matches_step(index, step) => Some(SkippedValue { steps: rest, ..skipped }),
        _ => None,
    })
}

/// A comparison of values in progress; the path is where it stopped.
struct DocumentComparison {
    path: ValuePath,
}

impl DocumentComparison {
    fn same_items<K: ItemName>(
        &mut self,
        first: &[SopsItem<K>],
        second: &[SopsItem<K>],
        skipped: Option<SkippedValue<'_>>,
    ) -> bool {
        let (mut first, mut second) = (iter_values(first).peekable(), iter_values(second).peekable());
        let mut passed = (false, false);
        loop {
            if let Some(SkippedValue { steps: [step], in_first, in_second, .. }) = &skipped {
                let is_next = |next: Option<&(usize, &K, &SopsTree)>| {
                    next.is_some_and(|(index, name, _)| name.matches_step(*index, step))
                };
                if *in_first && !passed.0 && is_next(first.peek()) {
                    passed.0 = first.next().is_some();
                }
                if *in_second && !passed.1 && is_next(second.peek()) {
                    passed.1 = second.next().is_some();
                }
            }
            match (first.next(), second.next()) {
                (None, None) => return true,
                (Some((index, name, one)), Some((_, other_name, other))) => {
                    name.enter(index, &mut self.path);
                    if !(name.is_same(other_name) && self.same_trees(one, other, skip_below(skipped, name, index))) {
                        return false;
                    }
                    self.path.leave_step();
                }
                (Some((index, name, _)), None) | (None, Some((index, name, _))) => {
                    name.enter(index, &mut self.path);
                    return false;
                }
            }
        }
    }

    fn same_trees(&mut self, first: &SopsTree, second: &SopsTree, skipped: Option<SkippedValue<'_>>) -> bool {
        match (first, second) {
            (SopsTree::Leaf(first), SopsTree::Leaf(second)) => same_value(&first.value, &second.value),
            (SopsTree::List(first), SopsTree::List(second)) => self.same_items(&first.items, &second.items, skipped),
            (SopsTree::Map(first), SopsTree::Map(second)) => self.same_items(&first.items, &second.items, skipped),
            _ => false,
        }
    }
}

fn iter_values<K>(items: &[SopsItem<K>]) -> impl Iterator<Item = (usize, &K, &SopsTree)> {
    let values = items.iter().filter_map(|item| match item {
        SopsItem::Value(name, value) => Some((name, value)),
        SopsItem::Comment(_) => None,
    });
    values.enumerate().map(|(index, (name, value))| (index, name, value))
}

/// The comments of a document, each with the number of values before it. The map or list of a comment follows from
/// the lines around it, which change when the file is rewritten.
#[derive(Default)]
struct CommentCollector<'a> {
    found: Vec<PlacedComment<'a>>,
    /// The keys on the path.
    keys: ValuePath,
    values: usize,
}

/// A comment with its place.
struct PlacedComment<'a> {
    /// Keys that its ciphertext is bound to.
    keys: ValuePath,
    /// The number of values before it.
    before: usize,
    text: &'a str,
}

impl<'a> CommentCollector<'a> {
    fn of(root: &'a SopsMap, skipped: Option<SkippedValue<'_>>) -> Vec<PlacedComment<'a>> {
        let mut comments = Self::default();
        comments.collect_items(&root.items, skipped);
        comments.found
    }

    fn collect_items<K: ItemName>(&mut self, items: &'a [SopsItem<K>], skipped: Option<SkippedValue<'_>>) {
        let (mut index, mut passed, mut inline) = (0, false, 0);
        for item in items {
            match item {
                SopsItem::Comment(comment) => {
                    inline = if comment.inline { inline + 1 } else { 0 };
                    for text in comment_lines(comment) {
                        self.found.push(PlacedComment { keys: self.keys.clone(), before: self.values, text });
                    }
                }
                SopsItem::Value(name, value) => {
                    match skip_below(skipped, name, index) {
                        Some(SkippedValue { steps: [], .. }) if !passed => {
                            passed = true;
                            self.found.truncate(self.found.len() - inline);
                        }
                        below => {
                            let is_key = name.bind_key(&mut self.keys);
                            self.tree(value, below);
                            if is_key {
                                self.keys.leave_step();
                            }
                        }
                    }
                    (index, inline) = (index + 1, 0);
                }
            }
        }
    }

    fn tree(&mut self, tree: &'a SopsTree, skipped: Option<SkippedValue<'_>>) {
        let before = self.values;
        match tree {
            SopsTree::Leaf(_) => {}
            SopsTree::List(list) => self.collect_items(&list.items, skipped),
            SopsTree::Map(map) => self.collect_items(&map.items, skipped),
        }
        self.values = self.values.max(before + 1);
    }
}

/// Keys that bind the first comment that is not in both.
fn first_difference(
    first: &[PlacedComment<'_>],
    second: &[PlacedComment<'_>],
    is_same: impl Fn(&PlacedComment<'_>, &PlacedComment<'_>) -> bool,
) -> Option<ValuePath> {
    let at = first.iter().zip(second).take_while(|(first, second)| is_same(first, second)).count();
    let (first, second) = (first.get(at), second.get(at));
    first.or(second).map(|comment| comment.keys.clone())
}

/// Whether values are the same, types included; NaN equals itself here.
pub(crate) fn same_value(first: &TypedValue, second: &TypedValue) -> bool {
    first.kind() == second.kind() && first.bytes() == second.bytes()
}

/// Whether a change removed one value and nothing else, where comments may be those of another value after it.
pub(crate) fn is_without(first: &SopsDocument, second: &SopsDocument, skipped: SkippedValue<'_>) -> bool {
    let mut both = first.branches.iter().zip(&second.branches).enumerate();
    first.branches.len() == second.branches.len()
        && both.all(|(index, (first, second))| {
            let skipped = Some(skipped).filter(|skipped| skipped.document == index);
            let before = CommentCollector::of(first, skipped.filter(|skipped| skipped.in_first));
            let after = CommentCollector::of(second, skipped.filter(|skipped| skipped.in_second));
            DocumentComparison { path: ValuePath::default() }.same_items(&first.items, &second.items, skipped)
                && before.iter().map(|comment| comment.text).eq(after.iter().map(|comment| comment.text))
        })
}

/// Whether documents have the same values, whatever comments are between them.
pub(crate) fn same_branches(first: &SopsDocument, second: &SopsDocument) -> bool {
    let mut both = first.branches.iter().zip(&second.branches);
    first.branches.len() == second.branches.len()
        && both.all(|(first, second)| {
            DocumentComparison { path: ValuePath::default() }.same_items(&first.items, &second.items, None)
        })
}

/// Whether trees have the same values, whatever comments are between them.
pub(crate) fn same_values(first: &SopsTree, second: &SopsTree) -> bool {
    DocumentComparison { path: ValuePath::default() }.same_trees(first, second, None)
}
