//! Whether two documents hold the same, and what a change of one value leaves of the others.
//!
//! Everything that is written is read again and compared by these rules, so that no mistake of a reader or
//! of a writer reaches a file.

use sha2::{Digest as _, Sha256};

use super::cipher::Type;
use super::document::{Comment, Document, Item, Map, Position, Tree};
use super::path::{KeyPath, Step};
use super::scalar::Value;
use super::store::ini_comment_text;
use crate::yaml::node::Key;

/// A value that is left out of a comparison, with what lies below it.
#[derive(Clone, Copy)]
pub(super) struct Skipped<'a> {
    /// Which document, from 0.
    pub(super) document: usize,
    /// The way to it.
    pub(super) steps: &'a [Step],
    /// Whether it is in the first of both documents.
    pub(super) in_first: bool,
    /// Whether it is in the second.
    pub(super) in_second: bool,
}

/// Path at which two documents first differ: in a value, its type, its place, or a comment. None if they hold the same.
pub(super) fn difference(first: &Document, second: &Document) -> Option<KeyPath> {
    difference_beside(first, second, None)
}

/// What a document holds, as hashes: a big one need not be kept to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// Equal for documents without a [`difference`].
    pub(super) content: [u8; 32],
    /// Keys that the ciphertexts of the comments are bound to.
    pub(super) bindings: [u8; 32],
}

impl Fingerprint {
    /// The fingerprint of a document.
    pub(super) fn of(document: &Document) -> Self {
        let mut hashes = Hashes::default();
        for branch in &document.branches {
            hashes.values.update(b"{");
            hashes.items(&branch.items);
            hashes.before = 0;
            hashes.comments.update(b"}");
            hashes.bindings.update(b"}");
        }
        let Hashes { mut values, comments, bindings, .. } = hashes;
        values.update(comments.finalize());
        Self { content: values.finalize().into(), bindings: bindings.finalize().into() }
    }
}

#[derive(Default)]
struct Hashes {
    values: Sha256,
    comments: Sha256,
    bindings: Sha256,
    /// The keys on the way.
    keys: KeyPath,
    /// The number of values so far, as for [`Comments`].
    before: usize,
}

/// Adds a part with its length, so that no two parts run into one.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

impl Hashes {
    fn items<K: Name>(&mut self, items: &[Item<K>]) {
        for item in items {
            match item {
                Item::Comment(comment) => self.comment(comment),
                Item::Value(name, value) => {
                    let is_key = name.bind(&mut self.keys);
                    if let (true, Some(Step::Key(key))) = (is_key, self.keys.steps().last()) {
                        self.values.update(b"k");
                        add(&mut self.values, key.as_bytes());
                    }
                    self.tree(value);
                    if is_key {
                        self.keys.leave();
                    }
                }
            }
        }
        self.values.update(b"}");
    }

    fn tree(&mut self, tree: &Tree) {
        let before = self.before;
        match tree {
            Tree::Leaf(leaf) => {
                self.values.update(b"=");
                add(&mut self.values, leaf.value.kind().map_or("", Type::name).as_bytes());
                add(&mut self.values, &leaf.value.bytes().unwrap_or_default());
            }
            Tree::List(list) => {
                self.values.update(b"[");
                self.items(&list.items);
            }
            Tree::Map(map) => {
                self.values.update(b"{");
                self.items(&map.items);
            }
        }
        self.before = self.before.max(before + 1);
    }

    fn comment(&mut self, comment: &Comment) {
        for line in lines(comment) {
            self.comments.update(b"#");
            self.comments.update((self.before as u64).to_le_bytes());
            add(&mut self.comments, line.as_bytes());
            for step in self.keys.steps() {
                if let Step::Key(key) = step {
                    self.bindings.update(b"k");
                    add(&mut self.bindings, key.as_bytes());
                }
            }
            self.bindings.update(b"#");
        }
    }
}

/// The lines of a comment: INI joins them, and may join others once a value between them is gone.
fn lines(comment: &Comment) -> impl Iterator<Item = &str> {
    let lines = comment.text.trim_end().split('\n').enumerate();
    lines.map(|(index, line)| if index == 0 { line } else { ini_comment_text(line) })
}

/// The same beside one value, and the comments on its line.
pub(super) fn difference_beside(first: &Document, second: &Document, skipped: Option<Skipped<'_>>) -> Option<KeyPath> {
    if first.branches.len() != second.branches.len() {
        return Some(KeyPath::default());
    }
    let mut both = first.branches.iter().zip(&second.branches).enumerate();
    both.find_map(|(index, (first, second))| {
        let skipped = skipped.filter(|skipped| skipped.document == index);
        let mut comparison = Comparison { path: KeyPath::default() };
        if !comparison.items(&first.items, &second.items, skipped) {
            return Some(comparison.path);
        }
        let first = Comments::of(first, skipped.filter(|skipped| skipped.in_first));
        let second = Comments::of(second, skipped.filter(|skipped| skipped.in_second));
        first_difference(&first, &second, |first, second| (first.before, first.text) == (second.before, second.text))
    })
}

/// Name of an item of a map or a list.
trait Name {
    fn is_same(&self, other: &Self) -> bool;
    fn is(&self, index: usize, step: &Step) -> bool;
    fn enter(&self, index: usize, path: &mut KeyPath);
    /// Adds the key that a ciphertext below is bound to, if it is one.
    fn bind(&self, keys: &mut KeyPath) -> bool;
}

impl Name for Key {
    fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
    }

    fn is(&self, _: usize, step: &Step) -> bool {
        matches!(step, Step::Key(key) if *key == self.text)
    }

    fn enter(&self, _: usize, path: &mut KeyPath) {
        path.enter_key(&self.text);
    }

    fn bind(&self, keys: &mut KeyPath) -> bool {
        keys.enter_key(&self.text);
        true
    }
}

impl Name for Position {
    fn is_same(&self, _: &Self) -> bool {
        true
    }

    fn is(&self, index: usize, step: &Step) -> bool {
        matches!(step, Step::Index(wanted) if *wanted == index)
    }

    fn enter(&self, index: usize, path: &mut KeyPath) {
        path.enter_index(index);
    }

    fn bind(&self, _: &mut KeyPath) -> bool {
        false
    }
}

/// Part of a skipped path below an item, if the path leads through it.
fn below<'a, K: Name>(skipped: Option<Skipped<'a>>, name: &K, index: usize) -> Option<Skipped<'a>> {
    skipped.and_then(|skipped| match skipped.steps {
        [step, rest @ ..] if name.is(index, step) => Some(Skipped { steps: rest, ..skipped }),
        _ => None,
    })
}

/// A comparison of values on its way; the path is where it stopped.
struct Comparison {
    path: KeyPath,
}

impl Comparison {
    fn items<K: Name>(&mut self, first: &[Item<K>], second: &[Item<K>], skipped: Option<Skipped<'_>>) -> bool {
        let (mut first, mut second) = (values(first).peekable(), values(second).peekable());
        let mut passed = (false, false);
        loop {
            if let Some(Skipped { steps: [step], in_first, in_second, .. }) = &skipped {
                let is_next =
                    |next: Option<&(usize, &K, &Tree)>| next.is_some_and(|(index, name, _)| name.is(*index, step));
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
                    if !(name.is_same(other_name) && self.trees(one, other, below(skipped, name, index))) {
                        return false;
                    }
                    self.path.leave();
                }
                (Some((index, name, _)), None) | (None, Some((index, name, _))) => {
                    name.enter(index, &mut self.path);
                    return false;
                }
            }
        }
    }

    fn trees(&mut self, first: &Tree, second: &Tree, skipped: Option<Skipped<'_>>) -> bool {
        match (first, second) {
            (Tree::Leaf(first), Tree::Leaf(second)) => same_value(&first.value, &second.value),
            (Tree::List(first), Tree::List(second)) => self.items(&first.items, &second.items, skipped),
            (Tree::Map(first), Tree::Map(second)) => self.items(&first.items, &second.items, skipped),
            _ => false,
        }
    }
}

fn values<K>(items: &[Item<K>]) -> impl Iterator<Item = (usize, &K, &Tree)> {
    let values = items.iter().filter_map(|item| match item {
        Item::Value(name, value) => Some((name, value)),
        Item::Comment(_) => None,
    });
    values.enumerate().map(|(index, (name, value))| (index, name, value))
}

/// The comments of a document, each with how many values come before it. Of which map or list one is follows from the
/// lines around it, which are others once the file is written anew.
#[derive(Default)]
struct Comments<'a> {
    found: Vec<Placed<'a>>,
    /// The keys on the way.
    keys: KeyPath,
    values: usize,
}

/// A comment with its place.
struct Placed<'a> {
    /// Keys that its ciphertext is bound to.
    keys: KeyPath,
    /// The number of values before it.
    before: usize,
    text: &'a str,
}

impl<'a> Comments<'a> {
    fn of(root: &'a Map, skipped: Option<Skipped<'_>>) -> Vec<Placed<'a>> {
        let mut comments = Self::default();
        comments.items(&root.items, skipped);
        comments.found
    }

    fn items<K: Name>(&mut self, items: &'a [Item<K>], skipped: Option<Skipped<'_>>) {
        let (mut index, mut passed, mut inline) = (0, false, 0);
        for item in items {
            match item {
                Item::Comment(comment) => {
                    inline = if comment.inline { inline + 1 } else { 0 };
                    for text in lines(comment) {
                        self.found.push(Placed { keys: self.keys.clone(), before: self.values, text });
                    }
                }
                Item::Value(name, value) => {
                    match below(skipped, name, index) {
                        Some(Skipped { steps: [], .. }) if !passed => {
                            passed = true;
                            self.found.truncate(self.found.len() - inline);
                        }
                        below => {
                            let is_key = name.bind(&mut self.keys);
                            self.tree(value, below);
                            if is_key {
                                self.keys.leave();
                            }
                        }
                    }
                    (index, inline) = (index + 1, 0);
                }
            }
        }
    }

    fn tree(&mut self, tree: &'a Tree, skipped: Option<Skipped<'_>>) {
        let before = self.values;
        match tree {
            Tree::Leaf(_) => {}
            Tree::List(list) => self.items(&list.items, skipped),
            Tree::Map(map) => self.items(&map.items, skipped),
        }
        self.values = self.values.max(before + 1);
    }
}

/// Keys that bind the first comment that is not in both.
fn first_difference(
    first: &[Placed<'_>],
    second: &[Placed<'_>],
    is_same: impl Fn(&Placed<'_>, &Placed<'_>) -> bool,
) -> Option<KeyPath> {
    let at = first.iter().zip(second).take_while(|(first, second)| is_same(first, second)).count();
    let (first, second) = (first.get(at), second.get(at));
    first.or(second).map(|comment| comment.keys.clone())
}

/// Whether values are the same, types included; what is not a number is itself here.
pub(super) fn same_value(first: &Value, second: &Value) -> bool {
    first.kind() == second.kind() && first.bytes() == second.bytes()
}

/// Whether a change took out one value and nothing else, where comments may be those of another value after it.
pub(super) fn is_without(first: &Document, second: &Document, skipped: Skipped<'_>) -> bool {
    let mut both = first.branches.iter().zip(&second.branches).enumerate();
    first.branches.len() == second.branches.len()
        && both.all(|(index, (first, second))| {
            let skipped = Some(skipped).filter(|skipped| skipped.document == index);
            let before = Comments::of(first, skipped.filter(|skipped| skipped.in_first));
            let after = Comments::of(second, skipped.filter(|skipped| skipped.in_second));
            Comparison { path: KeyPath::default() }.items(&first.items, &second.items, skipped)
                && before.iter().map(|comment| comment.text).eq(after.iter().map(|comment| comment.text))
        })
}

/// Whether documents hold the same values, whatever comments are between them.
pub(super) fn same_branches(first: &Document, second: &Document) -> bool {
    let mut both = first.branches.iter().zip(&second.branches);
    first.branches.len() == second.branches.len()
        && both.all(|(first, second)| Comparison { path: KeyPath::default() }.items(&first.items, &second.items, None))
}

/// Whether trees hold the same values, whatever comments are between them.
pub(super) fn same_values(first: &Tree, second: &Tree) -> bool {
    Comparison { path: KeyPath::default() }.trees(first, second, None)
}
