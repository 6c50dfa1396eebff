//! The files of a project: read once, never from outside of it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{Diagnostic, Failure};
use crate::disk::{Disk, normalize};
use crate::span::{Source, Span};

/// Largest file that is read, in bytes: what Kubernetes takes in one ConfigMap or Secret
/// (`MaxSecretSize` in kubernetes/pkg/apis/core/validation). A layer beyond it is no layer.
pub const MAX_FILE_SIZE: u64 = 1024 * 1024;

/// Largest file of manifests, in bytes: the definitions of an operator's custom resources take
/// several megabytes, and no server takes an object of more than 3 (etcd's limit of a request is less).
pub const MAX_MANIFESTS_SIZE: u64 = 16 * 1024 * 1024;

/// The folder that bounds a project, and what was read of it.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    disk: Disk,
    read: Arc<Mutex<HashMap<PathBuf, Arc<[u8]>>>>,
    folders: Arc<Mutex<HashMap<PathBuf, PathBuf>>>,
    seen: Mutex<BTreeSet<Probe>>,
}

/// A question to the disk that a result depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// What is in a file, or that there is none.
    File(PathBuf),
    /// Which files match a pattern below a folder.
    Matching(PathBuf, String),
}

impl Files {
    /// The files below `root`, which must exist.
    pub fn new(root: &Path) -> io::Result<Self> {
        Self::on(Disk::default(), root)
    }

    /// The same, of what lies over the disk.
    pub fn on(disk: Disk, root: &Path) -> io::Result<Self> {
        let root = disk.real(root)?;
        Ok(Self { root, disk, read: Arc::default(), folders: Arc::default(), seen: Mutex::default() })
    }

    /// Where they are looked for.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The same files with a record of their own: who works on one part of a project learns what that
    /// part depends on, and no file is read twice.
    #[must_use]
    pub fn recording(&self) -> Self {
        let (read, folders) = (Arc::clone(&self.read), Arc::clone(&self.folders));
        Self { root: self.root.clone(), disk: self.disk.clone(), read, folders, seen: Mutex::default() }
    }

    /// Notes that a result depends on the answer to a question.
    pub fn note(&self, probe: Probe) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(probe);
    }

    /// What was asked for by now.
    pub fn seen(&self) -> BTreeSet<Probe> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The folder, absolute and without symlinks.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of a path in messages and output: relative to the project, with `/`, so that it
    /// is the same on every machine.
    pub fn name(&self, path: &Path) -> String {
        let Ok(path) = path.strip_prefix(&self.root) else { return path.display().to_string() };
        let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    /// The bytes of a file, read once per run.
    ///
    /// Errors (without a place; the caller knows who names the file): it does not exist, is a
    /// folder, lies outside of the project (symlinks resolved), is too big, cannot be read.
    pub fn bytes(&self, path: &Path) -> Result<Arc<[u8]>, Diagnostic> {
        self.limited(path, MAX_FILE_SIZE)
    }

    fn limited(&self, path: &Path, limit: u64) -> Result<Arc<[u8]>, Diagnostic> {
        let path = normalize(path);
        if !path.starts_with(&self.root) {
            return Err(self.outside(&path));
        }
        self.note(Probe::File(path.clone()));
        let real = self.real(&path).map_err(|error| self.unreadable(&path, &error))?;
        if !real.starts_with(&self.root) {
            return Err(self.outside(&path).note("the path goes through a symbolic link that leads out"));
        }
        if let Some(bytes) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&real) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = self.read_file(&real, limit)?.into();
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(real, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The path without symbolic links. That of a folder is looked up once: thousands of files lie in a few.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return self.disk.real(path) };
        if self.disk.is_link(path)? {
            return self.disk.real(path);
        }
        Ok(self.real_folder(folder)?.join(name))
    }

    /// The same of a folder, which follows from that of the one above it.
    pub fn real_folder(&self, folder: &Path) -> io::Result<PathBuf> {
        if folder == self.root {
            return Ok(self.root.clone());
        }
        if let Some(known) = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(folder) {
            return Ok(known.clone());
        }
        let real = self.real(folder)?;
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_path_buf(), real.clone());
        Ok(real)
    }

    /// What is in a file, if it can be read: the bytes that were read of it, if any were. It may lie outside
    /// of the project, as rules do that are above it.
    pub fn content(&self, path: &Path) -> Option<Arc<[u8]>> {
        let real = self.real(&normalize(path)).ok()?;
        if let Some(bytes) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&real) {
            return Some(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = self.read_file(&real, MAX_MANIFESTS_SIZE).ok()?.into();
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(real, Arc::clone(&bytes));
        Some(bytes)
    }

    /// Lets go of what was read of files that nobody will ask for again.
    pub fn forget(&self, paths: &[PathBuf]) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths {
            read.remove(path);
        }
    }

    /// The text of a file.
    pub fn text(&self, path: &Path) -> Result<Source, Diagnostic> {
        self.source(path, &self.bytes(path)?)
    }

    /// The text of a file of manifests, which may be longer than that of others.
    pub fn manifests(&self, path: &Path) -> Result<Source, Diagnostic> {
        self.source(path, &self.limited(path, MAX_MANIFESTS_SIZE)?)
    }

    fn source(&self, path: &Path, bytes: &[u8]) -> Result<Source, Diagnostic> {
        let name = self.name(&normalize(path));
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text)),
            Err(error) => {
                let lossy = String::from_utf8_lossy(bytes).into_owned();
                let span = Span::locate(&lossy, error.valid_up_to(), error.valid_up_to() + 1);
                let message = format!("`{name}` is not UTF-8 text");
                Err(Diagnostic::error("not-utf8", message).at_hidden(Source::new(name, lossy).place(span)).hint(
                    "save it as UTF-8; a file that is not text can be an entry's `file`, not a layer or a template",
                ))
            }
        }
    }

    fn read_file(&self, real: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
        let bytes = self.disk.read(real, limit).map_err(|error| self.unreadable(real, &error))?;
        if bytes.len() as u64 > limit {
            let message = format!("`{}` is larger than {} MiB", self.name(real), limit >> 20);
            let error = Diagnostic::error("file-too-big", message);
            return Err(if limit == MAX_MANIFESTS_SIZE {
                error.hint("part it into several files")
            } else {
                error
                    .note("a ConfigMap or Secret holds at most 1 MiB, so no layer or file of one can be larger")
                    .hint("keep large data out of configuration: in an image, a volume or an object store")
            });
        }
        Ok(bytes)
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> Diagnostic {
        let name = self.name(path);
        match error.kind() {
            io::ErrorKind::NotFound => Diagnostic::error("missing-file", format!("`{name}` does not exist")).hint(
                self.similar_file(path).unwrap_or_else(|| "a path is relative to the file that names it".to_owned()),
            ),
            io::ErrorKind::IsADirectory => {
                Diagnostic::error("missing-file", format!("`{name}` is a folder, not a file")).hint("name a file in it")
            }
            _ => Diagnostic::error("unreadable", format!("`{name}` could not be read: {error}")).failing(Failure::Io),
        }
    }

    fn similar_file(&self, path: &Path) -> Option<String> {
        let wanted = path.file_name()?.to_string_lossy();
        let beside: Vec<_> = self
            .disk
            .list(path.parent()?)
            .ok()?
            .iter()
            .map(|entry| entry.name.to_string_lossy().into_owned())
            .collect();
        let nearest = crate::diagnostic::nearest(&wanted, beside.iter().map(String::as_str))?;
        Some(format!("did you mean `{}`?", self.name(&path.with_file_name(nearest))))
    }

    fn outside(&self, path: &Path) -> Diagnostic {
        Diagnostic::error("outside-project", format!("`{}` lies outside of the project", self.name(path)))
            .note("what a project renders must not depend on the machine it is rendered on")
            .hint("copy the file into the project")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn project() -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        fs::write(dir.path().join("outside.txt"), "x").unwrap();
        fs::write(dir.path().join("project/nginx.conf"), "x").unwrap();
        let files = Files::new(&dir.path().join("project")).unwrap();
        (dir, files)
    }

    #[test]
    fn a_file_outside_of_the_project_is_refused() {
        let (_dir, files) = project();
        let error = files.bytes(&files.root().join("a/../../outside.txt")).unwrap_err();
        assert_eq!(error.rule, "outside-project");
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_that_leads_out_is_refused() {
        let (dir, files) = project();
        std::os::unix::fs::symlink(dir.path().join("outside.txt"), files.root().join("link")).unwrap();
        assert_eq!(files.bytes(&files.root().join("link")).unwrap_err().rule, "outside-project");
    }

    #[test]
    fn a_missing_file_names_its_neighbour() {
        let (_dir, files) = project();
        let error = files.bytes(&files.root().join("ngnix.conf")).unwrap_err();
        assert_eq!(error.hints, ["did you mean `nginx.conf`?"]);
    }

    #[test]
    fn a_file_over_one_mebibyte_is_refused_and_one_of_just_that_is_read() {
        let (_dir, files) = project();
        for (size, ok) in [(MAX_FILE_SIZE, true), (MAX_FILE_SIZE + 1, false)] {
            let path = files.root().join(format!("{size}"));
            fs::write(&path, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
            assert_eq!(files.bytes(&path).is_ok(), ok, "{size}");
        }
    }
}
