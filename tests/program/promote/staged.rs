//! Secrets for an environment whose key is not at hand: they wait in a file for somebody who has it.

use super::{git, prod, project};
use crate::support::sandbox::{CANARY, Run, Sandbox};

const STAGING: &str = "data:\n  LOG_LEVEL: debug\n";
pub(super) const INCOMING: &str = "environments/prod.incoming.secrets.yaml";

/// A repository whose secrets of `prod` are for Bob, and those of `staging` for Alice.
pub(super) fn divided(staging: &str, prod: &str) -> Sandbox {
    let desk = project(staging, prod).env("GIT_AUTHOR_NAME", "B").env("GIT_AUTHOR_EMAIL", "b@example.org");
    // the rule of the incoming file is that of the file that it is for
    desk.rules(
        r"creation_rules: [{path_regex: 'prod\.secrets\.yaml$', age: BOB}, {path_regex: '\.(enc|secrets)\.', age: ALICE}]",
    );
    desk.run(&["rekey", "environments/prod.secrets.yaml"]).succeeds();
    git(&desk, &["init", "-q"]);
    commit(&desk, "start");
    desk
}

#[track_caller]
fn commit(desk: &Sandbox, message: &str) {
    git(desk, &["add", "environments", ".sops.yaml"]);
    git(desk, &["commit", "-q", "-m", message]);
}

fn has_incoming(desk: &Sandbox) -> bool {
    desk.path(INCOMING).exists()
}

/// Findings of `check` about what waits.
fn waiting(desk: &Sandbox) -> Vec<String> {
    let run = desk.run(&["check", "--keyless", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let rule = |finding: &&serde_json::Value| {
        let rule = finding["rule"].as_str().unwrap();
        ["waiting-promotion", "not-encrypted", "recipients-drift", "unruled-file"].contains(&rule)
    };
    findings.filter(rule).map(|finding| format!("{} {}", finding["rule"], finding["file"]).replace('"', "")).collect()
}

#[track_caller]
fn outcome(run: &Run, name: &str) -> String {
    let view: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let rows = view["keys"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{view}"));
    row["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn what_needs_a_key_of_the_target_waits_for_somebody_with_it() {
    let desk = divided(STAGING, "");
    let message = desk.run(&["promote", "staging", "prod", "--yes"]).fails(3);
    assert!(message.contains("--stage") && message.contains(&desk.bob), "{message}");
    assert!(!has_incoming(&desk) && prod(&desk).is_empty());

    let shown = desk.run(&["promote", "staging", "prod", "--stage", "--dry-run"]);
    assert_eq!((shown.code, has_incoming(&desk)), (1, false), "{}", shown.stderr);
    shown.record();
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    // plain values are promoted at once
    assert_eq!(prod(&desk), STAGING);
    let before = desk.read("environments/prod.secrets.yaml");
    let text = desk.read(INCOMING);
    assert!(!text.contains(CANARY) && text.contains("API_KEY: ENC[") && text.contains(&desk.bob), "{text}");
    assert!(!text.contains(&desk.alice) && !text.contains("PASSWORD"), "{text}");
    // it is no layer
    desk.run_as_bob(&["get", "prod", "API_KEY"]).fails(2);
    assert!(!desk.run(&["list", "--format", "json"]).ok().contains("incoming"));
    assert_eq!(waiting(&desk), [format!("waiting-promotion {INCOMING}")]);

    // without a key, nothing is merged
    let kept = desk.all();
    desk.run(&["promote", "prod", "--staged", "--yes"]).fails(3);
    assert_eq!(desk.all(), kept);
    let shown = desk.run_as_bob(&["promote", "prod", "--staged", "--dry-run"]);
    assert_eq!((shown.code, desk.all() == kept), (1, true), "{}", shown.stderr);
    shown.record();
    assert!(shown.stdout.contains("API_KEY") && !shown.stdout.contains(CANARY), "{}", shown.stdout);
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert!(!has_incoming(&desk));
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
    assert_eq!(desk.run_as_bob(&["get", "prod", "PASSWORD"]).ok(), format!("{CANARY}-3"));
    let plaintext = desk.run_as_bob(&["decrypt", "environments/prod.secrets.yaml"]).ok();
    assert!(plaintext.contains(&format!("  # of {CANARY}\n  API_KEY")), "comments travel: {plaintext}");
    assert!(!plaintext.contains("promotion"), "{plaintext}");
    // ciphertext of other values stays
    let line = before.lines().find(|line| line.contains("PASSWORD")).unwrap();
    assert!(desk.read("environments/prod.secrets.yaml").contains(line));
    assert!(waiting(&desk).is_empty());
    let again = desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""));
    again.record();
}

#[test]
fn nothing_waits_where_nothing_needs_to() {
    // with a key of the target
    let desk = project(STAGING, "");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!((run.code, has_incoming(&desk)), (0, false), "{}", run.stderr);
    assert_eq!(desk.run(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
    // without an encrypted file, the recipients are enough
    let desk = divided(STAGING, "");
    std::fs::remove_file(desk.path("environments/prod.secrets.yaml")).unwrap();
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    assert!(!has_incoming(&desk));
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
    // plain values alone
    let desk = divided(STAGING, "");
    desk.run(&["promote", "staging", "prod", "LOG_LEVEL", "--stage", "--yes"]).succeeds();
    assert!(!has_incoming(&desk));
    // the key of the source is required
    desk.run_without_key(&["promote", "staging", "prod", "--stage", "--yes"]).fails(3);
}

#[test]
fn a_literal_stays_until_its_encrypted_value_is_merged() {
    let desk = divided("data:\n  API_KEY: changeme\n", "data:\n  API_KEY: old-old\n  TEXT: z\n");
    desk.run(&["unset", "staging", "API_KEY"]).succeeds();
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    assert_eq!(prod(&desk), "data:\n  API_KEY: old-old\n  TEXT: z\n");
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--json", "--yes"]);
    assert_eq!((run.code, outcome(&run, "API_KEY").as_str()), (0, "copied"), "{}", run.stderr);
    assert_eq!(prod(&desk), "data:\n  TEXT: z\n");
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), "changeme");
}

#[test]
fn a_value_that_leaves_the_encrypted_file_is_removed_there_when_merged() {
    let desk = divided("data: {}\n", "");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    desk.run(&["unset", "staging", "API_KEY"]).succeeds();
    commit(&desk, "remove");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--deletions", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert!(desk.read(INCOMING).contains("API_KEY: null"));
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    desk.run_as_bob(&["get", "prod", "API_KEY"]).fails(2);
}

#[test]
fn a_commit_records_what_waits_and_one_what_is_merged() {
    let desk = divided(STAGING, "");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes", "--commit", "--branch", "promote/prod"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let files = git(&desk, &["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(files, format!("{INCOMING}\nenvironments/prod.yaml\n"));
    let line = git(&desk, &["log", "-1", "--format=%(trailers:key=Septum-Promoted,valueonly)"]);
    assert!(line.starts_with("staging@") && line.contains("KEYS=LOG_LEVEL,API_KEY"), "{line}");
    // it is recorded, so nothing changed since
    let kept = desk.all();
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str(), desk.all() == kept), (0, "", true), "{}", run.stderr);
    // another value joins it, and what waits is staged again with its value of now
    desk.write(
        "environments/base.yaml",
        super::BASE.replace("TEXT: x", "TEXT: x\n  TOKEN: { sensitive: true, promote: always }"),
    );
    desk.give(format!("{CANARY}-token"), &["set", "staging", "TOKEN"]).succeeds();
    commit(&desk, "token");
    let run = desk.run(&["promote", "staging", "prod", "TOKEN", "--stage", "--json", "--yes"]);
    assert_eq!((run.code, outcome(&run, "API_KEY").as_str()), (0, "staged"), "{}", run.stderr);
    let text = desk.read(INCOMING);
    assert!(text.contains("API_KEY: ENC[") && text.contains("TOKEN: ENC["), "{text}");
    commit(&desk, "stage");

    desk.write("staged.txt", "staged\n");
    git(&desk, &["add", "staged.txt"]);
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let files = git(&desk, &["show", "--name-status", "--format=", "HEAD"]);
    assert_eq!(files, format!("D\t{INCOMING}\nM\tenvironments/prod.secrets.yaml\n"));
    assert_eq!(git(&desk, &["status", "--porcelain", "-uno"]), "A  staged.txt\n");
    let merged = git(&desk, &["log", "-1", "--format=%(trailers:key=Septum-Promoted,valueonly)"]);
    let head = git(&desk, &["rev-parse", "HEAD~2"]);
    assert!(merged.starts_with(&format!("staging@{} prod KEYS=", head.trim())), "{merged} {head}");
    // the next promotion starts from it, without a key of the target
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str(), has_incoming(&desk)), (0, "", false), "{}", run.stderr);
    desk.give(format!("{CANARY}-new"), &["set", "staging", "API_KEY"]).succeeds();
    commit(&desk, "rotate");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--json", "--yes"]);
    assert_eq!((run.code, outcome(&run, "API_KEY").as_str()), (0, "staged"), "{}", run.stderr);
    assert!(!desk.read(INCOMING).contains("TOKEN"));
}

#[test]
fn what_the_target_changed_meanwhile_is_a_conflict() {
    let desk = divided(STAGING, "");
    let run = desk.run(&["promote", "staging", "prod", "--stage", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let set = |value: &str| {
        let mut command = desk.command(&["set", "prod", "API_KEY"]);
        command.env("SOPS_AGE_KEY_FILE", desk.path("bob.txt"));
        let run: Run = crate::support::sandbox::give(command, value.as_bytes()).into();
        run.succeeds();
    };
    set(&format!("{CANARY}-own"));
    let kept = desk.all();
    desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]).fails(1);
    assert_eq!(desk.all(), kept);
    let run = desk.run_as_bob(&["promote", "prod", "--staged", "--ours", "API_KEY", "--yes"]);
    assert_eq!((run.code, has_incoming(&desk)), (0, false), "{}", run.stderr);
    run.record();
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-own"));
    git(&desk, &["checkout", "-q", INCOMING]);
    desk.run_as_bob(&["promote", "prod", "--staged", "--theirs", "API_KEY", "--yes"]).succeeds();
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
}

#[test]
fn a_value_that_waits_is_not_overtaken() {
    let desk = divided(STAGING, "");
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    // somebody with both keys
    let both = [desk.read("alice.txt"), desk.read("bob.txt")].concat();
    desk.write("both.txt", both);
    let keys = desk.path("both.txt");
    let run = |arguments: &[&str]| -> Run {
        let mut command = desk.command(arguments);
        command.env("SOPS_AGE_KEY_FILE", &keys);
        crate::support::sandbox::give(command, b"").into()
    };
    let kept = desk.all();
    run(&["promote", "staging", "prod", "--yes"]).fails(2);
    assert_eq!(desk.all(), kept);
    // values of another environment are not replaced
    desk.write("environments/qa.yaml", "");
    desk.encrypted("environments/qa.secrets.yaml", format!("data:\n  API_KEY: {CANARY}-qa\n"));
    desk.run(&["promote", "qa", "prod", "--stage", "--yes"]).fails(2);
    // a rule that is newer than the value
    desk.replace("environments/base.yaml", "promote: always", "promote: never");
    run(&["promote", "prod", "--staged", "--yes"]).fails(2);
    run(&["promote", "prod", "--staged", "--ours", "API_KEY", "--yes"]).succeeds();
    assert!(!has_incoming(&desk));
}

#[test]
fn an_incoming_file_is_an_encrypted_file_like_others() {
    let desk = divided(STAGING, "");
    desk.run(&["promote", "staging", "prod", "--stage", "--yes"]).succeeds();
    desk.run(&["rekey", "--check"]).succeeds();
    let exposed = desk.run(&["exposure", &desk.bob, "--format", "json"]).json();
    let rows = exposed["values"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["file"] == INCOMING).unwrap_or_else(|| panic!("{exposed}"));
    assert_eq!(row["environments"], serde_json::json!(["prod"]));
    // another recipient of the file that it is for
    desk.rules(
        r"creation_rules: [{path_regex: 'prod\.secrets\.yaml$', age: [BOB, ALICE]}, {path_regex: '\.(enc|secrets)\.', age: ALICE}]",
    );
    desk.run(&["rekey", "--check"]).code.eq(&1).then_some(()).expect("the recipients differ");
    assert_eq!(waiting(&desk)[0], format!("waiting-promotion {INCOMING}"));
    assert!(waiting(&desk).contains(&format!("recipients-drift {INCOMING}")), "{:?}", waiting(&desk));
    assert_eq!(desk.run_as_bob(&["rekey"]).code, 0);
    assert!(desk.read(INCOMING).contains(&desk.alice));
    assert_eq!(waiting(&desk), [format!("waiting-promotion {INCOMING}")]);
    let report = desk.run(&["check", "--keyless"]);
    crate::support::messages::record(&report.stdout);
    // in plaintext
    desk.write(INCOMING, "promotion: { staging: '' }\ndata: { API_KEY: some-plaintext-1 }\n");
    assert!(waiting(&desk).contains(&format!("not-encrypted {INCOMING}")), "{:?}", waiting(&desk));
    desk.run_as_bob(&["promote", "prod", "--staged", "--yes"]).fails(2);
    // without the environment that it is for
    std::fs::rename(desk.path(INCOMING), desk.path("environments/live.incoming.secrets.yaml")).unwrap();
    desk.run(&["render", "prod"]).fails(2);
}

#[test]
fn a_file_that_promote_did_not_write_is_refused() {
    for text in [
        "data: { API_KEY: x }\n",
        "promotion: {}\ndata: { API_KEY: x }\n",
        "promotion: { staging: '--all' }\ndata: { API_KEY: x }\n",
        "promotion: { 'a b': '' }\ndata: { API_KEY: x }\n",
    ] {
        let desk = project(STAGING, "");
        desk.encrypted(INCOMING, text);
        desk.run(&["promote", "prod", "--staged", "--yes"]).fails(2);
        assert!(has_incoming(&desk));
    }
    let desk = project(STAGING, "");
    for arguments in [&["staging", "prod", "--staged"][..], &["prod", "--staged", "--stage"], &["staging", "--yes"]] {
        desk.run(&[&["promote"], arguments].concat()).fails(2);
    }
}
