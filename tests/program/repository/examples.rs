//! The demo and the examples render, to the byte, what lies beside this file.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test examples` writes the files anew; read the diff.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::objects::Objects;
use crate::support::peers::peer;
use crate::support::samples::{PROJECTS, TREES, repository};
use crate::support::sandbox::{DEMO_KEY, Run, run};
use serde_json::Value as Json;

fn render(directory: &str, environment: &str) -> Run {
    run(&repository().join(directory), &["render", environment], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)])
}

#[test]
fn every_environment_renders_what_it_did() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut differing = Vec::new();
    for (name, directory, environments) in PROJECTS {
        for environment in *environments {
            let rendered = render(directory, environment).ok();
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
    let of_directory = |directory: &Path| -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = entries
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let projects = PROJECTS.iter().map(|(_, directory, environments)| (directory, environments));
    let all = || projects.clone().chain(TREES.iter().map(|(directory, environments)| (directory, environments)));
    let mut examples: Vec<_> = all().filter_map(|(directory, _)| directory.strip_prefix("examples/")).collect();
    examples.sort_unstable();
    let mut directories = of_directory(&repository().join("examples"));
    // files for other programs, and no project
    directories.retain(|name| !["argocd-plugin", "ci", "flux-oci"].contains(&name.as_str()));
    assert_eq!(directories, examples);
    for (directory, environments) in all() {
        let rows = run(&repository().join(directory), &["list", "--format", "json"], &[]).json();
        let mut found: Vec<_> =
            rows.as_array().unwrap().iter().flat_map(|row| row["environments"].as_object().unwrap().keys()).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, *environments, "{directory}");
    }
}

#[test]
fn committed_trees_are_what_the_sources_give() {
    for (directory, _) in TREES {
        let directory = repository().join(directory);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            let made = run(&directory, &["render", "--all", "--out", "rendered"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
            assert_eq!(made.code, 0, "{}", made.stderr);
        }
        let copy = tempfile::tempdir().unwrap();
        copy_directory(&directory, &copy.path().join("project"));
        let project = copy.path().join("project");
        let check = ["render", "--all", "--check", "--out", "rendered"];
        assert_eq!(run(&project, &check, &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).ok(), "", "{}", directory.display());
        let keyless = run(&project, &[&check[..], &["--keyless"]].concat(), &[]);
        assert_eq!((keyless.code, keyless.stdout.as_str()), (0, ""), "{} without a key", directory.display());
        // a record that says so is not enough
        fs::remove_dir_all(project.join("rendered")).unwrap();
        let made = run(&project, &["render", "--all", "--out", "rendered"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let (made, committed) = (tree(&project.join("rendered")), tree(&directory.join("rendered")));
        assert_eq!(made.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>());
        // new ciphertext of SOPS is other ciphertext; that of SealedSecrets follows from what is sealed
        let differ = made.iter().filter(|(path, text)| !is_encrypted(text) && committed[*path] != **text);
        assert_eq!(differ.map(|(path, _)| path).collect::<Vec<_>>(), [""; 0], "{}", directory.display());
    }
}

#[test]
fn secrets_in_committed_trees_are_those_of_the_layers() {
    let sops = peer("sops");
    let mut values = 0;
    for (directory, _) in TREES {
        let directory = repository().join(directory);
        for (path, text) in tree(&directory.join("rendered")) {
            let [environment, app, _] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
            assert!(!text.contains("\nkind: Secret\n") || is_encrypted(&text), "{path} is in plaintext");
            if !is_encrypted(&text) {
                continue;
            }
            let with_key = |arguments: &[&str]| run(&directory, arguments, &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).ok();
            let objects = Objects::read(&with_key(&["decrypt", &format!("rendered/{path}")]));
            if let Some(sops) = &sops {
                let mut command = Command::new(sops);
                let file = directory.join("rendered").join(&path);
                let output = command.arg("-d").arg(file).env("SOPS_AGE_KEY_FILE", DEMO_KEY).output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(Objects::read(&String::from_utf8(output.stdout).unwrap()), objects, "{path}");
            }
            for (key, value) in objects.texts(&format!("Secret/{}", name_of(&objects))) {
                let known = with_key(&["get", environment, &key, "--app", app]);
                assert_eq!(known.trim_end_matches('\n'), value, "{path}: {key}");
                values += 1;
            }
        }
    }
    assert_eq!(values, 3 + 5 + 6);
}

#[test]
fn sealed_secrets_open_with_the_published_key() {
    let Some(kubeseal) = peer("kubeseal") else { return };
    let directory = repository().join("examples/sealed-secrets");
    for environment in ["dev", "prod"] {
        let sealed = fs::File::open(directory.join(format!("rendered/{environment}/orders/sealedsecret-orders.yaml")));
        let output = Command::new(&kubeseal)
            .args(["--recovery-unseal", "--recovery-private-key"])
            .arg(directory.join("certs/prod.key"))
            .stdin(sealed.unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let objects = Objects::read(&String::from_utf8(output.stdout).unwrap());
        let values = objects.texts(&format!("Secret/{}", name_of(&objects)));
        assert_eq!(values["DATABASE_PASSWORD"], format!("dummy-{environment}-orders-4711"));
    }
}

#[test]
fn kustomize_builds_every_directory_of_a_tree() {
    let Some(kustomize) = peer("kustomize") else { return };
    let mut built = 0;
    for (directory, _) in TREES {
        let rendered = repository().join(directory).join("rendered");
        for path in tree(&rendered).keys().filter_map(|path| path.strip_suffix("/kustomization.yaml")) {
            let output = Command::new(&kustomize).arg("build").arg(rendered.join(path)).output().unwrap();
            assert!(output.status.success(), "{directory} {path}: {}", String::from_utf8_lossy(&output.stderr));
            built += 1;
        }
    }
    assert_eq!(built, 4 + 5 + 10 + 4 + 2);
}

/// The name of the one object.
fn name_of(objects: &Objects) -> &str {
    objects.0[0]["metadata"]["name"].as_str().unwrap()
}

fn is_encrypted(text: &str) -> bool {
    text.contains("\nsops:\n")
}

/// The files of a tree but for its inventory, by their paths.
fn tree(directory: &Path) -> BTreeMap<String, String> {
    let below = |directory: PathBuf| fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let environments = below(directory.to_path_buf()).filter(|path| !path.ends_with(".septum"));
    let files = environments.flat_map(below).flat_map(below);
    let relative = |path: &Path| path.strip_prefix(directory).unwrap().display().to_string();
    files.map(|path| (relative(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy_directory(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn dev_renders_without_any_key() {
    for (name, directory, _) in PROJECTS {
        let without = run(&repository().join(directory), &["render", "dev"], &[]).ok();
        assert!(without == render(directory, "dev").ok(), "{name}: a key changes nothing");
    }
}

#[test]
fn what_is_encrypted_needs_the_key_and_says_which() {
    for directory in [".", "examples/mastodon", "examples/monorepo", "examples/typed-secrets"] {
        let run = run(&repository().join(directory), &["render", "prod"], &[]);
        assert_eq!((run.code, &*run.stdout), (3, ""), "{directory}: {}", run.stderr);
        assert!(run.stderr.contains("prod.secrets.yaml") && run.stderr.contains("age1htnfhx"), "{}", run.stderr);
    }
}

#[test]
fn secrets_hold_what_sops_decrypts() {
    let Some(sops) = peer("sops") else { return };
    let mut files = Vec::new();
    for (_, directory, environments) in PROJECTS {
        for environment in *environments {
            let found = secrets_files(&repository().join(directory), environment);
            files.extend(found.into_iter().map(|file| (*directory, *environment, file)));
        }
    }
    assert_eq!(files.len(), 9, "{files:?}");
    for (directory, environment, file) in files {
        let output = Command::new(&sops)
            .args(["-d", "--output-type", "json"])
            .arg(&file)
            .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let plain: Json = serde_json::from_slice(&output.stdout).unwrap();
        let objects = Objects::read(&render(directory, environment).ok());
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
fn secrets_files(directory: &Path, environment: &str) -> Vec<PathBuf> {
    let name = format!("{environment}.secrets.yaml");
    let below = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let apps =
        [directory.to_path_buf(), directory.join("environments")].into_iter().chain(below(directory.join("services")));
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
