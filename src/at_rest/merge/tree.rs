//! Where two versions of a document differ, and which of them is right given what both come from.

use std::collections::HashSet;
use std::mem::discriminant;

use zeroize::Zeroizing;

use crate::sops::{Document, Item, KeyPath, Map, Step, Tree};

/// A place at which the versions differ.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    /// Which document of the file.
    pub(super) document: usize,
    pub(super) path: KeyPath,
    pub(super) ours: Option<&'a Tree>,
    pub(super) theirs: Option<&'a Tree>,
    pub(super) verdict: Verdict,
}

/// Which version of a value is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ours,
    Theirs,
    /// Both changed it, in different ways.
    Conflict,
}

/// All differences, in the order of ours. Maps are compared key by key, whatever their order; a
/// list is one value, because nothing tells which of its items is which.
pub(super) fn differences<'a>(base: &'a Document, ours: &'a Document, theirs: &'a Document) -> Vec<Difference<'a>> {
    let nothing = Map::default();
    let mut found = Vec::new();
    for (document, (ours, theirs)) in ours.branches.iter().zip(&theirs.branches).enumerate() {
        let mut merge = Merge { document, steps: Vec::new(), found: Vec::new() };
        let base = base.branches.get(document).unwrap_or(&nothing);
        merge.maps(Some(base), ours, theirs);
        found.append(&mut merge.found);
    }
    found
}

struct Merge<'a> {
    document: usize,
    steps: Vec<Step>,
    found: Vec<Difference<'a>>,
}

type Versions<'a> = (Option<&'a Tree>, Option<&'a Tree>);

impl<'a> Merge<'a> {
    fn maps(&mut self, base: Option<&Map>, ours: &'a Map, theirs: &'a Map) {
        let added = theirs.values().filter(|(key, _)| ours.get(&key.text).is_none());
        for (key, _) in ours.values().chain(added) {
            let of = |map: &'a Map| map.get(&key.text);
            self.steps.push(Step::Key(key.text.clone()));
            self.values(base.and_then(|base| base.get(&key.text)), (of(ours), of(theirs)));
            self.steps.pop();
        }
    }

    fn values(&mut self, base: Option<&Tree>, (ours, theirs): Versions<'a>) {
        if same(ours, theirs) {
            return;
        }
        let verdict = match (ours, theirs) {
            (Some(Tree::Map(ours)), Some(Tree::Map(theirs))) => return self.maps(as_map(base), ours, theirs),
            _ if same(base, theirs) => Verdict::Ours,
            _ if same(base, ours) => Verdict::Theirs,
            (Some(Tree::Map(map)), None) | (None, Some(Tree::Map(map))) => {
                return self.removed(as_map(base), map, (ours, theirs));
            }
            _ => Verdict::Conflict,
        };
        self.push((ours, theirs), verdict);
    }

    /// A map that one side removed and the other changed: what the other changed is in conflict, and
    /// the rest goes.
    fn removed(&mut self, base: Option<&Map>, map: &'a Map, (ours, theirs): Versions<'a>) {
        let from = self.found.len();
        let mut conflicts = false;
        let removed = if ours.is_none() { Verdict::Ours } else { Verdict::Theirs };
        for (key, value) in map.values() {
            self.steps.push(Step::Key(key.text.clone()));
            let before = base.and_then(|base| base.get(&key.text));
            let versions = if ours.is_none() { (None, Some(value)) } else { (Some(value), None) };
            match value {
                _ if same(before, Some(value)) => self.push(versions, removed),
                Tree::Map(map) => self.removed(as_map(before), map, versions),
                Tree::Leaf(_) | Tree::List(_) => self.push(versions, Verdict::Conflict),
            }
            self.steps.pop();
        }
        for difference in self.found.iter().skip(from) {
            conflicts |= difference.verdict == Verdict::Conflict;
        }
        if !conflicts {
            self.found.truncate(from);
            self.push((ours, theirs), removed);
        }
    }

    fn push(&mut self, (ours, theirs): Versions<'a>, verdict: Verdict) {
        let path = self.steps.iter().cloned().collect();
        self.found.push(Difference { document: self.document, path, ours, theirs, verdict });
    }
}

fn as_map(tree: Option<&Tree>) -> Option<&Map> {
    match tree {
        Some(Tree::Map(map)) => Some(map),
        Some(Tree::Leaf(_) | Tree::List(_)) | None => None,
    }
}

/// Whether two values are the same, of the same type: the number 1 is not the text "1".
pub(in crate::at_rest) fn same(one: Option<&Tree>, other: Option<&Tree>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(Tree::Leaf(one)), Some(Tree::Leaf(other))) => {
            // by its bytes, what is not a number is itself
            let types = discriminant(&one.value) == discriminant(&other.value);
            types && one.value.bytes() == other.value.bytes() && one.unsigned == other.unsigned
        }
        (Some(Tree::List(one)), Some(Tree::List(other))) => {
            let equal = one.values().zip(other.values()).all(|(one, other)| same(Some(one), Some(other)));
            equal && one.values().count() == other.values().count()
        }
        (Some(Tree::Map(one)), Some(Tree::Map(other))) => same_maps(one, other),
        _ => false,
    }
}

fn same_maps(one: &Map, other: &Map) -> bool {
    one.values().count() == other.values().count()
        && one.values().all(|(key, value)| same(Some(value), other.get(&key.text)))
}

/// A key that stands twice in one map, which JSON and dotenv allow: nothing tells which one is meant.
pub(super) fn duplicate(document: &Document) -> Option<&str> {
    document.branches.iter().find_map(duplicate_key)
}

fn duplicate_key(map: &Map) -> Option<&str> {
    let mut known = HashSet::new();
    let twice = map.values().find(|(key, _)| !known.insert(key.text.as_str())).map(|(key, _)| key.text.as_str());
    twice.or_else(|| map.values().find_map(|(_, value)| duplicate_below(value)))
}

fn duplicate_below(tree: &Tree) -> Option<&str> {
    match tree {
        Tree::Leaf(_) => None,
        Tree::List(list) => list.values().find_map(duplicate_below),
        Tree::Map(map) => duplicate_key(map),
    }
}

/// The comments of a document, each with the keys on the way to it.
#[derive(Default)]
pub(super) struct Comments(Vec<(Vec<String>, Zeroizing<String>)>);

impl Comments {
    pub(super) fn of(document: &Document) -> Self {
        let mut comments = Self::default();
        for (index, branch) in document.branches.iter().enumerate() {
            comments.map(branch, &mut vec![index.to_string()]);
        }
        comments
    }

    fn map(&mut self, map: &Map, way: &mut Vec<String>) {
        for item in &map.items {
            match item {
                Item::Comment(comment) => self.0.push((way.clone(), comment.text.clone())),
                Item::Value(key, value) => {
                    way.push(key.text.clone());
                    self.tree(value, way);
                    way.pop();
                }
            }
        }
    }

    fn tree(&mut self, tree: &Tree, way: &mut Vec<String>) {
        match tree {
            Tree::Leaf(_) => {}
            Tree::Map(map) => self.map(map, way),
            Tree::List(list) => {
                for item in &list.items {
                    match item {
                        Item::Comment(comment) => self.0.push((way.clone(), comment.text.clone())),
                        Item::Value(_, value) => self.tree(value, way),
                    }
                }
            }
        }
    }

    /// How many comments are new or gone here since `before`, and not so in the other version.
    pub(super) fn changes(&self, before: &Self, other: &Self) -> usize {
        let new = self.0.iter().filter(|note| !before.0.contains(note) && !other.0.contains(note));
        let gone = before.0.iter().filter(|note| !self.0.contains(note) && other.0.contains(note));
        new.count().max(gone.count())
    }
}
