//! Puts what a merge decided into the text of a file, with as few changes as can be.

use zeroize::Zeroizing;

use super::tree::same;
use crate::sops::{Format, KeyPath, List, Map, Sealed, Step, Tree, Value, WriteError, conflict};

/// Makes values of a file out of others.
pub(super) struct Change<'a> {
    file: &'a mut Sealed,
    document: usize,
    steps: Vec<Step>,
    /// Single values, which are put in place of others at the end and all at once.
    leaves: Vec<(usize, KeyPath, Tree)>,
}

impl<'a> Change<'a> {
    pub(super) fn new(file: &'a mut Sealed) -> Self {
        Self { file, document: 0, steps: Vec::new(), leaves: Vec::new() }
    }

    /// Puts `to` at a path; `from` is what stands there.
    pub(super) fn put(
        &mut self,
        document: usize,
        path: &KeyPath,
        from: Option<&Tree>,
        to: Option<&Tree>,
    ) -> Result<(), WriteError> {
        self.document = document;
        self.steps = path.steps().to_vec();
        self.make(from, to)
    }

    /// Finishes what was put.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.file.set_leaves(&self.leaves)
    }

    fn make(&mut self, from: Option<&Tree>, to: Option<&Tree>) -> Result<(), WriteError> {
        let is_ini = self.file.format() == Format::Ini;
        match (from, to) {
            _ if same(from, to) => Ok(()),
            (Some(Tree::Leaf(_)), Some(to @ Tree::Leaf(_))) => {
                self.leaves.push((self.document, self.path(), to.clone()));
                Ok(())
            }
            (Some(Tree::Map(from)), Some(Tree::Map(to))) => self.map(from, to),
            (Some(Tree::List(from)), Some(Tree::List(to))) => self.list(from, to),
            // a file of lines has no value that is a map
            (None, Some(Tree::Map(to))) if is_ini => self.map(&Map::default(), to),
            (Some(Tree::Map(from)), None) if is_ini => self.map(from, &Map::default()),
            (_, Some(to)) => self.file.set(self.document, &self.path(), to),
            (_, None) => self.file.unset(self.document, &self.path()),
        }
    }

    fn path(&self) -> KeyPath {
        self.steps.iter().cloned().collect()
    }

    fn step(&mut self, step: Step, from: Option<&Tree>, to: Option<&Tree>) -> Result<(), WriteError> {
        self.steps.push(step);
        let made = self.make(from, to);
        self.steps.pop();
        made
    }

    /// What is new comes first: a map that runs empty on the way loses its form.
    fn map(&mut self, from: &Map, to: &Map) -> Result<(), WriteError> {
        for (key, value) in to.values() {
            self.step(Step::Key(key.text.clone()), from.get(&key.text), Some(value))?;
        }
        for (key, value) in from.values().filter(|(key, _)| to.get(&key.text).is_none()) {
            self.step(Step::Key(key.text.clone()), Some(value), None)?;
        }
        Ok(())
    }

    /// From the end, what is too much goes; the items before it keep their numbers.
    fn list(&mut self, from: &List, to: &List) -> Result<(), WriteError> {
        let mut old = from.values();
        for (index, value) in to.values().enumerate() {
            self.step(Step::Index(index), old.next(), Some(value))?;
        }
        let rest: Vec<_> = old.collect();
        for (index, value) in rest.iter().enumerate().rev() {
            self.step(Step::Index(to.values().count() + index), Some(value), None)?;
        }
        Ok(())
    }
}

/// Both versions of a value as one text, each as people would write it.
pub(super) fn both(ours: Option<&Tree>, theirs: Option<&Tree>) -> Tree {
    // with quotes where one of them is no text: else the number 1 and the text "1" look the same
    let texts = [ours, theirs].into_iter().flatten().all(|tree| text(tree).is_some());
    let shown = |tree: Option<&Tree>| match tree {
        None => Zeroizing::default(),
        Some(tree) if texts => Zeroizing::new(text(tree).unwrap_or_default().to_owned()),
        Some(tree) => tree.inline(),
    };
    let both = conflict(&shown(ours), &shown(theirs));
    Tree::of(Value::text(&both))
}

fn text(tree: &Tree) -> Option<&str> {
    match tree {
        Tree::Leaf(leaf) => match &leaf.value {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        },
        Tree::List(_) | Tree::Map(_) => None,
    }
}
