//! One run at a time for each inventory: a whole run alone, shards beside each other.
//!
//! The kernel releases a lock when its holder dies, so a killed run blocks no other run. Where a file system has no
//! locks, runs are not kept apart.

use std::fs::File;

/// Lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Vec<File>,
}

/// Error: another run holds the lock.
#[derive(Debug)]
pub(super) struct Busy;

#[cfg(unix)]
mod system {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;

    use super::{Busy, Lock};

    /// Locks a directory against every other run.
    pub(in super::super) fn alone(directory: &Path) -> io::Result<Result<Lock, Busy>> {
        let file = File::open(directory)?;
        let is_ours = hold(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(if is_ours { Ok(Lock { _held: vec![file] }) } else { Err(Busy) })
    }

    /// Waits until the lock of a file is free and takes it. The file is created if it does not exist.
    pub(in super::super) fn exclusive(path: &Path) -> io::Result<Lock> {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;
        // other entries in its place are not waited for: a pipe without a reader is an error, and so is a link
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(Lock { _held: vec![file] })
    }

    /// Locks a directory against runs that want it alone, and the one made by `own` against all.
    ///
    /// The holder removes the latter, so another may take its place before it is locked.
    pub(in super::super) fn beside(
        directory: &Path,
        own: &Path,
        make: impl Fn() -> io::Result<()>,
    ) -> io::Result<Result<Lock, Busy>> {
        let shared = File::open(directory)?;
        if !hold(&shared, FlockOperation::NonBlockingLockShared) {
            return Ok(Err(Busy));
        }
        loop {
            make()?;
            let held = match File::open(own) {
                Ok(held) => held,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if !hold(&held, FlockOperation::NonBlockingLockExclusive) {
                return Ok(Err(Busy));
            }
            let inode = held.metadata()?.ino();
            if fs::symlink_metadata(own).is_ok_and(|there| there.ino() == inode) {
                return Ok(Ok(Lock { _held: vec![shared, held] }));
            }
        }
    }

    /// Locks a directory whose holder is gone.
    pub(in super::super) fn abandoned(directory: &Path) -> Option<Lock> {
        let found = fs::symlink_metadata(directory).ok().filter(fs::Metadata::is_dir)?;
        let file = File::open(directory).ok()?;
        let is_same = file.metadata().is_ok_and(|opened| opened.ino() == found.ino());
        (is_same && hold(&file, FlockOperation::NonBlockingLockExclusive)).then(|| Lock { _held: vec![file] })
    }

    fn hold(file: &File, how: FlockOperation) -> bool {
        !matches!(flock(file, how), Err(Errno::WOULDBLOCK))
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{self, File};
    use std::io;
    use std::path::Path;

    use super::{Busy, Lock};
    use crate::atomic::{LockMode, try_lock, wait_for_lock};

    /// Locks a directory against every other run.
    pub(in super::super) fn alone(directory: &Path) -> io::Result<Result<Lock, Busy>> {
        Ok(try_lock(directory, LockMode::Exclusive)?.map(|file| Lock { _held: vec![file] }).ok_or(Busy))
    }

    /// Locks a directory whose holder is gone.
    pub(in super::super) fn abandoned(directory: &Path) -> Option<Lock> {
        fs::symlink_metadata(directory).ok().filter(fs::Metadata::is_dir)?;
        alone(directory).ok()?.ok()
    }

    /// Waits until the lock of a file is free and takes it. The file is created if it does not exist.
    pub(in super::super) fn exclusive(path: &Path) -> io::Result<Lock> {
        drop(File::options().write(true).create(true).truncate(false).open(path)?);
        Ok(Lock { _held: vec![wait_for_lock(path, |_| {})?] })
    }

    /// Locks a directory against runs that want it alone, and the one made by `own` against all.
    pub(in super::super) fn beside(
        directory: &Path,
        own: &Path,
        make: impl Fn() -> io::Result<()>,
    ) -> io::Result<Result<Lock, Busy>> {
        let Some(shared) = try_lock(directory, LockMode::Shared)? else { return Ok(Err(Busy)) };
        make()?;
        Ok(try_lock(own, LockMode::Exclusive)?.map(|held| Lock { _held: vec![shared, held] }).ok_or(Busy))
    }
}

pub(super) use system::{abandoned, alone, beside, exclusive};

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_took_the_place_of_a_lock_is_not_waited_for_or_followed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        // `rustix` makes none on macOS
        let make_pipe = |name: &str| {
            assert!(std::process::Command::new("mkfifo").arg(at(name)).status().unwrap().success());
        };
        make_pipe("pipe");
        std::os::unix::fs::symlink("new", at("link")).unwrap();
        // a FIFO that has a reader opens, but is not a file
        make_pipe("read");
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
        let _reader = rustix::fs::open(at("read"), flags, rustix::fs::Mode::empty());
        for name in ["pipe", "link", "read"] {
            assert!(exclusive(&at(name)).is_err(), "{name}");
        }
        assert!(exclusive(&at("lock")).is_ok() && !at("new").exists());
    }
}
