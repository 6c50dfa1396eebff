//! `septum diff`: what differs, and never a value of a secret.

mod duplicates;
mod environments;
mod formats;
mod objects;
mod repositories;
mod revisions;
mod several;

use std::process::Command;

use serde_json::Value as Json;

use crate::support::sandbox::{Run, Sandbox};

/// Keys of every kind, in three environments.
pub(crate) fn shop() -> Sandbox {
    Sandbox::new([
        (
            "base.yaml",
            "app: shop\nnamespace: shop\nvars: { domain: localhost }\ndata:\n  LEVEL: info\n  HOST: \"{{ vars.domain }}\"\n  \
             PASSWORD: { value: hunter2-canary, sensitive: true }\n  URL: \"http://u:{{ data.PASSWORD }}@{{ data.HOST }}\"\n  \
             motd.txt: |\n    one\n    two\n    three\n  LIMIT: { type: integer, description: Requests for each second. }\n",
        ),
        ("dev.yaml", "data: { LIMIT: 5 }\n"),
        ("prod.yaml", "vars: { domain: example.com }\ndata: { LEVEL: warn, PASSWORD: hunter2-canary-prod }\n"),
        ("staging.yaml", "vars: { domain: example.com }\n"),
    ])
}

/// The rows of `--format json`, of which there are some.
#[track_caller]
pub(crate) fn rows(run: &Run) -> Vec<Json> {
    assert_eq!(run.code, 1, "{}", run.stderr);
    let rows: Json = serde_json::from_str(&run.stdout).unwrap();
    rows.as_array().unwrap().clone()
}

/// The same as a repository with one commit.
pub(crate) fn committed() -> Sandbox {
    let project = shop();
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    project
}

pub(crate) fn commit(project: &Sandbox) {
    git(project, &["add", "--all"]);
    git(project, &["commit", "--quiet", "--message", "change"]);
}

pub(crate) fn git(project: &Sandbox, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(project.root())
        .args(["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
