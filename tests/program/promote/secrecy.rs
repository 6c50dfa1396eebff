//! What is encrypted where it comes from is readable nowhere.

use super::staged::{INCOMING, divided};
use super::{git, prod, project};
use crate::support::sandbox::{CANARY, Run, Sandbox};

const SECRETS: &str = "environments/prod.secrets.yaml";

/// Files without metadata of sops, in which a value would stay in plaintext.
const UNENCRYPTED: [&str; 5] = ["", "# note\n", "data: {}\n", "{}\n", "data:\n  PASSWORD: changeme\n"];

/// No file of the project has a canary in plaintext.
#[track_caller]
fn check_plaintext(desk: &Sandbox) {
    for (name, bytes) in desk.all().iter().filter(|(name, _)| !name.starts_with(".git/")) {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(CANARY), "{name}: {text}");
    }
}

#[test]
fn a_file_of_secrets_that_is_not_encrypted_is_not_written() {
    for text in UNENCRYPTED {
        for flags in [&["--yes"][..], &["--stage", "--yes"], &["--commit", "--yes"]] {
            let desk =
                project("data: { TEXT: y }\n", "").env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@e.org");
            desk.write(SECRETS, text);
            git(&desk, &["init", "-q"]);
            git(&desk, &["add", "environments", ".sops.yaml"]);
            git(&desk, &["commit", "-q", "-m", "start"]);
            let before = desk.all();
            desk.run(&[&["promote", "staging", "prod"], flags].concat()).fails(2);
            assert!(desk.all() == before, "{text}");
            check_plaintext(&desk);
            // what does not need that file is promoted
            desk.run(&["promote", "staging", "prod", "TEXT", "--yes"]);
            assert_eq!(desk.read(SECRETS), text);
        }
    }
}

#[test]
fn what_waits_is_not_merged_into_a_file_that_is_not_encrypted() {
    for text in UNENCRYPTED {
        let desk = divided("data: {}\n", "");
        desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
        desk.write(SECRETS, text);
        git(&desk, &["add", "environments"]);
        git(&desk, &["commit", "-q", "-m", "stage"]);
        let before = desk.all();
        for flags in [&["--yes"][..], &["--commit", "--yes"]] {
            desk.run_as_bob(&[&["promote", "prod", "--staged"], flags].concat()).fails(2);
            assert!(desk.all() == before, "{text}");
        }
        check_plaintext(&desk);
    }
}

#[test]
fn comments_of_encrypted_removals_stay_encrypted() {
    let desk = project("", "data:\n  API_KEY: changeme\n");
    desk.encrypted(
        "environments/staging.secrets.yaml",
        format!("data:\n  # {CANARY} above\n  API_KEY: null  # {CANARY} behind\n  # {CANARY} below\n"),
    );
    desk.run(&["promote", "staging", "prod", "--deletions", "--yes"]).succeeds();
    assert_eq!(prod(&desk), "data:\n  API_KEY: null\n");
    check_plaintext(&desk);
}

/// Rules by which only the values of `prod` are encrypted, and not its comments.
fn by_leaf_keys(desk: &Sandbox, recipient: &str) {
    desk.rules(&format!(
        r"creation_rules: [{{path_regex: 'prod\.secrets\.', age: {recipient}, encrypted_regex: '^(API_KEY|PASSWORD)$'}}, {{path_regex: '\.(enc|secrets)\.', age: ALICE}}]"
    ));
}

#[test]
fn comments_that_a_selector_leaves_readable_are_dropped() {
    for value in [
        "VALUE",
        "{ value: VALUE }  # behind CANARY",
        "\n    # inner CANARY\n    value: VALUE",
        "|  # header CANARY\n    VALUE",
    ] {
        for is_new in [false, true] {
            let desk = project("", "");
            let value = value.replace("VALUE", &format!("{CANARY}-2")).replace("CANARY", CANARY);
            desk.encrypted(
                "environments/staging.secrets.yaml",
                format!("data:\n  # of {CANARY}\n  API_KEY: {value}\n"),
            );
            by_leaf_keys(&desk, "ALICE");
            if is_new {
                std::fs::remove_file(desk.path(SECRETS)).unwrap();
            } else {
                desk.run(&["rekey", SECRETS]).succeeds();
            }
            let run = desk.run(&["promote", "staging", "prod", "--yes"]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            run.record();
            check_plaintext(&desk);
            assert_eq!(desk.run(&["get", "prod", "API_KEY"]).ok().trim_end(), format!("{CANARY}-2"));
        }
    }
    // what is readable already may be
    let desk = project("", "");
    desk.rules(
        r"creation_rules: [{path_regex: '\.(enc|secrets)\.', age: ALICE, encrypted_regex: '^(API_KEY|PASSWORD)$'}]",
    );
    desk.run(&["rekey", SECRETS]).succeeds();
    desk.encrypted("environments/staging.secrets.yaml", format!("data:\n  # rotate\n  API_KEY: {CANARY}-2\n"));
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert!(run.code == 0 && !run.stderr.contains("comments"), "{}", run.stderr);
    assert!(desk.read(SECRETS).contains("# rotate"), "{}", desk.read(SECRETS));
}

#[test]
fn comments_of_what_waits_stay_encrypted() {
    // a rule of its own for what waits, and for what it is merged into
    let desk = divided("data: {}\n", "");
    by_leaf_keys(&desk, "BOB");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    check_plaintext(&desk);
    let desk = divided("data: {}\n", "");
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    by_leaf_keys(&desk, "BOB");
    assert_eq!(desk.run_as_bob(&["rekey", SECRETS]).code, 0);
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    check_plaintext(&desk);
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
}

/// Stops the program after some file has its new content.
#[test]
#[cfg(debug_assertions)]
fn a_killed_promotion_leaves_no_environment_without_a_value() {
    let point = septum::test_hook::StopPoint::AtomicNamed;
    for pass in 1..=2 {
        for is_merge in [false, true] {
            let desk = divided("data:\n  API_KEY: changeme\n", "data:\n  API_KEY: old-old\n");
            desk.run(&["unset", "staging", "API_KEY"]).succeeds();
            desk.write("both.txt", [desk.read("alice.txt"), desk.read("bob.txt")].concat());
            let command = if is_merge {
                desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
                desk.command(&["promote", "prod", "--staged", "--yes"])
            } else {
                desk.command(&["promote", "staging", "prod", "--yes"])
            };
            let mut command = command;
            command.env("SOPS_AGE_KEY_FILE", desk.path("both.txt"));
            command.env("SEPTUM_TEST_STOP_AT", format!("{}:{pass}", point.name()));
            let killed: Run = crate::support::sandbox::give(command, b"").into();
            assert_eq!(killed.code, -1, "{}", killed.stderr);
            assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), "changeme", "{pass} {is_merge}");
            if is_merge {
                assert!(desk.path(INCOMING).exists());
                desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]).succeeds();
                assert!(!desk.path(INCOMING).exists());
            }
        }
    }
}
