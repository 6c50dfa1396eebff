//! `git diff` of encrypted files.

use crate::support::messages::record;
use std::process::Command;

use septum::sops::{GoRegex, Selector, SopsFormat};

use crate::git_drivers::repository::*;

const YAML: &str = "# who\nuser: canary-user\n\npassword: canary-old # why\n";

fn with_change() -> Repository {
    let repository = Repository::new();
    let before = encrypted(YAML, SopsFormat::Yaml);
    repository.write("prod.secrets.yaml", &before);
    repository.commit();
    repository.write("prod.secrets.yaml", &edited(&before, SopsFormat::Yaml, &[("canary-old", "canary-new")]));
    repository
}

/// The lines that a diff takes out and puts in.
fn lines(diff: &str) -> Vec<&str> {
    let changed = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(changed).collect()
}

/// Records the comment that says why nothing was decrypted. All else differs from run to run.
#[track_caller]
fn record_reason(diff: &str) {
    let is_reason = |line: &&str| line.trim_start_matches([' ', '+']).starts_with("# ");
    record(diff.lines().find(is_reason).unwrap_or_else(|| panic!("no reason in\n{diff}")));
}

#[test]
fn who_has_the_key_sees_what_changed() {
    let diff = with_change().ok(&["diff"]);
    assert_eq!(lines(&diff), ["-password: canary-old # why", "+password: canary-new # why"], "{diff}");
    assert!(!diff.contains("ENC[") && !diff.contains("lastmodified"), "{diff}");
}

#[test]
fn who_has_no_key_sees_which_value_changed() {
    let repository = with_change().without_key();
    let diff = repository.ok(&["diff", "-U9"]);
    let changed = lines(&diff);
    assert_eq!(changed.len(), 2, "{diff}");
    for (line, sign) in changed.iter().zip(["-", "+"]) {
        let hash = line.strip_prefix(&format!("{sign}password: [encrypted ")).and_then(|rest| rest.split_once(']'));
        assert_eq!(hash.map(|(hash, _)| hash.len()), Some(6), "{diff}");
    }
    record_reason(&diff);
    assert!(diff.contains("\n user: [encrypted "), "{diff}");
    assert!(!diff.contains("canary"), "{diff}");
    record_reason(&repository.ok(&["log", "-p"]));
}

#[test]
fn a_change_of_recipients_or_of_the_rule_is_seen() {
    let repository = Repository::new();
    let regex = |text| Selector::EncryptedRegex(GoRegex::parse(text).unwrap());
    let file = |recipients: &[&str], regex| encrypted_for(recipients, regex, b"password: x\n", SopsFormat::Yaml);
    repository.write("prod.secrets.yaml", &file(&[ALICE], regex("^pass")));
    repository.commit();
    repository.write("prod.secrets.yaml", &file(&[ALICE, BOB], regex("^password$")));
    let diff = repository.ok(&["diff"]);
    let bob = format!("+# recipient: {BOB}");
    assert_eq!(lines(&diff), ["-# encrypted_regex: ^pass", "+# encrypted_regex: ^password$", &bob], "{diff}");
}

#[test]
fn a_file_that_somebody_tampered_with_says_so_and_shows_its_keys() {
    let repository = with_change();
    let tampered = String::from_utf8(repository.read("prod.secrets.yaml")).unwrap();
    repository.write("prod.secrets.yaml", tampered.replacen("password:", "renamed:", 1).as_bytes());
    let diff = repository.ok(&["diff"]);
    record_reason(&diff);
    assert!(diff.contains("+renamed: [encrypted "), "{diff}");
}

#[test]
fn all_formats_are_shown_as_they_are_written() {
    for (name, format, text) in [
        ("a.secrets.yaml", SopsFormat::Yaml, "a: one\nl:\n  - 1\n---\nb: two\n"),
        ("a.secrets.json", SopsFormat::Json, "{\n  \"a\": \"one\",\n  \"b\": 1\n}\n"),
        ("a.secrets.env", SopsFormat::Dotenv, "# c\nA=one\n"),
        ("a.secrets.ini", SopsFormat::Ini, "[s]\na = one\n"),
        ("a.secrets.bin", SopsFormat::Binary, "one\n"),
        ("without-extension", SopsFormat::Json, "{\n  \"a\": \"one\",\n  \"b\": 1\n}\n"),
    ] {
        let repository = Repository::new();
        repository.write(name, &encrypted(text, format));
        let shown = repository.run("septum", &["git-textconv", name]);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{name}");
        let (body, recipients) = shown.stdout.split_once("# recipient: age1").unwrap_or_else(|| panic!("{name}"));
        assert_eq!((body, recipients.lines().count()), (text, 1), "{name}");
        let shown = repository.without_key().run("septum", &["git-textconv", name]);
        assert!(shown.code == 0 && shown.stdout.contains("[encrypted "), "{name}: {}", shown.stdout);
        let body = shown.stdout.replace("# not decrypted: none of", "");
        assert!(!body.contains("one"), "{name}: {}", shown.stdout);
    }
}

#[test]
fn bytes_that_are_no_text_are_told_by_their_length_and_hash() {
    let repository = Repository::new();
    let bytes = encrypted_for(&[ALICE], Selector::default(), &[0xFF, 0, 1], SopsFormat::Binary);
    repository.write("a.secrets.bin", &bytes);
    let shown = repository.run("septum", &["git-textconv", "a.secrets.bin"]).stdout;
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("[3 bytes, SHA-256 ") && first.len() == 18 + 64 + 1, "{shown}");
}

#[test]
fn what_is_not_encrypted_or_no_file_of_its_format_is_shown_as_it_is() {
    let repository = Repository::new();
    for (name, bytes) in [
        ("a.yaml", &b"a: 1\n"[..]),
        ("a.yaml", b"a: [\nsops:\n"),
        ("a.json", b"{"),
        ("a.yaml", b""),
        ("a.bin", b"\xFF\x00"),
        ("a.yaml", b"sops: 1\n"),
    ] {
        repository.write(name, bytes);
        let output = Command::new(env!("CARGO_BIN_EXE_septum"))
            .args(["git-textconv", name])
            .current_dir(repository.root())
            .output()
            .unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), bytes), "{name}");
    }
    let missing = repository.run("septum", &["git-textconv", "missing.yaml"]);
    assert_eq!(missing.code, 4);
    missing.record();
}

#[test]
fn rules_are_never_looked_at() {
    let repository = with_change();
    repository.write(".sops.yaml", b"creation_rules: [{]");
    assert_eq!(lines(&repository.ok(&["diff", "prod.secrets.yaml"])).len(), 2);
}
