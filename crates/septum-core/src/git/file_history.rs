//! Versions of files in the history of the current branch.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::log::{LOG_OPTIONS, LogRecord, parse_log, parse_moves, strange_log};
use super::{GitBlobs, GitConfiguration, GitRepository, SafeGit, first_line};
use crate::time::Day;

/// Number of paths that are given to Git one by one.
const MOST_PATHS: usize = 200;

/// Number of moves of one file that are followed.
const MOST_MOVES: usize = 50;

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Day of the commit that made it.
    pub day: Day,
    /// Its content; none if the commit removed the file.
    pub blob: Option<String>,
    /// Whether earlier commits are missing in a shallow clone.
    pub is_boundary: bool,
    /// The commit that made it.
    commit: String,
    /// Whether a parent of the commit does not have the file.
    is_added: bool,
}

/// Versions of files, newest first, and their contents.
pub struct FileHistory {
    blobs: GitBlobs,
    versions: BTreeMap<PathBuf, Vec<FileVersion>>,
}

impl FileHistory {
    /// The history of files, whose paths are absolute and without links; none outside of a repository. A file that was
    /// moved has the versions under its former names too.
    pub fn of_files(directory: &Path, files: &[PathBuf]) -> io::Result<Option<Self>> {
        let Some(repository) = GitRepository::find(directory)? else { return Ok(None) };
        let (root, shallow, has_commit) = (repository.root.clone(), repository.shallow_commits()?, repository.head()?);
        let git = SafeGit::new(repository, GitConfiguration::Isolated)?;
        let inside: Vec<&Path> = files.iter().filter_map(|file| file.strip_prefix(&root).ok()).collect();
        let mut versions = BTreeMap::new();
        if has_commit.is_some() && !inside.is_empty() {
            versions = read_versions(&git, "HEAD", &inside, &shallow)?;
            follow_moves(&git, &inside, &shallow, &mut versions)?;
        }
        let versions = versions.into_iter().map(|(path, versions)| (root.join(path), versions)).collect();
        Ok(Some(Self { blobs: GitBlobs::new(git), versions }))
    }

    /// Versions of a file, newest first.
    pub fn versions(&self, file: &Path) -> &[FileVersion] {
        self.versions.get(file).map(Vec::as_slice).unwrap_or_default()
    }

    /// Content of a version; an error if it is longer than `limit`.
    pub fn read_blob(&self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.blobs.raw(blob, limit)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }
}

/// Versions of files by their paths from the root of the work tree, newest first.
type VersionsByPath = BTreeMap<PathBuf, Vec<FileVersion>>;

/// Versions of files up to a revision.
fn read_versions(git: &SafeGit, revision: &str, files: &[&Path], shallow: &[String]) -> io::Result<VersionsByPath> {
    let mut log = git.command("log")?;
    log.env("GIT_LITERAL_PATHSPECS", "1");
    log.args(LOG_OPTIONS).args(["--full-history", "--date-order", revision, "--"]);
    if files.len() <= MOST_PATHS {
        log.args(files);
    }
    let mut versions = VersionsByPath::new();
    for (path, version) in versions_in(&run_log(log)?, shallow)? {
        versions.entry(path).or_default().push(version);
    }
    Ok(versions)
}

/// Adds the versions that files had under former names, as far as a commit moved them.
fn follow_moves(git: &SafeGit, files: &[&Path], shallow: &[String], versions: &mut VersionsByPath) -> io::Result<()> {
    // each file, and the oldest of its names that is known
    let mut names: Vec<(&Path, PathBuf)> = files.iter().map(|file| (*file, file.to_path_buf())).collect();
    for _ in 0..MOST_MOVES {
        let mut added: BTreeMap<String, Vec<(&Path, PathBuf)>> = BTreeMap::new();
        for (file, name) in names.drain(..) {
            let oldest = versions.get(file).and_then(|versions| versions.last());
            if let Some(oldest) = oldest.filter(|oldest| oldest.is_added && !oldest.is_boundary) {
                added.entry(oldest.commit.clone()).or_default().push((file, name));
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
            let moved: Vec<_> = files.iter().filter_map(|(file, name)| Some((*file, former(name)?))).collect();
            if moved.is_empty() {
                continue;
            }
            let paths: Vec<&Path> = moved.iter().map(|(_, former)| former.as_path()).collect();
            // up to its parents: another file may have the former name since
            let before = read_versions(git, &format!("{commit}^@"), &paths, shallow)?;
            for (file, former) in moved {
                let Some(older) = before.get(former) else { continue };
                versions.entry(file.to_path_buf()).or_default().extend(older.iter().cloned());
                names.push((file, former.clone()));
            }
        }
    }
    Ok(())
}

fn run_log(mut log: Command) -> io::Result<Vec<u8>> {
    let output = log.output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(first_line(&output))) }
}

/// Versions of files by their path from the root of the work tree, in the order of the log.
fn versions_in(log: &[u8], shallow: &[String]) -> io::Result<Vec<(PathBuf, FileVersion)>> {
    let (mut found, mut commit) = (Vec::new(), None);
    for record in parse_log(log) {
        match record? {
            LogRecord::Commit(head) => {
                let is_boundary = shallow.iter().any(|boundary| boundary == head.id);
                commit = Some((head.id, Day::at(head.moment), is_boundary));
            }
            LogRecord::File(file) => {
                let (commit, day, is_boundary) = commit.ok_or_else(strange_log)?;
                let (commit, blob) = (commit.to_owned(), file.blob.map(str::to_owned));
                found.push((file.path, FileVersion { day, blob, is_boundary, commit, is_added: file.is_added }));
            }
        }
    }
    Ok(found)
}
