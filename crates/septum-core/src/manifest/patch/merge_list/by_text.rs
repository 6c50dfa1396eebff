//! Lists of which each item has a text that alone decides what it matches: names of containers and of variables.

use super::super::failure::PatchFailure;
use super::super::merge_schema::MergeSchema;
use super::super::node::PatchNode;
use super::super::strategic::StrategicMerge;
use super::MergedItems;
use crate::map::{HashSet, IndexMap};

impl StrategicMerge<'_> {
    /// Merges lists of which each item has a text that alone decides what it matches: as `merge_items` does, which
    /// compares each item with each.
    pub(super) fn merge_by_text(
        &mut self,
        mut items: MergedItems<'_>,
        texts: &[String],
        target: &[usize],
        patch: &[usize],
        schema: MergeSchema,
    ) -> Result<Vec<PatchNode>, PatchFailure> {
        let with_text = |slot: &usize| Some((texts.get(*slot)?.as_str(), *slot));
        let first_of = |list: &[usize]| {
            let mut first: IndexMap<&str, usize> = IndexMap::default();
            for (text, slot) in list.iter().filter_map(with_text) {
                first.entry(text).or_insert(slot);
            }
            first
        };
        let (old, new) = (first_of(target), first_of(patch));
        let (mut added, mut removed) = (IndexMap::default(), HashSet::default());
        let new_first = new.keys().chain(old.keys().filter(|text| !new.contains_key(*text)));
        for text in new_first {
            let merged = self.merge_item(&mut items, old.get(text).copied(), new.get(text).copied(), schema)?;
            match merged.filter(|slot| !items.is_vain(*slot)) {
                Some(slot) => drop(added.insert(*text, slot)),
                None => drop(removed.insert(*text)),
            }
        }
        for (text, slot) in target.iter().filter_map(with_text).filter(|(text, _)| !removed.contains(text)) {
            added.insert(text, slot);
        }
        Ok(items.into_nodes(&added.into_values().collect::<Vec<_>>()))
    }
}

impl MergedItems<'_> {
    /// Texts of all items by which they are matched, if there is one merge key and each has it.
    pub(super) fn sole_texts(&self) -> Option<Vec<String>> {
        let [key] = self.keys else { return None };
        let text = |node: &PatchNode| {
            let value = if key.is_empty() { Some(node) } else { node.as_map()?.get(*key) };
            let value = value.filter(|value| value.as_scalar().is_some() && !value.is_null())?;
            Some(value.text()).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        self.slots.iter().map(text).collect()
    }
}
