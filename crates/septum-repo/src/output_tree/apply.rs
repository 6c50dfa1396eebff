//! Execution of a plan, in an order that may be interrupted anywhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::cache::CacheUpdate;
use super::digest::digest_bytes;
use super::disk::SyncPoint;
use super::lock::{self, Busy, Lock};
use super::name::{FileName, TargetName};
use super::ownership::show_inventory;
use super::plan::{ChangeSummary, TreePlan, foreign_files};
use super::root::{OWN, TreeEntry, TreeRoot};
use super::shard::Shard;
use super::target_plan::{FileRemoval, FileWrite};
use super::{MANY, OutputTree, place};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk;
use crate::meter::{Meter, ProgressUnit};
use crate::parallel::par_map;
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::CollectSorted;

pub(super) fn apply_plan(tree: &OutputTree, plan: &mut TreePlan, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
    if let Some(obstacle) = plan.obstacle() {
        // files of a run that began in the meantime must not be moved or removed
        let is_alone = tree.inventories.are_current(&tree.root, tree.shard)?;
        return Err(if is_alone { obstacle } else { written_by_another(&tree.root) }.into());
    }
    let run = ApplyRun {
        tree,
        meter,
        drafts: draft_directory(tree),
        number: AtomicUsize::new(0),
        is_disk_full: AtomicBool::new(false),
    };
    if plan.is_clean() {
        run.remember(std::mem::take(&mut plan.cache));
        return Ok(plan.summary);
    }
    let lock = run.lock()?;
    let done = run.check_plan().map_err(Diagnostics::from).and_then(|()| run.carry_out(plan));
    if done.is_ok() {
        run.remember(std::mem::take(&mut plan.cache));
    }
    // leftovers do no harm, and the next run tries again
    let _ = run.tidy();
    drop(lock);
    done.map(|()| plan.summary)
}

/// Directory of new files until they are renamed: on the file system of the tree.
fn draft_directory(tree: &OutputTree) -> PathBuf {
    let all = tree.root.own_directory().join(DRAFTS);
    match tree.shard {
        None => all.join("whole"),
        Some(Shard { index, count }) => all.join(format!("{index}-of-{count}")),
    }
}

/// The directory of drafts.
const DRAFTS: &str = "tmp";

struct ApplyRun<'a> {
    tree: &'a OutputTree,
    meter: &'a Meter,
    drafts: PathBuf,
    /// Number of the next draft.
    number: AtomicUsize,
    /// Whether there is no space for more.
    is_disk_full: AtomicBool,
}

/// Error for a target that could not be written.
#[derive(Clone)]
enum WriteFailure {
    File(Diagnostic),
    /// There is no space for this target, nor for others.
    DiskFull(Diagnostic),
}

impl From<WriteFailure> for Diagnostic {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::File(diagnostic) | WriteFailure::DiskFull(diagnostic) => diagnostic,
        }
    }
}

impl ApplyRun<'_> {
    /// Lock against other runs.
    fn lock(&self) -> Result<Lock, Diagnostic> {
        let OutputTree { root, shard, disk, .. } = self.tree;
        let own = root.own_directory();
        // drafts are removed with their whole directory: a link would take other files with it
        for directory in [self.drafts.parent().unwrap_or(&own), &self.drafts] {
            place::refuse_link(directory, &format!("{}/{DRAFTS}", self.show_own()))?;
        }
        let make = || match disk.make_directories(&self.drafts) {
            // another shard was the last and removed the directory above
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            made => made,
        };
        let lock = disk.make_directories(&own).and_then(|()| match shard {
            None => lock::alone(&own),
            Some(_) => lock::beside(&own, &self.drafts, make),
        });
        lock.map_err(|error| place::write_error(&self.show_own(), &error))?.map_err(|Busy| {
            Diagnostic::error(Rule::OutputBusy, format!("another run is writing to `{}`", root.shown))
                .note("nothing was written")
                .hint("wait until it finishes, then render again")
        })
    }

    fn show_own(&self) -> String {
        format!("{}/{OWN}", self.tree.root.shown)
    }

    /// Checks that the plan is still valid, and removes the leftovers of a stopped run.
    fn check_plan(&self) -> Result<(), Diagnostic> {
        let OutputTree { root, shard, inventories, .. } = self.tree;
        if !inventories.are_current(root, *shard)? {
            return Err(written_by_another(root));
        }
        self.clear().map_err(|error| place::write_error(&self.show_own(), &error))
    }

    fn clear(&self) -> io::Result<()> {
        let disk = &self.tree.disk;
        match self.tree.shard {
            None => {
                if let Some(all) = self.drafts.parent().filter(|all| all.exists()) {
                    disk.remove_drafts(all)?;
                }
                disk.make_directories(&self.drafts)?;
            }
            // the lock is on its directory, so it stays
            Some(_) => {
                for entry in fs::read_dir(&self.drafts)? {
                    let entry = entry?;
                    if entry.file_type()?.is_dir() {
                        disk.remove_drafts(&entry.path())?;
                    } else {
                        disk.remove(&entry.path())?;
                    }
                }
            }
        }
        // the leftovers of a killed run may be a Secret, and must not get into a commit
        let ignored = self.drafts.join(".gitignore");
        disk.replace(&ignored, &self.next_draft(), b"*\n", None, Sensitivity::Plain, SyncPoint::Later)
    }

    fn tidy(&self) -> io::Result<()> {
        let disk = &self.tree.disk;
        disk.remove_drafts(&self.drafts)?;
        let Some(all) = self.drafts.parent() else { return Ok(()) };
        // of shards that were stopped, and that may never run again
        for entry in fs::read_dir(all)?.filter_map(Result::ok) {
            if let Some(_lock) = lock::abandoned(&entry.path()) {
                disk.remove_drafts(&entry.path())?;
            }
        }
        disk.remove_empty(all)
    }

    /// Saves the outcome to the cache. If that fails, the work is repeated the next time.
    fn remember(&self, update: CacheUpdate) {
        let _ = self.tree.cache.save(update);
    }

    /// Remembers which Secrets in plaintext may be there from now on, and those that were: after a run that is
    /// stopped, they must not be treated as foreign files.
    fn announce(&self, plan: &TreePlan) -> Result<(), Diagnostic> {
        let cache = &self.tree.cache;
        let written = plan.writes.iter().filter(|write| write.sensitivity == Sensitivity::Sensitive);
        let written = written.map(|write| &write.target).collect_set();
        let written = written.into_iter().filter_map(|target| Some((target, plan.cache.secrets.get(target)?)));
        let announced = written.map(|(target, secrets)| {
            let mut digests = cache.secrets(target).cloned().unwrap_or_default();
            for (file, new) in secrets {
                digests.entry(file.clone()).or_default().extend(new.iter().cloned());
            }
            (target.clone(), digests)
        });
        let secrets = announced.collect_map();
        if secrets.is_empty() {
            return Ok(());
        }
        self.tree.disk.step().map_err(|error| place::write_error(&self.show_own(), &error))?;
        self.remember(CacheUpdate { secrets, ..CacheUpdate::default() });
        Ok(())
    }

    fn next_draft(&self) -> PathBuf {
        self.drafts.join(self.number.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn carry_out(&self, plan: &mut TreePlan) -> Result<(), Diagnostics> {
        self.announce(plan)?;
        let page = &plan.inventory;
        let meanwhile = page.claim.as_ref().or(page.old.as_ref());
        // on the disk before there are thousands of files, all of which the system would have to write first
        let new = (meanwhile != Some(&page.new)).then(|| self.draft_inventory(&page.name, &page.new)).transpose()?;
        if let Some(claim) = page.claim.as_ref().filter(|claim| page.old.as_ref() != Some(claim)) {
            let draft = self.draft_inventory(&page.name, claim)?;
            self.record(&page.name, &draft)?;
            self.tree.disk.sync(&self.tree.root.own_directory());
        }
        // the claim now contains their records
        for name in &page.obsolete {
            let removed = self.tree.disk.remove(&self.tree.root.own_directory().join(name));
            removed.map_err(|error| place::write_error(&show_inventory(&self.tree.root, name), &error))?;
        }
        self.write_all(&mut plan.writes)?;
        for removal in &plan.removals {
            self.remove(removal)?;
        }
        for target in &plan.emptied {
            self.remove_directory(target);
        }
        self.remove_leftovers(plan);
        if let Some(draft) = new {
            self.record(&page.name, &draft)?;
        }
        Ok(())
    }

    /// Removes the leftovers of an earlier version, or of a stopped run, in Septum's own directory.
    fn remove_leftovers(&self, plan: &TreePlan) {
        for name in plan.strays.leftovers.iter().filter(|name| *name != DRAFTS) {
            let _ = self.tree.disk.remove(&self.tree.root.own_directory().join(name));
        }
    }

    /// An inventory that is on the disk and has no name yet.
    fn draft_inventory(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Diagnostic> {
        let OutputTree { root, disk, .. } = self.tree;
        let permissions = fs::symlink_metadata(root.own_directory().join(name)).ok().map(|there| there.permissions());
        let draft = self.next_draft();
        let written = disk.write_draft(&draft, bytes, permissions, Sensitivity::Plain, SyncPoint::Now);
        written.map(|()| draft).map_err(|error| place::write_error(&show_inventory(root, name), &error))
    }

    fn record(&self, name: &str, draft: &Path) -> Result<(), Diagnostic> {
        let OutputTree { root, disk, .. } = self.tree;
        disk.rename_draft(draft, &root.own_directory().join(name))
            .map_err(|error| place::write_error(&show_inventory(root, name), &error))
    }

    /// Writes all targets. Where some cannot be written, the others are, unless the disk is full.
    fn write_all(&self, writes: &mut [FileWrite]) -> Result<(), Diagnostics> {
        self.meter.expect(ProgressUnit::Files, writes.len());
        let is_together = |one: &FileWrite, other: &FileWrite| one.target == other.target;
        let write = |writes: &mut [FileWrite]| self.write_target(writes).err();
        let few = if writes.len() > MANY { 0 } else { usize::MAX };
        let failed = par_map(writes.chunk_by_mut(is_together).collect(), few, write);
        let failed: Vec<_> = failed.into_iter().flatten().collect();
        let full = failed.iter().find(|failure| matches!(failure, WriteFailure::DiskFull(_))).cloned();
        let others = failed.into_iter().filter(|failure| matches!(failure, WriteFailure::File(_)));
        let found: Diagnostics = others.chain(full).map(Diagnostic::from).collect();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Writes the files of a target, a new one with its directory.
    fn write_target(&self, writes: &mut [FileWrite]) -> Result<(), WriteFailure> {
        let OutputTree { root, disk, .. } = self.tree;
        let Some(FileWrite { target, file, .. }) = writes.first() else { return Ok(()) };
        if self.is_disk_full.load(Ordering::Relaxed) {
            return Ok(());
        }
        let directory = root.target_directory(target);
        let make = || {
            disk.make_directory(&root.dir.join(target.environment()))?;
            if let Err(error) = fs::symlink_metadata(&directory)
                && error.kind() == io::ErrorKind::NotFound
            {
                return self.write_directory(writes, &directory).map(|()| true);
            }
            disk.make_directory(&directory).map(|()| false)
        };
        let is_written = make().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                WriteFailure::File(appeared_file(root, target, file))
            }
            _ => self.write_failure(target, file, &error),
        })?;
        if !is_written {
            writes.iter().try_for_each(|write| self.write(write))?;
        }
        // wiped at once, and by the thread that wrote them: freeing so much takes one thread too long
        for write in &mut *writes {
            write.bytes = Wiping::default();
        }
        self.meter.advance(ProgressUnit::Files, writes.len());
        Ok(())
    }

    fn write_failure(&self, target: &TargetName, file: &FileName, error: &io::Error) -> WriteFailure {
        let root = &self.tree.root;
        if disk::is_full(error) {
            self.is_disk_full.store(true, Ordering::Relaxed);
            // which file met the end of the space depends on the threads
            return WriteFailure::DiskFull(place::write_error(&root.shown, error));
        }
        WriteFailure::File(place::write_error(&root.show(target, file), error))
    }

    /// Writes a directory that does not exist, under another name until it is complete: one change of a directory in
    /// place of one for each file.
    fn write_directory(&self, writes: &[FileWrite], directory: &Path) -> io::Result<()> {
        let disk = &self.tree.disk;
        let draft = self.next_draft();
        disk.make_directory(&draft)?;
        for FileWrite { file, bytes, sensitivity, .. } in writes {
            disk.write_draft(&draft.join(file.as_str()), bytes, None, *sensitivity, SyncPoint::Later)?;
        }
        disk.rename_draft(&draft, directory)
    }

    fn write(&self, write: &FileWrite) -> Result<(), WriteFailure> {
        let OutputTree { root, disk, .. } = self.tree;
        let FileWrite { target, file, bytes, sensitivity, replaces, .. } = write;
        let path = root.target_file(target, file);
        let there = fs::symlink_metadata(&path).ok();
        if !replaces && there.is_some() {
            return Err(WriteFailure::File(appeared_file(root, target, file)));
        }
        let permissions = there.map(|there| there.permissions());
        disk.replace(&path, &self.next_draft(), bytes, permissions, *sensitivity, SyncPoint::Later)
            .map_err(|error| self.write_failure(target, file, &error))
    }

    fn remove(&self, FileRemoval { target, file, digest: recorded }: &FileRemoval) -> Result<(), Diagnostic> {
        let OutputTree { root, disk, .. } = self.tree;
        // once more: it may have changed since it was planned
        if matches!(root.find_entry(target, file), Ok(TreeEntry::File(bytes)) if digest_bytes(&bytes) == *recorded) {
            disk.remove(&root.target_file(target, file))
                .map_err(|error| place::write_error(&root.show(target, file), &error))?;
        }
        Ok(())
    }

    /// A directory that contains other files stays.
    fn remove_directory(&self, target: &TargetName) {
        let OutputTree { root, disk, .. } = self.tree;
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match disk.remove_empty(&root.target_directory(target)) {
            Err(error) if !is_gone(&error) => {}
            _ => drop(disk.remove_empty(&root.dir.join(target.environment()))),
        }
    }
}

fn written_by_another(root: &TreeRoot) -> Diagnostic {
    Diagnostic::error(Rule::OutputBusy, format!("another run has written to `{}`", root.shown))
        .note("nothing was written")
        .hint("render again")
}

fn appeared_file(root: &TreeRoot, target: &TargetName, file: &FileName) -> Diagnostic {
    foreign_files(root, &[root.show(target, file)]).note("it appeared while septum was writing")
}
