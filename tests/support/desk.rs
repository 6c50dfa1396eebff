//! A directory with keys, rules and files, and the program run in it as people run it.

#![allow(dead_code, clippy::expect_used, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::messages::{note_command, record};
use super::peers::peer;

/// A value that no message may show, in any test.
pub(crate) const CANARY: &str = "hunter2-canary";

/// A directory with the identities of Alice, who works here, and of Bob.
pub(crate) struct Desk {
    directory: TempDir,
    pub(crate) alice: String,
    pub(crate) bob: String,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Desk {
    /// Keys, and a rule that encrypts all values of `*.enc.*` and `*.secrets.yaml` for Alice.
    pub(crate) fn new() -> Self {
        let mut desk = Self { directory: TempDir::new().unwrap(), alice: String::new(), bob: String::new() };
        for (name, file) in [("alice", "alice.txt"), ("bob", "bob.txt")] {
            let made = desk.run(&["keygen", "-o", file]);
            let recipient = made.stderr.trim_end().rsplit(' ').next().unwrap().to_owned();
            *(if name == "alice" { &mut desk.alice } else { &mut desk.bob }) = recipient;
        }
        desk.rules(r"creation_rules: [{path_regex: '\.(enc|secrets)\.', age: ALICE}]");
        desk
    }

    /// Writes `.sops.yaml`; `ALICE` and `BOB` stand for their recipients.
    pub(crate) fn rules(&self, text: &str) {
        self.file(".sops.yaml", text.replace("ALICE", &self.alice).replace("BOB", &self.bob));
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Replaces a text in a file, which must be there.
    #[track_caller]
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let before = self.read(name);
        assert!(before.contains(from), "`{name}` holds `{from}`:\n{before}");
        self.file(name, before.replacen(from, to, 1));
    }

    /// An encrypted file of this content.
    #[track_caller]
    pub(crate) fn encrypted(&self, name: &str, content: impl AsRef<[u8]>) {
        self.file(name, content);
        self.run(&["encrypt", name]).ok();
    }

    /// The program with Alice's identity, and nothing of the user's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_septum"));
        command.args(arguments).current_dir(self.root()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path("home"));
        command.env("SOPS_AGE_KEY_FILE", self.path("alice.txt")).env("NO_COLOR", "1").stdin(Stdio::null());
        note_command(&command);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().expect("the program starts").into()
    }

    /// Runs the program with something on its standard input.
    pub(crate) fn give(&self, input: impl AsRef<[u8]>, arguments: &[&str]) -> Run {
        give(self.command(arguments), input.as_ref()).into()
    }

    /// Runs the program without any identity.
    pub(crate) fn run_without_key(&self, arguments: &[&str]) -> Run {
        self.command(arguments).env_remove("SOPS_AGE_KEY_FILE").output().expect("the program starts").into()
    }

    /// Runs the program as Bob.
    pub(crate) fn run_as_bob(&self, arguments: &[&str]) -> Run {
        self.command(arguments).env("SOPS_AGE_KEY_FILE", self.path("bob.txt")).output().expect("it starts").into()
    }

    /// The real sops with somebody's identity (`alice.txt`, `bob.txt`), if it is installed.
    pub(crate) fn sops(&self, keys: &str, arguments: &[&str]) -> Option<Run> {
        let mut command = Command::new(peer("sops")?);
        command.args(arguments).current_dir(self.root()).env_clear().env("HOME", self.path("home"));
        command.env("SOPS_AGE_KEY_FILE", self.path(keys)).stdin(Stdio::null());
        Some(command.output().expect("sops starts").into())
    }

    /// All files but the keys, to compare what was before with what is after.
    pub(crate) fn all(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        super::sandbox::files(self.root())
    }
}

/// Runs a command with something on its standard input.
pub(crate) fn give(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // who does not read it all is free to
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr }
    }
}

impl Run {
    /// What a run printed that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        String::from_utf8(self.stdout).expect("UTF-8")
    }

    /// Records its message.
    #[track_caller]
    pub(crate) fn record(&self) {
        assert!(!self.stderr.contains(CANARY), "{}", self.stderr);
        record(&self.stderr);
    }

    /// The message, which is recorded, of a run that must fail with a code and print nothing.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stderr, String::from_utf8_lossy(&self.stdout));
        assert!(self.stdout.is_empty(), "{}", String::from_utf8_lossy(&self.stdout));
        self.record();
        self.stderr
    }
}

/// Lines of one text that are not in the other, and the other way round, by what stands before `:` or `=`.
pub(crate) fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only = |one: &str, other: &str| {
        let mut rest: Vec<&str> = other.lines().collect();
        let mut only = Vec::new();
        for line in one.lines() {
            match rest.iter().position(|known| *known == line) {
                Some(at) => drop(rest.remove(at)),
                None => {
                    only.push(
                        line.trim_start()
                            .split([':', '='])
                            .next()
                            .unwrap_or_default()
                            .trim_matches(['"', ' '])
                            .to_owned(),
                    );
                }
            }
        }
        only
    };
    (only(before, after), only(after, before))
}
