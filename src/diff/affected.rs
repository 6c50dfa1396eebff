//! Apps that a change between two states concerns.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::pair::ProjectPair;
use crate::disk::Snapshot;
use crate::project::{App, PROJECT_FILE};
use crate::sort::CollectSorted;

/// Apps of which a file differs between two states.
pub(super) enum AffectedApps {
    /// All of them.
    All,
    /// Those in these directories.
    Some(BTreeSet<PathBuf>),
}

impl AffectedApps {
    /// Apps of which a file differs; all where that is unknown.
    pub(super) fn of(pair: &ProjectPair<'_>) -> Self {
        let (Some(left), Some(right)) = (pair.left.pipeline, pair.right.pipeline) else { return Self::All };
        let projects = [left.library.project, right.library.project];
        let snapshots = projects.map(|project| project.files.disk().snapshot());
        let changed: BTreeSet<PathBuf> = match (snapshots, &pair.changed) {
            ([Some(old), Some(new)], _) => {
                let changed = old.changed_paths(new);
                if changed.is_empty() {
                    return Self::Some(BTreeSet::new());
                }
                changed.into_iter().collect_set()
            }
            // files elsewhere may have changed, too, and are read by apps that name them
            (_, Some(changed)) => changed.clone(),
            _ => return Self::All,
        };
        // a link leads anywhere
        if snapshots.into_iter().flatten().any(Snapshot::has_links) {
            return Self::All;
        }
        let mut found = BTreeSet::new();
        for path in &changed {
            let is_of_all = projects.iter().any(|project| {
                *path == project.files.root().join(PROJECT_FILE)
                    || project.shared.as_deref().is_some_and(|shared| path.starts_with(shared))
            });
            if is_of_all {
                return Self::All;
            }
            let apps = projects.iter().flat_map(|project| &project.apps);
            let owners = apps.map(|app| &app.directory).filter(|directory| path.starts_with(directory));
            found.extend(owners.cloned());
        }
        // every other file is named with `..`
        for file in [pair.left.upward, pair.right.upward].into_iter().flatten().flatten() {
            let apps = projects.iter().flat_map(|project| &project.apps);
            found.extend(apps.map(|app| &app.directory).filter(|directory| file.starts_with(directory)).cloned());
            if projects.iter().any(|project| project.shared.as_deref().is_some_and(|shared| file.starts_with(shared))) {
                return Self::All;
            }
        }
        Self::Some(found)
    }

    /// Whether an app is one of them.
    pub(super) fn has(&self, app: &App) -> bool {
        match self {
            Self::All => true,
            Self::Some(directories) => directories.contains(&app.directory),
        }
    }
}
