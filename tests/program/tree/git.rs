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
fn without_git_nobody_knows_what_it_ignores() {
    let project = plain().file(".gitignore", "/rendered/\n");
    repository(&project);
    let run = project.env("PATH", "").run(&["render", "--all", "--out", "rendered"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    run.record();
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

/// The patterns of the user count only where Git would use them too.
#[test]
fn patterns_of_the_user_do_not_count_where_the_repository_has_others() {
    let ignored = |config: &str, variable: Option<(&str, &str)>| {
        let project = plain().file("home/.gitconfig", "[core]\n\texcludesFile = ~/ignored\n");
        let project = project.file("home/ignored", "/rendered/\n");
        let home = project.path("home");
        let project =
            variable.into_iter().fold(project.env("HOME", home), |project, (name, value)| project.env(name, value));
        repository(&project);
        project.write(".git/config", format!("[core]\n\tbare = false\n{config}"));
        project.run(&["render", "--all", "--out", "rendered"]).code == 0
    };
    assert!(ignored("", None));
    assert!(!ignored("\tExcludesFile = /dev/null\n", None));
    assert!(!ignored("[include]\n\tpath = other\n", None), "what it includes is not read");
    assert!(!ignored("", Some(("GIT_CONFIG_GLOBAL", "/dev/null"))));
}

#[test]
fn a_repository_that_variables_of_git_name_counts_too() {
    let project = plain();
    let store = project.outside().join("store");
    let made = Command::new("git").args(["init", "-q", "--bare"]).arg(&store).status().unwrap();
    assert!(made.success());
    let (root, before) = (project.root(), project.all());
    let project = project.env("GIT_DIR", &store).env("GIT_WORK_TREE", root);
    project.run(&["render", "--all", "--out", "rendered"]).refused();
    assert!(project.all() == before);
    let project = project.file(".gitignore", "/rendered/\n");
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
}
