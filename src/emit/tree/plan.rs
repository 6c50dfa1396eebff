//! What would happen to a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::inventory::{Inventory, OutputRecord, TargetRecord};
use super::local::Digests;
use super::name::TargetName;
use super::target::{Fate, Known, Removal, Write};
use super::{MANY, Outcome, OutputTree, Part, Place, RenderedTarget, Summary, diff};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::parallel;
use crate::route::Sensitivity;

/// What would happen, and what is worth knowing of it.
pub struct Plan {
    pub(super) place: Place,
    pub(super) writes: Vec<Write>,
    pub(super) removals: Vec<Removal>,
    /// Targets that have no files, and need no folder.
    pub(super) emptied: Vec<TargetName>,
    /// The digests of Secrets in plaintext, of all targets that were rendered.
    pub(super) secrets: Digests,
    pub(super) page: PageChange,
    pub(super) summary: Summary,
    warnings: Diagnostics,
}

/// What would become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileChange {
    /// It would be there.
    Created,
    /// It would have another content.
    Written,
    /// It would go.
    Removed,
}

/// What becomes of the inventories.
pub(super) struct PageChange {
    pub(super) name: String,
    pub(super) old: Option<Vec<u8>>,
    /// What it says while files are written; none if it need not.
    pub(super) claim: Option<Vec<u8>>,
    pub(super) new: Vec<u8>,
    /// Inventories of shards that it takes the place of.
    pub(super) obsolete: Vec<String>,
}

impl PageChange {
    /// Whether the inventories stay as they are.
    fn is_none(&self) -> bool {
        self.old.as_ref() == Some(&self.new) && self.obsolete.is_empty()
    }
}

impl Plan {
    /// Whether nothing would be written or removed, the inventory included.
    pub fn is_clean(&self) -> bool {
        self.are_outputs_current() && self.page.is_none()
    }

    /// Whether no manifest would be written or removed. The inventory may record other inputs.
    pub fn are_outputs_current(&self) -> bool {
        self.writes.is_empty() && self.removals.is_empty()
    }

    /// What is worth knowing, whether the plan is applied or not: files that are rendered no more, and
    /// are kept because somebody may have changed them.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// How much would happen.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Which files would change, by the names that messages have for them, and how.
    pub fn changes(&self) -> Vec<(String, FileChange)> {
        let write = |write: &Write| match write.replaces {
            Some(_) => FileChange::Written,
            None => FileChange::Created,
        };
        let written = self.writes.iter().map(|it| (self.place.show(&it.target, &it.file), write(it)));
        let removed = self.removals.iter().map(|it| (self.place.show(&it.target, &it.file), FileChange::Removed));
        let mut changes: Vec<_> = written.chain(removed).collect();
        changes.sort();
        changes
    }

    /// All changes as a unified diff, from what is there to what would be. Values of Secrets are hidden,
    /// and so is ciphertext, which says nothing; a file that cannot be read as YAML is only said to differ.
    pub fn diff(&self) -> String {
        diff::diff(self)
    }
}

/// What a run does with a target.
enum Job {
    Rendered(Outcome),
    Removed,
}

pub(super) fn plan(
    tree: &OutputTree,
    rendered: Vec<RenderedTarget>,
    removable: &dyn Fn(&TargetName) -> bool,
) -> Result<Plan, Diagnostics> {
    let mut jobs: BTreeMap<_, _> =
        rendered.into_iter().map(|target| (target.name, Job::Rendered(target.outcome))).collect();
    let named: BTreeSet<_> = tree.pages.merged.targets.keys().chain(tree.pages.claims.keys()).collect();
    for target in named {
        if !jobs.contains_key(target) && removable(target) {
            jobs.insert(target.clone(), Job::Removed);
        }
    }
    let targets = jobs.len();
    let mut fates = fates(tree, jobs)?;
    let is_empty = |it: &&Decided| it.fate.as_ref().is_some_and(|fate| fate.record.outputs.is_empty());
    let emptied = fates.iter().filter(is_empty).map(|it| it.target.clone()).collect();
    let page = page(tree, &mut fates);
    let mut plan = Plan {
        place: tree.place.clone(),
        writes: Vec::new(),
        removals: Vec::new(),
        emptied,
        secrets: Digests::new(),
        page,
        summary: Summary { targets, ..Summary::default() },
        warnings: Diagnostics::new(),
    };
    for Decided { target, fate, .. } in fates {
        let is_touched = fate.as_ref().is_some_and(|fate| !fate.writes.is_empty() || !fate.removals.is_empty());
        plan.summary.unchanged += usize::from(!is_touched);
        let Some(fate) = fate else { continue };
        plan.summary.stale += fate.stale;
        plan.secrets.insert(target.clone(), fate.secrets);
        plan.writes.extend(fate.writes);
        plan.removals.extend(fate.removals);
        plan.warnings.extend(fate.warnings);
    }
    plan.summary.created = plan.writes.iter().filter(|write| write.replaces.is_none()).count();
    plan.summary.changed = plan.writes.len() - plan.summary.created;
    plan.summary.removed = plan.removals.len();
    Ok(plan)
}

/// A target and what becomes of it.
struct Decided {
    target: TargetName,
    /// Nothing if all stays as it is.
    fate: Option<Fate>,
    /// Whether all of its files were looked at: what a stopped run said of them is settled.
    is_settled: bool,
}

fn fates(tree: &OutputTree, jobs: BTreeMap<TargetName, Job>) -> Result<Vec<Decided>, Diagnostics> {
    let decide = |(target, job): (TargetName, Job)| {
        let (record, claims) = (tree.pages.merged.targets.get(&target), tree.pages.claims.get(&target));
        let known = Known { place: &tree.place, target: &target, record, claims, local: &tree.local };
        let (fate, is_settled) = match job {
            Job::Rendered(Outcome::Rendered { inputs, state, files }) => {
                (Some(known.rendered(inputs, state, files)), true)
            }
            Job::Rendered(Outcome::Unchanged) => (known.unchanged(), false),
            Job::Removed => (Some(known.removed()), true),
        };
        Decided { target, fate, is_settled }
    };
    let mut fates = parallel::each(jobs.into_iter().collect(), MANY, decide);
    let mut problems = Diagnostics::new();
    let mut in_the_way = Vec::new();
    for fate in fates.iter_mut().filter_map(|decided| decided.fate.as_mut()) {
        problems.extend(std::mem::take(&mut fate.problems));
        in_the_way.append(&mut fate.foreign);
    }
    if !in_the_way.is_empty() {
        problems.push(foreign(&tree.place, &in_the_way));
    }
    if problems.has_errors() { Err(problems) } else { Ok(fates) }
}

pub(super) fn foreign(place: &Place, files: &[String]) -> Diagnostic {
    let message = match files {
        [file] => format!("`{file}` is in the way: septum did not write it"),
        files => format!("{} files in `{}` are in the way: septum did not write them", files.len(), place.shown),
    };
    let mut error = Diagnostic::error("foreign-file", message);
    if let [_, _, ..] = files {
        for file in files {
            error = error.note(format!("`{file}`"));
        }
    }
    error.note("nothing was written").hint("move or remove what is in the way, or choose another output folder")
}

/// The inventory of this run: before, meanwhile, and after. It takes the records.
fn page(tree: &OutputTree, fates: &mut [Decided]) -> PageChange {
    let obsolete: Vec<_> = match tree.part {
        Part::Whole => tree.pages.others().map(|page| page.name.clone()).collect(),
        Part::Shard { .. } => Vec::new(),
    };
    let base = match tree.part {
        Part::Whole => Some(&tree.pages.merged.targets),
        Part::Shard { .. } => tree.pages.own().map(|page| &page.inventory.targets),
    };
    let base = Inventory { targets: base.cloned().unwrap_or_default(), pending: BTreeMap::new() };
    let is_claimed =
        !obsolete.is_empty() || fates.iter().filter_map(|it| it.fate.as_ref()).any(|fate| !fate.writes.is_empty());
    let claim = is_claimed.then(|| claim(tree, fates, base.clone()));
    let new = after(tree, fates, base);
    // megabytes of text in a big tree
    let claim = || claim.map(|claim| claim.write());
    let pages = move || match tree.pages.own() {
        // what says the same is the same, however it is laid out
        Some(page) if page.inventory == new => (Some(page.bytes.clone()), page.bytes.clone()),
        Some(page) => (Some(page.bytes.clone()), new.write()),
        // where nothing was and nothing comes, there need not be an inventory that says so
        None => ((new == Inventory::default()).then(|| new.write()), new.write()),
    };
    let (claim, (old, new)) = parallel::both(fates.len() > MANY, claim, pages);
    PageChange { name: tree.pages.own.clone(), old, claim, new, obsolete }
}

/// What the inventory says while files are written: what it said, and what is on its way.
fn claim(tree: &OutputTree, fates: &[Decided], mut claim: Inventory) -> Inventory {
    for target in tree.pages.claims.keys() {
        let remembered = tree.pages.remembered(target, tree.part, &tree.place);
        if !remembered.is_empty() {
            claim.pending.insert(target.clone(), remembered);
        }
    }
    for (target, fate) in fates.iter().filter_map(|it| Some((&it.target, it.fate.as_ref()?))) {
        announce(tree, target, fate, &mut claim);
    }
    claim
}

/// What it says in the end.
fn after(tree: &OutputTree, fates: &mut [Decided], mut new: Inventory) -> Inventory {
    for (target, fate) in fates.iter_mut().filter_map(|it| Some((&it.target, it.fate.as_mut()?))) {
        enter(tree, target, std::mem::take(&mut fate.record), &mut new);
    }
    let settled: BTreeSet<_> = fates.iter().filter(|decided| decided.is_settled).map(|it| &it.target).collect();
    for target in tree.pages.claims.keys().filter(|target| !settled.contains(target)) {
        let remembered = tree.pages.remembered(target, tree.part, &tree.place);
        if !remembered.is_empty() {
            new.pending.insert(target.clone(), remembered);
        }
    }
    new
}

/// Says what will be written of a target. What is there, and only a stopped run spoke of, is recorded as
/// written first: the next claim on the same file would hide it.
fn announce(tree: &OutputTree, target: &TargetName, fate: &Fate, claim: &mut Inventory) {
    for write in &fate.writes {
        let output = fate.record.outputs.get(&write.file);
        let digest = output.and_then(|output| output.digest.clone());
        claim.pending.entry(target.clone()).or_default().insert(write.file.clone(), digest);
        let merged = tree.pages.merged.targets.get(target);
        let is_recorded = merged.is_some_and(|record| record.outputs.get(&write.file).is_some_and(|it| !it.stale));
        if let (false, Some(replaced)) = (is_recorded, &write.replaces) {
            let digest = (write.before == Sensitivity::Plain).then(|| replaced.clone());
            let output = OutputRecord { digest, stale: false, fingerprint: None, object: None };
            let record = claim.targets.entry(target.clone()).or_insert_with(|| merged.cloned().unwrap_or_default());
            Arc::make_mut(record).outputs.insert(write.file.clone(), output);
        }
    }
}

/// Records what became of a target.
fn enter(tree: &OutputTree, target: &TargetName, record: TargetRecord, new: &mut Inventory) {
    let is_elsewhere = || {
        let lists = |page: &super::page::Page| page.inventory.targets.contains_key(target);
        tree.part != Part::Whole && tree.pages.others().any(lists)
    };
    if record.is_gone() {
        // a shard does not touch what others recorded, so it says that it is not so any more
        if is_elsewhere() {
            new.targets.insert(target.clone(), Arc::default());
        } else {
            new.targets.remove(target);
        }
        return;
    }
    // what another inventory says already need not be said twice
    if !new.targets.contains_key(target)
        && is_elsewhere()
        && tree.pages.merged.targets.get(target).is_some_and(|it| **it == record)
    {
        return;
    }
    new.targets.insert(target.clone(), Arc::new(record));
}
