//! `render --metadata`: the commit that a tree was rendered from.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value as Json, json};

use crate::diff::git;
use crate::support::sandbox::Sandbox;

const RENDER: [&str; 5] = ["render", "--all", "--out", "rendered", "--metadata"];

/// A repository with one commit, and the name of it.
fn committed(message: &str) -> (Sandbox, String) {
    let project = Sandbox::new([("base.yaml", "data: { A: 1 }\n"), ("dev.yaml", ""), ("prod.yaml", "")]);
    let project = project.env("PATH", std::env::var_os("PATH").unwrap());
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    git(&project, &["add", "--all"]);
    let date = "2027-01-31T10:00:00-04:00";
    let author = "--author=Ä Author <a@example.org>";
    git(&project, &["commit", "--quiet", author, "--date", date, "--message", message]);
    let head = git(&project, &["rev-parse", "HEAD"]).trim().to_owned();
    (project, head)
}

fn metadata(project: &Sandbox) -> Json {
    serde_json::from_str(&project.read("rendered/hydrator.metadata")).unwrap()
}

#[test]
fn the_current_commit_is_named() {
    let (project, head) = committed("checkout: warn only\n\nBecause of noise.\n\nSigned-off-by: A <a@example.org>\n");
    git(&project, &["remote", "add", "origin", "https://ci:hunter2-canary@git.example.com/shop/config.git"]);
    project.run(&RENDER).succeeds();
    let expected = json!({
        "author": "Ä Author <a@example.org>",
        "subject": "checkout: warn only",
        "date": "2027-01-31T10:00:00-04:00",
        "body": "Because of noise.\n\nSigned-off-by: A <a@example.org>",
        "drySha": head,
        "repoURL": "https://git.example.com/shop/config.git",
    });
    assert_eq!(metadata(&project), expected);
    // in the order of Argo CD's own file
    let text = project.read("rendered/hydrator.metadata");
    let at = |name: &str| text.find(&format!("\"{name}\"")).unwrap();
    assert!(at("author") < at("subject") && at("subject") < at("date") && at("body") < at("drySha"), "{text}");
    // again, and nothing is in the way
    project.run(&RENDER).succeeds();
    assert_eq!(project.read("rendered/hydrator.metadata"), text);
    assert_eq!(project.run(&["render", "--all", "--out", "rendered", "--check"]).ok(), "");
}

/// A tree in the repository of its sources, whose own commits are no change of them.
#[test]
fn a_commit_of_the_tree_is_not_named() {
    let (project, head) = committed("first");
    project.run(&RENDER).succeeds();
    let text = project.read("rendered/hydrator.metadata");
    for _ in 0..2 {
        git(&project, &["add", "--all"]);
        git(&project, &["commit", "--quiet", "--allow-empty", "--message", "rendered"]);
        project.run(&RENDER).succeeds();
        assert_eq!(project.read("rendered/hydrator.metadata"), text);
        assert_eq!(git(&project, &["status", "--porcelain"]), "");
    }
    assert_eq!(metadata(&project)["drySha"], head);
    // another tree that is not committed is no source either
    let project = project.append("rendered/hydrator.metadata", "\n");
    project.run(&["render", "--all", "--out", "deploy", "--metadata"]).succeeds();
}

#[test]
fn trailers_of_argo_cd_are_references() {
    let (project, _) = committed(
        "bump image\n\nArgocd-reference-commit-author: Dev <dev@example.org>\nArgocd-reference-commit-sha: 0123abc\n\
         Argocd-reference-commit-subject: fix: totals\nArgocd-reference-commit-body: \"one\\ntwo\"\n\
         Argocd-reference-commit-repourl: https://git.example.com/shop/code\nArgocd-reference-commit-date: 2027-01-30T09:00:00Z\n",
    );
    project.run(&RENDER).succeeds();
    let found = metadata(&project);
    let commit = json!({
        "author": "Dev <dev@example.org>",
        "date": "2027-01-30T09:00:00Z",
        "subject": "fix: totals",
        "body": "one\ntwo",
        "sha": "0123abc",
        "repoURL": "https://git.example.com/shop/code",
    });
    assert_eq!(found["references"], json!([{ "commit": commit }]));
    assert!(found.get("body").is_none() && found.get("repoURL").is_none(), "{found}");
}

#[test]
fn an_invalid_trailer_is_reported_and_left_out() {
    let (project, _) = committed("x\n\nArgocd-reference-commit-sha: hunter2-canary\n");
    let run = project.run(&RENDER);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning:") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    run.record();
    assert!(metadata(&project).get("references").is_none());
}

#[test]
fn sources_that_are_not_committed_are_refused() {
    for (name, text) in [("prod.yaml", "data: { A: 2 }\n"), ("base.yaml", "data: { B: 1 }\n"), ("qa.yaml", "")] {
        let (project, _) = committed("x");
        project.write(name, text);
        let message = project.run(&RENDER).refused();
        assert!(message.contains(&format!("`{name}`")), "{message}");
        assert!(!project.path("rendered").exists());
    }
    // the output itself may be new
    let (project, head) = committed("x");
    project.run(&RENDER).succeeds();
    project.run(&RENDER).succeeds();
    assert_eq!(metadata(&project)["drySha"], *head);
}

#[test]
fn without_a_commit_there_is_nothing_to_name() {
    let project = Sandbox::new([("base.yaml", "data: { A: 1 }\n"), ("dev.yaml", "")]);
    let project = project.env("PATH", std::env::var_os("PATH").unwrap());
    project.run(&RENDER).fails(4);
    git(&project, &["init", "--quiet", "."]);
    project.run(&RENDER).fails(4);
    assert!(!project.path("rendered").exists());
    project.run(&["render", "--all", "--metadata"]).refused();
    project.run(&["render", "--all", "--out", "rendered", "--metadata", "--check"]).refused();
    project.run(&["render", "--all", "--out", "rendered", "--metadata", "--app", "app"]).refused();
}

#[cfg(unix)]
#[test]
fn a_link_in_its_place_is_not_followed_out_of_the_tree() {
    let (project, _) = committed("x");
    project.run(&["render", "--all", "--out", "rendered"]).succeeds();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("file");
    fs::write(&target, "before").unwrap();
    std::os::unix::fs::symlink(&target, project.path("rendered/hydrator.metadata")).unwrap();
    project.run(&RENDER);
    assert_eq!(fs::read_to_string(target).unwrap(), "before");
}

/// Git does not take such a layer, but it is rendered.
#[test]
fn an_ignored_layer_is_no_source_of_a_commit() {
    for name in ["qa.yaml", "prod.secrets.yaml"] {
        let (project, _) = committed("x");
        let project = project.file(".git/info/exclude", format!("/{name}\n/notes.yaml\n"));
        project.write(name, "");
        let message = project.run(&RENDER).refused();
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
}

/// Nor does it take these, which are rendered all the same.
#[test]
fn an_ignored_file_that_is_read_is_no_source_of_a_commit() {
    let (project, _) = committed("x");
    let base = "data:\n  A: { file: files/a.txt }\n  B: { template: files/b.j2 }\nmanifests: [w/*.yaml]\n";
    project.write("base.yaml", base);
    project.write("prod.yaml", "extends: [regions/eu]\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: own }\n";
    let files = [
        ("files/a.txt", "a\n"),
        ("files/b.j2", "{% include 'c.j2' %}"),
        ("files/c.j2", "c"),
        ("regions/eu.yaml", "data: { A: x }\n"),
        ("w/map.yaml", map),
    ];
    for (name, text) in files {
        project.write(name, text);
    }
    project.write("files/unread.txt", "not a source\n");
    for (name, _) in files {
        git(&project, &["add", "--all"]);
        git(&project, &["rm", "--quiet", "--cached", name, "files/unread.txt"]);
        git(&project, &["commit", "--quiet", "--allow-empty", "--message", name]);
        project.write(".git/info/exclude", format!("/{name}\n/files/unread.txt\n"));
        let message = project.run(&RENDER).refused();
        assert!(message.contains(&format!("`{name}`")), "{name}: {message}");
        project.write(".git/info/exclude", "");
    }
    git(&project, &["add", "--all"]);
    git(&project, &["rm", "--quiet", "--cached", "files/unread.txt"]);
    git(&project, &["commit", "--quiet", "--message", "all"]);
    project.write(".git/info/exclude", "/files/unread.txt\n");
    project.run(&RENDER).succeeds();
}

/// Git does not look at such a file.
#[test]
fn a_file_that_is_marked_as_unchanged_is_compared() {
    for mark in ["assume-unchanged", "skip-worktree"] {
        let (project, _) = committed("x");
        git(&project, &["update-index", &format!("--{mark}"), "base.yaml"]);
        project.run(&RENDER).succeeds();
        project.write("base.yaml", "data: { A: 2 }\n");
        let message = project.run(&RENDER).refused();
        assert!(message.contains("`base.yaml`"), "{mark}: {message}");
        assert_eq!(git(&project, &["status", "--porcelain", "-uno"]), "", "the mark of the repository stays");
    }
}

/// Git knows seconds, and compares the content of files that are not older than its index.
#[test]
fn a_marked_file_that_changed_within_the_second_of_the_commit_is_compared() {
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for mark in ["assume-unchanged", "skip-worktree"] {
        let (project, _) = committed("x");
        let age =
            |name: &str| File::options().write(true).open(project.path(name)).unwrap().set_modified(past).unwrap();
        fs::write(project.root().parent().unwrap().join(".gitconfig"), "[core]\n\ttrustctime = false\n").unwrap();
        age("base.yaml");
        git(&project, &["add", "base.yaml"]);
        git(&project, &["update-index", &format!("--{mark}"), "base.yaml"]);
        age(".git/index");
        project.write("base.yaml", "data: { A: 2 }\n");
        age("base.yaml");
        let message = project.run(&RENDER).refused();
        assert!(message.contains("`base.yaml`"), "{mark}: {message}");
    }
}
