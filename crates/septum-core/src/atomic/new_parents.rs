//! Directories that are created for a new file.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use super::{Access, sync_directory};

/// Directories that did not exist, readable by their owner alone. They are removed unless they are kept.
#[derive(Debug)]
pub struct NewParents {
    /// The innermost last.
    created: Vec<PathBuf>,
}

impl NewParents {
    /// Creates the missing directories above a file, which is at a path without links.
    pub fn create_above(file: &Path, access: Access) -> io::Result<Self> {
        let is_missing =
            |directory: &&Path| !directory.as_os_str().is_empty() && fs::symlink_metadata(directory).is_err();
        let missing: Vec<&Path> = file.ancestors().skip(1).take_while(is_missing).collect();
        let mut new = Self { created: Vec::new() };
        for directory in missing.into_iter().rev() {
            match builder(access).create(directory) {
                Ok(()) => new.created.push(directory.to_path_buf()),
                // another process was faster
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(new)
    }

    /// Keeps the directories.
    pub fn keep(mut self) {
        for directory in self.created.drain(..) {
            directory.parent().into_iter().for_each(sync_directory);
        }
    }
}

impl Drop for NewParents {
    fn drop(&mut self) {
        // one that is not empty has the file of another process
        self.created.iter().rev().for_each(|directory| drop(fs::remove_dir(directory)));
    }
}

#[cfg(unix)]
fn builder(access: Access) -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    if access == Access::Owner {
        builder.mode(0o700);
    }
    builder
}

#[cfg(not(unix))]
fn builder(_: Access) -> DirBuilder {
    DirBuilder::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_directories_vanish_unless_they_are_kept() {
        let above = tempfile::tempdir().unwrap();
        let file = above.path().join("a/b/file");
        drop(NewParents::create_above(&file, Access::Owner).unwrap());
        assert!(!above.path().join("a").exists());
        NewParents::create_above(&file, Access::Owner).unwrap().keep();
        drop(NewParents::create_above(&above.path().join("a/b/c/file"), Access::Owner).unwrap());
        assert!(above.path().join("a/b").is_dir() && !above.path().join("a/b/c").exists());
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_leaves_nothing() {
        let above = tempfile::tempdir().unwrap();
        fs::write(above.path().join("a"), "").unwrap();
        assert!(NewParents::create_above(&above.path().join("a/b/file"), Access::Owner).is_err());
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1);
    }
}
