//! Operations that change files, each of which is atomic.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::atomic::{self, Access};
use crate::route::Sensitivity;

/// The disk. In tests it can stop at any step, like a killed process: no later step is done, cleaning up included.
#[derive(Debug, Default)]
pub(super) struct TreeDisk {
    /// Number of steps left.
    pub(super) steps_left: Option<AtomicUsize>,
}

/// Whether bytes are on the disk before their file gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncPoint {
    /// They are: for the inventory, which cannot be restored from another source.
    Now,
    /// The system writes them later. After a power cut a file may be torn, which its digest shows, and the next run
    /// writes it again; waiting for thousands of them costs minutes.
    Later,
}

impl TreeDisk {
    /// Counts a step; called before each change of the disk.
    pub(super) fn step(&self) -> io::Result<()> {
        crate::test_hook::pass_point(crate::test_hook::StopPoint::TreeStep);
        let Some(left) = &self.steps_left else { return Ok(()) };
        match left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("killed")),
        }
    }

    /// Creates a directory, which may exist.
    pub(super) fn make_directory(&self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(_) => self.step()?,
        }
        match fs::create_dir(path) {
            // another thread or shard made it just now
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !path.is_symlink() => Ok(()),
            made => made,
        }
    }

    /// Creates a directory and its parents.
    pub(super) fn make_directories(&self, path: &Path) -> io::Result<()> {
        match path.parent().filter(|parent| !parent.is_dir()) {
            Some(parent) => self.make_directories(parent).and_then(|()| self.make_directory(path)),
            None => self.make_directory(path),
        }
    }

    /// Replaces the bytes of `target`, by way of a file at `draft` that takes its name, and keeps its permissions; a
    /// new file that holds secrets is readable by its owner alone.
    pub(super) fn replace(
        &self,
        target: &Path,
        draft: &Path,
        bytes: &[u8],
        permissions: Option<Permissions>,
        sensitivity: Sensitivity,
        sync: SyncPoint,
    ) -> io::Result<()> {
        let written = self.write_draft(draft, bytes, permissions, sensitivity, sync);
        let replaced = written.and_then(|()| self.rename_draft(draft, target));
        if replaced.is_err() {
            // if that fails too, the next run does it
            let _ = self.remove(draft);
        }
        replaced
    }

    /// Renames a draft. The name of a directory must be free: an error if it is taken, unless by an empty directory.
    pub(super) fn rename_draft(&self, draft: &Path, target: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(draft, target)
    }

    /// A new file, with its permissions if it has any yet.
    pub(super) fn write_draft(
        &self,
        draft: &Path,
        bytes: &[u8],
        permissions: Option<Permissions>,
        sensitivity: Sensitivity,
        sync: SyncPoint,
    ) -> io::Result<()> {
        self.step()?;
        let mut file = open(draft, sensitivity)?;
        // in halves where it may be stopped between them
        let (first, second) = bytes.split_at(if self.steps_left.is_some() { bytes.len() / 2 } else { bytes.len() });
        file.write_all(first)?;
        self.step()?;
        file.write_all(second)?;
        if let Some(permissions) = permissions {
            // a file that was not a Secret in plaintext before may have been readable by others
            let access = match sensitivity {
                Sensitivity::Plain => Access::Usual,
                Sensitivity::Sensitive => Access::Owner,
            };
            file.set_permissions(atomic::restrict(permissions, access))?;
        }
        match sync {
            // a test stops between steps, and has no power cuts to wait for
            SyncPoint::Now if self.steps_left.is_none() && !cfg!(test) => file.sync_all(),
            SyncPoint::Now | SyncPoint::Later => Ok(()),
        }
    }

    /// Makes the new names in a directory durable.
    #[expect(clippy::unused_self, reason = "what touches the disk is here")]
    pub(super) fn sync(&self, directory: &Path) {
        if !cfg!(test) {
            atomic::sync_directory(directory);
        }
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_file(path)
    }

    /// Removes a directory if it is empty.
    pub(super) fn remove_empty(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_dir(path)
    }

    /// Removes a directory of drafts with its content.
    pub(super) fn remove_drafts(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

#[cfg(unix)]
fn open(draft: &Path, sensitivity: Sensitivity) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mode = match sensitivity {
        Sensitivity::Plain => 0o666,
        Sensitivity::Sensitive => 0o600,
    };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(draft)
}

#[cfg(not(unix))]
fn open(draft: &Path, _: Sensitivity) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(draft)
}
