//! Templated values that decide what a patch does.

use super::node::{PartTable, PatchNode};
use crate::map::IndexSet;
use crate::resolve::TemplatePart;

/// Role of a templated value that decides what a patch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecidingRole {
    /// Value of a merge key, by which items of two lists are matched.
    MergeKey,
    /// Value of a directive such as `$patch`.
    Directive,
    /// Null, which removes a value.
    Removal,
    /// Field `op`, `path` or `from` of an operation.
    Operation,
    /// Value that a `test` operation compares, in the patch or in the object.
    Test,
}

/// Templated value that decides what a patch does: what is rendered shows it, even if the value itself is not in it.
/// An error if it is sensitive.
#[derive(Debug, Clone)]
pub struct ConsumedPart {
    /// Part, with its path in the patch or in the object.
    pub part: TemplatePart,
    /// Role of its value.
    pub role: DecidingRole,
}

/// Record of the templated values that decided something.
#[derive(Debug, Default)]
pub(super) struct ConsumedParts(IndexSet<(usize, DecidingRole)>);

impl ConsumedParts {
    /// Records all parts of a value and of the values in it.
    pub(super) fn record(&mut self, node: &PatchNode, role: DecidingRole) {
        let mut parts = Vec::new();
        node.all_parts(&mut parts);
        self.record_parts(&parts, role);
    }

    pub(super) fn record_parts(&mut self, parts: &[usize], role: DecidingRole) {
        self.0.extend(parts.iter().map(|part| (*part, role)));
    }

    pub(super) fn into_parts(self, table: &PartTable) -> Vec<ConsumedPart> {
        let part = |(index, role)| Some(ConsumedPart { part: table.get(index)?.clone(), role });
        self.0.into_iter().filter_map(part).collect()
    }
}
