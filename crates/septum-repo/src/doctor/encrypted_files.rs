//! Checks of the encrypted files: each has a rule and matches it, and can be decrypted here.

use std::path::{Path, PathBuf};

use super::DoctorCheck;
use crate::check::{check_secret_file, find_drafts, find_encrypted_files, is_of_tree};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, shell_word};
use crate::disk::{BoundedRoot, Disk};
use crate::files::ProjectFiles;
use crate::parallel::par_map;
use crate::secret_files::SecretFile;
use crate::sops::{DecryptionError, Identities, SopsConfig, SopsConfigCache, SopsFormat, policy, unlock_data_key};

const TOPIC: &str = "encrypted files";

/// Number of files that are named for one problem.
const MOST: usize = 5;

/// Whether the identities here decrypt a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum LocalAccess {
    /// They do, or nobody can tell.
    Open,
    /// They decrypt key groups of it, but too few of them.
    Partial,
    /// None of them does.
    #[default]
    Closed,
}

/// State of an encrypted file.
#[derive(Debug, Default)]
struct FileState {
    path: PathBuf,
    name: String,
    access: LocalAccess,
    is_ruled: bool,
    is_drifted: bool,
    problem: Option<FileProblem>,
}

/// An error in a file.
#[derive(Debug)]
struct FileProblem {
    message: String,
    fix: String,
}

impl FileProblem {
    /// The first of some errors in a file, which its message names.
    fn of_file(name: &str, found: Diagnostics) -> Option<Self> {
        let first = found.into_sorted().into_iter().find(Diagnostic::is_error)?;
        let message = match first.labels.first().map(|label| &label.place) {
            _ if first.message.contains(name) => first.message,
            Some(place) => format!("{place}: {}", first.message),
            None => format!("`{name}`: {}", first.message),
        };
        let is_plain = first.rule == Rule::NotEncrypted;
        let fix = first.hints.into_iter().next().filter(|_| is_plain);
        Some(Self { message, fix: fix.unwrap_or_else(|| "restore the file from Git".to_owned()) })
    }
}

/// Checks the rules, and all encrypted files below a directory. Also returns the paths in it of those outside of trees.
pub(super) fn check_files(
    top: &Path,
    directory: &Path,
    identities: &Identities,
    book: &SopsConfigCache,
) -> (Vec<DoctorCheck>, Vec<PathBuf>) {
    let (bounds, files, drafts) = match list_files(top, book) {
        Ok(found) => found,
        Err(problem) => {
            return (vec![DoctorCheck::error(TOPIC, problem.message, "fix the file that is named")], Vec::new());
        }
    };
    let states = par_map(files, 1, |(path, name)| check_file(&bounds, &path, &name, identities, book));
    let states: Vec<_> = states.into_iter().flatten().collect();
    let mut checks = check_rules(directory, !states.is_empty());
    checks.extend(describe(&states));
    checks.extend(drafts.into_sorted().into_iter().map(|draft| {
        let fix = draft.hints.first().cloned().unwrap_or_default();
        DoctorCheck::error("leftovers", draft.message, fix)
    }));
    let outside = states.iter().filter(|state| !is_of_tree(&bounds, &state.path));
    let relative = |state: &FileState| state.path.strip_prefix(bounds.path()).ok().map(Path::to_path_buf);
    (checks, outside.filter_map(relative).collect())
}

/// The nearest rules.
fn check_rules(directory: &Path, has_encrypted: bool) -> Vec<DoctorCheck> {
    let topic = "rules";
    let details = "run `septum rekey --check` for details";
    let path = match SopsConfig::find_nearest(&directory.join("any")) {
        Ok(Some(path)) => path,
        Ok(None) if has_encrypted => {
            let message = "no `.sops.yaml` in this directory or above";
            return vec![DoctorCheck::warning(topic, message, "`septum init` writes one")];
        }
        Ok(None) => return vec![DoctorCheck::ok(topic, "no `.sops.yaml`, and no encrypted files")],
        Err(problem) => return vec![DoctorCheck::error(topic, problem.message, details)],
    };
    let name = SopsConfig::display_path(&path);
    let described = |problem: Diagnostic| format!("{name}: {}", problem.message);
    match SopsConfig::read(&path) {
        Ok(config) => {
            let warnings = config.warnings().into_sorted().into_iter();
            let mut checks: Vec<_> =
                warnings.map(|problem| DoctorCheck::warning(topic, described(problem), details)).collect();
            if checks.is_empty() {
                checks.push(DoctorCheck::ok(topic, name.clone()));
            }
            checks
        }
        Err(problems) => {
            let problems = problems.into_sorted().into_iter();
            problems.map(|problem| DoctorCheck::error(topic, described(problem), details)).collect()
        }
    }
}

type NamedFiles = Vec<(PathBuf, String)>;

/// The files that may be encrypted, with their names from the working directory; drafts that were left.
fn list_files(top: &Path, book: &SopsConfigCache) -> Result<(BoundedRoot, NamedFiles, Diagnostics), Diagnostic> {
    let unreadable = |error| Diagnostic::unreadable(&SopsConfig::display_path(top), &error);
    let files = ProjectFiles::new(top).map_err(unreadable)?;
    let bounds = BoundedRoot::new(Disk::default(), top).map_err(unreadable)?;
    let found = find_encrypted_files(&files, &bounds, book)?;
    let named = found.into_iter().map(|(path, _)| {
        let name = SopsConfig::display_path(&path);
        (path, name)
    });
    let (named, drafts) = (named.collect(), find_drafts(&files));
    Ok((bounds, named, drafts))
}

/// The state of a file; none if it is not encrypted and need not be.
fn check_file(
    bounds: &BoundedRoot,
    path: &Path,
    name: &str,
    identities: &Identities,
    book: &SopsConfigCache,
) -> Option<FileState> {
    let format = SopsFormat::of_path(path);
    let unknown = || FileState { path: path.to_path_buf(), name: name.to_owned(), ..FileState::default() };
    let broken = |problem| FileState { access: LocalAccess::Open, is_ruled: true, problem, ..unknown() };
    let file = match SecretFile::read_as(path.to_path_buf(), name.to_owned(), format) {
        Ok(file) if file.looks_encrypted() => file,
        // what its rule wants encrypted is not, or nobody can tell; rules that are invalid have a line of their own
        Ok(_) | Err(_) => {
            let problem = FileProblem::of_file(name, check_secret_file(bounds, book, path, name).ok()?)?;
            return Some(broken(Some(problem)));
        }
    };
    let (_, _, closed) = match file.into_encrypted() {
        Ok(read) => read,
        Err(found) => return Some(broken(FileProblem::of_file(name, found))),
    };
    let mut state = unknown();
    match book.find_rule(path) {
        Ok(rule) => {
            let rule = rule.filter(|rule| !rule.groups.is_empty());
            // the recipients of a tree are those of its layers
            state.is_ruled = rule.is_some() || is_of_tree(bounds, path);
            state.is_drifted =
                rule.is_some_and(|rule| !policy::compare_policy(&rule, closed.metadata(), format).is_none());
        }
        // the rules have a line of their own
        Err(_) => state.is_ruled = true,
    }
    match unlock_data_key(closed.metadata(), identities) {
        Ok(_) => state.access = LocalAccess::Open,
        Err(error) => {
            let is_partial = matches!(&error, DecryptionError::NoIdentity(found) if found.has_some_group());
            let found = Diagnostics::from_iter(error.into_diagnostics());
            let is_damaged = found.iter().any(|problem| problem.failure != FailureKind::Key);
            // a tree is encrypted for who applies it
            if is_damaged || is_of_tree(bounds, path) {
                state.access = LocalAccess::Open;
            } else if is_partial {
                state.access = LocalAccess::Partial;
            }
            if is_damaged {
                state.problem = FileProblem::of_file(name, found);
            }
        }
    }
    Some(state)
}

fn describe(states: &[FileState]) -> Vec<DoctorCheck> {
    let count = states.len();
    let mut checks = Vec::new();
    let problems = states.iter().filter_map(|state| state.problem.as_ref());
    checks.extend(problems.map(|problem| DoctorCheck::error(TOPIC, &problem.message, &problem.fix)));
    let mut add = |found: Vec<&FileState>, check: &dyn Fn(String) -> DoctorCheck| {
        if !found.is_empty() {
            checks.push(check(name_files(&found)));
        }
    };
    let with_access = |access| states.iter().filter(move |state| state.access == access).collect();
    add(with_access(LocalAccess::Partial), &|names| {
        let fix = "set `SOPS_AGE_KEY_FILE` to a file with an identity of each key group that is required";
        DoctorCheck::warning(TOPIC, format!("the identities here decrypt too few key groups of {names}"), fix)
    });
    add(with_access(LocalAccess::Closed), &|names| {
        let fix = "have your recipient added to `.sops.yaml` by somebody who can decrypt them, with `septum rekey`";
        DoctorCheck::warning(TOPIC, format!("no identity here decrypts {names}"), fix)
    });
    add(states.iter().filter(|state| !state.is_ruled).collect(), &|names| {
        let fix = "add a rule to `.sops.yaml` whose `path_regex` matches them";
        DoctorCheck::warning(TOPIC, format!("no rule names the recipients of {names}"), fix)
    });
    let drifted: Vec<_> = states.iter().filter(|state| state.is_drifted).collect();
    // without names, the command finds all of them
    let named = if drifted.len() > MOST { &[][..] } else { &drifted };
    let command: Vec<_> =
        ["septum rekey".into()].into_iter().chain(named.iter().map(|state| shell_word(&state.name))).collect();
    add(drifted, &|names| {
        let fix = format!("run `{}`", command.join(" "));
        DoctorCheck::error(TOPIC, format!("not encrypted as their rules say: {names}"), fix)
    });
    if checks.is_empty() && count > 0 {
        let message = if count == 1 {
            "1 file, which matches its rule".to_owned()
        } else {
            format!("{count} files, each of which matches its rule")
        };
        checks.push(DoctorCheck::ok(TOPIC, message + " and can be decrypted here"));
    }
    checks
}

fn name_files(states: &[&FileState]) -> String {
    let names: Vec<_> = states.iter().take(MOST).map(|state| format!("`{}`", state.name)).collect();
    let more = states.len().saturating_sub(MOST);
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}
