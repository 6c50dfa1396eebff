//! Paths of the command line. They may lead anywhere, but a link in a repository was written by the repository: it
//! must stay inside.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{BoundedRoot, DirEntryKind, Disk, FileReadError, MOST_LINKS, normalize_path, open};

/// A path of the command line without links, as far as it exists.
struct NamedPath {
    path: PathBuf,
    /// Whether it is in a repository, or in a project without one.
    is_bounded: bool,
    /// Kind of the entry there.
    kind: Option<DirEntryKind>,
}

/// The bytes of a file that the command line names. It may be anywhere, and be a pipe, but one in a repository, or in
/// a project without one, is read like a file that the repository names: regular files only, and none behind a link
/// that leads out.
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, FileReadError> {
    let named = resolve_named(path)?;
    match named.kind {
        Some(DirEntryKind::Directory) => Err(FileReadError::Directory),
        _ if !named.is_bounded => open::read_any(&named.path, limit),
        None => Err(FileReadError::Missing),
        Some(_) => open::read_regular(&named.path, limit),
    }
}

/// The path without links to write to for one of the command line, of which the last parts need not exist. An
/// error if it goes through a link that leads out of its repository.
pub fn resolve_writable(path: &Path) -> Result<PathBuf, FileReadError> {
    let named = resolve_named(path)?;
    match named.kind {
        // only a file can be replaced
        Some(DirEntryKind::Other) if named.is_bounded => Err(open::refuse_special(&named.path)),
        _ => Ok(named.path),
    }
}

/// Identity of a file that the command line names, whatever links are in its path.
pub fn real_named(path: &Path) -> PathBuf {
    resolve_named(path).map_or_else(|_| path.to_path_buf(), |named| named.path)
}

/// Follows the links of a path, each within the bounds of its directory.
fn resolve_named(path: &Path) -> Result<NamedPath, FileReadError> {
    let disk = Disk::default();
    let absolute = normalize_path(&std::path::absolute(path)?);
    let mut pending = reversed_parts(&absolute);
    let (mut current, mut kind, mut links) = (PathBuf::new(), Some(DirEntryKind::Directory), 0);
    while let Some(part) = pending.pop() {
        match Path::new(&part).components().next() {
            Some(Component::Normal(name)) => current.push(name),
            Some(Component::ParentDir) => {
                current.pop();
                kind = Some(DirEntryKind::Directory);
                continue;
            }
            Some(root @ (Component::RootDir | Component::Prefix(_))) => {
                current.push(root);
                continue;
            }
            Some(Component::CurDir) | None => continue,
        }
        // nothing is below an entry that does not exist, and below a file the system reports the error
        kind = if kind.is_some() { disk.kind(&current)? } else { None };
        if kind != Some(DirEntryKind::Link) {
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(FileReadError::LinkLoop);
        }
        let directory = current.parent().unwrap_or(&current);
        if let Some(bounds) = disk.bounds_of(directory) {
            let real = BoundedRoot::new(disk.clone(), bounds)?.resolve(&current)?;
            (current, kind) = (real.path, Some(real.kind));
            continue;
        }
        let target = fs::read_link(&current)?;
        if is_magic(&current, &target) {
            let path = pending.into_iter().rev().fold(current, |path, part| path.join(part));
            return Ok(NamedPath { path, is_bounded: false, kind: None });
        }
        current.pop();
        pending.extend(reversed_parts(&target));
        kind = Some(DirEntryKind::Directory);
    }
    let is_bounded = current.parent().is_some_and(|directory| disk.bounds_of(directory).is_some());
    Ok(NamedPath { path: current, is_bounded, kind })
}

/// Whether a link is one of Linux's own that name no path: `/proc/self/fd/0` leads to `pipe:[1234]`.
fn is_magic(link: &Path, target: &Path) -> bool {
    link.starts_with("/proc") && target.is_relative() && !link.with_file_name(target).exists()
}

fn reversed_parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_of_a_repository_stays_inside_and_others_lead_anywhere() {
        let site = tempfile::tempdir().unwrap();
        let base = site.path().canonicalize().unwrap();
        let at = |path: &str| base.join(path);
        for directory in ["repo/.git", "repo/sub/deep", "outside", "other/.git", "plain"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for (link, target) in [
            ("repo/in", "sub"),
            ("repo/out", "../outside"),
            ("repo/other", "../other"),
            ("repo/sub/back", "../../repo/sub/deep"),
            ("repo/file-out", "../outside/file"),
            ("repo/sub/up", "../out"),
            ("plain/to-repo", "../repo"),
            ("plain/to-link", "../repo/out/x"),
            ("plain/away", "../outside"),
            ("plain/round", "round"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        for (path, expected) in [
            ("repo/new", Some("repo/new")),
            ("repo/in/new/deeper", Some("repo/sub/new/deeper")),
            ("repo/sub/back/new", Some("repo/sub/deep/new")),
            ("repo/out/new", None),
            ("repo/out", None),
            // another repository as the destination does not help
            ("repo/other/new", None),
            ("repo/sub/up/new", None),
            ("repo/file-out", None),
            // by its text, as messages show it, and written there
            ("repo/out/../new", Some("repo/new")),
            ("plain/to-repo/new", Some("repo/new")),
            ("plain/to-repo/out/new", None),
            ("plain/to-link", None),
            ("plain/away/new", Some("outside/new")),
            ("plain/round/new", None),
            ("other/new", Some("other/new")),
        ] {
            let found = resolve_writable(&at(path)).ok();
            assert_eq!(found, expected.map(at), "{path}");
        }
    }

    #[test]
    fn what_the_system_opens_is_opened() {
        assert!(matches!(read_named(Path::new("/dev/null"), 9), Ok(bytes) if bytes.is_empty()));
        assert!(matches!(read_named(Path::new("/dev/zero"), 9), Err(FileReadError::TooBig(9))));
        assert_eq!(resolve_writable(Path::new("/dev/null")).unwrap(), Path::new("/dev/null"));
    }
}
