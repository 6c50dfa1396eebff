//! Secrets in plaintext do not go where Git would take them.

use std::process::Command;

use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

fn repository(project: &Sandbox) {
    let git = Command::new("git").args(["init", "-q"]).current_dir(project.root()).status().unwrap();
    assert!(git.success());
}

fn plain() -> Sandbox {
    Sandbox::of("app: app\ndata: { P: { value: hunter2hunter2, sensitive: true }, A: b }\n", "")
}

#[test]
fn a_secret_in_plaintext_is_refused_in_a_work_tree() {
    let project = plain();
    repository(&project);
    let run = project.run(&["render", "--all", "--out", "rendered"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    run.record();
    assert!(!project.rendered().exists());
    let run = project.run(&["render", "--all", "--out", "rendered", "--allow-plaintext"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn where_git_ignores_it_or_is_not_it_may_lie() {
    let project = plain().file(".gitignore", "/rendered/\n");
    repository(&project);
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    assert_eq!(project.run(&["render", "--all", "--out", "other"]).code, 2);
    plain().run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    // one of several may be ignored
    let project = plain().file(".gitignore", "secret-app.yaml\n");
    repository(&project);
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
}

#[test]
fn what_is_no_secret_is_no_matter() {
    let project = Sandbox::of("app: app\ndata: { A: b }\n", "");
    repository(&project);
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
}

#[test]
fn what_did_not_change_is_left_alone_where_it_was_written_and_only_there() {
    let project = plain().file(".gitignore", "/rendered/dev/\n");
    repository(&project);
    let render = || project.run(&["render", "--all", "--out", "rendered"]).stderr;
    record(render());
    record(render());
    // what this machine knows of a secret does not go into Git
    let taken = Command::new("git").args(["add", "-A", "-n"]).current_dir(project.root()).output().unwrap();
    let taken = String::from_utf8(taken.stdout).unwrap();
    assert_eq!(taken.lines().filter(|line| line.contains("rendered")).count(), 1, "{taken}");
    let inventory = std::fs::read_to_string(project.rendered().join(".septum/inventory.json")).unwrap();
    assert!(inventory.contains("\"secret\": true"), "{inventory}");
    // another machine renders it
    std::fs::remove_dir_all(project.root().parent().unwrap().join(".cache")).unwrap();
    record(render());
    record(render());
    // an edited one is put right, and a stale one goes where it is known
    let file = project.rendered().join("dev/app/secret-app.yaml");
    let secret = std::fs::read(&file).unwrap();
    std::fs::write(&file, "edited").unwrap();
    record(render());
    assert_eq!(std::fs::read(&file).unwrap(), secret);
    project.edit("base.yaml", "value: hunter2hunter2, sensitive: true", "value: plain");
    assert!(render().contains("1 removed"));
    assert!(!file.exists());
}
