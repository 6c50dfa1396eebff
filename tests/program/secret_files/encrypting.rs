//! `septum encrypt`

use crate::secret_files::FILES;
use crate::support::sandbox::{CANARY, Sandbox};

#[test]
fn files_of_all_formats_are_encrypted_in_place_and_come_back_as_they_were() {
    let desk = Sandbox::with_identities();
    let names: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
    for (name, content) in FILES {
        desk.write(name, content);
    }
    let run = desk.run(&[&["encrypt"][..], &names].concat());
    run.record();
    for (name, content) in FILES {
        let encrypted = desk.read(name);
        assert!(encrypted.contains("ENC[AES256_GCM,") && !encrypted.contains(CANARY), "{name}: {encrypted}");
        assert_eq!(desk.run(&["decrypt", name]).succeeds(), content, "{name}: comments, blank lines and quotes stay");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            assert!(String::from_utf8(sops.bytes).unwrap().contains(CANARY), "{name}: {}", sops.stderr);
        }
    }
}

#[test]
fn sops_reads_files_of_every_selector_and_of_key_groups() {
    const PLAIN: &str = "# sops:mark\na_x: one\nb: two\ndata:\n  c: 3\n";
    let desk = Sandbox::with_identities();
    for (selector, open) in [
        ("unencrypted_suffix: _x", "a_x: one"),
        ("encrypted_suffix: _x", "b: two"),
        ("unencrypted_regex: ^data$", "c: 3"),
        ("encrypted_regex: ^data$", "b: two"),
        ("unencrypted_comment_regex: sops:mark", "a_x: one"),
        ("encrypted_comment_regex: sops:mark", "b: two"),
        ("mac_only_encrypted: true\n    encrypted_regex: ^a", "b: two"),
        ("shamir_threshold: 2\n    key_groups: [{age: [ALICE]}, {age: [ALICE, BOB]}]", "sops:\n"),
    ] {
        let recipients = if selector.contains("key_groups") { "" } else { "    age: ALICE\n" };
        desk.rules(&format!("creation_rules:\n  - path_regex: x.yaml\n    {selector}\n{recipients}"));
        desk.encrypted("x.yaml", PLAIN);
        assert!(desk.read("x.yaml").contains(open), "{selector}:\n{}", desk.read("x.yaml"));
        assert_eq!(desk.run(&["decrypt", "x.yaml"]).succeeds(), PLAIN, "{selector}");
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.yaml"]) {
            let printed = sops.succeeds();
            assert!(["one", "two", "c: 3"].iter().all(|value| printed.contains(value)), "{selector}:\n{printed}");
        }
    }
}

#[test]
fn values_that_come_back_as_another_text_are_told() {
    let desk = Sandbox::with_identities();
    desk.write(
        "x.enc.yaml",
        "mode: 0644\nversion: 1.10\nday: 2024-01-01\nkept: '0644'\nport: 8080\nx_unencrypted: 1.10\n",
    );
    let run = desk.run(&["encrypt", "x.enc.yaml"]);
    assert_eq!(run.stderr.matches("warning: ").count(), 3, "{}", run.stderr);
    run.record();
    assert!(!run.stderr.contains("1.10"), "{}", run.stderr);
}

#[test]
fn all_files_are_encrypted_or_none() {
    let desk = Sandbox::with_identities();
    desk.write("good.enc.yaml", "a: 1\n");
    desk.write("tab.enc.yaml", "a:\n\tb: hunter2-canary\n");
    desk.write("list.enc.json", "[\"hunter2-canary\"]\n");
    let before = desk.all();
    desk.run(&["encrypt", "good.enc.yaml", "tab.enc.yaml", "missing.enc.yaml", "list.enc.json"]).fails(2);

    assert_eq!(desk.all(), before);
}

#[test]
fn what_cannot_be_encrypted_is_refused_with_what_to_do() {
    let desk = Sandbox::with_identities();
    desk.rules(
        r"creation_rules:
- {path_regex: 'none\.enc\.', encrypted_regex: ^secret, age: ALICE}
- {path_regex: 'nobody\.enc\.', encrypted_regex: x}
- {path_regex: 'pgp\.enc\.', pgp: ABCDEF, age: ALICE}
- {path_regex: '\.enc\.', age: ALICE}",
    );
    for (name, content) in [
        ("none.enc.yaml", "password: hunter2-canary\n"),
        ("nobody.enc.yaml", "x: hunter2-canary\n"),
        ("pgp.enc.yaml", "x: hunter2-canary\n"),
        ("reserved.enc.yaml", "sops: hunter2-canary\n"),
        ("reserved.enc.env", "sops_x=hunter2-canary\n"),
        ("block.enc.env", "sops=hunter2-canary\n"),
        ("empty.enc.yaml", ""),
        ("twice.enc.yaml", "a: hunter2-canary\na: 2\n"),
        ("big.enc.yaml", "a: 18446744073709551615\n"),
        ("other.yaml", "a: hunter2-canary\n"),
        ("latin.enc.yaml", "a: x\n"),
    ] {
        desk.write(name, content);
    }
    desk.write("latin.enc.yaml", b"a: \xfc\n");
    let before = desk.all();
    let private = std::fs::read_to_string(desk.path("alice.txt")).unwrap();
    let private = private.lines().last().unwrap();
    for arguments in [
        &["none.enc.yaml"][..],
        &["nobody.enc.yaml"],
        &["pgp.enc.yaml"],
        &["reserved.enc.yaml"],
        &["reserved.enc.env"],
        &["block.enc.env"],
        &["empty.enc.yaml"],
        &["twice.enc.yaml"],
        &["big.enc.yaml"],
        &["latin.enc.yaml"],
        &["other.yaml"],
        &["--age", &desk.bob, "twice.enc.yaml"],
        &["--age", private, "other.yaml"],
        &["--age", "age1xyz", "other.yaml"],
        &["-o", "x", "other.yaml", "twice.enc.yaml"],
    ] {
        let stderr = desk.run(&[&["encrypt"], arguments].concat()).fails(2);

        assert!(stderr.contains("hint: ") || stderr.contains("--output"), "{arguments:?}: {stderr}");
        assert!(!stderr.contains(private), "{stderr}");
    }
    assert_eq!(desk.all(), before);
    desk.rules("creation_rules: [{path_regex: x, age: ALICE, path-regex: y}]");
    desk.run(&["encrypt", "other.yaml"]).fails(2);
}

#[test]
fn an_encrypted_file_is_not_encrypted_again() {
    let desk = Sandbox::with_identities();
    for (name, content) in FILES {
        desk.encrypted(name, content);
        let before = desk.bytes(name);
        desk.run(&["encrypt", name]).fails(2);

        assert_eq!(desk.bytes(name), before);
    }
}

#[test]
fn standard_input_is_encrypted_and_printed() {
    let desk = Sandbox::with_identities();
    let printed = desk.give("a: hunter2-canary\n", &["encrypt", "--filename", "new.enc.yaml"]).succeeds();
    assert!(printed.starts_with("a: ENC["), "{printed}");
    assert!(!desk.path("new.enc.yaml").exists());
    desk.write("copy.yaml", &printed);
    assert_eq!(desk.give(&printed, &["decrypt", "--input-type", "yaml"]).succeeds(), "a: hunter2-canary\n");
    desk.give("A=1\n", &["encrypt", "--filename", "x.enc.env", "-o", "out.env"]).succeeds();
    assert!(desk.read("out.env").starts_with("A=ENC["));
    assert!(desk.give("a: 1\n", &["encrypt"]).fails(2).contains("--filename"));
    desk.give("a: 1\n", &["encrypt", "--filename", "no-rule.yaml"]).fails(2);
    assert!(
        desk.give("a: [hunter2-canary\n", &["encrypt", "--filename", "x.enc.yaml"]).fails(2).contains("x.enc.yaml:")
    );
}

#[test]
fn recipients_are_named_where_no_rule_names_any() {
    let desk = Sandbox::with_identities();
    std::fs::remove_file(desk.path(".sops.yaml")).unwrap();
    desk.write("a.yaml", "a: 1\n");
    desk.run(&["encrypt", "a.yaml"]).fails(2);
    desk.run(&["encrypt", "--age", &format!("{},{}", desk.alice, desk.bob), "a.yaml"]).succeeds();
    assert_eq!(desk.run_as_bob(&["decrypt", "a.yaml"]).succeeds(), "a: 1\n");
    desk.write("b.yaml", "b: 1\n");
    let as_usual = |name| desk.command(&["encrypt", name]).env("SOPS_AGE_RECIPIENTS", &desk.bob).output().unwrap();
    assert!(as_usual("b.yaml").status.success());
    assert_eq!(desk.run_as_bob(&["decrypt", "b.yaml"]).succeeds(), "b: 1\n");
    // a rule has the last word
    desk.rules("creation_rules: [{age: ALICE}]");
    desk.write("c.yaml", "c: 1\n");
    assert!(as_usual("c.yaml").status.success());
    assert_eq!(desk.run(&["decrypt", "c.yaml"]).succeeds(), "c: 1\n");
    desk.run_as_bob(&["decrypt", "c.yaml"]).fails(3);
}

#[test]
fn rules_are_looked_for_from_the_file_upward() {
    let desk = Sandbox::with_identities();
    desk.write("deep/down/x.enc.yaml", "a: 1\n");
    desk.write("deep/.sops.yaml", format!("creation_rules: [{{path_regex: ^down/, age: {}}}]", desk.bob));
    desk.run(&["encrypt", "deep/down/x.enc.yaml"]).succeeds();
    assert_eq!(desk.run_as_bob(&["decrypt", "deep/down/x.enc.yaml"]).succeeds(), "a: 1\n");
    // the same file, seen from elsewhere
    desk.write("deep/down/y.enc.yaml", "a: 1\n");
    desk.run(&["-C", "deep/down", "encrypt", "y.enc.yaml"]).succeeds();
    assert_eq!(desk.run_as_bob(&["-C", "deep", "decrypt", "down/y.enc.yaml"]).succeeds(), "a: 1\n");
}

#[test]
fn metadata_are_indented_as_the_rules_say_and_stay_as_they_are() {
    let desk = Sandbox::with_identities();
    let rules = |stores: &str| desk.rules(&format!("creation_rules: [{{age: ALICE}}]\nstores: {{{stores}}}\n"));
    for (name, content, stores, expected) in [
        ("x.enc.yaml", "a: 1\n", "yaml: {indent: 2}", "\nsops:\n  age:\n    - enc: |\n        -----BEGIN"),
        ("x.enc.yaml", "a: 1\n", "yaml: {indent: 3}", "\nsops:\n   age:\n      - enc: |\n         -----BEGIN"),
        ("x.enc.yaml", "a: 1\n", "", "\nsops:\n    age:\n        - enc: |\n            -----BEGIN"),
        ("x.enc.json", "{\n  \"a\": 1\n}\n", "json: {indent: 2}", "\n  \"sops\": {\n    \"age\": [\n      {"),
        ("x.enc.json", "{\n\t\"a\": 1\n}\n", "json: {indent: -1}", "\n\t\"sops\": {\n\t\t\"age\": [\n\t\t\t{"),
        ("x.enc.bin", "x", "json_binary: {indent: 1}", "{\n \"data\": \"ENC["),
    ] {
        rules(stores);
        desk.encrypted(name, content);
        let text = desk.read(name);
        assert!(text.contains(expected), "{stores}: {text}");
        // whoever comes later without that rule leaves it
        rules("");
        if name != "x.enc.bin" {
            desk.give("2", &["set", name, "a"]).succeeds();
            let after = desk.read(name);
            let changed: Vec<_> = text.lines().zip(after.lines()).filter(|(old, new)| old != new).collect();
            // value, checksum, and the time if a second has passed
            assert!(matches!(changed.len(), 2 | 3), "{changed:?}");
            assert_eq!(after.lines().count(), text.lines().count());
        }
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            assert!(!sops.succeeds().is_empty(), "{name}");
        }
    }
}

#[test]
fn a_file_that_a_value_makes_is_laid_out_by_its_rule() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{age: ALICE}]\nstores: {yaml: {indent: 2}}\n");
    desk.write("environments/base.yaml", "data: { P: { sensitive: true } }\n");
    desk.write("environments/dev.yaml", "");
    desk.give("x", &["set", "dev", "P"]).succeeds();
    let text = desk.read("environments/dev.secrets.yaml");
    assert!(text.starts_with("data:\n  P: ENC[") && text.contains("\nsops:\n  age:\n"), "{text}");
    assert!(text.starts_with("data:\n  P: ENC["), "{text}");
}

#[test]
fn a_rule_of_indentation_is_that_of_sops() {
    let desk = Sandbox::with_identities();
    for indent in 1..=10 {
        desk.rules(&format!("creation_rules: [{{age: ALICE}}]\nstores: {{yaml: {{indent: {indent}}}}}\n"));
        desk.write("x.enc.yaml", "a: 1\n");
        let Some(sops) = desk.sops("alice.txt", &["encrypt", "-i", "x.enc.yaml"]) else { return };
        sops.succeeds();
        let theirs = desk.read("x.enc.yaml");
        desk.encrypted("y.enc.yaml", "a: 1\n");
        let ours = desk.read("y.enc.yaml");
        // an encrypted key has more or fewer lines
        let shape = |text: &str| {
            let mut shape: Vec<_> = text.lines().map(|line| line.len() - line.trim_start().len()).collect();
            shape.dedup();
            shape
        };
        assert_eq!(shape(&ours), shape(&theirs), "{indent}: {ours}\n{theirs}");
    }
}
