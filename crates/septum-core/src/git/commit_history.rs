//! The history of the files of a repository: one pass of `git log`, and the blobs by `git cat-file --batch`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::log::{LOG_OPTIONS, LogFile, LogRecord, parse_log, strange_log};
use super::revision::{GitRevision, find_commit};
use super::sparse::left_out_files;
use super::{GitBlobs, GitRepository, SafeGit, first_line, in_clone};
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::{SnapshotEntry, path_of};
use crate::map::HashSet;

/// History of the checked-out branch.
pub struct CommitHistory {
    /// The work tree, absolute and without links.
    pub root: PathBuf,
    /// Commits, each after its parents.
    pub commits: Vec<HistoryCommit>,
    /// Versions of the files in the order of the commits.
    pub versions: Vec<CommitFile>,
    /// Files of the work tree that differ from the current commit or are not in it, without those that Git ignores.
    pub changed_files: Vec<PathBuf>,
    /// Whether earlier commits are missing: it is a shallow clone.
    pub is_shallow: bool,
    /// Whether contents may be missing: it is a partial clone.
    pub is_partial: bool,
    /// Commits up to the given revision; none without one.
    before: Option<HashSet<String>>,
    /// Files that a sparse checkout leaves out of the work tree.
    left_out: BTreeMap<PathBuf, SnapshotEntry>,
    blobs: GitBlobs,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCommit {
    /// Its name.
    pub id: String,
    /// Day on which it was committed, as Git prints it: `2027-01-31`.
    pub day: String,
}

/// Version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFile {
    /// Index of the commit.
    pub commit: usize,
    /// Path from the root of the work tree.
    pub path: PathBuf,
    /// Name of the content; none if the commit removed the file.
    pub blob: Option<String>,
    /// Its state in a parent of the commit.
    pub parent: ParentFile,
}

/// State of a file in a parent of the commit that changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentFile {
    /// The parent does not have it: the commit adds it.
    Missing,
    /// The parent has it, with the content of this name; none for a link. The commit changes or removes it.
    Present(Option<String>),
}

impl CommitHistory {
    /// The history of the repository that a directory is in. `since` divides it; it names a commit, a branch or a tag.
    pub fn read(directory: &Path, since: Option<&str>) -> Result<Self, Diagnostic> {
        let failed = |error: io::Error| history_failure(&error.to_string());
        let repository = GitRepository::of_process(directory).map_err(failed)?;
        let repository =
            repository.ok_or_else(|| history_failure("not a git repository (or any of the parent directories)"))?;
        let is_shallow = !repository.shallow_commits().map_err(failed)?.is_empty();
        let is_partial = repository.is_partial();
        let head = repository.head().map_err(failed)?;
        let root = repository.root.clone();
        let git = GitRevision::prepare(&repository)?;
        let since = since.map(|name| find_commit(&git, name, "the revision of `--since`")).transpose()?;
        let before = match since {
            None => None,
            Some(since) => {
                let listed = run_git(&git, "rev-list", &["--end-of-options", &since])?;
                let listed = String::from_utf8_lossy(&listed);
                Some(listed.lines().map(str::to_owned).collect())
            }
        };
        let changed_files = list_changed_files(&git, head.as_deref())?;
        let left_out = left_out_files(&repository)?;
        let (commits, versions) = match head {
            Some(head) => read_log(&git, &head)?,
            // nothing is committed yet
            None => Default::default(),
        };
        let blobs = GitBlobs::new(git);
        Ok(Self { root, commits, versions, changed_files, is_shallow, is_partial, before, left_out, blobs })
    }

    /// Whether a commit is the given revision, or an ancestor of it.
    pub fn is_before(&self, commit: usize) -> bool {
        let commit = self.commits.get(commit);
        self.before.as_ref().zip(commit).is_some_and(|(before, commit)| before.contains(&commit.id))
    }

    /// Name of the content of a file that a sparse checkout leaves out of the work tree.
    pub fn left_out(&self, path: &Path) -> Option<&str> {
        self.left_out.get(path).map(|entry| entry.blob.as_str())
    }

    /// The content of a version, as it is committed; of one that is longer than a limit the first bytes, and one more.
    pub fn content(&self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.blobs.raw(blob, limit)
    }
}

/// Files that the index or the work tree has otherwise than the commit, and those that are not in the index.
fn list_changed_files(git: &SafeGit, head: Option<&str>) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut listed = run_git(git, "ls-files", &["-z", "--others", "--exclude-standard"])?;
    listed.extend(match head {
        Some(head) => {
            let changed = ["-z", "--name-only", "--no-renames", "--no-ext-diff", "--end-of-options", head];
            run_git(git, "diff-index", &changed)?
        }
        None => run_git(git, "ls-files", &["-z", "--cached"])?,
    });
    let names = listed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let path = |name: &[u8]| path_of(name.to_vec()).map_err(|_| history_failure("cannot parse its list of files"));
    names.map(path).collect()
}

/// Commits and versions of files up to a commit. Each merge is shown as a change of each parent, since a version that
/// only a merge has is one too.
fn read_log(git: &SafeGit, head: &str) -> Result<(Vec<HistoryCommit>, Vec<CommitFile>), Diagnostic> {
    let options = ["-m", "--root", "--topo-order", "--reverse", "--no-textconv", "--end-of-options", head];
    let log = run_git(git, "log", &[&LOG_OPTIONS[..], &options].concat())?;
    commits_in(&log).map_err(|error| history_failure(&error.to_string()))
}

fn run_git(git: &SafeGit, subcommand: &str, arguments: &[&str]) -> Result<Vec<u8>, Diagnostic> {
    let output = git.command(subcommand).and_then(|mut git| git.args(arguments).output());
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(in_clone(history_failure(&first_line(&output)), git)),
        Err(error) => Err(history_failure(&error.to_string())),
    }
}

fn commits_in(log: &[u8]) -> io::Result<(Vec<HistoryCommit>, Vec<CommitFile>)> {
    let (mut commits, mut versions): (Vec<HistoryCommit>, Vec<CommitFile>) = Default::default();
    for record in parse_log(log) {
        match record? {
            // once for each parent of a merge
            LogRecord::Commit(commit) if commits.last().is_some_and(|last| last.id == commit.id) => {}
            LogRecord::Commit(commit) => {
                commits.push(HistoryCommit { id: commit.id.to_owned(), day: commit.day.to_owned() });
            }
            LogRecord::File(LogFile { path, blob, former, is_added }) => {
                let commit = commits.len().checked_sub(1).ok_or_else(strange_log)?;
                let parent =
                    if is_added { ParentFile::Missing } else { ParentFile::Present(former.map(str::to_owned)) };
                let version = CommitFile { commit, path, blob: blob.map(str::to_owned), parent };
                if versions.last() != Some(&version) {
                    versions.push(version);
                }
            }
        }
    }
    Ok((commits, versions))
}

fn history_failure(why: &str) -> Diagnostic {
    Diagnostic::error(Rule::Git, "cannot read the history from Git")
        .note(format!("Git reported: {why}"))
        .hint("run it inside the work tree of a repository")
}
