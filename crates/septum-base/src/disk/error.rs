//! Errors of reading.

use std::io;

/// Reason why a file is not read.
#[derive(Debug)]
pub enum FileReadError {
    /// It does not exist.
    Missing,
    /// The path leads out of the root by its text.
    Outside,
    /// The path leads out of the root through a symbolic link.
    LinkOut,
    /// A symbolic link whose destination does not exist.
    DanglingLink,
    /// Symbolic links form a loop, or have too many steps.
    LinkLoop,
    /// It is a directory.
    Directory,
    /// It is a pipe, a device or a socket: its name.
    Special(&'static str),
    /// It is larger than this many bytes.
    TooBig(u64),
    /// The system cannot read it.
    Io(io::Error),
}

impl From<io::Error> for FileReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::IsADirectory => Self::Directory,
            _ => Self::Io(error),
        }
    }
}

/// Whether a file could not be written because its file system has no space for any, or none for this user.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
