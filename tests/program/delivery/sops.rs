//! `secrets: sops`: what Flux and sops decrypt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::objects::{Objects, text};
use crate::support::peers::peer;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{DEMO_KEY, Sandbox};

const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

const BASE: &str = "app: app
namespace: shop
data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
  URL: 'postgres://app:{{ data.DATABASE_PASSWORD | urlencode }}@db/app'
bundles:
  odd: { type: Opaque, data: { empty: '', 'yes': 'on', multi: \"a\\nb\\n\", unicode: 'größe', file: { file: files/binary } } }
";

fn project(delivery: &str) -> Sandbox {
    Sandbox::new([("base.yaml", BASE), ("prod.yaml", delivery), ("prod.secrets.yaml", ENCRYPTED)])
        .file("files/binary", [0, 159, 146, 150])
}

/// The files of a tree with a word in their names.
pub(crate) fn files(directory: &Path, word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                directories.push(entry);
            } else if entry.file_name().is_some_and(|name| name.to_string_lossy().contains(word)) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn sops_decrypts_every_secret_that_is_delivered() {
    let Some(sops) = peer("sops") else { return };
    let plain = project("").run_with_key(&["render", "prod"]).objects();
    let rules = format!("creation_rules:\n- path_regex: rendered/\n  age: {RECIPIENT}\n");
    for (delivery, rules) in [
        (format!("delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n"), String::new()),
        ("delivery: { secrets: sops }\n".to_owned(), rules.clone()),
        // the rule of the environment's own secrets
        ("delivery: { secrets: sops }\n".to_owned(), rules.replace("rendered/", r"prod\.secrets\.yaml$")),
        ("names: hashed\ndelivery: { secrets: sops }\n".to_owned(), rules),
    ] {
        let project = project(&delivery);
        let project = if rules.is_empty() { project } else { project.file(".sops.yaml", &rules) };
        let run = project.run_with_key(&["render", "prod", "--out", "rendered"]);
        assert_eq!(run.code, 0, "{delivery}{rules}{}", run.stderr);
        let files = files(&project.root().join("rendered"), "secret-");
        assert_eq!(files.len(), 2, "{files:?}");
        for file in files {
            let written = fs::read_to_string(&file).unwrap();
            assert!(written.contains("encrypted_regex: ^(data|stringData)$"), "{written}");
            let output =
                Command::new(&sops).args(["decrypt"]).arg(&file).env("SOPS_AGE_KEY_FILE", DEMO_KEY).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let decrypted = Objects::read(&String::from_utf8(output.stdout).unwrap());
            let name = text(&decrypted.0[0]["metadata"]["name"]).to_owned();
            let base = if delivery.contains("hashed") { name.rsplit_once('-').unwrap().0 } else { &name };
            assert_eq!(decrypted.bytes(&format!("Secret/{name}")), plain.bytes(&format!("Secret/{base}")), "{name}");
        }
    }
}

#[test]
fn nothing_that_is_secret_stands_in_a_delivered_secret() {
    let project = project(&format!("delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n"));
    for format in ["yaml", "json", "kyaml"] {
        let out = project.run_with_key(&["render", "prod", "--format", format]).ok();
        let plain = self::project("").run_with_key(&["render", "prod"]).objects();
        for (key, value) in plain.texts("Secret/app") {
            assert!(!out.contains(&value), "{key} in {format}");
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &value);
            assert!(!out.contains(&encoded), "{key} in {format}, encoded");
        }
        assert!(out.contains("ENC[AES256_GCM"), "{out}");
    }
}

#[test]
fn json_holds_the_same_objects_as_yaml_but_for_the_wrapping() {
    let project = project(&format!("delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n"));
    let yaml = project.run_with_key(&["render", "prod"]).objects();
    let json = project.run_with_key(&["render", "prod", "--format", "json"]).json();
    let values = |objects: &[serde_json::Value]| -> Vec<_> {
        objects.iter().map(|object| (object["kind"].clone(), object["data"].clone())).collect()
    };
    assert_eq!(values(json["items"].as_array().unwrap()), values(&yaml.0));
}

#[test]
fn a_secret_of_a_manifest_is_encrypted_too() {
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: { name: by-hand }\nstringData: { url: '{{ data.URL }}' }\n";
    let project =
        project(&format!("manifests: ['objects/*.yaml']\ndelivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n"))
            .file("objects/a.yaml", manifest);
    let objects = project.run_with_key(&["render", "prod"]).objects();
    let by_hand = objects.0.iter().find(|object| object["metadata"]["name"] == "by-hand").unwrap();
    assert!(text(&by_hand["stringData"]["url"]).starts_with("ENC["), "{by_hand}");
}

#[test]
fn nobody_to_encrypt_for_is_told_once() {
    let stderr = project("delivery: { secrets: sops }\n").run_with_key(&["render", "prod"]).refused();
    assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");

    assert!(stderr.contains("prod.yaml:1:22"), "{stderr}");
}

#[test]
fn a_recipient_that_is_none_is_not_shown() {
    for (word, shown) in [("AGE-SECRET-KEY-1QQQQ", false), ("age1nonsense", true)] {
        let delivery = format!("delivery: {{ secrets: sops, recipients: [{word}] }}\n");
        let stderr = project(&delivery).run_with_key(&["render", "prod"]).refused();
        assert!(!stderr.contains(word), "{stderr} {shown}");
    }
}

#[test]
fn another_recipient_gets_another_data_key() {
    let other = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
    let one = format!("delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n");
    let project = project(&one);
    project.run_with_key(&["render", "prod", "--out", "rendered", "-q"]).ok();
    let tokens = |project: &Sandbox| -> BTreeMap<PathBuf, Vec<String>> {
        let tokens = |text: String| -> Vec<String> {
            text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect()
        };
        let files = files(&project.root().join("rendered"), "secret-");
        files.into_iter().map(|file| (file.clone(), tokens(fs::read_to_string(file).unwrap()))).collect()
    };
    let before = tokens(&project);
    let project = project.file("prod.yaml", one.replace("recipients: [", &format!("recipients: [{other}, ")));
    project.run_with_key(&["render", "prod", "--out", "rendered", "-q"]).ok();
    for (file, now) in tokens(&project) {
        assert!(now.iter().all(|token| !before[&file].contains(token)), "{}", file.display());
    }
}

/// Whoever wants to see or apply plaintext says so; Git gets none of it, and the tree is put right again.
#[test]
fn plaintext_is_rendered_on_purpose_and_not_into_git() {
    let project = project("delivery: { secrets: sops }\n")
        .file(".sops.yaml", format!("creation_rules: [{{ age: {RECIPIENT} }}]\n"));
    let encrypted = project.run_with_key(&["render", "prod"]);
    assert!(encrypted.stdout.contains("ENC[AES256_GCM,"), "{}", encrypted.stdout);
    encrypted.record();
    let plain = project.run_with_key(&["render", "prod", "--delivery", "manifest"]);
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    assert!(!plain.stdout.contains("ENC[") && plain.stdout.contains("DATABASE_PASSWORD:"), "{}", plain.stdout);
    plain.record();
    project.run_with_key(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let committed = files(&project.root().join("rendered"), "secret-")
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect::<Vec<_>>();
    project.run_with_key(&["render", "--all", "--out", "rendered", "--delivery", "manifest", "-q"]).ok();
    let plain = files(&project.root().join("rendered"), "secret-");
    assert!(plain.iter().all(|path| !fs::read_to_string(path).unwrap().contains("ENC[")));
    project.run_with_key(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let again = files(&project.root().join("rendered"), "secret-")
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect::<Vec<_>>();
    assert_eq!(again.len(), committed.len());
    assert!(again.iter().all(|bytes| String::from_utf8_lossy(bytes).contains("ENC[")), "ciphertext stands there again");
    assert!(Command::new("git").args(["init", "-q"]).current_dir(project.root()).status().unwrap().success());
    let refused = project.run_with_key(&["render", "--all", "--out", "rendered", "--delivery", "manifest"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    refused.record();
}
