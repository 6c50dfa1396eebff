//! Encrypted files.

use super::{SECRET, assert_no_secret, import, written};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

/// Encrypts files, imports them, and checks the proof and that no secret is in plaintext.
#[track_caller]
fn check(name: &str, files: &[(&str, &str)], arguments: &[&str], proof: &str) -> Sandbox {
    let desk = Sandbox::with_identities();
    for (path, text) in files {
        desk.encrypted(path, text);
    }
    let run = import(&desk, &[&["sops"], arguments].concat());
    assert_eq!(run.code, 0, "{name}: {}", run.stderr);
    let stdout = run.stdout;
    assert_eq!(stdout.trim_end().lines().last(), Some(proof), "{name}: {stdout}");
    desk.all().iter().for_each(|(path, bytes)| assert_no_secret(&format!("{name}: {path}"), bytes));
    assert_no_secret(name, (stdout + &run.stderr).as_bytes());
    desk
}

#[test]
fn encrypted_files_become_layers_with_the_same_values() {
    let layer = "data:\n  A: canary-hunter2-a\n  B: 1.10\n";
    let desk = check("a layer", &[("prod.secrets.yaml", layer)], &["prod.secrets.yaml"], "2 of 2 values equal in prod");
    assert_eq!(desk.bytes("environments/prod.secrets.yaml"), desk.bytes("prod.secrets.yaml"), "its bytes are kept");
    for (name, files, arguments, proof) in [
        (
            "bundles",
            &[("prod.secrets.yaml", "bundles: { login: { data: { A: canary-hunter2 } } }\n")][..],
            &["prod.secrets.yaml"][..],
            "1 of 1 values equal in prod",
        ),
        (
            "keys",
            &[("secrets.prod.secrets.yaml", "A: canary-hunter2\nB: \"{{ x }}\"\n")],
            &["secrets.prod.secrets.yaml"],
            "2 of 2 values equal in prod",
        ),
        (
            "a structure",
            &[("prod.secrets.yaml", "db: { password: canary-hunter2, ports: [1, \"{{ b }}\"] }\nflag: true\n")],
            &["prod.secrets.yaml"],
            "4 of 4 values equal in prod",
        ),
        (
            "a Secret",
            &[(
                "prod.secrets.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\ndata: { A: Y2FuYXJ5LWh1bnRlcjItYg== }\nstringData: { B: c }\n",
            )],
            &["prod.secrets.yaml"],
            "2 of 2 values equal in prod",
        ),
        (
            "dotenv",
            &[("prod.secrets.env", "A=canary-hunter2\nB=c\n")],
            &["prod.secrets.env"],
            "2 of 2 values equal in prod",
        ),
        (
            "JSON",
            &[("prod.secrets.json", "{\"A\": \"canary-hunter2\"}\n")],
            &["prod.secrets.json"],
            "1 of 1 values equal in prod",
        ),
        (
            "two environments",
            &[("dev.secrets.yaml", "data: { A: canary-hunter2 }\n"), ("x.secrets.yaml", "A: canary-hunter2\nC: d\n")],
            &["dev.secrets.yaml", "prod=x.secrets.yaml"],
            "3 of 3 values equal in dev, prod",
        ),
        (
            "two files of one environment",
            &[("a.secrets.yaml", "data: { A: canary-hunter2 }\n"), ("b.secrets.yaml", "B: canary-hunter2\n")],
            &["prod=a.secrets.yaml", "prod=b.secrets.yaml"],
            "2 of 2 values equal in prod",
        ),
    ] {
        check(name, files, arguments, proof);
    }
}

#[test]
fn what_becomes_of_each_file_is_said() {
    let desk = Sandbox::with_identities();
    for (path, text) in [
        ("dev.secrets.yaml", "data: { A: canary-hunter2 }\n"),
        ("prod.secrets.yaml", "db: { password: canary-hunter2 }\n"),
    ] {
        desk.encrypted(path, text);
    }
    record(import(&desk, &["sops", "dev.secrets.yaml", "prod.secrets.yaml", "--app", "shop"]).ok());
    record(written(&desk, "base.yaml"));
}

#[test]
fn a_secret_keeps_its_namespace_and_metadata() {
    let secret = |name: &str, namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}{namespace}, labels: {{ team: a }}, annotations: {{ b: \"true\" }} }}\nstringData: {{ A: canary-hunter2 }} # canary-hunter2\n"
        )
    };
    let files = [("a.secrets.yaml", &*secret("login", ", namespace: shop")), ("b.secrets.yaml", &secret("other", ""))];
    let desk = check(
        "Secrets",
        &files,
        &["prod=a.secrets.yaml", "prod=b.secrets.yaml", "--app", "shop"],
        "2 of 2 values equal in prod",
    );
    record(written(&desk, "prod.yaml"));
    let rendered = desk.run(&["render", "prod", "--delivery", "manifest"]).ok();
    assert_eq!(rendered.matches("namespace: shop").count(), 2, "{rendered}");
    assert_eq!((rendered.matches("team: a").count(), rendered.matches("b: \"true\"").count()), (2, 2), "{rendered}");

    let desk = Sandbox::with_identities();
    desk.encrypted("a.secrets.yaml", files[0].1);
    desk.encrypted("c.secrets.yaml", secret("other", ", namespace: blog"));
    let run = import(&desk, &["sops", "prod=a.secrets.yaml", "prod=c.secrets.yaml", "--app", "shop"]);
    assert_eq!((run.code, desk.path("environments").exists()), (2, false));
    record(run.stderr);
}

#[test]
fn what_a_file_loses_is_said() {
    let desk = Sandbox::with_identities();
    desk.encrypted("prod.secrets.yaml", "# canary-hunter2\nA: canary-hunter2 # b\nB: null\nC:\n  # c\n  - d\n");
    desk.encrypted("dev.secrets.yaml", "data:\n  # kept\n  A: canary-hunter2\n");
    record(import(&desk, &["sops", "dev.secrets.yaml", "prod.secrets.yaml", "--app", "shop"]).ok());
}

#[test]
fn what_cannot_be_imported_writes_nothing() {
    let desk = Sandbox::with_identities();
    desk.encrypted("prod.secrets.yaml", "data: { A: canary-hunter2 }\n");
    desk.encrypted("secrets.secrets.yaml", "A: canary-hunter2\n");
    desk.write("plain.yaml", "A: b\n");
    let before = desk.all();
    for (arguments, code) in [
        (&["plain.yaml"][..], 2),
        (&["prod=plain.yaml"], 2),
        (&["secrets.secrets.yaml"], 2),
        (&["prod.secrets.yaml", "prod=prod.secrets.yaml"], 2),
    ] {
        let run = import(&desk, &[&["sops"], arguments].concat());
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains(SECRET));
        record(&run.stderr);
    }
    let run = desk.run_without_key(&["import", "sops", "prod.secrets.yaml"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(desk.all() == before);
}

#[test]
fn without_a_rule_that_matches_the_recipients_stay_those_of_the_files() {
    let desk = Sandbox::with_identities();
    desk.encrypted("prod.secrets.yaml", "A: canary-hunter2\n");
    desk.rules("creation_rules: [{path_regex: '^secrets/', age: ALICE}]");
    record(import(&desk, &["sops", "prod.secrets.yaml", "--app", "shop"]).stderr);
    desk.run(&["render", "prod"]).ok();
    assert!(!desk.read("environments/prod.secrets.yaml").contains(SECRET));
}

#[test]
fn an_encrypted_secret_stays_immutable() {
    let object =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\nimmutable: true\nstringData: { A: canary-hunter2 }\n";
    let files = [("prod.secrets.yaml", object)];
    let desk = check("immutable", &files, &["prod.secrets.yaml"], "1 of 1 values equal in prod");
    assert!(desk.read("environments/prod.yaml").contains("immutable: true"), "{}", desk.read("environments/prod.yaml"));
}
