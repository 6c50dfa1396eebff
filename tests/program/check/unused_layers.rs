//! What is in layers that no environment has is checked, too.

use std::process::Command;

use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::sandbox::Sandbox;

/// Rule, file and key of each finding of `check`.
fn told(project: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let run = project.run(&[&["check", "--format", "json"], arguments].concat());
    let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let told = |finding: &Json| {
        let part = |name: &str| finding[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text(&finding["rule"]), part("file"), part("key"))
    };
    report["findings"].as_array().unwrap().iter().map(told).collect()
}

const RULES: &str = "creation_rules: [{ age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms }]\n";

const PLAINTEXT: &str = "data: { A_TOKEN: k3x9Lq2mVb7 }\n";

#[test]
fn a_credential_in_the_base_of_an_app_without_environments_is_told() {
    let project = Sandbox::new([("septum.yaml", "apps: [a, b]\n"), ("b/base.yaml", ""), ("b/dev.yaml", "")])
        .file("a/base.yaml", "data:\n  A_TOKEN: k3x9Lq2mVb7\n  B: { sensitive: true, value: x9Lq2mV1 }\n")
        .file("a/m/one.yaml", "data: { M_TOKEN: k3x9Lq2mVb8 }\n")
        .file("a/m/two.yaml", "data: { N_TOKEN: k3x9Lq2mVb9 }\n");
    let run = project.run(&["check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    record(&run.stdout);
    assert_eq!(
        told(&project, &["--app", "a"]),
        [
            "no-environment a/base.yaml -",
            "plaintext-secret a/base.yaml A_TOKEN",
            "plaintext-secret a/base.yaml B",
            "plaintext-secret a/m/one.yaml M_TOKEN",
            "plaintext-secret a/m/two.yaml N_TOKEN",
        ]
    );
}

#[test]
fn what_a_base_without_environments_accepts_is_accepted() {
    let project = Sandbox::new([("septum.yaml", "apps: [a, b]\n"), ("b/base.yaml", ""), ("b/dev.yaml", "")]).file(
        "a/base.yaml",
        "data: { A_TOKEN: k3x9Lq2mVb7 }\nallow: [{ rule: plaintext-secret, key: A_TOKEN, reason: of a test }]\n",
    );
    assert_eq!(told(&project, &[]), ["no-environment a/base.yaml -"]);
}

#[test]
fn fix_moves_a_value_of_a_base_without_environments() {
    let project = Sandbox::new([("septum.yaml", "apps: [a, b]\n"), ("b/base.yaml", ""), ("b/dev.yaml", "")])
        .file("a/base.yaml", "data:\n  B: { sensitive: true, value: x9Lq2mV1 }\n  C: 1\n");
    project.rules(RULES);
    assert_eq!(project.run(&["check", "--fix"]).code, 1);
    assert_eq!(project.read("a/base.yaml"), "data:\n  B: { sensitive: true }\n  C: 1\n");
    let values = project.run_with_key(&["decrypt", "a/base.secrets.yaml"]);
    assert_eq!(values.stdout, "data:\n    B: x9Lq2mV1\n", "{}", values.stderr);
    assert_eq!(told(&project, &[]), ["no-environment a/base.yaml -"]);
}

/// Mixins of an app and shared ones, used and unused, and files that are no layers.
fn with_mixins() -> Sandbox {
    Sandbox::new([
        ("septum.yaml", "apps: [a, b, a/inner]\nshared: shared\n"),
        ("a/base.yaml", "data:\n  PAGE: { file: files/page.yaml }\nmanifests: [workloads/*.yaml]\n"),
        ("a/dev.yaml", "extends: [regions/eu, regions/common]\n"),
        ("a/regions/eu.yaml", "extends: [deep/er/one]\ndata: { EU: 1 }\n"),
        ("a/deep/er/one.yaml", "data: { ONE: 1 }\n"),
        ("a/regions/us.yaml", PLAINTEXT),
        ("a/files/page.yaml", "data: { PAGE: 1 }\n"),
        ("a/workloads/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n"),
        ("a/kustomize/kustomization.yaml", "images: []\nlabels: []\n"),
        ("a/chart/values.yaml", "replicas: 1\ndata: { A_TOKEN: k3x9Lq2mVb7 }\nimage: {}\n"),
        ("a/inner/base.yaml", "data: { INNER: 1 }\n"),
        ("a/inner/dev.yaml", "extends: [x/y]\n"),
        ("a/inner/x/y.yaml", "data: { Y: 1 }\n"),
        ("b/base.yaml", ""),
        ("b/dev.yaml", "extends: [zones/one]\n"),
        ("shared/regions/common.yaml", "data: { COMMON: 1 }\n"),
        ("shared/regions/ap.yaml", "vars: { region: ap }\nbundles: { x: { data: { A_TOKEN: k3x9Lq2mVb7 } } }\n"),
        ("shared/zones/one.yaml", "data: { ZONE: 1 }\n"),
    ])
}

#[test]
fn a_mixin_that_no_layer_extends_is_told_and_checked() {
    let project = with_mixins();
    let run = project.run(&["check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    record(&run.stdout);
    assert_eq!(
        told(&project, &[]),
        [
            "unused-layer a/regions/us.yaml -",
            "plaintext-secret a/regions/us.yaml A_TOKEN",
            "unused-layer shared/regions/ap.yaml -",
            "plaintext-secret shared/regions/ap.yaml A_TOKEN",
        ]
    );
    // it is not known whether it is a layer, and so it is not changed
    project.rules(RULES);
    assert_eq!(project.run(&["check", "--fix"]).code, 1);
    assert_eq!(project.read("a/regions/us.yaml"), PLAINTEXT);
}

#[test]
fn of_mixins_that_extend_each_other_the_first_is_told() {
    let project = with_mixins().file("a/regions/us.yaml", "extends: [deep/two]\n").file("a/deep/two.yaml", PLAINTEXT);
    let project = project.file("shared/regions/ap.yaml", "extends: [deep/er/one]\n");
    assert_eq!(
        told(&project, &[]),
        [
            "plaintext-secret a/deep/two.yaml A_TOKEN",
            "unused-layer a/regions/us.yaml -",
            "unused-layer shared/regions/ap.yaml -",
        ]
    );
}

/// Another environment, or another app, may use it.
#[test]
fn a_mixin_is_not_called_unused_where_not_all_was_checked_or_read() {
    let project = with_mixins();
    assert_eq!(
        told(&project, &["--app", "a"]),
        ["unused-layer a/regions/us.yaml -", "plaintext-secret a/regions/us.yaml A_TOKEN"]
    );
    assert_eq!(told(&project, &["--app", "b"]), [""; 0]);
    let project = project.file("a/prod.yaml", "data: [\n");
    assert_eq!(
        told(&project, &[]),
        [
            "yaml-syntax a/prod.yaml -",
            "plaintext-secret a/regions/us.yaml A_TOKEN",
            "plaintext-secret shared/regions/ap.yaml A_TOKEN",
        ]
    );
    let extended = with_mixins().file("a/prod.yaml", "extends: [regions/us]\n");
    // that it may be a credential is told of every layer of the app
    assert_eq!(told(&extended, &["dev", "--app", "a"]), ["undeclared-secret a/regions/us.yaml A_TOKEN"]);
}

#[test]
fn a_commit_of_an_unused_mixin_is_checked() {
    let project = with_mixins();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(project.root()).args(["-c", "user.name=a", "-c", "user.email=a@b.invalid"]).args(arguments);
        assert!(command.output().unwrap().status.success(), "git {arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["rm", "-q", "--cached", "a/regions/us.yaml", "shared/regions/ap.yaml"]);
    git(&["commit", "-q", "-m", "x"]);
    assert_eq!(told(&project, &["--staged"]), [""; 0]);
    git(&["add", "."]);
    assert_eq!(
        told(&project, &["--staged"]),
        [
            "unused-layer a/regions/us.yaml -",
            "plaintext-secret a/regions/us.yaml A_TOKEN",
            "unused-layer shared/regions/ap.yaml -",
            "plaintext-secret shared/regions/ap.yaml A_TOKEN",
        ]
    );
}
