//! Findings for reviewdog: the Reviewdog Diagnostic Format.

use serde_json::{Value as Json, json};

use super::{CheckReport, Finding, NOT_CHECKED, message_with_help, reported_unchecked, unchecked_message};
use crate::diagnostic::Severity;
use crate::span::Location;

/// The report as one `DiagnosticResult`.
/// Source: reviewdog, `proto/rdf/reviewdog.proto`.
pub fn rdjson_report(report: &CheckReport) -> Json {
    let unchecked = reported_unchecked(report).map(|unchecked| {
        json!({
            "message": unchecked_message(unchecked),
            "location": { "path": unchecked.path() },
            "severity": "INFO",
            "code": { "value": NOT_CHECKED },
        })
    });
    let diagnostics: Vec<Json> = report.findings.iter().map(review_diagnostic).chain(unchecked).collect();
    json!({ "source": { "name": "septum" }, "diagnostics": diagnostics })
}

fn review_diagnostic(finding: &Finding) -> Json {
    let severity = match finding.diagnostic.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    };
    let mut diagnostic = json!({
        "message": message_with_help(finding),
        "severity": severity,
        "code": { "value": finding.view().rule },
    });
    if let (Some(path), Some(place)) = (finding.path(), finding.place()) {
        diagnostic["location"] = json!({ "path": path, "range": byte_range(place) });
    }
    diagnostic
}

/// A range with columns in bytes of UTF-8, from 1; the end is that after the last byte.
fn byte_range(place: &Location) -> Json {
    let position = |offset: usize| {
        let line = place.source.locate(offset, offset).line;
        let before = place.source.text().get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        json!({ "line": line.max(1), "column": offset.saturating_sub(line_start) + 1 })
    };
    let mut range = json!({ "start": position(place.span.start) });
    if place.span.end > place.span.start {
        range["end"] = position(place.span.end);
    }
    range
}
