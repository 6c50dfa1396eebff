//! Checks of the user's machine: identities, the editor, plaintext that killed runs left.

use std::ffi::OsString;
use std::path::Path;

use super::DoctorCheck;
use crate::diagnostic::shell_path;
use crate::secret_files::edit::{ExternalEditor, TempDirs};
use crate::sops::{Identities, IdentitySources, LookupOutcome, SearchedSource};

/// The identities that were found, by their recipients, and places that cannot be used.
pub(super) fn check_identities(sources: &IdentitySources, identities: &Identities) -> Vec<DoctorCheck> {
    let searched = identities.searched();
    let mut checks: Vec<_> = searched.iter().filter_map(|source| check_source(source, sources)).collect();
    let is_usable = |source: &SearchedSource| match &source.outcome {
        LookupOutcome::Found { recipients, .. } => !recipients.is_empty(),
        LookupOutcome::Locked | LookupOutcome::LockedFor { .. } => true,
        _ => false,
    };
    if !searched.iter().any(is_usable) && sources.age_key_cmd.is_none() {
        let word = sources.user_key_files.first().map_or_else(|| "key.txt".to_owned(), |file| shell_path(file));
        checks.push(DoctorCheck::warning(
            "identity",
            "none was found, so no encrypted value can be read",
            format!("run `septum keygen -o {word}`, and have its recipient added to `.sops.yaml`"),
        ));
    }
    checks.extend(sources.age_key_file.iter().chain(&sources.user_key_files).filter_map(|file| check_access(file)));
    checks
}

fn check_source(source: &SearchedSource, sources: &IdentitySources) -> Option<DoctorCheck> {
    let SearchedSource { place, outcome } = source;
    let message = format!("{place}: {outcome}");
    match outcome {
        LookupOutcome::Missing if !sources.user_key_files.iter().any(|file| place == &file.display().to_string()) => {
            Some(DoctorCheck::error("identity", message, "create the file, or unset the variable"))
        }
        LookupOutcome::NotRun if sources.age_key_cmd.is_some() => Some(DoctorCheck::ok(
            "identity",
            format!("{place}: a command, which is run where no other identity decrypts"),
        )),
        LookupOutcome::NotSet | LookupOutcome::Missing | LookupOutcome::NotRun => None,
        LookupOutcome::Found { recipients, unsupported } if !recipients.is_empty() && unsupported.is_empty() => {
            Some(DoctorCheck::ok("identity", message))
        }
        LookupOutcome::Locked | LookupOutcome::LockedFor { .. } => Some(DoctorCheck::ok(
            "identity",
            format!("{place}: encrypted with a passphrase, which is requested when needed"),
        )),
        LookupOutcome::Found { .. } | LookupOutcome::Unsupported(_) => {
            Some(DoctorCheck::warning("identity", message, "use an X25519 identity: `septum keygen` generates one"))
        }
        _ => Some(DoctorCheck::error("identity", message, "fix the file or the command that is named")),
    }
}

/// A file of identities that other users can read.
#[cfg(unix)]
fn check_access(file: &Path) -> Option<DoctorCheck> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        let message = format!("other users of this machine may read {}", file.display());
        DoctorCheck::warning("identity", message, format!("run `chmod 600 {}`", shell_path(file)))
    })
}

#[cfg(not(unix))]
fn check_access(file: &Path) -> Option<DoctorCheck> {
    file.is_file().then(|| {
        let message = format!("who else may read {} was not checked: this system has access lists", file.display());
        DoctorCheck::ok("identity", message)
    })
}

/// The editor of `septum edit`.
pub(super) fn check_editor(variable: &dyn Fn(&str) -> Option<OsString>) -> DoctorCheck {
    let topic = "editor";
    match ExternalEditor::of(variable).and_then(|editor| editor.find_program()) {
        Ok(program) => DoctorCheck::ok(topic, program.display().to_string()),
        Err(problem) => {
            DoctorCheck::warning(topic, problem.message, problem.hints.first().cloned().unwrap_or_default())
        }
    }
}

/// Directories with plaintext that are in no file.
pub(super) fn check_leftovers(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<DoctorCheck> {
    let leftovers = TempDirs::of(variable).find_leftovers();
    let killed = leftovers.killed.iter().map(|path| {
        let message = format!("`{}` is plaintext that a killed run left", path.display());
        DoctorCheck::error("leftovers", message, format!("run `rm -r {}`", shell_path(path)))
    });
    let kept = leftovers.kept.iter().map(|path| {
        let message = format!("`{}` is an edited text that was not saved", path.display());
        DoctorCheck::warning("leftovers", message, format!("save it elsewhere, then run `rm -r {}`", shell_path(path)))
    });
    killed.chain(kept).collect()
}
