//! All inventories of a tree together: one of whole runs, one of each shard.
//!
//! A file is Septum's if any of them lists it, and unedited if it has any digest that they have of it. So no
//! inventory overrides another, and no shard depends on the content of another one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use super::inventory::{Inventory, OwnedFile, OwnedFiles, PendingFiles};
use super::name::{FileName, TargetName};
use super::place;
use super::root::{OWN, TreeEntry, TreeRoot, read_entry};
use super::shard::Shard;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::sort::{CollectSorted, sort};

/// The inventory of whole runs.
const WHOLE: &str = "inventory.json";

/// An inventory as it is on disk.
#[derive(Debug)]
pub(super) struct InventoryFile {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) inventory: Inventory,
}

/// The inventories of a tree.
#[derive(Debug)]
pub(super) struct Inventories {
    /// The name of the inventory of this run.
    pub(super) own: String,
    pub(super) list: Vec<InventoryFile>,
}

/// Records of a file in all inventories.
#[derive(Debug, Default)]
pub(super) struct OwnershipClaim {
    /// Whether it was written, and not only announced.
    pub(super) is_listed: bool,
    pub(super) digests: BTreeSet<String>,
    /// Whether it may be a Secret in plaintext, which has no digest.
    pub(super) is_secret: bool,
    /// The fingerprints of its inputs.
    pub(super) inputs: BTreeSet<String>,
}

impl OwnershipClaim {
    /// Whether a file with this digest may be replaced.
    pub(super) fn may_replace(&self, digest: &str) -> bool {
        self.is_listed || self.is_secret || self.digests.contains(digest)
    }

    fn add(&mut self, owned: &OwnedFile) {
        self.is_listed = true;
        self.is_secret |= owned.digest.is_none();
        self.digests.extend(owned.digest.clone());
        self.inputs.extend(owned.inputs.clone());
    }

    fn add_pending(&mut self, digests: &BTreeSet<String>) {
        self.is_secret |= digests.is_empty();
        self.digests.extend(digests.iter().cloned());
    }
}

impl Inventories {
    /// Reads the inventories of a tree.
    pub(super) fn read(root: &TreeRoot, shard: Option<Shard>) -> Result<Self, Diagnostics> {
        let own = match shard {
            None => WHOLE.to_owned(),
            Some(Shard { index, count }) => format!("inventory.{index}-of-{count}.json"),
        };
        let mut problems = Diagnostics::new();
        let mut list = Vec::new();
        for (name, bytes) in inventory_files(root)? {
            if let Some(inventory) = problems.take(Inventory::read(&show_inventory(root, &name), &bytes)) {
                list.push(InventoryFile { name, bytes, inventory });
            }
        }
        if problems.has_errors() { Err(problems) } else { Ok(Self { own, list }) }
    }

    /// Whether they are unchanged since they were read, as far as this run depends on them.
    pub(super) fn are_current(&self, root: &TreeRoot, shard: Option<Shard>) -> Result<bool, Diagnostic> {
        let matters = |name: &str| shard.is_none() || name == WHOLE || name == self.own;
        let now = inventory_files(root)?;
        let now = now.iter().map(|(name, bytes)| (name, bytes)).filter(|(name, _)| matters(name));
        let then = self.list.iter().map(|file| (&file.name, &file.bytes)).filter(|(name, _)| matters(name));
        Ok(now.eq(then))
    }

    /// The inventory of this run.
    pub(super) fn own(&self) -> Option<&InventoryFile> {
        self.list.iter().find(|file| file.name == self.own)
    }

    /// The inventories of others.
    pub(super) fn others(&self) -> impl Iterator<Item = &InventoryFile> {
        self.list.iter().filter(|file| file.name != self.own)
    }

    /// All recorded targets.
    pub(super) fn targets(&self) -> BTreeSet<&TargetName> {
        self.list
            .iter()
            .flat_map(|file| file.inventory.targets.keys().chain(file.inventory.pending.keys()))
            .collect_set()
    }

    /// Records of the files of a target.
    pub(super) fn of_target(&self, target: &TargetName) -> BTreeMap<FileName, OwnershipClaim> {
        let mut files: BTreeMap<FileName, OwnershipClaim> = BTreeMap::new();
        for Inventory { targets, pending } in self.list.iter().map(|file| &file.inventory) {
            for (name, owned) in targets.get(target).into_iter().flat_map(|owned| owned.iter()) {
                files.entry(name.clone()).or_default().add(owned);
            }
            for (name, digests) in pending.get(target).into_iter().flatten() {
                files.entry(name.clone()).or_default().add_pending(digests);
            }
        }
        files
    }

    /// Whether these are all the records of a target.
    pub(super) fn match_exactly(&self, target: &TargetName, files: &OwnedFiles) -> bool {
        let mut said = self.list.iter().filter_map(|file| file.inventory.targets.get(target)).peekable();
        let is_pending = self.list.iter().any(|file| file.inventory.pending.contains_key(target));
        said.peek().is_some() && !is_pending && said.all(|owned| **owned == *files)
    }

    /// Records that a run carries over unchanged: a whole run those of all inventories, a shard those of its own.
    pub(super) fn carried_inventory(&self, shard: Option<Shard>) -> Inventory {
        if shard.is_some() {
            return self.own().map(|file| file.inventory.clone()).unwrap_or_default();
        }
        let mut all = self.own().map(|file| file.inventory.clone()).unwrap_or_default();
        for file in self.others() {
            for (target, owned) in &file.inventory.targets {
                carry_target(&mut all, target, owned);
            }
            for (target, pending) in &file.inventory.pending {
                let known = all.pending.entry(target.clone()).or_default();
                add_pending(known, pending);
            }
        }
        all
    }
}

/// Adds another inventory's records of a target: where it has another digest of a file, both are possible.
fn carry_target(all: &mut Inventory, target: &TargetName, owned: &std::sync::Arc<OwnedFiles>) {
    let Some(known) = all.targets.get_mut(target) else {
        all.targets.insert(target.clone(), std::sync::Arc::clone(owned));
        return;
    };
    if known == owned {
        return;
    }
    let known = std::sync::Arc::make_mut(known);
    let mut other = PendingFiles::new();
    for (name, file) in owned.iter() {
        match known.get(name) {
            None => drop(known.insert(name.clone(), file.clone())),
            Some(listed) if listed.digest != file.digest => {
                other.insert(name.clone(), file.digest.iter().cloned().collect_set());
            }
            Some(_) => {}
        }
    }
    if !other.is_empty() {
        add_pending(all.pending.entry(target.clone()).or_default(), &other);
    }
}

/// Adds files that may have been written. One that may be a Secret in plaintext stays one.
pub(super) fn add_pending(known: &mut PendingFiles, more: &PendingFiles) {
    for (name, digests) in more {
        match known.get_mut(name) {
            Some(there) if there.is_empty() || digests.is_empty() => there.clear(),
            Some(there) => there.extend(digests.iter().cloned()),
            None => drop(known.insert(name.clone(), digests.clone())),
        }
    }
}

/// Path of an inventory in messages.
pub(super) fn show_inventory(root: &TreeRoot, name: &str) -> String {
    format!("{}/{}/{name}", root.shown, OWN)
}

/// The inventories, by their names.
fn inventory_files(root: &TreeRoot) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let directory = root.own_directory();
    let shown = format!("{}/{}", root.shown, OWN);
    if !place::is_real_directory(&directory, &shown)? {
        return Ok(Vec::new());
    }
    let unreadable = |error: &io::Error| Diagnostic::unreadable(&shown, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).map_err(|error| unreadable(&error))? {
        let name = entry.map_err(|error| unreadable(&error))?.file_name().to_string_lossy().into_owned();
        if is_inventory(&name) {
            names.push(name);
        }
    }
    sort(&mut names);
    names.into_iter().map(|name| read_inventory(root, &name).map(|bytes| (name, bytes))).collect()
}

fn read_inventory(root: &TreeRoot, name: &str) -> Result<Vec<u8>, Diagnostic> {
    match read_entry(&root.own_directory().join(name)) {
        Ok(TreeEntry::File(mut bytes)) => Ok(std::mem::take(&mut *bytes)),
        Ok(_) => {
            Err(Diagnostic::error(Rule::Inventory, format!("`{}` is not a readable file", show_inventory(root, name)))
                .hint("delete it and render again: files with the expected content are adopted"))
        }
        Err(error) => Err(Diagnostic::unreadable(&show_inventory(root, name), &error)),
    }
}

/// Whether a file of the own directory is an inventory: `inventory.json`, `inventory.1-of-2.json`.
pub(super) fn is_inventory(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let middle = name.strip_prefix("inventory.").and_then(|rest| rest.strip_suffix(".json"));
    let parts = middle.and_then(|middle| middle.split_once("-of-"));
    name == WHOLE || parts.is_some_and(|(index, count)| number(index) && number(count))
}
