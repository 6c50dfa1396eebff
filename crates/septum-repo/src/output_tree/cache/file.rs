//! Files of a cache, and the trust in them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::content::CacheContent;
use super::stamp::FileStamp;
use crate::output_tree::lock;
use crate::output_tree::place::real_path;
use crate::output_tree::root::{TreeEntry, read_entry};
use crate::secret::{Secret, Wiping};

/// The length of the key of digests, in bytes.
const KEY: usize = 32;

/// The layout of a file of the cache. It changes with every type that is written to one.
const LAYOUT: u32 = 4;

/// Header of a file of the cache.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CacheHeader {
    layout: u32,
    /// Program that made it, with the digest of the key. Another program may generate different output from the same
    /// sources.
    program: String,
}

/// File of the cache.
#[derive(Debug)]
pub(super) struct CacheFile {
    pub(super) path: PathBuf,
    pub(super) key: Secret<[u8; KEY]>,
    /// Stat data of the file when it was read.
    pub(super) stamp: Option<FileStamp>,
}

impl CacheFile {
    /// Reads the content; empty if it cannot be read. The content of another program is not trusted, except for the
    /// record of written Secrets.
    pub(super) fn read(&self, program: &str) -> CacheContent {
        let decode = |bytes: &[u8]| {
            let (header, rest) = postcard::take_from_bytes::<CacheHeader>(bytes).ok()?;
            let memory: CacheContent = (header.layout == LAYOUT).then(|| postcard::from_bytes(rest).ok())??;
            let is_ours = header.program == program;
            Some(if is_ours { memory } else { CacheContent { secrets: memory.secrets, ..CacheContent::default() } })
        };
        read_own(&self.path).and_then(|bytes| decode(&bytes)).unwrap_or_default()
    }

    pub(super) fn write(&self, program: &str, memory: &CacheContent) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        // its owner's alone, as `tempfile` makes them
        let mut file = tempfile::NamedTempFile::with_prefix_in(".septum-", directory)?;
        let header = CacheHeader { layout: LAYOUT, program: program.to_owned() };
        let bytes = postcard::to_stdvec(&(&header, memory));
        file.write_all(&bytes.map_err(io::Error::other)?)?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// The cache directory, created if it does not exist; none if it cannot be trusted: it is in a work tree, or others
/// than the user can write to it.
pub(super) fn usable_directory(dir: &Path, roots: &[&Path]) -> Option<PathBuf> {
    let outside = |dir: &Path| {
        let in_work_tree = |root: &Path| {
            // a repository may be inside the work tree of another one
            let work_trees = root.ancestors().filter(|directory| directory.join(".git").exists());
            work_trees.chain([root]).any(|root| dir.starts_with(root))
        };
        !roots.iter().any(|root| in_work_tree(root) || in_work_tree(&real_path(root)))
    };
    if !outside(dir) || !outside(&real_path(dir)) {
        return None;
    }
    make(dir).ok()?;
    let dir = crate::disk::canonical_path(dir).ok()?;
    let is_own = fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir() && is_own(&found));
    (outside(&dir) && is_own).then_some(dir)
}

/// A file of the cache; none if others than the user can write to it, or could do so while they had access to the
/// directory.
fn read_own(path: &Path) -> Option<Wiping<Vec<u8>>> {
    let is_own = fs::symlink_metadata(path).is_ok_and(|found| is_own(&found));
    match read_entry(path).ok().filter(|_| is_own)? {
        TreeEntry::File(bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(unix)]
fn make(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Whether only the user owns and can write to a file or directory.
#[cfg(unix)]
fn is_own(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    true
}

/// The key of this machine, created if it does not exist.
pub(super) fn machine_key(directory: &Path) -> Option<Secret<[u8; KEY]>> {
    let path = directory.join("key");
    let known = || <[u8; KEY]>::try_from(read_own(&path)?.as_slice()).ok().map(Secret::new);
    if let Some(key) = known() {
        return Some(key);
    }
    let mut bytes = [0; KEY];
    getrandom::getrandom(&mut bytes).ok()?;
    let mut file = tempfile::NamedTempFile::with_prefix_in(".septum-", directory).ok()?;
    file.write_all(&bytes).ok()?;
    let _lock = lock::exclusive(&directory.join("key.lock")).ok()?;
    // another run may have made one meanwhile
    if let Some(key) = known() {
        return Some(key);
    }
    file.persist(&path).ok()?;
    known()
}
