//! Puts what a merge decided into the text of a file, with as few changes as can be.

use zeroize::Zeroizing;

use super::tree::is_same_tree;
use crate::sops::{
    DecryptedFile, SopsFormat, SopsList, SopsMap, SopsTree, TypedValue, ValuePath, ValuePathStep, WriteError,
    format_conflict,
};

/// Makes values of a file out of others.
pub(super) struct TreePatch<'a> {
    file: &'a mut DecryptedFile,
    document: usize,
    steps: Vec<ValuePathStep>,
    /// Single values, which are put in place of others at the end and all at once.
    leaves: Vec<(usize, ValuePath, SopsTree)>,
}

impl<'a> TreePatch<'a> {
    pub(super) fn new(file: &'a mut DecryptedFile) -> Self {
        Self { file, document: 0, steps: Vec::new(), leaves: Vec::new() }
    }

    /// Puts `to` at a path; `from` is what stands there.
    pub(super) fn put_value(
        &mut self,
        document: usize,
        path: &ValuePath,
        from: Option<&SopsTree>,
        to: Option<&SopsTree>,
    ) -> Result<(), WriteError> {
        self.document = document;
        self.steps = path.steps().to_vec();
        self.apply_change(from, to)
    }

    /// Finishes what was put.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.file.set_leaves(&self.leaves)
    }

    fn apply_change(&mut self, from: Option<&SopsTree>, to: Option<&SopsTree>) -> Result<(), WriteError> {
        let is_ini = self.file.format() == SopsFormat::Ini;
        match (from, to) {
            _ if is_same_tree(from, to) => Ok(()),
            (Some(SopsTree::Leaf(_)), Some(to @ SopsTree::Leaf(_))) => {
                self.leaves.push((self.document, self.path(), to.clone()));
                Ok(())
            }
            (Some(SopsTree::Map(from)), Some(SopsTree::Map(to))) => self.change_map(from, to),
            (Some(SopsTree::List(from)), Some(SopsTree::List(to))) => self.change_list(from, to),
            // a file of lines has no value that is a map
            (None, Some(SopsTree::Map(to))) if is_ini => self.change_map(&SopsMap::default(), to),
            (Some(SopsTree::Map(from)), None) if is_ini => self.change_map(from, &SopsMap::default()),
            (_, Some(to)) => self.file.set_value(self.document, &self.path(), to),
            (_, None) => self.file.unset_value(self.document, &self.path()),
        }
    }

    fn path(&self) -> ValuePath {
        self.steps.iter().cloned().collect()
    }

    fn apply_step(
        &mut self,
        step: ValuePathStep,
        from: Option<&SopsTree>,
        to: Option<&SopsTree>,
    ) -> Result<(), WriteError> {
        self.steps.push(step);
        let made = self.apply_change(from, to);
        self.steps.pop();
        made
    }

    /// Applies additions first: a map that becomes empty on the way loses its form.
    fn change_map(&mut self, from: &SopsMap, to: &SopsMap) -> Result<(), WriteError> {
        for (key, value) in to.values() {
            self.apply_step(ValuePathStep::Key(key.text.clone()), from.get(&key.text), Some(value))?;
        }
        for (key, value) in from.values().filter(|(key, _)| to.get(&key.text).is_none()) {
            self.apply_step(ValuePathStep::Key(key.text.clone()), Some(value), None)?;
        }
        Ok(())
    }

    /// From the end, what is too much goes; the items before it keep their numbers.
    fn change_list(&mut self, from: &SopsList, to: &SopsList) -> Result<(), WriteError> {
        let mut old = from.values();
        for (index, value) in to.values().enumerate() {
            self.apply_step(ValuePathStep::Index(index), old.next(), Some(value))?;
        }
        let rest: Vec<_> = old.collect();
        for (index, value) in rest.iter().enumerate().rev() {
            self.apply_step(ValuePathStep::Index(to.values().count() + index), Some(value), None)?;
        }
        Ok(())
    }
}

/// Both versions of a value as one text, each as people would write it.
pub(super) fn combine_versions(ours: Option<&SopsTree>, theirs: Option<&SopsTree>) -> SopsTree {
    // with quotes where one of them is no text: else the number 1 and the text "1" look the same
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
