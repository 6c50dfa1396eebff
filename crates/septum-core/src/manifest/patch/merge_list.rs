//! Lists that merge by keys. Order and corner cases are those of kustomize, since a later patch may count by index:
//! new items come before those of the object, in the order of the patch.

mod by_text;

use super::consumed::DecidingRole;
use super::directive::{self, PATCH, PatchDirective};
use super::failure::PatchFailure;
use super::merge_schema::MergeSchema;
use super::node::{NodeKind, PatchNode};
use super::strategic::StrategicMerge;
use crate::layer::{Tree, TreeKind};
use crate::map::{HashMap, HashSet};
use crate::span::Location;

/// Items of two lists while they are merged. Lists refer to them by index, so that one item can be in both.
struct MergedItems<'k> {
    slots: Vec<PatchNode>,
    /// Merge keys; a single empty one for a list of scalars.
    keys: &'k [&'k str],
}

impl StrategicMerge<'_> {
    /// Merges two lists by the keys of the table; without a patch, items of the same key become one.
    pub(super) fn merge_lists(
        &mut self,
        target: PatchNode,
        patch: Option<PatchNode>,
        schema: MergeSchema,
    ) -> Result<PatchNode, PatchFailure> {
        let PatchNode { place, mut parts, kind: NodeKind::List(items) } = target else { return Ok(target) };
        let (mut patch_items, mut patch_parts) = (Vec::new(), Vec::new());
        if let Some(PatchNode { parts, kind: NodeKind::List(items), .. }) = patch {
            (patch_items, patch_parts) = (items, parts);
        }
        parts.extend(patch_parts.into_iter().filter(|part| !parts.contains(part)).collect::<Vec<_>>());
        let count = items.len();
        let slots: Vec<_> = items.into_iter().chain(patch_items).collect();
        let (target, patch): (_, Vec<_>) = ((0..count).collect(), (count..slots.len()).collect());
        let merged = self.merge_items(slots, target, Some(&patch), schema, &place)?;
        Ok(PatchNode { place, parts, kind: NodeKind::List(merged) })
    }

    /// List that only the patch has: it is merged with itself.
    pub(super) fn settle_list(&mut self, list: PatchNode, schema: MergeSchema) -> Result<PatchNode, PatchFailure> {
        let PatchNode { place, parts, kind: NodeKind::List(items) } = list else { return Ok(list) };
        let indices = (0..items.len()).collect();
        let merged = self.merge_items(items, indices, None, schema, &place)?;
        Ok(PatchNode { place, parts, kind: NodeKind::List(merged) })
    }

    /// Merges lists of indices; without `patch`, the list is merged with itself.
    fn merge_items(
        &mut self,
        slots: Vec<PatchNode>,
        mut target: Vec<usize>,
        patch: Option<&[usize]>,
        schema: MergeSchema,
        place: &Location,
    ) -> Result<Vec<PatchNode>, PatchFailure> {
        let merge_keys = schema.merge_keys().unwrap_or_default();
        let keys: &[&str] = if merge_keys.is_empty() { &[""] } else { &merge_keys };
        let mut items = MergedItems { slots, keys };
        items.check_keys()?;
        self.record_keys(&items, patch);
        let mut values = items.values(patch.into_iter().flatten().chain(&target));
        if values.is_empty() {
            return Ok(items.into_nodes(&target));
        }
        if let Some(texts) = items.sole_texts() {
            return self.merge_by_text(items, &texts, &target, patch.unwrap_or(&target), schema.item());
        }
        if keys.len() > 1 {
            unify_values(&mut values);
        }
        let mut added = Vec::new();
        let valid_keys = known_keys(&values, keys);
        for key_values in &values {
            let texts: Vec<&str> =
                valid_keys.iter().filter_map(|index| key_values.get(*index)).map(String::as_str).collect();
            let names: Vec<&str> = valid_keys.iter().filter_map(|index| keys.get(*index)).copied().collect();
            let old = items.find(&target, key_values);
            let new = items.find(patch.unwrap_or(&target), key_values);
            let merged = self.merge_item(&mut items, old, new, schema.item())?;
            let Some(slot) = merged.filter(|slot| !items.is_vain(*slot)) else {
                items.set(&mut target, None, &names, &texts)?;
                continue;
            };
            items.complete_keys(slot, &names, &texts, place);
            items.set(&mut added, Some(slot), &names, &texts)?;
        }
        let names: Vec<&str> = valid_keys.iter().filter_map(|index| keys.get(*index)).copied().collect();
        items.append(&mut added, &target, &names)?;
        Ok(items.into_nodes(&added))
    }

    /// Merges an item of the patch into one of the object, and returns the index of the result.
    fn merge_item(
        &mut self,
        items: &mut MergedItems<'_>,
        old: Option<usize>,
        new: Option<usize>,
        schema: MergeSchema,
    ) -> Result<Option<usize>, PatchFailure> {
        let (slot, result) = match (old, new) {
            (None, None) => return Ok(None),
            (Some(old), None) => (old, self.merge(items.get(old), None, schema)?),
            (None, Some(new)) => (new, self.settle_taken(items, new, schema)?),
            (Some(old), Some(new)) if old == new => (old, self.settle_taken(items, new, schema)?),
            (Some(old), Some(new)) => {
                let is_map =
                    [old, new].iter().all(|slot| items.slots.get(*slot).is_some_and(|node| node.as_map().is_some()));
                if !is_map {
                    return Ok(Some(new));
                }
                let directive = match items.slots.get_mut(new) {
                    Some(node) => directive::take_from_map(node, self.consumed)?,
                    None => PatchDirective::Merge,
                };
                match directive {
                    PatchDirective::Delete => return Ok(None),
                    PatchDirective::Replace => (new, self.settle_taken(items, new, schema)?),
                    PatchDirective::Merge => (old, self.merge(items.get(old), items.get(new), schema)?),
                }
            }
        };
        if let (Some(node), Some(place)) = (result, items.slots.get_mut(slot)) {
            *place = node;
            return Ok(Some(slot));
        }
        Ok(None)
    }

    fn settle_taken(
        &mut self,
        items: &mut MergedItems<'_>,
        slot: usize,
        schema: MergeSchema,
    ) -> Result<Option<PatchNode>, PatchFailure> {
        let directive = match items.slots.get_mut(slot) {
            Some(node) => directive::take_from_map(node, self.consumed)?,
            None => return Ok(None),
        };
        if directive == PatchDirective::Delete {
            return Ok(None);
        }
        items.get(slot).map_or(Ok(None), |node| self.settle(node, schema))
    }

    /// Records the templated keys by which items are matched.
    fn record_keys(&mut self, items: &MergedItems<'_>, patch: Option<&[usize]>) {
        // nothing is matched where only one side has items
        if patch.is_none_or(|patch| patch.is_empty() || patch.len() == items.slots.len()) {
            return;
        }
        for slot in &items.slots {
            for key in items.keys {
                let value = if key.is_empty() { Some(slot) } else { slot.get(key) };
                if let Some(value) = value {
                    self.consumed.record(value, DecidingRole::MergeKey);
                }
            }
        }
    }
}

impl MergedItems<'_> {
    fn get(&self, slot: usize) -> Option<PatchNode> {
        self.slots.get(slot).cloned()
    }

    /// Nodes of a list of indices.
    fn into_nodes(self, list: &[usize]) -> Vec<PatchNode> {
        let mut slots: Vec<Option<PatchNode>> = self.slots.into_iter().map(Some).collect();
        let mut nodes: Vec<PatchNode> = Vec::with_capacity(list.len());
        let mut seen: HashMap<usize, usize> = HashMap::default();
        for slot in list {
            if let Some(node) = slots.get_mut(*slot).and_then(Option::take) {
                seen.insert(*slot, nodes.len());
                nodes.push(node);
            } else if let Some(node) = seen.get(slot).and_then(|index| nodes.get(*index)).cloned() {
                nodes.push(node);
            }
        }
        nodes
    }

    /// Refuses items without the first merge key: kustomize loses such items, and others with them.
    fn check_keys(&self) -> Result<(), PatchFailure> {
        let Some(key) = self.keys.first().filter(|key| !key.is_empty()) else { return Ok(()) };
        let is_keyless = |node: &&PatchNode| match node.as_map() {
            Some(map) => {
                let is_directive = map.len() == 1 && map.contains_key(PATCH);
                !(map.is_empty() || is_directive) && map.get(*key).is_none_or(PatchNode::is_null)
            }
            None => !node.is_null(),
        };
        match self.slots.iter().find(is_keyless) {
            Some(node) => {
                let message = format!("an item of a list that is merged by `{key}` has no `{key}`");
                Err(PatchFailure::new(&node.place, message).hint(format!("add `{key}` to the item")))
            }
            None => Ok(()),
        }
    }

    /// Distinct values of the merge keys, in the order of the items.
    fn values<'i>(&self, order: impl Iterator<Item = &'i usize>) -> Vec<Vec<String>> {
        let mut seen = HashSet::default();
        let mut found = Vec::new();
        for node in order.filter_map(|slot| self.slots.get(*slot)) {
            let text = |key: &&str| {
                let value = if key.is_empty() { Some(node) } else { node.get(key) };
                value.filter(|value| !value.is_null()).map(PatchNode::text).unwrap_or_default().to_owned()
            };
            let values: Vec<_> = self.keys.iter().map(text).collect();
            if seen.insert(values.clone()) {
                found.push(values);
            }
        }
        found
    }

    /// First item of a list with these values, as far as they are known.
    fn find(&self, list: &[usize], values: &[String]) -> Option<usize> {
        let known = known_keys(&[values.to_vec()], self.keys);
        list.iter().copied().find(|slot| {
            let Some(node) = self.slots.get(*slot) else { return false };
            known.iter().all(|index| {
                let (Some(key), Some(value)) = (self.keys.get(*index), values.get(*index)) else { return false };
                if key.is_empty() {
                    return node.text() == value;
                }
                node.get(key).is_some_and(|found| found.text() == value)
            })
        })
    }

    /// Whether nothing is left of an item.
    fn is_vain(&self, slot: usize) -> bool {
        self.slots.get(slot).is_none_or(|node| node.is_null() || node.is_empty_map())
    }

    /// Adds the merge keys that only the other item had.
    fn complete_keys(&mut self, slot: usize, keys: &[&str], values: &[&str], place: &Location) {
        let Some(map) = self.slots.get_mut(slot).and_then(PatchNode::as_map_mut) else { return };
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            let Tree { place, kind: TreeKind::Leaf(scalar) } = Tree::literal(value, place) else { continue };
            let added = PatchNode { place, parts: Vec::new(), kind: NodeKind::Leaf(scalar) };
            map.entry((*key).to_owned()).or_insert(added);
        }
    }

    /// Replaces the items that match all values by an item, or appends it if there is none; removes them without an
    /// item.
    fn set(
        &self,
        list: &mut Vec<usize>,
        item: Option<usize>,
        keys: &[&str],
        values: &[&str],
    ) -> Result<(), PatchFailure> {
        let is_mapping =
            keys.first().is_some_and(|key| !key.is_empty()) && values.first().is_some_and(|value| !value.is_empty());
        let mut is_found = false;
        let mut kept = Vec::with_capacity(list.len() + 1);
        for slot in list.iter().copied() {
            let Some(node) = self.slots.get(slot).filter(|_| !self.is_vain(slot)) else { continue };
            if is_mapping && node.as_map().is_none() {
                kept.push(slot);
            } else if matches_fields(node, keys, values)? {
                is_found = true;
                kept.extend(item);
            } else if !values.is_empty() {
                kept.push(slot);
            }
        }
        *list = kept;
        match item {
            Some(item) if !is_found && !self.is_vain(item) => list.push(item),
            _ => {}
        }
        Ok(())
    }

    /// Adds the items of `from` to a list; those that match one of the list take its place.
    fn append(&self, list: &mut Vec<usize>, from: &[usize], keys: &[&str]) -> Result<(), PatchFailure> {
        for slot in from.iter().copied() {
            let Some(node) = self.slots.get(slot) else { continue };
            if keys.first().is_none_or(|key| key.is_empty()) {
                self.set(list, Some(slot), &[""], &[node.text()])?;
                continue;
            }
            let mut values = Vec::new();
            for key in keys {
                match node.get(key) {
                    Some(value) => values.push(value.text()),
                    None => list.push(slot),
                }
            }
            if keys.len() > 1 {
                self.set(list, None, keys, &values)?;
            }
            self.set(list, Some(slot), keys, &values)?;
        }
        Ok(())
    }
}

/// Whether an item has the values of keys. A key without a value matches if the one before it did, an empty value
/// whatever is there.
fn matches_fields(node: &PatchNode, keys: &[&str], values: &[&str]) -> Result<bool, PatchFailure> {
    let mut is_matched = false;
    for (index, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(index) {
            is_matched = match (&node.kind, key.is_empty()) {
                (NodeKind::Map(map), false) => {
                    map.get(*key).is_some_and(|found| value.is_empty() || found.text() == *value)
                }
                (NodeKind::Leaf(_), true) => node.text() == *value,
                _ => {
                    let expected = if key.is_empty() { "a scalar" } else { "a mapping" };
                    let message = format!("expected {expected} as item of the list, found {}", node.noun());
                    return Err(PatchFailure::new(&node.place, message));
                }
            };
        }
        if !is_matched {
            return Ok(false);
        }
    }
    Ok(is_matched)
}

/// Indices of the keys that any item has; all if none has one.
fn known_keys(values: &[Vec<String>], keys: &[&str]) -> Vec<usize> {
    let is_known =
        |index: &usize| values.iter().any(|values| values.get(*index).is_some_and(|value| !value.is_empty()));
    let known: Vec<_> = (0..keys.len()).filter(is_known).collect();
    if known.is_empty() { (0..keys.len()).collect() } else { known }
}

/// Unites values that differ only where one is unknown: a port without and with a protocol are the same.
fn unify_values(list: &mut [Vec<String>]) {
    for first in 0..list.len() {
        // as it was before this round
        let Some(values) = list.get(first).cloned() else { continue };
        for second in 0..list.len() {
            let Some(united) = list.get(second).and_then(|other| unite(&values, other)) else { continue };
            for index in [first, second] {
                if let Some(values) = list.get_mut(index) {
                    values.clone_from(&united);
                }
            }
        }
    }
}

/// Union of two lists of values that share one, and of which each differs from the other only by an empty one.
fn unite(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let is_shared = a.iter().zip(b).any(|(a, b)| a == b);
    let pick = |(a, b): (&String, &String)| match (a.is_empty(), b.is_empty()) {
        _ if a == b => Some(a.clone()),
        (true, _) => Some(b.clone()),
        (_, true) => Some(a.clone()),
        (false, false) => None,
    };
    let united: Option<Vec<_>> = a.iter().zip(b).map(pick).collect();
    united.filter(|_| is_shared)
}
