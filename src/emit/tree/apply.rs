//! A plan carried out, in an order that may stop anywhere.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::disk::Sync;
use super::local::IGNORED;
use super::lock::{self, Busy, Lock};
use super::name::{FileName, TargetName};
use super::page::show;
use super::plan::{Plan, foreign};
use super::target::{Removal, Write};
use super::{Found, MANY, OWN, OutputTree, Part, Place, digest, place};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::meter::{Meter, Unit};
use crate::route::Sensitivity;
use crate::secret::Wiping;

/// How much happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Targets that were looked at.
    pub targets: usize,
    /// Those of them without any change.
    pub unchanged: usize,
    /// Files that were not there.
    pub created: usize,
    /// Files that got other bytes.
    pub changed: usize,
    /// Files that went.
    pub removed: usize,
    /// Files that are rendered no more, and were kept because somebody may have changed them.
    pub stale: usize,
}

pub(super) fn apply(tree: &OutputTree, plan: &mut Plan, meter: &Meter) -> Result<Summary, Diagnostics> {
    let run = Run { tree, meter, drafts: drafts(tree), number: AtomicUsize::new(0) };
    if plan.is_clean() {
        run.clear_leftovers();
        run.note(plan);
        return Ok(plan.summary);
    }
    let lock = run.lock()?;
    let done = run.start().and_then(|()| run.carry_out(plan));
    if done.is_ok() {
        run.note(plan);
    }
    // leftovers are in nobody's way, and the next run tries again
    let _ = run.tidy();
    drop(lock);
    done.map(|()| plan.summary).map_err(Diagnostics::from)
}

/// Where new bytes are until they have their names: on the file system of the tree.
fn drafts(tree: &OutputTree) -> PathBuf {
    let all = tree.place.own().join("tmp");
    match tree.part {
        Part::Whole => all.join("whole"),
        Part::Shard { index, count } => all.join(format!("{index}-of-{count}")),
    }
}

struct Run<'a> {
    tree: &'a OutputTree,
    meter: &'a Meter,
    drafts: PathBuf,
    /// Of the next draft.
    number: AtomicUsize,
}

impl Run<'_> {
    /// Keeps other runs out.
    fn lock(&self) -> Result<Lock, Diagnostic> {
        let OutputTree { place, part, disk, .. } = self.tree;
        let own = place.own();
        // drafts are removed with all that is in their folder: a link would take others with them
        for folder in [self.drafts.parent().unwrap_or(&own), &self.drafts] {
            place::refuse_link(folder, &format!("{}/tmp", self.show_own()))?;
        }
        let make = || match disk.make_folders(&self.drafts) {
            // another shard was the last and removed the folder above
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            made => made,
        };
        let lock = disk.make_folders(&own).and_then(|()| match part {
            Part::Whole => lock::alone(&own),
            Part::Shard { .. } => lock::beside(&own, &self.drafts, make),
        });
        lock.map_err(|error| place::unwritable(&self.show_own(), &error))?.map_err(|Busy| {
            Diagnostic::error("output-busy", format!("another run is writing to `{}`", place.shown))
                .note("nothing was written")
                .hint("wait until it is done, and render again")
        })
    }

    fn show_own(&self) -> String {
        format!("{}/{OWN}", self.tree.place.shown)
    }

    /// Sees that the plan still holds, and clears away what a stopped run left.
    fn start(&self) -> Result<(), Diagnostic> {
        let OutputTree { place, part, pages, .. } = self.tree;
        if !pages.are_current(place, *part)? {
            let error = Diagnostic::error("output-busy", format!("another run has written to `{}`", place.shown));
            return Err(error.note("nothing was written").hint("render again"));
        }
        self.clear().map_err(|error| place::unwritable(&self.show_own(), &error))
    }

    fn clear(&self) -> io::Result<()> {
        let disk = &self.tree.disk;
        match self.tree.part {
            Part::Whole => {
                if let Some(all) = self.drafts.parent().filter(|all| all.exists()) {
                    disk.remove_drafts(all)?;
                }
                disk.make_folders(&self.drafts)?;
            }
            // its folder is what is locked, so it stays
            Part::Shard { .. } => {
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
        // what a killed run leaves may be a Secret, and must not get into a commit
        let ignored = self.drafts.join(".gitignore");
        disk.replace(&ignored, &self.draft(), b"*\n", None, Sensitivity::Plain, Sync::Later)
    }

    fn tidy(&self) -> io::Result<()> {
        let disk = &self.tree.disk;
        disk.remove_drafts(&self.drafts)?;
        match self.drafts.parent() {
            Some(all) => disk.remove_empty(all),
            None => Ok(()),
        }
    }

    /// What a run left that was stopped at its very end. Whoever is at it now clears it away.
    fn clear_leftovers(&self) {
        if self.drafts.parent().is_some_and(Path::exists)
            && let Ok(_lock) = self.lock()
        {
            let _ = self.tidy();
        }
    }

    /// Notes for this machine what Secrets in plaintext look like, and which files were read. If it cannot, they
    /// are rendered and read again the next time.
    fn note(&self, plan: &Plan) {
        let OutputTree { place, local, stamps, .. } = self.tree;
        let own = place.own();
        let notes = [(&local.name, local.with(&plan.secrets)), (&stamps.name, stamps.text().map(String::into_bytes))];
        if notes.iter().all(|(_, bytes)| bytes.is_none()) || !own.is_dir() {
            return;
        }
        let write = |name: &str, bytes: &[u8]| -> io::Result<()> {
            // its owner's alone, as `tempfile` makes them
            let mut file = tempfile::NamedTempFile::with_prefix_in(".septum-", &own)?;
            file.write_all(bytes)?;
            file.persist(own.join(name)).map(drop).map_err(|error| error.error)
        };
        let all = || {
            write(".gitignore", IGNORED)?;
            notes.iter().try_for_each(|(name, bytes)| bytes.as_ref().map_or(Ok(()), |bytes| write(name, bytes)))
        };
        let _ = all();
    }

    fn draft(&self) -> PathBuf {
        self.drafts.join(self.number.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn carry_out(&self, plan: &mut Plan) -> Result<(), Diagnostic> {
        let page = &plan.page;
        let meanwhile = page.claim.as_ref().or(page.old.as_ref());
        // on the disk before there are thousands of files, all of which the system would have to write first
        let new = (meanwhile != Some(&page.new)).then(|| self.page(&page.name, &page.new)).transpose()?;
        if let Some(claim) = page.claim.as_ref().filter(|claim| page.old.as_ref() != Some(claim)) {
            let draft = self.page(&page.name, claim)?;
            self.record(&page.name, &draft)?;
            self.tree.disk.sync(&self.tree.place.own());
        }
        // what they say is in the claim now
        for name in &page.obsolete {
            let removed = self.tree.disk.remove(&self.tree.place.own().join(name));
            removed.map_err(|error| place::unwritable(&show(&self.tree.place, name), &error))?;
        }
        self.write_all(&mut plan.writes)?;
        for removal in &plan.removals {
            self.remove(removal)?;
        }
        for target in &plan.emptied {
            self.remove_folder(target);
        }
        new.map_or(Ok(()), |draft| self.record(&page.name, &draft))
    }

    /// An inventory that is on the disk and has no name yet.
    fn page(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Diagnostic> {
        let OutputTree { place, disk, .. } = self.tree;
        let permissions = fs::symlink_metadata(place.own().join(name)).ok().map(|there| there.permissions());
        let draft = self.draft();
        let written = disk.draft(&draft, bytes, permissions, Sensitivity::Plain, Sync::Now);
        written.map(|()| draft).map_err(|error| place::unwritable(&show(place, name), &error))
    }

    fn record(&self, name: &str, draft: &Path) -> Result<(), Diagnostic> {
        let OutputTree { place, disk, .. } = self.tree;
        disk.place(draft, &place.own().join(name)).map_err(|error| place::unwritable(&show(place, name), &error))
    }

    fn write_all(&self, writes: &mut [Write]) -> Result<(), Diagnostic> {
        self.meter.expect(Unit::Files, writes.len());
        let is_together = |one: &Write, other: &Write| one.target == other.target;
        if writes.len() <= MANY {
            return writes.chunk_by_mut(is_together).try_for_each(|writes| self.write_target(writes));
        }
        writes.par_chunk_by_mut(is_together).try_for_each(|writes| self.write_target(writes))
    }

    /// Writes the files of a target, a new one with its folder.
    fn write_target(&self, writes: &mut [Write]) -> Result<(), Diagnostic> {
        let OutputTree { place, disk, .. } = self.tree;
        let Some(Write { target, file, .. }) = writes.first() else { return Ok(()) };
        let folder = place.folder(target);
        let make = || {
            disk.make_folder(&place.dir.join(target.environment()))?;
            if let Err(error) = fs::symlink_metadata(&folder)
                && error.kind() == io::ErrorKind::NotFound
            {
                return self.write_folder(writes, &folder).map(|()| true);
            }
            disk.make_folder(&folder).map(|()| false)
        };
        let is_written = make().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => appeared(place, target, file),
            _ => place::unwritable(&place.show(target, file), &error),
        })?;
        if !is_written {
            writes.iter().try_for_each(|write| self.write(write))?;
        }
        // wiped at once, and by who wrote them: to free so much takes one thread alone too long
        for write in &mut *writes {
            write.bytes = Wiping::default();
        }
        self.meter.advance(Unit::Files, writes.len());
        Ok(())
    }

    /// Writes a folder that is not there, under another name until all is in it: one change of a folder in the
    /// place of one for each file.
    fn write_folder(&self, writes: &[Write], folder: &Path) -> io::Result<()> {
        let disk = &self.tree.disk;
        let draft = self.draft();
        disk.make_folder(&draft)?;
        for Write { file, bytes, sensitivity, .. } in writes {
            disk.draft(&draft.join(file.as_str()), bytes, None, *sensitivity, Sync::Later)?;
        }
        disk.place(&draft, folder)
    }

    fn write(&self, write: &Write) -> Result<(), Diagnostic> {
        let OutputTree { place, disk, .. } = self.tree;
        let Write { target, file, bytes, sensitivity, replaces, .. } = write;
        let path = place.file(target, file);
        let there = fs::symlink_metadata(&path).ok();
        if replaces.is_none() && there.is_some() {
            return Err(appeared(place, target, file));
        }
        let permissions = there.map(|there| there.permissions());
        disk.replace(&path, &self.draft(), bytes, permissions, *sensitivity, Sync::Later)
            .map_err(|error| place::unwritable(&place.show(target, file), &error))
    }

    fn remove(&self, Removal { target, file, digest: recorded }: &Removal) -> Result<(), Diagnostic> {
        let OutputTree { place, disk, .. } = self.tree;
        // once more: somebody may have changed it since it was planned
        if matches!(place.look(target, file), Ok(Found::File(bytes)) if digest(&bytes) == *recorded) {
            disk.remove(&place.file(target, file))
                .map_err(|error| place::unwritable(&place.show(target, file), &error))?;
        }
        Ok(())
    }

    /// One that holds more than was removed stays.
    fn remove_folder(&self, target: &TargetName) {
        let OutputTree { place, disk, .. } = self.tree;
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match disk.remove_empty(&place.folder(target)) {
            Err(error) if !is_gone(&error) => {}
            _ => drop(disk.remove_empty(&place.dir.join(target.environment()))),
        }
    }
}

fn appeared(place: &Place, target: &TargetName, file: &FileName) -> Diagnostic {
    foreign(place, &[place.show(target, file)]).note("it appeared while septum was writing")
}
