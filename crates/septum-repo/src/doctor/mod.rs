//! Checks of the machine and the clone: what `septum` needs, and the command that provides it.
//!
//! Nothing is changed. Git is run on files of its configuration alone, and no program of a repository is run.

mod attributes;
mod clone;
mod encrypted_files;
mod user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::diagnostic::Rule;
use crate::git::GitRepository;
use crate::project::Project;
use crate::sops::{Identities, IdentitySources, SopsConfigCache};

pub use attributes::ATTRIBUTES_LINE;
pub use clone::AttributesState;

/// Result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// Nothing is missing.
    Ok,
    /// Something does not work as it could.
    Warning,
    /// Something does not work, or is dangerous.
    Error,
}

/// One check with its result.
#[derive(Debug, Clone)]
pub struct DoctorCheck {
    /// Subject of the check: `identity`, `hook`.
    pub topic: &'static str,
    /// Its result.
    pub status: CheckStatus,
    /// Description of the result.
    pub message: String,
    /// The command or the edit that fixes it.
    pub fix: Option<String>,
}

/// Inputs of the checks.
pub struct DoctorContext<'a> {
    /// Directory in which the program runs, without links.
    pub directory: &'a Path,
    /// Variables of the process.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Places of identities.
    pub sources: IdentitySources,
}

impl CheckStatus {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl DoctorCheck {
    fn ok(topic: &'static str, message: impl Into<String>) -> Self {
        Self { topic, status: CheckStatus::Ok, message: message.into(), fix: None }
    }

    fn warning(topic: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, status: CheckStatus::Warning, message: message.into(), fix: Some(fix.into()) }
    }

    fn error(topic: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, status: CheckStatus::Error, message: message.into(), fix: Some(fix.into()) }
    }
}

/// Runs all checks.
pub fn run_checks(context: &DoctorContext<'_>) -> Vec<DoctorCheck> {
    let mut checks = vec![DoctorCheck::ok("version", format!("septum {}", env!("CARGO_PKG_VERSION")))];
    let identities = Identities::new(context.sources.clone());
    checks.extend(user::check_identities(&context.sources, &identities));
    checks.push(user::check_editor(context.variable));
    checks.extend(user::check_leftovers(context.variable));
    let (project, root) = check_project(context.directory);
    checks.push(project);
    let repository = match GitRepository::find(context.directory) {
        Ok(repository) => repository,
        Err(error) => {
            checks.push(DoctorCheck::error("git", error.to_string(), "restore the directory `.git`"));
            None
        }
    };
    let top = repository.as_ref().map(|repository| repository.root.clone()).or(root);
    let book = SopsConfigCache::default();
    let mut encrypted = Vec::new();
    if let Some(top) = &top {
        let (found, files) = encrypted_files::check_files(top, context.directory, &identities, &book);
        checks.extend(found);
        encrypted = files;
    }
    checks.extend(clone::check_clone(repository, &encrypted));
    checks
}

/// The project, and its root.
fn check_project(directory: &Path) -> (DoctorCheck, Option<PathBuf>) {
    let topic = "project";
    match Project::discover(directory) {
        Ok(project) => {
            let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let environments = count(project.environments().len(), "environment");
            let message = format!("{}, {environments}", count(project.apps.len(), "app"));
            let misnamed = project.name_errors(&project.apps).into_sorted().into_iter().next();
            let check = match misnamed {
                Some(first) => DoctorCheck::error(topic, first.message, "run `septum check` for details"),
                None => DoctorCheck::ok(topic, message),
            };
            (check, Some(project.files.root().to_path_buf()))
        }
        Err(found) if found.iter().all(|problem| problem.rule == Rule::NoProject) => {
            (DoctorCheck::ok(topic, "none in this directory or above"), None)
        }
        Err(found) => {
            let first = found.into_sorted().into_iter().next();
            let place =
                first.as_ref().and_then(|problem| problem.labels.first()).map(|label| format!("{}: ", label.place));
            let message = place.unwrap_or_default() + first.as_ref().map_or("", |problem| &problem.message);
            let check = DoctorCheck::error(topic, message, "run `septum check` for details");
            (check, None)
        }
    }
}
