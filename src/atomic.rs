//! Files that are either old or new, whatever happens while they are written.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};
use zeroize::Zeroizing;

use crate::test_hook::{Point, pass};

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Those who could before; of a new file, those whom the mask of the user leaves.
    Usual,
    /// Its owner, and nobody else: it holds secrets in plaintext. What was stricter stays so.
    Owner,
}

/// Replaces a file, or makes it: its new bytes are complete on disk before they take its name, and
/// permissions are kept. The path has no links, as `disk::resolve_writable` gives it: one that took the place
/// of the file meanwhile is replaced, not followed.
///
/// Whoever is killed on the way leaves the old file, and at worst a file of an unlisted name beside
/// it that nothing reads. A device or a pipe (`/dev/null`, `/dev/stdout`) is no file to replace: it
/// takes the bytes.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = prepare(path, bytes, Access::Usual)?.commit()?;
    sync(&folder);
    Ok(())
}

/// New bytes that do not have their name yet. Without one they vanish.
pub enum Prepared {
    /// Complete on disk.
    File {
        /// Where they are.
        bytes: TempPath,
        /// The name that they get.
        target: PathBuf,
    },
    /// For what is no file.
    Device {
        /// What is written.
        bytes: Zeroizing<Vec<u8>>,
        /// What takes it.
        target: PathBuf,
    },
}

impl Prepared {
    /// Gives them the name. Gives the folder, which [`sync`] makes remember it.
    pub fn commit(self) -> io::Result<PathBuf> {
        match self {
            Self::File { bytes, target } => {
                pass(Point::AtomicComplete);
                bytes.persist(&target).map_err(|error| error.error)?;
                pass(Point::AtomicNamed);
                Ok(folder(&target).to_path_buf())
            }
            Self::Device { bytes, target } => {
                OpenOptions::new().write(true).open(&target)?.write_all(&bytes)?;
                Ok(folder(&target).to_path_buf())
            }
        }
    }
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The first half of [`write()`].
pub fn prepare(path: &Path, bytes: &[u8], access: Access) -> io::Result<Prepared> {
    // also a link of /proc, which names no path that could be followed
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Ok(Prepared::Device { bytes: Zeroizing::new(bytes.to_vec()), target: path.to_path_buf() });
    }
    let target = path.to_path_buf();
    let permissions = match fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_symlink() => None,
        Ok(metadata) => Some(restrict(metadata.permissions(), access)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut builder = Builder::new();
    builder.prefix(".septum-");
    // a draft is its owner's alone; a new file has the permissions that the mask of the user leaves
    if let Some(new) = new_permissions(access).filter(|_| permissions.is_none()) {
        builder.permissions(new);
    }
    // its own error names the path, which may be what was typed in the wrong place
    let mut file = builder.tempfile_in(folder(&target)).map_err(|error| io::Error::from(error.kind()))?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    pass(Point::AtomicHalfWritten);
    file.write_all(second)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    // closed: there may be more of them than a process can have open
    Ok(Prepared::File { bytes: file.into_temp_path(), target })
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn new_permissions(access: Access) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(restrict(Permissions::from_mode(0o666), access))
}

#[cfg(not(unix))]
fn new_permissions(_: Access) -> Option<Permissions> {
    None
}

/// Permissions without those that nobody but the owner may have.
#[cfg(unix)]
pub fn restrict(permissions: Permissions, access: Access) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    match access {
        Access::Usual => permissions,
        Access::Owner => Permissions::from_mode(permissions.mode() & 0o700),
    }
}

/// Permissions without those that nobody but the owner may have: other systems have none.
#[cfg(not(unix))]
pub fn restrict(permissions: Permissions, _: Access) -> Permissions {
    permissions
}

/// Makes a file that does not exist yet, at a path without links.
pub fn create_new(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name last. Not all systems can; the bytes are safe either way.
pub fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        for text in ["one", "two", ""] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), b"x").is_err(), "a folder");
        assert!(write(&folder.path().join("none/a"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_stays_one() {
        write(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_its_owners_is_readable_by_nobody_else_and_stricter_stays() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (before, expected) in
            [(None, 0o600), (Some(0o644), 0o600), (Some(0o755), 0o700), (Some(0o640), 0o600), (Some(0o400), 0o400)]
        {
            let path = folder.path().join(format!("{before:?}"));
            if let Some(before) = before {
                fs::write(&path, "old").unwrap();
                fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            }
            prepare(&path, b"new", Access::Owner).unwrap().commit().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, expected, "{before:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        write(&real, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        for link in ["real", "nowhere", "link"] {
            let path = folder.path().join("link");
            let _ = fs::remove_file(&path);
            symlink(link, &path).unwrap();
            assert!(create_new(&path, b"other", Access::Usual).is_err());
            write(&path, b"other").unwrap();
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        }
    }
}
