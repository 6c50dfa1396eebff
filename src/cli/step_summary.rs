//! The summary of a step of GitHub Actions.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use super::output::OutputStreams;
use septum::check::{CheckReport, step_summary};

/// Largest summary of a step, in bytes; GitHub shows nothing of a larger one.
/// Source: GitHub Docs, "Workflow commands for GitHub Actions", step isolation and limits.
const LARGEST: u64 = 1024 * 1024;

/// Appends all findings to the summary of the step, if there is one. A summary that cannot be written is reported, and
/// is no failure: the findings are in the log.
pub(super) fn append_step_summary(report: &CheckReport, output: &OutputStreams) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    let append = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let room = LARGEST.saturating_sub(file.metadata()?.len());
        match step_summary(report, usize::try_from(room).unwrap_or(usize::MAX)) {
            Some(text) => file.write_all(text.as_bytes()),
            None => Ok(()),
        }
    };
    if let Err(error) = append() {
        output.print_note(&format!("septum: the summary of the step was not written: {error}"));
    }
}
