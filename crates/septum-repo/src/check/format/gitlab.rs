//! Findings for the Code Quality report of GitLab.

use serde_json::{Value as Json, json};

use super::fingerprint::DistinctFingerprints;
use super::{CheckReport, Finding, NOT_CHECKED, message_with_help, reported_unchecked, unchecked_message};
use crate::diagnostic::Severity;

/// Path of a finding about no file: GitLab requires one.
const WHOLE_REPOSITORY: &str = ".";

/// The report as a list of issues. GitLab shows only the first of those with one fingerprint, so that each has
/// another.
/// Source: GitLab Docs, "Code Quality", report format; a subset of that of Code Climate.
pub fn code_quality_report(report: &CheckReport) -> Json {
    let mut prints = DistinctFingerprints::default();
    let mut issues: Vec<Json> = report.findings.iter().map(|it| quality_issue(it, &prints.take(it))).collect();
    for unchecked in reported_unchecked(report) {
        let path = unchecked.path();
        issues.push(json!({
            "description": unchecked_message(unchecked),
            "check_name": NOT_CHECKED,
            "fingerprint": prints.take_parts(&[NOT_CHECKED, &path]),
            "severity": "info",
            "location": { "path": path, "lines": { "begin": 1 } },
        }));
    }
    Json::Array(issues)
}

fn quality_issue(finding: &Finding, fingerprint: &str) -> Json {
    let view = finding.view();
    let severity = match finding.diagnostic.severity {
        Severity::Error if finding.is_leak() => "blocker",
        Severity::Error => "critical",
        Severity::Warning => "minor",
    };
    json!({
        "description": message_with_help(finding),
        "check_name": view.rule,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {
            "path": finding.path().unwrap_or_else(|| WHOLE_REPOSITORY.to_owned()),
            "lines": { "begin": view.line.unwrap_or(1).max(1) },
        },
    })
}
