//! Patterns of paths, matched part by part, so that only folders that can match are listed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::disk::{Kind, Listed, Refusal, Root};

/// Why a pattern finds nothing, not even nothing.
#[derive(Debug)]
pub enum GlobError {
    /// It leads out of the folder that it starts from, or out of the root through a link.
    Outside,
    /// A part is no pattern.
    Invalid {
        /// The part.
        part: String,
        /// Why.
        reason: String,
    },
    /// A folder could not be listed.
    Unreadable(PathBuf, Refusal),
}

/// The files and folders that match a pattern below a folder, sorted. `*`, `?`, `[…]` and `{…}` stay
/// within a part, `**` is any number of folders. Hidden ones match only by name, and links to folders
/// are not followed: they could lead out, or in a circle.
pub fn matching(root: &Root, folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, GlobError> {
    let mut found = Vec::new();
    expand(root, folder, pattern, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn expand(root: &Root, folder: &Path, pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), GlobError> {
    let (first, rest) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    let rest = rest.filter(|rest| !rest.is_empty());
    let mut descend = |path: PathBuf, is_there: bool| match rest {
        Some(rest) => expand(root, &path, rest, found),
        None => {
            if is_there || root.has(&path) {
                found.push(path);
            }
            Ok(())
        }
    };
    match first {
        "" | "." => descend(folder.to_path_buf(), false),
        ".." => Err(GlobError::Outside),
        "**" => {
            descend(folder.to_path_buf(), false)?;
            for below in visible(&list(root, folder)?).filter(|below| below.kind == Kind::Folder) {
                expand(root, &folder.join(&below.name), pattern, found)?;
            }
            Ok(())
        }
        _ if !is_pattern(first) => descend(folder.join(first), false),
        _ => {
            let glob = matcher(first)?;
            let is_wanted =
                |below: &&Listed| glob.is_match(&below.name) && (rest.is_none() || below.kind == Kind::Folder);
            for below in visible(&list(root, folder)?).filter(is_wanted) {
                descend(folder.join(&below.name), true)?;
            }
            Ok(())
        }
    }
}

/// What a part of a pattern matches. It is compiled once: thousands of apps have the same patterns.
fn matcher(part: &str) -> Result<GlobSet, GlobError> {
    static KNOWN: Mutex<BTreeMap<String, GlobSet>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(matcher) = known.get(part) {
        return Ok(matcher.clone());
    }
    let invalid =
        |error: globset::Error| GlobError::Invalid { part: part.to_owned(), reason: error.kind().to_string() };
    // a set of one: unlike a single pattern, it needs no regex for `*.yaml`
    let glob = Glob::new(part).map_err(invalid)?;
    let matcher = GlobSetBuilder::new().add(glob).build().map_err(invalid)?;
    known.insert(part.to_owned(), matcher.clone());
    Ok(matcher)
}

/// Whether a part of a path stands for several.
pub fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

/// What is in a folder. One that does not exist has nothing.
fn list(root: &Root, folder: &Path) -> Result<Arc<[Listed]>, GlobError> {
    match root.list(folder) {
        Ok(entries) => Ok(entries),
        Err(Refusal::Missing) => Ok(Arc::default()),
        Err(Refusal::Outside | Refusal::LinkOut) => Err(GlobError::Outside),
        Err(refusal) => Err(GlobError::Unreadable(folder.to_path_buf(), refusal)),
    }
}

fn visible(entries: &[Listed]) -> impl Iterator<Item = &Listed> {
    entries.iter().filter(|entry| !entry.name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::Disk;

    #[test]
    fn patterns_match_part_by_part() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(Disk::default(), folder.path()).unwrap();
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
            let found = matching(&root, root.path(), pattern).unwrap();
            let found: Vec<_> = found.iter().map(|path| path.strip_prefix(root.path()).unwrap()).collect();
            let expected: Vec<_> = expected.iter().map(Path::new).collect();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(matches!(matching(&root, root.path(), "../*"), Err(GlobError::Outside)));
        assert!(matches!(matching(&root, root.path(), "[a"), Err(GlobError::Invalid { .. })));
    }
}
