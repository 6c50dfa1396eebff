//! Locks of paths, for a system that lets nobody replace a file that is open.
//!
//! The lock of a path is an empty file in the temporary directory of the user, named by a digest of the path. It is
//! opened so that no other process can open it, and so is free when its holder ends, however it ends. Other users, and machines that
//! share a directory, are not kept out.

use std::fs::{self, File};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// `ERROR_SHARING_VIOLATION`: another process has the file open.
const TAKEN: i32 = 32;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a lock admits others of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Beside other shared ones.
    Shared,
    /// Alone.
    Exclusive,
}

/// Locks a path that exists; none if another process has locked it.
pub fn try_lock(path: &Path, mode: LockMode) -> io::Result<Option<File>> {
    const READ: u32 = 0x8000_0000;
    const WRITE: u32 = 0x4000_0000;
    const SHARE_READ: u32 = 1;
    let (access, share) = match mode {
        LockMode::Shared => (READ, SHARE_READ),
        LockMode::Exclusive => (READ | WRITE, 0),
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(false).access_mode(access).share_mode(share);
    match options.open(lock_file(path)?) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(TAKEN) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Locks a path that exists for this process alone. `waiting` is called before each further attempt, with the time that
/// was waited.
pub fn wait_for_lock(path: &Path, mut waiting: impl FnMut(Duration)) -> io::Result<File> {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(file) = try_lock(path, LockMode::Exclusive)? {
            return Ok(file);
        }
        waiting(waited);
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

fn lock_file(path: &Path) -> io::Result<PathBuf> {
    let directory = std::env::temp_dir().join("septum-locks");
    fs::create_dir_all(&directory)?;
    let digest = Sha256::digest(fs::canonicalize(path)?.as_os_str().as_encoded_bytes());
    Ok(directory.join(format!("{digest:x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_locked_by_one_or_shared_by_several() {
        let directory = tempfile::tempdir().unwrap();
        let try_lock = |mode| try_lock(directory.path(), mode).unwrap();
        let first = try_lock(LockMode::Shared);
        let second = try_lock(LockMode::Shared);
        assert!(first.is_some() && second.is_some() && try_lock(LockMode::Exclusive).is_none());
        drop((first, second));
        let alone = wait_for_lock(directory.path(), |_| unreachable!()).unwrap();
        assert!(try_lock(LockMode::Shared).is_none() && try_lock(LockMode::Exclusive).is_none());
        drop(alone);
        assert!(try_lock(LockMode::Exclusive).is_some());
    }
}
