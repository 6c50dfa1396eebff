//! Nothing that a repository holds is run: neither by its configuration of Git, nor by what lies on the path.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::{note_command, record};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Names of hooks that Git runs of itself.
const HOOKS: &[&str] = &[
    "pre-commit",
    "post-index-change",
    "fsmonitor-watchman",
    "post-checkout",
    "pre-auto-gc",
    "reference-transaction",
    "proc-receive",
];

/// A configuration that runs `CANARY` (a program that leaves a file), with a call of Git that proves it, if there is
/// a plain one.
struct Hostile {
    name: &'static str,
    config: &'static str,
    proof: Option<&'static [&'static str]>,
}

const HOSTILE: &[Hostile] = &[
    Hostile { name: "fsmonitor", config: "[core]\n fsmonitor = CANARY\n", proof: Some(&["status"]) },
    Hostile { name: "hooks path", config: "[core]\n hooksPath = HOOKS\n", proof: Some(&["commit", "-qm", "x"]) },
    Hostile { name: "external diff", config: "[diff]\n external = CANARY\n", proof: Some(&["diff", "--cached"]) },
    Hostile {
        name: "diff command",
        config: "[diff \"evil\"]\n command = CANARY\n",
        proof: Some(&["diff", "--cached"]),
    },
    Hostile {
        name: "textconv",
        config: "[diff \"evil\"]\n textconv = CANARY\n cachetextconv = true\n",
        proof: Some(&["diff", "--cached"]),
    },
    Hostile {
        name: "filter",
        config: "[filter \"evil\"]\n clean = CANARY\n smudge = CANARY\n required = true\n",
        proof: Some(&["cat-file", "--filters", ":dev.yaml"]),
    },
    Hostile {
        name: "filter process",
        config: "[filter \"evil\"]\n process = CANARY\n required = true\n",
        proof: Some(&["cat-file", "--filters", ":dev.yaml"]),
    },
    Hostile { name: "merge driver", config: "[merge \"evil\"]\n driver = CANARY\n", proof: None },
    Hostile {
        name: "pagers and editors",
        config: "[core]\n pager = CANARY\n editor = CANARY\n[pager]\n diff = CANARY\n ls-files = CANARY\n check-ignore = CANARY\n[sequence]\n editor = CANARY\n",
        proof: Some(&["-c", "user.name=x", "-c", "user.email=x@x", "commit"]),
    },
    Hostile {
        name: "aliases",
        config: "[alias]\n diff = !CANARY\n ls-files = !CANARY\n cat-file = !CANARY\n check-ignore = !CANARY\n check-attr = !CANARY\n merge-file = !CANARY\n evil = !CANARY\n",
        proof: Some(&["evil"]),
    },
    Hostile { name: "include", config: "[include]\n path = INCLUDED\n", proof: Some(&["status"]) },
    Hostile {
        name: "lazy fetch",
        config: "[core]\n repositoryformatversion = 1\n sshCommand = CANARY\n[extensions]\n partialClone = origin\n[remote \"origin\"]\n url = ext::CANARY\n promisor = true\n[protocol]\n allow = always\n[protocol \"ext\"]\n allow = always\n",
        proof: Some(&["cat-file", "-p", "0123456789012345678901234567890123456789"]),
    },
    Hostile {
        name: "helpers",
        config: "[core]\n sshCommand = CANARY\n askPass = CANARY\n gitProxy = CANARY\n alternateRefsCommand = CANARY\n[credential]\n helper = !CANARY\n[gpg]\n program = CANARY\n[uploadpack]\n packObjectsHook = CANARY\n[submodule]\n recurse = true\n[gc]\n auto = 1\n",
        proof: None,
    },
    Hostile {
        name: "configuration of the work tree",
        config: "[core]\n repositoryformatversion = 1\n[extensions]\n worktreeConfig = true\n",
        proof: Some(&["status"]),
    },
];

struct World {
    directory: TempDir,
}

impl World {
    /// A repository with a project, and a staged leak; secrets of it would be written in plaintext.
    fn new() -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        for name in ["repository", "home", "hooks"] {
            fs::create_dir(world.at(name)).unwrap();
        }
        world.program("canary", &world.at("ran"));
        for hook in HOOKS {
            world.program(&format!("hooks/{hook}"), &world.at("ran"));
        }
        world.write("included", "[core]\n fsmonitor = CANARY\n");
        world.git(&["init", "-q", "-b", "main"]);
        // a commit of a proof runs hooks, and then fails: on no machine is there a name for its author
        world.git(&["config", "user.useConfigOnly", "true"]);
        world.write(
            "repository/base.yaml",
            "app: shop\ndata: { URL: a, P: { value: hunter2hunter2, sensitive: true } }\n",
        );
        world.write("repository/dev.yaml", "");
        world.write("repository/.gitattributes", "* diff=evil filter=evil merge=evil\n");
        world.write("repository/ours.txt", "a\n");
        world.write("repository/theirs.txt", "b\n");
        world.git(&["add", "-A"]);
        world.git(&["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]);
        world.write("repository/.git/config.worktree", "[core]\n fsmonitor = CANARY\n");
        world.write("repository/dev.yaml", "data:\n  URL: sk_live_4eC39HqLyjWDarjtT1zdp7dcA\n");
        world.git(&["add", "-A"]);
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.at("repository")
    }

    fn expanded(&self, text: &str) -> String {
        [("CANARY", "canary"), ("HOOKS", "hooks"), ("INCLUDED", "included")]
            .iter()
            .fold(text.to_owned(), |text, (word, name)| text.replace(word, &self.at(name).display().to_string()))
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.expanded(text)).unwrap();
    }

    /// A program that leaves a file. Written by another process: what
    /// this one has open for writing nobody can run.
    fn program(&self, name: &str, ran: &Path) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        let text = format!("#!/bin/sh\n: > '{}'\n", ran.display());
        let script = "printf '%s' \"$1\" > \"$0\"; chmod 755 \"$0\"";
        assert!(Command::new("sh").args(["-c", script]).arg(self.at(name)).arg(text).status().unwrap().success());
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root()).env_clear().env("HOME", self.at("home")).env("NO_COLOR", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
        command
    }

    fn git(&self, arguments: &[&str]) -> Output {
        self.command("git").args(arguments).output().unwrap()
    }

    /// Whether something ran since this was asked last.
    fn ran(&self) -> bool {
        fs::remove_file(self.at("ran")).is_ok()
    }

    /// Every command that starts Git, each of which must do its work all the same.
    fn run_all(&self, prepare: &dyn Fn(&mut Command)) {
        let run = |arguments: &[&str]| {
            let mut command = self.command(env!("CARGO_BIN_EXE_septum"));
            command.args(arguments);
            prepare(&mut command);
            note_command(&command);
            let output = command.output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let (code, stdout, stderr) = run(&["check", "--staged", "--format", "json"]);
        assert!(
            code == Some(1) && stdout.contains("plaintext-secret") && stdout.contains("dev.yaml"),
            "{stdout}{stderr}"
        );
        let (code, _, stderr) = run(&["render", "--all", "--out", "rendered"]);
        record(&stderr);
        assert!(code == Some(2), "{stderr}");
        let (code, _, stderr) = run(&["git-merge", "ours.txt", "ours.txt", "theirs.txt", "x.txt"]);
        assert!(code == Some(0), "{stderr}");
    }
}

#[test]
fn no_configuration_of_git_runs_anything() {
    let world = World::new();
    let sound = fs::read_to_string(world.at("repository/.git/config")).unwrap();
    for Hostile { name, config, proof } in HOSTILE {
        world.write("repository/.git/config", &format!("{sound}{config}"));
        if let Some(proof) = proof {
            world.git(proof);
            assert!(world.ran(), "{name}: Git itself would run it");
        }
        world.run_all(&|_| ());
        assert!(!world.ran(), "{name}: it ran");
    }
    // all of them, and all hooks, as a hook of Git is started
    let all: String = HOSTILE.iter().map(|hostile| hostile.config).collect();
    world.write("repository/.git/config", &(sound.clone() + &all));
    for hook in HOOKS {
        world.program(&format!("repository/.git/hooks/{hook}"), &world.at("ran"));
    }
    world.run_all(&|command| {
        command.envs([("GIT_INDEX_FILE", ".git/index"), ("GIT_DIR", ".git")]);
    });
    assert!(!world.ran(), "it ran");
    // and where they are those of the user, who may have Git run them, and not us
    world.write("repository/.git/config", &sound);
    world.write("home/.gitconfig", &all);
    world.run_all(&|_| ());
    assert!(!world.ran(), "it ran");
}

#[test]
fn variables_of_git_run_nothing() {
    let world = World::new();
    let canary = world.at("canary").display().to_string();
    world.run_all(&|command| {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.fsmonitor")
            .env("GIT_CONFIG_VALUE_0", &canary);
        command.env("GIT_EXTERNAL_DIFF", &canary).env("GIT_PAGER", &canary).env("GIT_SSH", &canary);
        command.env("GIT_EXEC_PATH", world.at("hooks")).env("GIT_CONFIG_GLOBAL", world.at("included"));
    });
    assert!(!world.ran());
}

#[test]
fn a_directory_that_looks_like_a_bare_repository_is_none() {
    let world = World::new();
    // all of it can be committed
    for (name, text) in [
        ("HEAD", "ref: refs/heads/main\n"),
        ("config", "[core]\n repositoryformatversion = 0\n bare = false\n worktree = ..\n fsmonitor = CANARY\n"),
        ("objects/keep", ""),
        ("refs/keep", ""),
        ("base.yaml", "app: inner\ndata: { P: { value: hunter2hunter2, sensitive: true } }\n"),
        ("dev.yaml", ""),
    ] {
        world.write(&format!("repository/inner/{name}"), text);
    }
    let inner = world.at("repository/inner");
    assert!(world.command("git").current_dir(&inner).arg("status").output().is_ok() && world.ran(), "Git is fooled");
    for arguments in [&["check", "--staged"][..], &["render", "--all", "--out", "rendered"]] {
        let output = world.command(env!("CARGO_BIN_EXE_septum")).current_dir(&inner).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!world.ran(), "{arguments:?}: {stderr}");
        // it is a part of the repository around it
        assert_ne!(output.status.code(), Some(4), "{arguments:?}: {stderr}");
    }
}

#[test]
fn git_is_not_taken_from_the_working_directory_or_the_repository() {
    let world = World::new();
    world.program("repository/git", &world.at("ran"));
    world.program("repository/tools/git", &world.at("ran"));
    let path = std::env::var("PATH").unwrap();
    let tools = world.at("repository/tools").display().to_string();
    for before in [".", "", "tools", tools.as_str()] {
        world.run_all(&|command| {
            command.env("PATH", format!("{before}:{path}"));
        });
        assert!(!world.ran(), "{before:?}");
    }
}

#[test]
fn a_filter_is_not_run_and_what_it_keeps_is_reported() {
    let world = World::new();
    let file = world.at("repository/blob.bin");
    fs::write(&file, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n").unwrap();
    world.write("repository/dev.yaml", "data:\n  URL: { file: blob.bin }\n");
    world.git(&["add", "-A"]);
    world.write("repository/.git/config", "[filter \"evil\"]\n smudge = CANARY\n");
    let mut command = world.command(env!("CARGO_BIN_EXE_septum"));
    note_command(command.args(["check", "--staged"]));
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!world.ran());
    record(&stdout);
    assert_ne!(output.status.code(), Some(0));
}
