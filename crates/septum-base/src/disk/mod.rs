//! Readable files: the disk, or the contents of the next commit overlaid on part of it.
//!
//! Files are read below a [`BoundedRoot`], which no path leaves, or by [`read_named()`] where the
//! command line names them. A [`Disk`] itself reads none.

mod error;
mod named;
mod open;
mod root;
mod snapshot;
mod walk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snapshot::ResolvedPath;

use crate::map::HashMap;
use crate::sort::sort;

pub use error::{FileReadError, is_full};
pub use named::{read_named, real_named, resolve_writable};
pub use open::open_unfollowed;
pub use root::{BoundedRoot, RealPath};
pub use snapshot::{Snapshot, SnapshotEntry, SnapshotEntryKind};
pub use walk::{find_named, walk_files};

/// Number of links that Linux follows before it reports a loop.
const MOST_LINKS: usize = 40;

/// The files by which a project is recognised where there is no repository.
const ROOT_FILES: [&str; 2] = ["septum.yaml", ".sops.yaml"];

/// Longest path that Linux accepts, in bytes, and so the longest target of a link.
const LONGEST_PATH: u64 = 4096;

/// File system in which files are looked up.
///
/// A directory is listed once for the caller and all clones: the same patterns are matched against the
/// same directories in each environment. The contents of a listed directory are cached, and the system
/// is not queried again.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    snapshot: Option<Arc<Snapshot>>,
    /// Files with other content than the disk has.
    changed: Arc<BTreeMap<PathBuf, Vec<u8>>>,
    // by their text: paths are compared part by part, which takes as long as a system call
    listed: Arc<Mutex<HashMap<OsString, Arc<[DirEntry]>>>>,
    reads: Arc<AtomicUsize>,
}

/// Entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name.
    pub name: OsString,
    /// Kind of the entry.
    pub kind: DirEntryKind,
}

/// Kind of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirEntryKind {
    /// A file.
    File,
    /// A directory, and not a link to one.
    Directory,
    /// A link, which may lead nowhere.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl DirEntryKind {
    fn of(kind: fs::FileType) -> Self {
        match kind {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Directory,
            kind if kind.is_symlink() => Self::Link,
            _ => Self::Other,
        }
    }
}

impl Disk {
    /// The disk, except for the part that a snapshot replaces.
    pub fn with_snapshot(snapshot: Snapshot) -> Self {
        Self { snapshot: Some(Arc::new(snapshot)), ..Self::default() }
    }

    /// The disk with other content of some files, which need not exist. Their paths are absolute and without links, and
    /// their directories exist.
    pub fn with_files(changed: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        Self { changed: Arc::new(changed), ..Self::default() }
    }

    /// The same disk with other content of more files, as [`Self::with_files`] takes them. Nothing is listed yet.
    #[must_use]
    pub fn with_more_files(&self, changed: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let mut all = BTreeMap::clone(&self.changed);
        all.extend(changed);
        Self { snapshot: self.snapshot.clone(), changed: Arc::new(all), ..Self::default() }
    }

    /// The snapshot in place of the disk, if any.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref().filter(|snapshot| !snapshot.is_addition)
    }

    /// Whether all of its files are those of the system.
    pub fn is_real(&self) -> bool {
        self.snapshot.is_none()
    }

    /// The entry of a snapshot at a path without links; the disk itself where the snapshot does not contain it.
    fn resolve_path(&self, path: &Path) -> Option<(&Snapshot, ResolvedPath<'_>)> {
        let snapshot = self.snapshot.as_deref()?;
        match snapshot.resolve_path(path) {
            ResolvedPath::Disk => None,
            spot => Some((snapshot, spot)),
        }
    }

    /// The kind of the entry at a path in a directory without links, which may be a link itself; none if it does not
    /// exist.
    pub fn kind(&self, path: &Path) -> io::Result<Option<DirEntryKind>> {
        if let Some(kind) = self.listed_kind(path) {
            return Ok(kind);
        }
        if self.changed.contains_key(path) {
            return Ok(Some(DirEntryKind::File));
        }
        if let Some((_, spot)) = self.resolve_path(path) {
            return Ok(match spot {
                ResolvedPath::Entry(entry) if entry.kind == SnapshotEntryKind::Link => Some(DirEntryKind::Link),
                ResolvedPath::Entry(_) => Some(DirEntryKind::File),
                ResolvedPath::Directory => Some(DirEntryKind::Directory),
                ResolvedPath::Nothing | ResolvedPath::Disk => None,
            });
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(DirEntryKind::of(metadata.file_type()))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a path exists, which may be a link that leads nowhere.
    pub fn has(&self, path: &Path) -> bool {
        // an entry that cannot be queried is assumed to exist: reading it gives the error
        !matches!(self.kind(path), Ok(None))
    }

    /// The kind in the listing of its directory; none if that was not listed.
    #[expect(clippy::option_option, reason = "a directory that was listed also says what is not there")]
    fn listed_kind(&self, path: &Path) -> Option<Option<DirEntryKind>> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        let listed = self.lock_listed().get(directory.as_os_str()).map(Arc::clone)?;
        let found = listed.binary_search_by(|it| it.name.as_os_str().cmp(name)).ok();
        Some(found.and_then(|index| listed.get(index)).map(|it| it.kind))
    }

    /// Target of a link, as written in the link.
    fn link_target(&self, link: &Path) -> io::Result<PathBuf> {
        match self.resolve_path(link) {
            Some((snapshot, ResolvedPath::Entry(entry))) => {
                let target = (snapshot.read)(&entry.blob, snapshot.below_root(link), LONGEST_PATH)?;
                if target.len() as u64 > LONGEST_PATH {
                    return Err(io::ErrorKind::InvalidFilename.into());
                }
                path_of(target)
            }
            Some(_) => Err(io::ErrorKind::NotFound.into()),
            None => fs::read_link(link),
        }
    }

    /// Sorted contents of a directory, with no links on the path to it.
    pub fn list(&self, directory: &Path) -> io::Result<Arc<[DirEntry]>> {
        if let Some(known) = self.lock_listed().get(directory.as_os_str()) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[DirEntry]> = self.list_once(directory)?.into();
        self.lock_listed().insert(directory.as_os_str().to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// Lists a directory without the cache.
    fn list_once(&self, directory: &Path) -> io::Result<Vec<DirEntry>> {
        let mut found = match self.resolve_path(directory) {
            Some((snapshot, ResolvedPath::Directory)) => snapshot.list(snapshot.below_root(directory)),
            Some((_, ResolvedPath::Entry(_))) => return Err(io::ErrorKind::NotADirectory.into()),
            Some((_, ResolvedPath::Nothing | ResolvedPath::Disk)) => return Err(io::ErrorKind::NotFound.into()),
            None => {
                let listed = |entry: io::Result<fs::DirEntry>| {
                    let entry = entry?;
                    Ok(DirEntry { name: entry.file_name(), kind: DirEntryKind::of(entry.file_type()?) })
                };
                fs::read_dir(directory)?.map(listed).collect::<io::Result<Vec<_>>>()?
            }
        };
        let changed = self.changed.keys().filter(|path| path.parent() == Some(directory));
        let changed = changed.filter_map(|path| path.file_name());
        let changed = changed.map(|name| DirEntry { name: name.to_owned(), kind: DirEntryKind::File });
        let addition = self.snapshot.as_deref().filter(|snapshot| snapshot.is_addition);
        let added = addition.filter(|snapshot| directory.starts_with(&snapshot.root));
        let added = added.map(|snapshot| snapshot.list(snapshot.below_root(directory))).unwrap_or_default();
        for entry in changed.chain(added) {
            if found.iter().all(|known| known.name != entry.name) {
                found.push(entry);
            }
        }
        sort(&mut found);
        Ok(found)
    }

    fn lock_listed(&self) -> MutexGuard<'_, HashMap<OsString, Arc<[DirEntry]>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of a regular file at a path without links: for [`BoundedRoot`], which ensures that there are none.
    fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileReadError> {
        self.reads.fetch_add(1, Relaxed);
        if let Some(bytes) = self.changed.get(path) {
            let is_within = bytes.len() as u64 <= limit;
            return if is_within { Ok(bytes.clone()) } else { Err(FileReadError::TooBig(limit)) };
        }
        match self.resolve_path(path) {
            Some((snapshot, ResolvedPath::Entry(entry))) => {
                let bytes = (snapshot.read)(&entry.blob, snapshot.below_root(path), limit)?;
                if bytes.len() as u64 > limit { Err(FileReadError::TooBig(limit)) } else { Ok(bytes) }
            }
            Some((_, ResolvedPath::Directory)) => Err(FileReadError::Directory),
            Some((_, ResolvedPath::Nothing | ResolvedPath::Disk)) => Err(FileReadError::Missing),
            None => open::read_regular(path, limit),
        }
    }

    /// The first bytes of a regular file, as [`Self::read`] reads it.
    fn read_start(&self, path: &Path, length: u64) -> Result<Vec<u8>, FileReadError> {
        let is_on_disk = !self.changed.contains_key(path) && self.resolve_path(path).is_none();
        if is_on_disk {
            return open::read_start(path, length);
        }
        let mut bytes = self.read(path, u64::MAX)?;
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// Number of file reads, of all clones together.
    pub fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }

    /// The path without links of a directory that bounds reading.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        match self.resolve_path(path) {
            Some((_, ResolvedPath::Directory)) => Ok(path.to_path_buf()),
            Some(_) => Err(io::ErrorKind::NotFound.into()),
            None => canonical_path(path),
        }
    }

    /// The root of the repository that an absolute directory is in: the nearest one upward with a `.git`.
    pub fn repository_of<'p>(&self, directory: &'p Path) -> Option<&'p Path> {
        let is_root = |directory: &Path| {
            self.snapshot.as_deref().is_some_and(|snapshot| snapshot.root == directory)
                || fs::symlink_metadata(directory.join(".git")).is_ok()
        };
        directory.ancestors().find(|directory| is_root(directory))
    }

    /// The directory that bounds a named file in an absolute directory: its repository, or without one the nearest
    /// directory upward with a file that only the root of a project has.
    fn bounds_of<'p>(&self, directory: &'p Path) -> Option<&'p Path> {
        let is_project = |directory: &&Path| ROOT_FILES.iter().any(|name| self.has(&directory.join(name)));
        self.repository_of(directory).or_else(|| directory.ancestors().find(is_project))
    }
}

/// The path without links of something that exists, in the form in which paths are compared everywhere.
#[cfg(unix)]
pub fn canonical_path(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// The path without links of something that exists, in the form in which paths are compared everywhere: `C:\directory`, as
/// users write it, and not `\\?\C:\directory`, unless it is too long for that.
#[cfg(not(unix))]
pub fn canonical_path(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    /// `MAX_PATH`
    const LONGEST: usize = 260;
    let real = fs::canonicalize(path)?;
    let short = real.to_str().and_then(|text| text.strip_prefix(r"\\?\")).map(Path::new);
    let is_usual = |path: &&Path| path.as_os_str().len() < LONGEST && path.is_absolute();
    Ok(short.filter(is_usual).map_or_else(|| real.clone(), Path::to_path_buf))
}

/// The path that Git's bytes represent.
#[cfg(unix)]
pub fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// The path that Git's bytes represent.
#[cfg(not(unix))]
pub fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The path without `.` and `..`, by its text alone: a missing file has no real path yet.
pub fn normalize_path(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
#[cfg(unix)]
/// Makes a named pipe; `rustix` has none on macOS.
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot of some files; a link is `-> TARGET`, a repository `!`.
    fn disk(files: &[(&str, &'static str)]) -> Disk {
        let entry = |text: &str| {
            let kind = match text {
                "!" => SnapshotEntryKind::Repository,
                text if text.starts_with("-> ") => SnapshotEntryKind::Link,
                _ => SnapshotEntryKind::File,
            };
            SnapshotEntry { kind, blob: text.trim_start_matches("-> ").to_owned() }
        };
        let entries = files.iter().map(|(path, text)| (PathBuf::from(path), entry(text))).collect();
        Disk::with_snapshot(Snapshot::new("/snapshot".into(), entries, |blob, _, _| Ok(blob.as_bytes().to_vec())))
    }

    #[test]
    fn what_a_snapshot_holds_is_there_and_nothing_else() {
        let disk = disk(&[("a.yaml", "a"), ("a/b/c.yaml", "c"), ("a/d.yaml", "d"), ("a.d", ""), ("other", "!")]);
        let at = |path: &str| Path::new("/snapshot").join(path);
        for (path, file, directory) in [
            ("a.yaml", true, false),
            ("a/b/c.yaml", true, false),
            ("a/b", false, true),
            ("a", false, true),
            ("", false, true),
            ("a/b/c.yaml/d", false, false),
            ("none", false, false),
            ("a/none", false, false),
        ] {
            let kind = disk.kind(&at(path)).unwrap();
            assert_eq!(
                (kind == Some(DirEntryKind::File), kind == Some(DirEntryKind::Directory)),
                (file, directory),
                "{path}"
            );
            assert_eq!(disk.has(&at(path)), file || directory, "{path}");
        }
        let listed = |path: &str| {
            let listed = disk.list(&at(path)).unwrap();
            listed
                .iter()
                .map(|it| (it.name.to_str().unwrap().to_owned(), it.kind == DirEntryKind::Directory))
                .collect::<Vec<_>>()
        };
        let expected = |list: &[(&str, bool)]| list.iter().map(|(n, f)| ((*n).to_owned(), *f)).collect::<Vec<_>>();
        assert_eq!(listed(""), expected(&[("a", true), ("a.d", false), ("a.yaml", false), ("other", true)]));
        assert_eq!(listed("a"), expected(&[("b", true), ("d.yaml", false)]));
        assert_eq!(disk.read(&at("a/b/c.yaml"), 9).unwrap(), b"c");
        assert!(matches!(disk.read(&at("a/b/c.yaml"), 0), Err(FileReadError::TooBig(0))));
        assert_eq!(disk.list(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_with_other_content_hides_that_of_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        fs::write(root.join("old"), "disk").unwrap();
        fs::write(root.join("other"), "other").unwrap();
        let changed = [("old", "changed"), ("new", "added")].map(|(name, text)| (root.join(name), text.into()));
        let disk = Disk::with_files(BTreeMap::from(changed));
        for (name, expected) in [("old", "changed"), ("new", "added"), ("other", "other")] {
            assert_eq!(disk.kind(&root.join(name)).unwrap(), Some(DirEntryKind::File), "{name}");
            assert_eq!(disk.read(&root.join(name), 7).unwrap(), expected.as_bytes(), "{name}");
        }
        assert!(matches!(disk.read(&root.join("old"), 6), Err(FileReadError::TooBig(6))));
        let names: Vec<_> = disk.list(&root).unwrap().iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, ["new", "old", "other"]);
    }

    #[test]
    fn links_of_a_snapshot_are_followed_inside() {
        let disk = disk(&[
            ("link", "-> a/b.yaml"),
            ("directory", "-> a"),
            ("a/b.yaml", "b"),
            ("a/up", "-> ../link"),
            ("round", "-> round"),
            ("out", "-> ../outside"),
            ("a/far", "-> /etc/passwd"),
            ("inner/out", "-> ../a/b.yaml"),
        ]);
        let at = |path: &str| Path::new("/snapshot").join(path);
        let root = BoundedRoot::new(disk.clone(), &at("")).unwrap();
        for path in ["link", "directory/b.yaml", "a/up", "directory/up", "inner/out"] {
            let real = root.resolve(&at(path)).unwrap();
            assert_eq!(real.as_path(), at("a/b.yaml"), "{path}");
            assert_eq!(root.read(&real, 9).unwrap(), b"b", "{path}");
        }
        assert_eq!(disk.kind(&at("link")).unwrap(), Some(DirEntryKind::Link));
        assert!(matches!(root.resolve(&at("round")), Err(FileReadError::LinkLoop)));
        for path in ["out", "a/far"] {
            assert!(matches!(root.resolve(&at(path)), Err(FileReadError::LinkOut)), "{path}");
        }
        let inner = BoundedRoot::new(disk, &at("inner")).unwrap();
        assert!(matches!(inner.resolve(&at("inner/out")), Err(FileReadError::LinkOut)));
    }

    #[cfg(unix)]
    #[test]
    fn a_list_says_what_is_there_as_the_system_does() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("directory")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (link, target) in [("to-file", "file"), ("to-directory", "directory"), ("to-nothing", "nothing")] {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let asked = |disk: &Disk| {
            let names =
                ["file", "directory", "socket", "to-file", "to-directory", "to-nothing", "nothing", "file/x", "."];
            names.map(|name| disk.kind(&at(name)).unwrap())
        };
        let (listed, other) = (Disk::default(), Disk::default());
        listed.list(directory.path()).unwrap();
        assert_eq!(asked(&listed), asked(&other));
        // it is the state of one moment
        fs::remove_file(at("file")).unwrap();
        assert!(listed.has(&at("file")) && !other.has(&at("file")));
    }
}
