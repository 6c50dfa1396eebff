//! Files of the work tree that differ from a revision.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::revision::GitRevision;
use crate::disk::{SnapshotEntry, SnapshotEntryKind};
use crate::map::{HashMap, HashSet};
use crate::parallel;
use crate::sort::CollectSorted;

/// Number of directories from which threads are worth their cost.
const FEW: usize = 4;

/// Number of files in one directory from which they are not read.
const MOST_FILES: usize = 20_000;

/// Files at or below some paths that differ from a revision, or that only the work tree or the revision has; absolute.
/// Files are compared by their bytes: one that Git would convert on checkout counts as different. None if that cannot be
/// told, because of a link, another repository, or a file that cannot be read.
pub fn changed_files(revision: &GitRevision, paths: Vec<PathBuf>) -> Option<BTreeSet<PathBuf>> {
    let found = parallel::par_map(paths, FEW, |path| changed_below(revision, &path));
    found.into_iter().collect::<Option<Vec<_>>>().map(|found| found.into_iter().flatten().collect_set())
}

fn changed_below(revision: &GitRevision, path: &Path) -> Option<Vec<PathBuf>> {
    let committed: HashMap<PathBuf, &SnapshotEntry> = revision.disk.snapshot()?.entries_at(path).collect();
    if committed.values().any(|entry| entry.kind != SnapshotEntryKind::File) {
        return None;
    }
    let mut present = Vec::new();
    list_files(path, &mut present).ok()?;
    let mut changed = Vec::new();
    for file in &present {
        let is_same = match committed.get(file) {
            Some(entry) => blob_name(&fs::read(file).ok()?, entry.blob.len()) == entry.blob,
            None => false,
        };
        if !is_same {
            changed.push(file.clone());
        }
    }
    let present: HashSet<PathBuf> = present.into_iter().collect();
    changed.extend(committed.into_keys().filter(|file| !present.contains(file)));
    Some(changed)
}

/// Lists the files at or below a path. Errors: a link, anything else that is no file, too many files.
fn list_files(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if kind.is_file() {
        found.push(path.to_path_buf());
    } else if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_name() == ".git" {
                return Err(io::Error::other("another repository"));
            }
            if entry.file_type()?.is_file() {
                found.push(entry.path());
            } else {
                list_files(&entry.path(), found)?;
            }
        }
    } else {
        return Err(io::Error::other("not a file or a directory"));
    }
    if found.len() > MOST_FILES { Err(io::Error::other("too many files")) } else { Ok(()) }
}

/// The name of a blob with this content, in a repository whose names have this many digits.
/// Source: `gitformat-pack`, object names; `hash-function-transition` for SHA-256.
fn blob_name(content: &[u8], digits: usize) -> String {
    let header = format!("blob {}\0", content.len());
    if digits == 64 { digest::<Sha256>(&header, content) } else { digest::<Sha1>(&header, content) }
}

fn digest<D: Digest>(header: &str, content: &[u8]) -> String {
    let digest = D::new().chain_update(header).chain_update(content).finalize();
    let mut name = String::with_capacity(digest.len() * 2);
    for byte in digest {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::blob_name;

    #[test]
    fn blobs_are_named_as_git_names_them() {
        // git hash-object --stdin, in a repository of each kind
        assert_eq!(blob_name(b"hello\n", 40), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(blob_name(b"hello\n", 64), "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4");
    }
}
