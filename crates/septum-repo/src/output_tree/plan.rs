//! Planned changes of a tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::CacheUpdate;
use super::inventory::{Inventory, OwnedFiles, PendingFiles};
use super::name::TargetName;
use super::output::{RenderedTarget, TargetOutcome};
use super::ownership::add_pending;
use super::root::{OWN, TreeRoot};
use super::strays::{Coverage, StrayFiles, find_strays};
use super::target_plan::{
    EditedFile, FileRemoval, FileWrite, TargetDirectory, TargetMemory, TargetPlan, edited_file, stray_file,
};
use super::{MANY, OutputTree};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::parallel;
use crate::sort::{CollectSorted, sort};

/// Planned changes of a tree, and warnings about it.
pub struct TreePlan {
    pub(super) root: TreeRoot,
    pub(super) writes: Vec<FileWrite>,
    pub(super) removals: Vec<FileRemoval>,
    /// Targets that have no files, and need no directory.
    pub(super) emptied: Vec<TargetName>,
    pub(super) inventory: InventoryChange,
    /// Update of the cache once all is done.
    pub(super) cache: CacheUpdate,
    pub(super) summary: ChangeSummary,
    pub(super) strays: StrayFiles,
    edited: Vec<EditedFile>,
    foreign: Vec<String>,
}

/// Counts of the changes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeSummary {
    /// Targets in scope.
    pub targets: usize,
    /// Targets without any change.
    pub unchanged: usize,
    /// Files that did not exist.
    pub created: usize,
    /// Files whose bytes changed.
    pub changed: usize,
    /// Removed files.
    pub removed: usize,
    /// Files that are no longer generated, and were kept because they may have been edited.
    pub stale: usize,
}

/// Planned change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileChange {
    /// It would be created.
    Created,
    /// It would be overwritten with other content.
    Written,
    /// It would be removed.
    Removed,
    /// It is not generated, and would stay: it was edited, or Septum did not write it.
    Stray,
}

/// Planned changes of the inventories.
pub(super) struct InventoryChange {
    pub(super) name: String,
    pub(super) old: Option<Vec<u8>>,
    /// Its content while files are written; none if no claim is needed.
    pub(super) claim: Option<Vec<u8>>,
    pub(super) new: Vec<u8>,
    /// Inventories of shards that it replaces.
    pub(super) obsolete: Vec<String>,
}

impl InventoryChange {
    /// Whether the inventories stay as they are.
    fn is_none(&self) -> bool {
        self.old.as_ref() == Some(&self.new) && self.obsolete.is_empty()
    }
}

impl TreePlan {
    /// Whether no file would be written or removed, the inventory included.
    pub(super) fn is_clean(&self) -> bool {
        self.writes.is_empty()
            && self.removals.is_empty()
            && self.inventory.is_none()
            && self.strays.leftovers.is_empty()
    }

    /// Whether the tree is exactly the rendered output. The inventory may list other files.
    pub fn is_current(&self) -> bool {
        self.changes().is_empty()
    }

    /// Warnings, whether the plan is applied or not: files that are not generated, and that stay.
    pub(super) fn warnings(&self) -> Diagnostics {
        self.edited.iter().map(edited_file).chain(self.strays.found.iter().map(|shown| stray_file(shown))).collect()
    }

    /// Reason for which the plan cannot be applied: files in the way that are not Septum's.
    pub(super) fn obstacle(&self) -> Option<Diagnostic> {
        (!self.foreign.is_empty()).then(|| foreign_files(&self.root, &self.foreign))
    }

    /// Counts of the planned changes.
    pub fn summary(&self) -> ChangeSummary {
        self.summary
    }

    /// Files that would change or that are not generated, by their paths in messages, and the change.
    pub fn changes(&self) -> Vec<(String, FileChange)> {
        let write = |write: &FileWrite| if write.replaces { FileChange::Written } else { FileChange::Created };
        let written = self.writes.iter().map(|it| (self.root.show(&it.target, &it.file), write(it)));
        let removed = self.removals.iter().map(|it| (self.root.show(&it.target, &it.file), FileChange::Removed));
        let leftovers = self.strays.leftovers.iter().map(|name| format!("{}/{OWN}/{name}", self.root.shown));
        let kept = self.edited.iter().map(|it| it.shown.clone()).chain(self.strays.found.iter().cloned());
        let kept = kept.chain(leftovers).map(|shown| (shown, FileChange::Stray));
        let mut changes: Vec<_> = written.chain(removed).chain(kept).collect();
        sort(&mut changes);
        changes
    }
}

/// Task of a run for a target.
enum TargetTask {
    Rendered(TargetOutcome),
    Removed,
}

pub(super) fn plan_tree(
    tree: &OutputTree,
    rendered: Vec<RenderedTarget>,
    coverage: Coverage<'_>,
) -> Result<TreePlan, Diagnostics> {
    let mut jobs = rendered.into_iter().map(|target| (target.name, TargetTask::Rendered(target.outcome))).collect_map();
    let left_out = tree.left_out.check_targets(jobs.keys());
    if left_out.has_errors() {
        return Err(left_out);
    }
    for target in tree.inventories.targets().into_iter().chain(tree.cache.targets().keys()) {
        // what is left out is not gone
        if !jobs.contains_key(target) && (coverage.is_gone)(target) && !tree.left_out.has(target) {
            jobs.insert(target.clone(), TargetTask::Removed);
        }
    }
    let names = jobs.keys().cloned().collect_set();
    let is_big = jobs.len() > MANY;
    let (plans, strays) =
        parallel::par_join(is_big, || plan_targets(tree, jobs), || find_strays(&tree.root, &names, coverage));
    let mut plans = plans?;
    let strays = strays?;
    let emptied = plans.iter().filter(|(_, plan)| plan.as_ref().is_some_and(|plan| plan.record.is_empty()));
    let emptied = emptied.map(|(target, _)| target.clone()).collect();
    let page = inventory_change(tree, &mut plans);
    let mut all = TreePlan {
        root: tree.root.clone(),
        writes: Vec::new(),
        removals: Vec::new(),
        emptied,
        inventory: page,
        cache: CacheUpdate::default(),
        summary: ChangeSummary { targets: names.len(), ..ChangeSummary::default() },
        strays,
        edited: Vec::new(),
        foreign: Vec::new(),
    };
    for (target, plan) in plans {
        all.add(target, plan);
    }
    sort(&mut all.strays.found);
    all.summary.created = all.writes.iter().filter(|write| !write.replaces).count();
    all.summary.changed = all.writes.len() - all.summary.created;
    all.summary.removed = all.removals.len();
    all.summary.stale = all.edited.len();
    Ok(all)
}

impl TreePlan {
    /// Adds the plan of a target.
    fn add(&mut self, target: TargetName, plan: Option<TargetPlan>) {
        let is_touched = plan.as_ref().is_some_and(|plan| !plan.writes.is_empty() || !plan.removals.is_empty());
        self.summary.unchanged += usize::from(!is_touched);
        let Some(plan) = plan else { return };
        match plan.memory {
            TargetMemory::AsBefore => {}
            TargetMemory::Forgotten => drop(self.cache.targets.insert(target.clone(), None)),
            TargetMemory::Made(made) => drop(self.cache.targets.insert(target.clone(), Some(made))),
        }
        self.cache.directories.extend(plan.directory.map(|stamp| (target.clone(), stamp)));
        self.cache.secrets.insert(target, plan.secrets);
        self.writes.extend(plan.writes);
        self.removals.extend(plan.removals);
        self.edited.extend(plan.edited);
        self.strays.found.extend(plan.strays);
        self.foreign.extend(plan.foreign);
    }
}

/// Plans of the targets; none for one that stays as it is.
type TargetPlans = Vec<(TargetName, Option<TargetPlan>)>;

fn plan_targets(tree: &OutputTree, jobs: BTreeMap<TargetName, TargetTask>) -> Result<TargetPlans, Diagnostics> {
    let decide = |(target, job): (TargetName, TargetTask)| {
        let directory = TargetDirectory::new(&tree.root, &target, &tree.inventories, &tree.cache);
        let plan = match job {
            TargetTask::Rendered(TargetOutcome::Rendered(rendered)) => Some(directory.plan_rendered(rendered)),
            TargetTask::Rendered(TargetOutcome::Unchanged { inputs }) => directory.plan_unchanged(inputs),
            TargetTask::Removed => Some(directory.plan_removed()),
        };
        (target, plan)
    };
    let mut plans = parallel::par_map(jobs.into_iter().collect(), MANY, decide);
    let mut problems = Diagnostics::new();
    for plan in plans.iter_mut().filter_map(|(_, plan)| plan.as_mut()) {
        problems.extend(std::mem::take(&mut plan.problems));
    }
    if problems.has_errors() { Err(problems) } else { Ok(plans) }
}

pub(super) fn foreign_files(root: &TreeRoot, files: &[String]) -> Diagnostic {
    let message = match files {
        [file] => format!("`{file}` already exists, but was not written by septum"),
        files => format!("{} files in `{}` already exist, but were not written by septum", files.len(), root.shown),
    };
    let mut error = Diagnostic::error(Rule::ForeignFile, message);
    if let [_, _, ..] = files {
        for file in files {
            error = error.note(format!("`{file}`"));
        }
    }
    error.note("nothing was written").hint("move or remove them, or choose another output directory")
}

/// The inventory of this run: before, meanwhile, and after. It moves the records out of the plans.
fn inventory_change(tree: &OutputTree, plans: &mut TargetPlans) -> InventoryChange {
    let obsolete: Vec<_> = match tree.shard {
        None => tree.inventories.others().map(|file| file.name.clone()).collect(),
        Some(_) => Vec::new(),
    };
    let carried = tree.inventories.carried_inventory(tree.shard);
    let has_writes = plans.iter().filter_map(|(_, plan)| plan.as_ref()).any(|plan| !plan.writes.is_empty());
    let claim = (has_writes || !obsolete.is_empty()).then(|| claim_inventory(plans, carried.clone()));
    let new = final_inventory(tree, plans, carried);
    // megabytes of text in a big tree
    let claim = || claim.map(|claim| claim.write());
    let texts = move || match tree.inventories.own() {
        // inventories with the same records are the same, whatever their layout
        Some(file) if file.inventory == new && Inventory::is_of_this_version(&file.bytes) => {
            (Some(file.bytes.clone()), file.bytes.clone())
        }
        Some(file) => (Some(file.bytes.clone()), new.write()),
        // an empty inventory need not be created
        None => ((new == Inventory::default()).then(|| new.write()), new.write()),
    };
    let (claim, (old, new)) = parallel::par_join(plans.len() > MANY, claim, texts);
    InventoryChange { name: tree.inventories.own.clone(), old, claim, new, obsolete }
}

/// Inventory while files are written: its previous records, and those of files that may be written.
fn claim_inventory(plans: &TargetPlans, mut claim: Inventory) -> Inventory {
    for (target, plan) in plans.iter().filter_map(|(target, plan)| Some((target, plan.as_ref()?))) {
        let digests = |write: &FileWrite| {
            let owned = plan.record.get(&write.file);
            (write.file.clone(), owned.and_then(|owned| owned.digest.clone()).into_iter().collect_set())
        };
        let files: PendingFiles = plan.writes.iter().map(digests).collect_map();
        if !files.is_empty() {
            add_pending(claim.pending.entry(target.clone()).or_default(), &files);
        }
    }
    claim
}

/// Inventory at the end. All records of a target that this run includes are settled.
fn final_inventory(tree: &OutputTree, plans: &mut TargetPlans, mut new: Inventory) -> Inventory {
    for (target, plan) in plans.iter_mut() {
        match plan {
            Some(plan) => {
                new.pending.remove(target);
                enter_record(tree, target, std::mem::take(&mut plan.record), &mut new);
            }
            // it is remembered exactly as it is recorded
            None => drop(new.pending.remove(target)),
        }
    }
    new
}

fn enter_record(tree: &OutputTree, target: &TargetName, record: OwnedFiles, new: &mut Inventory) {
    if record.is_empty() {
        new.targets.remove(target);
        return;
    }
    // a record in another inventory need not be repeated
    if !new.targets.contains_key(target) && tree.inventories.match_exactly(target, &record) {
        return;
    }
    new.targets.insert(target.clone(), Arc::new(record));
}
