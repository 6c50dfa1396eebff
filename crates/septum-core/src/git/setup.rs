//! Settings of one clone: the drivers for encrypted files, and the hook before each commit.
//!
//! They are read and written by Git, on the files of its configuration and never in the repository: see
//! [`command`](super::command).

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use super::command::{GitConfiguration, SafeGit};
use super::repository::GitRepository;

/// Settings of the drivers, as docs/git.md describes them.
pub const DRIVERS: [(&str, &str); 3] = [
    ("diff.septum.textconv", "septum git-textconv"),
    ("merge.septum.name", "septum, value by value"),
    ("merge.septum.driver", "septum git-merge %O %A %B %P"),
];

/// Setting that stores the plaintext of each compared file in the repository.
pub const CACHE: &str = "diff.septum.cachetextconv";

/// Settings that are read, as a regular expression of Git.
const NAMES: &str =
    r"^(diff\.septum|merge\.septum|user\.(name|email)$|core\.(hookspath|autocrlf|eol)$|extensions\.worktreeconfig)";

/// Command of the hook.
pub const HOOK_COMMAND: &str = "septum check --staged";

/// The whole hook.
const HOOK: &str = "#!/bin/sh\n# installed by `septum git-setup --hook`, removed by `septum git-setup --undo`\nexec septum check --staged\n";

/// Largest hook that is read.
const LARGEST_HOOK: u64 = 1 << 20;

/// Configuration file of Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigScope {
    /// Of the machine.
    System,
    /// Of the user.
    Global,
    /// Of the repository and all its work trees.
    Local,
    /// Of one work tree.
    Worktree,
}

/// Settings of a clone.
#[derive(Debug)]
pub struct CloneSettings {
    repository: GitRepository,
    git: SafeGit,
    /// The settings with their scopes, those that apply last.
    found: Vec<(ConfigScope, String, String)>,
}

/// The hook before each commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    /// There is none.
    Missing,
    /// It is the one that Septum installs.
    Installed,
    /// It runs the command, besides others.
    Included,
    /// It exists, but Git ignores it, because it is not executable.
    NotExecutable,
    /// It is another one.
    Foreign,
}

impl CloneSettings {
    /// Reads the settings of a clone.
    pub fn read(repository: GitRepository) -> io::Result<Self> {
        let git = SafeGit::without_repository(&repository.root, GitConfiguration::UserSettings)?;
        let mut settings = Self { repository, git, found: Vec::new() };
        for (scope, file) in [(ConfigScope::System, "--system"), (ConfigScope::Global, "--global")] {
            // neither file needs to exist
            let found = settings.list(&[OsStr::new(file)]).unwrap_or_default();
            settings.add(scope, found);
        }
        let config = settings.config_file();
        if config.is_file() {
            let found = settings.list(&[OsStr::new("--file"), config.as_os_str()])?;
            settings.add(ConfigScope::Local, found);
        }
        let own = settings.repository.own_directory().join("config.worktree");
        if settings.value("extensions.worktreeconfig").is_some_and(|(_, value)| value == "true") && own.is_file() {
            let found = settings.list(&[OsStr::new("--file"), own.as_os_str()])?;
            settings.add(ConfigScope::Worktree, found);
        }
        Ok(settings)
    }

    /// The value that applies, and its scope.
    pub fn value(&self, name: &str) -> Option<(ConfigScope, &str)> {
        let last = self.found.iter().rev().find(|(_, known, _)| known == name);
        last.map(|(scope, _, value)| (*scope, value.as_str()))
    }

    /// The value in the configuration of the repository.
    pub fn local_value(&self, name: &str) -> Option<&str> {
        let local = self.found.iter().rev().find(|(scope, known, _)| *scope == ConfigScope::Local && known == name);
        local.map(|(_, _, value)| value.as_str())
    }

    /// Whether a value runs this program as the driver does: by its name, or by a path outside of the repository.
    pub fn is_driver(&self, name: &str, value: &str) -> bool {
        let usual = DRIVERS.iter().find(|(known, _)| *known == name).map_or("", |(_, usual)| *usual);
        if !name.ends_with(".textconv") && !name.ends_with(".driver") {
            return true;
        }
        let Some((program, arguments)) = value.trim().split_once(' ') else { return false };
        let program = Path::new(program);
        let is_outside = program.is_absolute()
            && program.file_name() == Some(OsStr::new("septum"))
            && !program.components().any(|part| part == Component::ParentDir)
            && !program.starts_with(&self.repository.root);
        let is_program = program == Path::new("septum") || is_outside;
        is_program && usual.split_once(' ').is_some_and(|(_, usual)| usual == arguments.trim())
    }

    /// Sets a value in the configuration of the repository.
    pub fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let config = self.writable_config()?;
        self.run(&[OsStr::new("--file"), config.as_os_str(), "--replace-all".as_ref(), name.as_ref(), value.as_ref()])
    }

    /// Removes a value from the configuration of the repository.
    pub fn unset(&self, name: &str) -> io::Result<()> {
        let config = self.writable_config()?;
        self.run(&[OsStr::new("--file"), config.as_os_str(), "--unset-all".as_ref(), name.as_ref()])
    }

    /// Path of the hook; none if it is outside of the repository, where it would run for others too.
    pub fn hook_path(&self) -> Option<PathBuf> {
        let directory = match self.value("core.hookspath") {
            None => self.repository.shared_directory().join("hooks"),
            Some((_, path)) if path.is_empty() || path.starts_with('~') => return None,
            Some((_, path)) => self.repository.root.join(path),
        };
        // the part that exists, without links
        let existing = directory.ancestors().find(|part| part.symlink_metadata().is_ok())?;
        let real = crate::disk::canonical_path(existing).ok()?.join(directory.strip_prefix(existing).ok()?);
        let shared = crate::disk::canonical_path(self.repository.shared_directory()).ok()?;
        let is_plain = real.components().all(|part| part != Component::ParentDir);
        let is_inside = real.starts_with(&self.repository.root) || real.starts_with(shared);
        (is_plain && is_inside).then(|| real.join("pre-commit"))
    }

    /// State of the hook at a path.
    pub fn hook_state(&self, path: &Path) -> io::Result<HookState> {
        let Ok(kind) = path.symlink_metadata() else { return Ok(HookState::Missing) };
        let is_file = path.metadata().is_ok_and(|file| file.is_file());
        if !is_file {
            return Ok(HookState::Foreign);
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(LARGEST_HOOK).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let runs = |line: &str| !line.trim_start().starts_with('#') && line.contains(HOOK_COMMAND);
        if !text.lines().any(runs) && !self.is_framework(&text) {
            return Ok(HookState::Foreign);
        }
        Ok(match (is_executable(path), kind.is_file() && text == HOOK) {
            (false, _) => HookState::NotExecutable,
            (true, true) => HookState::Installed,
            (true, false) => HookState::Included,
        })
    }

    /// Installs the hook at a path, where there is none, or one of Septum that is not executable.
    pub fn install_hook(&self, path: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => file.write_all(HOOK.as_bytes())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        make_executable(path)
    }

    /// Removes the hook.
    pub fn remove_hook(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Whether the hook is that of pre-commit, and its configuration names this program.
    fn is_framework(&self, hook: &str) -> bool {
        let config = self.repository.root.join(".pre-commit-config.yaml");
        let is_regular = config.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() < LARGEST_HOOK);
        hook.contains("pre-commit.com")
            && is_regular
            && fs::read_to_string(config).is_ok_and(|text| text.contains("septum"))
    }

    /// The configuration of the repository.
    pub fn config_file(&self) -> PathBuf {
        self.repository.shared_directory().join("config")
    }

    /// The configuration, which must not be a link: Git would write to its target.
    fn writable_config(&self) -> io::Result<PathBuf> {
        let config = self.config_file();
        match config.symlink_metadata() {
            Ok(file) if !file.is_file() => Err(io::Error::other("the configuration of the repository is not a file")),
            _ => Ok(config),
        }
    }

    fn add(&mut self, scope: ConfigScope, found: Vec<(String, String)>) {
        self.found.extend(found.into_iter().map(|(name, value)| (scope, name, value)));
    }

    fn list(&self, file: &[&OsStr]) -> io::Result<Vec<(String, String)>> {
        let mut git = self.git.command("config")?;
        let output = git.args(file).args(["--includes", "-z", "--get-regexp", NAMES]).output()?;
        match output.status.code() {
            // nothing is set
            Some(1) => return Ok(Vec::new()),
            Some(0) => {}
            _ => return Err(io::Error::other(super::first_line(&output))),
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let entries = text.split('\0').filter(|entry| !entry.is_empty());
        let entry = |entry: &str| {
            let (name, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            (name.to_owned(), value.to_owned())
        };
        Ok(entries.map(entry).collect())
    }

    fn run(&self, arguments: &[&OsStr]) -> io::Result<()> {
        let output = self.git.command("config")?.args(arguments).output()?;
        if output.status.success() { Ok(()) } else { Err(io::Error::other(super::first_line(&output))) }
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata()?.permissions().mode();
    // for those who may read it
    fs::set_permissions(path, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

/// Git of other systems runs a hook by its first line.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}
