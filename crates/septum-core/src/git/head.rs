//! The current commit, for those who record what an output was made of.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::command::{GitConfiguration, SafeGit};
use super::history::GitHistory;
use super::object_output::output_of;
use super::revision::revision_failure;
use super::{git_output, spawn_git};
use crate::diagnostic::Diagnostic;
use crate::disk::path_of;

/// Author, date and message of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDetails {
    /// Name and address: `A <a@example.org>`.
    pub author: String,
    /// Date of the author, as RFC 3339 has it.
    pub date: String,
    /// The whole message.
    pub message: String,
}

/// File of the work tree that differs from the current commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncommittedFile {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Whether Git knows it.
    pub is_tracked: bool,
}

impl GitHistory {
    /// The last commit that changed something outside of a directory; the current one if there is none.
    pub fn last_outside(&self, directory: &Path) -> Result<String, Diagnostic> {
        let Ok(below) = directory.strip_prefix(&self.repository().root) else { return Ok(self.head().to_owned()) };
        let excluded = format!(":(top,exclude,literal){}", below.to_string_lossy().replace('\\', "/"));
        let options = ["-1", "--format=%H", "--no-show-signature", self.head(), "--", ":(top)", &excluded];
        let output = git_output(spawn_git(self.git(), "log", &options)?.wait_with_output()).map_err(of_commit)?;
        let commit = String::from_utf8_lossy(&output).trim().to_owned();
        Ok(if commit.is_empty() { self.head().to_owned() } else { commit })
    }

    /// Author, date and message of a commit.
    pub fn details(&self, commit: &str) -> Result<CommitDetails, Diagnostic> {
        let options = ["-1", "--format=%an <%ae>%x00%aI%x00%B", "--no-show-signature", "--no-notes", commit];
        let output = git_output(spawn_git(self.git(), "log", &options)?.wait_with_output()).map_err(of_commit)?;
        let text = String::from_utf8_lossy(&output);
        let mut fields = text.splitn(3, '\0').map(str::to_owned);
        let (Some(author), Some(date), Some(message)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(revision_failure("cannot parse its log"));
        };
        Ok(CommitDetails { author, date, message })
    }

    /// URL of the remote `origin` without credentials; none if the configuration of the repository has none.
    pub fn origin(&self) -> Result<Option<String>, Diagnostic> {
        let config = self.repository().shared_directory().join("config");
        if !config.is_file() {
            return Ok(None);
        }
        // by its file, which includes no other
        let git = SafeGit::without_repository(&self.repository().root, GitConfiguration::Isolated);
        let output = git.and_then(|git| {
            let mut git = git.command("config")?;
            git.args([OsStr::new("--file"), config.as_os_str()]).args(["--no-includes", "--get", "remote.origin.url"]);
            git.output()
        });
        let output = output.map_err(|error| revision_failure(&error.to_string()))?;
        match output.status.code() {
            Some(0) => {
                let url = String::from_utf8_lossy(&output.stdout);
                Ok(Some(without_credentials(url.trim_end_matches(['\n', '\r']))).filter(|url| !url.is_empty()))
            }
            _ => Ok(None),
        }
    }

    /// Files at or below a directory that differ from the current commit, or that only one of both has.
    pub fn uncommitted_files(&self, directory: &Path) -> Result<Vec<UncommittedFile>, Diagnostic> {
        let root = &self.repository().root;
        let below = directory.strip_prefix(root).unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/");
        let pathspec = format!(":(top,literal){below}");
        let options =
            ["--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all", "--", &pathspec];
        let own = self.index_without_marks(&pathspec)?;
        let git = own.as_ref().unwrap_or(self.git());
        let output = git_output(spawn_git(git, "status", &options)?.wait_with_output()).map_err(of_commit)?;
        let lines = output.split(|&byte| byte == 0).filter(|line| line.len() > 3);
        let file = |line: &[u8]| {
            let (status, path) = line.split_at(3);
            let path = path_of(path.to_vec()).map_err(|error| revision_failure(&error.to_string()))?;
            Ok(UncommittedFile { path: root.join(path), is_tracked: !status.starts_with(b"??") })
        };
        lines.map(file).collect()
    }

    /// Git with an index in which no file is marked as unchanged (`git update-index --assume-unchanged`,
    /// `--skip-worktree`): Git does not look at such a file. None if no file is.
    fn index_without_marks(&self, pathspec: &str) -> Result<Option<SafeGit>, Diagnostic> {
        let root = &self.repository().root;
        let options = ["-v", "-z", "--", pathspec];
        let listed = git_output(spawn_git(self.git(), "ls-files", &options)?.wait_with_output()).map_err(of_commit)?;
        let mut marked = Vec::new();
        for line in listed.split(|&byte| byte == 0) {
            let Some((mark, path)) =
                line.split_first().and_then(|(mark, rest)| Some((*mark, rest.strip_prefix(b" ")?)))
            else {
                continue;
            };
            // a file that a sparse checkout leaves out is not there
            let is_left_out = || path_of(path.to_vec()).is_ok_and(|path| !root.join(path).exists());
            if mark.is_ascii_lowercase() || mark == b'S' && !is_left_out() {
                marked.extend_from_slice(path);
                marked.push(0);
            }
        }
        if marked.is_empty() {
            return Ok(None);
        }
        let own = SafeGit::new(self.repository().clone(), GitConfiguration::UserSettings);
        let own = own.and_then(SafeGit::with_index_copy).map_err(|error| revision_failure(&error.to_string()))?;
        // one mark at a time: Git takes the last option alone
        for option in ["--no-assume-unchanged", "--no-skip-worktree"] {
            let mut update = own.command("update-index").map_err(|error| revision_failure(&error.to_string()))?;
            output_of(update.args([option, "-z", "--stdin"]), &marked)?;
        }
        Ok(Some(own))
    }

    /// Those of some files that Git does not know, ignored or not. The paths are absolute.
    pub fn unknown_files(&self, files: &[PathBuf]) -> Result<Vec<UncommittedFile>, Diagnostic> {
        let root = &self.repository().root;
        let inside: Vec<&Path> = files.iter().filter_map(|file| file.strip_prefix(root).ok()).collect();
        let mut found = Vec::new();
        for part in inside.chunks(MOST_PATHS) {
            let git = self.git().command("ls-files").and_then(|mut git| {
                git.env("GIT_LITERAL_PATHSPECS", "1").args(["-z", "--others", "--"]).args(part).output()
            });
            let output = git_output(git).map_err(of_commit)?;
            for path in output.split(|&byte| byte == 0).filter(|path| !path.is_empty()) {
                let path = path_of(path.to_vec()).map_err(|error| revision_failure(&error.to_string()))?;
                found.push(UncommittedFile { path: root.join(path), is_tracked: false });
            }
        }
        Ok(found)
    }
}

/// Number of paths that are given to Git at once.
const MOST_PATHS: usize = 500;

fn of_commit(found: Diagnostic) -> Diagnostic {
    Diagnostic { message: "cannot read the current commit from Git".to_owned(), ..found }
}

/// The URL of a remote without a password, and without the user of a protocol in which it may be a token.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // as SSH has it, where a password means nothing
        return match url.split_once('@') {
            Some((user, rest)) => format!("{}@{rest}", user.split(':').next().unwrap_or_default()),
            None => url.to_owned(),
        };
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // a token may be a parameter, too
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else { return format!("{scheme}://{authority}{path}") };
    let user = user.split(':').next().unwrap_or_default();
    if scheme.contains("ssh") && !user.is_empty() {
        format!("{scheme}://{user}@{host}{path}")
    } else {
        format!("{scheme}://{host}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn credentials_are_no_part_of_a_url() {
        for (url, expected) in [
            ("https://github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://x-access-token:hunter2@github.com/a/b", "https://github.com/a/b"),
            ("https://hunter2@github.com/a/b", "https://github.com/a/b"),
            ("https://a:hun@ter2@github.com", "https://github.com"),
            ("https://github.com/a/b?token=hunter2", "https://github.com/a/b"),
            ("ssh://git:hunter2@example.org:22/a", "ssh://git@example.org:22/a"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("git:hunter2@github.com:a/b.git", "git@github.com:a/b.git"),
            ("/srv/git/a.git", "/srv/git/a.git"),
        ] {
            assert_eq!(without_credentials(url), expected, "{url}");
        }
    }
}
