//! Other programs that read what Septum writes. Where one is missing, its test says so and passes,
//! unless `SEPTUM_REQUIRE_PEERS=1` makes that a failure, as CI does.

#![allow(dead_code, clippy::print_stderr, reason = "each test uses a part of it, and a skipped test must say so")]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program, from `PATH` or from `bin` in the directory of peers.
pub(crate) fn peer(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        skip(program, "is not installed");
    }
    found
}

/// A Python that can import the module.
pub(crate) fn python_with(module: &str) -> Option<PathBuf> {
    let python = peer("python3")?;
    let import = Command::new(&python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    if import.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip(&format!("Python's `{module}`"), "cannot be imported");
    None
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let peers = env::var_os("SEPTUM_PEERS").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME").filter(|home: &OsString| !home.is_empty())?;
        Some(PathBuf::from(home).join(".cache/septum-peers"))
    });
    env::split_paths(&path)
        .chain(peers.map(|peers| peers.join("bin")))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// Reports that a test was skipped for lack of a program that CI need not have.
pub(crate) fn skip_optional(peer: &str, why: &str) {
    eprintln!("SKIPPED: {peer} {why}");
}

fn skip(peer: &str, why: &str) {
    let required = env::var_os("SEPTUM_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{peer} {why}, and SEPTUM_REQUIRE_PEERS=1 requires it");
    eprintln!("SKIPPED: {peer} {why}");
}
