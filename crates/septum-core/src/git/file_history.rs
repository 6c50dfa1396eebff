//! Versions of files in the history of the current branch.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::log::{LOG_OPTIONS, LogRecord, parse_log, strange_log};
use super::{GitBlobs, GitConfiguration, GitRepository, SafeGit, first_line};
use crate::time::Day;

/// Number of paths that are given to Git one by one.
const MOST_PATHS: usize = 200;

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Day of the commit that made it.
    pub day: Day,
    /// Its content; none if the commit removed the file.
    pub blob: Option<String>,
    /// Whether earlier commits are missing in a shallow clone.
    pub is_boundary: bool,
}

/// Versions of files, newest first, and their contents.
pub struct FileHistory {
    blobs: GitBlobs,
    versions: BTreeMap<PathBuf, Vec<FileVersion>>,
}

impl FileHistory {
    /// The history of files, whose paths are absolute and without links; none outside of a repository.
    pub fn of_files(directory: &Path, files: &[PathBuf]) -> io::Result<Option<Self>> {
        let Some(repository) = GitRepository::find(directory)? else { return Ok(None) };
        let (root, shallow, has_commit) = (repository.root.clone(), repository.shallow_commits()?, repository.head()?);
        let git = SafeGit::new(repository, GitConfiguration::Isolated)?;
        let inside: Vec<&Path> = files.iter().filter_map(|file| file.strip_prefix(&root).ok()).collect();
        let mut versions = BTreeMap::new();
        if has_commit.is_some() && !inside.is_empty() {
            let mut log = git.command("log")?;
            log.env("GIT_LITERAL_PATHSPECS", "1");
            log.args(LOG_OPTIONS).args(["--full-history", "--date-order", "HEAD", "--"]);
            if inside.len() <= MOST_PATHS {
                log.args(&inside);
            }
            let output = log.output()?;
            if !output.status.success() {
                return Err(io::Error::other(first_line(&output)));
            }
            for (path, version) in versions_in(&output.stdout, &shallow)? {
                versions.entry(root.join(path)).or_insert_with(Vec::new).push(version);
            }
        }
        Ok(Some(Self { blobs: GitBlobs::new(git), versions }))
    }

    /// Versions of a file, newest first.
    pub fn versions(&self, file: &Path) -> &[FileVersion] {
        self.versions.get(file).map(Vec::as_slice).unwrap_or_default()
    }

    /// Content of a version; an error if it is longer than `limit`.
    pub fn read_blob(&self, blob: &str, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.blobs.raw(blob, limit)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }
}

/// Versions of files by their path from the root of the work tree, in the order of the log.
fn versions_in(log: &[u8], shallow: &[String]) -> io::Result<Vec<(PathBuf, FileVersion)>> {
    let (mut found, mut commit) = (Vec::new(), None);
    for record in parse_log(log) {
        match record? {
            LogRecord::Commit(head) => {
                let is_boundary = shallow.iter().any(|boundary| boundary == head.id);
                commit = Some((Day::at(head.moment), is_boundary));
            }
            LogRecord::File(file) => {
                let (day, is_boundary) = commit.ok_or_else(strange_log)?;
                found.push((file.path, FileVersion { day, blob: file.blob.map(str::to_owned), is_boundary }));
            }
        }
    }
    Ok(found)
}
