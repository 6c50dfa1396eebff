//! Checks of a clone: the drivers of Git, and the hook.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::attributes::{files_without_driver, lines_for};
use super::{CheckStatus, DoctorCheck};
use crate::diagnostic::shell_path;
use crate::disk::{BoundedRoot, DirEntryKind, Disk, walk_files};
use crate::files::FileKind;
use crate::git::{CACHE, CloneSettings, DRIVERS, GitRepository, HOOK_COMMAND, HookState};
use crate::program::{find_program, search_path};
use crate::sops::SopsConfig;

const ATTRIBUTES: &str = ".gitattributes";

/// State of the attributes of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributesState {
    /// No file of attributes names the drivers.
    Unnamed,
    /// One names the drivers: a `.gitattributes` of the work tree, or `info/attributes` of the repository.
    Named,
    /// None names the drivers, and `.gitattributes` at the root is a symbolic link, which Git ignores.
    Link,
}

impl AttributesState {
    /// The state of a repository. The attributes of ignored directories are not read.
    pub fn of(repository: &GitRepository) -> Self {
        let (disk, limit) = (Disk::default(), FileKind::IgnoreRules.limit());
        let root = &repository.root;
        let mut is_named = false;
        let mut visit = |path: &Path| {
            is_named = path.file_name() == Some(OsStr::new(ATTRIBUTES))
                && disk.kind(path).ok().flatten() == Some(DirEntryKind::File)
                && names_drivers(root, path);
            if is_named { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        // a directory that cannot be read names nothing
        let _ = walk_files(&disk, root, limit, &mut visit);
        let shared = repository.shared_directory();
        if is_named || names_drivers(shared, &shared.join("info/attributes")) {
            return Self::Named;
        }
        let is_link = disk.kind(&root.join(ATTRIBUTES)).ok().flatten() == Some(DirEntryKind::Link);
        if is_link { Self::Link } else { Self::Unnamed }
    }
}

/// Whether a file of attributes names the drivers.
fn names_drivers(directory: &Path, path: &Path) -> bool {
    let read = || {
        let root = BoundedRoot::new(Disk::default(), directory).ok()?;
        root.read(&root.resolve(path).ok()?, FileKind::IgnoreRules.limit()).ok()
    };
    let text = read().unwrap_or_default();
    let names = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|first| !first.starts_with('#')) && words.any(|word| word == "diff=septum")
    };
    String::from_utf8_lossy(&text).lines().any(names)
}

/// Checks the clone of a repository.
pub(super) fn check_clone(repository: Option<GitRepository>, encrypted: &[PathBuf]) -> Vec<DoctorCheck> {
    let Some(repository) = repository else {
        return vec![DoctorCheck::ok("git", "not in a work tree")];
    };
    let root = repository.root.clone();
    let mut checks = Vec::new();
    if find_program("git", &search_path(), Some(&root)).is_none() {
        checks.push(DoctorCheck::warning("git", "not found on `PATH`", "install Git"));
        return checks;
    }
    checks.push(check_program(&root));
    let attributes = AttributesState::of(&repository);
    let mut unnamed = None;
    match attributes {
        AttributesState::Link => {
            let message = "`.gitattributes` is a symbolic link, which Git ignores";
            checks.push(DoctorCheck::warning("drivers", message, "replace the link with a file"));
        }
        AttributesState::Unnamed if !encrypted.is_empty() => checks.push(DoctorCheck::warning(
            "drivers",
            "`.gitattributes` names no file for the drivers, so Git compares ciphertext",
            format!("{}, then run `septum git-setup`", add_lines(encrypted)),
        )),
        AttributesState::Named => unnamed = check_attributes(&repository, encrypted),
        AttributesState::Unnamed => {}
    }
    match CloneSettings::read(repository) {
        Ok(settings) => {
            if attributes == AttributesState::Named {
                let drivers = check_drivers(&settings);
                // those that are configured are not all that is needed
                checks.extend(Some(drivers).filter(|check| unnamed.is_none() || check.status != CheckStatus::Ok));
            }
            checks.extend(unnamed);
            checks.extend(check_cache(&settings));
            checks.push(check_hook(&settings));
        }
        Err(error) => {
            let message = format!("the configuration of the repository could not be read: {error}");
            checks.push(DoctorCheck::error("git", message, "fix the configuration of the repository"));
        }
    }
    checks
}

/// The encrypted files that the attributes name no driver for, if there are any.
fn check_attributes(repository: &GitRepository, encrypted: &[PathBuf]) -> Option<DoctorCheck> {
    let files = files_without_driver(repository, encrypted);
    let (first, more) = (files.first()?, files.len() - 1);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!(
        "`.gitattributes` names no driver for `{}`{more}, so Git compares ciphertext",
        SopsConfig::display_path(&repository.root.join(first))
    );
    Some(DoctorCheck::warning("drivers", message, add_lines(&files)))
}

/// The fix that names drivers for files.
fn add_lines(files: &[PathBuf]) -> String {
    let lines = lines_for(files);
    let quoted: Vec<_> = lines.iter().map(|line| format!("`{line}`")).collect();
    let words = if lines.len() == 1 { "the line" } else { "the lines" };
    format!("add {words} {} to the `.gitattributes` at the root of the repository", quoted.join(", "))
}

/// The program that the drivers and the hook run.
fn check_program(root: &Path) -> DoctorCheck {
    let topic = "program";
    match find_program("septum", &search_path(), Some(root)) {
        Some(path) => DoctorCheck::ok(topic, format!("Git runs {}", path.display())),
        None => DoctorCheck::warning(
            topic,
            "`septum` is not on `PATH`, where Git and its hooks search for it",
            "install it in a directory of `PATH`",
        ),
    }
}

fn check_drivers(settings: &CloneSettings) -> DoctorCheck {
    let topic = "drivers";
    let mut missing = Vec::new();
    for (name, _) in DRIVERS.iter().filter(|(name, _)| *name != "merge.septum.name") {
        match settings.value(name) {
            Some((_, value)) if settings.is_driver(name, value) => {}
            Some(_) => missing.push(format!("`{name}` runs another command")),
            None => missing.push(format!("`{name}` is not set")),
        }
    }
    if missing.is_empty() {
        return DoctorCheck::ok(topic, "configured");
    }
    let message = format!("`.gitattributes` names drivers that this clone lacks: {}", missing.join(", "));
    DoctorCheck::warning(topic, message, "run `septum git-setup`")
}

/// The cache of Git, which is plaintext in the repository.
fn check_cache(settings: &CloneSettings) -> Option<DoctorCheck> {
    let (_, value) = settings.value(CACHE)?;
    let is_on = !["false", "no", "off", "0", ""].contains(&value.to_lowercase().as_str());
    is_on.then(|| {
        let message = format!("`{CACHE}` stores plaintext in the repository, as notes");
        let fix = format!("run `git config --unset-all {CACHE}`, and `git update-ref -d refs/notes/textconv/septum`");
        DoctorCheck::error("drivers", message, fix)
    })
}

fn check_hook(settings: &CloneSettings) -> DoctorCheck {
    let topic = "hook";
    let line = format!("add this line to the pre-commit hook: `{HOOK_COMMAND} || exit 1`");
    let Some(path) = settings.hook_path() else {
        return DoctorCheck::warning(topic, "`core.hooksPath` is outside of the repository, and was not checked", line);
    };
    let name = SopsConfig::display_path(&path);
    match settings.hook_state(&path) {
        Ok(HookState::Installed | HookState::Included) => DoctorCheck::ok(topic, name),
        Ok(HookState::Missing) => {
            DoctorCheck::warning(topic, "commits are not checked", "run `septum git-setup --hook`")
        }
        Ok(HookState::NotExecutable) => {
            let fix = format!("run `chmod +x {}`", shell_path(&path));
            DoctorCheck::warning(topic, format!("`{name}` is not executable, so Git ignores it"), fix)
        }
        Ok(HookState::Foreign) => DoctorCheck::warning(topic, format!("`{name}` does not run `{HOOK_COMMAND}`"), line),
        Err(error) => DoctorCheck::warning(topic, format!("`{name}` could not be read: {error}"), line),
    }
}
