//! Files that are either old or new, whatever happens while they are written.
//!
//! New bytes are complete on disk before they get the name of their file, and have no name before that where the
//! system supports such files: then a killed process leaves nothing behind. Renaming is one step that no signal
//! interrupts, for many files too.

mod draft;
#[cfg(unix)]
mod inherited;
#[cfg(not(unix))]
mod named_lock;
mod new_directory;
mod new_parents;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use self::draft::DraftFile;
use crate::signals;
use crate::sort::sort;
use crate::test_hook::{StopPoint, pass_point};

pub use self::draft::{is_draft, is_in_use};
#[cfg(not(unix))]
pub use self::named_lock::{LockMode, try_lock, wait_for_lock};
pub use self::new_directory::NewDirectory;
pub use self::new_parents::NewParents;

/// Readers of a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The same users as before; for a new file, those that the user's mask allows.
    Usual,
    /// Its owner alone: it holds secrets in plaintext. Stricter permissions are kept.
    Owner,
}

/// Whether the system has permissions by which a file is readable by its owner alone. Elsewhere a file is
/// as readable as its directory, and a command that writes a secret says so.
pub const HAS_PERMISSIONS: bool = cfg!(unix);

/// Replaces or creates a file: its new bytes are complete on disk before they get its name, and owner, permissions
/// and extended attributes are kept. The path has no links, as returned by `disk::resolve_writable`: one that took
/// the place of the file meanwhile is replaced, not followed.
///
/// A process that is killed leaves the old file or the new one. A device or a pipe (`/dev/null`, `/dev/stdout`) is
/// not replaced: the bytes are written to it.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let CommitOutcome { directories, failed } =
        commit_writes(vec![prepare_write(path, bytes, Access::Usual)?], |_| None);
    for directory in &directories {
        sync_directory(directory);
    }
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// New bytes that do not have their name yet. They vanish if they never get it.
pub enum PreparedWrite {
    /// Complete on disk.
    File(PreparedFile),
    /// Destination that is not a file.
    Device {
        /// Bytes to write.
        bytes: Zeroizing<Vec<u8>>,
        /// Path of the device.
        target: PathBuf,
    },
}

/// A complete draft, and the name that it will get.
pub struct PreparedFile {
    draft: DraftFile,
    target: PathBuf,
    is_new: bool,
}

/// Outcome of renaming drafts.
#[derive(Debug, Default)]
pub struct CommitOutcome {
    /// The directories with new names, for [`sync_directory`].
    pub directories: Vec<PathBuf>,
    /// The first file that failed; later ones were not tried.
    pub failed: Option<(usize, io::Error)>,
}

/// Renames drafts, in their order. `report` returns the message for a signal that waited for it, from the number of
/// files that are done.
pub fn commit_writes(prepared: Vec<PreparedWrite>, report: impl FnOnce(usize) -> Option<String>) -> CommitOutcome {
    let mut devices = Vec::new();
    let mut done = signals::uninterrupted(|| {
        let (mut done, mut settled) = (CommitOutcome::default(), Vec::new());
        for (index, prepared) in prepared.into_iter().enumerate() {
            match prepared {
                PreparedWrite::Device { bytes, target } => devices.push((index, bytes, target)),
                PreparedWrite::File(PreparedFile { draft, target, is_new }) => {
                    settled.extend(draft.path());
                    pass_point(StopPoint::AtomicComplete);
                    if let Err(error) = draft.name_as(&target, is_new) {
                        done.failed = Some((index, error));
                        break;
                    }
                    pass_point(StopPoint::AtomicNamed);
                    done.directories.push(parent_directory(&target).to_path_buf());
                }
            }
        }
        let report = report(done.directories.len());
        (done, settled, report)
    });
    sort(&mut done.directories);
    done.directories.dedup();
    // the reader of a pipe may take as long as it likes
    for (index, bytes, target) in devices {
        let write = || OpenOptions::new().write(true).open(&target)?.write_all(&bytes);
        if let (None, Err(error)) = (&done.failed, write()) {
            done.failed = Some((index, error));
        }
    }
    done
}

fn parent_directory(target: &Path) -> &Path {
    target.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes new bytes beside their file, to the disk and without a name.
pub fn prepare_write(path: &Path, bytes: &[u8], access: Access) -> io::Result<PreparedWrite> {
    // also a link of /proc, which names no path that could be followed
    if is_device(path) {
        return Ok(PreparedWrite::Device { bytes: Zeroizing::new(bytes.to_vec()), target: path.to_path_buf() });
    }
    let target = path.to_path_buf();
    let before = match fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_symlink() => None,
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // a draft is readable by its owner alone; a new file has the permissions that the user's mask allows
    let is_open = before.is_none() && access == Access::Usual;
    // the system's error names the path, which may be an argument typed in the wrong place
    let mut draft = DraftFile::new(parent_directory(&target), if is_open { 0o666 } else { 0o600 })
        .map_err(|error| io::Error::from(error.kind()))?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    draft.file().write_all(first)?;
    pass_point(StopPoint::AtomicHalfWritten);
    draft.file().write_all(second)?;
    if let Some(before) = &before {
        inherit(draft.file(), &target, before, access)?;
    }
    draft.file().sync_all()?;
    Ok(PreparedWrite::File(PreparedFile { draft, target, is_new: before.is_none() }))
}

#[cfg(unix)]
use inherited::inherit;

#[cfg(not(unix))]
fn inherit(file: &File, _: &Path, before: &fs::Metadata, access: Access) -> io::Result<()> {
    file.set_permissions(restrict(before.permissions(), access))
}

/// Whether a path leads to a destination for bytes that is not a file.
pub fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Number of names of a file. A new file in its place takes one of them.
#[cfg(unix)]
pub fn count_names(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map_or(1, |metadata| metadata.nlink())
}

/// Number of names of a file: unknown on other systems.
#[cfg(not(unix))]
pub fn count_names(_: &Path) -> u64 {
    1
}

/// Permissions without those that only the owner may have.
#[cfg(unix)]
pub fn restrict(permissions: Permissions, access: Access) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    match access {
        Access::Usual => permissions,
        Access::Owner => Permissions::from_mode(permissions.mode() & 0o700),
    }
}

/// Permissions without those that only the owner may have: other systems have none.
#[cfg(not(unix))]
pub fn restrict(permissions: Permissions, _: Access) -> Permissions {
    permissions
}

/// Creates a file that does not exist yet, at a path without links.
pub fn create_new(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if access == Access::Owner {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Removes a file. A link is removed, not followed.
pub fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_directory(parent_directory(path));
    Ok(())
}

/// Makes new names durable. Not all systems support it; the bytes are safe either way.
pub fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        for text in ["one", "two", ""] {
            replace_file(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        assert!(replace_file(directory.path(), b"x").is_err(), "a directory");
        assert!(replace_file(&directory.path().join("none/a"), b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_stays_one() {
        replace_file(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_its_owners_is_readable_by_nobody_else_and_stricter_stays() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        for (before, expected) in
            [(None, 0o600), (Some(0o644), 0o600), (Some(0o755), 0o700), (Some(0o640), 0o600), (Some(0o400), 0o400)]
        {
            let path = directory.path().join(format!("{before:?}"));
            if let Some(before) = before {
                fs::write(&path, "old").unwrap();
                fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            }
            let prepared = prepare_write(&path, b"new", Access::Owner).unwrap();
            assert!(commit_writes(vec![prepared], |_| None).failed.is_none());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, expected, "{before:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        replace_file(&real, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        for link in ["real", "nowhere", "link"] {
            let path = directory.path().join("link");
            let _ = fs::remove_file(&path);
            symlink(link, &path).unwrap();
            assert!(create_new(&path, b"other", Access::Usual).is_err());
            replace_file(&path, b"other").unwrap();
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        }
    }
}
