//! `septum doctor` on machines and clones that lack something.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value as Json;

use super::{Machine, Run};
use crate::support::messages::record;

/// A project with a secret, in a repository that is set up.
fn sound() -> Machine {
    let machine = Machine::with_repository();
    for command in
        ["septum init --no-ci", "echo dummy-for-prod | septum set prod DATABASE_PASSWORD", "septum git-setup --hook"]
    {
        let run = machine.run_in("", "sh", &["-c", command]);
        assert_eq!(run.code, 0, "{command}: {}", run.stderr);
    }
    machine.commit();
    machine
}

/// The checks of a JSON report that are not in order: topic and status.
fn problems(run: &Run) -> Vec<(String, String)> {
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    let text = |check: &Json, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    let wrong = checks.filter(|check| check["status"] != "ok" && !is_of_others(&text(check, "message")));
    wrong.map(|check| (text(check, "topic"), text(check, "status"))).collect()
}

/// Whether a line is about plaintext of other tests, which run at the same time and have the memory of the machine in
/// common.
fn is_of_others(line: &str) -> bool {
    line.contains("/dev/shm/") || line.contains("/run/user/")
}

/// Records a report without what is of other tests.
#[track_caller]
fn recorded(run: Run) -> Run {
    let lines = run.stdout.lines().filter(|line| !is_of_others(line));
    record(lines.flat_map(|line| [line, "\n"]).collect::<String>() + &run.stderr);
    run
}

/// Runs it in both formats, which must agree, and returns the problems.
#[track_caller]
fn diagnosed(machine: &Machine) -> Vec<(String, String)> {
    let text = recorded(machine.septum(&["doctor"]));
    let json = machine.septum(&["doctor", "--format", "json"]);
    let found = problems(&json);
    if !is_of_others(&text.stdout) && !is_of_others(&json.stdout) {
        let has_error = found.iter().any(|(_, status)| status == "error");
        assert_eq!((text.code, json.code), (i32::from(has_error), i32::from(has_error)), "{}", text.stdout);
    }
    found
}

fn pair(topic: &str, status: &str) -> (String, String) {
    (topic.to_owned(), status.to_owned())
}

#[test]
fn a_clone_that_is_set_up_has_no_problems() {
    let machine = sound();
    assert_eq!(diagnosed(&machine), []);
    let json = machine.septum(&["doctor", "--format", "json"]).stdout;
    let report: Json = serde_json::from_str(&json).unwrap();
    let is_rules = |check: &&Json| check["topic"] == "rules";
    let rules = report["checks"].as_array().unwrap().iter().find(is_rules).unwrap();
    assert_eq!((&rules["status"], &rules["message"], &rules["fix"]), (&"ok".into(), &".sops.yaml".into(), &Json::Null));
    let key = fs::read_to_string(machine.keys()).unwrap();
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    assert!(!json.contains(secret));
}

#[test]
fn it_works_outside_of_projects_and_repositories() {
    let machine = Machine::new();
    assert_eq!(diagnosed(&machine), [pair("identity", "warning")]);
    machine.git(&["init", "-q", "--bare", "bare.git"]);
    let bare = machine.run_in("bare.git", env!("CARGO_BIN_EXE_septum"), &["doctor"]);
    recorded(bare);
    let machine = Machine::with_repository();
    assert_eq!(diagnosed(&machine), [pair("identity", "warning"), pair("hook", "warning")]);
}

#[test]
fn each_part_of_a_clone_that_is_missing_comes_with_its_command() {
    let machine = sound();
    machine.git(&["config", "merge.septum.driver", "./septum git-merge %O %A %B %P"]);
    machine.git(&["config", "--unset", "diff.septum.textconv"]);
    fs::remove_file(machine.work().join(".git/hooks/pre-commit")).unwrap();
    assert_eq!(diagnosed(&machine), [pair("drivers", "warning"), pair("hook", "warning")]);
    // the printed commands fix it, from another directory too
    let text = machine.run_in("..", env!("CARGO_BIN_EXE_septum"), &["-C", "work", "doctor"]);
    let text = recorded(text).stdout;
    for command in text.split('`').filter(|part| part.starts_with("septum -C ")) {
        assert_eq!(machine.run_in("..", "sh", &["-c", command]).code, 0, "{command}");
    }
    assert_eq!(diagnosed(&machine), []);
    machine.git(&["config", "diff.septum.cachetextconv", "true"]);
    fs::set_permissions(machine.work().join(".git/hooks/pre-commit"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(diagnosed(&machine), [pair("drivers", "error"), pair("hook", "warning")]);
    machine.git(&["config", "--unset", "diff.septum.cachetextconv"]);
    fs::write(machine.work().join(".git/hooks/pre-commit"), "#!/bin/sh\nmake lint\n").unwrap();
    assert_eq!(diagnosed(&machine), [pair("hook", "warning")]);
    machine.git(&["config", "core.hooksPath", "../hooks"]);
    assert_eq!(diagnosed(&machine), [pair("hook", "warning")]);
}

#[test]
fn attributes_that_git_ignores_or_that_name_no_file_are_found() {
    let machine = sound();
    fs::rename(machine.work().join(".gitattributes"), machine.work().join("attributes")).unwrap();
    assert_eq!(diagnosed(&machine), [pair("drivers", "warning")]);
    symlink("attributes", machine.work().join(".gitattributes")).unwrap();
    assert_eq!(diagnosed(&machine), [pair("drivers", "warning")]);
    fs::rename(machine.work().join("attributes"), machine.work().join("environments/.gitattributes")).unwrap();
    assert_eq!(diagnosed(&machine), []);
}

/// Such as the files of a team that used sops before.
#[test]
fn encrypted_files_that_the_attributes_leave_out_are_named() {
    let machine = sound();
    machine.write(".sops.yaml", &machine.read(".sops.yaml").replace(r"\.secrets\.yaml$", "."));
    for name in ["secrets/app.json", "secrets/of team/app.env", "key.bin"] {
        machine.write(name, if name.ends_with("json") { "{\"A\": \"dummy\"}\n" } else { "A=dummy\n" });
        assert_eq!(machine.septum(&["encrypt", name]).code, 0, "{name}");
    }
    assert_eq!(diagnosed(&machine), [pair("drivers", "warning")]);
    // the printed lines fix it
    let fix = machine.septum(&["doctor"]).stdout;
    let lines: Vec<_> = fix.split('`').filter(|part| part.contains(" diff=septum")).collect();
    machine.write(".gitattributes", &format!("{}{}\n", machine.read(".gitattributes"), lines.join("\n")));
    assert_eq!(diagnosed(&machine), []);
    // a driver of another program is a decision
    machine.write(".gitattributes", "* diff=sops\n*.secrets.yaml diff=septum\n");
    assert_eq!(diagnosed(&machine), []);
}

#[test]
fn key_groups_of_which_too_few_are_decrypted_are_called_so() {
    let machine = sound();
    let rules = machine.read(".sops.yaml");
    let own = rules.split("age: ").nth(1).unwrap().trim();
    let bob = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
    let groups = format!("key_groups: [{{ age: [{own}] }}, {{ age: [{bob}] }}]");
    machine.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - path_regex: group\n    {groups}\n{}", &rules[rules.find("  - path").unwrap()..]),
    );
    machine.write("group.secrets.yaml", "a: dummy\n");
    assert_eq!(machine.septum(&["encrypt", "group.secrets.yaml"]).code, 0);
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "warning")]);
    let run = recorded(machine.septum(&["decrypt", "group.secrets.yaml"]));
    assert_eq!(run.code, 3);
}

#[test]
fn files_that_do_not_match_their_rules_are_found() {
    let machine = sound();
    let rules = machine.read(".sops.yaml");
    let file = "environments/prod.secrets.yaml";
    machine.write(".sops.yaml", &rules.replace("secrets", "other"));
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "warning")]);
    let own = rules.split("age: ").nth(1).unwrap().trim();
    let bob = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
    machine.write(".sops.yaml", &rules.replace(own, &format!("{own},{bob}")));
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")]);
    machine.write(".sops.yaml", "creation_rules: 1\n");
    assert_eq!(diagnosed(&machine), [pair("rules", "error")]);
    fs::remove_file(machine.work().join(".sops.yaml")).unwrap();
    assert!(diagnosed(&machine).contains(&pair("rules", "warning")));
    machine.write(".sops.yaml", &rules);
    let text = machine.read(file);
    machine.write(file, &text.replace("sops:", "other:"));
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")]);
    for broken in ["data: [a\n", "data: { A: in-plaintext }\n", "", "{"] {
        machine.write(file, broken);
        assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")], "{broken:?}");
    }
    fs::write(machine.work().join(file), b"\xff\xfe").unwrap();
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")]);
    machine.write(file, &text);
    assert_eq!(diagnosed(&machine), []);
}

/// A rule for files of any name covers those whose names show no format.
#[test]
fn files_of_any_name_are_compared_with_their_rules() {
    let machine = sound();
    let rules = machine.read(".sops.yaml");
    let own = rules.split("age: ").nth(1).unwrap().trim().to_owned();
    let bob = "age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7";
    machine.write(".sops.yaml", &format!("creation_rules: [{{ age: {own} }}]\n"));
    machine.write("vault/tls key", "dummy\n");
    assert_eq!(machine.septum(&["encrypt", "vault/tls key"]).code, 0);
    machine.write(".gitattributes", "vault/* diff=septum merge=septum\n*.secrets.yaml diff=septum merge=septum\n");
    assert_eq!(diagnosed(&machine), []);
    machine.write(
        ".sops.yaml",
        &format!("creation_rules: [{{ path_regex: vault, age: '{own},{bob}' }}, {{ age: {own} }}]\n"),
    );
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")]);
    machine.write(
        ".sops.yaml",
        &format!("creation_rules: [{{ path_regex: secrets, age: {own} }}, {{ age: '{own},{bob}' }}]\n"),
    );
    assert_eq!(diagnosed(&machine), [pair("encrypted files", "error")]);
}

#[test]
fn identities_that_cannot_be_used_are_found() {
    let machine = sound();
    let key = fs::read_to_string(machine.keys()).unwrap();
    fs::set_permissions(machine.keys(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(diagnosed(&machine), [pair("identity", "warning")]);
    fs::set_permissions(machine.keys(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(machine.keys(), "nonsense\n").unwrap();
    assert_eq!(
        diagnosed(&machine),
        [pair("identity", "error"), pair("identity", "warning"), pair("encrypted files", "warning")]
    );
    fs::remove_file(machine.keys()).unwrap();
    let machine = machine.set("SOPS_AGE_KEY_FILE", "gone.txt");
    assert!(diagnosed(&machine).contains(&pair("identity", "error")));
    let machine = machine.set("SOPS_AGE_KEY", key.lines().last().unwrap());
    assert_eq!(diagnosed(&machine), [pair("identity", "error")]);
}

#[test]
fn an_editor_that_does_not_exist_is_found() {
    for editor in ["no-such-editor -x", "/none/vi", "'"] {
        let machine = sound().set("EDITOR", editor);
        assert_eq!(diagnosed(&machine), [pair("editor", "warning")], "{editor}");
    }
}

#[test]
fn plaintext_that_killed_runs_left_is_found() {
    let machine = sound();
    let memory = machine.directory.path().join("memory");
    // no process has so high a number
    for name in ["septum-private-4194400-abcdef", "septum-kept-1-abcdef", "septum-kept-open"] {
        fs::create_dir(memory.join(name)).unwrap();
        fs::set_permissions(memory.join(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(memory.join("septum-kept-open"), fs::Permissions::from_mode(0o755)).unwrap();
    machine.write("environments/.septum-aB3dE6", "data: { A: hunter2-canary }\n");
    let found = diagnosed(&machine);
    assert_eq!(found, [pair("leftovers", "error"), pair("leftovers", "warning"), pair("leftovers", "error")]);
}

#[test]
fn a_machine_without_git_and_a_broken_repository_are_reported() {
    let machine = sound();
    let mut command = machine.command("", env!("CARGO_BIN_EXE_septum"), &["doctor"]);
    command.env("PATH", "");
    assert!(recorded(machine.finish(command)).code < 2);
    fs::write(machine.work().join(".git/config"), "[core\n").unwrap();
    assert_eq!(diagnosed(&machine), [pair("git", "error")]);
    fs::remove_dir_all(machine.work().join(".git")).unwrap();
    fs::write(machine.work().join(".git"), "gitdir: nowhere\n").unwrap();
    assert_eq!(diagnosed(&machine), [pair("git", "error")]);
}
