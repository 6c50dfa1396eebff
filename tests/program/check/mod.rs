//! `septum check`: every mistake at once, quiet when all is well, and never a value.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod accepted_leaks;
mod accepting;
mod encodings;
mod false_alarms;
mod fixing;
mod gate;
mod leak_reports;
mod leftovers;
mod own_rules;
mod partial_files;
mod pitfalls;
mod reports;
pub(crate) mod rules;
mod sarif;
mod searched_secrets;
mod searched_texts;
mod second_mistakes;
mod staged;
mod together;
mod unreadable;
mod unused_layers;
mod unused_references;

use crate::support::objects::text;
use crate::support::sandbox::{Run, Sandbox};
use serde_json::Value as Json;

/// What programs are told of a project: each finding as `rule file:line key`.
fn findings(run: &Run) -> Vec<String> {
    let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let line = |finding: &Json| {
        let key = finding["key"].as_str().map(|key| format!(" {key}")).unwrap_or_default();
        format!("{} {}:{}{key}", text(&finding["rule"]), text(&finding["file"]), finding["line"])
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

fn check(project: &Sandbox) -> Vec<String> {
    findings(&project.run(&["check", "--format", "json"]))
}
