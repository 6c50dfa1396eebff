//! Manifests that are encrypted with SOPS: decrypted like layers, and delivered like every other Secret.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;

use crate::support::messages::record;
use crate::support::objects::{Objects, text};
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: { name: own }
stringData: { PASSWORD: Xk29vQ7rZr8canary71Qp }
data: { TOKEN: UW04M3hUNGNhbmFyeVp3OUxyS3A= }
";

const BASE: &str = "app: shop\ndata: { LOG_LEVEL: info }\nmanifests: [w/*.yaml]\n";

/// A project with an encrypted manifest.
fn project(base: &str, manifest: &str, selector: &str) -> Sandbox {
    let rules = format!("creation_rules: [{{ age: {RECIPIENT}, {selector} }}]\n");
    let project = Sandbox::of(base, "").file(".sops.yaml", rules).file("w/own.yaml", manifest);
    let run = project.run(&["encrypt", "w/own.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let written = fs::read_to_string(project.root().join("w/own.yaml")).unwrap();
    assert!(written.contains("ENC[AES256_GCM,") && !written.contains("canary"), "{written}");
    project
}

/// The part of a rule that encrypts the values of Secrets alone.
const DATA: &str = "encrypted_regex: '^(data|stringData)$'";

#[track_caller]
fn secret<'o>(objects: &'o Objects, name: &str) -> &'o Json {
    let is_it = |object: &&Json| object["kind"] == "Secret" && object["metadata"]["name"] == name;
    objects.0.iter().find(is_it).unwrap_or_else(|| panic!("no Secret `{name}` in {objects:?}"))
}

fn render(project: &Sandbox) -> Objects {
    let run = project.run_with_key(&["render", "dev"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    Objects::read(&run.stdout)
}

#[test]
fn a_secret_is_decrypted_whether_in_part_or_wholly() {
    for selector in [DATA, ""] {
        let found = render(&project(BASE, SECRET, selector));
        let own = secret(&found, "own");
        assert_eq!(own["stringData"], json!({ "PASSWORD": "Xk29vQ7rZr8canary71Qp" }), "{selector}");
        assert_eq!(own["data"], json!({ "TOKEN": "UW04M3hUNGNhbmFyeVp3OUxyS3A=" }), "{selector}");
        assert_eq!(own.get("sops"), None);
    }
}

#[test]
fn all_documents_of_a_file_are_decrypted() {
    let two = format!("{SECRET}---\n{}", SECRET.replace("name: own", "name: other"));
    let found = render(&project(BASE, &two, DATA));
    assert_eq!(secret(&found, "own")["stringData"], secret(&found, "other")["stringData"]);
    // documents that were encrypted before they were put into one file
    let apart = project(BASE, SECRET, DATA);
    let other = project(BASE, &SECRET.replace("name: own", "name: other"), DATA);
    let read = |project: &Sandbox| fs::read_to_string(project.root().join("w/own.yaml")).unwrap();
    let plain = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n";
    let joined = format!("{}---\n{}---\n{plain}", read(&apart), read(&other));
    let found = render(&apart.file("w/own.yaml", joined));
    assert_eq!(secret(&found, "own")["data"], secret(&found, "other")["data"]);
}

#[test]
fn without_a_key_a_manifest_is_not_rendered_and_the_rest_is_checked() {
    let project = project(BASE, SECRET, DATA);
    let run = project.run(&["render", "dev"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    assert_eq!(project.run(&["list", "dev"]).code, 0);
    let check = project.run(&["check", "dev"]);
    assert_eq!(check.code, 3, "{}", check.stderr);
    let reference = "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: web, envFrom: [{ secretRef: { name: own } }], env: [{ name: A, valueFrom: { secretKeyRef: { name: own, key: NONE } } }] }] }\n";
    let project = project.file("w/pod.yaml", reference);
    let found = project.run(&["check", "dev"]).stdout;
    assert!(found.contains("NONE"), "keys are known without a key: {found}");
}

#[test]
fn an_object_whose_name_is_encrypted_may_be_the_one_that_is_referred_to() {
    let refers = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: web }}\nspec: {{ containers: [{{ name: web, image: nginx, envFrom: [{{ secretRef: {{ name: {name} }} }}] }}] }}\n"
        )
    };
    for (selector, name, with_key, keyless) in
        [("", "own", 0, 0), ("", "absent", 1, 0), (DATA, "own", 0, 0), (DATA, "absent", 1, 1)]
    {
        let project = project(BASE, SECRET, selector).file("w/pod.yaml", refers(name));
        let check = project.run_with_key(&["check"]);
        assert_eq!(check.code, with_key, "{selector} {name}: {}{}", check.stdout, check.stderr);
        let check = project.run(&["check", "--keyless"]);
        assert_eq!(check.code, keyless, "{selector} {name}: {}{}", check.stdout, check.stderr);
        assert_eq!(check.stdout.contains("`absent`"), keyless == 1, "{selector} {name}: {}", check.stdout);
    }
}

#[test]
fn it_leaves_by_delivery_and_stays_the_same() {
    let base = format!("{BASE}delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n");
    let project = project(&base, SECRET, DATA);
    let all = ["render", "--all", "--out", "rendered"];
    let run = project.run_with_key(&all);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    let read = || fs::read_to_string(project.root().join("rendered/dev/shop/secret-own.yaml")).unwrap();
    let first = read();
    assert!(first.contains("ENC[AES256_GCM,") && !first.contains("canary"), "{first}");
    fs::remove_file(project.root().join("rendered/dev/shop/secret-own.yaml")).unwrap();
    assert_eq!(project.run_with_key(&all).code, 0);
    let values = |text: &str| text.split("sops:").next().map(str::to_owned);
    assert_eq!(values(&read()), values(&first), "the same plaintext has the same ciphertext");
    let second = read();
    assert_eq!(project.run_with_key(&all).code, 0);
    assert_eq!(read(), second, "what is committed stays");
    let check = ["render", "--all", "--check", "--out", "rendered"];
    assert_eq!(project.run_with_key(&check).code, 0);
    let keyless = project.run(&check);
    assert_eq!(keyless.code, 3, "{}", keyless.stderr);
    let other = project.file("w/other.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n");
    assert_eq!(other.run(&check).code, 1, "what needs no key is compared");
}

#[test]
fn an_encrypted_value_elsewhere_is_refused_and_not_shown() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: web, env: [{ name: A, value: Xk29vQ7rZr8canary71Qp }] }] }\n";
    let labelled = SECRET.replace("{ name: own }", "{ name: own, finalizers: [a] }");
    for (manifest, selector) in
        [(pod, "encrypted_regex: ^value$"), (pod, ""), (&labelled.replace("kind: Secret", "kind: ConfigMap"), DATA)]
    {
        let run = project(BASE, manifest, selector).run_with_key(&["render", "dev"]);
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
        run.refused();
    }
}

#[test]
fn a_value_of_it_in_plain_output_is_found() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: { name: web, annotations: { a: VALUE } }\n";
    for value in ["Xk29vQ7rZr8canary71Qp", "Qm83xT4canaryZw9LrKp"] {
        let project = project(BASE, SECRET, DATA).file("w/web.yaml", service.replace("VALUE", value));
        let run = project.run_with_key(&["render", "dev"]);
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
        let stderr = run.refused();
        assert!(stderr.contains("w/web.yaml"), "{stderr}");
    }
}

#[test]
fn a_template_file_and_a_damaged_value_are_refused() {
    let encrypted = project(BASE, SECRET, DATA);
    let written = fs::read_to_string(encrypted.root().join("w/own.yaml")).unwrap();
    let template = Sandbox::of(&BASE.replace("*.yaml", "*"), "").file("w/own.yaml.j2", &written);
    template.run_with_key(&["render", "dev"]).refused();
    let moved = encrypted.file("w/own.yaml", written.replace("PASSWORD:", "PASSWRD:"));
    let run = moved.run_with_key(&["render", "dev"]);
    assert_ne!(run.code, 0);
    assert_eq!(text(&json!(run.stdout)), "");
}

#[test]
fn one_that_differs_from_its_rule_is_reported_and_rekeyed_like_a_layer() {
    let rule = |recipients: &str| {
        format!("creation_rules: [{{ path_regex: '^w/.*\\.ya?ml$', {DATA}, age: '{recipients}' }}]\n")
    };
    let project = Sandbox::with_identities()
        .file("base.yaml", BASE.replace("w/*.yaml", "w"))
        .file("dev.yaml", "")
        .file("prod.yaml", "");
    project.rules(&rule("ALICE"));
    project.encrypted("w/own.yaml", SECRET);
    project.encrypted("w/two.yml", format!("{}---\n{}", SECRET.replace("own", "a"), SECRET.replace("own", "b")));
    project.run(&["check"]).succeeds();
    let doctor = project.run(&["doctor"]);
    assert!(doctor.stdout.contains("2 files"), "{}", doctor.stdout);
    project.rules(&rule("ALICE,BOB"));
    for command in [&["check"][..], &["check", "--keyless"], &["check", "dev"]] {
        let run = project.run(&[command, &["--fail-on", "warning"]].concat());
        assert_eq!((run.code, run.stdout.matches("recipients-drift").count()), (1, 2), "{command:?}: {}", run.stdout);
        record(run.stdout);
    }
    project.run(&["render", "dev"]).record();
    assert_eq!(project.run(&["rekey", "--check"]).code, 1);
    project.run(&["rekey"]).succeeds();
    project.run(&["check"]).succeeds();
    assert!(project.run_as_bob(&["render", "dev", "--delivery", "manifest"]).succeeds().contains("name: own"));
    // a rule that no longer matches it
    project.rules("creation_rules: [{ path_regex: other, age: ALICE }]\n");
    record(project.run(&["check", "--keyless"]).stdout);
}
