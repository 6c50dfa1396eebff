//! Encrypted files that someone changed without any key so that a value is not the one under its name: `m: { k: … }` was
//! made `"m:k": …`, or an empty value has the same key. Every command refuses them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

/// A name of a file, its plaintext, and the texts that are replaced in the encrypted file.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CASES: [Case; 6] = [
    ("x.enc.yaml", "m:\n    k: VALUE\nother: 1\n", &[("m:\n    k: ", "\"m:k\": ")]),
    ("l.enc.yaml", "m:\n    k:\n        - VALUE\nother: 1\n", &[("m:\n    k:\n        - ", "m:k:\n    - ")]),
    ("x.enc.json", JSON, &[("\"m\": {\"k\": ", "\"m:k\": "), ("\"},", "\",")]),
    // the second one has no ciphertext
    ("y.enc.json", JSON, &[("\"m\": {\"k\": ", "\"m:k\": "), ("\"},", "\", \"m:k\": \"\",")]),
    ("x.enc.ini", "[m]\nk = VALUE\n", &[("[m]", "[m:n]")]),
    ("x.enc.env", "k=VALUE\nother=1\n", &[("k=", "m:k=")]),
];

/// An empty value, which the checksum does not notice, has the key of an encrypted one: sops reads the first of the two,
/// and most programs the last.
const TWICE: [Case; 6] = [
    ("x.enc.yaml", "m: VALUE\nother: 1\n", &[("other: ", "m: \"\"\nother: ")]),
    ("x.enc.json", JSON, &[("\"other\": ", "\"m\": \"\", \"other\": ")]),
    ("y.enc.json", JSON, &[("\"k\": ", "\"k\": \"\", \"k\": ")]),
    ("x.enc.ini", "[m]\nk = VALUE\n", &[("[sops]", "[m]\nk =\n\n[sops]")]),
    ("x.enc.env", "k=VALUE\nother=1\n", &[("other=", "k=\nother=")]),
    ("x.enc.bin", "VALUE", &[("\"data\": ", "\"data\": \"\", \"data\": ")]),
];

const JSON: &str = "{\"m\": {\"k\": \"VALUE\"}, \"other\": 1}";

/// What a command is called with, FILE being the ambiguous one. Those that read no encrypted file have none.
fn arguments(command: &str) -> Option<Vec<&'static [&'static str]>> {
    Some(match command {
        "decrypt" => vec![
            &["decrypt", "FILE"],
            &["decrypt", "-i", "FILE"],
            &["decrypt", "-o", "out", "FILE"],
            &["decrypt", "--extract", "other", "FILE"],
        ],
        "get" => vec![&["get", "FILE", "other"]],
        "set" => vec![&["set", "FILE", "other"]],
        "unset" => vec![&["unset", "FILE", "other"]],
        "rekey" => vec![&["rekey", "FILE"], &["rekey", "--check", "FILE"]],
        "rotate" => vec![&["rotate", "FILE"]],
        "edit" => vec![&["edit", "FILE"]],
        "git-textconv" => vec![&["git-textconv", "FILE"]],
        "git-merge" => {
            vec![&["git-merge", "base", "FILE", "theirs", "FILE"], &["git-merge", "base", "theirs", "FILE", "theirs"]]
        }
        // an encrypted file is refused as it is
        "encrypt" => vec![&["encrypt", "FILE"]],
        // layers: `refused_content::an_encrypted_value_below_a_key_with_a_colon_is_refused`
        // `doctor` reads metadata alone
        "import" => vec![&["import", "sops", "prod=FILE", "--out", "out"]],
        // `exposure` reads metadata and ciphertexts alone
        "argocd" | "exec" | "export" | "krm" | "helm" | "lsp" | "docs" | "schema" | "exposure" | "report"
        | "render" | "rename" | "check" | "diff" | "promote" | "eject" | "gc" | "explain" | "list" | "init"
        | "doctor" | "git-setup" | "keygen" | "completions" | "man" | "help" => {
            return None;
        }
        other => panic!("`{other}`: does it read encrypted files?"),
    })
}

#[test]
fn every_command_refuses_a_file_whose_keys_were_joined() {
    every_command_refuses(&CASES);
}

#[test]
fn every_command_refuses_a_file_in_which_a_key_is_there_twice() {
    every_command_refuses(&TWICE);
}

#[track_caller]
fn every_command_refuses(cases: &[Case]) {
    for &(name, plain, changes) in cases {
        let desk = Sandbox::with_identities();
        desk.encrypted(name, plain.replace("VALUE", CANARY));
        for copy in ["base", "theirs"] {
            desk.write(copy, desk.bytes(name));
        }
        for (from, to) in changes {
            desk.replace(name, from, to);
        }
        let before = desk.bytes(name);
        for arguments in crate::support::help::commands().iter().filter_map(|command| arguments(command)).flatten() {
            let arguments: Vec<_> = arguments.iter().map(|it| it.replace("FILE", name)).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = desk.give("2", &arguments);
            // what cannot be read is shown encrypted, as it is in Git
            let shown = if run.bytes == before { "(the file)\n".into() } else { String::from_utf8_lossy(&run.bytes) };
            let message = format!("{}{shown}", run.stderr);
            let of_git = arguments[0].starts_with("git-");
            if arguments[0] == "encrypt" {
                record(&message);
                assert!(run.code == 2, "{arguments:?}: {message}");
            } else {
                assert!(of_git || run.code == 2, "{arguments:?}: {} {message}", run.code);
                record(&message);
            }
            assert!(!message.contains(CANARY), "{arguments:?}: {message}");
            assert!(!desk.path("out").exists());
            assert_eq!(desk.bytes(name), before, "{arguments:?} changed the file");
        }
    }
}

#[test]
fn no_command_writes_a_key_that_would_be_ambiguous() {
    for (name, plain, key) in [
        ("x.enc.yaml", "a: 1\n", "[\"m:k\"]"),
        ("x.enc.yaml", "a: 1\n", "m[\"k:\"].b"),
        ("x.enc.json", "{\"a\": 1}", "[\"m:k\"]"),
        ("x.enc.ini", "[s]\na = 1\n", "[\"m:k\"].a"),
    ] {
        let desk = Sandbox::with_identities();
        desk.encrypted(name, plain);
        let before = desk.bytes(name);
        let message = desk.give(CANARY, &["set", name, key]).fails(2);

        assert!(!message.contains(CANARY));
        assert_eq!(desk.bytes(name), before);
    }
    for (name, plain) in
        [("a.enc.yaml", "\"m:k\": 1\n"), ("a.enc.json", "{\"m\": {\"k:\": [1]}}"), ("a.enc.ini", "[m:k]\na = 1\n")]
    {
        let desk = Sandbox::with_identities();
        desk.write(name, plain);
        desk.run(&["encrypt", name]).fails(2);

        assert_eq!(desk.read(name), plain);
    }
}
