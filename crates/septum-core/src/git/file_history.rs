//! Versions of files in the history of the current branch.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::log::{LOG_OPTIONS, parse_moves};
use super::revision::find_repository;
use super::version_graph::{FileVersions, VersionGraph};
use super::{GitBlobs, GitConfiguration, GitRepository, PARTIAL_CLONE, SafeGit, first_line};
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::canonical_path;

/// Number of paths that are given to Git one by one.
const MOST_PATHS: usize = 200;

/// Number of moves of one file that are followed.
const MOST_MOVES: usize = 50;

/// Versions of files, and their contents.
pub struct FileHistory {
    blobs: GitBlobs,
    versions: BTreeMap<PathBuf, FileVersions>,
}

impl FileHistory {
    /// The history of files by their absolute paths; none outside of a repository. A link has the history of its
    /// target, and a file that was moved has the versions under its former names too.
    pub fn of_files(directory: &Path, files: &[PathBuf]) -> Result<Option<Self>, Diagnostic> {
        let Some(repository) = find_repository(directory)? else { return Ok(None) };
        let is_partial = repository.is_partial();
        Self::of_repository(repository, files).map(Some).map_err(|error| {
            let hint = if is_partial { PARTIAL_CLONE } else { "check that the repository is complete with `git fsck`" };
            Diagnostic::error(Rule::Git, "cannot read the history of the layers")
                .note(format!("Git reported: {error}"))
                .hint(hint)
        })
    }

    fn of_repository(repository: GitRepository, files: &[PathBuf]) -> io::Result<Self> {
        let (root, shallow, has_commit) = (repository.root.clone(), repository.shallow_commits()?, repository.head()?);
        let git = SafeGit::new(repository, GitConfiguration::Isolated)?;
        let real = |file: &PathBuf| canonical_path(file).unwrap_or_else(|_| file.clone());
        let real: Vec<PathBuf> = files.iter().map(real).collect();
        let inside: Vec<&Path> = real.iter().filter_map(|file| file.strip_prefix(&root).ok()).collect();
        let mut found = VersionsByPath::new();
        if has_commit.is_some() && !inside.is_empty() {
            found = read_versions(&git, "HEAD", &inside, &shallow)?;
            follow_moves(&git, &inside, &shallow, &mut found)?;
        }
        let versions = files.iter().zip(&real).filter_map(|(file, real)| {
            let versions = found.get(real.strip_prefix(&root).ok()?)?;
            Some((file.clone(), versions.clone()))
        });
        Ok(Self { blobs: GitBlobs::new(git), versions: versions.collect() })
    }

    /// Versions of a file; none if no commit had it.
    pub fn versions(&self, file: &Path) -> Option<&FileVersions> {
        self.versions.get(file)
    }

    /// Content of a version; an error if it is longer than `limit`.
    pub fn read_blob(&self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.blobs.raw(blob, limit)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }
}

/// Versions of files by their paths from the root of the work tree.
type VersionsByPath = BTreeMap<PathBuf, FileVersions>;

/// Versions of files up to a commit.
fn read_versions(git: &SafeGit, commit: &str, files: &[&Path], shallow: &[String]) -> io::Result<VersionsByPath> {
    let mut log = git.command("log")?;
    log.env("GIT_LITERAL_PATHSPECS", "1").args(LOG_OPTIONS);
    log.args(["-m", "--full-history", "--parents", "--topo-order", "--reverse", commit, "--"]);
    if files.len() <= MOST_PATHS {
        log.args(files);
    }
    let log = run_log(log)?;
    let found = VersionGraph::of_log(&log, files, shallow)?;
    Ok(found.into_files().collect())
}

/// Adds the versions that files had under former names, as far as a commit moved them.
fn follow_moves(git: &SafeGit, files: &[&Path], shallow: &[String], versions: &mut VersionsByPath) -> io::Result<()> {
    // each file, the oldest of its names that is known, and the number of its first version with that name
    let mut names: Vec<(&Path, PathBuf, usize)> = files.iter().map(|file| (*file, file.to_path_buf(), 0)).collect();
    for _ in 0..MOST_MOVES {
        let mut added: BTreeMap<String, Vec<(&Path, PathBuf, usize)>> = BTreeMap::new();
        for (file, name, first) in names.drain(..) {
            let oldest = versions.get(file).and_then(|known| known.versions.get(first));
            if let Some(oldest) = oldest.filter(|oldest| oldest.parents.is_empty() && !oldest.is_boundary) {
                added.entry(oldest.commit.clone()).or_default().push((file, name, first));
            }
        }
        if added.is_empty() {
            break;
        }
        let mut log = git.command("log")?;
        log.args(LOG_OPTIONS).args(["--no-walk=unsorted", "--find-renames", "--diff-filter=R"]).args(added.keys());
        let moves = parse_moves(&run_log(log)?)?;
        for (commit, files) in added {
            let former = |name: &Path| moves.get(&commit).and_then(|moves| moves.get(name));
            let moved = files.iter().filter_map(|(file, name, first)| Some((*file, *first, former(name)?)));
            let moved: Vec<_> = moved.collect();
            if moved.is_empty() {
                continue;
            }
            let paths: Vec<&Path> = moved.iter().map(|(_, _, former)| former.as_path()).collect();
            // up to its parent: another file may have the former name since
            let before = read_versions(git, &format!("{commit}^"), &paths, shallow)?;
            for (file, first, former) in moved {
                if let (Some(older), Some(known)) = (before.get(former), versions.get_mut(file)) {
                    names.push((file, former.clone(), known.versions.len()));
                    known.continue_from(first, older);
                }
            }
        }
    }
    Ok(())
}

fn run_log(mut log: Command) -> io::Result<Vec<u8>> {
    let output = log.output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(first_line(&output))) }
}
