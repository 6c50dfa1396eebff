//! Reading of regular files alone: the kind of a file is checked on the open file.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::error::FileReadError;

/// The first bytes of a regular file at a path without links, as [`read_regular`] reads it.
pub(super) fn read_start(path: &Path, length: u64) -> Result<Vec<u8>, FileReadError> {
    let mut bytes = Vec::new();
    open_regular(path)?.0.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a regular file of at most `limit` bytes at a path without links.
///
/// No other kind of entry is read or waited for: a pipe, a device or a socket that took the place of the file since
/// its path was resolved is refused, and so is a link.
pub(super) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, FileReadError> {
    let (file, size) = open_regular(path)?;
    read_bounded(file, size, limit)
}

/// A regular file, and its size.
fn open_regular(path: &Path) -> Result<(File, u64), FileReadError> {
    let file = open_real(path).map_err(|error| refuse_open(path, error))?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(refuse_type(metadata.file_type())) }
}

/// The bytes of a file that the command line names, or of a pipe (`<(command)`, `/dev/stdin`). A device without an
/// end is refused at the limit.
pub(super) fn read_any(path: &Path, limit: u64) -> Result<Vec<u8>, FileReadError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(FileReadError::Directory);
    }
    read_bounded(file, metadata.len(), limit)
}

fn read_bounded(file: File, size: u64, limit: u64) -> Result<Vec<u8>, FileReadError> {
    if size > limit {
        return Err(FileReadError::TooBig(limit));
    }
    // of its full length at once: a growing buffer leaves copies behind
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    // one byte more than allowed: a file may grow, and a device has no size
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(FileReadError::TooBig(limit)) } else { Ok(bytes) }
}

/// Opens the entry at a path without links, even if a directory on the path was replaced by a link meanwhile.
#[cfg(target_os = "linux")]
fn open_real(path: &Path) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => Ok(File::from(file)),
        // a kernel, a sandbox or an emulator without that call
        Err(Errno::NOSYS | Errno::PERM) => open_by_parts(path),
        Err(error) => Err(error.into()),
    }
}

/// The same by a call for each directory of the path.
#[cfg(target_os = "linux")]
fn open_by_parts(path: &Path) -> io::Result<File> {
    use std::path::Component;

    use rustix::fs::{CWD, Mode, OFlags, openat};
    let of_directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let of_file = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut parts = path.components().peekable();
    let start = if parts.next_if_eq(&Component::RootDir).is_some() { "/" } else { "." };
    let mut directory = openat(CWD, start, of_directory, Mode::empty())?;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let flags = if is_last { of_file } else { of_directory };
        let opened = openat(&directory, part.as_os_str(), flags, Mode::empty())?;
        if is_last {
            return Ok(File::from(opened));
        }
        directory = opened;
    }
    // a path without a file name
    Err(io::ErrorKind::InvalidInput.into())
}

#[cfg(target_vendor = "apple")]
fn open_real(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW_ANY | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn open_real(path: &Path) -> io::Result<File> {
    open_unfollowed(path)
}

/// Error of a failed open, by the kind of the entry: a socket cannot be opened, and a link must not be.
fn refuse_open(path: &Path, error: io::Error) -> FileReadError {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => FileReadError::LinkLoop,
        Ok(metadata) if !metadata.is_file() => refuse_type(metadata.file_type()),
        _ => error.into(),
    }
}

/// Error for an entry that is not a regular file, at a path without links.
pub(super) fn refuse_special(path: &Path) -> FileReadError {
    match fs::symlink_metadata(path) {
        Ok(metadata) => refuse_type(metadata.file_type()),
        Err(error) => error.into(),
    }
}

#[cfg(unix)]
fn refuse_type(kind: fs::FileType) -> FileReadError {
    use std::os::unix::fs::FileTypeExt as _;
    match kind {
        kind if kind.is_dir() => FileReadError::Directory,
        kind if kind.is_fifo() => FileReadError::Special("named pipe"),
        kind if kind.is_socket() => FileReadError::Special("socket"),
        kind if kind.is_block_device() || kind.is_char_device() => FileReadError::Special("device"),
        _ => FileReadError::Special("special file"),
    }
}

#[cfg(not(unix))]
fn refuse_type(kind: fs::FileType) -> FileReadError {
    if kind.is_dir() { FileReadError::Directory } else { FileReadError::Special("special file") }
}

/// Opens the entry at a path unless it is a link, without waiting for the other end of a pipe.
#[cfg(unix)]
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

/// Opens the file at a path unless it is a link.
#[cfg(not(unix))]
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    // `FILE_FLAG_OPEN_REPARSE_POINT`: a link itself is opened
    let file = File::options().read(true).custom_flags(0x0020_0000).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{open_by_parts, open_real};

    #[test]
    fn a_path_with_a_link_is_not_opened_in_either_way() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("real/deep")).unwrap();
        fs::write(root.join("real/deep/file"), "text").unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("file", root.join("real/deep/to-file")).unwrap();
        for open in [open_real, open_by_parts] {
            let read = |path: &str| {
                let mut text = String::new();
                open(&root.join(path)).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text).ok()
            };
            assert_eq!(read("real/deep/file").as_deref(), Some("text"));
            for path in ["link/deep/file", "real/deep/to-file", "real/deep/none", "real/deep/file/below", "link"] {
                assert_eq!(read(path), None, "{path}");
            }
            assert!(open(Path::new("")).is_err());
        }
    }
}
