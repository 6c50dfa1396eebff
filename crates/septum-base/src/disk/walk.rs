//! The files below a directory, except those that Git ignores.
//!
//! No link is followed, and the patterns of ignored paths are read like every other file that a repository names.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{BoundedRoot, DirEntry, DirEntryKind, Disk, FileReadError};

/// Files with patterns of ignored paths: those of ripgrep, and those of Git.
const OWN: &str = ".ignore";
const OF_GIT: &str = ".gitignore";

/// Git's own directory: none of its files belongs to the repository, except one list of patterns.
const GIT: &str = ".git";
const EXCLUDED: &str = ".git/info/exclude";

/// Visits all regular files below a directory in the order of their paths, until a visitor stops. The repository that
/// the directory is in bounds the walk, or else the directory itself.
///
/// Errors: a directory, or a file of patterns larger than `limit` or not a regular one, cannot be read.
pub fn walk_files(
    disk: &Disk,
    directory: &Path,
    limit: u64,
    visit: &mut dyn FnMut(&Path) -> ControlFlow<()>,
) -> Result<(), (PathBuf, FileReadError)> {
    walk_directory(disk, directory, limit, None, visit)
}

/// Finds the regular files with certain names, whether Git ignores them or not, in all directories that it does not
/// ignore.
pub fn find_named(
    disk: &Disk,
    directory: &Path,
    limit: u64,
    is_wanted: &dyn Fn(&OsStr) -> bool,
) -> Result<Vec<PathBuf>, (PathBuf, FileReadError)> {
    let mut found = Vec::new();
    walk_directory(disk, directory, limit, Some(is_wanted), &mut |path| {
        found.push(path.to_path_buf());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn walk_directory(
    disk: &Disk,
    directory: &Path,
    limit: u64,
    is_wanted: Option<&dyn Fn(&OsStr) -> bool>,
    visit: &mut dyn FnMut(&Path) -> ControlFlow<()>,
) -> Result<(), (PathBuf, FileReadError)> {
    let at_directory = |error: std::io::Error| (directory.to_path_buf(), error.into());
    let directory =
        std::path::absolute(directory).map(|directory| super::normalize_path(&directory)).map_err(at_directory)?;
    let repository = disk.repository_of(&directory);
    let bounds = repository.unwrap_or(&directory);
    let root = BoundedRoot::new(disk.clone(), bounds).map_err(at_directory)?;
    let (in_repository, levels) = (repository.is_some(), Vec::new());
    let mut walk = DirectoryWalk { root: &root, named: bounds, limit, in_repository, levels, is_wanted, visit };
    let mut global = GitignoreBuilder::new(root.path());
    let excluded = walk.parse_patterns(&mut global, &root.path().join(EXCLUDED))?;
    let of_user = walk.in_repository.then(|| GitignoreBuilder::new(root.path()).build_global().0);
    walk.levels.push(IgnorePatterns { own: of_user.unwrap_or_else(Gitignore::empty), of_git: excluded });
    // the directories above have patterns for entries below
    let start = root.path().join(directory.strip_prefix(bounds).unwrap_or(Path::new("")));
    let start = root.resolve_directory(&start).map_err(|refusal| (directory.clone(), refusal))?;
    let mut above: Vec<_> = start.ancestors().skip(1).take_while(|above| above.starts_with(root.path())).collect();
    while let Some(above) = above.pop() {
        let level = walk.read_patterns(above)?;
        walk.levels.push(level);
    }
    walk.visit_all(start)
}

struct DirectoryWalk<'a> {
    root: &'a BoundedRoot,
    /// The root as given.
    named: &'a Path,
    limit: u64,
    in_repository: bool,
    /// From the outermost directory to the current one. The first is Git's and the user's own.
    levels: Vec<IgnorePatterns>,
    /// The names of the only files that are visited, ignored ones too.
    is_wanted: Option<&'a dyn Fn(&OsStr) -> bool>,
    visit: &'a mut dyn FnMut(&Path) -> ControlFlow<()>,
}

/// The patterns of a directory.
struct IgnorePatterns {
    own: Gitignore,
    of_git: Gitignore,
}

impl DirectoryWalk<'_> {
    /// Visits everything below a directory. Directories may be nested as deep as paths are long.
    fn visit_all(&mut self, start: PathBuf) -> Result<(), (PathBuf, FileReadError)> {
        let mut open = vec![self.enter(start)?];
        while let Some((directory, entries)) = open.last_mut() {
            let Some(entry) = entries.next() else {
                open.pop();
                self.levels.pop();
                continue;
            };
            let path = directory.join(&entry.name);
            if entry.kind == DirEntryKind::File && self.is_wanted.is_some_and(|is_wanted| !is_wanted(&entry.name)) {
                continue;
            }
            let counts_always = entry.kind == DirEntryKind::File && self.is_wanted.is_some();
            if entry.name == GIT || !counts_always && self.is_ignored(&path, entry.kind == DirEntryKind::Directory) {
                continue;
            }
            match entry.kind {
                DirEntryKind::Directory => open.push(self.enter(path)?),
                DirEntryKind::File => {
                    let path = self.shown_path(&path);
                    if (self.visit)(&path).is_break() {
                        return Ok(());
                    }
                }
                DirEntryKind::Link | DirEntryKind::Other => {}
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        directory: PathBuf,
    ) -> Result<(PathBuf, std::vec::IntoIter<DirEntry>), (PathBuf, FileReadError)> {
        let level = self.read_patterns(&directory)?;
        self.levels.push(level);
        let listed =
            self.root.disk().list_once(&directory).map_err(|error| (self.shown_path(&directory), error.into()))?;
        Ok((directory, listed.into_iter()))
    }

    /// The nearest pattern that matches decides, one of `.ignore` before all of Git's.
    fn is_ignored(&self, path: &Path, is_directory: bool) -> bool {
        let nearest = |of: fn(&IgnorePatterns) -> &Gitignore, levels: &[IgnorePatterns]| {
            let matched = levels.iter().rev().map(|level| of(level).matched(path, is_directory));
            matched.map(|found| found.map(drop)).find(|found| !found.is_none())
        };
        let (global, levels) = self.levels.split_at(1.min(self.levels.len()));
        let found = nearest(|level| &level.own, levels)
            .or_else(|| nearest(|level| &level.of_git, levels))
            .or_else(|| nearest(|level| &level.of_git, global))
            .or_else(|| nearest(|level| &level.own, global));
        matches!(found, Some(Match::Ignore(())))
    }

    fn read_patterns(&self, directory: &Path) -> Result<IgnorePatterns, (PathBuf, FileReadError)> {
        let own = self.parse_patterns(&mut GitignoreBuilder::new(directory), &directory.join(OWN))?;
        let of_git = if self.in_repository {
            self.parse_patterns(&mut GitignoreBuilder::new(directory), &directory.join(OF_GIT))?
        } else {
            Gitignore::empty()
        };
        Ok(IgnorePatterns { own, of_git })
    }

    fn parse_patterns(
        &self,
        builder: &mut GitignoreBuilder,
        file: &Path,
    ) -> Result<Gitignore, (PathBuf, FileReadError)> {
        let bytes = match self.root.resolve(file).and_then(|path| self.root.read(&path, self.limit)) {
            Ok(bytes) => bytes,
            Err(FileReadError::Missing) => return Ok(Gitignore::empty()),
            Err(refusal) => return Err((self.shown_path(file), refusal)),
        };
        for line in String::from_utf8_lossy(&bytes).lines() {
            // Git ignores a line that is not a valid pattern
            let _ = builder.add_line(None, line);
        }
        builder.build().map_err(|error| (self.shown_path(file), FileReadError::Io(std::io::Error::other(error))))
    }

    /// A path below the root as the root was given.
    fn shown_path(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root.path()).map_or_else(|_| path.to_path_buf(), |below| self.named.join(below))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diagnostic::shown_path;

    fn found(directory: &Path) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let walked = walk_files(&Disk::default(), directory, 100, &mut |path| {
            found.push(shown_path(path.strip_prefix(directory).unwrap()));
            ControlFlow::Continue(())
        });
        walked
            .map(|()| found)
            .map_err(|(path, refusal)| format!("{}: {refusal:?}", shown_path(path.strip_prefix(directory).unwrap())))
    }

    #[test]
    fn what_git_ignores_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in [
            (".git/config", ""),
            (".git/info/exclude", "excluded\n"),
            (".gitignore", "*.log\n/build/\nsub/one\n"),
            ("sub/.gitignore", "!kept.log\ntwo\n"),
            ("sub/.ignore", "three\n"),
            ("a.log", ""),
            ("b.yaml", ""),
            ("build/x", ""),
            ("excluded", ""),
            ("sub/build/y", ""),
            ("sub/kept.log", ""),
            ("sub/one", ""),
            ("sub/two", ""),
            ("sub/three", ""),
        ] {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let all = [".gitignore", "b.yaml", "sub/.gitignore", "sub/.ignore", "sub/build/y", "sub/kept.log"];
        assert_eq!(found(directory.path()).unwrap(), all);
        assert_eq!(found(&directory.path().join("sub")).unwrap(), [".gitignore", ".ignore", "build/y", "kept.log"]);
    }

    #[cfg(unix)]
    #[test]
    fn patterns_are_read_from_regular_files_inside_alone() {
        use std::os::unix::fs::symlink;
        for (case, expected) in [
            ("link", ".gitignore: LinkOut"),
            ("pipe", ".gitignore: Special(\"named pipe\")"),
            ("large", ".gitignore: TooBig(100)"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(".gitignore");
            fs::create_dir(directory.path().join(".git")).unwrap();
            match case {
                "link" => symlink("/dev/zero", &file).unwrap(),
                "pipe" => super::super::make_pipe(&file),
                _ => fs::write(&file, [b'x'; 101]).unwrap(),
            }
            assert_eq!(found(directory.path()).unwrap_err(), expected);
        }
    }
}
