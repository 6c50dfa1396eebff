//! The demo and the examples render, to the byte, what lies beside this file.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test examples` writes the files anew; read the diff.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use support::peers::peer;
use support::project::{Objects, PROJECTS, Run, demo_key, repository, run};

fn render(folder: &str, environment: &str) -> Run {
    run(&repository().join(folder), &["render", environment], &[("SOPS_AGE_KEY_FILE", &demo_key())])
}

#[test]
fn every_environment_renders_what_it_did() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut differing = Vec::new();
    for (name, folder, environments) in PROJECTS {
        for environment in *environments {
            let rendered = render(folder, environment).ok();
            let file = repository().join(format!("tests/cases/{name}/{environment}.yaml"));
            if update {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, rendered).unwrap();
            } else if fs::read_to_string(&file).unwrap_or_default() != rendered {
                differing.push(file.display().to_string());
            }
        }
    }
    assert!(differing.is_empty(), "these are not what is rendered; UPDATE_SNAPSHOTS=1 writes them: {differing:#?}");
}

#[test]
fn no_example_and_no_environment_is_left_out() {
    let of_folder = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = entries
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let cases: Vec<_> = PROJECTS.iter().map(|(name, ..)| *name).filter(|name| *name != "demo").collect();
    assert_eq!(of_folder(&repository().join("examples")), cases);
    for (name, folder, environments) in PROJECTS {
        let rows = run(&repository().join(folder), &["list", "--format", "json"], &[]).json();
        let mut found: Vec<_> =
            rows.as_array().unwrap().iter().flat_map(|row| row["environments"].as_object().unwrap().keys()).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, *environments, "{name}");
    }
}

#[test]
fn dev_renders_without_any_key() {
    for (name, folder, _) in PROJECTS {
        let without = run(&repository().join(folder), &["render", "dev"], &[]).ok();
        assert!(without == render(folder, "dev").ok(), "{name}: a key changes nothing");
    }
}

#[test]
fn what_is_encrypted_needs_the_key_and_says_which() {
    for folder in [".", "examples/mastodon", "examples/monorepo", "examples/typed-secrets"] {
        let run = run(&repository().join(folder), &["render", "prod"], &[]);
        assert_eq!((run.code, &*run.stdout), (3, ""), "{folder}: {}", run.stderr);
        assert!(run.stderr.contains("prod.secrets.yaml") && run.stderr.contains("age1htnfhx"), "{}", run.stderr);
    }
}

#[test]
fn secrets_hold_what_sops_decrypts() {
    let Some(sops) = peer("sops") else { return };
    let mut files = Vec::new();
    for (_, folder, environments) in PROJECTS {
        for environment in *environments {
            let found = secrets_files(&repository().join(folder), environment);
            files.extend(found.into_iter().map(|file| (*folder, *environment, file)));
        }
    }
    assert_eq!(files.len(), 7, "{files:?}");
    for (folder, environment, file) in files {
        let output = Command::new(&sops)
            .args(["-d", "--output-type", "json"])
            .arg(&file)
            .env("SOPS_AGE_KEY_FILE", demo_key())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let plain: Json = serde_json::from_slice(&output.stdout).unwrap();
        let objects = Objects::read(&render(folder, environment).ok());
        let secrets: BTreeMap<String, Vec<String>> = all_secrets(&objects);
        let data = plain["data"].as_object().into_iter().flatten();
        for (key, value) in data {
            assert!(secrets[key].contains(&value.as_str().unwrap().to_owned()), "{}: {key}", file.display());
        }
        // a variable reaches what is computed from it
        if let Some(password) = plain["vars"]["broker"]["password"].as_str() {
            let written = format!(":{}@", url_encoded(password));
            assert!(secrets["BROKER_URL"].iter().all(|url| url.contains(&written)), "{}", file.display());
        }
    }
}

/// The encrypted files of an environment, wherever in the project they lie.
fn secrets_files(folder: &Path, environment: &str) -> Vec<PathBuf> {
    let name = format!("{environment}.secrets.yaml");
    let below = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let apps = [folder.to_path_buf(), folder.join("environments")].into_iter().chain(below(folder.join("services")));
    apps.map(|app| app.join(&name)).filter(|file| file.is_file()).collect()
}

/// As RFC 3986, section 2.3, has it.
fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// The values of each key in all Secrets.
fn all_secrets(objects: &Objects) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in objects.0.iter().filter(|object| object["kind"] == "Secret") {
        let name = object["metadata"]["name"].as_str().unwrap();
        for (key, value) in objects.texts(&format!("Secret/{name}")) {
            all.entry(key).or_default().push(value);
        }
    }
    all
}
