//! Tree of manifests that Git keeps: `DIR/ENV/APP/KIND-NAME.yaml`, with a `kustomization.yaml` for each target, and
//! an inventory of the files that are Septum's.
//!
//! A request ([`RenderRequest`]) names the targets. The tree is opened, targets that changed are rendered, the changes
//! are planned ([`Publication`]), and the plan is shown or applied.
//!
//! *Rendering.* A target is left alone while its inputs and its files match the cache of this machine. To check a
//! tree, every target is rendered. An environment that cannot be decrypted is rendered except for its secrets; its
//! Secrets are compared except for their ciphertext, and listed as unverified.
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
//! reading it and by rendering. A run may skip targets that its own machine remembers (`cache`), in a cache
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
mod clash;
mod delivery;
mod diff;
mod digest;
mod disk;
mod duplicates;
mod exposed;
mod former;
mod hide;
mod inventory;
mod left_out;
mod lock;
mod lost;
mod name;
mod namesakes;
mod output;
mod ownership;
mod place;
mod plan;
mod publication;
mod render;
mod request;
mod root;
mod shard;
mod strays;
mod target_plan;

use std::path::Path;

use crate::diagnostic::{Diagnostics, shown_path};
use crate::meter::Meter;
use crate::parallel;
use crate::secret::Wiping;

pub use cache::CacheOptions;
pub use delivery::{certificate_day, deliver_objects, deliver_unscanned, object_sites};
pub use duplicates::{ObjectSite, find_duplicates, find_duplicates_beside_namesakes};
pub use name::{FileName, TargetName, file_names};
pub use namesakes::find_namesakes;
pub use output::{UnverifiedFile, VerificationState};
pub use plan::{ChangeSummary, FileChange, TreePlan};
pub use publication::{Publication, plan_publication};
pub use request::{OnLostEnvironment, PublishIntent, RenderRequest};
pub use shard::Shard;

use cache::{FormerInputs, TreeCache};
use digest::digest_bytes;
use left_out::LeftOutFiles;
use name::KUSTOMIZATION;
use output::RenderedTarget;
use ownership::Inventories;
use place::SourceDirectories;
use root::{TreeEntry, TreeRoot};
use strays::Coverage;

/// Number of items from which threads are worth their cost.
const MANY: usize = 8;

/// A tree with its current records.
#[derive(Debug)]
struct OutputTree {
    root: TreeRoot,
    /// The part of the targets that this run is responsible for; none for all of them.
    shard: Option<Shard>,
    inventories: Inventories,
    cache: TreeCache,
    disk: disk::TreeDisk,
    /// Files that a sparse checkout leaves out.
    left_out: LeftOutFiles,
}

impl OutputTree {
    /// Finds the tree in a directory, which need not exist. Without a cache, every file is read.
    ///
    /// Errors: the directory is one where stale files must not be removed (see [`SourceDirectories`]), the path goes
    /// through a symbolic link, or an inventory cannot be read.
    fn open(
        dir: &Path,
        sources: &SourceDirectories<'_>,
        shard: Option<Shard>,
        cache: Option<&CacheOptions>,
    ) -> Result<Self, Diagnostics> {
        let shown = match shown_path(dir).trim_end_matches('/') {
            "" => "/".to_owned(),
            shown => shown.to_owned(),
        };
        let root = TreeRoot { dir: place::check_directory(dir, &shown, sources)?, shown };
        let left_out = LeftOutFiles::of(&root);
        left_out.check_inventory()?;
        // megabytes of text in a big tree
        let is_there = root.has_own_directory();
        let remembered = || cache.map_or_else(TreeCache::none, |options| TreeCache::open(options, &root, sources.root));
        let (inventories, cache) = parallel::par_join(is_there, || Inventories::read(&root, shard), remembered);
        Ok(Self { inventories: inventories?, root, shard, cache, disk: disk::TreeDisk::default(), left_out })
    }

    /// The machine-local cache.
    fn cache(&self) -> &TreeCache {
        &self.cache
    }

    /// The inputs of each target that was made here.
    fn made_targets(&self) -> impl Iterator<Item = (&TargetName, FormerInputs<'_>)> {
        self.cache.targets().iter().filter_map(|(target, made)| Some((target, self.cache.inputs(made)?)))
    }

    /// The inputs of a target that was made here; none if it was not.
    fn inputs(&self, target: &TargetName) -> Option<FormerInputs<'_>> {
        self.cache.inputs(self.cache.targets().get(target)?)
    }

    /// Digest of everything besides its inputs that a target was made of here.
    fn state(&self, target: &TargetName) -> Option<&str> {
        Some(&self.cache.targets().get(target)?.state)
    }

    /// The files of a target that was made here, except its kustomization.
    fn made_files(&self, target: &TargetName) -> impl Iterator<Item = &FileName> {
        let made = self.cache.targets().get(target).into_iter();
        made.flat_map(|made| made.files.keys()).filter(|name| name.as_str() != KUSTOMIZATION)
    }

    /// The files of a target that an inventory lists, except its kustomization.
    fn listed_files(&self, target: &TargetName) -> Vec<FileName> {
        let listed = self.inventories.of_target(target).into_keys();
        listed.filter(|name| name.as_str() != KUSTOMIZATION).collect()
    }

    /// Whether an inventory records that a file was made of inputs with this fingerprint. The record is no evidence.
    fn has_inputs(&self, target: &TargetName, file: &FileName, fingerprint: &str) -> bool {
        self.inventories.of_target(target).get(file).is_some_and(|ownership| ownership.inputs.contains(fingerprint))
    }

    /// The bytes of a file of a target, if there is one.
    fn committed_bytes(&self, target: &TargetName, file: &FileName) -> Option<Wiping<Vec<u8>>> {
        match self.root.find_entry(target, file) {
            Ok(TreeEntry::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Whether all files of a target are as this machine made them.
    fn is_intact(&self, target: &TargetName) -> bool {
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
    fn stop_after(&mut self, steps: usize) {
        self.disk.steps_left = Some(steps.into());
    }

    /// Plans the changes: nothing is written yet.
    ///
    /// Targets that are listed, not among `rendered`, and gone by `coverage` no longer exist: their files are
    /// removed. All other targets stay as they are. A shard must include only targets of its own.
    ///
    /// Errors: a link in the tree, or an entry that cannot be read.
    fn plan(&self, rendered: Vec<RenderedTarget>, coverage: Coverage<'_>) -> Result<TreePlan, Diagnostics> {
        plan::plan_tree(self, rendered, coverage)
    }

    /// Applies the plan. Errors: files in the way that are not Septum's (all of them are named); another run is in
    /// progress or took place since the tree was opened; a file could not be written, and then the next run completes
    /// this one.
    fn apply(self, mut plan: TreePlan, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
        apply::apply_plan(&self, &mut plan, meter)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]
mod tests;
