//! Identities of the objects that are patched, so that a patch looks only at those that it may select.

use super::object::{PatchIdentity, PatchObject};
use crate::map::{HashMap, HashSet};
use crate::sort::sort;

/// Objects by their names. It follows the patches that change them.
#[derive(Debug)]
pub(super) struct PatchTargetIndex {
    /// Current identities, in the order of the objects.
    pub(super) identities: Vec<PatchIdentity>,
    /// First identities, in the order of the objects.
    originals: Vec<PatchIdentity>,
    /// Indices of objects, ascending, by each name that they have or had.
    by_name: HashMap<String, Vec<usize>>,
}

impl PatchTargetIndex {
    pub(super) fn of(objects: &[PatchObject]) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::default();
        for (index, object) in objects.iter().enumerate() {
            for identity in object.identities() {
                let indices = by_name.entry(identity.name).or_default();
                if indices.last() != Some(&index) {
                    indices.push(index);
                }
            }
        }
        let originals = objects.iter().map(PatchObject::original).collect();
        Self { identities: objects.iter().map(PatchObject::identity).collect(), originals, by_name }
    }

    /// Indices of the objects that have or had one of some names, ascending; of all without names.
    pub(super) fn candidates(&self, names: Option<&[String]>) -> Vec<usize> {
        let Some(names) = names else { return (0..self.identities.len()).collect() };
        let mut found: Vec<_> = names.iter().flat_map(|name| self.named(name)).copied().collect();
        if names.len() > 1 {
            sort(&mut found);
            found.dedup();
        }
        found
    }

    /// Indices of the objects that have or had a name.
    pub(super) fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// First and current identity of an object.
    pub(super) fn identities_of(&self, index: usize) -> Option<(&PatchIdentity, &PatchIdentity)> {
        self.originals.get(index).zip(self.identities.get(index))
    }

    /// Replaces the current identity of an object, which it is still found by.
    pub(super) fn change(&mut self, index: usize, identity: PatchIdentity) {
        let indices = self.by_name.entry(identity.name.clone()).or_default();
        if let Err(at) = indices.binary_search(&index) {
            indices.insert(at, index);
        }
        if let Some(known) = self.identities.get_mut(index) {
            *known = identity;
        }
    }

    /// Removes objects by their indices: those after them move up.
    pub(super) fn remove(&mut self, removed: &HashSet<usize>) {
        let mut kept = 0;
        let moved: Vec<_> = (0..self.identities.len())
            .map(|index| {
                let is_kept = !removed.contains(&index);
                kept += usize::from(is_kept);
                is_kept.then(|| kept - 1)
            })
            .collect();
        let to = |index: usize| moved.get(index).copied().flatten();
        for identities in [&mut self.identities, &mut self.originals] {
            let mut index = 0;
            identities.retain(|_| {
                index += 1;
                to(index - 1).is_some()
            });
        }
        for indices in self.by_name.values_mut() {
            let found = indices.iter().filter_map(|index| to(*index)).collect();
            *indices = found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Tree;
    use crate::manifest::patch::tests::tree;

    fn named(name: &str) -> Tree {
        tree(&format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n"))
    }

    #[test]
    fn an_index_that_follows_changes_is_that_of_the_objects() {
        let mut objects: Vec<_> = ["a", "b", "c", "b"].map(|name| PatchObject::new(named(name), Vec::new())).into();
        let mut index = PatchTargetIndex::of(&objects);
        let rename = |objects: &mut Vec<PatchObject>, index: &mut PatchTargetIndex, at: usize, name: &str| {
            objects[at].remember_identity();
            objects[at].tree = named(name);
            index.change(at, objects[at].identity());
        };
        rename(&mut objects, &mut index, 2, "b");
        rename(&mut objects, &mut index, 0, "d");
        objects.remove(1);
        index.remove(&HashSet::from_iter([1]));
        rename(&mut objects, &mut index, 0, "a");
        let expected = PatchTargetIndex::of(&objects);
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(index.named(name), expected.named(name), "{name}");
        }
        assert_eq!(index.identities, expected.identities);
        assert_eq!(index.originals, expected.originals);
        assert_eq!(index.candidates(Some(&["c".to_owned(), "a".to_owned(), "b".to_owned()])), [0, 1, 2]);
        assert_eq!(index.candidates(None), [0, 1, 2]);
    }
}
