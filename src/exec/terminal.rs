//! A terminal of the program's own, between it and the terminal of the user.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::streams::{OutputPath, OutputPlan};

/// The user's terminal, whose input goes to the program unchanged. It is restored when this is dropped.
pub(super) struct UserTerminal {
    saved: Option<Termios>,
    /// The terminal of the program, which gets the input.
    target: Arc<Mutex<Option<File>>>,
}

impl UserTerminal {
    /// Passes the input of the user on from now on, every key included: Ctrl-C is for the program.
    pub(super) fn attach() -> io::Result<Self> {
        let target = Arc::<Mutex<Option<File>>>::default();
        if !io::stdin().is_terminal() {
            return Ok(Self { saved: None, target });
        }
        let saved = tcgetattr(io::stdin())?;
        let mut raw = saved.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        let terminal = Self { saved: Some(saved), target: Arc::clone(&target) };
        thread::Builder::new().name("input".to_owned()).spawn(move || pass_input(&target))?;
        Ok(terminal)
    }

    /// Starts a program in a terminal of its own, and returns that terminal for reading.
    pub(super) fn spawn(&self, command: Command, plan: &OutputPlan) -> io::Result<(Child, File)> {
        let (pty, pts) = pty_process::blocking::open().map_err(to_io_error)?;
        let mut command = pty_process::blocking::Command::from(command);
        if self.saved.is_none() {
            command = command.stdin(Stdio::inherit());
        }
        for (path, is_stdout) in [(plan.stdout, true), (plan.stderr, false)] {
            let stream = match path {
                OutputPath::Terminal => continue,
                OutputPath::Piped => Stdio::piped(),
                OutputPath::Inherited => Stdio::inherit(),
            };
            command = if is_stdout { command.stdout(stream) } else { command.stderr(stream) };
        }
        let terminal = File::from(OwnedFd::from(pty));
        copy_size(&terminal);
        let child = command.spawn(pts).map_err(to_io_error)?;
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(terminal.try_clone()?);
        Ok((child, terminal))
    }
}

impl Drop for UserTerminal {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, saved);
        }
    }
}

/// Gives the terminal of the program the size of the user's.
pub(super) fn copy_size(terminal: &File) {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stderr()));
    let _ = size.and_then(|size| tcsetwinsize(terminal, size));
}

/// Passes what the user types on to the current program.
fn pass_input(target: &Mutex<Option<File>>) {
    let mut input = [0; 4096];
    while let Ok(length @ 1..) = io::stdin().read(&mut input) {
        let target = target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut terminal) = target.as_ref() {
            let _ = terminal.write_all(input.get(..length).unwrap_or_default());
        }
    }
}

fn to_io_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
    }
}
