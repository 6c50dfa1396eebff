//! What there is to read: the disk, or what a commit would hold, laid over a part of it.

mod snapshot;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snapshot::Spot;
pub use snapshot::{Entry, EntryKind, Snapshot};

/// Where files are looked for.
///
/// A folder is listed once, for who asks for it and for all clones: the same patterns are asked of the same
/// folders in each environment. What is in one that was listed is known, and the system is not asked again.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    snapshot: Option<Arc<Snapshot>>,
    // by their text: paths are compared part by part, which takes as long as to ask the system
    listed: Arc<Mutex<HashMap<OsString, Arc<[Listed]>>>>,
    reads: Arc<AtomicUsize>,
}

/// One of those in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name.
    pub name: OsString,
    /// What it is.
    pub kind: Kind,
}

/// What is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file.
    File,
    /// A folder, and not a link to one.
    Folder,
    /// A link, which may lead nowhere.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl Kind {
    fn of(kind: fs::FileType) -> Self {
        match kind {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Folder,
            kind if kind.is_symlink() => Self::Link,
            _ => Self::Other,
        }
    }
}

impl Disk {
    /// The disk, but for what a snapshot stands for.
    pub fn under(snapshot: Snapshot) -> Self {
        Self { snapshot: Some(Arc::new(snapshot)), ..Self::default() }
    }

    /// What lies over the disk.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }

    /// The snapshot and the path in it, without links; none if the disk is to be asked.
    fn inside<'p>(&self, path: &'p Path) -> io::Result<(Option<&Snapshot>, Cow<'p, Path>)> {
        match self.snapshot.as_deref() {
            Some(snapshot) if path.starts_with(&snapshot.root) => {
                Ok((Some(snapshot), Cow::Owned(snapshot.follow(path)?)))
            }
            _ => Ok((None, Cow::Borrowed(path))),
        }
    }

    fn spot<T>(
        &self,
        path: &Path,
        here: impl FnOnce(&Snapshot, &Path, &Spot<'_>) -> T,
        there: impl FnOnce(&Path) -> T,
    ) -> io::Result<T> {
        let (snapshot, path) = self.inside(path)?;
        let Some(snapshot) = snapshot else { return Ok(there(&path)) };
        match snapshot.spot(&path) {
            Spot::Disk => Ok(there(&path)),
            spot => Ok(here(snapshot, &path, &spot)),
        }
    }

    /// Whether there is a file, or a link to one.
    pub fn is_file(&self, path: &Path) -> bool {
        if let Some(kind) = self.behind(path) {
            return kind == Some(Kind::File);
        }
        self.spot(path, |_, _, spot| matches!(spot, Spot::Entry(_)), Path::is_file).unwrap_or(false)
    }

    /// Whether there is a folder, or a link to one.
    pub fn is_folder(&self, path: &Path) -> bool {
        if let Some(kind) = self.behind(path) {
            return kind == Some(Kind::Folder);
        }
        self.spot(path, |_, _, spot| matches!(spot, Spot::Folder), Path::is_dir).unwrap_or(false)
    }

    /// Whether there is anything.
    pub fn exists(&self, path: &Path) -> bool {
        if let Some(kind) = self.behind(path) {
            return kind.is_some();
        }
        self.spot(path, |_, _, spot| !matches!(spot, Spot::Nothing), Path::exists).unwrap_or(false)
    }

    /// What the list of its folder says of a path; nothing if that was not listed.
    #[expect(clippy::option_option, reason = "a folder that was listed also tells what is not there")]
    fn told(&self, path: &Path) -> Option<Option<Kind>> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        let listed = self.listed().get(folder.as_os_str()).map(Arc::clone)?;
        let found = listed.binary_search_by(|it| it.name.as_os_str().cmp(name)).ok();
        Some(found.and_then(|index| listed.get(index)).map(|it| it.kind))
    }

    /// The same, but where a link leads to is not known.
    #[expect(clippy::option_option, reason = "as above")]
    fn behind(&self, path: &Path) -> Option<Option<Kind>> {
        self.told(path).filter(|kind| *kind != Some(Kind::Link))
    }

    /// What is in a folder, sorted.
    pub fn list(&self, folder: &Path) -> io::Result<Arc<[Listed]>> {
        if let Some(known) = self.listed().get(folder.as_os_str()) {
            return Ok(Arc::clone(known));
        }
        let here = |snapshot: &Snapshot, path: &Path, spot: &Spot<'_>| match spot {
            Spot::Folder => Ok(snapshot.list(path.strip_prefix(&snapshot.root).unwrap_or(path))),
            Spot::Entry(_) => Err(io::ErrorKind::NotADirectory.into()),
            Spot::Nothing | Spot::Disk => Err(io::ErrorKind::NotFound.into()),
        };
        let there = |path: &Path| {
            let listed = |entry: io::Result<fs::DirEntry>| {
                let entry = entry?;
                Ok(Listed { name: entry.file_name(), kind: Kind::of(entry.file_type()?) })
            };
            fs::read_dir(path)?.map(listed).collect::<io::Result<Vec<_>>>()
        };
        let mut found = self.spot(folder, here, there)??;
        found.sort();
        let found: Arc<[Listed]> = found.into();
        self.listed().insert(folder.as_os_str().to_owned(), Arc::clone(&found));
        Ok(found)
    }

    fn listed(&self) -> MutexGuard<'_, HashMap<OsString, Arc<[Listed]>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of a file, of one that is longer than `limit` the first of them, and one more.
    pub fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let here = |snapshot: &Snapshot, path: &Path, spot: &Spot<'_>| match spot {
            Spot::Entry(entry) => {
                let mut bytes = (snapshot.read)(&entry.blob, path.strip_prefix(&snapshot.root).unwrap_or(path))?;
                bytes.truncate(usize::try_from(limit + 1).unwrap_or(usize::MAX));
                Ok(bytes)
            }
            Spot::Folder => Err(io::ErrorKind::IsADirectory.into()),
            Spot::Nothing | Spot::Disk => Err(io::ErrorKind::NotFound.into()),
        };
        let there = |path: &Path| {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit)).unwrap_or_default());
            // one byte more than allowed: a file may grow, and a device has no size
            file.take(limit + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        self.reads.fetch_add(1, Relaxed);
        self.spot(path, here, there)?
    }

    /// How often a file was read, of all clones together.
    pub fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }

    /// The path without links of a file or folder that exists.
    pub fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let here = |_: &Snapshot, path: &Path, spot: &Spot<'_>| match spot {
            Spot::Nothing => Err(io::ErrorKind::NotFound.into()),
            Spot::Folder | Spot::Entry(_) | Spot::Disk => Ok(path.to_path_buf()),
        };
        self.spot(path, here, |path| fs::canonicalize(path))?
    }

    /// Whether a path is a link itself; an error if there is nothing.
    pub fn is_link(&self, path: &Path) -> io::Result<bool> {
        if let Some(kind) = self.told(path) {
            return kind.map(|kind| kind == Kind::Link).ok_or_else(|| io::ErrorKind::NotFound.into());
        }
        let snapshot = self.snapshot.as_deref().filter(|snapshot| path.starts_with(&snapshot.root));
        match snapshot.map(|snapshot| snapshot.spot(path)) {
            None | Some(Spot::Disk) => Ok(fs::symlink_metadata(path)?.is_symlink()),
            Some(Spot::Entry(entry)) => Ok(entry.kind == EntryKind::Link),
            Some(Spot::Folder) => Ok(false),
            // it may lie behind a link to a folder
            Some(Spot::Nothing) => Ok(true),
        }
    }
}

/// The path that Git means by bytes.
#[cfg(unix)]
pub fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// The path that Git means by bytes.
#[cfg(not(unix))]
pub fn path_of(bytes: Vec<u8>) -> io::Result<PathBuf> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The path without `.` and `..`, by its text alone: a missing file has no real path yet.
pub fn normalize(path: &Path) -> PathBuf {
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
mod tests {
    use super::*;

    /// A snapshot of some files; a link is `-> TARGET`, a repository `!`.
    fn disk(files: &[(&str, &'static str)]) -> Disk {
        let entry = |text: &str| {
            let kind = match text {
                "!" => EntryKind::Repository,
                text if text.starts_with("-> ") => EntryKind::Link,
                _ => EntryKind::File,
            };
            Entry { kind, blob: text.trim_start_matches("-> ").to_owned() }
        };
        let entries = files.iter().map(|(path, text)| (PathBuf::from(path), entry(text))).collect();
        Disk::under(Snapshot::new("/snapshot".into(), entries, |blob, _| Ok(blob.as_bytes().to_vec())))
    }

    #[test]
    fn what_a_snapshot_holds_is_there_and_nothing_else() {
        let disk = disk(&[("a.yaml", "a"), ("a/b/c.yaml", "c"), ("a/d.yaml", "d"), ("a.d", ""), ("other", "!")]);
        let at = |path: &str| Path::new("/snapshot").join(path);
        for (path, file, folder) in [
            ("a.yaml", true, false),
            ("a/b/c.yaml", true, false),
            ("a/b", false, true),
            ("a", false, true),
            ("", false, true),
            ("a/b/c.yaml/d", false, false),
            ("none", false, false),
            ("a/none", false, false),
        ] {
            assert_eq!((disk.is_file(&at(path)), disk.is_folder(&at(path))), (file, folder), "{path}");
            assert_eq!(disk.exists(&at(path)), file || folder, "{path}");
        }
        let listed = |path: &str| {
            let listed = disk.list(&at(path)).unwrap();
            listed.iter().map(|it| (it.name.to_str().unwrap().to_owned(), it.kind == Kind::Folder)).collect::<Vec<_>>()
        };
        let expected = |list: &[(&str, bool)]| list.iter().map(|(n, f)| ((*n).to_owned(), *f)).collect::<Vec<_>>();
        assert_eq!(listed(""), expected(&[("a", true), ("a.d", false), ("a.yaml", false), ("other", true)]));
        assert_eq!(listed("a"), expected(&[("b", true), ("d.yaml", false)]));
        assert_eq!(disk.read(&at("a/b/c.yaml"), 9).unwrap(), b"c");
        assert_eq!(disk.list(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_of_a_snapshot_are_followed() {
        let disk = disk(&[
            ("link", "-> a/b.yaml"),
            ("folder", "-> a"),
            ("a/b.yaml", "b"),
            ("a/up", "-> ../link"),
            ("round", "-> round"),
            ("out", "-> ../outside"),
        ]);
        let at = |path: &str| Path::new("/snapshot").join(path);
        for path in ["link", "folder/b.yaml", "a/up", "folder/up"] {
            assert_eq!(disk.real(&at(path)).unwrap(), at("a/b.yaml"), "{path}");
            assert!(disk.is_file(&at(path)), "{path}");
            assert_eq!(disk.read(&at(path), 9).unwrap(), b"b", "{path}");
        }
        assert!(disk.is_link(&at("link")).unwrap() && !disk.is_link(&at("a/b.yaml")).unwrap());
        assert!(disk.real(&at("round")).is_err() && !disk.exists(&at("round")));
        assert!(disk.real(&at("out")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_list_tells_what_is_there_as_the_system_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (link, target) in [("to-file", "file"), ("to-folder", "folder"), ("to-nothing", "nothing")] {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let asked = |disk: &Disk| {
            let names = ["file", "folder", "socket", "to-file", "to-folder", "to-nothing", "nothing", "file/x", "."];
            let answers = |name: &str| {
                let path = at(name);
                let is_link = disk.is_link(&path).map_err(|error| error.kind());
                (disk.is_file(&path), disk.is_folder(&path), disk.exists(&path), is_link)
            };
            names.map(answers)
        };
        let (listed, other) = (Disk::default(), Disk::default());
        listed.list(folder.path()).unwrap();
        assert_eq!(asked(&listed), asked(&other));
        // it is the state of one moment
        fs::remove_file(at("file")).unwrap();
        assert!(listed.is_file(&at("file")) && !other.is_file(&at("file")));
    }
}
