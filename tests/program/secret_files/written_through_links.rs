//! Who writes to what the command line names follows no link that the repository holds and that leads out of it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::help::commands;
use crate::support::sandbox::Sandbox;

/// Where things would be written, if a path of the command line is OUT; nothing if the command writes no file.
fn arguments(command: &str) -> &'static [&'static [&'static str]] {
    match command {
        "init" => &[&["init", "OUT"], &["init", "fresh", "--key-file", "OUT"]],
        "keygen" => &[&["keygen", "-o", "OUT"], &["keygen", "-y", "alice.txt", "-o", "OUT"]],
        "encrypt" => &[
            &["encrypt", "plain.enc.yaml", "-o", "OUT"],
            &["encrypt", "--filename", "x.enc.yaml", "-o", "OUT"],
            &["encrypt", "OUT"],
        ],
        "decrypt" => &[&["decrypt", "x.enc.yaml", "-o", "OUT"], &["decrypt", "-i", "OUT"]],
        "render" => &[&["render", "dev", "--out", "OUT", "--allow-plaintext"]],
        "import" => &[&["import", "manifests", "dev=own.yaml", "--out", "OUT"]],
        "eject" => &[&["eject", "plain", "--out", "OUT"]],
        "set" => &[&["set", "OUT", "a"]],
        "unset" => &[&["unset", "OUT", "a"]],
        "edit" => &[&["edit", "OUT"]],
        "rekey" => &[&["rekey", "OUT"]],
        "rotate" => &[&["rotate", "OUT"]],
        "git-merge" => &[&["git-merge", "x.enc.yaml", "OUT", "x.enc.yaml", "x.enc.yaml"]],
        // `check --fix` and `--write-baseline` write what the project names: tests/file_kinds
        // `rename` writes the layers of a project: tests/program/secret_files/renaming.rs
        // `git-setup` writes the configuration and the hooks of Git: tests/program/first_hour
        "docs" => &[&["docs", "--out", "OUT"]],
        "schema" => &[&["schema", "--out", "OUT"]],
        "report" => &[&["report", "--out", "OUT"]],
        // `promote` writes layers of the project: tests/program/promote
        // `exec --files` makes a link, and overwrites nothing: tests/program/exec
        "exec" => &[&["exec", "dev", "--files", "OUT", "--", "true"]],
        "helm" => &[&["helm", "plugin", "--out", "OUT"]],
        "argocd" | "check" | "export" | "krm" | "lsp" | "diff" | "promote" | "rename" | "explain" | "exposure"
        | "list" | "get" | "gc" | "doctor" | "git-setup" | "git-textconv" | "completions" | "man" | "help" => &[],
        other => panic!("`{other}`: where does it write?"),
    }
}

/// All files below a directory with their bytes.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                found.insert(path.display().to_string(), Vec::new());
                directories.push(path);
            } else {
                found.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// A project in a repository with links out: to a directory, to a repository, to files.
fn site(outside: &Path) -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write(".git/HEAD", "ref: refs/heads/main\n");
    desk.write("environments/base.yaml", "app: app\ndata: { A: a }\n");
    desk.write("environments/dev.yaml", "");
    desk.encrypted("x.enc.yaml", "a: 1\n");
    desk.write("plain.enc.yaml", "a: 1\n");
    desk.write("own.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: own }\ndata: { A: a }\n");
    for directory in ["directory", "repo", "repo/.git"] {
        fs::create_dir(outside.join(directory)).unwrap();
    }
    for file in ["directory/x.enc.yaml", "repo/x.enc.yaml", "x.enc.yaml"] {
        fs::copy(desk.path("x.enc.yaml"), outside.join(file)).unwrap();
    }
    fs::create_dir(desk.path("in")).unwrap();
    for (link, target) in [
        ("d", outside.join("directory")),
        ("r", outside.join("repo")),
        ("f.enc.yaml", outside.join("x.enc.yaml")),
        ("nothing.enc.yaml", outside.join("nothing")),
        ("in/up", Path::new("../d").to_path_buf()),
    ] {
        symlink(target, desk.path(link)).unwrap();
    }
    desk
}

#[test]
fn nothing_is_written_through_a_link_of_the_repository_that_leads_out() {
    let outside = tempfile::tempdir().unwrap();
    let desk = site(outside.path());
    let before = tree(outside.path());
    let outs = [
        "d/new.enc.yaml",
        "d/x.enc.yaml",
        "r/x.enc.yaml",
        "r/new",
        "f.enc.yaml",
        "nothing.enc.yaml",
        "in/up/x.enc.yaml",
    ];
    for arguments in commands().iter().flat_map(|command| arguments(command)) {
        for out in outs {
            let arguments: Vec<_> = arguments.iter().map(|it| if *it == "OUT" { out } else { it }).collect();
            let run = desk.give("a: 2\n", &arguments);
            assert!(run.code != 0, "{arguments:?}: {}", run.stderr);
            run.record();
            assert_eq!(tree(outside.path()), before, "{arguments:?}: {}", run.stderr);
            assert!(!run.stderr.contains("SECRET") && !String::from_utf8_lossy(&run.bytes).contains("SECRET"));
        }
    }
}

#[test]
fn what_the_user_names_outside_is_written_and_a_link_inside_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    let desk = site(outside.path());
    let elsewhere = outside.path().join("directory/key.txt").display().to_string();
    desk.run(&["keygen", "-o", &elsewhere]).succeeds();
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("AGE-SECRET-KEY-1"));
    // a link that no repository holds is the user's own
    symlink(outside.path().join("directory"), outside.path().join("link")).unwrap();
    desk.run(&["keygen", "-o", &outside.path().join("link/two.txt").display().to_string()]).succeeds();
    assert!(outside.path().join("directory/two.txt").exists());
    symlink("in", desk.path("inner")).unwrap();
    symlink("../x.enc.yaml", desk.path("in/x.enc.yaml")).unwrap();
    desk.run(&["keygen", "-o", "inner/key.txt"]).succeeds();
    assert!(desk.path("in/key.txt").exists());
    desk.give("2", &["set", "inner/x.enc.yaml", "a"]).succeeds();
    assert!(desk.path("in/x.enc.yaml").is_symlink());
    assert_eq!(desk.run(&["get", "x.enc.yaml", "a"]).bytes, b"2");
    // by its text, and not where the link leads
    desk.run(&["keygen", "-o", "d/../beside.txt"]).succeeds();
    assert!(desk.path("beside.txt").exists() && !outside.path().join("beside.txt").exists());
}
