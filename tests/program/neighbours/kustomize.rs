//! `septum krm` in the real kustomize.

use std::process::Command;

use serde_json::Value as Json;

use super::{deployment, documents, path_with, project};
use crate::support::messages::{note_command, record};
use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{CANARY, DEMO_KEY, Run, Sandbox};

/// What `kustomize build` of a directory gives; none without kustomize.
fn build(site: &Sandbox, directory: &str) -> Option<Run> {
    let kustomize = peer("kustomize")?;
    let mut command = Command::new(&kustomize);
    command.args(["build", "--enable-alpha-plugins", "--enable-exec", directory]).current_dir(site.root());
    command.env_clear().env("PATH", path_with(&kustomize)).env("HOME", site.root().join("home"));
    command.env("SOPS_AGE_KEY_FILE", site.root().join("alice.txt"));
    note_command(&command);
    Some(command.output().unwrap().into())
}

/// A functionConfig that runs the program.
fn function(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: septum.dev/v1\nkind: Septum\nmetadata:\n  name: {name}\n  annotations:\n    config.kubernetes.io/function: |\n      \
         exec: {{ path: septum, args: [krm] }}\nspec: {{ {spec} }}\n"
    )
}

/// The object of a kind whose name begins so.
#[track_caller]
fn find<'o>(objects: &'o [Json], kind: &str, name: &str) -> &'o Json {
    let is_it = |object: &&Json| {
        let found = object["metadata"]["name"].as_str().unwrap();
        object["kind"] == kind && (found == name || found.starts_with(&format!("{name}-")))
    };
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name} in {objects:#?}"))
}

fn name(object: &Json) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Names in `envFrom` of the only container of a Deployment.
fn sources(objects: &[Json]) -> Vec<String> {
    let web = find(objects, "Deployment", "web");
    let list = web["spec"]["template"]["spec"]["containers"][0]["envFrom"].as_array().unwrap();
    list.iter().map(|source| name_of_source(source).to_owned()).collect()
}

fn name_of_source(source: &Json) -> &str {
    source["configMapRef"]["name"].as_str().or(source["secretRef"]["name"].as_str()).unwrap()
}

#[test]
fn an_entry_bundle_merges_onto_a_generator_with_one_hash() {
    let site = project()
        .file("deploy/web.yaml", deployment("septum.dev/env-from: shop"))
        .file("deploy/kustomization.yaml", "resources: [web.yaml]\ngenerators: [make.yaml]\ntransformers: [wire.yaml]\nconfigMapGenerator:\n- name: shop\n  literals: [OWN=1]\n- name: other\n  literals: [X=1]\n")
        .file("deploy/make.yaml", function("make", "environment: prod, root: .., needsHash: true, behavior: { ConfigMap/shop: merge }"))
        .file("deploy/wire.yaml", function("wire", "environment: prod, root: .., mode: wire"));
    let Some(run) = build(&site, "deploy") else { return };
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let objects = documents(&run.stdout);
    let map = find(&objects, "ConfigMap", "shop");
    assert_eq!(map["data"], serde_json::json!({ "LEVEL": "warn", "OWN": "1", "PORT": "8080" }));
    assert_eq!(name(map).len(), "shop-".len() + 10, "one hash: {}", name(map));
    assert_eq!(sources(&objects), [name(map), name(find(&objects, "Secret", "shop"))]);
    assert!(!run.stdout.contains("kubernetes.io/index") && !run.stdout.contains("needs-hash"), "{}", run.stdout);
    // the hash of another generator is that of kustomize alone
    let alone =
        Sandbox::new([("deploy/kustomization.yaml", "configMapGenerator:\n- name: other\n  literals: [X=1]\n")]);
    let alone = documents(&build(&alone, "deploy").unwrap().stdout);
    assert_eq!(name(find(&objects, "ConfigMap", "other")), name(&alone[0]));
}

#[test]
fn a_transformer_adds_objects_with_hashes_too() {
    let site = project()
        .file("deploy/web.yaml", deployment(""))
        .file("deploy/kustomization.yaml", "resources: [web.yaml]\nnamePrefix: eu-\ntransformers: [make.yaml]\n")
        .file("deploy/make.yaml", function("make", "environment: prod, root: .., needsHash: true"));
    let Some(run) = build(&site, "deploy") else { return };
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(name(find(&documents(&run.stdout), "ConfigMap", "shop")).len() > 10, "{}", run.stdout);
    assert!(!run.stdout.contains("config.kubernetes.io"), "{}", run.stdout);
}

#[test]
fn a_base_with_the_function_is_built_from_overlays() {
    let site = project()
        .file(
            "k8s/base/kustomization.yaml",
            "generators: [make.yaml]\nresources: [web.yaml]\ntransformers: [wire.yaml]\n",
        )
        .file("k8s/base/web.yaml", deployment("septum.dev/env-from: features"))
        // with a path from the base, and by a search upward
        .file("k8s/base/make.yaml", function("make", "environment: prod, root: ../.., needsHash: true"))
        .file("k8s/base/wire.yaml", function("wire", "environment: prod, mode: wire"))
        .file("k8s/overlays/eu/kustomization.yaml", "resources: [../../base]\nnamespace: eu\nnameSuffix: -eu\n");
    let Some(run) = build(&site, "k8s/overlays/eu") else { return };
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let objects = documents(&run.stdout);
    let features = find(&objects, "ConfigMap", "features-eu");
    assert_eq!(features["metadata"]["namespace"], "eu");
    assert_eq!(sources(&objects), [name(features)]);
}

#[test]
fn a_check_is_a_validator_or_a_transformer() {
    let site = project()
        .file("deploy/web.yaml", deployment(""))
        .file("deploy/check.yaml", function("check", "environment: prod, root: .., mode: check, returnItems: false"))
        .file("deploy/kustomization.yaml", "resources: [web.yaml]\nvalidators: [check.yaml]\n")
        .file("other/web.yaml", deployment(""))
        .file("other/check.yaml", function("check", "environment: prod, root: .., mode: check"))
        .file("other/kustomization.yaml", "resources: [web.yaml]\ntransformers: [check.yaml]\n");
    for directory in ["deploy", "other"] {
        let Some(run) = build(&site, directory) else { return };
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{directory}");
        assert_eq!(documents(&run.stdout).len(), 1, "{directory}");
    }
    site.write("environments/prod.yaml", "data: { PORT: 0 }\n");
    for directory in ["deploy", "other"] {
        let run = build(&site, directory).unwrap();
        assert!(run.code == 1 && run.stdout.is_empty(), "{directory}: {}", run.stdout);
        record(&run.stderr);
    }
}

#[test]
fn a_person_sees_what_is_wrong() {
    let site = project().file("deploy/web.yaml", deployment("septum.dev/env-from: shpo"));
    site.write("deploy/kustomization.yaml", "resources: [web.yaml]\ngenerators: [make.yaml]\n");
    site.write("wired/kustomization.yaml", "resources: [../deploy/sub]\n");
    site.write("deploy/sub/kustomization.yaml", "resources: [web.yaml]\ntransformers: [make.yaml]\n");
    site.write("deploy/sub/web.yaml", deployment("septum.dev/env-from: shpo"));
    for (directory, spec) in [
        ("deploy", "environment: prdo, root: .."),
        ("deploy", "environment: prod, root: .., behaviour: merge"),
        ("deploy", "environment: prod, root: .., needsHash: true, behavior: { ConfigMap/sohp: merge }"),
        ("deploy", "environment: prod, root: .., needsHash: true, behavior: { ConfigMap/shop: merge }"),
        ("deploy/sub", "environment: prod, mode: wire"),
    ] {
        site.write(&format!("{directory}/make.yaml"), function("make", spec));
        let Some(run) = build(&site, directory) else { return };
        assert!(run.code == 1 && run.stdout.is_empty(), "{spec}: {}", run.stdout);
        // kustomize prints an address where it has nothing to merge onto
        if run.stderr.starts_with("error: ") {
            record(&run.stderr);
        }
        assert!(!run.stderr.contains(CANARY));
    }
    // a file with the name of a project file
    site.write("deploy/sub/septum.yaml", function("make", "environment: prod, mode: wire"));
    site.write("deploy/sub/kustomization.yaml", "resources: [web.yaml]\ntransformers: [septum.yaml]\n");
    record(build(&site, "deploy/sub").unwrap().stderr);
}

/// The example builds, and its page says what it prints.
#[test]
fn the_example_builds_what_its_page_shows() {
    let Some(kustomize) = peer("kustomize") else { return };
    let arguments = ["build", "--enable-alpha-plugins", "--enable-exec", "deploy/prod"];
    let run = Command::new(&kustomize)
        .args(arguments)
        .current_dir(repository().join("examples/kustomize-function"))
        .env("PATH", path_with(&kustomize))
        .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
        .output()
        .unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert_eq!(String::from_utf8(run.stderr).unwrap(), "");
    let page = std::fs::read_to_string(repository().join("docs/kustomize.md")).unwrap();
    let command = format!("$ kustomize {}\n", arguments.join(" "));
    let shown = page.split(&command).nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    assert_eq!(shown, printed);
}
