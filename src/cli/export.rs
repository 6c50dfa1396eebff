//! `septum export`

use clap::{Args, ValueEnum};

use super::GlobalArgs;
use super::exec::is_github;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::selection::{SecretRecognition, SelectionArgs};
use septum::diagnostic::Diagnostics;
use septum::environ::{ExportFormat, SecretPatterns, export_variables, mask_commands};
use septum::route::Sensitivity;

/// Print the values of an environment as variables
///
/// The values are those that `septum render` gives, of ConfigMaps and Secrets alike, decrypted. `septum exec` gives them
/// to a program without a file or a shell in between. A terminal shows secrets only with `--reveal`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ExportArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "dotenv", hide_default_value = true)]
    format: VariableFormat,
    /// Show secrets on a terminal; pipes and files always receive them
    #[arg(long)]
    reveal: bool,
}

/// Format of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VariableFormat {
    /// Lines for dotenv libraries
    Dotenv,
    /// `export` commands for a POSIX shell
    Shell,
    /// An object with every key
    Json,
    /// Lines for the file `$GITHUB_ENV`
    Github,
    /// Lines for `docker run --env-file`
    Docker,
}

/// Help of `septum export`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Set the variables in this shell", "eval \"$(septum export dev --format shell)\""),
        ("Read one value with a program", "septum export dev --format json | python3 -m json.tool"),
        (
            "Write the plain values for a container, without a key",
            "septum export dev --format docker --no-secrets > .env",
        ),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Identities],
};

impl ExportArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let format = self.format.format();
        let is_masking = format == ExportFormat::GitHub && is_github();
        let recognition = if is_masking { SecretRecognition::Needed } else { SecretRecognition::NotNeeded };
        let values = self.selection.find_values(global, recognition, output)?;
        let variables = if format.needs_names() {
            self.selection.find_variables(&values, output)?
        } else {
            self.selection.find_texts(&values)?
        };
        let text = export_variables(format, &variables)?;
        if output::is_terminal() && !self.reveal && values.has_secrets() {
            return Err(invalid_usage("the output contains secrets, and standard output is a terminal".to_owned())
                .hint("use `--reveal` to show them, or `--no-secrets` for the plain values")
                .hint("`septum exec ENV -- CMD` gives them to a program without showing them")
                .into());
        }
        if is_masking {
            let secrets = variables.iter().filter(|entry| entry.sensitivity == Sensitivity::Sensitive);
            let secrets =
                secrets.map(|entry| entry.value.bytes()).chain(values.secrets.iter().map(|text| text.as_slice()));
            if let Some(patterns) = SecretPatterns::new(secrets) {
                // the runner reads commands from both streams, and standard output goes to the file
                output::print_commands(&mask_commands(&patterns));
            }
        }
        output::print_result(&text)
    }
}

impl VariableFormat {
    fn format(self) -> ExportFormat {
        match self {
            Self::Dotenv => ExportFormat::Dotenv,
            Self::Shell => ExportFormat::Shell,
            Self::Json => ExportFormat::Json,
            Self::Github => ExportFormat::GitHub,
            Self::Docker => ExportFormat::Docker,
        }
    }
}
