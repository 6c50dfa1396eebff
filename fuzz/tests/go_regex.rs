//! Expressions are translated as Go understands them: `tables/go_regex.jsonl` is what Go 1.26 made of them.
//!
//! `SEPTUM_GO_REGEX_TABLE` names another table, such as one of a million rows; `tables/go_regex.go` writes both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;

use septum::budget::reset_budgets;
use septum::go_regex::{compile_for_bytes, compile_for_text};
use serde_json::Value as Json;

/// Reasons for which an expression of Go is refused here.
const REFUSED: &[&str] = &["it is too large when compiled", "` follows flags"];

#[test]
fn what_go_matches_is_matched_and_what_it_refuses_is_refused() {
    let table = std::env::var_os("SEPTUM_GO_REGEX_TABLE")
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/tables/go_regex.jsonl").into());
    let (mut wrong, mut refused, mut rows) = (Vec::new(), BTreeMap::<String, usize>::new(), 0);
    for line in fs::read_to_string(table).unwrap().lines() {
        rows += 1;
        reset_budgets();
        let row: Json = serde_json::from_str(line).unwrap();
        let (pattern, text) = (row["p"].as_str().unwrap(), row["t"].as_str().unwrap_or_default());
        match (compile_for_text(pattern), row["error"].as_str()) {
            (Err(_), Some(_)) => {}
            (Ok(_), Some(error)) => wrong.push(format!("{line}: taken, where Go says: {error}")),
            (Err(error), None) => {
                if !REFUSED.iter().any(|reason| error.reason.ends_with(reason)) {
                    wrong.push(format!("{line}: refused: {}", error.reason));
                }
                *refused.entry(error.reason).or_default() += 1;
            }
            (Ok(regex), None) => {
                let expected = row["m"].as_array().map(|ends| {
                    let end = |index: usize| usize::try_from(ends[index].as_u64().unwrap()).unwrap();
                    end(0)..end(1)
                });
                let found = regex.find(text).map(|found| found.range());
                let of_bytes = compile_for_bytes(pattern).unwrap().find(text.as_bytes()).map(|found| found.range());
                // `\B` may hold within a character of bytes
                let of_bytes = of_bytes.filter(|found| text.is_char_boundary(found.start)).or_else(|| found.clone());
                for (kind, found) in [("text", found), ("bytes", of_bytes)] {
                    if found != expected {
                        wrong.push(format!("{line}: {kind}: expected {expected:?}, found {found:?}"));
                    }
                }
            }
        }
    }
    println!("{rows} rows, refused: {refused:?}");
    assert!(rows > 2000, "the table was read");
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong[..wrong.len().min(100)].join("\n"));
}
