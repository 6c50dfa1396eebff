//! Patterns of paths, matched part by part, so that only directories that can match are listed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::budget::{Budget, BudgetExhausted, GLOB_BYTES, GLOB_MATCHES, GLOB_VISITS};
use crate::disk::{BoundedRoot, DirEntry, DirEntryKind, FileReadError};
use crate::map::HashSet;
use crate::sort::sort;

/// Error that prevents matching a pattern, as opposed to a pattern without matches.
#[derive(Debug)]
pub enum GlobError {
    /// It leads out of the directory that it starts from, or out of the root through a link.
    Outside,
    /// A part is not a valid pattern.
    Invalid {
        /// The part.
        part: String,
        /// Reason.
        reason: String,
    },
    /// A directory could not be listed.
    Unreadable(PathBuf, FileReadError),
    /// The patterns of a run need more work than is allowed.
    TooMuch(&'static Budget),
}

/// Longest pattern, in bytes: no path of a system is longer.
const LONGEST: usize = 4096;

/// Cost of a pattern part in addition to its text: a compiled part has some kilobytes, however short.
const PART_COST: usize = 256;

/// The files and directories that match a pattern below a directory, sorted. `*`, `?`, `[…]` and `{…}` stay within a
/// part, `**` is any number of directories. Hidden ones match only by name, and links to directories are not
/// followed: they could lead out, or in a loop.
pub fn find_matching(root: &BoundedRoot, directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, GlobError> {
    let parts = parse_parts(pattern)?;
    let mut search =
        GlobSearch { root, parts: &parts, visited: HashSet::default(), open: Vec::new(), matches: Vec::new() };
    search.visit(directory.to_path_buf(), 0, false)?;
    while let Some((directory, index)) = search.open.pop() {
        search.expand(&directory, index)?;
    }
    sort(&mut search.matches);
    search.matches.dedup();
    Ok(search.matches)
}

/// A part of a pattern, between slashes.
enum GlobPart<'p> {
    /// `**`: any number of directories.
    Below,
    /// A name.
    Name(&'p str),
    /// Part that can match several names, and the length of its text.
    Several(GlobSet, u64),
}

/// The parts of a pattern. Several `**` in a row are one.
fn parse_parts(pattern: &str) -> Result<Vec<GlobPart<'_>>, GlobError> {
    if pattern.len() > LONGEST {
        let part = pattern.chars().take(20).chain(['…']).collect();
        return Err(GlobError::Invalid { part, reason: format!("it is longer than {LONGEST} bytes") });
    }
    let mut parts = Vec::new();
    for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => return Err(GlobError::Outside),
            "**" if matches!(parts.last(), Some(GlobPart::Below)) => {}
            "**" => parts.push(GlobPart::Below),
            part if is_pattern(part) => parts.push(GlobPart::Several(compile_part(part)?, part.len() as u64)),
            part => parts.push(GlobPart::Name(part)),
        }
    }
    Ok(parts)
}

/// A search for matches. Each directory is visited once for each part of the pattern, by however many paths it is
/// reached.
struct GlobSearch<'s> {
    root: &'s BoundedRoot,
    parts: &'s [GlobPart<'s>],
    visited: HashSet<(PathBuf, usize)>,
    open: Vec<(PathBuf, usize)>,
    matches: Vec<PathBuf>,
}

impl GlobSearch<'_> {
    /// Records that the parts from an index on are searched below a path.
    fn visit(&mut self, path: PathBuf, index: usize, is_there: bool) -> Result<(), GlobError> {
        GLOB_VISITS.spend(1).map_err(|BudgetExhausted| GlobError::TooMuch(&GLOB_VISITS))?;
        if index < self.parts.len() {
            if self.visited.insert((path.clone(), index)) {
                self.open.push((path, index));
            }
        } else if is_there || self.root.has(&path) {
            self.matches.push(path);
        }
        Ok(())
    }

    fn expand(&mut self, directory: &Path, index: usize) -> Result<(), GlobError> {
        let Some(part) = self.parts.get(index) else { return Ok(()) };
        let is_last = index + 1 == self.parts.len();
        match part {
            GlobPart::Name(name) => self.visit(directory.join(name), index + 1, false),
            GlobPart::Below => {
                self.visit(directory.to_path_buf(), index + 1, false)?;
                for below in visible_entries(&list_directory(self.root, directory)?)
                    .filter(|below| below.kind == DirEntryKind::Directory)
                {
                    self.visit(directory.join(&below.name), index, true)?;
                }
                Ok(())
            }
            GlobPart::Several(glob, length) => {
                let entries = list_directory(self.root, directory)?;
                let cost = length.saturating_mul(entries.len() as u64);
                GLOB_MATCHES.spend(cost).map_err(|BudgetExhausted| GlobError::TooMuch(&GLOB_MATCHES))?;
                let is_wanted = |below: &&DirEntry| {
                    glob.is_match(&below.name) && (is_last || below.kind == DirEntryKind::Directory)
                };
                for below in visible_entries(&entries).filter(is_wanted) {
                    self.visit(directory.join(&below.name), index + 1, true)?;
                }
                Ok(())
            }
        }
    }
}

/// Compiles a part of a pattern, each distinct part once: thousands of apps have the same patterns.
fn compile_part(part: &str) -> Result<GlobSet, GlobError> {
    static KNOWN: Mutex<BTreeMap<String, GlobSet>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(matcher) = known.get(part) {
        return Ok(matcher.clone());
    }
    let cost = (part.len() + PART_COST) as u64;
    GLOB_BYTES.spend(cost).map_err(|BudgetExhausted| GlobError::TooMuch(&GLOB_BYTES))?;
    let invalid =
        |error: globset::Error| GlobError::Invalid { part: part.to_owned(), reason: error.kind().to_string() };
    // a set of one: unlike a single pattern, it needs no regex for `*.yaml`
    let glob = Glob::new(part).map_err(invalid)?;
    let matcher = GlobSetBuilder::new().add(glob).build().map_err(invalid)?;
    known.insert(part.to_owned(), matcher.clone());
    Ok(matcher)
}

/// Whether a part of a path is a pattern.
pub fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

/// Lists the contents of a directory. A directory that does not exist has none.
fn list_directory(root: &BoundedRoot, directory: &Path) -> Result<Arc<[DirEntry]>, GlobError> {
    match root.list(directory) {
        Ok(entries) => Ok(entries),
        Err(FileReadError::Missing) => Ok(Arc::default()),
        Err(FileReadError::Outside | FileReadError::LinkOut) => Err(GlobError::Outside),
        Err(refusal) => Err(GlobError::Unreadable(directory.to_path_buf(), refusal)),
    }
}

fn visible_entries(entries: &[DirEntry]) -> impl Iterator<Item = &DirEntry> {
    entries.iter().filter(|entry| !entry.name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::Disk;

    #[test]
    fn patterns_match_part_by_part() {
        let directory = tempfile::tempdir().unwrap();
        let root = BoundedRoot::new(Disk::default(), directory.path()).unwrap();
        for path in ["a.yaml", "b.yml", "sub/c.yaml", "sub/deep/d.yaml", ".hidden/e.yaml", "sub/.f.yaml"] {
            let path = directory.path().join(path);
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
            ("**/**/./**//*.yaml", &["a.yaml", "sub/c.yaml", "sub/deep/d.yaml"]),
            ("**/deep/**/*.yaml", &["sub/deep/d.yaml"]),
            ("sub/", &["sub"]),
        ] {
            let found = find_matching(&root, root.path(), pattern).unwrap();
            let found: Vec<_> = found.iter().map(|path| path.strip_prefix(root.path()).unwrap()).collect();
            let expected: Vec<_> = expected.iter().map(Path::new).collect();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(matches!(find_matching(&root, root.path(), "../*"), Err(GlobError::Outside)));
        assert!(matches!(find_matching(&root, root.path(), "[a"), Err(GlobError::Invalid { .. })));
        let long = "a/".repeat(LONGEST);
        assert!(matches!(find_matching(&root, root.path(), &long), Err(GlobError::Invalid { .. })));
    }

    #[test]
    fn a_directory_is_visited_once_for_each_part_however_many_ways_lead_to_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b/c/d/e/f/g/h/i/j/k/l")).unwrap();
        let pattern = "**/*/".repeat(15);
        let parts = parse_parts(&pattern).map_err(|_| ()).unwrap();
        let root = BoundedRoot::new(Disk::default(), directory.path()).unwrap();
        let mut search = GlobSearch {
            root: &root,
            parts: &parts,
            visited: HashSet::default(),
            open: Vec::new(),
            matches: Vec::new(),
        };
        search.visit(root.path().to_path_buf(), 0, false).unwrap();
        while let Some((directory, index)) = search.open.pop() {
            search.expand(&directory, index).unwrap();
        }
        // 13 directories, 30 parts
        assert!(search.visited.len() <= 13 * 30, "{}", search.visited.len());
    }
}
