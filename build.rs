//! Adds the commit to the version of a release: `septum 0.1.0 (1a2b3c4d5e6f 2026-11-29)`.
//!
//! The date is that of the commit, so that two builds of it are equal. Debug builds do not ask, and so are not built
//! again for each commit. A package has the commit in a file of cargo's; elsewhere, and without Git, the version is alone.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SEPTUM_COMMIT");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let commit = env::var("SEPTUM_COMMIT").ok().or_else(of_package).or_else(of_repository);
    if let (Some(commit), Ok(version)) = (commit.filter(|commit| !commit.is_empty()), env::var("CARGO_PKG_VERSION")) {
        println!("cargo:rustc-env=SEPTUM_VERSION={version} ({commit})");
    }
}

/// Commit from which `cargo package` made the sources.
fn of_package() -> Option<String> {
    let text = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\": \"")?;
    Some(rest.get(..12)?.to_owned())
}

/// Commit that is checked out here, and whether a tracked file differs from it.
fn of_repository() -> Option<String> {
    // a repository around the sources of a package is another one
    if !Path::new(".git").exists() {
        return None;
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        println!("cargo:rerun-if-changed={path}");
    }
    let day = git(&["log", "-1", "--format=%cs"])?;
    let name = git(&["rev-parse", "--short=12", "HEAD"])?;
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(format!("{name} {day}{}", if is_changed { ", modified" } else { "" }))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
