//! The last gate: the texts of objects that it searches, and the exceptions.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const RULE: &str = "contains the value of";

const SECRET: &str = "a1b2c3d4e5";

fn project(more: &str) -> Sandbox {
    Sandbox::of(&format!("data: {{ PASSWORD: {{ value: {SECRET}, sensitive: true }} }}\n{more}\n"), "")
}

/// Refuses to render, with errors that begin with these texts, and no other.
#[track_caller]
fn finds(project: &Sandbox, environment: &str, expected: &[&str]) {
    let message = project.run(&["render", environment]).refused();
    assert!(!message.contains(SECRET), "{message}");
    assert_eq!(message.matches(RULE).count(), expected.len(), "{message}");
    for expected in expected {
        assert!(message.lines().any(|line| line.starts_with(&format!("error: {expected}"))), "{expected}\n{message}");
    }
}

#[track_caller]
fn passes(project: &Sandbox) {
    let run = project.run(&["render", "dev"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
}

#[test]
fn all_texts_of_an_object_are_searched_but_the_values_of_a_secret() {
    let hex = "61316232633364346535";
    let (once, hidden) = (STANDARD.encode(SECRET), STANDARD.encode(hex));
    let wrapped = format!("\"{}\\n  {}\\n\"", &hidden[..10], &hidden[10..]);
    for (kind, fields, path) in [
        ("ConfigMap", format!("data: {{ note: {SECRET} }}"), "`data.note`"),
        ("ConfigMap", format!("data: {{ {SECRET}: note }}"), "the key `data.…`"),
        ("ConfigMap", format!("binaryData: {{ note: {once} }}"), "`binaryData.note`"),
        ("ConfigMap", format!("binaryData: {{ note: {hidden} }}"), "`binaryData.note`"),
        ("ConfigMap", format!("binaryData: {{ note: {wrapped} }}"), "`binaryData.note`"),
        ("Service", format!("spec: {{ data: {{ note: {SECRET} }} }}"), "`spec.data.note`"),
        ("Service", format!("spec: {{ list: [a, [b, {{ c: {SECRET} }}]] }}"), "`spec.list[1][1].c`"),
        ("Secret", format!("type: {SECRET}"), "`type`"),
    ] {
        let object = format!("apiVersion: v1\nkind: {kind}\nmetadata: {{ name: web }}\n{fields}\n");
        let project = project("manifests: [m]").file("m/web.yaml", object);
        finds(&project, "dev", &[&format!("{path} of the {kind} `web` contains")]);
    }
    for fields in ["data: { note: VALUE }", "stringData: { note: VALUE }", "stringData: { VALUE: note }"] {
        let value = if fields.starts_with("data") { &once } else { SECRET };
        let object = format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: web }}\n{fields}\n");
        passes(&project("manifests: [m]").file("m/web.yaml", object.replace("VALUE", value)));
    }
}

#[test]
fn what_layers_say_of_objects_is_searched() {
    for (more, path) in [
        (format!("annotations: {{ {SECRET}: b }}"), "the key `metadata.annotations.…`"),
        (format!("annotations: {{ a: {SECRET} }}"), "`metadata.annotations.a`"),
        (format!("labels: {{ {SECRET}: b }}"), "the key `metadata.labels.…`"),
        (format!("labels: {{ a: {SECRET} }}"), "`metadata.labels.a`"),
        (format!("namespace: {SECRET}"), "`metadata.namespace`"),
    ] {
        let project = Sandbox::of(
            &format!("data: {{ PASSWORD: {{ value: {SECRET}, sensitive: true }}, LEVEL: info }}\n{more}\n"),
            "",
        );
        // one mistake, whatever gets it
        finds(&project, "dev", &[&format!("{path} of every object contains")]);
    }
    let typed = format!("bundles: {{ x: {{ type: example.com/{SECRET}, data: {{ A: b }} }} }}");
    finds(&project(&typed), "dev", &["`type` of the Secret `x` contains"]);
}

#[test]
fn names_of_directories_are_searched() {
    let environment = format!("dev-{SECRET}");
    let project = project("").file(&format!("{environment}.yaml"), "");
    finds(&project, &environment, &["the name of the"]);
    let allowed =
        project.append("base.yaml", "allow: [{ rule: secret-in-plain-output, key: PASSWORD, reason: a demo }]\n");
    allowed.run(&["render", &environment]).ok();
    // where nothing but the Secret is written
    let app =
        Sandbox::of(&format!("app: app-{SECRET}\ndata: {{ PASSWORD: {{ value: {SECRET}, sensitive: true }} }}\n"), "");
    let of_secret = "`metadata.name` of the Secret `app-…` contains";
    let labelled = "`metadata.labels.app.kubernetes.io/name` of the Secret `app-…` contains";
    finds(&app, "dev", &["the name of the app contains", of_secret, labelled]);
    let app = app.append("base.yaml", "allow: [{ rule: secret-in-plain-output, key: PASSWORD, reason: a demo }]\n");
    passes(&app);
}

#[test]
fn the_readable_part_of_an_encrypted_object_is_searched() {
    let recipient = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let project = project(&format!(
        "delivery: {{ secrets: sops, recipients: [{recipient}] }}\nbundles: {{ x: {{ data: {{ {SECRET}: {{ value: b, sensitive: true }} }} }} }}"
    ));
    finds(&project, "dev", &["the key `data.…` of the Secret `x` contains"]);
}

#[test]
fn a_login_without_its_password_may_be_beside_the_values_of_a_store() {
    let base = |more: &str| {
        format!(
            "delivery: {{ refs: external-secret, store: vault }}\nbundles:\n  login:\n    type: kubernetes.io/basic-auth\n    data: {{ username: u7x2k9q4m1zt, password: {{ ref: shop/login }} }}\n{more}"
        )
    };
    let project = |more: &str| Sandbox::of(&base(more), "");
    let made = project("").run(&["render", "dev"]).ok();
    assert!(made.contains("kind: ExternalSecret") && made.contains("username: u7x2k9q4m1zt"), "{made}");
    // that another bundle has the same does not matter
    let same = "  other: { data: { A_PASSWORD: { value: u7x2k9q4m1zt, sensitive: true } } }\n";
    project(same).run(&["render", "dev"]).ok();
    let elsewhere = project("    annotations: { note: u7x2k9q4m1zt }\n");
    let message = elsewhere.run(&["render", "dev"]).refused();
    assert!(message.starts_with("error: `metadata.annotations.note`"), "{message}");
    // the secret of another bundle
    let other =
        "    labels: { note: a1b2c3d4e5 }\n  other: { data: { A_PASSWORD: { value: a1b2c3d4e5, sensitive: true } } }\n";
    finds(
        &project(other),
        "dev",
        &[
            "`metadata.labels.note` of the ExternalSecret `login` contains",
            "`spec.target.template.metadata.labels.note` of the ExternalSecret `login` contains",
        ],
    );
    // an object that a person wrote
    let object = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: login }\nspec: { target: { template: { data: { username: u7x2k9q4m1zt } } } }\n";
    let base = "manifests: [m]\nbundles:\n  login: { type: kubernetes.io/basic-auth, data: { username: u7x2k9q4m1zt, password: { value: hunter2-canary, sensitive: true } } }\n";
    let message = Sandbox::of(base, "").file("m/login.yaml", object).run(&["render", "dev"]).refused();
    assert!(message.contains("`spec.target.template.data.username`"), "{message}");
}
