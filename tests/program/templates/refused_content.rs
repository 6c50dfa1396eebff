//! What a file may not hold: ciphertext where a value is expected, a private key where a recipient is, keys that
//! make an encrypted file ambiguous. And what becomes of plaintext that is written: its owner's alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;

use crate::support::messages::record;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const CIPHERTEXT: &str =
    "ENC[AES256_GCM,data:8DYjUFiy5cyA9DYa7aHfmg==,iv:dD/34dXiqWflsclF9Cgc05gf,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";

const BASE: &str = "app: shop\ndata: { URL: a, P: { sensitive: true } }\n";

/// `prod.secrets.yaml` of the demo without its `sops` block, as a bad merge leaves it.
fn lost_block() -> String {
    ENCRYPTED.split("\nsops:").next().unwrap().to_owned() + "\n"
}

/// A place for a ciphertext in a project: a name, and files that put it there.
fn places() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let base = |rest: &str| ("base.yaml", format!("{BASE}{rest}"));
    let dev = |text: String| vec![base(""), ("dev.yaml", text)];
    let escaped = CIPHERTEXT.replace('[', "\\u005b");
    let secret = |field: &str, value: &str| {
        vec![
            base("manifests: ['objects/*']\n"),
            (
                "objects/s.yaml",
                format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: s }}\n{field}: {{ a: '{value}' }}\n"),
            ),
        ]
    };
    vec![
        ("a value", dev(format!("data: {{ P: '{CIPHERTEXT}' }}\n"))),
        ("a part of a value", dev(format!("data: {{ URL: 'https://x:{CIPHERTEXT}@y' }}\n"))),
        ("a value of the long form", dev(format!("data: {{ URL: {{ value: '{CIPHERTEXT}' }} }}\n"))),
        ("an escaped value", dev(format!("data: {{ URL: \"{escaped}\" }}\n"))),
        ("several lines", dev(format!("data:\n  URL: |\n    a\n    {CIPHERTEXT}\n"))),
        ("a comment", dev(format!("data:\n  #{CIPHERTEXT}\n  URL: b\n"))),
        ("a variable", vec![base(&format!("vars: {{ a: ['{CIPHERTEXT}'] }}\n"))]),
        (
            "content",
            vec![base(&format!(
                "bundles: {{ b: {{ data: {{ a.json: {{ content: {{ a: '{CIPHERTEXT}' }} }} }} }} }}\n"
            ))],
        ),
        ("a label", vec![base(&format!("annotations: {{ a: '{CIPHERTEXT}' }}\n"))]),
        ("a file", vec![base("bundles: { b: { data: { a: { file: a } } } }\n"), ("a", format!("x={CIPHERTEXT}\n"))]),
        (
            "a file of JSON",
            vec![base("bundles: { b: { data: { a: { file: a } } } }\n"), ("a", format!("{{\"x\": \"{escaped}\"}}\n"))],
        ),
        (
            "a template",
            vec![
                base("bundles: { b: { data: { a: { template: a } } } }\n"),
                ("a", format!("{{{{ env.name }}}}{CIPHERTEXT}\n")),
            ],
        ),
        ("a rendered text", vec![base("bundles: { b: { data: { a: '{{ \"ENC\" ~ \"[AES256_GCM,data:x]\" }}' } } }\n")]),
        ("a Secret of a manifest", secret("stringData", CIPHERTEXT)),
        ("base64 in the Secret of a manifest", secret("data", &STANDARD.encode(CIPHERTEXT))),
        ("base64 of more in the Secret of a manifest", secret("data", &STANDARD.encode(format!("ab{CIPHERTEXT}")))),
        (
            "a template of manifests",
            vec![
                base("manifests: ['objects/*']\n"),
                (
                    "objects/s.yaml.j2",
                    format!(
                        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: '{{{{ env.name }}}}' }}\ndata: {{ a: '{CIPHERTEXT}' }}\n"
                    ),
                ),
            ],
        ),
        (
            "a layer that lost its block",
            vec![base(""), ("dev.secrets.yaml", format!("data: {{ P: '{CIPHERTEXT}' }}\n"))],
        ),
    ]
}

#[test]
fn ciphertext_is_a_value_nowhere() {
    for (name, files) in places() {
        let all = [("base.yaml", BASE), ("dev.yaml", "")];
        let mut project = Sandbox::new(all);
        for (path, text) in &files {
            project = project.file(path, text);
        }
        for arguments in [&["render", "dev"][..], &["render", "--all", "--out", "out", "--allow-plaintext"]] {
            let run = project.run(arguments);
            assert!(run.code == 2 && run.stdout.is_empty(), "{name}, {arguments:?}: {} {}", run.code, run.stderr);
            run.record();
            assert!(!run.stderr.contains("8DYjUFiy5cyA9DYa7aHfmg"), "{name}: {}", run.stderr);
        }
        assert!(!project.root().join("out").exists(), "{name}");
        for arguments in [&["check", "--format", "json"][..], &["check", "--keyless", "--format", "json"]] {
            let run = project.run(arguments);
            assert!(
                run.code != 0 && run.stdout.contains("\"ciphertext-as-value\""),
                "{name}, {arguments:?}: {}",
                run.stdout
            );
        }
        // what `--fix` did to it would be final
        let before: Vec<_> = files.iter().map(|(path, _)| fs::read(project.root().join(path)).unwrap()).collect();
        let rules = "creation_rules:\n  - age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";
        let project = project.file(".sops.yaml", rules);
        assert_ne!(project.run(&["check", "--fix"]).code, 0, "{name}");
        let after: Vec<_> = files.iter().map(|(path, _)| fs::read(project.root().join(path)).unwrap()).collect();
        assert_eq!(before, after, "{name}: changed by --fix");
    }
}

#[test]
fn a_lost_block_is_restored_and_not_encrypted_over() {
    let desk = Sandbox::with_identities();
    desk.write("x.secrets.yaml", lost_block());
    desk.write("x.enc.json", format!("{{\"a\": \"{CIPHERTEXT}\"}}"));
    desk.write("x.enc.env", format!("A={CIPHERTEXT}\n"));
    desk.write("x.enc.ini", format!("[a]\nb = {CIPHERTEXT}\n"));
    desk.write("x.enc.bin", CIPHERTEXT);
    for name in ["x.secrets.yaml", "x.enc.json", "x.enc.env", "x.enc.ini", "x.enc.bin"] {
        let before = desk.bytes(name);
        for command in [&["encrypt", name][..], &["decrypt", name], &["edit", name], &["rekey", name]] {
            desk.run(command).fails(2);
        }
        assert_eq!(desk.bytes(name), before, "{name}");
    }
    desk.encrypted("y.enc.yaml", "a: 1\n");
    desk.give(CIPHERTEXT, &["set", "y.enc.yaml", "b"]).fails(2);
}

#[test]
fn ciphertext_under_a_key_that_is_not_encrypted_is_found_without_a_key() {
    let layer = ENCRYPTED.replacen("data:", &format!("annotations_unencrypted: '{CIPHERTEXT}'\ndata:"), 1);
    let project = Sandbox::new([("base.yaml", "app: a\ndata: { DATABASE_PASSWORD: { sensitive: true } }\n")])
        .file("prod.yaml", "")
        .file("prod.secrets.yaml", layer);
    let run = project.run(&["check", "--keyless"]);
    record(&(run.stdout + &run.stderr));
    assert!(run.code != 0);
}

#[test]
fn an_encrypted_value_below_a_key_with_a_colon_is_refused() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", "app: a\nvars: { m: { k: { sensitive: true } } }\ndata: { A: '{{ vars.m.k }}' }\n");
    desk.write("prod.yaml", "");
    desk.encrypted("prod.secrets.yaml", "vars:\n  m:\n    k: hunter2-canary\n");
    desk.run(&["render", "prod"]).ok();
    // without any key, and with a checksum that stays right
    let moved = desk.read("prod.secrets.yaml").replacen("vars:\n  m:\n    k: ", "vars:\n  \"m:k\": ", 1);
    desk.write("prod.secrets.yaml", moved);
    desk.run(&["render", "prod"]).fails(2);

    let keyless = desk.run_without_key(&["check", "--keyless"]);
    assert_ne!(keyless.code, 0);
    record(String::from_utf8(keyless.bytes).unwrap() + &keyless.stderr);
    // and nobody is led to make such a file
    for (name, text) in [("a.enc.yaml", "\"m:k\": 1\n"), ("a.enc.json", "{\"m\": {\"k:\": [1]}}")] {
        desk.write(name, text);
        desk.run(&["encrypt", name]).fails(2);

        assert_eq!(desk.read(name), text);
    }
}

#[test]
fn a_private_key_is_refused_wherever_a_recipient_is_expected_and_never_shown() {
    const KEY: &str = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0S2VHRY2";
    const PEM: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let rules = "creation_rules:\n  - age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";
    for key in [KEY, &KEY.to_lowercase(), PEM] {
        for text in [
            format!("{rules}# {key}\n"),
            format!("{rules}keys:\n  - &a \"{key}\"\n"),
            format!("creation_rules:\n  - age: '{key}'\n"),
            format!("creation_rules: '{key}'\n"),
            format!("creation_rules: [\n# {key}\n"),
            key.to_owned(),
        ] {
            let desk = Sandbox::with_identities();
            desk.write(".sops.yaml", &text);
            desk.write("x.enc.yaml", "a: 1\n");
            let message = desk.run(&["encrypt", "x.enc.yaml"]).fails(2);

            assert!(!message.to_uppercase().contains(&key.to_uppercase()), "{message}");
        }
        let project = Sandbox::new([("base.yaml", BASE), ("dev.yaml", "")]);
        for text in [format!("apps: ['.']\n# {key}\n"), format!("apps: ['{key}']\n")] {
            let message = project.run(&["check"]);
            assert_eq!(message.code, 1, "{}", message.stdout);
            let found =
                Sandbox::new([("a/base.yaml", BASE), ("a/dev.yaml", ""), ("septum.yaml", &text)]).run(&["check"]);
            found.record();
            assert!(found.code == 2, "{}", found.stderr);
            assert!(!found.stderr.to_uppercase().contains(&key.to_uppercase()), "{}", found.stderr);
        }
    }
    let desk = Sandbox::with_identities();
    desk.write("x.enc.yaml", "a: 1\n");
    let message = desk.run(&["encrypt", "--age", KEY, "x.enc.yaml"]).fails(2);
    assert!(!message.contains("QQQSYQCYQ5"), "{message}");
    let base = format!("{BASE}delivery: {{ secrets: sops, recipients: ['{KEY}'] }}\n");
    let run = Sandbox::of(&base, "data: { P: x }\n").run(&["render", "dev"]);
    run.record();
    assert!(run.code == 2 && !run.stderr.contains("QQQSYQCYQ5"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn plaintext_that_is_written_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    desk.write("old.yaml", "");
    set(&desk.path("old.yaml"), 0o644);
    set(&desk.path("x.enc.yaml"), 0o644);
    for (arguments, written) in [
        (&["decrypt", "x.enc.yaml", "--output", "new.yaml"][..], "new.yaml"),
        (&["decrypt", "x.enc.yaml", "--output", "old.yaml"], "old.yaml"),
        (&["decrypt", "x.enc.yaml", "--in-place"], "x.enc.yaml"),
    ] {
        desk.run(arguments).succeeds();
        assert_eq!(mode(&desk.path(written)), 0o600, "{arguments:?}");
    }
    // a file of a tree that was in a form that everybody may read, and becomes a Secret in plaintext
    let base = |delivery: &str| {
        format!("app: app\ndelivery: {{ {delivery} }}\ndata: {{ P: {{ value: x, sensitive: true }} }}\n")
    };
    let recipients = "secrets: sops, recipients: [age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms]";
    let project = Sandbox::of(&base(recipients), "");
    let render = |project: &Sandbox| project.run(&["render", "--all", "--out", "rendered"]);
    assert_eq!(render(&project).code, 0);
    let secret = project.root().join("rendered").join("dev/app/secret-app.yaml");
    set(&secret, 0o644);
    let project = project.file("base.yaml", base("secrets: manifest"));
    let run = render(&project);
    assert_eq!((run.code, mode(&secret)), (0, 0o600), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_command_for_keys_gets_recipients_and_no_other_text_of_a_file() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: hunter2-canary\n");
    let sound = desk.read("x.enc.yaml");
    let recipient = desk.alice.clone();
    let get = |text: &str| {
        desk.write("x.enc.yaml", text);
        let mut command = desk.command(&["get", "x.enc.yaml", "a"]);
        let key = format!("sh -c 'echo \"$SOPS_AGE_RECIPIENT\" >> {}; cat alice.txt'", desk.path("asked").display());
        command.env_remove("SOPS_AGE_KEY_FILE").env("SOPS_AGE_KEY_CMD", key);
        let output = command.output().unwrap();
        let asked = fs::read_to_string(desk.path("asked")).unwrap_or_default();
        let _ = fs::remove_file(desk.path("asked"));
        (output.status.code(), asked)
    };
    assert_eq!(get(&sound), (Some(0), format!("{recipient}\n")));
    // whoever writes the file writes these too, and the command may be a line of shell
    for hostile in ["$(touch ran)", "a b; touch ran", "--help", "age1x", "ssh-ed25519 $(touch ran)", "../../x", "ENV=1"]
    {
        let (code, asked) = get(&sound.replace(&recipient, hostile));
        assert_eq!((code, asked.as_str()), (Some(3), ""), "{hostile}");
    }
}
