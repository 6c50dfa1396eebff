//! Times and peak memory of processes.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A run of a program, whose output nobody reads.
pub(super) struct Process {
    program: PathBuf,
    directory: PathBuf,
    identity: PathBuf,
    arguments: Vec<OsString>,
    input: Option<PathBuf>,
}

impl Process {
    /// A program that starts in a directory, with the file of an age identity.
    pub(super) fn new(program: &Path, directory: &Path, identity: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            directory: directory.to_path_buf(),
            identity: identity.to_path_buf(),
            arguments: Vec::new(),
            input: None,
        }
    }

    /// With more arguments, which are parted by blanks.
    pub(super) fn with(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split(' ').map(OsString::from));
        self
    }

    /// With a file as its standard input.
    pub(super) fn reading(mut self, input: &Path) -> Self {
        self.input = Some(input.to_path_buf());
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        let input = self.input.as_ref().map_or_else(Stdio::null, |path| File::open(path).expect("the input").into());
        command.current_dir(&self.directory).env("SOPS_AGE_KEY_FILE", &self.identity);
        command.stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self) {
        let output = self.command().output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} in `{}` failed: {errors}", self.command(), self.directory.display());
    }

    /// The most memory it had at a time, in MiB, as GNU time tells; none where that is not installed.
    pub(super) fn peak_memory(&self) -> Option<f64> {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M"]).arg(&self.program).args(&self.arguments);
        let output = self.prepared(command).output().ok()?;
        let kibibytes: f64 = String::from_utf8(output.stderr).ok()?.lines().last()?.trim().parse().ok()?;
        Some(kibibytes / 1024.0)
    }
}

/// How long each of `runs` runs takes, in milliseconds, sorted. What is cold is warmed before.
pub(super) fn sorted_times(runs: usize, mut run: impl FnMut()) -> Vec<f64> {
    run();
    run();
    let mut times: Vec<f64> = (0..runs).map(|_| time(&mut run).0).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// What `run` gives, and how many milliseconds it took.
pub(super) fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = run();
    (start.elapsed().as_secs_f64() * 1000.0, result)
}

/// A number of MiB, or that it is not known.
pub(super) fn mebibytes(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"))
}
