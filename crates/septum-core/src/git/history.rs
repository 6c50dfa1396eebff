//! Versions of files in the history of the current branch.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{GitBlobs, GitConfiguration, GitRepository, SafeGit, first_line};
use crate::disk::path_of;
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
            log.args(["--full-history", "--date-order", "--raw", "--no-renames", "--no-abbrev", "-z"]);
            log.args(["--no-show-signature", "--no-ext-diff", "--format=%x01%H %ct", "HEAD", "--"]);
            if inside.len() <= MOST_PATHS {
                log.args(&inside);
            }
            let output = log.output()?;
            if !output.status.success() {
                return Err(io::Error::other(first_line(&output)));
            }
            for (path, version) in parse_log(&output.stdout, &shallow)? {
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

/// Parses the output of `log --raw -z`: the commit, and each of its files with the kinds and blobs before and after.
fn parse_log(log: &[u8], shallow: &[String]) -> io::Result<Vec<(PathBuf, FileVersion)>> {
    let strange = || io::Error::other("cannot parse its log");
    let (mut found, mut commit) = (Vec::new(), None);
    let mut fields = log.split(|&byte| byte == 0);
    while let Some(field) = fields.next() {
        let field = field.trim_ascii_start();
        if let Some(head) = field.strip_prefix(b"\x01") {
            let head = std::str::from_utf8(head).map_err(|_| strange())?;
            let (hash, seconds) = head.trim_end().split_once(' ').ok_or_else(strange)?;
            // a clock before 1970 gives a negative number
            let seconds = seconds.parse::<u64>().unwrap_or_default();
            let is_boundary = shallow.iter().any(|boundary| boundary == hash);
            commit = Some((Day::at(Duration::from_secs(seconds)), is_boundary));
        } else if field.starts_with(b":") {
            let path = path_of(fields.next().ok_or_else(strange)?.to_vec())?;
            let facts = std::str::from_utf8(field).map_err(|_| strange())?;
            let blob = facts.split(' ').nth(3).ok_or_else(strange)?;
            let (day, is_boundary) = commit.ok_or_else(strange)?;
            let blob = blob.bytes().any(|byte| byte != b'0').then(|| blob.to_owned());
            found.push((path, FileVersion { day, blob, is_boundary }));
        } else if !field.is_empty() {
            return Err(strange());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_git_prints_it() {
        let (one, two) = ("a".repeat(40), "b".repeat(40));
        let zero = "0".repeat(40);
        let log = format!(
            "\x01{one} 1795947733\0\n:100644 000000 {one} {zero} D\0a b\0:000000 100644 {zero} {two} A\0c/d\0\x01{two} 1\0\n:000000 100644 {zero} {one} A\0a b\0"
        );
        let found = parse_log(log.as_bytes(), std::slice::from_ref(&two)).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|(path, it)| (path.to_str().unwrap(), it.day.to_string(), it.blob.is_some(), it.is_boundary))
            .collect();
        assert_eq!(
            shown,
            [
                ("a b", "2026-11-29".to_owned(), false, false),
                ("c/d", "2026-11-29".to_owned(), true, false),
                ("a b", "1970-01-01".to_owned(), true, true)
            ]
        );
        assert!(parse_log(b":000000 100644 0 1 A\0a\0", &[]).is_err(), "a file without a commit");
        assert!(parse_log(b"\x01x 1\0words\0", &[]).is_err());
        assert!(parse_log(b"", &[]).unwrap().is_empty());
    }
}
