//! Two states of a project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::name::EnvironmentName;
use crate::pipeline::Pipeline;

/// One side of a comparison: a project in one state.
#[derive(Debug)]
pub struct DiffSide<'a> {
    /// Label of the state: a revision, or the work tree.
    pub label: &'a str,
    /// The project, if this state has it.
    pub pipeline: Option<&'a Pipeline<'a>>,
    /// Files that may refer to other directories, if this state is a revision.
    pub upward: Option<&'a BTreeSet<PathBuf>>,
}

/// Two states of a project.
#[derive(Debug)]
pub struct ProjectPair<'a> {
    /// The old state.
    pub left: DiffSide<'a>,
    /// The new state.
    pub right: DiffSide<'a>,
    /// Files that differ, if one state is the work tree and they are known. Absolute.
    pub changed: Option<BTreeSet<PathBuf>>,
}

/// Part of the project that is compared.
#[derive(Debug, Clone, Copy)]
pub struct DiffScope<'a> {
    /// Environments; all if there are none.
    pub environments: &'a [String],
    /// Names of apps; all if there are none.
    pub apps: &'a [String],
}

impl DiffScope<'_> {
    /// Whether an environment is part of it.
    pub(super) fn has_environment(&self, name: &EnvironmentName) -> bool {
        self.environments.is_empty() || self.environments.iter().any(|wanted| wanted == name.as_str())
    }
}
