//! Times and peak memory of processes.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A run of the program.
pub(super) struct Process {
    /// Where it starts.
    pub(super) folder: PathBuf,
    /// Its arguments, parted by blanks.
    pub(super) arguments: &'static str,
    /// The file with the age identity.
    pub(super) identity: PathBuf,
}

impl Process {
    fn command(&self) -> Command {
        let mut command = Command::new(super::program());
        command
            .args(self.arguments.split(' '))
            .current_dir(&self.folder)
            .env("SOPS_AGE_KEY_FILE", &self.identity)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self) {
        let status = self.command().status().expect("the program starts");
        assert!(status.success(), "`septum {}` in `{}` failed", self.arguments, self.folder.display());
    }

    /// The most memory it had at a time, in MiB, as GNU time tells; none where that is not installed.
    pub(super) fn peak_memory(&self) -> Option<f64> {
        let inner = self.command();
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M"]).arg(inner.get_program()).args(inner.get_args());
        command.current_dir(&self.folder).env("SOPS_AGE_KEY_FILE", &self.identity).stdout(Stdio::null());
        let output = command.stderr(Stdio::piped()).output().ok()?;
        let kibibytes: f64 = String::from_utf8(output.stderr).ok()?.lines().last()?.trim().parse().ok()?;
        Some(kibibytes / 1024.0)
    }
}

/// How long each of `runs` runs takes, in milliseconds, sorted. What is cold is warmed before.
pub(super) fn sorted_times(runs: usize, mut run: impl FnMut()) -> Vec<f64> {
    run();
    run();
    let mut times: Vec<f64> = (0..runs).map(|_| time(&mut run).0).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// What `run` gives, and how many milliseconds it took.
pub(super) fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = run();
    (start.elapsed().as_secs_f64() * 1000.0, result)
}
