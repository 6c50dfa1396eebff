//! Patterns of paths, matched part by part, so that only folders that can match are listed.

use std::io;
use std::path::{Path, PathBuf};

use globset::Glob;

use crate::disk::Disk;

/// Why a pattern finds nothing, not even nothing.
#[derive(Debug)]
pub enum GlobError {
    /// It leads out of the folder that it starts from.
    Outside,
    /// A part is no pattern.
    Invalid {
        /// The part.
        part: String,
        /// Why.
        reason: String,
    },
    /// A folder could not be listed.
    Unreadable(PathBuf, io::Error),
}

/// The files and folders that match a pattern below a folder, sorted. `*`, `?`, `[…]` and `{…}` stay
/// within a part, `**` is any number of folders. Hidden ones match only by name, and links to folders
/// are not followed: they could lead out, or in a circle.
pub fn matching(disk: &Disk, folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, GlobError> {
    let mut found = Vec::new();
    expand(disk, folder, pattern, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn expand(disk: &Disk, folder: &Path, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), GlobError> {
    let (first, rest) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    let mut descend = |path: PathBuf| match rest {
        Some(rest) if !rest.is_empty() => expand(disk, &path, rest, found),
        _ => {
            if disk.exists(&path) {
                found.push(path);
            }
            Ok(())
        }
    };
    match first {
        "" | "." => descend(folder.to_path_buf()),
        ".." => Err(GlobError::Outside),
        "**" => {
            descend(folder.to_path_buf())?;
            for (below, _) in entries(disk, folder)?.into_iter().filter(|(_, is_folder)| *is_folder) {
                expand(disk, &below, pattern, found)?;
            }
            Ok(())
        }
        _ if !is_pattern(first) => descend(folder.join(first)),
        _ => {
            let invalid =
                |error: globset::Error| GlobError::Invalid { part: first.to_owned(), reason: error.kind().to_string() };
            let glob = Glob::new(first).map_err(invalid)?.compile_matcher();
            for (below, is_folder) in entries(disk, folder)? {
                if below.file_name().is_some_and(|name| glob.is_match(name)) && (rest.is_none() || is_folder) {
                    descend(below)?;
                }
            }
            Ok(())
        }
    }
}

/// Whether a part of a path stands for several.
pub fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

/// What is in a folder, sorted, without hidden ones, and whether it is a folder. A folder that does not exist
/// has nothing.
fn entries(disk: &Disk, folder: &Path) -> Result<Vec<(PathBuf, bool)>, GlobError> {
    let entries = match disk.list(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(GlobError::Unreadable(folder.to_path_buf(), error)),
    };
    let visible = entries.into_iter().filter(|entry| !entry.name.to_string_lossy().starts_with('.'));
    let mut entries: Vec<_> = visible.map(|entry| (folder.join(entry.name), entry.is_folder)).collect();
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn patterns_match_part_by_part() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a.yaml", "b.yml", "sub/c.yaml", "sub/deep/d.yaml", ".hidden/e.yaml", "sub/.f.yaml"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, expected) in [
            ("a.yaml", &["a.yaml"][..]),
            ("none.yaml", &[]),
            ("*.yaml", &["a.yaml"]),
            ("*.{yaml,yml}", &["a.yaml", "b.yml"]),
            ("sub/*.yaml", &["sub/c.yaml"]),
            ("**/*.yaml", &["a.yaml", "sub/c.yaml", "sub/deep/d.yaml"]),
            ("*/*.yaml", &["sub/c.yaml"]),
            (".hidden/*.yaml", &[".hidden/e.yaml"]),
            ("./a.yaml", &["a.yaml"]),
            ("nowhere/*.yaml", &[]),
        ] {
            let found = matching(&Disk::default(), folder.path(), pattern).unwrap();
            let found: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
            let expected: Vec<_> = expected.iter().map(Path::new).collect();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(matches!(matching(&Disk::default(), folder.path(), "../*"), Err(GlobError::Outside)));
        assert!(matches!(matching(&Disk::default(), folder.path(), "[a"), Err(GlobError::Invalid { .. })));
    }
}
