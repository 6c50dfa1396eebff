//! `render --placeholders`: Secrets without their values, of a shape that validators accept.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::support::objects::{Objects, text};
use crate::support::peers::peer;
use crate::support::samples::{ENCRYPTED, PROJECTS, TREES, repository};
use crate::support::sandbox::{CANARY, Sandbox, run};

fn placeholders(project: &Sandbox, environment: &str) -> Objects {
    let run = project.run_without_key(&["render", environment, "--placeholders"]);
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    assert!(!run.stdout.contains(&STANDARD.encode(CANARY)));
    Objects::read(&run.succeeds())
}

fn secret<'a>(objects: &'a Objects, name: &str) -> &'a Json {
    let is_it = |object: &&Json| object["kind"] == "Secret" && text(&object["metadata"]["name"]).starts_with(name);
    objects.0.iter().find(is_it).unwrap()
}

/// All examples, whatever their delivery.
fn projects() -> impl Iterator<Item = (&'static str, &'static str)> {
    let plain = PROJECTS.iter().flat_map(|(_, directory, all)| all.iter().map(|one| (*directory, *one)));
    plain.chain(TREES.iter().flat_map(|(directory, all)| all.iter().map(|one| (*directory, *one))))
}

#[test]
fn every_example_renders_without_a_key_and_has_the_same_objects() {
    for (directory, environment) in projects() {
        let directory = repository().join(directory);
        let done = run(&directory, &["render", environment, "--placeholders"], &[]);
        assert_eq!(done.code, 0, "{} {environment}: {}", directory.display(), done.stderr);
        let again = run(&directory, &["render", environment, "--placeholders"], &[]);
        assert_eq!(done.stdout, again.stdout, "the same on every run");
        assert!(!done.stdout.contains("ENC["), "{}", directory.display());
        let key = repository().join("examples/demo-age-key.txt");
        let arguments = ["render", environment, "--delivery", "manifest"];
        let real = run(&directory, &arguments, &[("SOPS_AGE_KEY_FILE", key.to_str().unwrap())]);
        let (found, real) = (Objects::read(&done.stdout), Objects::read(&real.succeeds()));
        assert_eq!(outlines(&found), outlines(&real), "{} {environment}", directory.display());
        for object in found.0.iter().filter(|object| object["kind"] == "Secret" && object["data"].is_object()) {
            assert_eq!(object["metadata"]["annotations"]["septum.dev/placeholders"], "true");
            let twin = real.0.iter().find(|other| other["metadata"]["name"] == object["metadata"]["name"]);
            for (key, value) in object["data"].as_object().unwrap() {
                assert!(STANDARD.decode(text(value)).is_ok());
                // no value is the real one, except what everybody knows
                let same = twin.is_some_and(|twin| twin["data"][key] == *value);
                assert!(!same || text(value).len() < 12, "{key}");
            }
        }
    }
}

/// Kind, base name, type and keys of the objects.
fn outlines(objects: &Objects) -> Vec<Json> {
    let outline = |object: &Json| {
        let base = &object["metadata"]["labels"]["septum.dev/base-name"];
        let name = if base.is_string() { base } else { &object["metadata"]["name"] };
        let keys: Vec<_> = object["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default();
        json!([object["kind"], name, object["type"], keys])
    };
    let mut all: Vec<_> = objects.0.iter().map(outline).collect();
    all.sort_by_key(ToString::to_string);
    all
}

#[test]
fn a_value_has_the_shape_that_its_rules_allow() {
    let base = format!(
        "app: shop
data:
  HOST: db.shop.svc
  DATABASE_PASSWORD: {{ sensitive: true, minLength: 20 }}
  STRIPE_WEBHOOK_SECRET: {{ sensitive: true, pattern: '^whsec_[a-zA-Z0-9]{{32}}$' }}
  URL: 'postgres://app:{{{{ data.DATABASE_PASSWORD | urlencode }}}}@{{{{ data.HOST }}}}:5432/shop'
  HOOK: {{ value: 'https://hooks.example.net/{CANARY}', sensitive: true }}
  PLAIN: {{ value: {CANARY}, sensitive: true }}
  LEVEL: {{ value: high, sensitive: true, enum: [low, high] }}
  COUNT: {{ value: 15, sensitive: true, type: integer, minimum: 7, multipleOf: 5 }}
  DAY: {{ value: '2026-01-31', sensitive: true, format: date }}
  KEY: {{ value: \"-----BEGIN PRIVATE KEY-----\\n{CANARY}\\n-----END PRIVATE KEY-----\\n\", sensitive: true }}
  settings.json: {{ value: '{{\"a\": \"{CANARY}\"}}', sensitive: true }}
  ENCODED: {{ value: {encoded}, sensitive: true }}
",
        encoded = STANDARD.encode(CANARY)
    );
    let project = Sandbox::new([("base.yaml", &*base), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)]);
    let texts = placeholders(&project, "prod").texts("Secret/shop");
    for (key, expected) in [
        ("DATABASE_PASSWORD", "placeholder-placeholder".get(..20).unwrap()),
        ("STRIPE_WEBHOOK_SECRET", "whsec_pppppppppppppppppppppppppppppppp"),
        ("URL", "postgres://placeholder:placeholder@db.shop.svc:5432/placeholder"),
        ("HOOK", "https://placeholder.example/placeholder"),
        ("PLAIN", "placeholder"),
        ("LEVEL", "low"),
        ("COUNT", "10"),
        ("DAY", "2000-01-01"),
        ("settings.json", "{\"placeholder\": \"placeholder\"}"),
        ("ENCODED", &STANDARD.encode("placeholder")),
    ] {
        assert_eq!(texts[key], expected, "{key}");
    }
    assert!(texts["KEY"].starts_with("-----BEGIN PRIVATE KEY-----"), "{}", texts["KEY"]);
}

#[test]
fn typed_secrets_have_what_their_type_needs() {
    let base = "app: shop
namespace: kube-system
bundles:
  tls: { type: kubernetes.io/tls, data: { tls.crt: { required: true }, tls.key: { required: true } } }
  pull: { type: kubernetes.io/dockerconfigjson, registries: { ghcr.io: { username: robot } } }
  basic: { type: kubernetes.io/basic-auth, data: { username: {}, password: {} } }
  ssh: { type: kubernetes.io/ssh-auth, data: { ssh-privatekey: {} } }
  bootstrap-token-abc123: { type: bootstrap.kubernetes.io/token, data: { token-id: abc123, token-secret: { required: true }, usage-bootstrap-signing: 'true' } }
";
    let values = format!(
        "bundles:
  tls: {{ data: {{ tls.crt: {CANARY}, tls.key: {CANARY} }} }}
  pull: {{ registries: {{ ghcr.io: {{ password: {CANARY} }} }} }}
  basic: {{ data: {{ username: {CANARY}, password: {CANARY} }} }}
  ssh: {{ data: {{ ssh-privatekey: {CANARY} }} }}
  bootstrap-token-abc123: {{ data: {{ token-secret: {CANARY} }} }}
"
    );
    let project = Sandbox::with_identities().file("base.yaml", base).file("prod.yaml", "");
    project.encrypted("prod.secrets.yaml", values);
    let found = placeholders(&project, "prod");
    let value = |name: &str, key: &str| found.texts(&format!("Secret/{name}"))[key].clone();
    assert_eq!(value("bootstrap-token-abc123", "token-id"), "abc123");
    assert_eq!(value("bootstrap-token-abc123", "token-secret").len(), 16);
    let docker: Json = serde_json::from_str(&value("pull", ".dockerconfigjson")).unwrap();
    assert_eq!(docker["auths"]["ghcr.io"]["password"], "placeholder");
    // Septum itself checks certificates, keys and the rules of types
    let without_mark = |object: &Json| {
        let mut object = object.clone();
        object["metadata"].as_object_mut().unwrap().remove("annotations");
        format!("---\n{object}\n")
    };
    let objects: String = found.0.iter().map(without_mark).collect();
    let other =
        Sandbox::of("app: shop\nnamespace: kube-system\nmanifests: [all/*.yaml]\n", "").file("all/all.yaml", objects);
    let run = other.run(&["render", "dev", "--at", "2030-01-01"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stderr);
}

#[test]
fn hashed_names_encrypted_manifests_and_checksums_need_no_key() {
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: own }}\nstringData:\n  password: {CANARY}\n  tls.crt: {CANARY}\n"
    );
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { a: b } }\n  template:\n    metadata: { labels: { a: b }, annotations: { septum.dev/checksum: 'true', septum.dev/env-from: shop } }\n    spec: { containers: [{ name: web, image: i, envFrom: [{ secretRef: { name: own } }] }] }\n";
    let project = Sandbox::with_identities()
        .file(
            "base.yaml",
            "app: shop\nnames: hashed\ndata: { A: 1, P: { sensitive: true } }\nmanifests: ['w/*.yaml']\n",
        )
        .file("prod.yaml", "")
        .file("w/web.yaml", web);
    project.rules(
        r"creation_rules: [{path_regex: 'w/', encrypted_regex: '^(data|stringData)$', age: ALICE}, {path_regex: secrets, age: ALICE}]",
    );
    project.encrypted("prod.secrets.yaml", format!("data: {{ P: {CANARY} }}\n"));
    project.encrypted("w/own.secrets.yaml", manifest);
    let found = placeholders(&project, "prod");
    let own = secret(&found, "own");
    assert_eq!(own["metadata"]["annotations"]["septum.dev/placeholders"], "true");
    assert_eq!(own["stringData"]["password"], "placeholder");
    assert!(text(&own["stringData"]["tls.crt"]).starts_with("-----BEGIN CERTIFICATE-----"));
    let shop = secret(&found, "shop-");
    let deployment = found.0.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let sources = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"].to_string();
    assert!(sources.contains(text(&shop["metadata"]["name"])), "{sources}");
}

#[test]
fn placeholders_never_reach_a_tree() {
    let project = Sandbox::of("data: { A: 1 }\n", "");
    for options in [&["--out", "rendered"][..], &["--reveal"], &["--delivery", "manifest"]] {
        let arguments =
            [&["render", "dev", "--placeholders", "--allow-plaintext"][..2], &["--placeholders"], options].concat();
        project.run(&arguments).fails(2);
    }
}

#[test]
fn kubectl_accepts_placeholders() {
    let Some(kubectl) = peer("kubectl") else { return };
    for (directory, environment) in projects() {
        let done = run(&repository().join(directory), &["render", environment, "--placeholders"], &[]);
        let file = tempfile::tempdir().unwrap();
        let path = file.path().join("all.yaml");
        std::fs::write(&path, done.stdout).unwrap();
        // it reads all objects without a cluster
        let read = Command::new(&kubectl)
            .args(["label", "--local", "-o", "name", "a=b", "-f"])
            .arg(&path)
            .env("KUBECONFIG", "/dev/null")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&read.stderr).into_owned();
        assert!(read.status.success(), "{directory} {environment}: {errors}");
    }
}
