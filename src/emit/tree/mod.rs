//! The tree of manifests that Git keeps: `DIR/ENV/APP/KIND-NAME.yaml`, with a `kustomization.yaml` for
//! each target, and an inventory of what was written from what.
//!
//! A tree is opened, what would happen is planned, and a plan is shown or applied.
//!
//! *Whose a file is.* A file is Septum's if an inventory lists it, or if it has the bytes that a stopped
//! run said it would write. Septum's own files are replaced, whatever was done to them: the sources say
//! what they hold. One that is rendered no more is removed if it has the bytes that were recorded;
//! otherwise it is kept, and each run names it until it is gone. Of a Secret in plaintext no digest goes
//! into the inventory: elsewhere than on the machine that wrote it nobody can tell whether it was changed, and
//! when it is rendered no more, it is kept and named too. A file that is not Septum's is never touched: if it is not what would be written, nothing is.
//!
//! *Whenever a run is stopped*, each file is old or new. First the inventory says what will be written
//! (the claim), then files take their names one by one, those of a new target with their folder, then stale
//! ones go, and last the inventory says what is there. The next run, of whatever targets, finds the claim and knows what it means.
//!
//! *Shards* keep an inventory each, `inventory.1-of-2.json`, and read all. A whole run makes one of them.

mod apply;
mod diff;
mod disk;
mod hide;
mod inventory;
mod local;
mod lock;
mod name;
mod page;
mod place;
mod plan;
mod stamps;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::meter::Meter;
use crate::parallel;
use crate::route::Sensitivity;
use crate::secret::Wiping;

pub use apply::Summary;
pub use inventory::{Inventory, OutputRecord, TargetRecord, digest};
pub use name::{FileName, KUSTOMIZATION, ObjectId, TargetName, file_names};
pub use place::Sources;
pub use plan::{FileChange, Plan};
pub use stamps::Stamps;

use local::Local;
use page::Pages;

/// The folder in the tree that is Septum's own.
const OWN: &str = ".septum";

/// Nothing that was written is larger. What is in the way may be, and is not read.
const LARGEST: u64 = 64 << 20;

/// With fewer pieces of work, threads cost more than they give.
const MANY: usize = 8;

/// Which targets a run answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
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
    place: Place,
    part: Part,
    pages: Pages,
    local: Local,
    stamps: Stamps,
    disk: disk::Disk,
}

/// Where a tree lies.
#[derive(Debug, Clone)]
struct Place {
    dir: PathBuf,
    /// How messages call it: as it was named.
    shown: String,
}

/// A target of this run.
pub struct RenderedTarget {
    /// Its name.
    pub name: TargetName,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a target.
pub enum Outcome {
    /// Nothing it is made of has changed since it was recorded, and it is intact: all stays as it is.
    Unchanged,
    /// It was rendered.
    Rendered {
        /// The files that it was made of, each with a digest of its bytes as they are committed, or
        /// `absent` where one was looked for. Never that of a secret in plaintext.
        inputs: BTreeMap<String, String>,
        /// What else it was made of, in one digest.
        state: Option<String>,
        /// Its files. Without any, it has no folder.
        files: Vec<OutputFile>,
    },
}

/// A file of a target.
pub struct OutputFile {
    /// Its name.
    pub name: FileName,
    /// What is in it.
    pub content: Content,
    /// Whether secrets are in it in plaintext. Of such a file no digest is recorded.
    pub sensitivity: Sensitivity,
    /// What the caller will know it by, keyed if it is made of secrets.
    pub fingerprint: Option<String>,
    /// The name of the object in it, where the caller wants it recorded.
    pub object: Option<String>,
}

/// What is in a file.
pub enum Content {
    /// These bytes.
    Bytes(Wiping<Vec<u8>>),
    /// What is there already, which the caller has read and found to be right. Ciphertext differs each
    /// time it is made.
    Kept,
}

impl OutputTree {
    /// Finds the tree in a folder, which need not be there.
    ///
    /// Errors: the folder is one where stale files must not be removed (see [`Sources`]), the path goes
    /// through a symbolic link, or an inventory cannot be read.
    pub fn open(dir: &Path, sources: &Sources<'_>, part: Part) -> Result<Self, Diagnostics> {
        let shown = match dir.display().to_string().trim_end_matches('/') {
            "" => "/".to_owned(),
            shown => shown.to_owned(),
        };
        let place = Place { dir: place::check(dir, &shown, sources)?, shown };
        // megabytes of text in a big tree
        let is_there = place.own().is_dir();
        let notes = || parallel::both(is_there, || Stamps::read(&place, part), || Local::read(&place, part));
        let (pages, (stamps, local)) = parallel::both(is_there, || Pages::read(&place, part), notes);
        let pages = pages?;
        Ok(Self { place, part, pages, local, stamps, disk: disk::Disk::default() })
    }

    /// What is recorded, in all inventories together.
    pub fn inventory(&self) -> &Inventory {
        &self.pages.merged
    }

    /// What files looked like when they were read.
    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// The bytes of a file of a target, if there is one.
    pub fn committed(&self, target: &TargetName, file: &FileName) -> Option<Wiping<Vec<u8>>> {
        match self.place.look(target, file) {
            Ok(Found::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Whether all that is recorded of a target is there as it was written, and nothing that a stopped
    /// run left. Of one with a Secret in plaintext only the machine that wrote it can tell.
    pub fn is_intact(&self, target: &TargetName) -> bool {
        let Some(record) = self.pages.merged.targets.get(target) else { return false };
        let is_there = |(file, output): (&FileName, &OutputRecord)| {
            let recorded = output.digest.as_ref().or_else(|| self.local.get(target, file));
            output.stale || recorded.is_some() && self.digest(target, file).as_ref() == recorded
        };
        let is_left = |file: &FileName| {
            !record.outputs.contains_key(file) && !matches!(self.place.look(target, file), Ok(Found::Nothing))
        };
        record.outputs.iter().all(is_there)
            && !self.pages.claims.get(target).is_some_and(|claims| claims.keys().any(is_left))
    }

    fn digest(&self, target: &TargetName, file: &FileName) -> Option<String> {
        self.stamps.digest(&self.place.file(target, file), || self.committed(target, file))
    }

    /// What would happen: nothing is written yet.
    ///
    /// Targets that are recorded, not among `rendered`, and `removable` are no more: their files go. All
    /// other targets stay as they are. A shard must call only targets of its own removable.
    ///
    /// Errors: a file in the way that is not Septum's (all of them are named), a link in the tree.
    pub fn plan(
        &self,
        rendered: Vec<RenderedTarget>,
        removable: &dyn Fn(&TargetName) -> bool,
    ) -> Result<Plan, Diagnostics> {
        plan::plan(self, rendered, removable)
    }

    /// Does what was planned. Errors: another run is at it or was since the tree was opened; something
    /// could not be written, and then the next run completes this one.
    pub fn apply(self, mut plan: Plan, meter: &Meter) -> Result<Summary, Diagnostics> {
        apply::apply(&self, &mut plan, meter)
    }
}

/// What is at a path.
enum Found {
    Nothing,
    File(Wiping<Vec<u8>>),
    /// A folder, a link, a device, or a file larger than all that is written.
    Other,
}

impl Place {
    fn folder(&self, target: &TargetName) -> PathBuf {
        self.dir.join(target.environment()).join(target.app())
    }

    fn file(&self, target: &TargetName, file: &FileName) -> PathBuf {
        self.folder(target).join(file.as_str())
    }

    fn own(&self) -> PathBuf {
        self.dir.join(OWN)
    }

    fn show(&self, target: &TargetName, file: &FileName) -> String {
        format!("{}/{target}/{file}", self.shown)
    }

    fn look(&self, target: &TargetName, file: &FileName) -> io::Result<Found> {
        look(&self.file(target, file))
    }
}

/// Thousands of files are looked at in each run, so that each question to the system counts.
fn look(path: &Path) -> io::Result<Found> {
    let read = || -> io::Result<Found> {
        let mut file = open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Ok(Found::Other);
        }
        let mut bytes = Wiping::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
        file.read_to_end(&mut bytes)?;
        Ok(Found::File(bytes))
    };
    match read() {
        // a file where a folder should be is named when something would be written there
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Found::Nothing)
        }
        // a link and a socket cannot be opened
        Err(_) if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) => Ok(Found::Other),
        found => found,
    }
}

/// Opens what is at a path, but no link, and waits for nobody at the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}
