//! The tree of manifests that Git keeps: `DIR/ENV/APP/KIND-NAME.yaml`, with a `kustomization.yaml` for
//! each target, and an inventory of the files that are Septum's.
//!
//! A tree is opened, what would happen is planned, and a plan is shown or applied.
//!
//! *File ownership.* A file is Septum's if an inventory lists it, or if it has the bytes that a stopped run said it
//! would write. Septum's own files are replaced, whatever was done to them: the sources say what they hold. One that
//! is no longer generated is removed if it has the bytes that were recorded; otherwise it is kept, and each run names
//! it until it is gone. Of a Secret in plaintext no digest goes into the inventory: the machine that wrote it knows
//! whether it was edited, and elsewhere it is kept and named too. A file that is not Septum's is never touched: if
//! it is not what would be written, nothing is; if nothing is to be written there, it is named.
//!
//! *Evidence.* The inventory says whose a file is, and nothing else. What a file holds is seen by reading it and by
//! rendering. A run may skip what its own machine remembers ([`TreeCache`]), which lies where no commit reaches; who wants to
//! check a tree goes without it.
//!
//! *Whenever a run is stopped*, each file is old or new. First the inventory says what will be written
//! (the claim), then files take their names one by one, those of a new target with their directory, then stale
//! ones go, and last the inventory says what is there. The next run, of whatever targets, finds the claim and knows
//! what it means.
//!
//! *Shards* keep an inventory each, `inventory.1-of-2.json`. A file is Septum's if any of them lists it. A whole run
//! makes one of them.

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

pub use apply::ChangeSummary;
pub use cache::{CacheOptions, TreeCache};
pub use digest::digest_bytes;
pub use name::{FileName, KUSTOMIZATION, ObjectId, TargetName, file_names};
pub use place::SourceDirectories;
pub use plan::{ExistingTargets, FileChange, Lost, LostTargets, TreePlan};
pub use strays::Coverage;

use ownership::Inventories;

/// The directory in the tree that is Septum's own.
const OWN: &str = ".septum";

/// Nothing that was written is larger. What is in the way may be, and is not read.
const LARGEST: u64 = 64 << 20;

/// With fewer pieces of work, threads cost more than they give.
const MANY: usize = 8;

/// Which targets a run answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreePart {
    /// All that are asked for: the inventory is one file.
    Whole,
    /// Those of a shard: it has an inventory of its own, and leaves those of others as they are.
    Shard {
        /// Which one, from 1.
        index: usize,
        /// Of how many.
        count: usize,
    },
}

/// A tree as it is found.
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
    /// How messages call it: as it was named.
    shown: String,
}

/// A target of this run.
pub struct RenderedTarget {
    /// Its name.
    pub name: TargetName,
    /// What became of it.
    pub outcome: TargetOutcome,
}

/// What became of a target.
pub enum TargetOutcome {
    /// Nothing it is made of has changed since this machine made it, and it is intact: all stays as it is.
    Unchanged {
        /// Its inputs, if they are others now that make the same of it.
        inputs: Option<BTreeMap<String, String>>,
    },
    /// It was rendered.
    Rendered {
        /// The files that it was made of, each with a digest of its bytes as they are committed, or
        /// `absent` where one was looked for.
        inputs: BTreeMap<String, String>,
        /// What else it was made of, in one digest; none if it has to be rendered again in any case.
        state: Option<String>,
        /// Its files. Without any, it has no directory.
        files: Vec<OutputFile>,
    },
}

/// A file of a target.
pub struct OutputFile {
    /// Its name.
    pub name: FileName,
    /// What is in it.
    pub content: OutputContent,
    /// Whether secrets are in it in plaintext. Of such a file no digest is recorded.
    pub sensitivity: Sensitivity,
    /// The fingerprint of the inputs of a Secret in ciphertext.
    pub fingerprint: Option<String>,
}

/// What is in a file.
pub enum OutputContent {
    /// These bytes.
    Bytes(Wiping<Vec<u8>>),
    /// What is there already, which nobody at hand can make.
    Kept,
    /// As much as is known of something else than what is there. Such a plan can be shown, and not applied.
    Outline(String),
}

impl OutputTree {
    /// Finds the tree in a directory, which need not be there. Without a cache nothing is known but what is seen.
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

    /// What this machine remembers.
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

    /// What a target that was made here was made of besides.
    pub fn state(&self, target: &TargetName) -> Option<&str> {
        Some(&self.cache.targets().get(target)?.state)
    }

    /// The files of a target that was made here, but for its kustomization.
    pub fn made_files(&self, target: &TargetName) -> impl Iterator<Item = &FileName> {
        let made = self.cache.targets().get(target).into_iter();
        made.flat_map(|made| made.files.keys()).filter(|name| name.as_str() != KUSTOMIZATION)
    }

    /// The files of a target that an inventory lists, but for its kustomization.
    pub fn listed_files(&self, target: &TargetName) -> Vec<FileName> {
        let listed = self.inventories.of_target(target).into_keys();
        listed.filter(|name| name.as_str() != KUSTOMIZATION).collect()
    }

    /// Whether an inventory says that a file was made of inputs with this fingerprint. It may say anything.
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

    /// Whether all that was made of a target is there as this machine made it.
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

    /// Has the next run die after so many of its steps.
    #[cfg(test)]
    pub(crate) fn stop_after(&mut self, steps: usize) {
        self.disk.steps_left = Some(steps.into());
    }

    /// What would happen: nothing is written yet.
    ///
    /// Targets that are listed, not among `rendered`, and gone by `coverage` are no more: their files go. All
    /// other targets stay as they are. A shard must answer only for targets of its own.
    ///
    /// Errors: a link in the tree, something that cannot be read.
    pub fn plan(&self, rendered: Vec<RenderedTarget>, coverage: Coverage<'_>) -> Result<TreePlan, Diagnostics> {
        plan::plan_tree(self, rendered, coverage)
    }

    /// Does what was planned. Errors: a file in the way that is not Septum's (all of them are named); another run is
    /// at it or was since the tree was opened; something could not be written, and then the next run completes
    /// this one.
    pub fn apply(self, mut plan: TreePlan, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
        apply::apply_plan(&self, &mut plan, meter)
    }
}

/// What is at a path.
enum TreeEntry {
    Nothing,
    File(Wiping<Vec<u8>>),
    /// A directory, a link, a device, or a file larger than all that is written.
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

/// Thousands of files are looked at in each run, so that each question to the system counts.
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
        // a file where a directory should be is named when something would be written there
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(TreeEntry::Nothing)
        }
        // a link and a socket cannot be opened
        Err(_) if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) => Ok(TreeEntry::Other),
        found => found,
    }
}
