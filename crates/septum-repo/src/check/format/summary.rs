//! Findings as Markdown, for the summary of a job of GitHub Actions.

use std::fmt::Write as _;

use super::{CheckReport, Finding, count_severities, errors_first, message_with_help, reported_unchecked};
use crate::view::key_docs::{markdown_code, markdown_text};

/// Bytes kept free for the line that says what was cut.
const RESERVE: usize = 200;

/// A heading with the numbers, and a table of all findings. At most `room` bytes: rows that do not fit are left out,
/// and a line says how many. None if there is nothing to report, or no room for anything.
pub fn step_summary(report: &CheckReport, room: usize) -> Option<String> {
    if report.findings.is_empty() && reported_unchecked(report).next().is_none() {
        return None;
    }
    let (errors, warnings) = count_severities(report);
    let mut out = format!(
        "### septum check: {errors} errors, {warnings} warnings\n\n| severity | rule | place | message |\n|---|---|---|---|\n"
    );
    let unchecked = reported_unchecked(report).map(|unchecked| {
        let (place, why) = (markdown_code(&unchecked.path()), markdown_text(&unchecked.why));
        format!("| warning | not checked | {place} | {why} |\n")
    });
    let room = room.checked_sub(RESERVE + out.len())?;
    let start = out.len();
    let mut left = 0;
    for row in errors_first(report).map(summary_row).chain(unchecked) {
        if out.len() - start + row.len() <= room {
            out.push_str(&row);
        } else {
            left += 1;
        }
    }
    if left > 0 {
        let _ = writeln!(out, "\n{left} more do not fit into the summary of a step. `septum check` prints all.");
    }
    out.push('\n');
    Some(out)
}

fn summary_row(finding: &Finding) -> String {
    let view = finding.view();
    let place = match (finding.path(), view.line, view.column) {
        (Some(file), Some(line), Some(column)) => markdown_code(&format!("{file}:{line}:{column}")),
        _ => String::new(),
    };
    let message = markdown_text(&message_with_help(finding));
    format!("| {} | {} | {place} | {message} |\n", view.severity, markdown_code(view.rule))
}
