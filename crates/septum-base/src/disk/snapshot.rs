//! Contents of the next commit, in place of a part of the disk.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{DirEntry, DirEntryKind};
use crate::sort::sort;

/// Files below a directory that the disk may not have: the only ones there, or those that are added to the disk.
pub struct Snapshot {
    pub(super) root: PathBuf,
    entries: BTreeMap<PathBuf, SnapshotEntry>,
    pub(super) read: Box<BlobReader>,
    /// Whether all other files are those of the disk.
    pub(super) is_addition: bool,
}

/// Reads a blob, whose path is from the root; of one that is longer than a limit, the first bytes up to it, and one
/// more.
pub(super) type BlobReader = dyn Fn(&str, &Path, u64) -> io::Result<Vec<u8>> + Send + Sync;

/// Entry of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// Kind of the entry.
    pub kind: SnapshotEntryKind,
    /// The name of its content.
    pub blob: String,
}

/// Kind of a snapshot entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotEntryKind {
    /// A file.
    File,
    /// A link, whose content is its destination.
    Link,
    /// Another repository, whose content is on the disk.
    Repository,
    /// Another repository, whose content is not known: nothing is there.
    UnknownRepository,
}

/// Destination of a path.
pub(super) enum ResolvedPath<'s> {
    Disk,
    Entry(&'s SnapshotEntry),
    Directory,
    Nothing,
}

impl Snapshot {
    /// Creates a snapshot of the contents below `root`, an absolute path without links, keyed by paths relative to
    /// it.
    pub fn new(
        root: PathBuf,
        entries: BTreeMap<PathBuf, SnapshotEntry>,
        read: impl Fn(&str, &Path, u64) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { root, entries, read: Box::new(read), is_addition: false }
    }

    /// The same files in addition to those of the disk, which has none of them.
    #[must_use]
    pub fn in_addition(self) -> Self {
        Self { is_addition: true, ..self }
    }

    /// The files that it holds, without links and other repositories, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.entries.iter().filter(|(_, entry)| entry.kind == SnapshotEntryKind::File);
        files.map(|(path, _)| self.root.join(path))
    }

    /// Whether it holds links.
    pub fn has_links(&self) -> bool {
        self.entries.values().any(|entry| entry.kind == SnapshotEntryKind::Link)
    }

    /// The entries at or below a path, with their absolute paths, sorted.
    pub fn entries_at(&self, directory: &Path) -> impl Iterator<Item = (PathBuf, &SnapshotEntry)> {
        let below = directory.strip_prefix(&self.root).map(Path::to_path_buf);
        let start = below.clone().unwrap_or_default();
        let entries = self
            .entries
            .range(start..)
            .take_while(move |(path, _)| below.as_ref().is_ok_and(|it| path.starts_with(it)));
        entries.map(|(path, entry)| (self.root.join(path), entry))
    }

    /// Paths that only one of two snapshots holds, or both with other content; sorted, absolute.
    pub fn changed_paths(&self, other: &Self) -> Vec<PathBuf> {
        let changed = self.entries.iter().filter(|(path, entry)| other.entries.get(*path) != Some(entry));
        let added = other.entries.iter().filter(|(path, _)| !self.entries.contains_key(*path));
        let mut found: Vec<_> = changed.chain(added).map(|(path, _)| self.root.join(path)).collect();
        sort(&mut found);
        found
    }

    pub(super) fn resolve_path(&self, path: &Path) -> ResolvedPath<'_> {
        let Ok(path) = path.strip_prefix(&self.root) else { return ResolvedPath::Disk };
        // paths that are never in a commit are those of the disk
        if path.starts_with(".git") {
            return ResolvedPath::Disk;
        }
        if let Some(entry) = self.entries.get(path) {
            return match entry.kind {
                SnapshotEntryKind::Repository => ResolvedPath::Disk,
                SnapshotEntryKind::UnknownRepository => ResolvedPath::Nothing,
                SnapshotEntryKind::File | SnapshotEntryKind::Link => ResolvedPath::Entry(entry),
            };
        }
        if self.is_addition {
            let is_directory = self.entries_below(path).next().is_some();
            let is_added = is_directory && std::fs::symlink_metadata(self.root.join(path)).is_err();
            return if is_added { ResolvedPath::Directory } else { ResolvedPath::Disk };
        }
        let repository =
            |directory| self.entries.get(directory).is_some_and(|entry| entry.kind == SnapshotEntryKind::Repository);
        if path.ancestors().skip(1).any(repository) {
            return ResolvedPath::Disk;
        }
        if path.as_os_str().is_empty() || self.entries_below(path).next().is_some() {
            ResolvedPath::Directory
        } else {
            ResolvedPath::Nothing
        }
    }

    /// Everything in a directory or in its subdirectories.
    fn entries_below<'s>(&'s self, directory: &'s Path) -> impl Iterator<Item = (&'s Path, &'s SnapshotEntry)> {
        // paths are compared part by part, so that the entries of a directory are adjacent
        let all = self.entries.range::<Path, _>((std::ops::Bound::Excluded(directory), std::ops::Bound::Unbounded));
        let all = all.map_while(move |(path, entry)| Some((path.strip_prefix(directory).ok()?, entry)));
        all.filter(|(path, _)| !path.as_os_str().is_empty())
    }

    pub(super) fn list(&self, directory: &Path) -> Vec<DirEntry> {
        let mut found: Vec<DirEntry> = Vec::new();
        for (path, entry) in self.entries_below(directory) {
            let mut parts = path.components();
            let Some(name) = parts.next().map(Component::as_os_str) else { continue };
            if found.last().is_none_or(|last| last.name != name) {
                let is_inside = parts.next().is_some();
                let kind = match entry.kind {
                    _ if is_inside => DirEntryKind::Directory,
                    // the content of another repository is on the disk
                    SnapshotEntryKind::Repository => DirEntryKind::Directory,
                    SnapshotEntryKind::UnknownRepository => continue,
                    SnapshotEntryKind::Link => DirEntryKind::Link,
                    SnapshotEntryKind::File => DirEntryKind::File,
                };
                found.push(DirEntry { name: name.to_owned(), kind });
            }
        }
        found
    }

    /// A path from the root.
    pub(super) fn below_root<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("root", &self.root)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}
