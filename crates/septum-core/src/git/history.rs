//! Commits before the current one.

use std::path::Path;

use super::command::SafeGit;
use super::repository::GitRepository;
use super::revision::{GitRevision, find_commit, find_repository, revision_failure};
use super::stored::{BlobNames, has_returns};
use super::{git_output, spawn_git};
use crate::diagnostic::Diagnostic;

/// The history of the current commit.
#[derive(Debug)]
pub struct GitHistory {
    repository: GitRepository,
    git: SafeGit,
    head: String,
}

impl GitHistory {
    /// The history in the repository that a directory is in; none without a repository, or before the first commit.
    pub fn find(directory: &Path) -> Result<Option<Self>, Diagnostic> {
        let Some(repository) = find_repository(directory)? else { return Ok(None) };
        let head = repository.head().map_err(|error| revision_failure(&error.to_string()))?;
        let Some(head) = head else { return Ok(None) };
        let git = GitRevision::prepare(&repository)?;
        Ok(Some(Self { repository, git, head }))
    }

    /// The repository.
    pub(super) fn repository(&self) -> &GitRepository {
        &self.repository
    }

    /// Git with the names of commits.
    pub(super) fn git(&self) -> &SafeGit {
        &self.git
    }

    /// The current commit.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Whether a file of the work tree is committed with a content: Git may convert its line ends.
    pub fn is_committed(&self, path: &Path, content: &[u8], committed: &[u8]) -> Result<bool, Diagnostic> {
        if content == committed {
            return Ok(true);
        }
        let Ok(path) = path.strip_prefix(&self.repository.root) else { return Ok(false) };
        // nothing else differs between the file and what is stored
        if !has_returns(content) || has_returns(committed) {
            return Ok(false);
        }
        BlobNames::new(&self.repository)?.is_stored_as(path, content, committed)
    }

    /// Commits whose message contains a text, each with its message, the last one first.
    pub fn messages_with(&self, text: &str) -> Result<Vec<(String, String)>, Diagnostic> {
        let found = format!("--grep={text}");
        let child =
            spawn_git(&self.git, "log", &["-z", "--format=%H%n%B", "-F", &found, "--no-show-signature", &self.head])?;
        let output = git_output(child.wait_with_output())
            .map_err(|found| Diagnostic { message: "cannot read the history from Git".to_owned(), ..found })?;
        let text = String::from_utf8_lossy(&output);
        let commits = text.split('\0').filter_map(|commit| commit.split_once('\n'));
        Ok(commits.map(|(commit, message)| (commit.to_owned(), message.to_owned())).collect())
    }

    /// The commit that a name stands for. An error calls it `which`.
    pub fn commit(&self, name: &str, which: &str) -> Result<String, Diagnostic> {
        find_commit(&self.git, name, which)
    }

    /// Whether there is a commit of a name.
    pub fn has_commit(&self, name: &str) -> bool {
        self.commit(name, "the commit").is_ok()
    }

    /// Whether earlier commits are missing, because the clone is shallow.
    pub fn is_shallow(&self) -> bool {
        // what cannot be read is not known to be complete
        self.repository.shallow_commits().map_or(true, |missing| !missing.is_empty())
    }

    /// The content of a commit.
    pub fn open(&self, name: &str) -> Result<GitRevision, Diagnostic> {
        GitRevision::open(&self.repository, self.commit(name, "the commit")?)
    }
}
