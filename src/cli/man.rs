//! `septum man`

use clap::{Args, CommandFactory as _};

use super::output::{self, invalid_usage};
use super::{Cli, argument};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};

/// Write the manual page of septum or of one of its commands, for `man`:
/// `septum man render | man -l -`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The command; septum itself if none is named
    #[arg(value_name = "COMMAND", add = super::completions::commands())]
    command: Option<String>,
}

impl ManArgs {
    pub(super) fn run(&self) -> Result<(), Diagnostics> {
        let mut septum = Cli::command();
        // options of all commands are on the page of each
        septum.build();
        let command = match &self.command {
            None => septum,
            Some(name) => {
                let known: Vec<_> = septum.get_subcommands().map(|command| command.get_name().to_owned()).collect();
                let Some(command) = septum.find_subcommand(name) else {
                    let (message, hint) = argument::unknown_name("command", name, known.iter().map(String::as_str));
                    return Err(invalid_usage(message).maybe_hint(hint).into());
                };
                command.clone().bin_name(format!("septum {name}")).display_name(format!("septum-{name}"))
            }
        };
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|error| {
            Diagnostic::error(Rule::Unwritable, format!("the page could not be written: {error}"))
                .with_failure(FailureKind::Io)
        })?;
        output::print_result(&String::from_utf8_lossy(&page))
    }
}
