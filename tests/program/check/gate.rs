//! The last gate: whatever everybody may read, and wherever a secret was copied to by hand, it does not
//! go out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fmt::Write as _;

use crate::support::messages::record;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A password with all that encoders write in other ways.
const SECRET: &str = r#"Hx7/q+2Lm9"vT%k&w"#;

const RULE: &str = "contains the value of";

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn percents(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = match byte {
            byte if byte.is_ascii_alphanumeric() => write!(out, "{}", char::from(byte)),
            byte if upper => write!(out, "%{byte:02X}"),
            byte => write!(out, "%{byte:02x}"),
        };
        out
    })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A base with the password as a sensitive entry, and more of it.
fn with(more: &str) -> Sandbox {
    let base = format!("data:\n  DB_PASSWORD: {{ value: {}, sensitive: true }}\n{more}", quoted(SECRET));
    Sandbox::of(&base, "").file(".gitignore", "rendered\n")
}

/// Runs both ways out, and gives the message, which is the same for both. Nothing is written, and nothing of
/// the password is shown.
#[track_caller]
fn refused(project: &Sandbox) -> String {
    let stream = project.run_with_key(&["render", "dev"]).refused();
    let tree = project.run_with_key(&["render", "dev", "--out", "rendered"]).refused();
    assert_eq!(stream, tree);
    assert!(!project.root().join("rendered/dev").exists(), "nothing was written");
    assert!(stream.contains(RULE), "{stream}");
    for trace in [SECRET, "Hx7/q", "2Lm9", &hex(SECRET), &STANDARD_NO_PAD.encode(SECRET), &percents(SECRET, true)] {
        assert!(!stream.contains(trace), "`{trace}` is shown:\n{stream}");
    }
    stream
}

#[track_caller]
fn passes(project: &Sandbox) {
    project.run_with_key(&["render", "dev"]).ok();
    let tree = project.run_with_key(&["render", "dev", "--out", "rendered"]);
    assert_eq!(tree.code, 0, "{}", tree.stderr);
}

#[test]
fn a_copy_is_found_in_every_form() {
    let behind = |before: &str| STANDARD.encode(format!("{before}{SECRET}:and more"));
    for text in [
        SECRET.to_owned(),
        format!("--password={SECRET} --verbose"),
        STANDARD.encode(SECRET),
        URL_SAFE_NO_PAD.encode(SECRET),
        behind("u:"),
        behind("me:"),
        behind("app:"),
        hex(SECRET),
        hex(SECRET).to_uppercase(),
        format!("postgres://app:{}@db", percents(SECRET, true)),
        format!("postgres:?app:{}@db", percents(SECRET, false)),
        format!("{{\"password\": {}}}", quoted(SECRET)),
    ] {
        let project =
            with(&format!("  COPY: {{ value: {}, sensitive: false, reason: none, template: false }}\n", quoted(&text)));
        // what looks like a credential goes to the Secret in any case
        if text.starts_with("postgres://") {
            passes(&project);
            continue;
        }
        let message = refused(&project);
        assert_eq!(message.matches(RULE).count(), 1, "{message}");
    }
}

#[test]
fn a_copy_is_found_in_every_place() {
    let word = quoted(SECRET);
    let manifest = |field: &str| {
        with("manifests: [m/x.yaml]\n").file(
            "m/x.yaml",
            format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: web{} }}\n", field.replace("SECRET", &word)),
        )
    };
    for project in [
        with(&format!("  A: b\nannotations: {{ note: {word} }}\n")),
        with(&format!("bundles: {{ more: {{ data: {{ A: b }}, annotations: {{ note: {word} }} }} }}\n")),
        with("  BINARY: !!binary QUJD/0h4Ny9xKzJMbTkidlQlayZ3\n"),
        with("  FILE: { file: notes.txt }\n").file("notes.txt", format!("# the password is {SECRET}\n")),
        with(&format!("  app.json: {{ content: {{ note: {word} }} }}\n")),
        manifest(", annotations: { note: SECRET }"),
        manifest(" }\nspec: { args: [run, SECRET]"),
        manifest(" }\nspec: { SECRET: x"),
    ] {
        let project = project.file("dev.yaml", "data: {}\n");
        let message = refused(&project);
        record(&message);
        assert!(message.contains("`data.DB_PASSWORD`"), "{message}");
    }
}

#[test]
fn names_and_labels_are_looked_at_too() {
    let base = "data: { DB_PASSWORD: { value: a1b2c3d4e5, sensitive: true }, A: x }\n";
    for more in [
        "labels: { x: a1b2c3d4e5 }\n",
        "namespace: ns-a1b2c3d4e5\n",
        "app: app-a1b2c3d4e5\n",
        "app: app-a1b2c3d4e5\n",
        "bundles: { x-a1b2c3d4e5: { data: { B: x } } }\n",
        "bundles: { x: { data: { a1b2c3d4e5: x } } }\n",
    ] {
        let project = Sandbox::of(&format!("{base}{more}"), "").file(".gitignore", "rendered\n");
        let message = project.run(&["render", "dev"]).refused();

        let tree = project.run(&["render", "dev", "--out", "rendered"]).refused();
        assert_eq!(message, tree);
        assert!(!message.contains("a1b2c3d4e5"), "{message}");
    }
}

#[test]
fn what_was_decrypted_is_found_though_nothing_uses_it() {
    let base =
        "data:\n  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true }\n  COPY: none\n";
    let plain = Sandbox::of(base, "")
        .file("prod.secrets.yaml", ENCRYPTED)
        .file("prod.yaml", "")
        .file(".gitignore", "rendered\n");
    let secret = plain.run_with_key(&["get", "prod", "DATABASE_PASSWORD"]).ok().trim_end().to_owned();
    let copied = plain.file("prod.yaml", format!("data: {{ COPY: {} }}\n", quoted(&STANDARD.encode(&secret))));
    for arguments in [["render", "prod"].as_slice(), &["render", "prod", "--out", "rendered"]] {
        let message = copied.run_with_key(arguments).refused();
        assert!(!message.contains(&secret), "{message}");
    }
}

#[test]
fn a_secret_is_where_it_belongs() {
    passes(
        &with("  URL: \"postgres://app:{{ data.DB_PASSWORD | urlencode }}@db\"\n")
            .file("dev.yaml", format!("data: {{ DB_PASSWORD: {} }}\n", quoted(SECRET))),
    );
    let encoded = STANDARD.encode(SECRET);
    let object = |more: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: other{more} }}\ndata: {{ a: {encoded} }}\nstringData: {{ b: {} }}\n",
            quoted(SECRET)
        );
        with("manifests: [m/x.yaml]\n").file("m/x.yaml", text)
    };
    passes(&object(""));
    let message = refused(&object(&format!(", annotations: {{ a: {encoded} }}")));
    record(&message);
}

#[test]
fn what_leaves_encrypted_is_looked_at_as_far_as_it_is_plain() {
    let project = with(&format!(
        "delivery: {{ secrets: sops }}\nbundles: {{ x: {{ data: {{ TOKEN: {{ value: t1o2k3e4n5, sensitive: true }} }}, annotations: {{ note: {} }} }} }}\n",
        quoted(SECRET)
    ));
    let key = std::fs::read_to_string(crate::support::samples::repository().join("examples/demo-age-key.txt")).unwrap();
    let recipient = key.split_whitespace().find(|word| word.starts_with("age1")).unwrap();
    let project = project.file(".sops.yaml", format!("creation_rules:\n  - age: {recipient}\n"));
    let message = refused(&project);
    record(&message);
}

#[test]
fn what_somebody_lifted_may_be_public() {
    passes(&with("  PUBLIC: \"{{ declassify(data.DB_PASSWORD, 'a demo') }}\"\n  USES: \"see {{ data.PUBLIC }}\"\n"));
    // with all that it is made of
    passes(&with("  URL: \"x:{{ data.DB_PASSWORD }}\"\n  PUBLIC: \"{{ declassify(data.URL, 'a demo') }}\"\n"));
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: { name: web, annotations: { a: \"{{ declassify(data.DB_PASSWORD, 'a demo') }}\" } }\n";
    passes(&with("manifests: [m/x.yaml]\n").file("m/x.yaml", manifest));
    passes(
        &with("manifests: [m/x.yaml.j2]\n")
            .file("m/x.yaml.j2", manifest.replace("\"{{", "{{").replace("}}\"", "| tojson }}")),
    );
    // elsewhere it is a leak all the same
    let message = refused(&with(&format!(
        "  PUBLIC: \"{{{{ declassify(data.DB_PASSWORD, 'a demo') }}}}\"\n  COPY: {{ value: {}, sensitive: false, reason: none, template: false }}\n",
        quoted(SECRET)
    )));
    assert!(message.contains("`data.COPY`") && !message.contains("`data.PUBLIC`"), "{message}");
}

#[test]
fn what_somebody_lifted_in_one_file_is_a_leak_in_another() {
    let object = |name: &str, value: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, annotations: {{ a: {value} }} }}\n")
    };
    let lifted = "{{ declassify(data.DB_PASSWORD, 'a demo') | tojson }}";
    let project =
        |more: &str| with(&format!("manifests: [m/*]\n{more}")).file("m/lifted.yaml.j2", object("lifted", lifted));
    passes(&project("").file("m/web.yaml", object("web", "other")));
    let copied = project("").file("m/web.yaml", object("web", &quoted(SECRET)));
    let message = refused(&copied);
    assert!(message.contains("m/web.yaml") && !message.contains("lifted"), "{message}");
    // a patch likewise
    let patch = |value: &str| {
        let value = quoted(value);
        format!(
            "patches:\n- target: {{ name: web }}\n  patch: [{{ op: add, path: /metadata/annotations/b, value: {value} }}]\n"
        )
    };
    passes(&project(&patch(&lifted.replace(" | tojson", ""))).file("m/web.yaml", object("web", "other")));
    refused(&project(&patch(SECRET)).file("m/web.yaml", object("web", "other")));
}

#[test]
fn what_is_allowed_passes() {
    let copy = format!("  COPY: {{ value: {}, sensitive: false, reason: none, template: false }}\n", quoted(SECRET));
    let allow = |key: &str| format!("allow: [{{ rule: secret-in-plain-output, key: {key}, reason: a demo }}]\n");
    passes(&with(&format!("{copy}{}", allow("COPY"))));
    passes(&with(&format!("{copy}{}", allow("DB_PASSWORD"))));
    refused(&with(&format!("{copy}{}", allow("OTHER"))));
    refused(&with(&format!("{copy}{}", allow("COPY").replace("secret-in-plain-output", "url-password"))));
}

#[test]
fn what_is_met_by_chance_is_no_finding() {
    for (password, plain) in [
        ("hunter2", "hunter2"),
        ("postgres", "postgres"),
        ("checkout-db", "tcp://checkout-db.prod.svc:5432"),
        ("checkout-db", "checkout-db"),
        ("correct-horse-battery", "correct-horse-battery-staple.example.com"),
        ("correct-horse-battery", "correct-horse-battery"),
        ("changeme-please-now", "changeme-please-now is what to replace"),
        ("${PASSWORD_OF_DB}", "set ${PASSWORD_OF_DB}"),
    ] {
        let base = format!(
            "data:\n  DB_PASSWORD: {{ value: {}, sensitive: true }}\n  OTHER: {{ value: {}, sensitive: false, reason: none }}\n",
            quoted(password),
            quoted(plain)
        );
        passes(&Sandbox::of(&base, "").file(".gitignore", "rendered\n"));
    }
    // a phrase by itself
    let base = "data:\n  DB_PASSWORD: { value: correct-horse-battery, sensitive: true }\n  OTHER: log in with correct-horse-battery\n";
    let message = Sandbox::of(base, "").run(&["render", "dev"]).refused();
    assert!(message.contains("`data.OTHER`") && !message.contains("correct-horse"), "{message}");
}

#[test]
fn all_findings_are_told_at_once() {
    let word = quoted(SECRET);
    let message = refused(&with(&format!(
        "  API_TOKEN: {{ value: t1o2k3e4n5x6, sensitive: true }}\n  ONE: {{ value: {}, sensitive: false, reason: none, template: false }}\nannotations: {{ note: {word} }}\n",
        quoted(&format!("{SECRET} {SECRET} t1o2k3e4n5x6"))
    )));
    // two in the entry, and one in the annotation of every object
    assert_eq!(message.matches(RULE).count(), 3, "{message}");
}

#[test]
fn a_private_key_is_found_however_it_is_wrapped() {
    let body = STANDARD
        .encode((0_u32..200).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect::<Vec<_>>());
    let wrapped = |width: usize, indent: &str| {
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(width)
            .map(|line| format!("{indent}{}", std::str::from_utf8(line).unwrap()))
            .collect();
        format!("{indent}-----BEGIN {0} KEY-----\n{1}\n{indent}-----END {0} KEY-----\n", "PRIVATE", lines.join("\n"))
    };
    let base = "data:\n  tls: { file: tls.pem, sensitive: true }\nmanifests: [m/x.yaml]\n";
    for copy in [wrapped(64, ""), wrapped(64, "    "), wrapped(76, "  "), body.clone()] {
        let manifest = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: web, annotations: {{ note: {} }} }}\n",
            quoted(&copy)
        );
        let project = Sandbox::of(base, "").file("tls.pem", wrapped(64, "")).file("m/x.yaml", manifest);
        let message = project.run(&["render", "dev"]).refused();
        assert!(message.contains("`metadata.annotations.note`") && !message.contains(&body[..20]), "{message}");
    }
}

#[test]
fn what_is_never_rendered_is_looked_through_as_it_is() {
    const URL: &str = "postgres://shop:hunter2canary@db/shop";
    for (base, expected) in [
        ("data: { A: { value: \"{{ 'URL' }}\", template: false } }", 1),
        ("data: { A: { value: \"{{ 1 }}{# URL #}x\", template: false } }", 1),
        ("data: { A: { file: a.txt } }", 1),
        ("data: { A.json: { content: { a: \"{{ 1 }}{# URL #}x\" }, template: false } }", 1),
        ("data: { A: \"{{ 1 }}{# URL #}x\" }", 0),
        ("data: { A: { template: a.txt } }", 0),
        ("data: { A: { value: '{{ .Values.password }}', template: false, sensitive: true } }", 0),
    ] {
        let project = Sandbox::of(&format!("{}\n", base.replace("URL", URL)), "");
        let project = project.file("a.txt", format!("{{{{ 1 }}}}{{# {URL} #}}x"));
        let run = project.run(&["check", "--keyless"]);
        let said = run.stdout + &run.stderr;
        assert_eq!(run.code, expected, "{base}\n{said}");
        assert_eq!(said.contains("plaintext-secret"), expected == 1, "{base}\n{said}");
        assert!(!said.contains("hunter2canary"), "{said}");
    }
}
