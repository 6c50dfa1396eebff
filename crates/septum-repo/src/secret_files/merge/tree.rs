//! Differences between two versions of a document, and the choice between them given their common
//! ancestor.

use std::mem::discriminant;

use zeroize::Zeroizing;

use crate::sops::{SopsDocument, SopsItem, SopsMap, SopsTree, ValuePath, ValuePathStep};

/// A place at which the versions differ.
#[derive(Debug)]
pub(super) struct ValueDifference<'a> {
    /// Document of the file.
    pub(super) document: usize,
    pub(super) path: ValuePath,
    pub(super) ours: Option<&'a SopsTree>,
    pub(super) theirs: Option<&'a SopsTree>,
    pub(super) verdict: MergeChoice,
}

/// Version from which a value is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeChoice {
    Ours,
    Theirs,
    /// Both changed it, in different ways.
    Conflict,
}

/// All differences, in the order of ours. Maps are compared key by key, whatever their order; a list is one value,
/// because the identity of its items is unknown.
pub(super) fn find_differences<'a>(
    base: &'a SopsDocument,
    ours: &'a SopsDocument,
    theirs: &'a SopsDocument,
) -> Vec<ValueDifference<'a>> {
    let nothing = SopsMap::default();
    let mut found = Vec::new();
    for (document, (ours, theirs)) in ours.branches.iter().zip(&theirs.branches).enumerate() {
        let mut merge = TreeMerge { document, steps: Vec::new(), found: Vec::new() };
        let base = base.branches.get(document).unwrap_or(&nothing);
        merge.maps(Some(base), ours, theirs);
        found.append(&mut merge.found);
    }
    found
}

struct TreeMerge<'a> {
    document: usize,
    steps: Vec<ValuePathStep>,
    found: Vec<ValueDifference<'a>>,
}

type ValuePair<'a> = (Option<&'a SopsTree>, Option<&'a SopsTree>);

impl<'a> TreeMerge<'a> {
    fn maps(&mut self, base: Option<&SopsMap>, ours: &'a SopsMap, theirs: &'a SopsMap) {
        let added = theirs.values().filter(|(key, _)| ours.get(&key.text).is_none());
        for (key, _) in ours.values().chain(added) {
            let of = |map: &'a SopsMap| map.get(&key.text);
            self.steps.push(ValuePathStep::Key(key.text.clone()));
            self.values(base.and_then(|base| base.get(&key.text)), (of(ours), of(theirs)));
            self.steps.pop();
        }
    }

    fn values(&mut self, base: Option<&SopsTree>, (ours, theirs): ValuePair<'a>) {
        if is_same_tree(ours, theirs) {
            return;
        }
        let verdict = match (ours, theirs) {
            (Some(SopsTree::Map(ours)), Some(SopsTree::Map(theirs))) => return self.maps(as_map(base), ours, theirs),
            _ if is_same_tree(base, theirs) => MergeChoice::Ours,
            _ if is_same_tree(base, ours) => MergeChoice::Theirs,
            (Some(SopsTree::Map(map)), None) | (None, Some(SopsTree::Map(map))) => {
                return self.merge_removed(as_map(base), map, (ours, theirs));
            }
            _ => MergeChoice::Conflict,
        };
        self.push_difference((ours, theirs), verdict);
    }

    /// Merges a map that one side removed and the other changed: the changed values are in conflict, and the rest is
    /// removed.
    fn merge_removed(&mut self, base: Option<&SopsMap>, map: &'a SopsMap, (ours, theirs): ValuePair<'a>) {
        let from = self.found.len();
        let mut conflicts = false;
        let removed = if ours.is_none() { MergeChoice::Ours } else { MergeChoice::Theirs };
        for (key, value) in map.values() {
            self.steps.push(ValuePathStep::Key(key.text.clone()));
            let before = base.and_then(|base| base.get(&key.text));
            let versions = if ours.is_none() { (None, Some(value)) } else { (Some(value), None) };
            match value {
                _ if is_same_tree(before, Some(value)) => self.push_difference(versions, removed),
                SopsTree::Map(map) => self.merge_removed(as_map(before), map, versions),
                SopsTree::Leaf(_) | SopsTree::List(_) => self.push_difference(versions, MergeChoice::Conflict),
            }
            self.steps.pop();
        }
        for difference in self.found.iter().skip(from) {
            conflicts |= difference.verdict == MergeChoice::Conflict;
        }
        if !conflicts {
            self.found.truncate(from);
            self.push_difference((ours, theirs), removed);
        }
    }

    fn push_difference(&mut self, (ours, theirs): ValuePair<'a>, verdict: MergeChoice) {
        let path = self.steps.iter().cloned().collect();
        self.found.push(ValueDifference { document: self.document, path, ours, theirs, verdict });
    }
}

fn as_map(tree: Option<&SopsTree>) -> Option<&SopsMap> {
    match tree {
        Some(SopsTree::Map(map)) => Some(map),
        Some(SopsTree::Leaf(_) | SopsTree::List(_)) | None => None,
    }
}

/// Whether two values are equal and of the same type: the number 1 is not the text "1".
pub(in crate::secret_files) fn is_same_tree(one: Option<&SopsTree>, other: Option<&SopsTree>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(SopsTree::Leaf(one)), Some(SopsTree::Leaf(other))) => {
            // by its bytes, so that NaN equals itself
            let types = discriminant(&one.value) == discriminant(&other.value);
            types && one.value.bytes() == other.value.bytes() && one.site.unsigned == other.site.unsigned
        }
        (Some(SopsTree::List(one)), Some(SopsTree::List(other))) => {
            let equal = one.values().zip(other.values()).all(|(one, other)| is_same_tree(Some(one), Some(other)));
            equal && one.values().count() == other.values().count()
        }
        (Some(SopsTree::Map(one)), Some(SopsTree::Map(other))) => same_maps(one, other),
        _ => false,
    }
}

fn same_maps(one: &SopsMap, other: &SopsMap) -> bool {
    one.values().count() == other.values().count()
        && one.values().all(|(key, value)| is_same_tree(Some(value), other.get(&key.text)))
}

/// The comments of a document, each with the keys on the path to it.
#[derive(Default)]
pub(super) struct DocumentComments(Vec<(Vec<String>, Zeroizing<String>)>);

impl DocumentComments {
    pub(super) fn of(document: &SopsDocument) -> Self {
        let mut comments = Self::default();
        for (index, branch) in document.branches.iter().enumerate() {
            comments.map(branch, &mut vec![index.to_string()]);
        }
        comments
    }

    fn map(&mut self, map: &SopsMap, way: &mut Vec<String>) {
        for item in &map.items {
            match item {
                SopsItem::Comment(comment) => self.0.push((way.clone(), comment.text.clone())),
                SopsItem::Value(key, value) => {
                    way.push(key.text.clone());
                    self.tree(value, way);
                    way.pop();
                }
            }
        }
    }

    fn tree(&mut self, tree: &SopsTree, way: &mut Vec<String>) {
        match tree {
            SopsTree::Leaf(_) => {}
            SopsTree::Map(map) => self.map(map, way),
            SopsTree::List(list) => {
                for item in &list.items {
                    match item {
                        SopsItem::Comment(comment) => self.0.push((way.clone(), comment.text.clone())),
                        SopsItem::Value(_, value) => self.tree(value, way),
                    }
                }
            }
        }
    }

    /// Counts the comments added or removed here since `before`, but not in the other version.
    pub(super) fn count_changes(&self, before: &Self, other: &Self) -> usize {
        let new = self.0.iter().filter(|note| !before.0.contains(note) && !other.0.contains(note));
        let gone = before.0.iter().filter(|note| !self.0.contains(note) && other.0.contains(note));
        new.count().max(gone.count())
    }
}
