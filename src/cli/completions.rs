//! `septum completions`, and what they complete: environments, apps and keys of the project.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use super::output::{self, invalid_usage};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::pipeline::Pipeline;
use crate::project::Project;
use crate::sops::{Identities, Places, System};

/// Write a script that makes a shell complete commands, environments, apps and keys.
///
/// For bash: `source <(septum completions bash)`; for fish: `septum completions fish | source`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL")]
    shell: String,
}

impl Completions {
    pub(super) fn run(&self) -> Result<(), Diagnostics> {
        let shells = Shells::builtins();
        let Some(shell) = shells.completer(&self.shell) else {
            let known: Vec<_> = shells.names().collect();
            return Err(invalid_usage("there are no completions for that shell".to_owned())
                .hint(format!("shells are {}", known.join(", ")))
                .into());
        };
        let mut script = Vec::new();
        let written = shell.write_registration("COMPLETE", "septum", "septum", "septum", &mut script);
        written.map_err(|error| {
            Diagnostic::error("unwritable", format!("the script could not be written: {error}")).failing(Failure::Io)
        })?;
        output::result(&String::from_utf8_lossy(&script))
    }
}

/// The project that the words on the command line are about.
fn project() -> Option<Project> {
    let words: Vec<_> = std::env::args_os().collect();
    let directory = words.windows(2).find_map(|pair| match pair {
        [flag, directory] if flag == "-C" => Some(PathBuf::from(directory)),
        _ => None,
    });
    Project::discover(&directory.unwrap_or_else(|| PathBuf::from("."))).ok()
}

pub(super) fn environments() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let project = project();
        let names = project.iter().flat_map(Project::environments);
        candidates(names.map(|name| name.as_str().to_owned()))
    })
}

pub(super) fn apps() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(project) = project() else { return Vec::new() };
        let pipeline = Pipeline::new(&project, no_identities());
        let names = project.apps.iter().filter_map(|app| pipeline.library.app_name(app).ok());
        candidates(names.map(|name| name.as_str().to_owned()))
    })
}

pub(super) fn keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(project) = project() else { return Vec::new() };
        let pipeline = Pipeline::new(&project, no_identities());
        let surveys = project.apps.iter().filter_map(|app| pipeline.survey(app, &[], &mut Diagnostics::new()));
        let mut keys: Vec<_> = surveys
            .flat_map(|survey| survey.environments)
            .flat_map(|resolved| resolved.entries.into_keys())
            .map(|id| id.key.as_str().to_owned())
            .collect();
        keys.sort();
        keys.dedup();
        candidates(keys.into_iter())
    })
}

/// What is offered of names that a repository gave: a shell takes a word into the command line as it is, so
/// what means anything to one is left out.
fn candidates(names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    names.filter(|name| is_inert(name)).map(CompletionCandidate::new).collect()
}

/// Whether every shell takes a text for nothing but itself, in the place of an argument.
fn is_inert(text: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(of_word)
}

/// Completing a word needs no secrets.
fn no_identities() -> Identities {
    Identities::new(Places::of(System::current(), |_| None))
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
