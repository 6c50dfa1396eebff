//! The promises of SECURITY.md, each with the test that holds it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::support::sandbox::files;
use crate::support::sources::rust_sources;

/// Names of test functions and of modules, in the tests and beside the code.
fn known_names() -> BTreeSet<String> {
    let function = Regex::new(r"(?m)^\s*fn ([a-z0-9_]+)\(").unwrap();
    let mut names = BTreeSet::new();
    let mut add = |path: &Path, text: &str| {
        let path = path.with_extension("");
        names.extend(path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()));
        names.extend(function.captures_iter(text).map(|found| found[1].to_owned()));
    };
    for source in rust_sources() {
        add(&source.path, &source.text);
    }
    for directory in ["tests/program", "tests/library"] {
        for (name, bytes) in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)) {
            add(&Path::new(directory).join(name), &String::from_utf8_lossy(&bytes));
        }
    }
    names
}

#[test]
fn each_promise_names_a_test_that_exists() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    let (_, table) = text.split_once("## Promises and tests").expect("the table of promises");
    let table = table.split("\n## ").next().unwrap();
    let (name, known) = (Regex::new("`([a-z0-9_:-]+)`").unwrap(), known_names());
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let tests = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let named: Vec<_> = name.captures_iter(tests).map(|found| found[1].to_owned()).collect();
        assert!(!named.is_empty(), "no test holds it: {row}");
        for path in named {
            let missing: Vec<_> = path.split("::").filter(|part| !known.contains(*part)).collect();
            assert!(missing.is_empty(), "{missing:?} of `{path}` does not exist: {row}");
        }
        rows += 1;
    }
    assert!(rows > 20, "{rows} rows");
}
