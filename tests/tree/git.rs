//! Secrets in plaintext do not go where Git would take them.

use std::process::Command;

use crate::project::Project;

fn repository(project: &Project) {
    let git = Command::new("git").args(["init", "-q"]).current_dir(project.root()).status().unwrap();
    assert!(git.success());
}

fn plain() -> Project {
    Project::of("app: app\ndata: { P: { value: hunter2hunter2, sensitive: true }, A: b }\n", "")
}

#[test]
fn a_secret_in_plaintext_is_refused_in_a_work_tree() {
    let project = plain();
    repository(&project);
    let run = project.run(&["render", "--all", "--out", "rendered"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    for line in [
        "error: a Secret would be written in plaintext into a Git work tree",
        "rendered/dev/app/secret-app.yaml",
        "encrypt them: `delivery: { secrets: sops }`",
        "or let Git ignore `rendered`",
        "--allow-plaintext",
    ] {
        assert!(run.stderr.contains(line), "{line}: {}", run.stderr);
    }
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
    let project = Project::of("app: app\ndata: { A: b }\n", "");
    repository(&project);
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
}
