//! Identities of the objects that are patched, so that a patch looks only at those that it may select.

use super::object::{PatchIdentity, PatchObject};
use crate::map::HashMap;

/// Objects by their names, as long as no patch changes an identity.
#[derive(Debug)]
pub(super) struct PatchTargetIndex {
    /// Current identities, in the order of the objects.
    pub(super) identities: Vec<PatchIdentity>,
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
        Self { identities: objects.iter().map(PatchObject::identity).collect(), by_name }
    }

    /// Indices of the objects that have or had a name.
    pub(super) fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}
