//! `septum exposure`

use anstyle::{AnsiColor, Style};
use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, ViewFormat};
use septum::diagnostic::{Diagnostics, StyledText, escape_line};
use septum::exposure::{ExposedKey, Exposure, ExposureState, find_exposure};
use septum::sops::Recipient;

/// Show every value that a recipient could ever decrypt
///
/// After a laptop is lost, or somebody left: searches the encrypted files of the repository and their history, in the
/// commits of the checked-out branch, for versions with the recipient. Of each value it shows the environments, the
/// first commit, and whether the value was changed since the recipient lost access.
///
/// Uses no key. A changed ciphertext under a new data key may hold the old value: only a later change shows a new one.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ExposureArgs {
    /// Recipient: `age1…` or `ssh-ed25519 …`
    #[arg(value_name = "RECIPIENT")]
    recipient: String,
    /// Show what it could decrypt at REV or later: a commit, a branch or a tag
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: ViewFormat,
}

/// Help of `septum exposure`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Show the values that a lost key could decrypt",
            "septum exposure age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms",
        ),
        (
            "Show those that must be replaced, for a program",
            "septum exposure age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms --format json",
        ),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Recipients],
};

impl ExposureArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let recipient = Recipient::parse(&self.recipient).map_err(|reason| {
            invalid_usage(format!("RECIPIENT {reason}")).hint("`septum keygen -y` prints the recipient of an identity")
        })?;
        let found = find_exposure(&global.directory, &recipient, self.since.as_deref())?;
        if found.shallow {
            output.print_note(
                "septum: this is a shallow clone, so earlier commits were not searched: `git fetch --unshallow` gets them",
            );
        }
        for name in &found.unread {
            output.print_note(&format!("septum: a version of `{name}` could not be read"));
        }
        if found.partial && !found.unread.is_empty() {
            output.print_note(
                "septum: this clone is partial: `git fetch --refetch --no-filter` gets the missing versions",
            );
        }
        match self.format {
            ViewFormat::Json => output::print_json(&found),
            ViewFormat::Text => output.print_text(&exposure_text(&found)),
        }
    }
}

fn exposure_text(found: &Exposure) -> StyledText {
    let mut out = StyledText::new();
    if found.values.is_empty() {
        out.push_line("the recipient could decrypt no value");
        return out;
    }
    for values in found.values.chunk_by(|one, other| one.file == other.file) {
        let Some(first) = values.first() else { continue };
        let environments = match first.environments.as_slice() {
            [] => String::new(),
            names => format!("  ({})", names.join(", ")),
        };
        out.push_in(Style::new().bold(), format!("{}{environments}", first.file));
        out.end_line();
        let width = values.iter().map(|value| escape_line(&value.key).width()).max().unwrap_or_default();
        for value in values {
            let key = escape_line(&value.key);
            let gap = " ".repeat(width.saturating_sub(key.width()));
            out.push(format!("  {key}{gap}  {}  ", since_text(value)));
            out.push_in(state_style(value.state), value.state.as_str());
            out.end_line();
        }
        out.end_line();
    }
    let count = |state: ExposureState| found.values.iter().filter(|value| value.state == state).count();
    let states = [
        ExposureState::Plaintext,
        ExposureState::Current,
        ExposureState::Unchanged,
        ExposureState::ChangedOrReencrypted,
        ExposureState::Changed,
        ExposureState::Removed,
    ];
    let counts = states.into_iter().filter(|state| count(*state) > 0);
    let counts: Vec<_> = counts.map(|state| format!("{} {}", count(state), state.as_str())).collect();
    let noun = if found.values.len() == 1 { "value" } else { "values" };
    out.push_line(format!("{} {noun}: {}", found.values.len(), counts.join(", ")));
    out
}

fn since_text(value: &ExposedKey) -> String {
    match &value.since {
        Some(since) => format!("{} {}", since.day, since.commit.get(..10).unwrap_or(&since.commit)),
        None => format!("{:21}", "not committed"),
    }
}

fn state_style(state: ExposureState) -> Style {
    match state {
        ExposureState::Plaintext | ExposureState::Current | ExposureState::Unchanged => AnsiColor::Red.on_default(),
        ExposureState::ChangedOrReencrypted => AnsiColor::Yellow.on_default(),
        ExposureState::Changed => AnsiColor::Green.on_default(),
        ExposureState::Removed => Style::new().dimmed(),
    }
}
