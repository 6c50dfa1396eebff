//! Files that a sparse checkout leaves out of the work tree, and that are unchanged all the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::command::{GitConfiguration, SafeGit};
use super::repository::GitRepository;
use super::revision::{find_repository, revision_failure};
use super::{GitBlobs, git_output, kind_of_mode, spawn_git};
use crate::diagnostic::Diagnostic;
use crate::disk::{Disk, Snapshot, SnapshotEntry, SnapshotEntryKind, path_of};
use crate::sort::CollectSorted;

/// Work tree of which a sparse checkout leaves files out.
#[derive(Debug, Clone)]
pub struct SparseWorkTree {
    /// The disk together with the files that are left out.
    pub disk: Disk,
    /// The files that are left out, absolute and sorted.
    pub left_out: Vec<PathBuf>,
}

/// The work tree that a directory is in, if a sparse checkout leaves files out of it.
pub fn sparse_work_tree(directory: &Path) -> Result<Option<SparseWorkTree>, Diagnostic> {
    let Some(repository) = find_repository(directory)? else { return Ok(None) };
    let files = left_out_files(&repository)?;
    if files.is_empty() {
        return Ok(None);
    }
    let root = repository.root.clone();
    let left_out = files.keys().map(|path| root.join(path)).collect();
    let git = SafeGit::new(repository, GitConfiguration::Isolated);
    let blobs = GitBlobs::new(git.map_err(|error| revision_failure(&error.to_string()))?);
    let snapshot = Snapshot::new(root, files, move |blob, path, limit| blobs.read(blob, path, limit));
    Ok(Some(SparseWorkTree { disk: Disk::with_snapshot(snapshot.in_addition()), left_out }))
}

/// Files of the index that a sparse checkout leaves out, by their paths from the root.
pub(super) fn left_out_files(repository: &GitRepository) -> Result<BTreeMap<PathBuf, SnapshotEntry>, Diagnostic> {
    if !repository.is_sparse() {
        return Ok(BTreeMap::new());
    }
    let git = SafeGit::new(repository.clone(), GitConfiguration::Isolated);
    let git = git.map_err(|error| revision_failure(&error.to_string()))?;
    let listed = spawn_git(&git, "ls-files", &["-t", "--stage", "--full-name", "-z"])?;
    let listed = git_output(listed.wait_with_output())?;
    let entries = listed.split(|&byte| byte == 0).filter_map(parse_left_out);
    let is_missing = |path: &Path| repository.root.join(path).symlink_metadata().is_err();
    Ok(entries.filter(|(path, _)| is_missing(path)).collect_map())
}

/// Parses a line of `ls-files -t --stage`: the mark, the mode, the blob, the stage, and after a tab the path. None
/// without the mark of a file that is left out (`skip-worktree`).
fn parse_left_out(line: &[u8]) -> Option<(PathBuf, SnapshotEntry)> {
    let line = line.strip_prefix(b"S ")?;
    let (facts, path) = line.split_at(memchr::memchr(b'\t', line)?);
    let mut facts = std::str::from_utf8(facts).ok()?.split(' ');
    let (kind, blob) = (kind_of_mode(facts.next()?), facts.next()?.to_owned());
    let path = path_of(path.get(1..)?.to_vec()).ok()?;
    let is_content = matches!(kind, SnapshotEntryKind::File | SnapshotEntryKind::Link);
    is_content.then_some((path, SnapshotEntry { kind, blob }))
}
