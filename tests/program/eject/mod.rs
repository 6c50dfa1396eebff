//! `septum eject`: files that need no Septum.

mod kustomize;
mod plain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::objects::Objects;
use crate::support::samples::repository;
use crate::support::sandbox::{DEMO_KEY, Run, run};

/// Runs the program in a directory of the repository, with the demo key.
pub(crate) fn run_in(directory: &str, arguments: &[&str]) -> Run {
    run(&repository().join(directory), arguments, &[("SOPS_AGE_KEY_FILE", DEMO_KEY)])
}

/// All files below a directory, by their paths.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Values of the Secrets, decoded, that are long enough to be found by chance nowhere.
pub(crate) fn secret_values(objects: &Objects) -> Vec<String> {
    let secrets = objects.0.iter().filter(|object| object["kind"] == "Secret");
    let names = secrets.map(|object| format!("Secret/{}", object["metadata"]["name"].as_str().unwrap()));
    let values = names.flat_map(|name| objects.bytes(&name).into_values());
    values.filter_map(|value| String::from_utf8(value).ok()).filter(|value| value.len() >= 8).collect()
}

/// Asserts that neither a file nor a message contains a value of a Secret.
#[track_caller]
pub(crate) fn assert_hidden(values: &[String], directory: &Path, messages: &str) {
    use base64::Engine as _;
    let mut texts = vec![("the messages".to_owned(), messages.to_owned())];
    for path in files_below(directory) {
        texts.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
    }
    for value in values {
        let packed = base64::engine::general_purpose::STANDARD.encode(value);
        for (name, text) in &texts {
            assert!(!text.contains(value.trim_end()) && !text.contains(&packed), "{name} contains a secret");
        }
    }
}

/// Asserts that the last line is a proof without differences: `3 of 3 objects equal in dev, prod`.
#[track_caller]
pub(crate) fn assert_proven(done: &Run, environments: &[&str]) {
    let proof = done.stdout.lines().last().unwrap();
    let words: Vec<_> = proof.split(' ').collect();
    assert_eq!(words[0], words[2], "{proof}");
    assert!(words[0].parse::<usize>().unwrap() > 0, "{proof}");
    assert!(proof.ends_with(&format!(" {}", environments.join(", "))), "{proof}");
}

/// Objects in the order of their identity, for comparison.
pub(crate) fn sorted(objects: Objects) -> Objects {
    let Objects(mut all) = objects;
    all.sort_by_key(|object| {
        format!("{}{}{}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"])
    });
    Objects(all)
}

/// Runs a line of a shell in a directory, with the demo key.
#[track_caller]
pub(crate) fn shell(directory: &Path, line: &str, path: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(directory).env_clear().env("PATH", path);
    let output = command.env("SOPS_AGE_KEY_FILE", DEMO_KEY).env("HOME", directory).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `PATH` with the directory of a peer before it.
pub(crate) fn path_with(peer: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", peer.parent().unwrap().display())
}
