//! Programs that run with the values of an environment.
//!
//! On Unix the program takes the place of this process, so that its number, its signals, its terminal and its memory
//! are those of a program started without Septum. A parent remains only where something is left to do: redaction,
//! restarts, files that have to be removed.

#[cfg(unix)]
mod files;
#[cfg(unix)]
mod restarts;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod terminal;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::program::{has_other_file, program_command, search_path};

#[cfg(unix)]
pub use files::EntryFiles;
#[cfg(unix)]
pub use restarts::SourceWatcher;
#[cfg(unix)]
pub use streams::{OutputPlan, RedactionScope};
#[cfg(unix)]
pub use supervisor::{ProgramEnd, Supervisor};

/// A program to start.
#[derive(Debug)]
pub struct Launch {
    /// The program: a path, or a name that is searched in `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// All of its variables.
    pub variables: Vec<(OsString, OsString)>,
    /// Its working directory; none for the one of this process.
    pub directory: Option<PathBuf>,
}

/// Reason why a program did not start.
#[derive(Debug)]
pub enum StartFailure {
    /// There is no such program.
    NotFound,
    /// The file is there, but it is not a program, or may not be run.
    NotExecutable,
    /// The variables and arguments are longer than the system allows.
    TooLong,
    /// Another error of the system.
    Other(io::Error),
}

impl Launch {
    /// The program as a command. No shell is involved.
    fn to_command(&self) -> Result<Command, StartFailure> {
        let mut command = program_command(&self.program).map_err(|_| self.missing())?;
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, &self.program);
        command.args(&self.arguments).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        Ok(command)
    }

    fn missing(&self) -> StartFailure {
        if has_other_file(&self.program, &search_path()) { StartFailure::NotExecutable } else { StartFailure::NotFound }
    }

    /// Replaces this process by the program; returns only if that fails.
    #[cfg(unix)]
    pub fn replace_process(&self) -> StartFailure {
        match self.to_command() {
            Ok(mut command) => std::os::unix::process::CommandExt::exec(&mut command).into(),
            Err(failure) => failure,
        }
    }

    /// Runs the program as a child, and returns its exit code: other systems cannot replace a process.
    #[cfg(not(unix))]
    pub fn run_child(&self) -> Result<u8, StartFailure> {
        let status = self.to_command()?.status()?;
        // codes above 255 are those of crashes
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// Texts that the program gets beside the variables of an environment, for limits of the system.
    pub fn arguments(&self) -> impl Iterator<Item = &OsStr> {
        std::iter::once(self.program.as_os_str()).chain(self.arguments.iter().map(OsString::as_os_str))
    }
}

impl From<io::Error> for StartFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::ArgumentListTooLong => Self::TooLong,
            io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => Self::NotExecutable,
            // not a format that the system runs: a script without `#!`
            _ if is_exec_format(&error) => Self::NotExecutable,
            _ => Self::Other(error),
        }
    }
}

#[cfg(unix)]
fn is_exec_format(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

#[cfg(not(unix))]
fn is_exec_format(_: &io::Error) -> bool {
    false
}
