//! Content of a commit, without a work tree.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use super::command::{GitConfiguration, SafeGit};
use super::past_names::git_with_past;
use super::repository::GitRepository;
use super::{GitBlobs, git_output, in_clone, kind_of_mode, spawn_git};
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::{Disk, Snapshot, SnapshotEntry, SnapshotEntryKind, path_of};
use crate::sort::CollectSorted;
use crate::time::Day;

/// A commit, and the files that a checkout of it would have.
#[derive(Debug)]
pub struct GitRevision {
    /// The work tree, absolute and without links.
    pub root: PathBuf,
    /// Name of the commit, in hexadecimal digits.
    pub commit: String,
    /// Its files, in place of those of the work tree.
    pub disk: Disk,
    /// Files of text that contain `..`: they may refer to files of other directories. Absolute.
    pub upward: BTreeSet<PathBuf>,
}

/// Range of two revisions, as Git writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRange {
    /// The old revision.
    pub from: String,
    /// The new revision; the work tree if there is none.
    pub to: Option<String>,
    /// Whether the old revision is the last common commit of both: `A...B`.
    pub is_since_fork: bool,
}

impl RevisionRange {
    /// Parses `A`, `A..B` or `A...B`; without `B`, a range ends at `HEAD`.
    pub fn parse(text: &str) -> Self {
        let (from, to, is_since_fork) = match (text.split_once("..."), text.split_once("..")) {
            (Some((from, to)), _) => (from, Some(to), true),
            (None, Some((from, to))) => (from, Some(to), false),
            (None, None) => (text, None, false),
        };
        let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        Self { from: or_head(from), to: to.map(or_head), is_since_fork }
    }
}

impl GitRevision {
    /// The revisions at both ends of a range, in the repository that a directory is in; the second is missing for the
    /// work tree.
    pub fn open_range(directory: &Path, range: &RevisionRange) -> Result<(Self, Option<Self>), Diagnostic> {
        let repository = find_repository(directory)?;
        let repository =
            repository.ok_or_else(|| revision_failure("not a git repository (or any of the parent directories)"))?;
        let git = Self::prepare(&repository)?;
        let which =
            if range.to.is_some() { ("the first revision", "the second revision") } else { ("the revision", "") };
        let from = find_commit(&git, &range.from, which.0)?;
        let to = range.to.as_deref().map(|name| find_commit(&git, name, which.1)).transpose()?;
        let from = match &to {
            Some(to) if range.is_since_fork => find_fork(&git, &from, to)?,
            _ => from,
        };
        let from = Self::open(&repository, from)?;
        let to = to.map(|commit| Self::open(&repository, commit)).transpose()?;
        Ok((from, to))
    }

    /// Git with the names of commits.
    pub(super) fn prepare(repository: &GitRepository) -> Result<SafeGit, Diagnostic> {
        let git = SafeGit::new(repository.clone(), GitConfiguration::Isolated);
        let git = git.and_then(SafeGit::with_references);
        git.map_err(|error| revision_failure(&error.to_string()))
    }

    /// The content of a commit.
    pub(super) fn open(repository: &GitRepository, commit: String) -> Result<Self, Diagnostic> {
        let root = repository.root.clone();
        let mut content = CommitContent::default();
        content.add(repository, &commit, Path::new(""))?;
        content.add_nested(&root);
        let CommitContent { entries, upward, readers, .. } = content;
        let upward = upward.into_iter().map(|path| root.join(path)).collect_set();
        let snapshot = Snapshot::new(root.clone(), entries, move |blob, path, limit| {
            // those that are nested come later
            let reader =
                readers.iter().rev().find_map(|(below, reader)| Some((path.strip_prefix(below).ok()?, reader)));
            let (path, reader) = reader.ok_or(io::ErrorKind::NotFound)?;
            reader.read(blob, path, limit)
        });
        Ok(Self { root, commit, disk: Disk::with_snapshot(snapshot), upward })
    }
}

/// Largest number of nested repositories (submodules) that are read.
const MOST_NESTED: usize = 100;

/// Content of a commit, with that of the nested repositories at the commits that it names.
#[derive(Default)]
struct CommitContent {
    /// Files and links, by their paths from the root.
    entries: BTreeMap<PathBuf, SnapshotEntry>,
    upward: Vec<PathBuf>,
    /// Readers of the repositories, each with the path of its work tree.
    readers: Vec<(PathBuf, GitBlobs)>,
    /// Nested repositories that were not read yet: the path and the commit of each.
    nested: VecDeque<(PathBuf, String)>,
}

impl CommitContent {
    /// Adds a commit of the repository whose work tree is at a path from the root.
    fn add(&mut self, repository: &GitRepository, commit: &str, below: &Path) -> Result<(), Diagnostic> {
        let git = SafeGit::new(repository.clone(), GitConfiguration::Isolated).map(SafeGit::with_own_index);
        let git = git.map_err(|error| revision_failure(&error.to_string()))?;
        // in parallel: each takes as long to start as to answer
        let tree = spawn_git(&git, "ls-tree", &["-r", "-z", "--full-tree", commit])?;
        let upward = spawn_git(&git, "grep", &["-I", "-l", "-z", "--full-name", "-F", "-e", "..", commit])?;
        let (tree, upward) = (tree.wait_with_output(), upward.wait_with_output());
        let failed = |found| in_clone(of_revision(found), &git);
        let entries = parse_tree(&git_output(tree).map_err(failed)?)?;
        let upward = match upward {
            // nothing found
            Ok(output) if output.status.code() == Some(1) && output.stderr.is_empty() => Vec::new(),
            output => git_output(output).map_err(failed)?,
        };
        self.upward.extend(parse_paths(&upward, commit)?.into_iter().map(|path| below.join(path)));
        for (path, entry) in entries {
            if entry.kind == SnapshotEntryKind::Repository {
                self.nested.push_back((below.join(path), entry.blob));
            } else {
                self.entries.insert(below.join(path), entry);
            }
        }
        self.readers.push((below.to_path_buf(), GitBlobs::of_commit(git, commit.to_owned())));
        Ok(())
    }

    /// Adds the nested repositories. One that is not checked out, or lacks the commit, has no files: the work tree has
    /// those of another commit.
    fn add_nested(&mut self, root: &Path) {
        let mut count = 0;
        while let Some((below, commit)) = self.nested.pop_front() {
            count += 1;
            let directory = root.join(&below);
            let found = if count > MOST_NESTED { None } else { GitRepository::find(&directory).ok().flatten() };
            let found = found.filter(|found| found.root == directory);
            let is_read = found.is_some_and(|repository| self.add(&repository, &commit, &below).is_ok());
            if !is_read {
                // what a layer names there does not exist; another commit of it is a change
                let kind = SnapshotEntryKind::UnknownRepository;
                self.entries.insert(below, SnapshotEntry { kind, blob: commit });
            }
        }
    }
}

/// The repository that a directory is in, or the one whose hook this process is.
pub(super) fn find_repository(directory: &Path) -> Result<Option<GitRepository>, Diagnostic> {
    GitRepository::of_process(directory).map_err(|error| revision_failure(&error.to_string()))
}

/// The commit that a name stands for. The name is not repeated: it could be anything that was typed.
pub(super) fn find_commit(git: &SafeGit, name: &str, which: &str) -> Result<String, Diagnostic> {
    let unknown = || {
        let hint = if name.contains("@{") {
            "this clone may have no record of it (`git reflog`), or the branch no upstream: name the commit"
        } else if git.is_shallow() {
            "this clone is shallow: `git fetch --unshallow --tags` gets the rest"
        } else {
            "`git fetch` gets the branches and tags of the remote repository"
        };
        let day = name.parse::<Day>().ok();
        let hint = day.map_or(hint.to_owned(), |day| {
            format!("for a day, name its last commit: `git rev-list -1 --before='{day} 23:59' HEAD` prints it")
        });
        Diagnostic::error(Rule::Usage, format!("{which} is not known"))
            .note("it is not the name of a branch, a tag or a commit of this repository")
            .hint(hint)
    };
    if name.starts_with('-') {
        return Err(unknown());
    }
    let past = match git.repository() {
        Some(repository) if name.contains("@{") => {
            Some(git_with_past(repository, name).map_err(|error| revision_failure(&error.to_string()))?)
        }
        _ => None,
    };
    let commit = format!("{name}^{{commit}}");
    let child =
        spawn_git(past.as_ref().unwrap_or(git), "rev-parse", &["--verify", "--quiet", "--end-of-options", &commit])?;
    let output = child.wait_with_output().map_err(|error| revision_failure(&error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || text.is_empty() {
        return Err(unknown());
    }
    Ok(text)
}

/// The last common commit of two.
fn find_fork(git: &SafeGit, a: &str, b: &str) -> Result<String, Diagnostic> {
    let output = git_output(spawn_git(git, "merge-base", &[a, b])?.wait_with_output());
    let output = output.map_err(|_| {
        Diagnostic::error(Rule::Git, "the two revisions have no common commit")
            .hint("a shallow clone lacks the history: `git fetch --unshallow` gets it; `A..B` compares without it")
    })?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

/// Parses the output of `ls-tree`: the mode, the type, the object, and after a tab the path.
fn parse_tree(output: &[u8]) -> Result<BTreeMap<PathBuf, SnapshotEntry>, Diagnostic> {
    let strange = || revision_failure("cannot parse its list of files");
    let mut found = Vec::new();
    for line in output.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        let tab = memchr::memchr(b'\t', line).ok_or_else(strange)?;
        let (facts, path) = line.split_at(tab);
        let path = path.get(1..).unwrap_or_default().to_vec();
        let path = path_of(path).map_err(|error| revision_failure(&error.to_string()))?;
        let facts = std::str::from_utf8(facts).map_err(|_| strange())?;
        let mut facts = facts.split(' ');
        let (Some(mode), Some(_), Some(blob)) = (facts.next(), facts.next(), facts.next()) else {
            return Err(strange());
        };
        found.push((path, SnapshotEntry { kind: kind_of_mode(mode), blob: blob.to_owned() }));
    }
    // in order, as those of the index
    Ok(found.into_iter().collect())
}

/// Parses the output of `grep -l -z`: `COMMIT:PATH` for each file.
fn parse_paths(output: &[u8], commit: &str) -> Result<Vec<PathBuf>, Diagnostic> {
    let names = output.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    let path = |line: &[u8]| {
        let path = line.strip_prefix(commit.as_bytes()).and_then(|rest| rest.strip_prefix(b":")).unwrap_or(line);
        path_of(path.to_vec()).map_err(|error| revision_failure(&error.to_string()))
    };
    names.map(path).collect()
}

fn of_revision(found: Diagnostic) -> Diagnostic {
    Diagnostic { message: READING.to_owned(), ..found }
}

const READING: &str = "cannot read a revision from Git";

pub(super) fn revision_failure(why: &str) -> Diagnostic {
    Diagnostic::error(Rule::Git, READING)
        .note(format!("Git reported: {why}"))
        .hint("run it inside the work tree of a repository")
}

#[cfg(test)]
mod tests {
    use super::RevisionRange;

    #[test]
    fn ranges_are_written_as_git_writes_them() {
        for (text, from, to, is_since_fork) in [
            ("main", "main", None, false),
            ("main..", "main", Some("HEAD"), false),
            ("..topic", "HEAD", Some("topic"), false),
            ("v1..v2", "v1", Some("v2"), false),
            ("main...HEAD", "main", Some("HEAD"), true),
            ("main...", "main", Some("HEAD"), true),
        ] {
            let range = RevisionRange { from: from.to_owned(), to: to.map(str::to_owned), is_since_fork };
            assert_eq!(RevisionRange::parse(text), range, "{text}");
        }
    }
}
