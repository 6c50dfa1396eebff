//! Strategic merge, as kustomize does it (the walker of kyaml's `merge2`): mappings merge by key, null removes, lists
//! merge by the keys of the table or are replaced.

use super::consumed::{ConsumedParts, DecidingRole};
use super::directive::{self, PatchDirective};
use super::failure::PatchFailure;
use super::merge_schema::MergeSchema;
use super::node::{NodeKind, PatchNode};
use super::reading;
use crate::map::{IndexMap, SharedHasher};
use crate::sort::sort_keys;

/// Treatment of directives that have no effect: those that kustomize does not know, such as `$retainKeys`, and `$patch`
/// in a list that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnappliedDirectives {
    /// Ordinary fields, which stay in the object, as in kustomize.
    Keep,
    /// An error.
    #[default]
    Refuse,
}

/// Strategic merge of one patch into one object.
pub(super) struct StrategicMerge<'a> {
    /// Whether the quotes of the object are forgotten.
    pub(super) is_rewritten: bool,
    pub(super) consumed: &'a mut ConsumedParts,
}

/// Result of a merge: `None` where nothing is left.
pub(super) type MergeResult = Result<Option<PatchNode>, PatchFailure>;

impl StrategicMerge<'_> {
    /// Merges a patch into a value. Either may be missing.
    pub(super) fn merge(
        &mut self,
        target: Option<PatchNode>,
        patch: Option<PatchNode>,
        schema: MergeSchema,
    ) -> MergeResult {
        let schema = detect_schema(schema, [target.as_ref(), patch.as_ref()]);
        if let Some(null) = patch.as_ref().filter(|patch| patch.is_null()) {
            self.consumed.record(null, DecidingRole::Removal);
        }
        let is_present = |node: &Option<PatchNode>| node.as_ref().is_some_and(|node| !node.is_null());
        match (is_present(&target), is_present(&patch)) {
            // an explicit null of the object stays
            (false, false) => {
                let explicit = |node: &PatchNode| node.as_scalar().is_some_and(|scalar| !scalar.blank);
                Ok(target.filter(|node| patch.is_none() && explicit(node)))
            }
            (false, true) => patch.map_or(Ok(None), |patch| self.add(patch, schema)),
            (true, false) => match (target, patch) {
                (Some(target), None) => self.merge_present(target, None, schema),
                _ => Ok(None),
            },
            (true, true) => target.map_or(Ok(None), |target| self.merge_present(target, patch, schema)),
        }
    }

    fn merge_present(&mut self, target: PatchNode, patch: Option<PatchNode>, schema: MergeSchema) -> MergeResult {
        let Some(mut patch) = patch else {
            return match &target.kind {
                NodeKind::Map(_) => self.merge_maps(target, None, schema).map(Some),
                NodeKind::List(_) if schema.merge_keys().is_some() => self.merge_lists(target, None, schema).map(Some),
                NodeKind::List(_) | NodeKind::Leaf(_) => Ok(Some(target)),
            };
        };
        match (&target.kind, &patch.kind) {
            (NodeKind::Leaf(old), NodeKind::Leaf(new)) => {
                patch.kind = NodeKind::Leaf(reading::in_style_of(old, new, self.is_rewritten));
                Ok(Some(patch))
            }
            (NodeKind::Map(_), NodeKind::Map(_)) => match directive::take_from_map(&mut patch, self.consumed)? {
                PatchDirective::Delete => Ok(None),
                PatchDirective::Replace => self.settle_fields(patch, schema).map(Some),
                PatchDirective::Merge => self.merge_maps(target, Some(patch), schema).map(Some),
            },
            (NodeKind::List(_), NodeKind::List(_)) if schema.merge_keys().is_none() => Ok(Some(patch)),
            (NodeKind::List(_), NodeKind::List(_)) => match directive::take_from_list(&mut patch, self.consumed)? {
                PatchDirective::Delete => Ok(None),
                PatchDirective::Replace => self.settle_list(patch, schema).map(Some),
                PatchDirective::Merge => self.merge_lists(target, Some(patch), schema).map(Some),
            },
            _ => Err(PatchFailure::new(&patch.place, format!("cannot merge {} into {}", patch.noun(), target.noun()))
                .beside(&target.place, format!("{} here", target.noun()))
                .hint("remove the value with `null` in a patch before, or replace it with a JSON6902 operation")),
        }
    }

    /// Value that only the patch has.
    fn add(&mut self, mut patch: PatchNode, schema: MergeSchema) -> MergeResult {
        match &patch.kind {
            NodeKind::Map(_) => match directive::take_from_map(&mut patch, self.consumed) {
                Ok(PatchDirective::Delete) => Ok(None),
                Ok(PatchDirective::Replace | PatchDirective::Merge) => self.settle_fields(patch, schema).map(Some),
                Err(failure) => Err(failure),
            },
            NodeKind::List(_) if schema.merge_keys().is_some() => self.settle_list(patch, schema).map(Some),
            NodeKind::List(_) | NodeKind::Leaf(_) => Ok(Some(patch)),
        }
    }

    /// Value of the patch below a value that only the patch has: its directives apply to itself.
    pub(super) fn settle(&mut self, mut node: PatchNode, schema: MergeSchema) -> MergeResult {
        let schema = detect_schema(schema, [Some(&node), None]);
        match &node.kind {
            NodeKind::Leaf(_) if node.is_null() => {
                self.consumed.record(&node, DecidingRole::Removal);
                Ok(None)
            }
            NodeKind::Leaf(_) => Ok(Some(node)),
            NodeKind::Map(_) => match directive::take_from_map(&mut node, self.consumed)? {
                PatchDirective::Delete => Ok(None),
                PatchDirective::Replace | PatchDirective::Merge => self.settle_fields(node, schema).map(Some),
            },
            NodeKind::List(_) if schema.merge_keys().is_none() => Ok(Some(node)),
            NodeKind::List(_) => match directive::take_from_list(&mut node, self.consumed)? {
                PatchDirective::Delete => Ok(None),
                PatchDirective::Replace | PatchDirective::Merge => self.settle_list(node, schema).map(Some),
            },
        }
    }

    /// Fields of a mapping that only the patch has.
    pub(super) fn settle_fields(&mut self, node: PatchNode, schema: MergeSchema) -> Result<PatchNode, PatchFailure> {
        let NodeKind::Map(map) = node.kind else { return Ok(node) };
        let mut fields = IndexMap::with_capacity_and_hasher(map.len(), SharedHasher);
        for (key, value) in map {
            if let Some(value) = self.settle(value, schema.field(&key))? {
                fields.insert(key, value);
            }
        }
        Ok(PatchNode { kind: NodeKind::Map(fields), ..node })
    }

    /// Merges two mappings key by key; without a patch, the lists in the mapping are still normalised.
    pub(super) fn merge_maps(
        &mut self,
        target: PatchNode,
        patch: Option<PatchNode>,
        schema: MergeSchema,
    ) -> Result<PatchNode, PatchFailure> {
        let PatchNode { place, mut parts, kind: NodeKind::Map(fields) } = target else { return Ok(target) };
        let mut changes = IndexMap::default();
        if let Some(patch) = patch {
            parts.extend(patch.parts.iter().filter(|part| !parts.contains(part)).copied().collect::<Vec<_>>());
            if let NodeKind::Map(map) = patch.kind {
                changes = map;
            }
        }
        let mut merged = IndexMap::with_capacity_and_hasher(fields.len() + changes.len(), SharedHasher);
        for (key, value) in fields {
            let change = changes.shift_remove(&key);
            if let Some(value) = self.merge(Some(value), change, schema.field(&key))? {
                merged.insert(key, value);
            }
        }
        sort_keys(&mut changes);
        for (key, change) in changes {
            if let Some(value) = self.merge(None, Some(change), schema.field(&key))? {
                merged.insert(key, value);
            }
        }
        Ok(PatchNode { place, parts, kind: NodeKind::Map(merged) })
    }
}

/// Rules of an object inside of a custom resource, which names its own kind.
fn detect_schema(schema: MergeSchema, nodes: [Option<&PatchNode>; 2]) -> MergeSchema {
    if matches!(schema, MergeSchema::Known(_)) {
        return schema;
    }
    let of = |node: &PatchNode| {
        let (api_version, kind) = (node.get("apiVersion")?.text(), node.get("kind")?.text());
        Some(MergeSchema::of_kind(api_version, kind)).filter(|schema| matches!(schema, MergeSchema::Known(_)))
    };
    nodes.into_iter().flatten().find_map(of).unwrap_or(MergeSchema::Unknown)
}
