//! `septum eject kustomize`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{assert_hidden, assert_proven, files_below, path_with, secret_values, shell, sorted};
use crate::support::messages::record;
use crate::support::objects::Objects;
use crate::support::peers::peer;
use crate::support::samples::{ENCRYPTED, PROJECTS, TREES, repository};
use crate::support::sandbox::{DEMO_KEY, Run, Sandbox, run};

/// `PATH` with kustomize and sops, if both are installed.
fn tools() -> Option<String> {
    let (kustomize, sops) = (peer("kustomize")?, peer("sops")?);
    Some(format!("{}:{}", kustomize.parent()?.display(), path_with(&sops)))
}

fn run_with(directory: &Path, arguments: &[&str], path: &str) -> Run {
    run(directory, arguments, &[("SOPS_AGE_KEY_FILE", DEMO_KEY), ("PATH", path)])
}

/// Runs the commands of `README.md` that decrypt the inputs of all overlays.
fn decrypt(to: &Path, path: &str) {
    let read_me = fs::read_to_string(to.join("README.md")).unwrap();
    let recipe = read_me.split("```sh\n").nth(1).unwrap().split_inclusive("done\n").next().unwrap();
    let overlay = recipe.split("find ").nth(1).unwrap().split(' ').next().unwrap();
    shell(to, &recipe.replacen(overlay, ".", 1), path);
}

/// Objects that kustomize builds of a directory.
#[track_caller]
fn build(directory: &Path, path: &str) -> Objects {
    let kustomize = peer("kustomize").unwrap();
    let output = Command::new(kustomize).arg("build").arg(directory).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Objects::read(&String::from_utf8(output.stdout).unwrap())
}

/// Whether a kustomization below a directory has generators.
fn has_generators(to: &Path) -> bool {
    let is_kustomization = |path: &&PathBuf| path.ends_with("kustomization.yaml");
    files_below(to).iter().filter(is_kustomization).any(|path| fs::read_to_string(path).unwrap().contains("Generator:"))
}

/// Base64 without line breaks, which kustomize adds.
fn unfolded(objects: Objects) -> Objects {
    let Objects(mut all) = sorted(objects);
    for object in &mut all {
        for field in ["data", "binaryData"] {
            let is_base64 = field == "binaryData" || object["kind"] == "Secret";
            if let Some(map) = object.get_mut(field).and_then(serde_json::Value::as_object_mut).filter(|_| is_base64) {
                map.values_mut().for_each(|value| *value = value.as_str().unwrap().replace('\n', "").into());
            }
        }
    }
    Objects(all)
}

/// A project in two environments whose values are difficult for generators.
fn project(names: &str) -> Sandbox {
    let base = format!(
        "names: {names}\nnamespace: shop\ndata:\n  LOG_LEVEL: info\n  QUOTED: '\"q\"'\n  SINGLE: \"'s'\"\n  SPACES: '  x  '\n  \
         HASH: 'a # b'\n  EQUALS: a=b\n  EMPTY: ''\n  LINES: \"a\\nb\\n\"\n  UNICODE: \"\\u00e9 \\u2603\"\n  BACKSLASH: 'a\\nb'\n  \
         MODE: {{ required: true }}\n  DATABASE_PASSWORD: {{ sensitive: true }}\n  STRIPE_WEBHOOK_SECRET: {{ sensitive: true }}\n  \
         HARD: {{ value: \"{{{{ data.DATABASE_PASSWORD }}}} #\\n\\t'x'\\n\" }}\n  \
         PADDED: {{ value: \" {{{{ data.DATABASE_PASSWORD }}}} \" }}\n  \
         ESCAPED: {{ value: 'a\\nb \"{{{{ data.DATABASE_PASSWORD }}}}\"' }}\nmanifests: [workloads/web.yaml]\n"
    );
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  \
               template:\n    metadata: { labels: { app: web } }\n    spec:\n      containers:\n      - name: web\n        \
               image: \"web:{{ data.MODE }}\"\n        envFrom:\n        - configMapRef: { name: app }\n        \
               - secretRef: { name: app }\n";
    let rules = "creation_rules:\n  - path_regex: secrets\n    age: \
                 age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";
    Sandbox::new([
        ("base.yaml", base.as_str()),
        ("dev.yaml", "extends: prod\nnamespace: shop-dev\ndata: { MODE: dev }\n"),
        ("prod.yaml", "data: { MODE: prod }\n"),
        ("prod.secrets.yaml", ENCRYPTED),
        ("workloads/web.yaml", web),
        (".sops.yaml", rules),
        ("septum.yaml", "apps: [.]\n"),
    ])
}

#[test]
fn overlays_build_to_the_rendered_objects_and_hide_every_secret() {
    let Some(path) = tools() else { return };
    let all = PROJECTS.iter().map(|(_, directory, environments)| (*directory, *environments));
    for (directory, environments) in all.chain(TREES.iter().copied()) {
        let out = tempfile::tempdir().unwrap();
        let to = out.path().join("all");
        let source = repository().join(directory);
        let done = run_with(&source, &["eject", "kustomize", "--out", to.to_str().unwrap()], &path);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{directory}: {}", done.stdout);
        assert_proven(&done, environments);
        assert!(has_generators(&to), "{directory}: {}", done.stdout);
        let plain = run_with(&source, &["render", "--all", "--delivery", "manifest"], &path).ok();
        assert_hidden(&secret_values(&Objects::read(&plain)), &to, &done.stdout);
    }
}

#[test]
fn difficult_values_are_built_after_the_written_commands() {
    let Some(path) = tools() else { return };
    for names in ["plain", "kustomize", "hashed"] {
        let project = project(names);
        let root = project.root();
        let done = run_with(&root, &["eject", "kustomize", "--out", "out"], &path);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{names}: {}", done.stdout);
        let to = root.join("out");
        assert!(has_generators(&to), "{names}: {}", done.stdout);
        let rendered = |environment| run_with(&root, &["render", environment], &path).objects();
        assert_hidden(&secret_values(&rendered("prod")), &to, &done.stdout);
        let before = files_below(&to);
        decrypt(&to, &path);
        let ignored = fs::read_to_string(to.join(".gitignore")).unwrap();
        let new: Vec<_> = files_below(&to).into_iter().filter(|file| !before.contains(file)).collect();
        assert!(!new.is_empty());
        for file in new {
            let line = format!("/{}", file.strip_prefix(&to).unwrap().display());
            assert!(ignored.lines().any(|ignored| ignored == line), "{line} is not ignored");
        }
        for environment in ["dev", "prod"] {
            let built = build(&to.join("overlays").join(environment), &path);
            assert_eq!(unfolded(built), unfolded(rendered(environment)), "{names} in {environment}");
        }
    }
}

#[test]
fn what_was_ejected_is_imported_again() {
    let Some(path) = tools() else { return };
    for names in ["plain", "kustomize", "hashed"] {
        let root = project(names);
        let root = &root.root();
        run_with(root, &["eject", "kustomize", "--out", "out"], &path);
        decrypt(&root.join("out"), &path);
        let arguments = ["import", "kustomize", "out/overlays/dev", "out/overlays/prod", "--out", "again/environments"];
        let done = run_with(root, &arguments, &path);
        assert_eq!(done.code, 0, "{names}: {}", done.stderr);
        assert_proven(&done, &["dev", "prod"]);
    }
}

#[test]
fn references_follow_a_changed_generator() {
    let Some(path) = tools() else { return };
    let project = project("kustomize");
    run_with(&project.root(), &["eject", "kustomize", "--out", "out"], &path);
    let to = project.root().join("out");
    decrypt(&to, &path);
    let overlay = to.join("overlays/prod");
    let before = build(&overlay, &path);
    let text = fs::read_to_string(overlay.join("kustomization.yaml")).unwrap();
    assert!(text.contains("MODE=prod"), "{text}");
    fs::write(overlay.join("kustomization.yaml"), text.replace("MODE=prod", "MODE=other")).unwrap();
    let after = build(&overlay, &path);
    let name = |objects: &Objects, kind: &str| {
        let found = objects.0.iter().find(|object| object["kind"] == kind).unwrap().clone();
        match kind {
            "Deployment" => {
                found["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"].clone()
            }
            _ => found["metadata"]["name"].clone(),
        }
    };
    assert_ne!(name(&before, "ConfigMap"), name(&after, "ConfigMap"));
    assert_eq!(name(&before, "Deployment"), name(&before, "ConfigMap"));
    assert_eq!(name(&after, "Deployment"), name(&after, "ConfigMap"));
}

/// A project with a ConfigMap with the hash of kustomize, and an object that refers to it.
fn project_with(manifest: &str) -> Sandbox {
    Sandbox::new([
        ("base.yaml", "names: kustomize\ndata: { A: '1' }\nmanifests: [workloads/web.yaml]\n"),
        ("dev.yaml", ""),
        ("workloads/web.yaml", manifest),
        (
            "septum.yaml",
            "apps: [.]\nreferences:\n  - { kind: Rollout, path: 'spec.configs[].name', target: ConfigMap }\n",
        ),
    ])
}

#[test]
fn references_that_kustomize_does_not_know_are_configured() {
    let Some(path) = tools() else { return };
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: { name: web }\nspec: { configs: [{ name: app }] }\n";
    let project = project_with(rollout);
    let done = run_with(&project.root(), &["eject", "kustomize", "--out", "out"], &path);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    assert!(has_generators(&project.root().join("out")), "{}", done.stdout);
    let overlay = project.root().join("out/overlays/dev");
    assert!(overlay.join("references.yaml").exists());
    assert_eq!(sorted(build(&overlay, &path)), sorted(project.dev()));
}

#[test]
fn what_kustomize_does_not_rewrite_has_fixed_names() {
    let Some(path) = tools() else { return };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers: [{ name: web, image: web }]\n  \
               ephemeralContainers:\n  - { name: debug, image: debug, envFrom: [{ configMapRef: { name: app } }] }\n";
    let project = project_with(pod);
    let done = run_with(&project.root(), &["eject", "kustomize", "--out", "out"], &path);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    assert!(!has_generators(&project.root().join("out")), "{}", done.stdout);
    assert_eq!(sorted(build(&project.root().join("out/overlays/dev"), &path)), sorted(project.dev()));
}

#[test]
fn objects_with_a_prefix_have_fixed_names() {
    let Some(path) = tools() else { return };
    let project = project("kustomize").edited("base.yaml", "names:", "prefix: a-\nnames:");
    let environment = [("SOPS_AGE_KEY_FILE", DEMO_KEY), ("PATH", path.as_str())];
    let done = run(&project.root(), &["eject", "kustomize", "--env", "prod"], &environment);
    assert_eq!(done.code, 0, "{}", done.stderr);
    record(&done.stdout);
    assert!(!has_generators(&project.root().join("ejected")), "{}", done.stdout);
}

#[test]
fn instructions_name_a_base_only_if_there_is_one() {
    let Some(path) = tools() else { return };
    let environment = [("SOPS_AGE_KEY_FILE", DEMO_KEY), ("PATH", path.as_str())];
    for (prefix, shares) in [("", true), ("prefix: d-\n", false)] {
        let project = project("kustomize").append("dev.yaml", prefix);
        let done = run(&project.root(), &["eject", "kustomize"], &environment);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert_eq!(project.path("ejected/base").exists(), shares, "{}", done.stdout);
        let read_me = project.read("ejected/README.md");
        let starts = |word: &str| read_me.lines().any(|line| line.starts_with(word));
        assert_eq!((starts("`base`"), starts("`overlays`")), (shares, !shares), "{read_me}");
    }
}

#[test]
fn a_refusal_writes_nothing() {
    let project = project("plain");
    let root = project.root();
    let before = files_below(&root);
    let none = run(&root, &["eject", "kustomize"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY), ("PATH", "/nowhere")]);
    assert_eq!((none.code, none.stdout.as_str()), (4, ""));
    none.record();
    if let Some(path) = tools() {
        let keyless = run(&root, &["eject", "kustomize"], &[("PATH", &path)]);
        assert_eq!((keyless.code, keyless.stdout.as_str()), (3, ""));
        keyless.record();
    }
    assert_eq!(files_below(&root), before);
    assert!(!root.join("ejected").exists());
}
