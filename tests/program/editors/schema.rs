//! JSON Schemas of layers: what is valid for the program is valid in an editor, and what is wrong is marked.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::samples::repository;
use crate::support::sandbox::{CANARY, Sandbox, run};

/// A schema that the program writes, in a directory.
fn schema(directory: &Path, arguments: &[&str]) -> Json {
    let run = run(directory, arguments, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

fn validator(schema: &Json) -> Validator {
    assert!(jsonschema::draft7::meta::is_valid(schema), "{schema}");
    jsonschema::draft7::new(schema).unwrap()
}

/// A file of YAML as a language server reads it.
fn read(text: &str) -> Json {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

fn problems(validator: &Validator, layer: &Json) -> Vec<String> {
    validator.iter_errors(layer).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Directories of apps below one, each with its name.
fn apps(directory: &Path, found: &mut Vec<PathBuf>) {
    if directory.join("base.yaml").is_file() {
        found.push(directory.to_path_buf());
    }
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() && entry.file_name() != "rendered" {
            apps(&entry.path(), found);
        }
    }
}

#[test]
fn the_committed_schemas_are_those_that_the_program_writes() {
    for (option, file) in [("--layers", "layer.schema.json"), ("--project", "septum.schema.json")] {
        let path = repository().join("schema").join(file);
        let run = run(repository(), &["schema", option, "--out", path.to_str().unwrap(), "--check"], &[]);
        assert_eq!(run.code, 0, "`septum schema {option} --out schema/{file}`: {}", run.stdout);
    }
}

#[test]
fn layers_of_the_demo_and_the_examples_are_valid() {
    let any = validator(&schema(repository(), &["schema", "--layers"]));
    let settings = validator(&schema(repository(), &["schema", "--project"]));
    let mut found = vec![];
    apps(&repository().join("environments"), &mut found);
    apps(&repository().join("examples"), &mut found);
    let mut overlays = 0;
    for directory in &found {
        let app = run(directory, &["schema"], &[]);
        // shared layers are no app
        let own = (app.code == 0).then(|| validator(&serde_json::from_str(&app.stdout).unwrap()));
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_hidden || path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let layer = read(&fs::read_to_string(&path).unwrap());
            assert_eq!(problems(&any, &layer), [""; 0], "{}", path.display());
            if let Some(own) = own.as_ref().filter(|_| path.file_name().is_some_and(|name| name != "base.yaml")) {
                assert_eq!(problems(own, &layer), [""; 0], "{}", path.display());
                overlays += 1;
            }
        }
    }
    assert!(overlays > 15, "{overlays} overlays of {} apps", found.len());
    for entry in fs::read_dir(repository().join("examples")).unwrap() {
        let path = entry.unwrap().path().join("septum.yaml");
        if path.is_file() {
            assert_eq!(problems(&settings, &read(&fs::read_to_string(&path).unwrap())), [""; 0], "{}", path.display());
        }
    }
}

const BASE: &str = "\
app: shop
vars: { domain: example.com, hosts: [a], limits: { cpu: 1 }, any: {} }
varRules: { tier: { enum: [small, large] } }
data:
  LOG_LEVEL: { value: info, enum: [debug, info], description: How much is logged., owner: platform }
  PORT: { value: 8080, type: integer, minimum: 1, maximum: 65535 }
  DEBUG: { value: false, type: boolean }
  NAME: { value: shop, pattern: '^[a-z]+$' }
  HOST: 'https://{{ vars.domain }}'
  PASSWORD: { sensitive: true, required: true }
  OLD: { deprecated: use NAME }
  NEW_NAME: { value: x, renamedFrom: FORMER_NAME }
  app.yaml: { content: { a: 1 } }
bundles:
  extra: { open: true, data: { X: 1 } }
  registry: { type: kubernetes.io/dockerconfigjson, registries: { ghcr.io: { username: robot, password: changeme } } }
";

fn shop() -> Sandbox {
    Sandbox::new([("base.yaml", BASE), ("dev.yaml", ""), ("prod.yaml", "data: { LOG_LEVEL: debug }\n")])
}

/// Overlays that are valid.
const RIGHT: &str = r#"
---
---
{ data: { LOG_LEVEL: debug, PORT: 80, DEBUG: true, NAME: abc } }
---
{ data: { PORT: "80", DEBUG: "true", LOG_LEVEL: "{{ vars.domain }}", NAME: { value: x, description: y } } }
---
{ data: { PORT: null, HOST: 1.10, PASSWORD: { value: x, sensitive: true }, app.yaml: { content: { b: [1] } } } }
---
{ data: { PASSWORD: "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]", PORT: "ENC[AES256_GCM,data:x,iv:x,tag:x,type:int]" }, sops: { mac: x } }
---
{ vars: { domain: 5, hosts+: [b], limits: { cpu: two }, any: { x: { y: 1 } }, tier: small } }
---
{ extends: [staging, regions/eu], namespace: shop, labels: { a: b, c: null }, names: hashed, immutable: false }
---
{ bundles: { extra: { data: { X: 2, Y: { file: a } } }, registry: { registries: { ghcr.io: null } } } }
---
{ delivery: { secrets: sealed-secret, scope: strict, store: vault, refs: null, prune: keep } }
---
{ images: { nginx: { newTag: 1.27 }, old: null }, replicas: { web: 3, api: "2" }, patches: [a.yaml, { patch: "x" }], manifests: { replace: [a] } }
---
{ allow: [{ rule: plaintext-secret, key: X, reason: y, until: 2027-01-31 }], external: [{ kind: Secret, name: a }] }
---
{ data: { FORMER_NAME: x, OLD: y, PASSWORD: { ref: "a#b@1" } } }
"#;

/// Overlays that are wrong, each for one reason.
const WRONG: &str = r#"
{ dta: { LOG_LEVEL: info } }
---
{ app: shop }
---
{ data: { LOG_LEVL: info } }
---
{ data: { LOG_LEVEL: verbose } }
---
{ data: { PORT: http } }
---
{ data: { PORT: 70000 } }
---
{ data: { PORT: { value: 0 } } }
---
{ data: { DEBUG: "yes" } }
---
{ data: { NAME: Shop } }
---
{ data: { NAME: [a] } }
---
{ data: { NAME: { valeu: x } } }
---
{ data: { NAME: { value: x, file: y } } }
---
{ data: { NAME: { template: x, value: y } } }
---
{ data: { NAME: { value: x, sensitive: yes } } }
---
{ data: { NAME: { value: x, type: text } } }
---
{ data: { NAME: { value: x, minLength: -1 } } }
---
{ data: { NAME: { value: x, enum: [] } } }
---
{ data: { NAME: { value: x, expires: tomorrow } } }
---
{ data: { NAME: { value: x, rotateEvery: 90 } } }
---
{ data: { NAME: { value: x, promote: often } } }
---
{ data: { PASSWORD: { ref: { property: b } } } }
---
{ data: [LOG_LEVEL] }
---
{ bundles: { more: { data: { X: 1 } } } }
---
{ bundles: { extra: { dta: { X: 1 } } } }
---
{ bundles: { extra: { rbac: { account: x } } } }
---
{ bundles: { registry: { registries: { ghcr.io: { user: x } } } } }
---
{ vars: { domian: x } }
---
{ vars: { limits: 5 } }
---
{ vars: { domain: { a: 1 } } }
---
{ vars: { limits: { memory: 1 } } }
---
{ vars: { tier: middle } }
---
{ names: hash }
---
{ immutable: maybe }
---
{ extends: { staging: true } }
---
{ labels: [a] }
---
{ labels: { a: { b: c } } }
---
{ delivery: { secrets: sealed } }
---
{ delivery: { secret: sops } }
---
{ delivery: { recipients: [] } }
---
{ delivery: { store: { kind: Store, name: a } } }
---
{ images: { nginx: "1.27" } }
---
{ images: { nginx: { tag: "1.27" } } }
---
{ replicas: { web: -1 } }
---
{ replicas: { web: three } }
---
{ manifests: a.yaml }
---
{ manifests: {} }
---
{ delivery: { secerts: null } }
---
{ delivery: { refreshInterval: hourly } }
---
{ delivery: { refreshInterval: 15 } }
---
{ data: { app.yaml: { content: "a: 1" } } }
---
{ data: { NAME: { pattern: 5 } } }
---
{ patches: [{ target: { kind: Deployment } }] }
---
{ patches: [{ path: a, patch: b }] }
---
{ external: [{ kind: Pod, name: a }] }
---
{ allow: [{ rule: plaintext-secret, key: X }] }
---
{ allow: [{ rule: plaintext-secret, key: X, reason: y, until: soon }] }
"#;

fn documents(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split("---\n").map(str::trim)
}

#[test]
fn overlays_of_an_app_are_held_to_its_keys() {
    let project = shop();
    let validator = validator(&schema(&project.root(), &["schema"]));
    for text in documents(RIGHT) {
        assert_eq!(problems(&validator, &read(text)), [""; 0], "{text}");
    }
    let mut wrong = 0;
    for text in documents(WRONG) {
        assert!(!validator.is_valid(&read(text)), "{text}");
        // and the program refuses it, too
        project.write("dev.yaml", text);
        let check = project.run(&["check", "dev", "--keyless", "--fail-on", "error"]);
        assert_ne!(check.code, 0, "{text}");
        wrong += 1;
    }
    assert!(wrong >= 30, "{wrong}");
}

#[test]
fn keys_are_described_for_people() {
    let project = shop();
    let schema = schema(&project.root(), &["schema"]);
    let data = &schema["properties"]["data"]["properties"];
    for key in ["LOG_LEVEL", "HOST", "PASSWORD", "OLD", "FORMER_NAME"] {
        let shown = data[key]["markdownDescription"].as_str().unwrap_or_default();
        record(format!("{key}\n{shown}\n{}", data[key]["deprecationMessage"].as_str().unwrap_or_default()));
    }
}

#[test]
fn no_value_of_a_secret_is_in_a_schema() {
    let base = format!(
        "app: a
vars: {{ token: {CANARY}-1, v: x }}
varRules: {{ token: {{ enum: [{CANARY}-2] }} }}
data:
  PASSWORD: {{ value: {CANARY}-3, enum: [{CANARY}-3, other], examples: [{CANARY}-4], sensitive: true }}
  NOTE: about {CANARY}-3 there
  URL: 'postgres://a:{CANARY}-5@db'
  API_KEY: {CANARY}-6
  DERIVED: 'x {{{{ data.PASSWORD }}}}'
"
    );
    let overlay = format!("data: {{ NOTE: now {CANARY}-3, PASSWORD: {CANARY}-7 }}\n");
    let project = Sandbox::new([("base.yaml", base.as_str()), ("dev.yaml", ""), ("prod.yaml", &overlay)]);
    let run = project.run(&["schema"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!(run.stdout + &run.stderr).contains(CANARY));
}

#[test]
fn a_schema_is_written_compared_and_of_one_app() {
    let project = shop();
    project.run(&["schema", "--out", "shop.json"]).succeeds();
    project.run(&["schema", "--out", "shop.json", "--check"]).succeeds();
    project.replace("base.yaml", "data:\n", "data:\n  MORE: 1\n");
    let stale = project.run(&["schema", "--out", "shop.json", "--check"]);
    assert_eq!(stale.code, 1);
    stale.record();
    project.write("other.json", "{}\n");
    project.run(&["schema", "--out", "other.json"]).fails(2);
    project.run(&["schema", "--app", "shopp"]).fails(2);
    project.run(&["schema", "--app", "shop", "--layers"]).fails(2);
    let two = Sandbox::new([
        ("septum.yaml", "apps: [apps/*]\nshared: shared\n"),
        ("apps/a/base.yaml", "data: { A: 1 }"),
        ("apps/a/dev.yaml", ""),
        ("apps/b/base.yaml", "data: { B: 1 }"),
        ("apps/b/dev.yaml", ""),
        ("shared/dev.yaml", ""),
    ]);
    two.run(&["schema"]).fails(2);
    assert!(two.run(&["schema", "--app", "b"]).succeeds().contains("\"B\""));
    let broken = Sandbox::of("data: { A: 1, A: 2 }", "");
    broken.run(&["schema"]).fails(2);
}
