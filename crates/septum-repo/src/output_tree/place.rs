//! Checks of the place of a tree.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Diagnostic, Rule};
use crate::files::resolve_writable;

/// Directories that an output directory must not overlap: stale files are removed in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceDirectories<'a> {
    /// The root of the project.
    pub(super) root: &'a Path,
    /// Directories that contain sources, without links: those of apps, of layers, of manifests.
    pub(super) directories: &'a [PathBuf],
}

/// The directory as an absolute path, if a tree may be there.
pub(super) fn check_directory(dir: &Path, shown: &str, sources: &SourceDirectories<'_>) -> Result<PathBuf, Diagnostic> {
    let absolute = absolute_path(dir).map_err(|error| Diagnostic::unreadable(shown, &error))?;
    let real = real_path(&absolute);
    refuse_sources(&real, shown, sources)?;
    if let Some(link) = checked_ancestors(&absolute, sources.root).into_iter().find(|path| is_link(path)) {
        return Err(through_link(shown, &link));
    }
    resolve_writable(&absolute, shown)?;
    match fs::symlink_metadata(&absolute) {
        Ok(metadata) if !metadata.is_dir() => Err(refused_directory(format!("`{shown}` is not a directory"))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Diagnostic::unreadable(shown, &error)),
        _ => Ok(absolute),
    }
}

fn refuse_sources(real: &Path, shown: &str, sources: &SourceDirectories<'_>) -> Result<(), Diagnostic> {
    let root = real_path(sources.root);
    if root == real {
        return Err(refused_directory(format!("`{shown}` is the root of the project")));
    }
    if root.starts_with(real) {
        return Err(refused_directory(format!("`{shown}` contains the project")));
    }
    if fs::symlink_metadata(real.join(".git")).is_ok() {
        return Err(refused_directory(format!("`{shown}` is the root of a Git repository")));
    }
    if real.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
        return Err(refused_directory(format!("`{shown}` is inside a `.git` directory")));
    }
    match sources.directories.iter().find(|directory| directory.starts_with(real)) {
        Some(directory) => Err(refused_directory(format!("`{shown}` contains source files")).note(format!(
            "`{}` is a source directory",
            directory.strip_prefix(sources.root).unwrap_or(directory).display()
        ))),
        None => Ok(()),
    }
}

/// The directories on the way to `dir` that must be real: all below the project, or, outside of it, below the last
/// directory that both have in common. The directories above belong to the setup of the machine (`/tmp` is a link on
/// macOS).
fn checked_ancestors(dir: &Path, root: &Path) -> Vec<PathBuf> {
    let mut common = dir.parent().unwrap_or(dir).to_path_buf();
    for root in [root, &real_path(root)] {
        let shared: PathBuf =
            dir.components().zip(root.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect();
        if shared.components().any(|part| matches!(part, Component::Normal(_))) && common.starts_with(&shared) {
            common = shared;
            break;
        }
    }
    dir.ancestors().take_while(|path| *path != common).map(Path::to_path_buf).collect()
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// Refuses a link in the place of a directory.
pub(super) fn refuse_link(path: &Path, shown: &str) -> Result<(), Diagnostic> {
    if is_link(path) { Err(through_link(shown, path)) } else { Ok(()) }
}

/// Whether a directory of the tree exists. Any other entry in its place is an error: a link would take files
/// somewhere else.
pub(super) fn is_real_directory(path: &Path, shown: &str) -> Result<bool, Diagnostic> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(metadata) if metadata.is_symlink() => Err(through_link(shown, path)),
        Ok(_) => Err(Diagnostic::error(Rule::ForeignFile, format!("`{shown}` already exists, but is not a directory"))
            .hint("move it, or choose another output directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Diagnostic::unreadable(shown, &error)),
    }
}

fn absolute_path(dir: &Path) -> io::Result<PathBuf> {
    let mut normal = PathBuf::new();
    for part in std::path::absolute(dir)?.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    Ok(normal)
}

/// The path without links, as far as it exists.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|ancestor| Some((crate::disk::canonical_path(ancestor).ok()?, ancestor)));
    let Some((real, ancestor)) = found else { return path.to_path_buf() };
    // joining an empty path would add a slash
    match path.strip_prefix(ancestor) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}

fn refused_directory(message: String) -> Diagnostic {
    Diagnostic::error(Rule::OutputDirectory, message)
        .note("septum deletes files that it no longer generates, so the output requires a separate directory")
        .hint("use a separate directory, such as `rendered`")
}

pub(super) fn through_link(shown: &str, link: &Path) -> Diagnostic {
    Diagnostic::error(Rule::OutputDirectory, format!("`{shown}` goes through a symbolic link, `{}`", link.display()))
        .note("files would be written and deleted outside of it")
        .hint("specify the target of the link, or remove the link")
}

pub(super) fn write_error(shown: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::unwritable(shown, error)
        .note("every file has either its old or its new content")
        .hint("free disk space or fix permissions, then render again: the next run completes this one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("outer/project");
        for directory in ["environments", "apps/a", "taken/.git", ".git"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join("file"), "").unwrap();
        (outer, root)
    }

    fn checked(root: &Path, dir: &str) -> Result<PathBuf, String> {
        let directories =
            ["environments", "apps/a"].map(|directory| crate::disk::canonical_path(root.join(directory)).unwrap());
        check_directory(&root.join(dir), dir, &SourceDirectories { root, directories: &directories })
            .map_err(|error| error.message)
    }

    #[test]
    fn a_directory_that_is_more_than_output_is_refused() {
        let (_outer, root) = project();
        for (dir, expected) in [
            ("", "the root of the project"),
            (".", "the root of the project"),
            ("rendered/..", "the root of the project"),
            ("..", "contains the project"),
            ("../..", "contains the project"),
            ("environments", "contains source files"),
            ("apps", "contains source files"),
            ("apps/a", "contains source files"),
            ("taken", "the root of a Git repository"),
            (".git/rendered", "inside a `.git` directory"),
            ("file", "is not a directory"),
        ] {
            let message = checked(&root, dir).unwrap_err();
            assert!(message.contains(expected), "{dir}: {message}");
        }
        for dir in ["rendered", "a/b/c", "../beside", "taken/rendered", "apps/a/rendered", "apps/../rendered"] {
            assert!(checked(&root, dir).is_ok(), "{dir}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_through_links_is_refused_below_the_project_and_beside_it() {
        use std::os::unix::fs::symlink;
        let (outer, root) = project();
        fs::create_dir_all(root.join("real/inner")).unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("project", root.parent().unwrap().join("beside")).unwrap();
        symlink(".", root.join("self")).unwrap();
        for dir in ["link", "link/inner", "link/new/one", "dangling", "../beside/rendered"] {
            assert!(checked(&root, dir).unwrap_err().contains("symbolic link"), "{dir}");
        }
        assert!(checked(&root, "self").unwrap_err().contains("the root of the project"));
        // a link above the project does not matter
        symlink(outer.path().join("outer"), outer.path().join("way")).unwrap();
        let through = outer.path().join("way/project");
        assert!(checked(&through, "rendered").is_ok());
    }
}
