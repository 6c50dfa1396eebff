//! Commits of some files, without the programs of a repository: no hook, no filter and no signature.
//!
//! The objects are written by Git, as everywhere in a directory of ours. The branch is moved by its file, with the lock
//! that Git uses. What else the user staged stays as it is.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::command::{GitConfiguration, SafeGit};
use super::history::GitHistory;
use super::is_reference_name;
use super::object_output::{commit_failure, output_of, slash_path};
use super::repository::GitRepository;
use super::setup::CloneSettings;
use super::stored::BlobNames;
use crate::diagnostic::Diagnostic;

/// A commit to be made.
#[derive(Debug)]
pub struct PlannedCommit {
    repository: GitRepository,
    parent: String,
    /// The branch that moves.
    branch: String,
    /// Whether the branch is created.
    is_new: bool,
    /// Name and address of the author.
    author: (String, String),
}

impl PlannedCommit {
    /// Prepares a commit on the current branch, or on a new one that becomes the current one.
    pub fn new(history: &GitHistory, branch: Option<&str>) -> Result<Self, Diagnostic> {
        let repository = history.repository().clone();
        if let Some(operation) = repository.operation() {
            return Err(commit_failure(&format!("a {operation} is in progress"))
                .hint(format!("finish it, or undo it with `git {operation} --abort`, and run this again")));
        }
        let current = repository.branch().map_err(|error| commit_failure(&error.to_string()))?;
        let (branch, is_new) = match (branch, current) {
            (Some(name), _) => (format!("refs/heads/{name}"), true),
            (None, Some(current)) => (current, false),
            (None, None) => {
                return Err(commit_failure("no branch is checked out").hint("name a new one: `--branch NAME`"));
            }
        };
        if is_new {
            let known = repository.references().map_err(|error| commit_failure(&error.to_string()))?;
            let is_taken = known.keys().any(|name| {
                *name == branch || name.starts_with(&format!("{branch}/")) || branch.starts_with(&format!("{name}/"))
            });
            if is_taken {
                return Err(commit_failure("the branch of `--branch` exists already"));
            }
            if !is_reference_name(&branch) {
                return Err(commit_failure("the name of `--branch` is not valid for a branch"));
            }
        }
        if !repository.shared_indexes().map_err(|error| commit_failure(&error.to_string()))?.is_empty() {
            return Err(commit_failure("its index has parts in other files, which septum does not change")
                .hint("run `git update-index --no-split-index`, or commit without `--commit`"));
        }
        let author = find_author(&repository)?;
        Ok(Self { repository, parent: history.head().to_owned(), branch, is_new, author })
    }

    /// Name of the branch.
    pub fn branch(&self) -> &str {
        self.branch.strip_prefix("refs/heads/").unwrap_or(&self.branch)
    }

    /// Commits files with these bytes, and the removal of others. Returns the name of the commit.
    pub fn commit(
        &self,
        files: &[(PathBuf, Vec<u8>)],
        removed: &[PathBuf],
        message: &str,
    ) -> Result<String, Diagnostic> {
        let failed = |error: io::Error| commit_failure(&error.to_string());
        let git = SafeGit::new(self.repository.clone(), GitConfiguration::Isolated).map_err(failed)?;
        let mut entries = Vec::new();
        let names = BlobNames::new(&self.repository)?;
        for (path, bytes) in files {
            let path = self.path_in_tree(path)?;
            let (mode, committed) = self.committed_file(&git, path)?;
            let committed = committed.map(|blob| names.read_blob(&blob)).transpose()?;
            let blob = names.store_blob(path, bytes, committed.as_deref())?;
            entries.push(format!("{mode},{blob},{}", slash_path(path)?));
        }
        let removed = removed.iter().map(|path| slash_path(self.path_in_tree(path)?));
        let removed = removed.collect::<Result<Vec<_>, Diagnostic>>()?;
        let own = SafeGit::new(self.repository.clone(), GitConfiguration::Isolated).map_err(failed)?.with_own_index();
        output_of(own.command("read-tree").map_err(failed)?.arg(&self.parent), b"")?;
        update_index(&own, &entries, &removed)?;
        let tree = output_of(&mut own.command("write-tree").map_err(failed)?, b"")?;
        let (name, address) = &self.author;
        let mut make = own.command("commit-tree").map_err(failed)?;
        make.args([&tree, "-p", &self.parent, "-F", "-"]);
        for role in ["AUTHOR", "COMMITTER"] {
            make.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), address);
        }
        let commit = output_of(&mut make, message.as_bytes())?;
        // the index first: if the branch cannot be moved, the files are staged. The other way around, the next commit
        // would take them back
        update_index(&git, &entries, &removed)?;
        self.move_branch(&commit).map_err(failed)?;
        Ok(commit)
    }

    /// A path from the root of the work tree.
    fn path_in_tree<'p>(&self, path: &'p Path) -> Result<&'p Path, Diagnostic> {
        let path = path.strip_prefix(&self.repository.root);
        path.map_err(|_| commit_failure("a file is outside of the work tree"))
    }

    /// The mode of a file in the last commit, or that of a new one, and the name of its blob there.
    fn committed_file(&self, git: &SafeGit, path: &Path) -> Result<(String, Option<String>), Diagnostic> {
        let mut list = git.command("ls-tree").map_err(|error| commit_failure(&error.to_string()))?;
        let entry = output_of(list.arg("--full-tree").arg(&self.parent).arg("--").arg(path), b"")?;
        let mut fields = entry.split([' ', '\t']);
        match (fields.next(), fields.next(), fields.next()) {
            (Some(mode @ ("100644" | "100755")), Some("blob"), Some(blob)) => {
                Ok((mode.to_owned(), Some(blob.to_owned())))
            }
            _ => Ok(("100644".to_owned(), None)),
        }
    }

    /// Moves the branch to a commit, if it is still where it was.
    fn move_branch(&self, commit: &str) -> io::Result<()> {
        let path = self.repository.shared_directory().join(&self.branch);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let lock = RefLock::take(&path)?;
        let head = self.is_new.then(|| RefLock::take(&self.repository.own_directory().join("HEAD"))).transpose()?;
        let moved = self.repository.head()?.as_deref() != Some(&self.parent) || self.is_new && path.exists();
        if moved {
            return Err(io::Error::other("the branch was moved in the meantime"));
        }
        lock.write(&format!("{commit}\n"))?;
        if let Some(head) = head {
            head.write(&format!("ref: {}\n", self.branch))?;
        }
        Ok(())
    }
}

/// Name and address of the author: of the variables of Git, or of its configuration.
fn find_author(repository: &GitRepository) -> Result<(String, String), Diagnostic> {
    let settings = CloneSettings::read(repository.clone()).map_err(|error| commit_failure(&error.to_string()))?;
    let part = |given: Result<String, env::VarError>, key: &str| {
        let given = given.ok().filter(|text| !text.is_empty());
        given.or_else(|| settings.value(key).map(|(_, value)| value.to_owned()))
    };
    let (name, address) = (env::var("GIT_AUTHOR_NAME"), env::var("GIT_AUTHOR_EMAIL"));
    match (part(name, "user.name"), part(address, "user.email")) {
        (Some(name), Some(address)) => Ok((name, address)),
        _ => Err(commit_failure("the author is not known")
            .hint("run `git config --global user.name NAME` and `git config --global user.email ADDRESS`")),
    }
}

/// Sets entries of an index, and removes others, which need not be in it.
fn update_index(git: &SafeGit, entries: &[String], removed: &[String]) -> Result<(), Diagnostic> {
    let mut update = git.command("update-index").map_err(|error| commit_failure(&error.to_string()))?;
    update.arg("--add");
    for entry in entries {
        update.arg("--cacheinfo").arg(entry);
    }
    if !removed.is_empty() {
        update.arg("--force-remove").arg("--").args(removed);
    }
    output_of(&mut update, b"").map(drop)
}

/// The lock of a file of references, as Git has it: the new content beside the file.
struct RefLock {
    path: PathBuf,
    lock: PathBuf,
    is_done: bool,
}

impl RefLock {
    fn take(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        OpenOptions::new().write(true).create_new(true).open(&lock)?;
        Ok(Self { path: path.to_path_buf(), lock, is_done: false })
    }

    fn write(mut self, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).truncate(true).open(&self.lock)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&self.lock, &self.path)?;
        self.is_done = true;
        Ok(())
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = fs::remove_file(&self.lock);
        }
    }
}
