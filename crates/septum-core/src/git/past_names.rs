//! Names of commits that depend on what a clone remembers: former states of its branches (`HEAD@{1}`,
//! `main@{yesterday}`, `@{-1}`), and the branches that they follow (`@{upstream}`).
//!
//! Git resolves them from records of the branches, and from settings that name no program: both are given to it as copies.

use std::fmt::Write as _;
use std::io;

use super::command::{GitConfiguration, SafeGit};
use super::repository::GitRepository;
use super::spawn_git;

/// Settings of the branches that other branches follow, as a regular expression of Git.
const UPSTREAM: &str = r"^(branch\..*\.(remote|merge)|remote\..*\.fetch)$";

/// Git that resolves such names; `name` is one of them.
pub(super) fn git_with_past(repository: &GitRepository, name: &str) -> io::Result<SafeGit> {
    let git = SafeGit::new(repository.clone(), GitConfiguration::Isolated)?.with_references()?;
    let branch = name.split("@{").next().unwrap_or_default();
    let current = repository.branch()?;
    if let Some(current) = &current {
        git.write("HEAD", format!("ref: {current}\n").as_bytes())?;
    }
    let candidates = match branch {
        "" | "@" => current.into_iter().collect(),
        branch => {
            ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"].map(|at| format!("{at}{branch}")).to_vec()
        }
    };
    for reference in candidates.iter().map(String::as_str).chain(["HEAD"]) {
        if let Some(log) = repository.reference_log(reference)? {
            git.write(&format!("logs/{reference}"), &log)?;
        }
    }
    let config = upstream_settings(&git, repository);
    git.append_configuration(&config)?;
    Ok(git)
}

/// The settings of the branches that other branches follow, as text of a configuration; nothing where there are none.
fn upstream_settings(git: &SafeGit, repository: &GitRepository) -> String {
    let mut text = String::new();
    let config = repository.shared_directory().join("config");
    let Some(config) = config.to_str() else { return text };
    let listed = spawn_git(git, "config", &["--file", config, "--no-includes", "-z", "--get-regexp", UPSTREAM]);
    let Some(listed) = listed.ok().and_then(|child| child.wait_with_output().ok()) else { return text };
    let listed = String::from_utf8_lossy(&listed.stdout);
    for setting in listed.split('\0') {
        let Some((name, value)) = setting.split_once('\n') else { continue };
        let Some((section, rest)) = name.split_once('.') else { continue };
        let Some((subsection, key)) = rest.rsplit_once('.') else { continue };
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#));
        if !name.contains('\n') && !value.contains('\n') {
            let _ = write!(text, "[{section} {}]\n\t{key} = {}\n", quote(subsection), quote(value));
        }
    }
    text
}
