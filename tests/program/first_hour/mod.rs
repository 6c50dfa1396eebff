//! The first hour: `init`, `git-setup` and `doctor` in directories and repositories as people have them, with the real
//! git.

#![cfg(unix)]

mod doctor;
mod git_setup;
mod init;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::messages::{note_command, record};

/// A home and a directory beside it, in which programs run with nothing of the user's.
struct Machine {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// Outcome of a program.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Machine {
    /// A machine with an empty directory, `work`.
    fn new() -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() };
        for name in ["home", "work", "memory"] {
            fs::create_dir(machine.directory.path().join(name)).unwrap();
        }
        machine
    }

    /// A machine on which `work` is a repository.
    fn with_repository() -> Self {
        let machine = Self::new();
        machine.git(&["init", "-q", "-b", "main"]);
        machine
    }

    /// The same with a variable of its programs.
    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// The usual file of identities.
    fn keys(&self) -> PathBuf {
        self.home().join(".config/sops/age/keys.txt")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap()
    }

    fn command(&self, directory: &str, program: &str, arguments: &[&str]) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.work().join(directory)).env_clear().stdin(Stdio::null());
        command.env("PATH", format!("{}:{}", own.display(), std::env::var("PATH").unwrap()));
        command
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("NO_COLOR", "1")
            .env("EDITOR", env!("CARGO_BIN_EXE_septum"));
        command.env("TMPDIR", self.directory.path().join("memory"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run_in(&self, directory: &str, program: &str, arguments: &[&str]) -> Run {
        self.finish(self.command(directory, program, arguments))
    }

    fn finish(&self, mut command: Command) -> Run {
        note_command(&command);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| self.shortened(std::str::from_utf8(bytes).unwrap());
        Run {
            code: output.status.code().expect("it ends by itself"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// A text without directories that differ from run to run.
    fn shortened(&self, text: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_septum")).display().to_string();
        let directory = self.directory.path().display().to_string();
        let text = text.replace(&program, "PROGRAM").replace(&directory, "MACHINE");
        text.replace(concat!("septum ", env!("CARGO_PKG_VERSION")), "septum VERSION")
    }

    fn septum(&self, arguments: &[&str]) -> Run {
        self.run_in("", env!("CARGO_BIN_EXE_septum"), arguments)
    }

    /// Runs git, which must succeed.
    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let run = self.run_in("", "git", arguments);
        assert_eq!(run.code, 0, "git {arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    /// Runs git to commit everything.
    #[track_caller]
    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "x"]);
    }
}

impl Run {
    /// Records everything that was printed.
    #[track_caller]
    fn record(self) -> Self {
        record(format!("{}{}", self.stdout, self.stderr));
        assert!(!self.stdout.contains("AGE-SECRET-KEY") && !self.stderr.contains("AGE-SECRET-KEY"));
        self
    }

    /// The output of a run that must succeed, which is recorded.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.record().stdout
    }

    /// The message of a run that must fail with a code, which is recorded.
    #[track_caller]
    fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.record().stderr
    }
}

/// The commands that an output prints to continue with.
fn next_commands(output: &str) -> Vec<String> {
    let lines = output.lines().skip_while(|line| !line.starts_with("Next")).skip(1);
    lines.map(|line| line.trim().to_owned()).collect()
}
