//! Facts that only the system knows: directories in memory, their owners, running processes.

use std::fs::File;
use std::path::{Path, PathBuf};

/// The directories in memory that the system offers.
#[cfg(target_os = "linux")]
pub(super) fn memory() -> Vec<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    vec![PathBuf::from("/dev/shm"), PathBuf::from(format!("/run/user/{user}"))]
}

#[cfg(not(target_os = "linux"))]
pub(super) fn memory() -> Vec<PathBuf> {
    Vec::new()
}

/// Whether a directory is in memory.
#[cfg(target_os = "linux")]
pub(super) fn is_in_memory(directory: &Path) -> bool {
    // linux/magic.h
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    // the type of the field differs from one architecture to another, its lower bits do not
    let kind = rustix::fs::statfs(directory).map(|stat| i128::from(stat.f_type) & 0xffff_ffff);
    kind.is_ok_and(|kind| [TMPFS, RAMFS].contains(&kind))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_in_memory(_directory: &Path) -> bool {
    false
}

/// Whether a process has ended, or is this one.
#[cfg(unix)]
pub(super) fn is_dead(process: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    process == std::process::id() || test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

/// Other processes cannot be queried here: their locks tell.
#[cfg(not(unix))]
pub(super) fn is_dead(_process: u32) -> bool {
    true
}

/// Whether a directory is not a link, belongs to this user, and no other user can write to it.
#[cfg(unix)]
pub(super) fn is_ours(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(directory).is_ok_and(|directory| {
        directory.is_dir()
            && directory.uid() == rustix::process::geteuid().as_raw()
            && directory.mode() & 0o777 == 0o700
    })
}

#[cfg(not(unix))]
pub(super) fn is_ours(directory: &Path) -> bool {
    std::fs::symlink_metadata(directory).is_ok_and(|directory| directory.is_dir())
}

/// Locks a directory for this process, unless another has it.
#[cfg(unix)]
pub(super) fn lock(directory: &Path) -> Option<File> {
    use rustix::fs::{FlockOperation, flock};
    let file = File::open(directory).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

#[cfg(not(unix))]
pub(super) fn lock(directory: &Path) -> Option<File> {
    crate::atomic::try_lock(directory, crate::atomic::LockMode::Exclusive).ok().flatten()
}

/// Whether no process has locked a directory. Process ids have no meaning between containers that share a directory;
/// locks do.
pub(super) fn is_free(directory: &Path) -> bool {
    lock(directory).is_some()
}
