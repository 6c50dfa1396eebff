//! The versions of files with those before them, from a log.
//!
//! A merge has the files of its parents: the log is followed by commits, and not by their dates, since a change of a
//! side branch may be older than one that lacks it.

use std::io;
use std::path::{Path, PathBuf};

use super::log::{LogCommit, LogFile, LogRecord, parse_log, strange_log};
use crate::map::HashMap;
use crate::sort::sort;
use crate::time::Day;

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Day of the commit that made it.
    pub day: Day,
    /// Its content; none if the commit removed the file.
    pub blob: Option<String>,
    /// Whether earlier commits are missing in a shallow clone.
    pub is_boundary: bool,
    /// The versions before it, by their numbers: one for each parent of the commit that has the file, or had it.
    pub parents: Vec<usize>,
    /// The commit that made it.
    pub(super) commit: String,
}

/// Versions of one file, and the one of the current commit.
#[derive(Debug, Clone, Default)]
pub struct FileVersions {
    /// The versions by their numbers.
    pub versions: Vec<FileVersion>,
    /// Number of the version of the current commit; none if no commit had the file.
    pub current: Option<usize>,
}

impl FileVersions {
    /// Adds the versions before a version, which was a move.
    pub(super) fn continue_from(&mut self, moved: usize, older: &Self) {
        let offset = self.versions.len();
        let current = older.current.map(|number| offset + number);
        if let Some(version) = self.versions.get_mut(moved) {
            version.parents.extend(current);
        }
        self.versions.extend(older.versions.iter().map(|version| {
            let parents = version.parents.iter().map(|number| offset + number).collect();
            FileVersion { parents, ..version.clone() }
        }));
    }
}

/// Versions of some files.
pub(super) struct VersionGraph<'l> {
    /// Numbers of the files.
    numbers: HashMap<&'l Path, usize>,
    files: Vec<FileVersions>,
    /// Commits whose children were not read yet.
    pending: HashMap<&'l str, PendingCommit>,
}

/// A commit some of whose children were not read yet.
struct PendingCommit {
    /// Its version of each file, by number.
    versions: Vec<Option<usize>>,
    /// Number of these children.
    children: usize,
}

impl<'l> VersionGraph<'l> {
    /// Versions of files in a log up to one commit (`-m --full-history --parents --topo-order --reverse`).
    pub(super) fn of_log(log: &'l [u8], files: &[&'l Path], shallow: &[String]) -> io::Result<Self> {
        let numbers: HashMap<&Path, usize> = files.iter().enumerate().map(|(number, file)| (*file, number)).collect();
        let commits = commits_in(log, &numbers)?;
        let mut children: HashMap<&str, usize> = HashMap::default();
        for parent in commits.iter().flat_map(|(commit, _)| &commit.parents) {
            *children.entry(parent).or_default() += 1;
        }
        let empty = vec![FileVersions::default(); files.len()];
        let mut graph = Self { numbers, files: empty, pending: HashMap::default() };
        let last = commits.last().map(|(commit, _)| commit.id);
        for (commit, changed) in commits {
            let is_boundary = shallow.iter().any(|boundary| boundary == commit.id);
            let versions = graph.versions_of(&commit, &changed, is_boundary);
            let children = children.get(commit.id).copied().unwrap_or_default();
            graph.pending.insert(commit.id, PendingCommit { versions, children });
        }
        let current = last.and_then(|last| graph.pending.remove(last)).map(|last| last.versions).unwrap_or_default();
        for (file, current) in graph.files.iter_mut().zip(current) {
            file.current = current;
        }
        Ok(graph)
    }

    /// The files that some commit had, with their versions, oldest first.
    pub(super) fn into_files(self) -> impl Iterator<Item = (PathBuf, FileVersions)> {
        let Self { numbers, mut files, .. } = self;
        let taken =
            numbers.into_iter().filter_map(move |(path, number)| Some((path, std::mem::take(files.get_mut(number)?))));
        taken.filter(|(_, found)| !found.versions.is_empty()).map(|(path, found)| (path.to_path_buf(), found))
    }

    /// The version of each file in a commit: a new one if no parent has that content.
    fn versions_of(
        &mut self,
        commit: &LogCommit<'l>,
        changed: &[ChangedFile<'l>],
        is_boundary: bool,
    ) -> Vec<Option<usize>> {
        let mut new = Vec::new();
        for &(number, blob) in changed {
            let parents = commit.parents.iter().filter_map(|parent| self.pending.get(parent));
            let parents: Vec<Option<usize>> =
                parents.map(|parent| parent.versions.get(number).copied().flatten()).collect();
            let Some(file) = self.files.get_mut(number) else { continue };
            let content = |version: Option<usize>| file.versions.get(version?)?.blob.as_deref();
            let version = match parents.iter().find(|version| content(**version) == blob) {
                Some(same) => *same,
                None => {
                    let known = parents.iter().filter(|version| content(**version).is_some());
                    let mut parents: Vec<usize> = known.copied().flatten().collect();
                    parents.dedup();
                    let (day, blob, commit) = (Day::at(commit.moment), blob.map(str::to_owned), commit.id.to_owned());
                    file.versions.push(FileVersion { day, blob, is_boundary, parents, commit });
                    Some(file.versions.len() - 1)
                }
            };
            new.push((number, version));
        }
        let mut versions = self.take_versions(commit);
        for (number, version) in new {
            if let Some(known) = versions.get_mut(number) {
                *known = version;
            }
        }
        versions
    }

    /// The versions of the first parent. Parents without further children are forgotten.
    fn take_versions(&mut self, commit: &LogCommit<'l>) -> Vec<Option<usize>> {
        let mut versions = None;
        for parent in &commit.parents {
            let Some(known) = self.pending.get_mut(parent) else { continue };
            known.children = known.children.saturating_sub(1);
            let is_last = known.children == 0;
            if versions.is_none() {
                versions = Some(if is_last { std::mem::take(&mut known.versions) } else { known.versions.clone() });
            }
            if is_last {
                self.pending.remove(parent);
            }
        }
        versions.unwrap_or_else(|| vec![None; self.files.len()])
    }
}

/// Number of a file, and its content; none if it was removed.
type ChangedFile<'l> = (usize, Option<&'l str>);

/// The commits of a log, each with those of the files that differ from some parent.
fn commits_in<'l>(
    log: &'l [u8],
    numbers: &HashMap<&Path, usize>,
) -> io::Result<Vec<(LogCommit<'l>, Vec<ChangedFile<'l>>)>> {
    let mut commits: Vec<(LogCommit<'l>, Vec<ChangedFile<'l>>)> = Vec::new();
    for record in parse_log(log) {
        match record? {
            // once for each parent of a merge
            LogRecord::Commit(commit) if commits.last().is_some_and(|(last, _)| last.id == commit.id) => {}
            LogRecord::Commit(commit) => commits.push((commit, Vec::new())),
            LogRecord::File(LogFile { path, blob, .. }) => {
                let (_, files) = commits.last_mut().ok_or_else(strange_log)?;
                files.extend(numbers.get(path.as_path()).map(|number| (*number, blob)));
            }
        }
    }
    for (_, files) in &mut commits {
        sort(files);
        files.dedup();
    }
    Ok(commits)
}
