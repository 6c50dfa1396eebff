//! Interface between the scope of templates and the resolver of a target.

use std::sync::Arc;

use super::ResolvedValue;
use crate::layer::{Definition, Tree, TreeKind};
use crate::name::EntryId;
use crate::span::Location;
use crate::yaml::node::Scalar;

/// Values of a target, each resolved when it is first read.
pub(super) trait Lookup: Send + Sync {
    /// Definition that is resolved.
    fn definition(&self) -> &Definition;

    /// Value of an entry.
    fn entry(self: Arc<Self>, id: &EntryId) -> ResolvedValue;

    /// Value of a variable, rendered if it is a template.
    fn variable_value(self: Arc<Self>, path: &str, scalar: &Arc<Scalar>, place: &Location) -> ResolvedValue;
}

/// Names at the root of the scope.
pub(super) const ROOT: [&str; 5] = ["app", "bundles", "data", "env", "vars"];

/// Step into a structure.
#[derive(Clone, Copy)]
pub(super) enum VariableStepRef<'a> {
    /// By key.
    Key(&'a str),
    /// By position.
    Index(usize),
}

/// Part of `vars` that the steps lead to.
pub(super) fn find_variable<'d>(definition: &'d Definition, steps: &[VariableStepRef<'_>]) -> Option<&'d Tree> {
    steps.iter().try_fold(definition.vars.as_ref()?, |tree, step| match (&tree.kind, step) {
        (TreeKind::Map(map), VariableStepRef::Key(key)) => map.get(*key),
        (TreeKind::List(items), VariableStepRef::Index(index)) => items.get(*index),
        // whatever is in a part that is not valid is not known either
        (TreeKind::Leaf(scalar), _) if scalar.broken => Some(tree),
        _ => None,
    })
}
