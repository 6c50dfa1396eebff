//! What the API server says to an object is what Septum says to the project that would give it.
//!
//! `tests/vectors/apiserver/cases.jsonl` holds what a kube-apiserver answered to `create`: the object,
//! whether it was taken, and its message.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fmt::Write as _;
use std::fs;

use crate::support::objects::text;
use crate::support::samples::repository;
use crate::support::sandbox::Sandbox;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

#[derive(Deserialize)]
struct Case {
    label: String,
    accepted: bool,
    object: Option<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    kind: String,
    r#type: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    data: Map<String, Json>,
    #[serde(default)]
    binary_data: Map<String, Json>,
    #[serde(default)]
    string_data: Map<String, Json>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    name: Option<String>,
    #[serde(default)]
    labels: Map<String, Json>,
}

/// Cases that no project can give, and why.
const CANNOT_ARISE: [(&str, &str); 2] = [
    ("bool value", "`true` in a layer is the text `true`: what is written is kept, and always a text"),
    ("bootstrap empty", "a bundle without entries gives no object; one with some must hold what nodes join with"),
];

#[test]
fn septum_and_the_api_server_agree() {
    let cases = fs::read_to_string(repository().join("tests/vectors/apiserver/cases.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        checked += 1;
        if CANNOT_ARISE.iter().any(|(label, _)| *label == case.label) {
            continue;
        }
        let run = project(&case).run(&["render", "dev"]);
        let points = run.stderr.contains(" --> base.yaml:");
        // beyond what the server refuses, only warnings
        let agrees = if case.accepted { run.code == 0 } else { run.code == 2 && points && run.stdout.is_empty() };
        if !agrees {
            wrong.push(format!("{}: accepted: {}, code: {}\n{}", case.label, case.accepted, run.code, run.stderr));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked}\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(checked, 102);
}

/// Cases where a manifest is refused that the server takes, and why.
const STRICTER: [(&str, &str); 1] =
    [("bootstrap empty", "a bootstrap token that holds nothing is one that no node can join with; so of a bundle")];

#[test]
fn manifests_are_held_to_the_rules_of_the_api_server_too() {
    let cases = fs::read_to_string(repository().join("tests/vectors/apiserver/cases.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for (index, line) in cases.lines().enumerate() {
        let case: Case = serde_json::from_str(line).unwrap();
        let json: Json = serde_json::from_str(line).unwrap();
        let object = match &json["object"] {
            Json::Null => big_object(&case.label),
            object => with_identity(object.clone()),
        };
        let is_stricter = STRICTER.iter().any(|(label, _)| *label == case.label);
        let is_accepted = case.accepted && !is_stricter;
        // as JSON, as a template, and as a part of a list: the same rules hold
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [object] });
        let text = if index % 3 == 1 { list.to_string() } else { object.to_string() };
        // a byte that JSON of the test takes and YAML does not
        let text = text.replace('\u{fffe}', "\\ufffe").replace('\u{7f}', "\\u007f");
        let file = if index % 3 == 2 && !text.contains("{{") { "w/m.yaml.j2" } else { "w/m.yaml" };
        let base = format!("data: {{ A: x }}\nmanifests: [{{ path: {file}, template: {} }}]\n", index % 3 == 2);
        let run = Sandbox::of(&base, "").file(file, &text).run(&["render", "dev"]);
        let agrees = if is_accepted { run.code == 0 } else { run.code == 2 && run.stdout.is_empty() };
        if !agrees {
            wrong.push(format!("{}: accepted: {is_accepted}, code: {}\n{:.600}", case.label, run.code, run.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// An object with the fields that the collection leaves out.
fn with_identity(mut object: Json) -> Json {
    object["apiVersion"] = "v1".into();
    if object["metadata"]["name"].is_null() {
        object["metadata"]["name"] = "thing".into();
    }
    object
}

/// The objects that the collection tells by their labels.
fn big_object(label: &str) -> Json {
    const MOST: usize = 1024 * 1024;
    let packed = |length: usize| Json::from(STANDARD.encode(vec![0xff_u8; length]));
    let text = |length: usize| Json::from("a".repeat(length));
    let (kind, fields) = match label {
        "configmap binaryData of 1048575 bytes" => ("ConfigMap", vec![("binaryData", "a", packed(MOST - 1))]),
        "configmap data of 1048576 bytes" => ("ConfigMap", vec![("data", "a", text(MOST))]),
        "secret data of 1048576 bytes" => ("Secret", vec![("data", "a", packed(MOST))]),
        "configmap binaryData of 1048577 bytes" => ("ConfigMap", vec![("binaryData", "a", packed(MOST + 1))]),
        "configmap two values 1048576 bytes" => {
            ("ConfigMap", vec![("data", "a", text(MOST / 2)), ("data", "b", text(MOST / 2))])
        }
        "configmap data+binaryData 1048577" => {
            ("ConfigMap", vec![("data", "a", text(MOST / 2)), ("binaryData", "b", packed(MOST / 2 + 1))])
        }
        "configmap utf8 524289 two-byte chars" => ("ConfigMap", vec![("data", "a", Json::from("é".repeat(524_289)))]),
        "annotations of 262144 bytes" => ("ConfigMap", vec![("annotations", "a", text(262_143))]),
        other => panic!("no object for the case `{other}`"),
    };
    let mut object = serde_json::json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "thing" } });
    for (field, key, value) in fields {
        let at = if field == "annotations" { &mut object["metadata"] } else { &mut object };
        at[field][key] = value;
    }
    object
}

#[test]
fn a_manifest_is_refused_at_its_line_and_without_its_value() {
    let head = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: thing\n");
    for (kind, rest, line) in [
        ("ConfigMap", "data:\n  port: 8080\n", 6),
        ("ConfigMap", "data:\n  on: true\n", 6),
        ("ConfigMap", "data: [a]\n", 5),
        ("ConfigMap", "data:\n  a b: x\n", 6),
        ("ConfigMap", "stringData:\n  a: x\n", 6),
        ("ConfigMap", "immutable: soon\n", 5),
        ("ConfigMap", "  labels:\n    a: hunter 2\n", 6),
        ("ConfigMap", "  annotations:\n    a: 1\n", 6),
        ("ConfigMap", "data: { k: v }\nbinaryData:\n  k: dg==\n", 7),
        ("ConfigMap", "binaryData:\n  k: hunter2!\n", 6),
        ("Secret", "data:\n  k: hunter2!\n", 6),
        ("Secret", "binaryData: {}\n", 5),
        ("Secret", "type: kubernetes.io/tls\nstringData:\n  tls.crt: hunter2\n", 5),
        ("Secret", "type: kubernetes.io/tls\nstringData:\n  tls.key: x\n  tls.crt: hunter2\n", 8),
        ("Secret", "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: hunter2\n", 7),
        ("Secret", "type: kubernetes.io/basic-auth\n", 5),
        ("Secret", "type: 1\n", 5),
    ] {
        let manifest = head(kind) + rest;
        for delivery in [
            "",
            "delivery: { secrets: sops, recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p] }\n",
        ] {
            let base = format!("{delivery}data: {{ A: x }}\nmanifests: [w/m.yaml]\n");
            let refused = Sandbox::of(&base, "").file("w/m.yaml", &manifest).run(&["render", "dev"]).refused();

            assert!(refused.contains(&format!(" --> w/m.yaml:{line}:")), "{rest}\n{refused}");
            assert!(!refused.contains("hunter"), "{refused}");
        }
    }
}

/// The project that gives the object of a case.
fn project(case: &Case) -> Sandbox {
    let Some(object) = &case.object else { return big(&case.label) };
    let mut base = String::new();
    if let Some(name) = &object.metadata.name
        && object.metadata.labels.is_empty()
    {
        writeln!(base, "app: {}", quoted(name)).unwrap();
    }
    if !object.metadata.labels.is_empty() {
        writeln!(base, "labels: {}", Json::from(object.metadata.labels.clone())).unwrap();
        base.push_str("data: { A: x }\n");
    }
    let is_secret = object.kind == "Secret";
    if let Some(kind) = &object.r#type {
        writeln!(base, "bundles:\n  typed:\n    type: {}\n    data:", quoted(kind)).unwrap();
    } else if object.metadata.labels.is_empty() {
        base.push_str("data:\n");
    }
    let indent = if object.r#type.is_some() { "      " } else { "  " };
    let before = base.len();
    for (key, value) in &object.data {
        let source = match value {
            Json::String(packed) if is_secret => format!("value: !!binary {}", quoted(packed)),
            Json::String(text) => format!("value: {}", quoted(text)),
            other => format!("value: {other}"),
        };
        entry(&mut base, indent, key, &source, is_secret);
    }
    for (key, value) in &object.binary_data {
        entry(&mut base, indent, key, &format!("value: !!binary {}", quoted(text(value))), false);
    }
    for (key, value) in &object.string_data {
        entry(&mut base, indent, key, &format!("value: {}", quoted(text(value))), true);
    }
    if base.len() == before && object.metadata.labels.is_empty() {
        // nothing under `data:`
        base = format!("{} {{}}\n", base.trim_end());
    }
    Sandbox::of(&base, "")
}

fn entry(base: &mut String, indent: &str, key: &str, source: &str, is_secret: bool) {
    let routing = if is_secret { "sensitive: true" } else { "sensitive: false, reason: a test" };
    writeln!(base, "{indent}{}: {{ {source}, template: false, {routing} }}", quoted(key)).unwrap();
}

/// A text as YAML reads it back, whatever is in it.
fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{fffe}', "\\ufffe")
}

/// Projects with big values, which the collection tells by their labels.
fn big(label: &str) -> Sandbox {
    const MOST: usize = 1024 * 1024;
    let files: Vec<Vec<u8>> = match label {
        "configmap binaryData of 1048575 bytes" => vec![vec![0xff; MOST - 1]],
        "configmap data of 1048576 bytes" | "secret data of 1048576 bytes" => vec![vec![b'a'; MOST]],
        "configmap binaryData of 1048577 bytes" => vec![vec![0xff; MOST], vec![0xff]],
        "configmap two values 1048576 bytes" => vec![vec![b'a'; MOST / 2], vec![b'b'; MOST / 2]],
        "configmap data+binaryData 1048577" => vec![vec![b'a'; MOST / 2], vec![0xff; MOST / 2 + 1]],
        "configmap utf8 524289 two-byte chars" => vec!["é".repeat(524_288).into_bytes(), "é".into()],
        "annotations of 262144 bytes" => {
            return Sandbox::of(&format!("annotations: {{ a: {} }}\ndata: {{ A: x }}\n", "x".repeat(262_143)), "");
        }
        other => panic!("no project for the case `{other}`"),
    };
    let routing = if label.starts_with("secret") { "sensitive: true" } else { "sensitive: false, reason: a test" };
    let names: Vec<_> = (0..files.len()).map(|index| format!("f{index}")).collect();
    let base: Vec<_> = names.iter().map(|name| format!("  {name}: {{ file: {name}, {routing} }}\n")).collect();
    let project = Sandbox::of(&format!("data:\n{}", base.concat()), "");
    names.iter().zip(files).fold(project, |project, (name, bytes)| project.file(name, bytes))
}

#[test]
fn annotations_of_an_object_have_256_kib_together() {
    let base = |own: usize, common: usize| {
        let (own, common) = ("x".repeat(own), "y".repeat(common));
        format!(
            "annotations: {{ a: {common} }}\nbundles:\n  b:\n    annotations: {{ bb: {own} }}\n    data: {{ A: x }}\n"
        )
    };
    let half = 128 * 1024;
    assert_eq!(Sandbox::of(&base(half - 2, half - 1), "").run(&["render", "dev"]).code, 0);
    let refused = Sandbox::of(&base(half - 1, half - 1), "").run(&["render", "dev"]).refused();
    assert!(refused.contains(" --> base.yaml:4:24"), "{refused:.300}");
    // half of them is too much for a client-side apply, and the values have no part in it
    let warned = Sandbox::of(&base(half, 1), "").run(&["render", "dev"]);
    warned.record();
    assert_eq!((warned.code, warned.stderr.contains("base.yaml:5:")), (0, false), "{}", warned.stderr);
}

#[test]
fn what_a_client_side_apply_cannot_keep_is_warned_of() {
    for (routing, size, warned) in [
        ("sensitive: false, reason: a test", 261_000, false),
        ("sensitive: false, reason: a test", 262_144, true),
        // base64 makes it a third longer
        ("sensitive: true", 195_000, false),
        ("sensitive: true", 197_000, true),
    ] {
        let base = format!("data:\n  big: {{ file: big.txt, {routing} }}\n");
        let run = Sandbox::of(&base, "").file("big.txt", "a".repeat(size)).run(&["render", "dev"]);
        assert_eq!((run.code, run.stderr.contains("kubectl apply --server-side")), (0, warned), "{routing} {size}");
        assert_eq!(run.stderr.contains("base.yaml:2:16"), warned, "{}", run.stderr);
    }
}

#[test]
fn characters_that_others_choke_on_are_warned_of() {
    for (base, is_warned) in [
        (r#"data: { A: "a\x01b" }"#, true),
        (r#"data: { A: "a\x7fb" }"#, true),
        (r#"data: { A: "a\0b" }"#, true),
        (r#"data: { a.txt: "a\0b" }"#, true),
        (r#"data: { A: { value: "a\0b", sensitive: true } }"#, true),
        ("data: { A: { value: !!binary YQBi, sensitive: true } }", false),
        (r#"data: { a.bin: { value: "a\0b", sensitive: true } }"#, false),
        (r#"data: { A: { value: "a\x01b", sensitive: true } }"#, false),
        (r#"data: { A: "a\tb\r\n" }"#, false),
    ] {
        let run = Sandbox::of(base, "").run(&["render", "dev"]);
        run.record();
        assert_eq!((run.code, run.stderr.contains("warning: ")), (0, is_warned), "{base}");
        assert!(!is_warned || run.stderr.contains(" --> base.yaml:1:"), "{}", run.stderr);
    }
}
