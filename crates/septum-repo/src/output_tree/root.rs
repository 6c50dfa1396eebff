//! The output directory: paths of its files, and the entries at them.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::name::{FileName, TargetName};
use crate::disk::open_unfollowed;
use crate::secret::Wiping;

/// Septum's own directory in the tree.
pub(super) const OWN: &str = ".septum";

/// Largest file that is read. No written file is larger; a foreign file in the way may be, and is not read.
const LARGEST: u64 = 64 << 20;

/// The output directory.
#[derive(Debug, Clone)]
pub(super) struct TreeRoot {
    pub(super) dir: PathBuf,
    /// Its path in messages: as given by the user.
    pub(super) shown: String,
}

impl TreeRoot {
    pub(super) fn target_directory(&self, target: &TargetName) -> PathBuf {
        self.dir.join(target.environment()).join(target.app())
    }

    pub(super) fn target_file(&self, target: &TargetName, file: &FileName) -> PathBuf {
        self.target_directory(target).join(file.as_str())
    }

    pub(super) fn own_directory(&self) -> PathBuf {
        self.dir.join(OWN)
    }

    /// Whether the tree has records.
    pub(super) fn has_own_directory(&self) -> bool {
        self.own_directory().is_dir()
    }

    pub(super) fn show(&self, target: &TargetName, file: &FileName) -> String {
        format!("{}/{target}/{file}", self.shown)
    }

    pub(super) fn find_entry(&self, target: &TargetName, file: &FileName) -> io::Result<TreeEntry> {
        read_entry(&self.target_file(target, file))
    }
}

/// Entry of the tree at a path.
pub(super) enum TreeEntry {
    Nothing,
    File(Wiping<Vec<u8>>),
    /// A directory, a link, a device, or a file larger than any written one.
    Other,
}

/// Reads the entry: thousands of files are read in each run, so that each system call counts.
pub(super) fn read_entry(path: &Path) -> io::Result<TreeEntry> {
    let read = || -> io::Result<TreeEntry> {
        let mut file = open_unfollowed(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Ok(TreeEntry::Other);
        }
        let mut bytes = Wiping::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
        file.read_to_end(&mut bytes)?;
        Ok(TreeEntry::File(bytes))
    };
    match read() {
        // a file in the place of a directory is reported when a file would be written there
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(TreeEntry::Nothing)
        }
        // a link and a socket cannot be opened
        Err(_) if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) => Ok(TreeEntry::Other),
        found => found,
    }
}
