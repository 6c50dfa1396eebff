//! Tree of manifests that Git keeps: `DIR/ENV/APP/KIND-NAME.yaml`, with a `kustomization.yaml` for each target, and
//! an inventory of the files that are Septum's.
//!
//! A tree is opened, the changes are planned, and the plan is shown or applied.
//!
//! *File ownership.* A file is Septum's if an inventory lists it, or if it has the bytes that a stopped run had
//! announced. Septum's own files are replaced, however they were edited: the sources define their content. One that
//! is no longer generated is removed if it has the bytes that were recorded; otherwise it is kept, and each run
//! reports it until it is gone. Of a Secret in plaintext no digest goes into the inventory: the machine that wrote it
//! knows whether it was edited, and elsewhere it is kept and reported too. A file that is not Septum's is never
//! touched: if it is in the way and has other bytes, nothing is written; if no file is to be written there, it is
//! reported.
//!
//! *Evidence.* The inventory records the ownership of files, and nothing else. The content of a file is known only by
//! reading it and by rendering. A run may skip targets that its own machine remembers ([`TreeCache`]), in a cache
//! that no commit reaches; a run that checks a tree goes without it.
//!
//! *Whenever a run is stopped*, each file is old or new. First the inventory lists the files that will be written
//! (the claim), then files get their names one by one, those of a new target with their directory, then stale ones
//! are removed, and last the inventory lists the files that exist. The next run, of whatever targets, finds the claim
//! and completes it.
//!
//! *Shards* keep an inventory each, `inventory.1-of-2.json`. A file is Septum's if any of them lists it. A whole run
//! merges them into one.

mod apply;
mod cache;
mod diff;
mod digest;
mod disk;
mod hide;
mod inventory;
mod lock;
mod name;
mod ownership;
mod place;
mod plan;
mod strays;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::disk::open_unfollowed;
use crate::meter::Meter;
use crate::parallel;
use crate::route::Sensitivity;
use crate::secret::Wiping;

pub use cache::{CacheOptions, TreeCache};
pub use digest::digest_bytes;
pub use name::{FileName, KUSTOMIZATION, ObjectId, TargetName, file_names};
pub use place::SourceDirectories;
pub use plan::{ChangeSummary, ExistingTargets, FileChange, Lost, LostTargets, TreePlan};
pub use strays::Coverage;

use ownership::Inventories;

/// Septum's own directory in the tree.
const OWN: &str = ".septum";

/// Largest file that is read. No written file is larger; a foreign file in the way may be, and is not read.
const LARGEST: u64 = 64 << 20;

/// Number of items from which threads are worth their cost.
const MANY: usize = 8;

/// Targets that a run is responsible for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreePart {
    /// All requested targets: the inventory is one file.
    Whole,
    /// The targets of a shard: it has an inventory of its own, and leaves those of others as they are.
    Shard {
        /// Number of the shard, from 1.
        index: usize,
        /// Number of shards.
        count: usize,
    },
}

/// A tree with its current records.
#[derive(Debug)]
pub struct OutputTree {
    root: TreeRoot,
    part: TreePart,
    inventories: Inventories,
    cache: TreeCache,
    disk: disk::TreeDisk,
}

/// The output directory.
#[derive(Debug, Clone)]
struct TreeRoot {
    dir: PathBuf,
    /// Its path in messages: as given by the user.
    shown: String,
}

/// A target of this run.
pub struct RenderedTarget {
    /// Its name.
    pub name: TargetName,
    /// Its outcome.
    pub outcome: TargetOutcome,
}

/// Outcome of a target.
pub enum TargetOutcome {
    /// None of its inputs has changed since this machine made it, and it is intact: all stays as it is.
    Unchanged {
        /// Its new inputs, if they differ and produce the same output.
        inputs: Option<BTreeMap<String, String>>,
    },
    /// It was rendered.
    Rendered {
        /// The files that it was made of, each with a digest of its bytes as they are committed, or `absent` for a
        /// file that was looked for and does not exist.
        inputs: BTreeMap<String, String>,
        /// Digest of everything else it was made of; none if it has to be rendered again in any case.
        state: Option<String>,
        /// Its files. Without any, it has no directory.
        files: Vec<OutputFile>,
    },
}

/// A file of a target.
pub struct OutputFile {
    /// Its name.
    pub name: FileName,
    /// Its content.
    pub content: OutputContent,
    /// Sensitivity of its content. Of a file with secrets in plaintext no digest is recorded.
    pub sensitivity: Sensitivity,
    /// The fingerprint of the inputs of a Secret in ciphertext.
    pub fingerprint: Option<String>,
}

/// Content of a file.
pub enum OutputContent {
    /// These bytes.
    Bytes(Wiping<Vec<u8>>),
    /// The existing content, which cannot be generated with the available keys.
    Kept,
    /// Known part of a content that differs from the existing one. Such a plan can be shown, but not applied.
    Outline(String),
}

impl OutputTree {
    /// Finds the tree in a directory, which need not exist. Without a cache, every file is read.
    ///
    /// Errors: the directory is one where stale files must not be removed (see [`SourceDirectories`]), the path goes
    /// through a symbolic link, or an inventory cannot be read.
    pub fn open(
        dir: &Path,
        sources: &SourceDirectories<'_>,
        part: TreePart,
        cache: Option<&CacheOptions>,
    ) -> Result<Self, Diagnostics> {
        let shown = match dir.display().to_string().trim_end_matches('/') {
            "" => "/".to_owned(),
            shown => shown.to_owned(),
        };
        let root = TreeRoot { dir: place::check_directory(dir, &shown, sources)?, shown };
        // megabytes of text in a big tree
        let is_there = root.own_directory().is_dir();
        let remembered = || cache.map_or_else(TreeCache::none, |options| TreeCache::open(options, &root, sources.root));
        let (inventories, cache) = parallel::par_join(is_there, || Inventories::read(&root, part), remembered);
        Ok(Self { inventories: inventories?, root, part, cache, disk: disk::TreeDisk::default() })
    }

    /// The machine-local cache.
    pub fn cache(&self) -> &TreeCache {
        &self.cache
    }

    /// The inputs of each target that was made here, with their digests.
    pub fn made_targets(&self) -> impl Iterator<Item = (&TargetName, impl Iterator<Item = (&str, &str)>)> {
        self.cache.targets().iter().map(|(target, made)| (target, self.cache.inputs(made)))
    }

    /// The inputs of a target that was made here, with their digests; none if it was not.
    pub fn inputs(&self, target: &TargetName) -> Option<impl Iterator<Item = (&str, &str)>> {
        Some(self.cache.inputs(self.cache.targets().get(target)?))
    }

    /// Digest of everything besides its inputs that a target was made of here.
    pub fn state(&self, target: &TargetName) -> Option<&str> {
        Some(&self.cache.targets().get(target)?.state)
    }

    /// The files of a target that was made here, except its kustomization.
    pub fn made_files(&self, target: &TargetName) -> impl Iterator<Item = &FileName> {
        let made = self.cache.targets().get(target).into_iter();
        made.flat_map(|made| made.files.keys()).filter(|name| name.as_str() != KUSTOMIZATION)
    }

    /// The files of a target that an inventory lists, except its kustomization.
    pub fn listed_files(&self, target: &TargetName) -> Vec<FileName> {
        let listed = self.inventories.of_target(target).into_keys();
        listed.filter(|name| name.as_str() != KUSTOMIZATION).collect()
    }

    /// Whether an inventory records that a file was made of inputs with this fingerprint. The record is no evidence.
    pub fn has_inputs(&self, target: &TargetName, file: &FileName, fingerprint: &str) -> bool {
        self.inventories.of_target(target).get(file).is_some_and(|ownership| ownership.inputs.contains(fingerprint))
    }

    /// The bytes of a file of a target, if there is one.
    pub fn committed_bytes(&self, target: &TargetName, file: &FileName) -> Option<Wiping<Vec<u8>>> {
        match self.root.find_entry(target, file) {
            Ok(TreeEntry::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Whether all files of a target are as this machine made them.
    pub fn is_intact(&self, target: &TargetName) -> bool {
        let Some(made) = self.cache.targets().get(target) else { return false };
        made.files.iter().all(|(file, made)| {
            let digest = |bytes: Wiping<Vec<u8>>| match made.owned.digest {
                Some(_) => digest_bytes(&bytes),
                None => self.cache.digest(&bytes),
            };
            let path = self.root.target_file(target, file);
            let found = self.cache.remembered_digest(&path, || self.committed_bytes(target, file).map(digest));
            found.as_ref() == Some(&made.digest)
        })
    }

    /// Makes the next run stop after a number of its steps.
    #[cfg(test)]
    pub(crate) fn stop_after(&mut self, steps: usize) {
        self.disk.steps_left = Some(steps.into());
    }

    /// Plans the changes: nothing is written yet.
    ///
    /// Targets that are listed, not among `rendered`, and gone by `coverage` no longer exist: their files are
    /// removed. All other targets stay as they are. A shard must include only targets of its own.
    ///
    /// Errors: a link in the tree, or an entry that cannot be read.
    pub fn plan(&self, rendered: Vec<RenderedTarget>, coverage: Coverage<'_>) -> Result<TreePlan, Diagnostics> {
        plan::plan_tree(self, rendered, coverage)
    }

    /// Applies the plan. Errors: files in the way that are not Septum's (all of them are named); another run is in
    /// progress or took place since the tree was opened; a file could not be written, and then the next run completes
    /// this one.
    pub fn apply(self, mut plan: TreePlan, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
        apply::apply_plan(&self, &mut plan, meter)
    }
}

/// Entry of the tree at a path.
enum TreeEntry {
    Nothing,
    File(Wiping<Vec<u8>>),
    /// A directory, a link, a device, or a file larger than any written one.
    Other,
}

impl TreeRoot {
    fn target_directory(&self, target: &TargetName) -> PathBuf {
        self.dir.join(target.environment()).join(target.app())
    }

    fn target_file(&self, target: &TargetName, file: &FileName) -> PathBuf {
        self.target_directory(target).join(file.as_str())
    }

    fn own_directory(&self) -> PathBuf {
        self.dir.join(OWN)
    }

    fn show(&self, target: &TargetName, file: &FileName) -> String {
        format!("{}/{target}/{file}", self.shown)
    }

    fn find_entry(&self, target: &TargetName, file: &FileName) -> io::Result<TreeEntry> {
        read_entry(&self.target_file(target, file))
    }
}

/// Reads the entry: thousands of files are read in each run, so that each system call counts.
fn read_entry(path: &Path) -> io::Result<TreeEntry> {
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
