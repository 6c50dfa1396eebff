//! A directory that bounds reading and writing, whatever links a path goes through.
//!
//! Links are resolved here and not by the system, so that nothing outside is queried: neither its existence nor its
//! kind. A path that leaves the root is followed by its text alone, and is refused unless it returns.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::FileReadError;
use super::{DirEntry, DirEntryKind, Disk, LONGEST_PATH, MOST_LINKS, normalize_path, open};
use crate::map::HashMap;

/// A directory, and the disk that it is on. Nothing outside of it is read.
#[derive(Debug, Clone)]
pub struct BoundedRoot {
    path: PathBuf,
    disk: Disk,
    // thousands of files are in a few directories; by their text, as lists are
    directories: Arc<Mutex<HashMap<OsString, PathBuf>>>,
}

/// A path below a [`BoundedRoot`] without links.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RealPath {
    pub(super) path: PathBuf,
    pub(super) kind: DirEntryKind,
}

impl RealPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

impl BoundedRoot {
    /// The directory `path`, which must exist and may be named through links.
    pub fn new(disk: Disk, path: &Path) -> io::Result<Self> {
        let path = disk.canonical(path)?;
        Ok(Self { path, disk, directories: Arc::default() })
    }

    /// The directory, absolute and without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk that it is on.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Resolves the links of a path, which must stay inside.
    pub fn resolve(&self, path: &Path) -> Result<RealPath, FileReadError> {
        let path = normalized_path(path);
        if !path.starts_with(&self.path) {
            return Err(FileReadError::Outside);
        }
        if path.as_os_str().len() as u64 > LONGEST_PATH {
            return Err(FileReadError::Io(io::ErrorKind::InvalidFilename.into()));
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(RealPath { path: path.into_owned(), kind: DirEntryKind::Directory });
        };
        if *path == *self.path {
            return Ok(RealPath { path: path.into_owned(), kind: DirEntryKind::Directory });
        }
        let path = self.resolve_directory(directory)?.join(name);
        match self.disk.kind(&path)? {
            Some(DirEntryKind::Link) => self.follow_links(&path),
            Some(kind) => Ok(RealPath { path, kind }),
            None => Err(FileReadError::Missing),
        }
    }

    /// Resolves the links of a path of which the last parts need not exist: the path of a file to be written. A pipe
    /// or a device cannot be replaced.
    pub fn resolve_new(&self, path: &Path) -> Result<PathBuf, FileReadError> {
        let path = normalize_path(path);
        for there in path.ancestors() {
            match self.resolve(there) {
                Err(FileReadError::Missing) => {}
                Err(refusal) => return Err(refusal),
                Ok(real) if real.kind == DirEntryKind::Other => return Err(open::refuse_special(&real.path)),
                Ok(real) => {
                    let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
                    // joining an empty path would add a slash
                    return Ok(if rest.as_os_str().is_empty() { real.path } else { real.path.join(rest) });
                }
            }
        }
        Err(FileReadError::Missing)
    }

    /// The resolved directory of a path, which is looked up once.
    pub fn resolve_directory(&self, directory: &Path) -> Result<PathBuf, FileReadError> {
        if directory.as_os_str().len() as u64 > LONGEST_PATH {
            return Err(FileReadError::Io(io::ErrorKind::InvalidFilename.into()));
        }
        // down from the nearest known directory: a path may have thousands of parts
        let mut unknown = Vec::new();
        let mut real = self.path.clone();
        for above in directory.ancestors() {
            if above == self.path {
                break;
            }
            if let Some(known) = self.lock_directories().get(above.as_os_str()) {
                real.clone_from(known);
                break;
            }
            unknown.push(above);
        }
        while let Some(below) = unknown.pop() {
            real.push(below.file_name().ok_or(FileReadError::Outside)?);
            match self.disk.kind(&real)? {
                Some(DirEntryKind::Link) => real = self.follow_links(&real)?.path,
                Some(_) => {}
                None => return Err(FileReadError::Missing),
            }
            self.lock_directories().insert(below.as_os_str().to_owned(), real.clone());
        }
        Ok(real)
    }

    fn lock_directories(&self) -> MutexGuard<'_, HashMap<OsString, PathBuf>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the links of a path below the root part by part, as the system would.
    fn follow_links(&self, path: &Path) -> Result<RealPath, FileReadError> {
        let below = path.strip_prefix(&self.path).map_err(|_| FileReadError::Outside)?;
        let mut pending = parts_reversed(below);
        let (mut current, mut kind, mut links) = (self.path.clone(), DirEntryKind::Directory, 0);
        while let Some(part) = pending.pop() {
            match Path::new(&part).components().next() {
                Some(Component::Normal(name)) => current.push(name),
                Some(Component::ParentDir) => {
                    current.pop();
                    kind = DirEntryKind::Directory;
                    continue;
                }
                Some(root @ (Component::RootDir | Component::Prefix(_))) => {
                    current.push(root);
                    continue;
                }
                Some(Component::CurDir) | None => continue,
            }
            // entries outside are never queried
            if !current.starts_with(&self.path) {
                continue;
            }
            match self.disk.kind(&current)? {
                Some(DirEntryKind::Link) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(FileReadError::LinkLoop);
                    }
                    let target = self.disk.link_target(&current)?;
                    current.pop();
                    pending.extend(parts_reversed(&target));
                }
                Some(found) => kind = found,
                None => return Err(FileReadError::DanglingLink),
            }
        }
        if current.starts_with(&self.path) { Ok(RealPath { path: current, kind }) } else { Err(FileReadError::LinkOut) }
    }

    /// Whether a path exists: its kind, or a link that leads out, is checked when it is read.
    pub fn has(&self, path: &Path) -> bool {
        match self.resolve(path) {
            Ok(_) => true,
            Err(refusal) => !matches!(refusal, FileReadError::Missing | FileReadError::Outside),
        }
    }

    /// Whether it is a directory, or a link to one inside.
    pub fn is_directory(&self, path: &Path) -> bool {
        self.resolve(path).is_ok_and(|found| found.kind == DirEntryKind::Directory)
    }

    /// The contents of a directory, sorted.
    pub fn list(&self, directory: &Path) -> Result<Arc<[DirEntry]>, FileReadError> {
        let real = self.resolve_directory(&normalized_path(directory))?;
        Ok(self.disk.list(&real)?)
    }

    /// The bytes of a regular file of at most `limit` bytes.
    pub fn read(&self, path: &RealPath, limit: u64) -> Result<Vec<u8>, FileReadError> {
        self.disk.read(regular_file(path)?, limit)
    }

    /// The first bytes of a regular file.
    pub fn read_start(&self, path: &RealPath, length: u64) -> Result<Vec<u8>, FileReadError> {
        self.disk.read_start(regular_file(path)?, length)
    }
}

/// The path of a regular file; an error for anything else.
fn regular_file(path: &RealPath) -> Result<&Path, FileReadError> {
    match path.kind {
        DirEntryKind::File => Ok(&path.path),
        DirEntryKind::Directory => Err(FileReadError::Directory),
        DirEntryKind::Other => Err(open::refuse_special(&path.path)),
        DirEntryKind::Link => Err(FileReadError::LinkLoop),
    }
}

/// The path without `.` and `..`; one that has none is not copied.
fn normalized_path(path: &Path) -> Cow<'_, Path> {
    let may_have_dots = cfg!(not(unix)) || memchr::memmem::find(path.as_os_str().as_encoded_bytes(), b"/.").is_some();
    if may_have_dots || !path.is_absolute() { Cow::Owned(normalize_path(path)) } else { Cow::Borrowed(path) }
}

fn parts_reversed(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::make_pipe;
    use super::*;

    fn site() -> (tempfile::TempDir, BoundedRoot) {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("root/sub")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        for path in ["root/file", "root/sub/file", "outside/file"] {
            fs::write(at(path), path).unwrap();
        }
        let root = BoundedRoot::new(Disk::default(), &at("root")).unwrap();
        (directory, root)
    }

    fn outcome(root: &BoundedRoot, path: &str) -> String {
        let read = root.resolve(&root.path().join(path)).and_then(|path| root.read(&path, 20));
        match read {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(FileReadError::Io(error)) => format!("{:?}", error.kind()),
            Err(refusal) => format!("{refusal:?}"),
        }
    }

    #[test]
    fn links_are_followed_inside_and_no_further() {
        let (directory, root) = site();
        let real = root.path().to_owned();
        for (link, target) in [
            ("near", "file"),
            ("chain", "near"),
            ("directory", "sub"),
            ("up", "directory/../file"),
            ("round", "../root/sub/file"),
            ("out", "../outside/file"),
            ("far", "out"),
            ("directory-out", "../outside"),
            ("nowhere", "none"),
            ("nowhere-out", "../outside/none"),
            ("self", "self"),
            ("one", "two"),
            ("two", "one"),
        ] {
            symlink(target, real.join(link)).unwrap();
        }
        symlink(real.join("file"), real.join("absolute")).unwrap();
        symlink(directory.path().join("outside/file"), real.join("absolute-out")).unwrap();
        for (path, expected) in [
            ("file", "root/file"),
            ("near", "root/file"),
            ("chain", "root/file"),
            ("directory/file", "root/sub/file"),
            ("up", "root/file"),
            ("round", "root/sub/file"),
            ("absolute", "root/file"),
            ("sub/../file", "root/file"),
            ("sub", "Directory"),
            ("directory", "Directory"),
            ("", "Directory"),
            ("out", "LinkOut"),
            ("far", "LinkOut"),
            ("directory-out", "LinkOut"),
            ("directory-out/file", "LinkOut"),
            ("directory-out/none", "LinkOut"),
            ("absolute-out", "LinkOut"),
            ("nowhere", "DanglingLink"),
            ("nowhere-out", "LinkOut"),
            ("self", "LinkLoop"),
            ("one", "LinkLoop"),
            ("one/file", "LinkLoop"),
            ("../outside/file", "Outside"),
            ("none", "Missing"),
            ("none/file", "Missing"),
            ("file/none", "Missing"),
            (&"x/".repeat(100_000), "InvalidFilename"),
            (&"x/".repeat(1_900), "Missing"),
        ] {
            assert_eq!(outcome(&root, path), expected, "{path}");
            assert_eq!(root.has(&real.join(path)), !["Missing", "Outside"].contains(&expected), "{path}");
        }
        assert!(root.list(&real.join("directory-out")).is_err());
        assert_eq!(root.list(&real.join("directory")).unwrap().len(), 1);
        for (path, expected) in [("sub/new", true), ("new/one", true), ("directory-out/new", false), ("nowhere", false)]
        {
            assert_eq!(root.resolve_new(&real.join(path)).is_ok(), expected, "{path}");
        }
    }

    #[test]
    fn only_regular_files_are_read_and_none_beyond_the_limit() {
        let (_directory, root) = site();
        let at = |path: &str| root.path().join(path);
        make_pipe(&at("pipe"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        fs::write(at("at-limit"), [b'x'; 20]).unwrap();
        fs::write(at("large"), [b'x'; 21]).unwrap();
        for (path, expected) in [
            ("pipe", "Special(\"named pipe\")"),
            ("socket", "Special(\"socket\")"),
            ("at-limit", "xxxxxxxxxxxxxxxxxxxx"),
            ("large", "TooBig(20)"),
        ] {
            assert_eq!(outcome(&root, path), expected, "{path}");
        }
        let of_device = Disk::default().read(Path::new("/dev/zero"), 20);
        assert!(matches!(of_device, Err(FileReadError::Special("device"))));
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    #[test]
    fn a_link_that_takes_the_place_of_a_directory_after_it_was_resolved_is_not_followed() {
        let (_directory, root) = site();
        let path = root.resolve(&root.path().join("sub/file")).unwrap();
        assert!(root.read(&path, 20).is_ok());
        fs::rename(root.path().join("sub"), root.path().join("moved")).unwrap();
        symlink("../outside", root.path().join("sub")).unwrap();
        assert!(fs::read(path.as_path()).is_ok(), "the system follows it");
        assert!(root.read(&path, 20).is_err());
    }

    #[test]
    fn what_takes_the_place_of_a_file_after_it_was_resolved_is_not_read() {
        let (_directory, root) = site();
        let path = root.resolve(&root.path().join("file")).unwrap();
        for replace in [(|path: &Path| symlink("../outside/file", path).unwrap()) as fn(&Path), make_pipe, |path| {
            fs::write(path, [b'x'; 21]).unwrap();
        }] {
            fs::remove_file(path.as_path()).unwrap();
            replace(path.as_path());
            assert!(root.read(&path, 20).is_err());
        }
    }
}
