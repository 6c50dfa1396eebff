//! `septum doctor`

use std::env;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::json;

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::{GlobalArgs, ViewFormat};
use septum::diagnostic::{Diagnostic, Diagnostics, StyledText};
use septum::disk::{BoundedRoot, Disk};
use septum::doctor::{CheckStatus, DoctorCheck, DoctorContext, run_checks};
use septum::sops::{HostSystem, IdentitySources};

/// Check that this machine and this clone are set up
///
/// Shows the identities by their recipients, the editor, the rules of `.sops.yaml`, whether every encrypted file
/// matches its rule and can be decrypted here, the drivers and the hook of Git, and plaintext that killed runs left.
/// Each problem comes with the command that fixes it. Changes nothing, and works outside of projects and repositories.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct DoctorArgs {
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: ViewFormat,
}

/// Help of `septum doctor`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Check the setup", "septum doctor"),
        ("Show problems only", "septum doctor --quiet"),
        ("Write a report for programs", "septum doctor --format json > doctor.json"),
    ],
    exit_codes: &[(0, "no errors; there may be warnings"), (1, "errors")],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Editor, HelpTopic::Git],
};

impl DoctorArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match self.check(global, output) {
            Ok(CheckStatus::Error) => ExitCode::from(1),
            Ok(CheckStatus::Ok | CheckStatus::Warning) => ExitCode::SUCCESS,
            Err(problems) => output.finish(Err(problems)),
        }
    }

    /// Prints the results, and returns the worst.
    fn check(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<CheckStatus, Diagnostics> {
        let root = BoundedRoot::new(Disk::default(), &global.directory)
            .map_err(|error| Diagnostic::unreadable(&output::shown_path(&global.directory), &error))?;
        let sources = IdentitySources::of(HostSystem::current(), |name| env::var_os(name));
        let checks =
            run_checks(&DoctorContext { directory: root.path(), variable: &|name| env::var_os(name), sources });
        let checks: Vec<_> = checks
            .into_iter()
            .map(|check| DoctorCheck { fix: check.fix.map(|fix| output.placed_text(&fix)), ..check })
            .collect();
        let shown = checks.iter().filter(|check| !output.is_quiet() || check.status != CheckStatus::Ok);
        match self.format {
            ViewFormat::Text => output.print_text(&describe(shown))?,
            ViewFormat::Json => {
                let checks: Vec<_> = checks.iter().map(to_json).collect();
                output::print_json(&json!({ "checks": checks }))?;
            }
        }
        Ok(checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Ok))
    }
}

fn describe<'a>(checks: impl Iterator<Item = &'a DoctorCheck>) -> StyledText {
    let mut text = StyledText::new();
    for check in checks {
        let style = match check.status {
            CheckStatus::Ok => AnsiColor::Green.on_default(),
            CheckStatus::Warning => AnsiColor::Yellow.on_default().bold(),
            CheckStatus::Error => AnsiColor::Red.on_default().bold(),
        };
        text.push_in(style, format!("{:7}", check.status.name()));
        text.push_in(Style::new(), format!("  {}: {}", check.topic, check.message));
        text.end_line();
        if let Some(fix) = &check.fix {
            text.push_line(format!("         fix: {fix}"));
        }
    }
    text
}

fn to_json(check: &DoctorCheck) -> serde_json::Value {
    json!({ "topic": check.topic, "status": check.status.name(), "message": check.message, "fix": check.fix })
}
