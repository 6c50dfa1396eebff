//! The one way in which Git is run, so that it runs no program from a repository.
//!
//! The configuration of a repository can name programs for almost everything (`core.fsmonitor`, hooks, filters, diff
//! drivers, pagers, credential helpers, `include.path`), and an unpacked archive or a restored CI cache contains a
//! configuration of another author. Switching each of them off helps only until the next one is invented. So Git is
//! never run on the directory of the repository: it gets one of ours, in which the index, the objects and the
//! patterns of ignored files are those of the repository, and the configuration is not.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::repository::GitRepository;
use crate::test_hook::{StopPoint, pass_point};
use crate::{program, signals};

/// Options that disable the programs of the user's configuration, and settings that no configuration may change.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.askPass=",
    "credential.helper=",
    "gpg.program=false",
    "protocol.allow=never",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=dirty",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.bareRepository=explicit",
];

/// Git configuration that applies in addition to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitConfiguration {
    /// None.
    Isolated,
    /// Configuration of the user and of the machine: global ignore rules, conflict style.
    UserSettings,
}

/// Number of attempts to remove a directory that is in use.
const MOST_TRIES: usize = 100;

/// Directory that is removed when it is not needed, also if a signal ends the program.
#[derive(Debug)]
struct OwnDirectory(Option<TempDir>);

impl OwnDirectory {
    fn create() -> io::Result<Self> {
        signals::guarded(|| {
            let directory = tempfile::Builder::new().prefix("septum-git-").tempdir()?;
            let path = directory.path().to_path_buf();
            let removed = path.clone();
            let cleanup = move || {
                // another thread may write to it still, and nothing makes it again
                let _ = (0..MOST_TRIES).find(|_| fs::remove_dir_all(&removed).is_ok());
                None
            };
            Ok((path, Box::new(cleanup) as signals::Cleanup, Self(Some(directory))))
        })
    }

    fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        if let Some(directory) = self.0.take() {
            let path = directory.path().to_path_buf();
            signals::settle(&path, || drop(directory));
        }
    }
}

/// Git, with a directory of its own in place of that of a repository.
#[derive(Debug)]
pub struct SafeGit {
    directory: OwnDirectory,
    repository: Option<GitRepository>,
    /// Directory from which no program is run.
    outside: Option<PathBuf>,
    configuration: GitConfiguration,
    /// Whether the index is one of its own instead of that of the repository.
    is_index_own: bool,
}

impl SafeGit {
    /// Prepares a directory for Git, in place of that of a repository.
    pub fn new(repository: GitRepository, configuration: GitConfiguration) -> io::Result<Self> {
        let outside = Some(repository.root.clone());
        Self::prepare(Some(repository), outside, configuration)
    }

    /// Prepares an empty directory, for commands that work on files alone.
    pub fn without_repository(near: &Path, configuration: GitConfiguration) -> io::Result<Self> {
        let outside = GitRepository::find(near).ok().flatten().map(|repository| repository.root);
        Self::prepare(None, outside, configuration)
    }

    fn prepare(
        repository: Option<GitRepository>,
        outside: Option<PathBuf>,
        configuration: GitConfiguration,
    ) -> io::Result<Self> {
        let directory = OwnDirectory::create()?;
        let at = |name: &str| directory.path().join(name);
        for name in ["objects", "refs", "info"] {
            fs::create_dir(at(name))?;
        }
        let (mut head, mut config) = (None, "[core]\n\trepositoryformatversion = 0\n");
        if let Some(repository) = &repository {
            head = repository.head()?;
            if repository.has_sha256()? {
                config = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n";
            }
            fs::write(at("info/exclude"), repository.exclude_patterns()?.unwrap_or_default())?;
            let shallow = repository.shallow_commits()?;
            if !shallow.is_empty() {
                fs::write(at("shallow"), shallow.join("\n") + "\n")?;
            }
            for (name, path) in repository.shared_indexes()? {
                fs::copy(path, directory.path().join(name))?;
            }
        }
        fs::write(at("HEAD"), head.unwrap_or_else(|| "ref: refs/heads/none".to_owned()) + "\n")?;
        fs::write(at("config"), config)?;
        pass_point(StopPoint::GitPrepared);
        Ok(Self { directory, repository, outside, configuration, is_index_own: false })
    }

    /// Makes the branches and tags of the repository known.
    pub(super) fn with_references(self) -> io::Result<Self> {
        let Some(repository) = &self.repository else { return Ok(self) };
        let references = repository.references()?;
        let lines: Vec<_> = references.iter().map(|(name, object)| format!("{object} {name}\n")).collect();
        fs::write(self.directory.path().join("packed-refs"), lines.concat())?;
        for (name, object) in repository.other_references() {
            fs::write(self.directory.path().join(name), object + "\n")?;
        }
        Ok(self)
    }

    /// The repository, if it runs on one.
    pub(super) fn repository(&self) -> Option<&GitRepository> {
        self.repository.as_ref()
    }

    /// Writes a file of its own directory.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, bytes)
    }

    /// Adds text to its own configuration.
    pub(super) fn append_configuration(&self, text: &str) -> io::Result<()> {
        let path = self.directory.path().join("config");
        let known = fs::read_to_string(&path)?;
        fs::write(path, known + text)
    }

    /// Whether the repository lacks the parents of some commits.
    pub(super) fn is_shallow(&self) -> bool {
        let missing = self.repository.as_ref().and_then(|repository| repository.shallow_commits().ok());
        missing.is_some_and(|missing| !missing.is_empty())
    }

    /// Whether the repository is a partial clone.
    pub(super) fn is_partial(&self) -> bool {
        self.repository.as_ref().is_some_and(GitRepository::is_partial)
    }

    /// Makes the attributes of the repository known that are in no file of the work tree.
    pub fn with_attributes(self) -> io::Result<Self> {
        let attributes = self.repository.as_ref().map(GitRepository::attributes).transpose()?.flatten();
        if let Some(attributes) = attributes {
            fs::write(self.directory.path().join("info/attributes"), attributes)?;
        }
        Ok(self)
    }

    /// Replaces the index of the repository by one of its own, without entries at first.
    pub(super) fn with_own_index(self) -> Self {
        Self { is_index_own: true, ..self }
    }

    /// Replaces the index of the repository by a copy, in which marks of entries can be changed.
    ///
    /// The copy is as old as the index: Git compares the content of a file that is not older (`racy-git` in its
    /// documentation), and would take one that was changed in the second of the commit for unchanged.
    pub(super) fn with_index_copy(self) -> io::Result<Self> {
        let index = self.index_path()?;
        let modified = fs::metadata(&index)?.modified()?;
        fs::copy(index, self.own_index())?;
        fs::File::options().write(true).open(self.own_index())?.set_modified(modified)?;
        Ok(self.with_own_index())
    }

    /// Whether its own index was filled.
    pub(super) fn has_own_index(&self) -> bool {
        self.own_index().is_file()
    }

    fn own_index(&self) -> PathBuf {
        self.directory.path().join("own-index")
    }

    /// Git with one of its own subcommands, in the root of the work tree.
    pub fn command(&self, subcommand: &str) -> io::Result<Command> {
        let mut git = program::command_outside(OsStr::new("git"), self.outside.as_deref())?;
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_")) {
            git.env_remove(name);
        }
        git.envs([
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_PAGER", "cat"),
            ("LC_ALL", "C"),
        ]);
        if self.configuration == GitConfiguration::Isolated {
            git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_ATTR_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", NOTHING);
        }
        git.arg("--no-pager").arg("--git-dir").arg(self.directory.path());
        if let Some(repository) = &self.repository {
            git.current_dir(&repository.root).arg("--work-tree").arg(&repository.root);
            git.env("GIT_OBJECT_DIRECTORY", repository.objects());
            git.envs(repository.more_objects().map(|more| ("GIT_ALTERNATE_OBJECT_DIRECTORIES", more)));
            git.env("GIT_INDEX_FILE", self.index_path()?);
        }
        for setting in SETTINGS {
            git.args(["-c", setting]);
        }
        git.arg(subcommand).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(git)
    }

    /// The index of the repository, or a path that does not exist: an index without entries.
    fn index_path(&self) -> io::Result<PathBuf> {
        if self.is_index_own {
            return Ok(self.own_index());
        }
        let index = self.repository.as_ref().map(GitRepository::index).transpose()?.flatten();
        Ok(index.map_or_else(|| self.directory.path().join("index"), Path::to_path_buf))
    }
}

/// Path that acts as an empty file.
const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };
