//! The files of a project: each is read once, and none from outside of it.
//!
//! Every file that a repository can name is read here, as a [`FileKind`]: links are resolved and must stay inside,
//! only regular files are read, and no more of them than their kind allows. A refused file is not queried again for
//! any caller.

mod kind;
mod refusal;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::budget;
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::{self, BoundedRoot, Disk, FileReadError, RealPath, normalize_path};
use crate::map::HashMap;
use crate::span::{Source, Span};

pub use kind::FileKind;
pub use refusal::{left_out_file, refuse_file};

/// Largest value of an entry, in bytes: the limit of Kubernetes for one ConfigMap or Secret.
pub const MAX_FILE_SIZE: u64 = 1024 * 1024;

/// Name of the files with the recipients of encrypted files. They may be above the project.
pub const SOPS_CONFIG: &str = ".sops.yaml";

/// The directory that bounds a project, and the content of the files read in it.
#[derive(Debug)]
pub struct ProjectFiles {
    root: BoundedRoot,
    read: Arc<Mutex<HashMap<PathBuf, Arc<[u8]>>>>,
    queries: Mutex<BTreeSet<InputQuery>>,
    /// The same directory with the files that a sparse checkout leaves out, if it does.
    complete: Option<BoundedRoot>,
}

/// A query to the disk on which a result depends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputQuery {
    /// Contents of a file, or its absence.
    File(PathBuf),
    /// Files that match a pattern below a directory.
    Matching(PathBuf, String),
}

impl ProjectFiles {
    /// The files below `root`, which must exist.
    pub fn new(root: &Path) -> io::Result<Self> {
        Self::on_disk(Disk::default(), root)
    }

    /// The files of a project on a disk with a snapshot.
    pub fn on_disk(disk: Disk, root: &Path) -> io::Result<Self> {
        let root = BoundedRoot::new(disk, root)?;
        Ok(Self { root, read: Arc::default(), queries: Mutex::default(), complete: None })
    }

    /// The same files, knowing those that a sparse checkout leaves out, which the given disk has.
    pub fn beside_left_out(mut self, complete: Disk) -> io::Result<Self> {
        self.complete = Some(BoundedRoot::new(complete, self.root())?);
        Ok(self)
    }

    /// The directory with the files that a sparse checkout leaves out, if it does.
    pub fn complete_bounds(&self) -> Option<&BoundedRoot> {
        self.complete.as_ref()
    }

    /// Error for a file or directory that a sparse checkout leaves out; none for others.
    pub fn left_out(&self, path: &Path) -> Option<Diagnostic> {
        let complete = self.complete.as_ref()?;
        let is_left_out = !self.root.has(path) && complete.has(path);
        is_left_out.then(|| left_out_file(&self.name(path)))
    }

    /// The disk of the files.
    pub fn disk(&self) -> &Disk {
        self.root.disk()
    }

    /// The directory as the bound of lists and patterns.
    pub fn bounds(&self) -> &BoundedRoot {
        &self.root
    }

    /// The same files with a separate record of queries: it shows the dependencies of one part of a project, and no
    /// file is read twice.
    #[must_use]
    pub fn with_own_record(&self) -> Self {
        Self {
            root: self.root.clone(),
            read: Arc::clone(&self.read),
            queries: Mutex::default(),
            complete: self.complete.clone(),
        }
    }

    /// Records that a result depends on the answer to a query.
    pub fn record_query(&self, probe: InputQuery) {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).insert(probe);
    }

    /// Queries recorded so far.
    pub fn recorded_queries(&self) -> BTreeSet<InputQuery> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The directory, absolute and without links.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The name of a path in messages and output: relative to the project, with `/`, so that it is the same on every
    /// machine.
    pub fn name(&self, path: &Path) -> String {
        let Ok(path) = path.strip_prefix(self.root()) else { return path.display().to_string() };
        let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    /// The bytes of a file, read once per run.
    ///
    /// Errors (without a location; the caller knows the line that names it): it does not exist, is not a regular
    /// file, is outside of the project (links resolved), is too big, cannot be read.
    pub fn read_bytes(&self, kind: FileKind, path: &Path) -> Result<Arc<[u8]>, Diagnostic> {
        let path = normalize_path(path);
        if path.starts_with(self.root()) {
            self.record_query(InputQuery::File(path.clone()));
        }
        let read = self.root.resolve(&path).and_then(|real| self.read_once(&real, kind.limit()));
        read.map_err(|refusal| self.refused_file(&refusal, kind, &path))
    }

    fn read_once(&self, real: &RealPath, limit: u64) -> Result<Arc<[u8]>, FileReadError> {
        if let Some(bytes) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(real.as_path()) {
            let is_within = bytes.len() as u64 <= limit;
            return if is_within { Ok(Arc::clone(bytes)) } else { Err(FileReadError::TooBig(limit)) };
        }
        let bytes: Arc<[u8]> = self.root.read(real, limit)?.into();
        budget::note_read(bytes.len());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(real.as_path().to_path_buf(), Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The bytes of a file on which an output depends, if the reader allows them: a file of the project, or a
    /// `.sops.yaml`, which may be above it.
    pub fn output_content(&self, path: &Path) -> Option<Arc<[u8]>> {
        let path = normalize_path(path);
        if is_sops_config(&path) {
            return read_sops_config(self.disk(), &path).ok().map(Arc::from);
        }
        let real = self.root.resolve(&path).ok()?;
        self.read_once(&real, FileKind::Manifest.limit()).ok()
    }

    /// Whether a path may be queried at all, by its text: inside of the project, or a `.sops.yaml`.
    pub fn may_read(&self, path: &Path) -> bool {
        path.starts_with(self.root()) || is_sops_config(path)
    }

    /// The path of a file to be written, which need not exist. An error if it is outside of the project, or behind a
    /// link that leads out: a write would follow it.
    pub fn writable_path(&self, kind: FileKind, path: &Path) -> Result<PathBuf, Diagnostic> {
        self.root.resolve_new(path).map_err(|refusal| self.refused_file(&refusal, kind, &normalize_path(path)))
    }

    /// The path without links of a directory of the project.
    pub fn real_directory(&self, directory: &Path) -> Result<PathBuf, FileReadError> {
        self.root.resolve_directory(directory)
    }

    /// Drops the content of files that will not be read again.
    pub fn forget(&self, paths: &[PathBuf]) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths {
            read.remove(path);
        }
    }

    /// The text of a file.
    pub fn read_text(&self, kind: FileKind, path: &Path) -> Result<Source, Diagnostic> {
        self.to_source(path, &self.read_bytes(kind, path)?)
    }

    fn to_source(&self, path: &Path, bytes: &[u8]) -> Result<Source, Diagnostic> {
        let name = self.name(&normalize_path(path));
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text)),
            Err(error) => {
                let lossy = String::from_utf8_lossy(bytes).into_owned();
                let span = Span::locate(&lossy, error.valid_up_to(), error.valid_up_to() + 1);
                let message = format!("`{name}` is not UTF-8 text");
                Err(Diagnostic::error(Rule::NotUtf8, message).at_masked(Source::new(name, lossy).place(span)).hint(
                    "save it as UTF-8; a file that is not text can be an entry's `file`, not a layer or a template",
                ))
            }
        }
    }

    fn refused_file(&self, refusal: &FileReadError, kind: FileKind, path: &Path) -> Diagnostic {
        if let (FileReadError::Missing | FileReadError::DanglingLink, Some(error)) = (refusal, self.left_out(path)) {
            return error;
        }
        let error = refuse_file(refusal, kind, &self.name(path));
        match refusal {
            FileReadError::Missing => error.hint(
                self.similar_file(path)
                    .unwrap_or_else(|| "paths are relative to the file that contains them".to_owned()),
            ),
            _ => error,
        }
    }

    fn similar_file(&self, path: &Path) -> Option<String> {
        let wanted = path.file_name()?.to_string_lossy();
        let beside = self.root.list(path.parent()?).ok()?;
        // without a copy of each name: thousands of missing files may have thousands of neighbours
        let nearest = crate::diagnostic::nearest_name(&wanted, beside.iter().filter_map(|entry| entry.name.to_str()))?;
        Some(format!("did you mean `{}`?", self.name(&path.with_file_name(nearest))))
    }
}

fn is_sops_config(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == SOPS_CONFIG)
}

/// The bytes of a `.sops.yaml`, which may be outside of any project: its repository bounds it, or else its directory.
pub fn read_sops_config(disk: &Disk, path: &Path) -> Result<Vec<u8>, FileReadError> {
    let directory = path.parent().unwrap_or(path);
    let bounds = disk.repository_of(directory).unwrap_or(directory);
    let root = BoundedRoot::new(disk.clone(), bounds)?;
    let path = root.path().join(path.strip_prefix(bounds).unwrap_or(path));
    root.read(&root.resolve(&path)?, FileKind::SopsConfig.limit())
}

/// The bytes of a file that the command line names; see [`disk::read_named`].
pub fn read_named(kind: FileKind, path: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    disk::read_named(path, kind.limit()).map_err(|refusal| refuse_file(&refusal, kind, name))
}

/// The path without links to write to for one of the command line; see [`disk::resolve_writable`].
pub fn resolve_writable(path: &Path, name: &str) -> Result<PathBuf, Diagnostic> {
    disk::resolve_writable(path).map_err(|refusal| refuse_file(&refusal, FileKind::SecretFile, name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn project() -> (tempfile::TempDir, ProjectFiles) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        fs::write(dir.path().join("outside.txt"), "x").unwrap();
        fs::write(dir.path().join("project/nginx.conf"), "x").unwrap();
        let files = ProjectFiles::new(&dir.path().join("project")).unwrap();
        (dir, files)
    }

    #[test]
    fn a_file_outside_of_the_project_is_refused() {
        let (_dir, files) = project();
        let error = files.read_bytes(FileKind::EntryFile, &files.root().join("a/../../outside.txt")).unwrap_err();
        assert_eq!(error.rule.id(), "outside-project");
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_that_leads_out_is_refused() {
        let (dir, files) = project();
        std::os::unix::fs::symlink(dir.path().join("outside.txt"), files.root().join("link")).unwrap();
        assert_eq!(
            files.read_bytes(FileKind::EntryFile, &files.root().join("link")).unwrap_err().rule,
            Rule::OutsideProject
        );
    }

    #[cfg(unix)]
    #[test]
    fn rules_above_the_project_are_bounded_by_their_repository() {
        use std::os::unix::fs::symlink;
        let (dir, files) = project();
        let above = dir.path().canonicalize().unwrap();
        fs::write(above.join("rules"), "rules").unwrap();
        for link in [above.join(".sops.yaml"), files.root().join(".sops.yaml")] {
            symlink(above.join("rules"), &link).unwrap();
        }
        let read = |path: PathBuf| files.output_content(&path).is_some();
        // without a repository, the directory of each
        assert_eq!([read(above.join(".sops.yaml")), read(files.root().join(".sops.yaml"))], [true, false]);
        fs::create_dir(above.join(".git")).unwrap();
        assert_eq!([read(above.join(".sops.yaml")), read(files.root().join(".sops.yaml"))], [true, true]);
        fs::create_dir(files.root().join(".git")).unwrap();
        assert_eq!([read(above.join(".sops.yaml")), read(files.root().join(".sops.yaml"))], [true, false]);
        assert!(!read(above.join("rules")));
    }

    #[test]
    fn a_missing_file_names_its_neighbour() {
        let (_dir, files) = project();
        let error = files.read_bytes(FileKind::EntryFile, &files.root().join("ngnix.conf")).unwrap_err();
        assert_eq!(error.hints, ["did you mean `nginx.conf`?"]);
    }

    #[test]
    fn a_file_over_one_mebibyte_is_refused_and_one_of_just_that_is_read() {
        let (_dir, files) = project();
        for (size, ok) in [(FileKind::EntryFile.limit(), true), (FileKind::EntryFile.limit() + 1, false)] {
            let path = files.root().join(format!("{size}"));
            fs::write(&path, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
            assert_eq!(files.read_bytes(FileKind::EntryFile, &path).is_ok(), ok, "{size}");
        }
    }
}
