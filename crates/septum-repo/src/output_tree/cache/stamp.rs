//! Stat data of files.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Stat data of a file, by which a change is noticed without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output_tree) struct FileStamp {
    pub(super) size: u64,
    inode: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
    /// Nanoseconds since 1970 of the last change of content, name or permissions.
    pub(super) changed: i64,
}

impl FileStamp {
    /// Stat data of a file or a directory; none for anything else, such as a link.
    #[cfg(unix)]
    pub(in crate::output_tree) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::symlink_metadata(path).ok().filter(|found| found.is_file() || found.is_dir())?;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Some(Self {
            size: metadata.size(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Other systems report too little, so that every file is read.
    #[cfg(not(unix))]
    pub(in crate::output_tree) fn of(_: &Path) -> Option<Self> {
        None
    }
}
