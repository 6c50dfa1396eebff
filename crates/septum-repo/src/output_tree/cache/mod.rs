//! Machine-local cache of a tree, which saves a run from repeating work.
//!
//! It is outside of every work tree, in the cache directory of the user, so that no committed file is trusted. To
//! lose it, or to find it damaged, costs time only. It holds
//!
//! * the inputs and the outcome of each target: where neither changed, it is not rendered again;
//! * the stat data of files when they were read. This is the method of Git's index: a file is unchanged if its size,
//!   its inode and both its times are the same, since each change of its content sets the time of change, which no
//!   program can set to another. Only within the tick of a clock would a change not be seen, so a file that was
//!   changed a moment ago is not noted;
//! * digests of Secrets in plaintext that were written, or were about to be when a run was stopped: they distinguish
//!   an edited one from one that may be removed. They are keyed, and the key never leaves the machine.

mod content;
mod file;
mod inputs;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

pub(super) use content::{CacheUpdate, MadeFile, MadeTarget, SecretDigests};
pub(super) use inputs::{FormerInputs, TargetInputs};
pub(super) use stamp::FileStamp;

use super::digest::digest_bytes;
use super::lock;
use super::name::{FileName, TargetName};
use super::place::real_path;
use super::root::TreeRoot;
use crate::map::HashMap;
use content::CacheContent;
use file::{CacheFile, machine_key, usable_directory};

/// File systems and kernels have a clock resolution of two seconds at most (FAT).
const SETTLED: Duration = Duration::from_secs(2);

/// Location of the cache, and the current time.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// The directory. It is not used if others than the user can write to it, or if it is in a work tree.
    pub dir: PathBuf,
    /// The time.
    pub now: SystemTime,
}

impl CacheOptions {
    /// The directory that the environment names: `SEPTUM_CACHE_DIR`, else `septum` in the cache directory of the
    /// user.
    pub fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let usual = || {
            let home = || absolute("HOME");
            let cache = if cfg!(windows) {
                absolute("LOCALAPPDATA")
            } else if cfg!(target_os = "macos") {
                absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join("Library/Caches")))
            } else {
                absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
            };
            Some(cache?.join("septum"))
        };
        absolute("SEPTUM_CACHE_DIR").or_else(usual)
    }
}

/// Machine-local cache of a tree.
#[derive(Debug)]
pub(super) struct TreeCache {
    file: Option<CacheFile>,
    memory: CacheContent,
    read: Mutex<HashMap<String, (FileStamp, String)>>,
    /// Changes later than this time are not settled.
    settled: i64,
    program: String,
}

impl TreeCache {
    /// An empty cache, for a run that must check everything.
    pub(super) fn none() -> Self {
        let (memory, program) = (CacheContent::default(), String::new());
        Self { file: None, memory, read: Mutex::default(), settled: 0, program }
    }

    /// Opens the cache of a tree of a project.
    pub(super) fn open(options: &CacheOptions, root: &TreeRoot, project: &Path) -> Self {
        let none = Self::none();
        let Some(directory) = usable_directory(&options.dir, &[&root.dir, project]) else { return none };
        let Some(key) = machine_key(&directory) else { return none };
        let name = format!("{}.cache", digest_bytes(real_path(&root.dir).as_os_str().as_encoded_bytes()));
        let path = directory.join(name);
        let file = CacheFile { stamp: FileStamp::of(&path), path, key };
        let settled = options.now.checked_sub(SETTLED).map(to_nanoseconds).unwrap_or_default();
        let program = format!("{} {}", program_version(), digest_bytes(file.key.expose()));
        let memory = file.read(&program);
        Self { file: Some(file), memory, settled, program, ..none }
    }

    /// Whether the cache is used for the next run.
    pub(super) fn is_used(&self) -> bool {
        self.file.is_some()
    }

    /// Keyed digest of bytes, which reveals nothing without the key.
    pub(super) fn digest(&self, bytes: &[u8]) -> String {
        let key = self.file.as_ref().map(|file| file.key.expose().as_slice()).unwrap_or_default();
        digest_bytes(&[key, Sha256::digest(bytes).as_slice()].concat())
    }

    /// Digest of a file, which is read if necessary.
    pub(super) fn digest_of<B: AsRef<[u8]>>(&self, path: &Path, read: impl FnOnce() -> Option<B>) -> Option<String> {
        self.remembered_digest(path, || read().map(|bytes| self.digest(bytes.as_ref())))
    }

    /// A digest of a file, which is recomputed if the stat data of the file changed.
    pub(super) fn remembered_digest(&self, path: &Path, make: impl FnOnce() -> Option<String>) -> Option<String> {
        let Some(text) = path.to_str().filter(|_| self.is_used()) else { return make() };
        if let Some((_, digest)) = self.memory.stamps.get(text).filter(|(stamp, _)| FileStamp::of(path) == Some(*stamp))
        {
            return Some(digest.clone());
        }
        let digest = make()?;
        // stat data that is taken after reading, and that did not change since before this run, belongs to the bytes
        // that were read
        if let Some(stamp) = FileStamp::of(path).filter(|stamp| self.is_settled(stamp)) {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.insert(text.to_owned(), (stamp, digest.clone()));
        }
        Some(digest)
    }

    pub(super) fn is_settled(&self, stamp: &FileStamp) -> bool {
        self.is_used() && stamp.modified < self.settled && stamp.changed < self.settled
    }

    /// The targets that were made here.
    pub(super) fn targets(&self) -> &BTreeMap<TargetName, MadeTarget> {
        &self.memory.targets
    }

    /// The inputs that a target was made of; none if the cache is damaged.
    pub(super) fn inputs<'a>(&'a self, made: &'a MadeTarget) -> Option<FormerInputs<'a>> {
        FormerInputs::find(&self.memory.inputs, &self.memory.shared_inputs, &made.inputs)
    }

    /// The digests of the Secrets in plaintext that a target may have.
    pub(super) fn secrets(&self, target: &TargetName) -> Option<&SecretDigests> {
        self.memory.secrets.get(target)
    }

    /// Whether this machine wrote, or was about to write, these bytes to a file.
    pub(super) fn has_written(&self, target: &TargetName, file: &FileName, bytes: &[u8]) -> bool {
        let has_digest = |digests: &BTreeSet<String>| digests.contains(&self.digest(bytes));
        let made = || self.memory.targets.get(target)?.files.get(file)?.owned.digest.clone();
        self.is_used()
            && (self.secrets(target).and_then(|secrets| secrets.get(file)).is_some_and(has_digest)
                || made() == Some(digest_bytes(bytes)))
    }

    /// Saves the additions of a run. Runs at the same time save theirs too: each changes only its own targets.
    pub(super) fn save(&self, update: CacheUpdate) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let changes_secrets = update
            .secrets
            .iter()
            .any(|(target, new)| self.secrets(target).map_or(!new.is_empty(), |known| known != new));
        if read.is_empty() && update.targets.is_empty() && update.directories.is_empty() && !changes_secrets {
            return Ok(());
        }
        let _lock = lock::exclusive(&file.path.with_extension("lock"))?;
        let is_same = FileStamp::of(&file.path) == file.stamp;
        let mut memory = if is_same { self.memory.clone() } else { file.read(&self.program) };
        memory.add(update);
        memory.stamps.extend(read.iter().map(|(path, stamp)| (path.clone(), stamp.clone())));
        // each is looked for on the disk: only once as many may be gone as there are files
        let count = memory.inputs.len() + memory.targets.values().map(|made| made.files.len()).sum::<usize>();
        if memory.stamps.len() > 2 * count {
            memory.stamps.retain(|path, _| read.contains_key(path) || Path::new(path).exists());
        }
        file.write(&self.program, &memory)
    }
}

/// The running program: its version, and its stat data.
fn program_version() -> String {
    let stamp = std::env::current_exe().ok().and_then(|path| FileStamp::of(&path));
    let (size, modified) = stamp.map(|stamp| (stamp.size, stamp.modified)).unwrap_or_default();
    format!("septum {} {size} {modified}", env!("CARGO_PKG_VERSION"))
}

fn to_nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map(|since| since.as_nanos()).unwrap_or_default();
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
