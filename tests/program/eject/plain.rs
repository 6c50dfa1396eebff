//! `septum eject plain`

use std::fs;

use super::{assert_hidden, assert_proven, files_below, path_with, run_in, secret_values, shell, sorted};
use crate::support::objects::Objects;
use crate::support::peers::peer;
use crate::support::samples::{ENCRYPTED, PROJECTS, TREES};
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};

/// A base and `prod` with a secret.
fn project() -> Sandbox {
    let base = "namespace: shop\ndata:\n  LOG_LEVEL: info\n  DATABASE_PASSWORD: { sensitive: true }\n  \
                STRIPE_WEBHOOK_SECRET: { sensitive: true }\n";
    let rules = "creation_rules:\n  - path_regex: secrets\n    age: \
                 age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";
    Sandbox::new([
        ("base.yaml", base),
        ("prod.yaml", ""),
        ("prod.secrets.yaml", ENCRYPTED),
        (".sops.yaml", rules),
        ("septum.yaml", "apps: [.]\n"),
    ])
}

#[test]
fn files_are_the_rendered_objects_and_hide_every_secret() {
    for (case, directory, environments) in PROJECTS {
        let out = tempfile::tempdir().unwrap();
        let to = out.path().join("all");
        let done = run_in(directory, &["eject", "plain", "--out", to.to_str().unwrap()]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{case}");
        assert_proven(&done, environments);
        for environment in *environments {
            let rendered = run_in(directory, &["render", environment, "--delivery", "manifest"]).objects();
            assert_hidden(&secret_values(&rendered), &to, &format!("{}{}", done.stdout, done.stderr));
            let mut written = Vec::new();
            for path in files_below(&to.join(environment)) {
                let text = fs::read_to_string(&path).unwrap();
                let is_encrypted = text.contains("\nsops:\n");
                let decrypted = || run_in(".", &["decrypt", path.to_str().unwrap()]).ok();
                written.extend(Objects::read(&if is_encrypted { decrypted() } else { text }).0);
            }
            assert_eq!(sorted(Objects(written)), sorted(rendered), "{case} in {environment}");
        }
    }
}

#[test]
fn trees_of_every_delivery_are_proven() {
    for (directory, environments) in TREES {
        let out = tempfile::tempdir().unwrap();
        let to = out.path().join("all");
        let done = run_in(directory, &["eject", "plain", "--out", to.to_str().unwrap()]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{directory}");
        assert_proven(&done, environments);
        let rendered = run_in(directory, &["render", "--all", "--delivery", "manifest"]).ok();
        assert_hidden(&secret_values(&Objects::read(&rendered)), &to, &done.stdout);
    }
}

#[test]
fn the_instructions_apply_what_is_rendered() {
    let Some(sops) = peer("sops") else { return };
    let project = project();
    project.run_with_key(&["eject", "plain", "--out", "plain"]).record();
    let to = project.root().join("plain");
    let read_me = fs::read_to_string(to.join("README.md")).unwrap();
    let recipe = read_me.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let printed = shell(&to, &recipe.replace("kubectl apply -f -", "cat"), &path_with(&sops));
    let rendered = project.run_with_key(&["render", "prod"]).objects();
    assert_eq!(sorted(Objects::read(printed.trim_start_matches("---\n"))), sorted(rendered));
}

#[test]
fn only_requested_environments_are_written() {
    let project = project().file("dev.yaml", "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null }\n");
    let done = project.run_with_key(&["eject", "plain", "--env", "dev"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let names: Vec<_> = files_below(&project.root().join("ejected"));
    let names: Vec<_> = names.iter().map(|path| path.strip_prefix(project.root()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["ejected/README.md", "ejected/dev/configmap-app.yaml"]);
}

#[test]
fn a_refusal_writes_nothing() {
    let project = project().file("full/a", "a").file("file", "a");
    let root = project.root();
    let before = files_below(&root);
    for (arguments, code) in [
        (&["eject", "plain", "--out", "full"][..], 2),
        (&["eject", "plain", "--out", "file"], 2),
        (&["eject", "plain", "--env", "prd"], 2),
    ] {
        let done = project.run_with_key(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{arguments:?}");
        done.record();
    }
    let keyless = project.run(&["eject", "plain", "--out", "a/b/c"]);
    assert_eq!((keyless.code, keyless.stdout.as_str()), (3, ""));
    keyless.record();
    fs::remove_file(root.join(".sops.yaml")).unwrap();
    let no_rule = run(&root, &["eject", "plain", "--out", "a/b/c"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
    assert_eq!((no_rule.code, no_rule.stdout.as_str()), (2, ""));
    no_rule.record();
    assert_eq!(files_below(&root).len(), before.len() - 1);
    assert!(!root.join("a").exists());
}
