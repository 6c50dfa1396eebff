//! Inputs of targets, as a cache keeps them: each once, and once those that the targets of an app share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::map::HashMap;
use crate::sort::sort_by_key;

/// Inputs of a target with their digests.
#[derive(Debug, Clone, Default)]
pub(in crate::output_tree) struct TargetInputs {
    /// Those of all targets of the app: routing is decided over all environments, so each reads the layers of all.
    pub(in crate::output_tree) shared: Arc<BTreeMap<String, String>>,
    /// The others.
    pub(in crate::output_tree) own: BTreeMap<String, String>,
}

/// Inputs of a target by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output_tree) struct InputNumbers {
    /// Number of the inputs that it shares.
    pub(super) shared: usize,
    /// Numbers of the others.
    pub(super) own: Vec<usize>,
}

/// Inputs of a target as they were when it was made.
pub(in crate::output_tree) struct FormerInputs<'a> {
    /// Number of the inputs that it shares: two targets with the same number have the same.
    pub(in crate::output_tree) group: usize,
    inputs: &'a [(String, String)],
    shared: &'a [usize],
    own: &'a [usize],
}

impl<'a> FormerInputs<'a> {
    /// Those of these numbers; none if they are not in the tables.
    pub(super) fn find(
        inputs: &'a [(String, String)],
        shared: &'a [Vec<usize>],
        numbers: &'a InputNumbers,
    ) -> Option<Self> {
        Some(Self { group: numbers.shared, inputs, shared: shared.get(numbers.shared)?, own: &numbers.own })
    }

    /// Those that it shares, with their digests.
    pub(in crate::output_tree) fn shared(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        find_inputs(self.inputs, self.shared)
    }

    /// The others, with their digests.
    pub(in crate::output_tree) fn own(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        find_inputs(self.inputs, self.own)
    }
}

fn find_inputs<'a>(
    inputs: &'a [(String, String)],
    numbers: &'a [usize],
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let input = |index: &usize| inputs.get(*index);
    numbers.iter().filter_map(input).map(|(name, digest)| (name.as_str(), digest.as_str()))
}

/// Inputs by their numbers.
pub(super) struct InputTable {
    inputs: Vec<(String, String)>,
    /// Numbers of the inputs of each name: the targets of a former run may have been made of other contents.
    numbers: HashMap<String, Vec<usize>>,
    /// Inputs that targets share.
    shared: Vec<Vec<usize>>,
    shared_numbers: HashMap<Vec<usize>, usize>,
    /// Numbers of those of this run, by their address.
    known: HashMap<usize, (Arc<BTreeMap<String, String>>, usize)>,
}

impl InputTable {
    /// Those of former tables that targets still use, which get their new numbers.
    pub(super) fn keeping<'m>(
        (old, old_shared): (Vec<(String, String)>, Vec<Vec<usize>>),
        targets: impl Iterator<Item = &'m mut InputNumbers>,
    ) -> Self {
        let mut inputs = Renumbering::of(old);
        let mut shared = Renumbering::of(old_shared);
        for numbers in targets {
            numbers.own.retain_mut(|index| inputs.renumber(index));
            shared.renumber(&mut numbers.shared);
        }
        let mut shared = shared.finish();
        for index in &mut shared {
            index.retain_mut(|index| inputs.renumber(index));
        }
        let inputs = inputs.finish();
        let mut table = Self {
            inputs: Vec::with_capacity(inputs.len()),
            numbers: HashMap::default(),
            shared_numbers: shared.iter().cloned().enumerate().map(|(number, group)| (group, number)).collect(),
            shared,
            known: HashMap::default(),
        };
        for input in inputs {
            table.push(input);
        }
        table
    }

    /// The numbers of the inputs of a target.
    pub(super) fn numbers(&mut self, TargetInputs { shared, own }: TargetInputs) -> InputNumbers {
        InputNumbers {
            shared: self.shared_number(shared),
            own: own.into_iter().map(|(name, digest)| self.number(&name, &digest)).collect(),
        }
    }

    /// The inputs, and those that targets share.
    pub(super) fn into_parts(self) -> (Vec<(String, String)>, Vec<Vec<usize>>) {
        (self.inputs, self.shared)
    }

    fn shared_number(&mut self, shared: Arc<BTreeMap<String, String>>) -> usize {
        let address = Arc::as_ptr(&shared).addr();
        if let Some((_, number)) = self.known.get(&address) {
            return *number;
        }
        let group: Vec<_> = shared.iter().map(|(name, digest)| self.number(name, digest)).collect();
        let number = self.shared_numbers.get(&group).copied().unwrap_or_else(|| {
            self.shared.push(group.clone());
            self.shared_numbers.insert(group, self.shared.len() - 1);
            self.shared.len() - 1
        });
        self.known.insert(address, (shared, number));
        number
    }

    /// The number of an input.
    fn number(&mut self, name: &str, digest: &str) -> usize {
        let known = self.numbers.get(name).into_iter().flatten();
        let has_digest = |number: &usize| self.inputs.get(*number).is_some_and(|(_, known)| known == digest);
        let known = known.copied().find(has_digest);
        known.unwrap_or_else(|| self.push((name.to_owned(), digest.to_owned())))
    }

    fn push(&mut self, input: (String, String)) -> usize {
        let number = self.inputs.len();
        self.numbers.entry(input.0.clone()).or_default().push(number);
        self.inputs.push(input);
        number
    }
}

/// Rows of a table, which are numbered anew as they are used.
struct Renumbering<T> {
    old: Vec<T>,
    numbers: Vec<Option<usize>>,
    count: usize,
}

impl<T> Renumbering<T> {
    fn of(old: Vec<T>) -> Self {
        Self { numbers: vec![None; old.len()], old, count: 0 }
    }

    /// Gives a row its new number; not if there is no such row.
    fn renumber(&mut self, index: &mut usize) -> bool {
        let Some(number) = self.numbers.get_mut(*index) else { return false };
        *index = *number.get_or_insert_with(|| {
            self.count += 1;
            self.count - 1
        });
        true
    }

    /// The rows that are used, in the order of their new numbers.
    fn finish(self) -> Vec<T> {
        let rows = self.numbers.into_iter().zip(self.old);
        let mut kept: Vec<_> = rows.filter_map(|(number, row)| Some((number?, row))).collect();
        sort_by_key(&mut kept, |(number, _)| *number);
        kept.into_iter().map(|(_, row)| row).collect()
    }
}
