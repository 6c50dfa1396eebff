//! Findings for programs that show them in code: SARIF 2.1.0 (OASIS).

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{Finding, Report};

/// The report as a log of SARIF. What is accepted is in it, suppressed.
pub fn sarif(report: &Report) -> Json {
    let all = report.findings.iter().map(|finding| (finding, false));
    let all = all.chain(report.accepted.iter().map(|finding| (finding, true)));
    let results: Vec<Json> = all.map(|(finding, is_accepted)| result(finding, is_accepted)).collect();
    let rules: BTreeSet<&str> =
        report.findings.iter().chain(&report.accepted).map(|finding| finding.diagnostic.rule).collect();
    let rules: Vec<Json> = rules.into_iter().map(|rule| json!({ "id": rule })).collect();
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
                "rules": rules,
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

fn result(finding: &Finding, is_accepted: bool) -> Json {
    let view = finding.view();
    let text = match &view.help {
        Some(help) => format!("{}. {help}", view.message),
        None => view.message.to_owned(),
    };
    let mut result = json!({
        "ruleId": view.rule,
        "level": view.severity,
        "message": { "text": text },
        "partialFingerprints": { "septum/v1": fingerprint(finding) },
    });
    if let (Some(file), Some(line), Some(column)) = (finding.path(), view.line, view.column) {
        let region = json!({ "startLine": line.max(1), "startColumn": column.max(1) });
        result["locations"] =
            json!([{ "physicalLocation": { "artifactLocation": { "uri": uri(&file) }, "region": region } }]);
    }
    if is_accepted {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": finding.accepted }]);
    }
    result
}

/// By what a finding is known again when lines move: its rule and what it is about.
fn fingerprint(finding: &Finding) -> String {
    let (view, path) = (finding.view(), finding.path());
    let parts =
        [Some(view.rule), path.as_deref(), view.app, view.environment, view.bundle, view.key, Some(view.message)];
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize()).chars().take(32).collect()
}

/// A path as a relative reference of a URI (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
