//! Findings for programs that annotate code: SARIF 2.1.0 (OASIS).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::super::baseline::FILE;
use super::super::finding::Acceptance;
use super::super::{CheckReport, Finding};
use super::fingerprint::fingerprint;
use super::message_with_help;
use crate::diagnostic::{Rule, Severity};

/// Base of paths: the root of the repository, as GitHub and others expect it.
const ROOT: &str = "%SRCROOT%";

/// The rules of a report, sorted, each with its most severe finding.
type SarifRules = BTreeMap<Rule, Severity>;

/// The report as a log of SARIF. Accepted findings are in it, suppressed.
pub fn sarif_log(report: &CheckReport) -> Json {
    let all = || report.findings.iter().chain(&report.accepted);
    let mut rules = SarifRules::new();
    for Finding { diagnostic, .. } in all() {
        let worst = rules.entry(diagnostic.rule).or_insert(diagnostic.severity);
        if diagnostic.severity == Severity::Error {
            *worst = Severity::Error;
        }
    }
    let results: Vec<Json> = all().map(|finding| sarif_result(finding, &rules)).collect();
    let notifications: Vec<Json> = report
        .unseen
        .iter()
        .map(|unseen| json!({ "level": "warning", "message": { "text": format!("not checked: {unseen}") } }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "septum",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(rule, severity)| describe_rule(*rule, *severity)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.unseen.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn describe_rule(rule: Rule, severity: Severity) -> Json {
    let meaning = rule.summary();
    json!({
        "id": rule,
        "shortDescription": { "text": meaning },
        "fullDescription": { "text": meaning },
        "help": { "text": format!("for the meaning of `{rule}` and how to fix it, see docs/errors.md of Septum") },
        "defaultConfiguration": { "level": severity.to_string() },
    })
}

fn sarif_result(finding: &Finding, rules: &SarifRules) -> Json {
    let view = finding.view();
    let mut result = json!({
        "ruleId": view.rule,
        "ruleIndex": rules.keys().position(|rule| rule.id() == view.rule),
        "level": view.severity,
        "message": { "text": message_with_help(finding) },
        "partialFingerprints": { "septum/v1": fingerprint(finding) },
    });
    if let (Some(file), Some(line), Some(column)) = (finding.path(), view.line, view.column) {
        let region = json!({ "startLine": line.max(1), "startColumn": column.max(1) });
        result["locations"] =
            json!([{ "physicalLocation": { "artifactLocation": artifact_location(&file), "region": region } }]);
    }
    if let Some(why) = &finding.accepted {
        let (kind, why) = match why {
            Acceptance::Allowed(reason) => ("inSource", reason.clone()),
            Acceptance::Known => ("external", format!("listed in {FILE}")),
        };
        result["suppressions"] = json!([{ "kind": kind, "status": "accepted", "justification": why }]);
    }
    result
}

/// Location of a file. One outside of the repository, as rules above it are, is named by its whole path.
fn artifact_location(file: &str) -> Json {
    if Path::new(file).is_absolute() {
        json!({ "uri": format!("file://{}", uri_reference(file)) })
    } else {
        json!({ "uri": uri_reference(file), "uriBaseId": ROOT })
    }
}

/// A path as a relative reference of a URI (RFC 3986).
fn uri_reference(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
