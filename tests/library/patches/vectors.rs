//! Builds recorded from kustomize 5.8.1.

use serde_json::Value;

use super::build::{build, first_difference, sorted};

#[test]
fn recorded_builds_are_equal_and_recorded_refusals_refused() {
    let text = include_str!("../../vectors/kustomize/patches.jsonl");
    let mut differences = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let built = build(row["objects"].as_array().unwrap(), &row["kustomization"]);
        match (built, row["built"].as_array()) {
            (Ok(built), Some(expected)) if sorted(built.clone()) == sorted(expected.clone()) => {}
            (Err(_), None) => {}
            // a target that selects nothing is an error here
            (Err(error), Some(_)) if error.starts_with("unmatched-patch") => {}
            (built, expected) => differences.push(format!("{}: {}", row["id"], first_difference(built, expected))),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
