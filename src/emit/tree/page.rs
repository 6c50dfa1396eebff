//! The inventories of a tree: one of whole runs, one of each shard.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;

use super::inventory::{Inventory, OutputRecord, Pending, TargetRecord};
use super::name::{FileName, TargetName};
use super::{Found, Part, Place, look, place};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The inventory of whole runs.
const WHOLE: &str = "inventory.json";

/// An inventory as it is on disk.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) inventory: Inventory,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Pages {
    /// What the inventory of this run is called.
    pub(super) own: String,
    /// The later one wins: that of whole runs, those of shards, the own one.
    pub(super) list: Vec<Page>,
    pub(super) merged: Inventory,
    /// Why a file may be Septum's besides the record of its target.
    pub(super) claims: BTreeMap<TargetName, Claims>,
}

/// For each file, what is said of it.
pub(super) type Claims = BTreeMap<FileName, Vec<Claim>>;

/// What an inventory says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The digest of what was, or would be, written; none for a Secret in plaintext.
    pub(super) digest: Option<String>,
    pub(super) standing: Standing,
}

/// How it came to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was written: it is Septum's, whatever was done to it.
    Written,
    /// It was written, is rendered no more, and was kept: whoever changed it may want it.
    Left,
    /// A run said that it would write it, and was stopped.
    Announced,
}

impl Claim {
    pub(super) fn recorded(output: &OutputRecord) -> Self {
        let standing = if output.stale { Standing::Left } else { Standing::Written };
        Self { digest: output.digest.clone(), standing }
    }

    /// Whether a file with this digest may be replaced.
    pub(super) fn owns(&self, digest: &str) -> bool {
        // a Secret in plaintext has nothing to be told by
        self.standing == Standing::Written || self.digest.as_deref().is_none_or(|own| own == digest)
    }
}

impl Pages {
    /// Reads the inventories of a tree.
    pub(super) fn read(place: &Place, part: Part) -> Result<Self, Diagnostics> {
        let own = match part {
            Part::Whole => WHOLE.to_owned(),
            Part::Shard { index, count } => format!("inventory.{index}-of-{count}.json"),
        };
        let mut problems = Diagnostics::new();
        let mut list = Vec::new();
        for (name, bytes) in files(place, &own)? {
            if let Some(inventory) = problems.take(Inventory::read(&show(place, &name), &bytes)) {
                list.push(Page { name, bytes, inventory });
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let mut pages = Self { own, list, merged: Inventory::default(), claims: BTreeMap::new() };
        pages.merge();
        Ok(pages)
    }

    /// Whether they are still what was read, as far as this run rests on them.
    pub(super) fn are_current(&self, place: &Place, part: Part) -> Result<bool, Diagnostic> {
        let matters = |name: &str| part == Part::Whole || name == WHOLE || name == self.own;
        let now = files(place, &self.own)?;
        let now = now.iter().map(|(name, bytes)| (name, bytes)).filter(|(name, _)| matters(name));
        let then = self.list.iter().map(|page| (&page.name, &page.bytes)).filter(|(name, _)| matters(name));
        Ok(now.eq(then))
    }

    pub(super) fn own(&self) -> Option<&Page> {
        self.list.iter().find(|page| page.name == self.own)
    }

    /// The inventories of others.
    pub(super) fn others(&self) -> impl Iterator<Item = &Page> {
        self.list.iter().filter(|page| page.name != self.own)
    }

    fn merge(&mut self) {
        let mut lost = Vec::new();
        for page in &self.list {
            for (target, record) in &page.inventory.targets {
                let loser = self.merged.targets.insert(target.clone(), Arc::clone(record));
                lost.extend(loser.map(|loser| (target.clone(), loser)));
            }
            for (target, pending) in &page.inventory.pending {
                let claims = self.claims.entry(target.clone()).or_default();
                for (file, digest) in pending {
                    let claim = Claim { digest: digest.clone(), standing: Standing::Announced };
                    claims.entry(file.clone()).or_default().push(claim);
                }
                self.merged.pending.entry(target.clone()).or_default().extend(pending.clone());
            }
        }
        for (target, loser) in lost {
            self.claim_lost(target, &loser);
        }
        self.merged.targets.retain(|_, record| !record.is_gone());
    }

    /// What a record says that lost against another one of its target: Septum wrote those files too.
    fn claim_lost(&mut self, target: TargetName, loser: &TargetRecord) {
        let winner = self.merged.targets.get(&target);
        let is_known = |file: &FileName| winner.and_then(|winner| winner.outputs.get(file));
        let files: Vec<_> = loser
            .outputs
            .iter()
            .filter(|(file, output)| is_known(file).is_none_or(|known| known.digest != output.digest))
            .map(|(file, output)| (file.clone(), Claim::recorded(output)))
            .collect();
        if !files.is_empty() {
            let claims = self.claims.entry(target).or_default();
            for (file, claim) in files {
                claims.entry(file).or_default().push(claim);
            }
        }
    }

    /// What must be remembered of a target that this run leaves alone: what a stopped run was about to
    /// write, and what only an inventory lists that this run removes.
    pub(super) fn remembered(&self, target: &TargetName, part: Part, place: &Place) -> Pending {
        let pending = |page: &Page| page.inventory.pending.get(target).cloned().unwrap_or_default();
        if part != Part::Whole {
            return self.own().map(pending).unwrap_or_default();
        }
        let mut remembered: Pending = self.list.iter().flat_map(pending).collect();
        let record = self.merged.targets.get(target);
        for (file, claims) in self.claims.get(target).into_iter().flatten() {
            let is_recorded = record.is_some_and(|record| record.outputs.contains_key(file));
            let is_there = || matches!(place.look(target, file), Ok(Found::File(_)));
            if let (false, Some(claim), true) = (is_recorded, claims.first(), is_there()) {
                remembered.entry(file.clone()).or_insert_with(|| claim.digest.clone());
            }
        }
        remembered
    }
}

/// How messages call an inventory.
pub(super) fn show(place: &Place, name: &str) -> String {
    format!("{}/{}/{name}", place.shown, super::OWN)
}

/// The inventories, in the order in which later ones win.
fn files(place: &Place, own: &str) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let folder = place.own();
    let shown = format!("{}/{}", place.shown, super::OWN);
    if !place::folder(&folder, &shown)? {
        return Ok(Vec::new());
    }
    let unreadable = |error: &io::Error| place::unreadable(&shown, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| unreadable(&error))? {
        let name = entry.map_err(|error| unreadable(&error))?.file_name().to_string_lossy().into_owned();
        if name == WHOLE || is_shard(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (name != WHOLE, name == own && name != WHOLE, name.clone()));
    names.into_iter().map(|name| bytes(place, &name).map(|bytes| (name, bytes))).collect()
}

fn bytes(place: &Place, name: &str) -> Result<Vec<u8>, Diagnostic> {
    match look(&place.own().join(name)) {
        Ok(Found::File(mut bytes)) => Ok(std::mem::take(&mut *bytes)),
        Ok(_) => Err(Diagnostic::error("inventory", format!("`{}` is no file that could be read", show(place, name)))
            .hint("delete it and render again: files that are as rendered are adopted")),
        Err(error) => Err(place::unreadable(&show(place, name), &error)),
    }
}

/// `inventory.1-of-2.json`
fn is_shard(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let middle = name.strip_prefix("inventory.").and_then(|rest| rest.strip_suffix(".json"));
    middle.and_then(|middle| middle.split_once("-of-")).is_some_and(|(index, count)| number(index) && number(count))
}
