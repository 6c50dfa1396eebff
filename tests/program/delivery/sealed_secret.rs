//! `secrets: sealed-secret`: what the controller opens, opened here by an independent implementation.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::delivery::schema::assert_valid;
use crate::support::messages::record;
use crate::support::objects::{Objects, text};
use crate::support::peers::python_with;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

/// A test key and its certificate, made once with `openssl req -x509 -newkey rsa:4096 -days 36500`: they
/// protect nothing.
const CERTIFICATE: &str = include_str!("../../vectors/sealed/cert.pem");
const KEY: &str = include_str!("../../vectors/sealed/key.pem");

/// What sealed-secrets does, with Python's `cryptography`: `HybridDecrypt` in `pkg/crypto/crypto.go`.
const UNSEAL: &str = r#"
import base64, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
asked = json.load(sys.stdin)
key = serialization.load_pem_private_key(asked["key"].encode(), None)
opened = {}
for name, value in asked["values"].items():
    blob = base64.b64decode(value, validate=True)
    length = int.from_bytes(blob[:2], "big")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), asked["label"].encode())
    try:
        session = key.decrypt(blob[2:2 + length], oaep)
        opened[name] = base64.b64encode(AESGCM(session).decrypt(bytes(12), blob[2 + length:], None)).decode()
    except Exception:
        opened[name] = None
json.dump(opened, sys.stdout)
"#;

const BASE: &str = "app: app
namespace: shop
labels: { team: a }
annotations: { note: b }
data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
bundles:
  login: { type: kubernetes.io/basic-auth, data: { username: robot, password: '{{ bundles.app.DATABASE_PASSWORD }}' } }
  odd: { type: Opaque, data: { empty: '', file: { file: files/binary } } }
";

fn project(delivery: &str) -> Sandbox {
    let delivery = format!("delivery: {{ secrets: sealed-secret, certificate: certs/prod.pem{delivery} }}\n");
    Sandbox::new([("base.yaml", BASE), ("prod.yaml", &delivery), ("prod.secrets.yaml", ENCRYPTED)])
        .file("files/binary", [0, 159, 146, 150])
        .file("certs/prod.pem", CERTIFICATE)
}

fn unseal(python: &std::path::Path, values: &Json, label: &str) -> Json {
    let asked = serde_json::json!({ "key": KEY, "values": values, "label": label });
    let mut child = Command::new(python)
        .args(["-c", UNSEAL])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    child.stdin.take().expect("a pipe").write_all(asked.to_string().as_bytes()).expect("Python reads");
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn sealed(objects: &Objects, name: &str) -> Json {
    let is = |object: &&Json| object["kind"] == "SealedSecret" && object["metadata"]["name"] == name;
    objects.0.iter().find(is).unwrap_or_else(|| panic!("no SealedSecret `{name}`")).clone()
}

#[test]
fn the_controller_can_open_every_value_in_every_scope_and_nobody_elsewhere() {
    let Some(python) = python_with("cryptography") else { return };
    let plain = Sandbox::new([("base.yaml", BASE), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)])
        .file("files/binary", [0, 159, 146, 150])
        .run_with_key(&["render", "prod"])
        .objects();
    for (scope, label, annotation) in [
        ("", "shop/NAME", None),
        (", scope: strict", "shop/NAME", None),
        (", scope: namespace-wide", "shop", Some("sealedsecrets.bitnami.com/namespace-wide")),
        (", scope: cluster-wide", "", Some("sealedsecrets.bitnami.com/cluster-wide")),
    ] {
        let objects = project(scope).run_with_key(&["render", "prod"]).objects();
        assert!(objects.0.iter().all(|object| object["kind"] != "Secret"), "no Secret besides");
        assert_valid(&objects.0, "SealedSecret");
        for name in ["app", "login", "odd"] {
            let object = sealed(&objects, name);
            let label = label.replace("NAME", name);
            let values = &object["spec"]["encryptedData"];
            let opened = unseal(&python, values, &label);
            let decode = |value: &Json| {
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text(value)).expect("base64")
            };
            let opened: std::collections::BTreeMap<_, _> =
                opened.as_object().unwrap().iter().map(|(key, value)| (key.clone(), decode(value))).collect();
            assert_eq!(opened, plain.bytes(&format!("Secret/{name}")), "{scope} {name}");
            let elsewhere = unseal(&python, values, &format!("{label}x"));
            assert!(elsewhere.as_object().unwrap().values().all(Json::is_null), "{scope} {name}: bound to its place");
            for metadata in [&object["metadata"], &object["spec"]["template"]["metadata"]] {
                assert_eq!((&metadata["name"], &metadata["namespace"]), (&Json::from(name), &Json::from("shop")));
                assert_eq!((&metadata["labels"]["team"], &metadata["annotations"]["note"]), (&"a".into(), &"b".into()));
                let scopes = metadata["annotations"].as_object().unwrap().keys().filter(|key| key.contains("sealed"));
                assert_eq!(scopes.map(String::as_str).collect::<Vec<_>>(), annotation.into_iter().collect::<Vec<_>>());
            }
        }
        assert_eq!(sealed(&objects, "login")["spec"]["template"]["type"], "kubernetes.io/basic-auth");
    }
}

#[test]
fn equal_values_are_sealed_to_equal_bytes() {
    let project = project("");
    let first = project.run_with_key(&["render", "prod"]).ok();
    for _ in 0..3 {
        assert_eq!(project.run_with_key(&["render", "prod"]).ok(), first);
    }
    let sealed = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(": \"Ag")).map(|line| line.trim().to_owned()).collect()
    };
    // the same value under another name, in another object, for another scope: nothing is shared
    let changed = project
        .file("prod.yaml", "delivery: { secrets: sealed-secret, certificate: certs/prod.pem, scope: cluster-wide }\n");
    let second = changed.run_with_key(&["render", "prod"]).ok();
    assert!(sealed(&first).len() >= 6 && sealed(&first).iter().all(|line| !sealed(&second).contains(line)));
}

#[test]
fn the_final_name_is_what_values_are_bound_to() {
    let Some(python) = python_with("cryptography") else { return };
    let project = project("").file("base.yaml", format!("names: hashed\n{BASE}"));
    let objects = project.run_with_key(&["render", "prod"]).objects();
    let object = objects.0.iter().find(|object| object["kind"] == "SealedSecret").unwrap();
    let name = text(&object["metadata"]["name"]);
    assert_ne!(name, "app");
    assert_eq!(object["spec"]["template"]["immutable"], true);
    let opened = unseal(&python, &object["spec"]["encryptedData"], &format!("shop/{name}"));
    assert!(opened.as_object().unwrap().values().all(Json::is_string));
}

#[test]
fn without_an_encrypted_layer_sealed_values_are_new_each_time_and_that_is_told() {
    let base = "app: app\nnamespace: shop\ndata: { P: { value: x, sensitive: true } }\n";
    let dev = "delivery: { secrets: sealed-secret, certificate: cert.pem }\n";
    let project = Sandbox::of(base, dev).file("cert.pem", CERTIFICATE);
    let (one, two) = (project.run(&["render", "dev"]), project.run(&["render", "dev"]));
    assert!(one.stdout != two.stdout && one.code == 0);
    let run = project.run(&["render", "dev", "--out", "rendered"]);
    run.record();
    // but what did not change is not made again
    let file = project.root().join("rendered/dev/app/sealedsecret-app.yaml");
    let before = fs::read(&file).unwrap();
    project.run(&["render", "dev", "--out", "rendered"]).record();
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn what_cannot_be_sealed_says_why() {
    let without = |field: &str| BASE.split_inclusive('\n').filter(|line| !line.starts_with(field)).collect::<String>();
    let lone = "delivery: { secrets: sealed-secret }\n";
    let half = &CERTIFICATE[..CERTIFICATE.len() / 2];
    for (what, project) in [
        ("namespace", project("").file("base.yaml", without("namespace"))),
        ("certificate", project("").file("prod.yaml", lone)),
        ("file", project("").file("prod.yaml", lone.replace(" }", ", certificate: cert.pm }")).file("cert.pem", "")),
        ("key", project("").file("certs/prod.pem", KEY)),
        ("both", project("").file("certs/prod.pem", format!("{CERTIFICATE}{KEY}"))),
        ("small", project("").file("certs/prod.pem", include_str!("../../vectors/sealed/small.crt"))),
        (
            "scope",
            project("").file("base.yaml", BASE.replace("note: b", "sealedsecrets.bitnami.com/cluster-wide: 'true'")),
        ),
        ("half", project("").file("certs/prod.pem", half)),
        ("text", project("").file("certs/prod.pem", "hello")),
    ] {
        let stderr = project.run_with_key(&["render", "prod"]).refused();

        assert!(!stderr.contains("MII") && stderr.contains(" --> prod.yaml:1:"), "{what}: {stderr}");
    }
    // anywhere in a cluster, no namespace is needed
    let project = project(", scope: cluster-wide").file("base.yaml", without("namespace"));
    project.run_with_key(&["render", "prod"]).ok();
}

#[test]
fn a_certificate_that_expired_or_will_soon_is_told_of() {
    // openssl x509 -in tests/vectors/sealed/cert.pem -noout -dates
    for (day, code) in [("2026-11-24", 0), ("2126-10-20", 0), ("2126-11-02", 0)] {
        let run = project("").run_with_key(&["render", "prod", "--at", day]);
        run.record();
        assert!(run.code == code, "{day}: {}", run.stderr);
        assert!(run.stderr.contains("prod.yaml:1:"), "{day}: {}", run.stderr);
        assert_eq!(run.stdout.is_empty(), code != 0, "{day}");
    }
}

/// A SealedSecret as `kubeseal` writes it, and a Pod that reads two of its keys.
const OF_KUBESEAL: &str = "apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: { creationTimestamp: null, name: db, namespace: ns-1 }
spec:
  encryptedData: { PASSWORD: AgAx, USER: AgAy }
  template: { metadata: { creationTimestamp: null, name: db, namespace: ns-1 } }
";
const READER: &str = "apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
  - name: web
    image: x
    env: [{ name: A, valueFrom: { secretKeyRef: { name: db, key: PASSWORD } } }, { name: B, valueFrom: { secretKeyRef: { name: db, key: USER } } }]
";

fn with_manifest(fields: &str, sealed: &str) -> Sandbox {
    let base = format!("app: app\nmanifests: [w/pod.yaml, w/sealed.yaml]\n{fields}");
    Sandbox::of(&base, "").file("w/pod.yaml", READER).file("w/sealed.yaml", sealed)
}

fn scoped(scope: &str) -> String {
    let annotations = format!("{{ annotations: {{ sealedsecrets.bitnami.com/{scope}: 'true' }}, creationTimestamp");
    OF_KUBESEAL.replace("{ creationTimestamp", &annotations)
}

#[test]
fn the_keys_of_a_secret_that_kubeseal_sealed_are_known() {
    let project = with_manifest("namespace: ns-1\n", OF_KUBESEAL);
    assert_eq!(project.run(&["check"]).code, 0);
    let typo = with_manifest("namespace: ns-1\n", &OF_KUBESEAL.replace("USER", "USR")).run(&["check"]);
    assert_eq!(typo.code, 1);
    record(&typo.stdout);
    // what the template adds is there as well, and what nobody can know may be
    for other in [
        OF_KUBESEAL.replace(", USER: AgAy }", " }").replace("template: {", "template: { data: { USER: robot },"),
        OF_KUBESEAL.replace("encryptedData: { PASSWORD: AgAx, USER: AgAy }", "data: AgAx"),
    ] {
        assert_eq!(with_manifest("namespace: ns-1\n", &other).run(&["check"]).code, 0, "{other}");
    }
}

#[test]
fn a_sealed_secret_that_moves_is_reported_unless_its_scope_is_wider() {
    for (fields, sealed, code) in [
        ("namespace: ns-1\nprefix: pre-\n", OF_KUBESEAL.to_owned(), 1),
        ("namespace: ns-1\nprefix: pre-\n", scoped("namespace-wide"), 0),
        ("namespace: other\n", OF_KUBESEAL.to_owned(), 1),
        ("namespace: other\n", scoped("namespace-wide"), 1),
        ("namespace: other\nsuffix: -x\n", scoped("cluster-wide"), 0),
    ] {
        let run = with_manifest(fields, &sealed).run(&["check"]);
        assert_eq!(run.code, code, "{fields}{}", run.stdout);
        if code == 1 {
            record(&run.stdout);
        }
    }
}

#[test]
fn a_reference_follows_what_a_controller_makes_under_the_name_of_an_object() {
    let external = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: db }\nspec: { secretStoreRef: { name: s }, dataFrom: [{ extract: { key: k } }] }\n";
    let named = external.replace("spec: {", "spec: { target: { name: db },");
    for (made, expected) in [(&*scoped("namespace-wide"), "pre-db"), (external, "pre-db"), (&named, "db")] {
        let found = with_manifest("namespace: ns-1\nprefix: pre-\n", made).dev();
        let pod = found.0.iter().find(|object| object["kind"] == "Pod").expect("a Pod");
        let name = &pod["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"];
        assert_eq!(text(name), expected, "{made}");
    }
}

#[test]
fn a_secret_in_another_namespace_is_named_as_what_it_is() {
    let run = with_manifest("", OF_KUBESEAL).run(&["check"]);
    assert_eq!(run.code, 1);
    record(&run.stdout);
}

#[test]
fn empty_values_are_sealed_and_a_secret_without_keys_stays_one() {
    let base = "app: app\nnamespace: shop\ndelivery: { secrets: sealed-secret, certificate: c.pem }\ndata: { A: { value: '', sensitive: true } }\nmanifests: [w/*.yaml]\n";
    let secret = |name: &str, rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name} }}\n{rest}");
    let project = Sandbox::of(base, "")
        .file("c.pem", CERTIFICATE)
        .file("w/blank.yaml", secret("blank", "stringData: { A: '' }\n"))
        .file("w/none.yaml", secret("none", "data: {}\n"));
    let rendered = project.run(&["render", "dev"]).succeeds();
    let objects = rendered.split("---\n").map(|object| {
        let line =
            |start: &str| object.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default().to_owned();
        (line("kind: "), line("  name: "))
    });
    let objects: Vec<_> = objects.collect();
    let expected = [("SealedSecret", "app"), ("SealedSecret", "blank"), ("Secret", "none")];
    for (kind, name) in expected {
        assert!(objects.contains(&(kind.to_owned(), name.to_owned())), "{name}: {objects:?}");
    }
    assert_eq!(objects.len(), expected.len());
}
