//! `septum completions`, and its candidates: environments, apps and keys of the project.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Arg, Args, Command, CommandFactory as _, ValueHint};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::Shells;

use super::Cli;
use super::help::CommandHelp;
use super::output::{self, invalid_usage};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::disk::{DirEntryKind, Disk, read_named};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::resolve::ResolvedTarget;
use septum::sops::{HostSystem, Identities, IdentitySources};
use septum::sort::{CollectSorted, sort};

/// Print a shell completion script
///
/// It completes commands, options, environments, apps, keys and encrypted files.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct CompletionsArgs {
    /// Shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", add = shells())]
    shell: String,
}

/// Help of `septum completions`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Enable completions in bash, in ~/.bashrc", "source <(septum completions bash)"),
        ("Enable completions in fish", "septum completions fish > ~/.config/fish/completions/septum.fish"),
    ],
    exit_codes: &[],
    topics: &[],
};

impl CompletionsArgs {
    pub(super) fn run(&self) -> Result<(), Diagnostics> {
        let shells = Shells::builtins();
        let Some(shell) = shells.completer(&self.shell) else {
            let known: Vec<_> = shells.names().collect();
            return Err(invalid_usage("unsupported shell".to_owned())
                .hint(format!("the supported shells are {}", known.join(", ")))
                .into());
        };
        let mut script = Vec::new();
        let written = shell.write_registration("COMPLETE", "septum", "septum", "septum", &mut script);
        written.map_err(|error| {
            Diagnostic::error(Rule::Unwritable, format!("the script could not be written: {error}"))
        })?;
        output::print_result(&String::from_utf8_lossy(&script))
    }
}

/// The project of the words on the command line.
fn find_project() -> Option<Project> {
    let words: Vec<_> = std::env::args_os().collect();
    let directory = words.windows(2).find_map(|pair| match pair {
        [flag, directory] if flag == "-C" => Some(PathBuf::from(directory)),
        _ => None,
    });
    Project::discover(&directory.unwrap_or_else(|| PathBuf::from("."))).ok()
}

pub(super) fn environments() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let project = find_project();
        let names = project.iter().flat_map(Project::environments);
        safe_candidates(names.map(|name| name.as_str().to_owned()))
    })
}

pub(super) fn apps() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(project) = find_project() else { return Vec::new() };
        let pipeline = Pipeline::new(&project, no_identities());
        let names = project.apps.iter().filter_map(|app| pipeline.library.app_name(app).ok());
        safe_candidates(names.map(|name| name.as_str().to_owned()))
    })
}

/// All environments of the project, without any key.
fn resolved_targets() -> Vec<ResolvedTarget> {
    let Some(project) = find_project() else { return Vec::new() };
    let pipeline = Pipeline::new(&project, no_identities());
    let survey = |app| pipeline.survey(app, SurveyOptions::decrypting(&[]), &mut Diagnostics::new());
    project.apps.iter().filter_map(survey).flat_map(|survey| survey.environments).collect()
}

pub(super) fn keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut keys: Vec<_> = resolved_targets()
            .into_iter()
            .flat_map(|resolved| {
                let variables = resolved.definition.variable_paths().into_iter().map(|path| format!("vars.{path}"));
                let keys = resolved.entries.keys().map(|id| id.key.as_str().to_owned());
                keys.chain(variables).collect::<Vec<_>>()
            })
            .collect();
        sort(&mut keys);
        keys.dedup();
        safe_candidates(keys.into_iter())
    })
}

pub(super) fn bundles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = resolved_targets()
            .into_iter()
            .flat_map(|resolved| resolved.definition.bundles.keys().map(ToString::to_string).collect::<Vec<_>>())
            .collect_set();
        safe_candidates(names.into_iter())
    })
}

pub(super) fn shells() -> ArgValueCandidates {
    ArgValueCandidates::new(|| safe_candidates(Shells::builtins().names().map(str::to_owned)))
}

pub(super) fn commands() -> ArgValueCandidates {
    let names = || Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>();
    ArgValueCandidates::new(move || safe_candidates(names().into_iter()))
}

/// Arguments that are encrypted files: `(command, argument)`; one that may also be an environment is one of
/// [`TARGETS`].
const ENCRYPTED: [(&str, &str); 4] =
    [("decrypt", "files"), ("rekey", "files"), ("rotate", "files"), ("git-textconv", "file")];

/// Commands whose `target` is an environment, or an encrypted file.
const TARGETS: [&str; 4] = ["set", "unset", "get", "edit"];

/// The program for completion. Paths are completed here and not by the library, which offers names as they are: those
/// of a repository may contain syntax of a shell.
pub(super) fn completed_command() -> Command {
    let with_paths = |command: Command| {
        let name = command.get_name().to_owned();
        command.mut_args(move |argument| with_paths(&name, argument))
    };
    with_paths(Cli::command()).mut_subcommands(with_paths)
}

fn with_paths(command: &str, argument: Arg) -> Arg {
    let id = argument.get_id().as_str().to_owned();
    if TARGETS.contains(&command) && id == "target" {
        return argument.add(ArgValueCompleter::new(target_candidates));
    }
    match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => {
            let argument = argument.value_hint(ValueHint::Other);
            match () {
                () if ENCRYPTED.contains(&(command, id.as_str())) => {
                    argument.add(ArgValueCompleter::new(encrypted_candidates))
                }
                () if id == "directory" => argument.add(ArgValueCompleter::new(directory_candidates)),
                () => argument.add(ArgValueCompleter::new(|typed: &OsStr| path_candidates(typed, |_| true))),
            }
        }
        _ => argument,
    }
}

/// Paths whose names contain no syntax of a shell.
fn path_candidates(
    typed: &OsStr,
    is_wanted: impl Fn(&Path) -> bool + Send + Sync + 'static,
) -> Vec<CompletionCandidate> {
    let found = PathCompleter::any().filter(is_wanted).complete(typed);
    found.into_iter().filter(|path| path.get_value().to_str().is_some_and(is_inert)).collect()
}

fn directory_candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    path_candidates(typed, |path| Disk::default().kind(path).is_ok_and(|kind| kind == Some(DirEntryKind::Directory)))
}

/// Maximum number of files that are read to see whether they are encrypted. All others are offered unread.
const MOST_READ: usize = 500;

/// Largest file that is read for this, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Directories, and files that are encrypted.
fn encrypted_candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let read = AtomicUsize::new(0);
    path_candidates(typed, move |path| {
        let disk = Disk::default();
        match disk.kind(path) {
            Ok(Some(DirEntryKind::File)) if read.fetch_add(1, Ordering::Relaxed) < MOST_READ => {
                let bytes = read_named(path, MOST_BYTES);
                bytes.is_ok_and(|bytes| memchr::memmem::find(&bytes, b"ENC[AES256_GCM,").is_some())
            }
            Ok(Some(DirEntryKind::File | DirEntryKind::Directory)) => true,
            _ => false,
        }
    })
}

/// Environments, and encrypted files.
fn target_candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let project = find_project();
    let names = project.iter().flat_map(Project::environments).map(|name| name.as_str().to_owned());
    let begins = |name: &String| typed.to_str().is_some_and(|typed| name.starts_with(typed));
    safe_candidates(names.filter(begins)).into_iter().chain(encrypted_candidates(typed)).collect()
}

/// Completions for names from a repository: a shell inserts a word into the command line as it is, so names with
/// characters that any shell interprets are omitted.
fn safe_candidates(names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    names.filter(|name| is_inert(name)).map(CompletionCandidate::new).collect()
}

/// Whether every shell takes a text literally as an argument.
fn is_inert(text: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(of_word)
}

/// Completing a word needs no secrets.
fn no_identities() -> Identities {
    Identities::new(IdentitySources::of(HostSystem::current(), |_| None))
}

#[cfg(test)]
mod tests {
    use super::is_inert;

    #[test]
    fn what_means_something_to_a_shell_is_not_offered() {
        for name in ["prod", "LOG_LEVEL", "tls.crt", "eu-1", "a/b"] {
            assert!(is_inert(name), "{name}");
        }
        for char in "$`\"'\\ !*?[]{}()<>|&;#~=:,%@^+\t\n\u{1b}é".chars() {
            assert!(!is_inert(&format!("a{char}b")), "{char:?}");
        }
        assert!(!is_inert("-x") && !is_inert("") && !is_inert("e$(touch x)"));
    }
}
