//! Incoming files and records that something else than `septum promote` wrote.

use super::staged::{INCOMING, divided};
use super::{git, project};
use crate::support::sandbox::{CANARY, Sandbox};

/// A repository with an incoming file of this content, encrypted for Bob.
fn with_incoming(text: &str) -> Sandbox {
    let desk = divided("data: {}\n", "");
    desk.encrypted(INCOMING, text);
    desk
}

#[track_caller]
fn check_refused(desk: &Sandbox, words: &[&str]) {
    let before = desk.all();
    let message = desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]).fails(2);
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(desk.all() == before, "{message}");
}

#[test]
fn fields_that_would_be_lost_are_named() {
    for (fields, names) in [
        ("namespace: other\ndelivery: {}\n", &["`namespace`", "`delivery`"][..]),
        (
            "bundles: { extra: { annotations: { a: b }, type: x, data: { X: 2 } } }\n",
            &["`bundles.extra.annotations`", "`bundles.extra.type`"],
        ),
        ("bundles: { extra: x }\n", &["`bundles.extra`"]),
        ("bundles: [x]\n", &["`bundles`"]),
        ("images: x\n", &["`images`"]),
        ("patches: { a: b }\n", &["`patches`"]),
        ("unknown: x\n", &["`unknown`"]),
    ] {
        let desk = with_incoming(&format!("promotion: {{ staging: '' }}\ndata: {{ API_KEY: {CANARY}-x }}\n{fields}"));
        check_refused(&desk, names);
        // nor is it replaced
        let before = desk.all();
        desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).fails(2);
        assert!(desk.all() == before, "{fields}");
    }
    check_refused(&with_incoming("promotion: { staging: '' }\ndata: [x]\n"), &["`data`"]);
}

#[test]
fn values_come_from_another_environment_of_the_app() {
    for (origin, why) in [("prod", "wait for"), ("nowhere", "does not have"), ("base", "does not have")] {
        let desk = with_incoming(&format!("promotion: {{ {origin}: '' }}\ndata: {{ API_KEY: {CANARY}-x }}\n"));
        check_refused(&desk, &[&format!("`{origin}`"), why]);
    }
}

#[test]
fn a_commit_that_git_does_not_know_is_not_recorded() {
    let unknown = "0123456789abcdef0123456789abcdef01234567";
    let desk = with_incoming(&format!("promotion: {{ staging: '{unknown}' }}\ndata: {{ API_KEY: {CANARY}-x }}\n"));
    git(&desk, &["add", "environments"]);
    git(&desk, &["commit", "-q", "-m", "stage"]);
    desk.run_as_bob(&["promote", "prod", "--staged", "--dry-run"]).record();
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!git(&desk, &["log", "-1", "--format=%B"]).contains("Septum-Promoted"));
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-x"));
}

#[test]
fn a_record_of_an_unknown_commit_is_the_base_of_nothing() {
    let desk = project("data: { LOG_LEVEL: debug, TEXT: y }\n", "data: { TEXT: z }\n");
    git(&desk, &["init", "-q"]);
    git(&desk, &["add", "environments", ".sops.yaml"]);
    let line = "Septum-Promoted: staging@0123456789abcdef0123456789abcdef01234567 prod KEYS=LOG_LEVEL,TEXT";
    git(&desk, &["commit", "-q", "-m", &format!("x\n\n{line}\n")]);
    let run = desk.run(&["promote", "staging", "prod", "LOG_LEVEL", "TEXT", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert!(super::prod(&desk).contains("LOG_LEVEL: debug") && super::prod(&desk).contains("TEXT: y"));
    // a shallow clone can get it
    std::fs::write(desk.path(".git/shallow"), git(&desk, &["rev-parse", "HEAD"])).unwrap();
    desk.replace("environments/staging.yaml", "debug", "trace");
    let message = desk.run(&["promote", "staging", "prod", "LOG_LEVEL", "--yes"]).fails(4);
    assert!(message.contains("--unshallow"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_link_is_neither_merged_nor_replaced() {
    let desk = divided("data: {}\n", "");
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    desk.write("environments/kept/incoming.yaml", desk.read(INCOMING));
    std::fs::remove_file(desk.path(INCOMING)).unwrap();
    std::os::unix::fs::symlink("kept/incoming.yaml", desk.path(INCOMING)).unwrap();
    check_refused(&desk, &["is a link"]);
    let before = desk.all();
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).fails(2);
    assert!(desk.all() == before);
}

#[test]
fn other_recipients_than_those_of_the_file_are_named() {
    let desk = divided("data: {}\n", "");
    let quiet = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert!(quiet.code == 0 && !quiet.stderr.contains("recipients"), "{}", quiet.stderr);
    desk.rules(
        r"creation_rules: [{path_regex: 'prod\.secrets\.yaml$', age: [BOB, ALICE]}, {path_regex: '\.(enc|secrets)\.', age: ALICE}]",
    );
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
}

#[test]
#[cfg(all(unix, debug_assertions))]
fn a_file_that_changes_during_its_merge_stays() {
    use crate::secret_files::paused::Paused;

    let desk = divided("data: {}\n", "");
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    let mut command = desk.command(&["promote", "prod", "--staged", "--yes"]);
    command.env("SOPS_AGE_KEY_FILE", desk.path("bob.txt"));
    let paused = Paused::at(command, b"", septum::test_hook::StopPoint::AtomicNamed, 1).expect("a pause");
    let newer = desk.read(INCOMING) + "# newer\n";
    desk.write(INCOMING, &newer);
    let run = paused.finish();
    assert_eq!(run.code, 2, "{}", run.stderr);
    run.record();
    assert_eq!(desk.read(INCOMING), newer);
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
}
