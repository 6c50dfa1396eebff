//! No test depends on how fast the machine is: none sleeps, reads a clock, or compares times.
//!
//! A process is killed at a named point, its clock is set, and work is counted instead of seconds
//! (`crates/septum-base/src/test_hook.rs`). What waits for another process waits for something that it says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

/// What a test that depends on speed is made of.
const FORBIDDEN: &[&str] = &["sleep(", ".elapsed()", "Instant::now", "recv_timeout", "wait_timeout", "park_timeout"];

/// Files that may, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("tests/program/repository/clocks.rs", "", "it names them"),
    ("tests/program/tree/progress.rs", "sleep 1", "progress that must not be shown has a second to appear"),
    (
        "tests/program/safety/file_kinds/site.rs",
        "WATCHDOG",
        "a run that never ends fails; how long one takes decides nothing",
    ),
];

/// Whether a script waits for a time, and not for something between short pauses.
fn is_nap(line: &str) -> bool {
    line.contains("sleep ") && !["until ", "while "].iter().any(|word| line.contains(word))
}

/// All texts of tests: those of `tests`, and what follows `#[cfg(test)]` in `src`.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories: Vec<PathBuf> = ["tests", "src", "crates"].map(|name| root.join(name)).into();
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string().replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                let is_test = name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("/tests.rs");
                let text =
                    if is_test { Some(text.as_str()) } else { text.split_once("#[cfg(test)]").map(|(_, it)| it) };
                found.extend(text.map(|text| (name, text.to_owned())));
            }
        }
    }
    assert!(found.len() > 50, "the tests were found");
    found
}

#[test]
fn no_test_sleeps_or_reads_a_clock() {
    let mut wrong = Vec::new();
    let mut used = vec![false; ALLOWED.len()];
    for (name, text) in texts() {
        for line in text.lines().filter(|line| FORBIDDEN.iter().any(|word| line.contains(word)) || is_nap(line)) {
            match ALLOWED.iter().position(|(file, part, _)| *file == name && line.contains(part)) {
                Some(at) => used[at] = true,
                None => wrong.push(format!("{name}: {}", line.trim())),
            }
        }
    }
    assert!(wrong.is_empty(), "use `crates/septum-base/src/test_hook.rs` instead:\n{}", wrong.join("\n"));
    assert!(used.iter().all(|used| *used), "what is allowed is there: {ALLOWED:?}");
}
