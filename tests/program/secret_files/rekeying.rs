//! `septum rekey` and `septum rotate`

use crate::secret_files::FILES;
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;
use crate::support::texts::changed_lines;

/// A value of another key service, as sops writes one.
const PGP: &str = "    pgp:
        - created_at: \"2020-01-01T00:00:00Z\"
          enc: |-
            -----BEGIN PGP MESSAGE-----

            x
            -----END PGP MESSAGE-----
          fp: ABCDEF
";

fn all_formats(desk: &Sandbox) {
    for (name, content) in FILES {
        desk.encrypted(name, content);
    }
}

#[test]
fn whoever_is_added_can_read_and_nothing_else_changes() {
    let desk = Sandbox::with_identities();
    all_formats(&desk);
    let before: Vec<_> = FILES.iter().map(|(name, _)| desk.read(name)).collect();
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
    let shown = desk.run(&["rekey"]).succeeds();
    for ((name, content), before) in FILES.iter().zip(before) {
        assert!(shown.contains(&format!("{name}\n  + {}\n", desk.bob)), "{shown}");
        assert_eq!(desk.run_as_bob(&["decrypt", name]).succeeds(), *content, "{name}");
        let (gone, _) = changed_lines(&before, &desk.read(name));
        // JSON has a comma more behind the last entry
        assert!(gone.is_empty() || gone == ["}"] || gone == ["}"; 2], "{name}: {gone:?}");
        if let Some(sops) = desk.sops("bob.txt", &["decrypt", name]) {
            sops.succeeds();
        }
    }
    let again = desk.run(&["rekey"]);
    again.record();
    assert!(again.bytes.is_empty());
}

#[test]
fn whoever_is_removed_does_not_know_the_new_data_key() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
    all_formats(&desk);
    let before: Vec<_> = FILES.iter().map(|(name, _)| desk.read(name)).collect();
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE}]");
    let run = desk.run(&["rekey"]);
    run.record();
    let shown = run.succeeds();
    record(&shown);
    for ((name, content), before) in FILES.iter().zip(before) {
        desk.run_as_bob(&["decrypt", name]).fails(3);
        assert_eq!(desk.run(&["decrypt", name]).succeeds(), *content, "{name}");
        let after = desk.read(name);
        for part in before.split("ENC[").skip(1) {
            assert!(!after.contains(part.split(']').next().unwrap()), "{name}: all is encrypted anew");
        }
    }
}

#[test]
fn a_check_needs_no_key_and_writes_nothing() {
    let desk = Sandbox::with_identities();
    all_formats(&desk);
    assert_eq!(desk.run_without_key(&["rekey", "--check"]).succeeds(), "");
    desk.rules("creation_rules: [{path_regex: 'json|yaml', age: BOB}, {path_regex: enc, age: ALICE}]");
    let before = desk.all();
    let run = desk.run_without_key(&["rekey", "--check"]);
    assert_eq!(run.code, 1);
    run.record();
    let shown = String::from_utf8(run.bytes).unwrap();
    let each = format!("  + {}\n  - {}\n", desk.bob, desk.alice);
    assert_eq!(shown, format!("app.enc.json\n{each}app.enc.yaml\n{each}"));
    assert_eq!(desk.run_without_key(&["rekey", "--check", "app.enc.env"]).succeeds(), "");
    assert_eq!(desk.all(), before);
}

/// What is wrong with one file is told beside what the others need, and not in its place.
#[test]
fn a_file_that_cannot_be_read_hides_no_difference_of_the_others() {
    let desk = Sandbox::with_identities();
    all_formats(&desk);
    desk.rules("creation_rules: [{path_regex: enc, age: BOB}]");
    desk.write("app.enc.yaml", format!("{}\n  x: [\n", desk.read("app.enc.yaml")));
    let run = desk.run_without_key(&["rekey", "--check"]);
    assert_eq!(run.code, 2);
    record(&run.stderr);
    let (shown, told) = (run.stdout, run.stderr);
    for name in ["app.enc.env", "app.enc.ini", "app.enc.json"] {
        assert!(shown.contains(name), "{name}: {shown}{told}");
    }
    assert!(told.contains("app.enc.yaml:"), "{told}");
}

#[test]
fn files_are_found_by_their_rules() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{path_regex: secret, age: ALICE}]");
    for name in ["a/secret.yaml", "b/c/.env.secret.env", "ignored/secret.yaml", "other/secret.yaml"] {
        desk.encrypted(name, if name.ends_with("env") { "A=1\n" } else { "a: 1\n" });
    }
    desk.write("other/.sops.yaml", format!("creation_rules: [{{age: {}}}]", desk.alice));
    desk.write("a/plain.secret.yaml", "a: 1\n");
    desk.write("a/secret.md", "about ENC[AES256_GCM,\n");
    desk.write(".gitignore", "ignored/\n");
    std::fs::create_dir(desk.path(".git")).unwrap();
    desk.rules("creation_rules: [{path_regex: secret, age: 'ALICE,BOB'}]");
    for directory in [".", "b"] {
        let run = desk.run(&["-C", directory, "rekey", "--check"]);
        let shown = String::from_utf8(run.bytes).unwrap();
        let files: Vec<_> = shown.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(files.len(), 2, "{shown}");
        assert!(files[0].ends_with("a/secret.yaml") && files[1].ends_with("c/.env.secret.env"), "{shown}");
    }
    std::fs::remove_file(desk.path(".sops.yaml")).unwrap();
    desk.run(&["rekey"]).fails(2);
    desk.run(&["rekey", "a/secret.yaml"]).fails(2);
}

#[test]
fn all_files_are_rekeyed_or_none() {
    let desk = Sandbox::with_identities();
    all_formats(&desk);
    let text = desk.read("app.enc.yaml");
    let end = text.find(",type:str]").unwrap();
    let at = text[..end].rfind("data:").unwrap() + "data:".len();
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    desk.write("app.enc.yaml", format!("{}{other}{}", &text[..at], &text[at + 1..]));
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
    let before = desk.all();
    for arguments in [&["rekey"][..], &["rotate"], &["rekey", "app.enc.json", "app.enc.yaml"]] {
        desk.run(arguments).fails(2);
    }
    assert_eq!(desk.all(), before);
}

#[test]
fn a_selector_is_widened_and_never_narrowed() {
    let desk = Sandbox::with_identities();
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE, encrypted_regex: ^b}]");
    desk.encrypted("x.enc.yaml", "a: 1\nb: hunter2-canary\n");
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE, mac_only_encrypted: true}]");
    let shown = desk.run(&["rekey", "x.enc.yaml"]).succeeds();
    record(&shown);
    assert!(desk.read("x.enc.yaml").starts_with("a: ENC["));
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE, encrypted_regex: ^a}]");
    let before = desk.bytes("x.enc.yaml");
    desk.run(&["rekey", "x.enc.yaml"]).fails(2);

    assert_eq!(desk.bytes("x.enc.yaml"), before);
}

#[test]
fn a_new_data_key_is_taken_on_request() {
    let desk = Sandbox::with_identities();
    all_formats(&desk);
    for (name, content) in FILES {
        let before = desk.read(name);
        record(desk.run(&["rotate", name]).succeeds());
        assert_ne!(desk.read(name), before);
        assert_eq!(desk.run(&["decrypt", name]).succeeds(), content);
        if let Some(sops) = desk.sops("alice.txt", &["decrypt", name]) {
            sops.succeeds();
        }
    }
    // and recipients with it
    desk.rules("creation_rules: [{path_regex: enc, age: BOB}]");
    let shown = desk.run(&["rotate", "app.enc.yaml"]).succeeds();
    record(&shown);
    assert!(shown.contains(&format!("+ {}", desk.bob)), "{shown}");
    desk.run(&["decrypt", "app.enc.yaml"]).fails(3);
    // a file without a rule keeps its own
    desk.rules("creation_rules: []");
    desk.run(&["rotate", "app.enc.json"]).succeeds();
    desk.run(&["decrypt", "app.enc.json"]).succeeds();
}

#[test]
fn key_groups_come_and_go() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    desk.rules(
        "creation_rules: [{path_regex: enc, shamir_threshold: 2, key_groups: [{age: [ALICE]}, {age: [BOB, ALICE]}]}]",
    );
    let shown = desk.run(&["rekey", "x.enc.yaml"]).succeeds();
    record(&shown);
    assert!(shown.contains("+ group 2: "), "{shown}");
    record(&shown);
    desk.run_as_bob(&["decrypt", "x.enc.yaml"]).fails(3);
    assert_eq!(desk.run(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 1\n");
    if let Some(sops) = desk.sops("alice.txt", &["decrypt", "x.enc.yaml"]) {
        assert_eq!(sops.succeeds(), "a: 1\n");
    }
    desk.give("2", &["set", "x.enc.yaml", "a"]).succeeds();
    desk.rules("creation_rules: [{path_regex: enc, age: BOB}]");
    desk.run(&["rekey", "x.enc.yaml"]).succeeds();
    assert_eq!(desk.run_as_bob(&["decrypt", "x.enc.yaml"]).succeeds(), "a: 2\n");
}

#[test]
fn only_recipients_that_are_in_no_group_are_called_removed() {
    let rules = |threshold: usize, groups: &str| {
        format!("creation_rules: [{{path_regex: enc, shamir_threshold: {threshold}, key_groups: [{groups}]}}]")
    };
    let (apart, swapped) = ("{age: [ALICE]}, {age: [BOB, ALICE]}", "{age: [ALICE, BOB]}, {age: [ALICE]}");
    let more = "{age: [ALICE]}, {age: [BOB]}, {age: [ALICE, BOB]}";
    for (before, after, is_removed) in [
        (rules(2, more), rules(3, more), false),
        (rules(2, apart), rules(2, swapped), false),
        (rules(2, apart), rules(2, "{age: [ALICE]}").replace("shamir_threshold: 2, ", ""), true),
    ] {
        let desk = Sandbox::with_identities();
        desk.rules(&before);
        desk.encrypted("x.enc.yaml", "a: 1\n");
        desk.run(&["rekey", "x.enc.yaml"]).succeeds();
        desk.rules(&after);
        let run = desk.run(&["rekey", "x.enc.yaml"]);
        assert_eq!((run.code, run.stderr.is_empty()), (0, !is_removed), "{before} {after}: {}", run.stderr);
        run.record();
    }
}

#[test]
fn entries_of_other_services_are_kept_and_never_lost() {
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: hunter2-canary\n");
    desk.replace("x.enc.yaml", "    unencrypted_suffix", &format!("{PGP}    unencrypted_suffix"));
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB', pgp: ABCDEF}]");
    assert_eq!(desk.run(&["rekey", "x.enc.yaml"]).succeeds(), format!("x.enc.yaml\n  + {}\n", desk.bob));
    desk.give("2", &["set", "x.enc.yaml", "a"]).succeeds();
    assert!(desk.read("x.enc.yaml").contains(PGP), "{}", desk.read("x.enc.yaml"));
    // a new data key could not be given to it
    let before = desk.bytes("x.enc.yaml");
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE, pgp: ABCDEF}]");
    for command in ["rekey", "rotate"] {
        desk.run(&[command, "x.enc.yaml"]).fails(2);
    }
    assert_eq!(desk.bytes("x.enc.yaml"), before);
    desk.rules("creation_rules: [{path_regex: enc, age: ALICE}]");
    desk.run(&["rekey", "x.enc.yaml"]).succeeds();
    assert!(!desk.read("x.enc.yaml").contains("pgp"), "whoever is removed is gone");
}

#[test]
fn standard_input_gets_a_new_data_key_and_is_printed() {
    let desk = Sandbox::with_identities();
    desk.write("x.enc.json", "{\"a\": \"hunter2-canary\"}\n");
    desk.run(&["encrypt", "x.enc.json"]).succeeds();
    let before = desk.read("x.enc.json");
    let rotated = desk.give(&before, &["rotate", "--filename", "x.enc.json"]).succeeds();
    assert_ne!(rotated, before);
    assert_eq!(desk.read("x.enc.json"), before);
    let plain = |text: &str| desk.give(text, &["decrypt", "--filename", "x.enc.json"]).succeeds();
    assert_eq!(plain(&rotated), plain(&before));
    // for the recipients of the rule of that name
    desk.rules(r"creation_rules: [{path_regex: '\.(enc|secrets)\.', age: 'ALICE,BOB'}]");
    let shared = desk.give(&before, &["rotate", "--filename", "x.enc.json"]).succeeds();
    assert!(shared.contains(&desk.bob));
    desk.give("{\"a\": \"hunter2-canary\"}", &["rotate", "--filename", "x.enc.json"]).record();
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: shop\nstringData:\n    A: hunter2-canary\n";

#[test]
fn a_manifest_keeps_its_own_selector_where_the_rule_has_none() {
    let desk = Sandbox::with_identities();
    // by the rule of its directory, as `eject` and Flux have it
    desk.rules("creation_rules: [{path_regex: enc, encrypted_regex: '^(data|stringData)$', age: 'ALICE'}]");
    desk.encrypted("secret.enc.yaml", SECRET);
    desk.encrypted("other.enc.yaml", SECRET.replace("kind: Secret\n", ""));
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
    desk.run(&["rekey", "secret.enc.yaml"]).succeeds();
    let text = desk.read("secret.enc.yaml");
    assert!(text.contains("kind: Secret\n") && text.contains("encrypted_regex: ^(data|stringData)$"), "{text}");
    assert_eq!(desk.run(&["rekey", "--check", "secret.enc.yaml"]).code, 0);
    for arguments in [&["rotate", "secret.enc.yaml"][..], &["set", "secret.enc.yaml", "stringData.A"]] {
        desk.give("hunter2-canary-2", arguments).succeeds();
        assert!(desk.read("secret.enc.yaml").contains("kind: Secret\n"), "{arguments:?}");
        if let Some(sops) = desk.sops("bob.txt", &["decrypt", "secret.enc.yaml"]) {
            sops.succeeds();
        }
    }
    // a selector that does not encrypt the values of a Secret is not its own
    let narrowed = SECRET.replace("stringData", "other").replace("A:", "data:");
    desk.rules("creation_rules: [{path_regex: enc, encrypted_regex: '^other$', age: 'ALICE,BOB'}]");
    desk.encrypted("narrow.enc.yaml", format!("{narrowed}data: {{}}\n"));
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB'}]");
    assert_eq!(desk.run(&["rekey", "--check", "narrow.enc.yaml"]).code, 1);
    // also if the checksum covers other values than the rule says
    desk.rules("creation_rules: [{path_regex: enc, age: 'ALICE,BOB', mac_only_encrypted: true}]");
    desk.run(&["rekey", "secret.enc.yaml"]).succeeds();
    assert!(desk.read("secret.enc.yaml").contains("kind: Secret\n"));
    // a selector that the rule has is applied, and so is the default to anything that is not a manifest
    desk.run(&["rekey", "other.enc.yaml"]).succeeds();
    assert!(!desk.read("other.enc.yaml").contains("name: shop"));
    desk.rules("creation_rules: [{path_regex: enc, unencrypted_suffix: _plain, age: 'ALICE,BOB'}]");
    desk.run(&["rekey", "secret.enc.yaml"]).succeeds();
    assert!(!desk.read("secret.enc.yaml").contains("kind: Secret\n"));
}
