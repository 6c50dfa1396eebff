//! Reports in the formats of other programs.
//!
//! Every format has every finding, and names what could not be checked. None has a value.

mod fingerprint;
mod github;
mod gitlab;
mod junit;
mod rdjson;
mod sarif;
mod summary;

pub use github::{MOST_ANNOTATIONS, workflow_commands};
pub use gitlab::code_quality_report;
pub use junit::junit_report;
pub use rdjson::rdjson_report;
pub use sarif::sarif_log;
pub use summary::step_summary;

use super::{CheckReport, Finding, MissingKeys, Unchecked};
use crate::diagnostic::Severity;

/// Name of the check in formats that name each rule, for a part that could not be checked.
const NOT_CHECKED: &str = "not-checked";

/// The message of a finding and its hints.
fn message_with_help(finding: &Finding) -> String {
    let view = finding.view();
    match &view.help {
        Some(help) => format!("{}; hint: {help}", view.message),
        None => view.message.to_owned(),
    }
}

/// Numbers of errors and of warnings.
fn count_severities(report: &CheckReport) -> (usize, usize) {
    let errors = report.findings.iter().filter(|it| it.diagnostic.severity == Severity::Error).count();
    (errors, report.findings.len() - errors)
}

/// The findings with errors first, in their order otherwise.
fn errors_first(report: &CheckReport) -> impl Iterator<Item = &Finding> {
    let of = |severity| report.findings.iter().filter(move |it| it.diagnostic.severity == severity);
    of(Severity::Error).chain(of(Severity::Warning))
}

/// Parts that could not be checked, and should have been.
fn reported_unchecked(report: &CheckReport) -> impl Iterator<Item = &Unchecked> {
    let is_reported = |it: &&Unchecked| report.missing_keys == MissingKeys::Reported || !it.lacks_key();
    report.unseen.iter().filter(is_reported)
}

/// The message for a part that could not be checked.
fn unchecked_message(unchecked: &Unchecked) -> String {
    format!("not checked: {}", unchecked.why)
}
