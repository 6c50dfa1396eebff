//! Hooks and jobs, run as their files say.

#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value as Yaml;

use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{Run, Sandbox, files};

/// A copy of an example in a new Git repository.
fn example(name: &str) -> Sandbox {
    let directory = repository().join("examples").join(name);
    let sandbox =
        files(&directory).iter().fold(Sandbox::with_identities(), |sandbox, (path, bytes)| sandbox.file(path, bytes));
    git(&sandbox.root(), &["init", "--quiet"]);
    sandbox.write(".git/info/exclude", "/*.txt\n/home\n");
    git(&sandbox.root(), &["add", "--all"]);
    git(&sandbox.root(), &["commit", "--quiet", "--message", "x"]);
    sandbox
}

#[track_caller]
pub(super) fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]).args(arguments);
    git.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A path on which this build is `septum`.
pub(super) fn path_with_septum() -> OsString {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_septum"));
    let before = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([program.parent().unwrap().to_path_buf()].into_iter().chain(std::env::split_paths(&before)))
        .unwrap()
}

#[test]
fn the_job_of_gitlab_passes_and_fails_as_its_project_does() {
    let text = fs::read_to_string(repository().join("examples/ci/gitlab.yml")).unwrap();
    let job: Yaml = serde_yaml::from_str(&text).unwrap();
    let script: Vec<&str> =
        job["septum"]["script"].as_sequence().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let project = example("gitops-flux");
    let run = || {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &script.join("\n")]).current_dir(project.root());
        Run::from(shell.env_clear().env("PATH", path_with_septum()).env("HOME", project.path("home")).output().unwrap())
    };
    let passed = run();
    assert_eq!(passed.code, 0, "{}{}", passed.stdout, passed.stderr);
    assert_eq!(project.read("gl-code-quality-report.json"), "[]\n");
    let base = files(&project.root()).into_keys().find(|name| name.ends_with("base.yaml")).unwrap();
    project.replace(&base, "data:\n", "data:\n  NEW_TOKEN: changeme\n");
    let failed = run();
    assert_ne!(failed.code, 0);
    let report: serde_json::Value = serde_json::from_str(&project.read("gl-code-quality-report.json")).unwrap();
    let artifact = job["septum"]["artifacts"]["reports"]["codequality"].as_str();
    assert_eq!(artifact, Some("gl-code-quality-report.json"));
    assert!(report.as_array().unwrap().iter().any(|issue| issue["check_name"] == "undeclared-secret"), "{report}");
}

#[test]
fn hooks_pass_and_fail_in_the_real_pre_commit() {
    let Some(pre_commit) = peer("pre-commit") else { return };
    // the repository of the hooks, as pre-commit clones it
    let hooks = Sandbox::new([(
        ".pre-commit-hooks.yaml",
        &*fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap(),
    )]);
    git(&hooks.root(), &["init", "--quiet"]);
    git(&hooks.root(), &["add", "--all"]);
    git(&hooks.root(), &["commit", "--quiet", "--message", "x"]);
    let project = example("gitops-flux");
    let run = |hook: &str| {
        let mut command = Command::new(&pre_commit);
        command.args(["try-repo", hooks.root().to_str().unwrap(), hook, "--all-files", "--color", "never"]);
        command
            .current_dir(project.root())
            .env_clear()
            .env("PATH", path_with_septum())
            .env("HOME", project.path("home"));
        Run::from(command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap())
    };
    let system = ["septum-system", "septum-check", "septum-rekey-check", "septum-render-check"];
    for hook in system {
        let passed = run(hook);
        assert!(passed.code == 0 && passed.stdout.contains("Passed"), "{hook}: {}{}", passed.stdout, passed.stderr);
    }
    let base = files(&project.root()).into_keys().find(|name| name.ends_with("base.yaml")).unwrap();
    project.replace(&base, "data:\n", "data:\n  NEW_TOKEN: changeme\n");
    project.replace(".sops.yaml", "age: ", &format!("age: {},", project.bob));
    git(&project.root(), &["add", "--all"]);
    for hook in system {
        let failed = run(hook);
        assert!(failed.code == 1 && failed.stdout.contains("Failed"), "{hook}: {}{}", failed.stdout, failed.stderr);
    }
}
