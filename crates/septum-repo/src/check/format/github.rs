//! Findings as workflow commands of GitHub Actions.

use std::fmt::Write as _;

use super::{CheckReport, Finding, errors_first, message_with_help, reported_unchecked};
use crate::diagnostic::{Severity, escape_lines};

/// Number of annotations of a level that GitHub shows of one step; it drops others silently.
/// Source: GitHub Docs, "Workflow commands for GitHub Actions", limits of annotations.
pub const MOST_ANNOTATIONS: usize = 10;

/// Workflow commands (`::error file=…,line=…,col=…,title=…::message`), errors first. What GitHub would not show is a
/// line of the log, and a last notice says how much that is.
pub fn workflow_commands(report: &CheckReport) -> String {
    let mut out = String::new();
    let mut shown = [0; 2];
    let mut left = [0; 2];
    let unchecked = reported_unchecked(report).map(|unchecked| {
        let place = format!("file={},", escape_property(&unchecked.path()));
        let line = format!("warning: not checked: {}: {}", unchecked.path(), unchecked.why);
        (Severity::Warning, format!("{place}title=not checked"), unchecked.to_string(), line)
    });
    for (severity, properties, message, line) in errors_first(report).map(annotation).chain(unchecked) {
        let level = usize::from(severity == Severity::Warning);
        let (Some(shown), Some(left)) = (shown.get_mut(level), left.get_mut(level)) else { continue };
        if *shown < MOST_ANNOTATIONS {
            *shown += 1;
            let _ = writeln!(out, "::{severity} {properties}::{}", escape_data(&message));
        } else {
            *left += 1;
            let _ = writeln!(out, "{}", escape_log(&line));
        }
    }
    let expected = report.unseen.len() - reported_unchecked(report).count();
    if expected > 0 {
        let _ = writeln!(out, "::notice title=septum::without a key, {expected} encrypted files were not checked");
    }
    if let [errors, warnings] = left
        && errors + warnings > 0
    {
        let _ = writeln!(
            out,
            "::notice title=septum::GitHub shows {MOST_ANNOTATIONS} errors and {MOST_ANNOTATIONS} warnings of a step; the log also has {errors} more errors and {warnings} more warnings"
        );
    }
    out
}

/// Severity, properties and message of the annotation for a finding, and its line in the log.
fn annotation(finding: &Finding) -> (Severity, String, String, String) {
    let view = finding.view();
    let severity = finding.diagnostic.severity;
    let (place, site) = match (finding.path(), view.line, view.column) {
        (Some(file), Some(line), Some(column)) => {
            (format!("file={},line={line},col={column},", escape_property(&file)), format!("{file}:{line}:{column}: "))
        }
        _ => Default::default(),
    };
    let help = view.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let properties = format!("{place}title={}", escape_property(view.rule));
    let line = format!("{severity}[{}]: {site}{}", view.rule, message_with_help(finding));
    (severity, properties, format!("{}{help}", view.message), line)
}

/// Data of a workflow command. The runner also looks for commands of the older form, `##[…]`, anywhere in a line.
fn escape_data(text: &str) -> String {
    let text = escape_lines(text).replace("##[", "## [");
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line of the log, in which no command begins.
fn escape_log(line: &str) -> String {
    escape_lines(line).replace("##[", "## [").replace(['\r', '\n'], " ")
}
