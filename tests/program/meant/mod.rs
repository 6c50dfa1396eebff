//! What is rendered is what was meant: no file, variable or mistake is passed over in silence, and all commands agree.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod agreement;
mod beside;
mod content;
mod keyless;
mod misnamed;
mod objects;
mod prune;
mod variables;
mod without_key;

use crate::support::objects::text;
use crate::support::sandbox::Run;
use serde_json::Value as Json;

/// The rules of the findings of `check --format json`, with the severity of each.
#[track_caller]
fn rules(run: &Run) -> Vec<(String, String)> {
    let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let rule = |finding: &Json| (text(&finding["severity"]).to_owned(), text(&finding["rule"]).to_owned());
    report["findings"].as_array().unwrap().iter().map(rule).collect()
}
