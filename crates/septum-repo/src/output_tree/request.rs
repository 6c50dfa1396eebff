//! Requests to render a tree.

use std::collections::BTreeSet;
use std::path::Path;

use super::cache::CacheOptions;
use super::name::TargetName;
use super::shard::Shard;
use crate::name::EnvironmentName;
use crate::project::App;
use crate::sops::Timestamp;

/// Purpose of planning a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishIntent {
    /// It will be applied.
    Apply,
    /// Only to show the changes.
    Check,
}

/// Treatment of an environment or app that a tree has, and that no longer exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLostEnvironment {
    /// An error: the tree would lose it.
    Refuse,
    /// It is removed.
    Prune,
}

/// Parameters of `render --out`.
#[derive(Debug)]
pub struct RenderRequest<'a> {
    /// The directory of the tree.
    pub dir: &'a Path,
    /// The apps.
    pub apps: &'a [&'a App],
    /// Whether these are all apps: then recorded ones that no longer exist are stale.
    pub all_apps: bool,
    /// The environments.
    pub environments: &'a [EnvironmentName],
    /// Whether these are all environments.
    pub all_environments: bool,
    /// The part of the targets that this run is responsible for.
    pub shard: Option<Shard>,
    /// Treatment of environments and apps that no longer exist.
    pub lost: OnLostEnvironment,
    /// Whether Secrets may be written in plaintext where Git would commit them.
    pub allow_plaintext: bool,
    /// The purpose.
    pub intent: PublishIntent,
    /// Location of the machine-local cache. A check uses none.
    pub cache: Option<&'a CacheOptions>,
    /// The time of encryption.
    pub now: Timestamp,
}

impl RenderRequest<'_> {
    /// Whether a recorded target no longer exists, and this run is responsible for it.
    pub(super) fn is_gone(&self, target: &TargetName, known: &BTreeSet<TargetName>) -> bool {
        let is_asked = || self.environments.iter().any(|environment| environment.as_str() == target.environment());
        self.all_apps
            && !known.contains(target)
            && (self.all_environments || is_asked())
            && self.shard.is_none_or(|shard| shard.has(target.as_str()))
    }

    /// Whether this run is responsible for files beside the targets of an environment, or of all.
    pub(super) fn is_beside(&self, environment: Option<&str>) -> bool {
        let is_asked = |name: &str| self.environments.iter().any(|environment| environment.as_str() == name);
        self.all_apps
            && (self.all_environments || environment.is_some_and(is_asked))
            && self.shard.is_none_or(|shard| shard.index == 1)
    }
}
