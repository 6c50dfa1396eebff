//! Cleanup without signals: it runs when its guard is dropped, and in the next run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

/// Cleanup of a path when a signal ends the program; its result is shown to the user.
pub type Cleanup = Box<dyn Fn() -> Option<String> + Send>;

static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Creates an object with a path that is registered for this process.
pub fn guarded<T>(make: impl FnOnce() -> io::Result<(PathBuf, Cleanup, T)>) -> io::Result<T> {
    let mut paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
    let (path, _, made) = make()?;
    paths.push(path);
    Ok(made)
}

/// Runs a function that makes the cleanup of a path unnecessary.
pub fn settle<T>(path: &Path, work: impl FnOnce() -> T) -> T {
    let done = work();
    PATHS.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != path);
    done
}

/// Calls a function with the paths with cleanups of this process, while none is added.
pub fn with_guarded(look: impl FnOnce(&[&Path])) {
    let paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
    look(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
}

/// Runs work as one step.
pub fn uninterrupted<T>(work: impl FnOnce() -> (T, Vec<PathBuf>, Option<String>)) -> T {
    let (done, settled, _) = work();
    PATHS.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !settled.contains(known));
    done
}

/// Sets the message for the user if a signal ends the program from now on.
pub fn report_if_ended(_: Option<String>) {}

/// Runs an editor.
pub fn run_editor(command: &mut Command) -> io::Result<ExitStatus> {
    command.status()
}

/// Runs a prompt that must restore the terminal.
pub fn prompting<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    ask()
}
