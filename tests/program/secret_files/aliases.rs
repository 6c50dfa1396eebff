//! YAML anchors whose aliases stand where the selector says otherwise, and fields of metadata that nobody knows.

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

#[test]
fn a_value_that_an_alias_has_in_plaintext_is_refused() {
    for (selector, text) in [
        ("encrypted_regex: '^data$'", "data:\n  p: &x CANARY\nplain: *x\n"),
        ("encrypted_regex: '^data$'", "plain: &x CANARY\ndata:\n  p: *x\n"),
        ("encrypted_regex: '^data$'", "plain: &x {a: {b: CANARY}}\ndata: *x\n"),
        ("encrypted_regex: '^data$'", "data: &x\n  a: CANARY\nplain:\n  <<: *x\n  c: d\n"),
        ("encrypted_regex: '^data$'", "data: [&x CANARY]\nplain: [a, *x]\n"),
        ("encrypted_regex: '^data$'", "a: {data: &x 12345}\n---\nb: &x y\ndata: *x\nc: *x\n"),
        ("encrypted_suffix: _enc", "a_enc: &x CANARY\nb: *x\n"),
        ("unencrypted_suffix: _plain", "a: &x CANARY\nb_plain: *x\n"),
        ("unencrypted_regex: '^(meta|kind)$'", "meta: &x CANARY\nb: *x\n"),
        ("encrypted_comment_regex: secret", "# secret\na: &x CANARY\nb: *x\n"),
    ] {
        let desk = Sandbox::with_identities();
        desk.rules(&format!("creation_rules: [{{age: ALICE, {selector}}}]"));
        let text = text.replace("CANARY", CANARY);
        desk.write("x.enc.yaml", &text);
        let message = desk.run(&["encrypt", "x.enc.yaml"]).fails(2);
        assert!(message.contains("x.enc.yaml:"), "{text}: {message}");
        assert!(!message.contains(CANARY), "{message}");
        assert_eq!(desk.read("x.enc.yaml"), text);
    }
}

#[test]
fn aliases_on_one_side_of_a_selector_are_written_out_and_sops_agrees() {
    for text in [
        "data:\n  p: &x hunter2-canary\n  q: *x\nplain: 1\n",
        "data:\n  p: hunter2-canary\na: &x {k: v}\nb: *x\n",
        // nulls and empty texts show nothing
        "data: [&x '', &y ~, z]\nplain: [*x, *y]\n",
    ] {
        let desk = Sandbox::with_identities();
        desk.rules("creation_rules: [{age: ALICE, encrypted_regex: '^data$'}]");
        desk.encrypted("x.enc.yaml", text);
        assert!(!desk.read("x.enc.yaml").contains(CANARY), "{text}");
        desk.run(&["decrypt", "x.enc.yaml"]).succeeds();
        if let Some(run) = desk.sops("alice.txt", &["-d", "x.enc.yaml"]) {
            run.succeeds();
        }
    }
}

#[test]
fn a_number_without_a_fraction_is_no_integer_in_a_file_that_is_rewritten() {
    for number in ["1.0", "-0.0", "5.", "08", "1e3", "1E22", "100000000000000000000", "2.5e-9", ".5"] {
        for text in [
            "a: &x s\nb: *x\nc: NUMBER\nd_unencrypted: NUMBER\n",
            "a: | # comment\n  text\nc: NUMBER\nd_unencrypted: NUMBER\n",
            "{a: text, c: NUMBER, d_unencrypted: NUMBER}\n",
        ] {
            let desk = Sandbox::with_identities();
            desk.rules("creation_rules: [{age: ALICE}]");
            desk.encrypted("x.enc.yaml", text.replace("NUMBER", number));
            assert!(desk.read("x.enc.yaml").contains(",type:float]"), "{number}: {}", desk.read("x.enc.yaml"));
            desk.rules("creation_rules: [{age: ALICE, mac_only_encrypted: true}]");
            desk.run(&["rekey", "x.enc.yaml"]).succeeds();
            desk.run(&["rotate", "x.enc.yaml"]).succeeds();
            let ours = desk.run(&["decrypt", "--output-type", "json", "x.enc.yaml"]).succeeds();
            if let Some(run) = desk.sops("alice.txt", &["-d", "--output-type", "json", "x.enc.yaml"]) {
                assert_eq!(ours, run.succeeds(), "{text}");
            }
        }
    }
}

#[test]
fn an_alias_that_somebody_types_into_an_encrypted_file_shows_nothing() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{age: ALICE, encrypted_regex: '^(data|more)$'}]");
    desk.encrypted("x.enc.yaml", "a: &x hunter2-open\nb: *x\ndata: {p: hunter2-canary}\nmore: {}\n");
    // the anchors are gone: what is left in plaintext was so before, and is allowed by the rule
    assert!(!desk.read("x.enc.yaml").contains('&'), "{}", desk.read("x.enc.yaml"));
    // where nobody else finds what was typed and refused
    let memory = tempfile::tempdir_in(if cfg!(target_os = "linux") { "/dev/shm" } else { "." }).unwrap();
    let edit = |text: &str| {
        desk.write("content", text);
        let mut command = desk.command(&["edit", "--allow-disk", "x.enc.yaml"]);
        command.env("EDITOR", "cp content").env("XDG_RUNTIME_DIR", memory.path()).output().unwrap()
    };
    let before = desk.read("x.enc.yaml");
    let run = edit("a: &x hunter2-canary\ndata: {p: *x}\n");
    let message = String::from_utf8_lossy(&run.stderr).into_owned();
    record(&message);
    assert!(!message.contains(CANARY), "{message}");
    assert_eq!(desk.read("x.enc.yaml"), before);
}

#[test]
fn fields_of_the_metadata_that_nobody_knows_are_reported_by_every_command_that_reads_them() {
    let desk = Sandbox::with_identities();
    for (name, text, from, to) in [
        ("x.enc.yaml", "a: hunter2-canary\n", "    version:", "    encrypted_regexp: ^a$\n    version:"),
        ("y.enc.yaml", "a: hunter2-canary\n", "recipient:", "recipiant: x\n          recipient:"),
        ("x.enc.json", "{\"a\": \"hunter2-canary\"}", "\"version\":", "\"nobody\": {\"a\": 1},\n\"version\":"),
        ("x.enc.env", "A=hunter2-canary\n", "sops_version=", "sops_nobody=1\nsops_version="),
    ] {
        desk.encrypted(name, text);
        let key = if name.ends_with("env") { "A" } else { "a" };
        let commands: [&[&str]; 4] =
            [&["decrypt", name], &["get", name, key], &["rotate", name], &["set", "--empty", name, key]];
        for command in commands {
            desk.run(command).record();
        }
        for command in commands {
            desk.encrypted(&format!("again-{name}"), text);
            desk.write(name, desk.bytes(&format!("again-{name}")));
            desk.replace(name, from, to);
            let run = desk.run(command);
            run.record();
            assert!(run.code == 0 && run.stderr.matches("warning: ").count() == 1, "{command:?}: {}", run.stderr);
        }
    }
    // in a layer without a key too
    desk.write("environments/base.yaml", "app: shop\ndata: { a: { sensitive: true } }\n");
    desk.write("environments/dev.yaml", "");
    desk.encrypted("environments/dev.secrets.yaml", "data: { a: hunter2-canary }\n");
    desk.replace("environments/dev.secrets.yaml", "    version:", "    encrypted_regexp: ^a$\n    version:");
    let run = desk.run_without_key(&["check", "--keyless"]);
    let printed = String::from_utf8_lossy(&run.bytes).into_owned();
    record(&printed);
}
