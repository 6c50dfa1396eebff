//! What is printed, compared with what is recorded under `tests/messages`, so that a message is reworded in one place.
//!
//! `UPDATE_EXPECT=1 cargo test` records what is printed now; the difference is for people to review.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::fmt::{Display, Write as _};
use std::path::PathBuf;
use std::sync::LazyLock;

use expect_test::expect_file;
use regex::Regex;

/// The messages of one test, by case. Compared with the recorded ones when it goes out of scope.
pub(crate) struct Transcript {
    path: PathBuf,
    text: String,
}

impl Transcript {
    /// An empty transcript, named after the test that this thread runs.
    pub(crate) fn new() -> Self {
        let test = std::thread::current().name().expect("the thread of a test").replace("::", "/");
        Self { path: directory().join(test + ".txt"), text: String::new() }
    }

    /// Adds what a case printed.
    pub(crate) fn record(&mut self, case: impl Display, text: impl AsRef<str>) {
        let _ = writeln!(self.text, "== {case}\n{}", text.as_ref().trim_end());
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            compare(&self.path, &self.text);
        }
    }
}

/// Compares what one case of a table printed; `room` is the directory of its file.
#[track_caller]
pub(crate) fn assert_message(room: &str, case: &str, text: &str) {
    let slug: String = case.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let name = slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase();
    compare(&directory().join(room).join(name + ".txt"), text);
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/messages"))
}

#[track_caller]
fn compare(path: &std::path::Path, text: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    expect_file![path].assert_eq(&(stable(text).trim_end().to_owned() + "\n"));
}

/// A text without what differs from run to run: keys, fingerprints, temporary directories and times.
fn stable(text: &str) -> String {
    static DIFFERING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rule = |pattern: &str, stands_for| (Regex::new(pattern).unwrap(), stands_for);
        vec![
            rule(r"\bage1[02-9ac-hj-np-z]{58}\b", "RECIPIENT"),
            rule(r"ENC\[AES256_GCM,[^\]]*\]", "ENC[…]"),
            rule(r"(?:/tmp|/var/folders|/dev/shm)/[^\s`:'\x22)]*?/?\.tmp[A-Za-z0-9]{6}", "TEMPORARY"),
            rule(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        ]
    });
    let text = text.replace(env!("CARGO_MANIFEST_DIR"), "REPOSITORY");
    DIFFERING.iter().fold(text, |text, (pattern, stands_for)| pattern.replace_all(&text, *stands_for).into_owned())
}
