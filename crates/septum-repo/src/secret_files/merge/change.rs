//! Application of a merge to the text of a file, with as few changes as possible.

use zeroize::Zeroizing;

use super::tree::is_same_tree;
use crate::sops::{
    DecryptedFile, SopsFormat, SopsList, SopsMap, SopsTree, TypedValue, ValueEdit, ValuePath, ValuePathStep,
    WriteError, format_conflict,
};

/// Changes the values of a file into those of another version.
pub(super) struct TreePatch<'a> {
    file: &'a mut DecryptedFile,
    document: usize,
    steps: Vec<ValuePathStep>,
    /// The changes in their order, which are made at the end.
    changes: Vec<MergeStep>,
}

/// A change of a file.
struct MergeStep {
    change: ValueEdit,
    /// Whether a single value takes the place of another.
    is_replacement: bool,
}

impl<'a> TreePatch<'a> {
    pub(super) fn new(file: &'a mut DecryptedFile) -> Self {
        Self { file, document: 0, steps: Vec::new(), changes: Vec::new() }
    }

    /// Plans to set `to` at a path; `from` is the current value.
    pub(super) fn put_value(
        &mut self,
        document: usize,
        path: &ValuePath,
        from: Option<&SopsTree>,
        to: Option<&SopsTree>,
    ) {
        self.document = document;
        self.steps = path.steps().to_vec();
        self.plan_change(from, to);
    }

    /// Makes the changes: all at once, because each requires parsing the file, or else one after the other.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Self { file, changes, .. } = self;
        let (replacements, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(|planned| planned.is_replacement);
        let changes: Vec<_> = others.into_iter().chain(replacements).collect();
        let replaced = changes.iter().position(|planned| planned.is_replacement).unwrap_or(changes.len());
        let changes: Vec<_> = changes.into_iter().map(|planned| planned.change).collect();
        if file.change_together(&changes)? {
            return Ok(());
        }
        let (others, replacements) = changes.split_at(replaced);
        for ValueEdit { document, path, value } in others {
            match value {
                Some(value) => file.set_value(*document, path, value)?,
                None => file.unset_value(*document, path)?,
            }
        }
        file.set_leaves(replacements)
    }

    fn plan_change(&mut self, from: Option<&SopsTree>, to: Option<&SopsTree>) {
        let is_ini = self.file.format() == SopsFormat::Ini;
        match (from, to) {
            _ if is_same_tree(from, to) => {}
            (Some(SopsTree::Map(from)), Some(SopsTree::Map(to))) => self.change_map(from, to),
            (Some(SopsTree::List(from)), Some(SopsTree::List(to))) => self.change_list(from, to),
            // a file of lines has no value that is a map
            (None, Some(SopsTree::Map(to))) if is_ini => self.change_map(&SopsMap::default(), to),
            (Some(SopsTree::Map(from)), None) if is_ini => self.change_map(from, &SopsMap::default()),
            _ => self.changes.push(MergeStep {
                change: ValueEdit {
                    document: self.document,
                    path: self.steps.iter().cloned().collect(),
                    value: to.cloned(),
                },
                is_replacement: matches!((from, to), (Some(SopsTree::Leaf(_)), Some(SopsTree::Leaf(_)))),
            }),
        }
    }

    fn plan_step(&mut self, step: ValuePathStep, from: Option<&SopsTree>, to: Option<&SopsTree>) {
        self.steps.push(step);
        self.plan_change(from, to);
        self.steps.pop();
    }

    /// Plans additions first: a map that becomes empty in between loses its form.
    fn change_map(&mut self, from: &SopsMap, to: &SopsMap) {
        for (key, value) in to.values() {
            self.plan_step(ValuePathStep::Key(key.text.clone()), from.get(&key.text), Some(value));
        }
        for (key, value) in from.values().filter(|(key, _)| to.get(&key.text).is_none()) {
            self.plan_step(ValuePathStep::Key(key.text.clone()), Some(value), None);
        }
    }

    /// Surplus items are removed from the end, so that the items before keep their numbers.
    fn change_list(&mut self, from: &SopsList, to: &SopsList) {
        let mut old = from.values();
        for (index, value) in to.values().enumerate() {
            self.plan_step(ValuePathStep::Index(index), old.next(), Some(value));
        }
        let rest: Vec<_> = old.collect();
        for (index, value) in rest.iter().enumerate().rev() {
            self.plan_step(ValuePathStep::Index(to.values().count() + index), Some(value), None);
        }
    }
}

/// Both versions of a value as one text, each in its usual form.
pub(super) fn combine_versions(ours: Option<&SopsTree>, theirs: Option<&SopsTree>) -> SopsTree {
    // with quotes where one of them is not a text: else the number 1 and the text "1" look the same
    let texts = [ours, theirs].into_iter().flatten().all(|tree| text_of_leaf(tree).is_some());
    let shown = |tree: Option<&SopsTree>| match tree {
        None => Zeroizing::default(),
        Some(tree) if texts => Zeroizing::new(text_of_leaf(tree).unwrap_or_default().to_owned()),
        Some(tree) => tree.to_flow(),
    };
    let both = format_conflict(&shown(ours), &shown(theirs));
    SopsTree::of(TypedValue::from_text(&both))
}

fn text_of_leaf(tree: &SopsTree) -> Option<&str> {
    match tree {
        SopsTree::Leaf(leaf) => match &leaf.value {
            TypedValue::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        },
        SopsTree::List(_) | SopsTree::Map(_) => None,
    }
}
