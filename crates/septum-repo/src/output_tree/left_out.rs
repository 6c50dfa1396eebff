//! Apps, and files of a tree, that a sparse checkout leaves out of the work tree: they are not gone.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::OutputTree;
use super::name::TargetName;
use super::ownership::is_inventory;
use super::root::{OWN, TreeRoot};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::disk::{DirEntryKind, Disk, canonical_path};
use crate::files::left_out_file;
use crate::git::sparse_work_tree;
use crate::project::{App, Project};

/// Files of a tree that are left out.
#[derive(Debug, Default)]
pub(super) struct LeftOutFiles {
    /// The first one of each target, by its name in messages.
    targets: BTreeMap<TargetName, String>,
    /// An inventory.
    inventory: Option<String>,
}

impl LeftOutFiles {
    /// Finds them, where a sparse checkout leaves out anything.
    pub(super) fn of(root: &TreeRoot) -> Self {
        let mut found = Self::default();
        let Some((near, rest)) = existing_directory(&root.dir) else { return found };
        let Ok(Some(sparse)) = sparse_work_tree(&near) else { return found };
        let dir = near.join(rest);
        for path in sparse.left_out.iter().filter_map(|path| path.strip_prefix(&dir).ok()) {
            let parts: Vec<&str> = path.components().filter_map(to_text).collect();
            let shown = || format!("{}/{}", root.shown, parts.join("/"));
            match parts.as_slice() {
                [OWN, name] if is_inventory(name) => drop(found.inventory.get_or_insert_with(shown)),
                [environment, app, _] => {
                    if let Some(target) = TargetName::of(environment, app) {
                        found.targets.entry(target).or_insert_with(shown);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Error: an inventory is left out, so that it is unknown which files are Septum's.
    pub(super) fn check_inventory(&self) -> Result<(), Diagnostic> {
        self.inventory.as_ref().map_or(Ok(()), |name| Err(left_out_file(name)))
    }

    /// Whether some files of a target are left out.
    pub(super) fn has(&self, target: &TargetName) -> bool {
        self.targets.contains_key(target)
    }

    /// Errors: files of targets that are compared or written are left out.
    pub(super) fn check_targets<'t>(&self, targets: impl Iterator<Item = &'t TargetName>) -> Diagnostics {
        let names: Vec<_> = targets.filter_map(|target| self.targets.get(target)).collect();
        let [first, others @ ..] = names.as_slice() else { return Diagnostics::new() };
        let error = left_out_file(first);
        let error = match others.len() {
            0 => error,
            1 => error.note("so are files of another app and environment"),
            count => error.note(format!("so are files of {count} other apps and environments")),
        };
        error.into()
    }
}

/// Apps that are left out, with their names.
pub(super) struct LeftOutApps(Vec<(App, String)>);

impl LeftOutApps {
    /// Those of a project.
    pub(super) fn of(project: &Project) -> Self {
        Self(project.left_out_apps())
    }

    /// The directory of the app that a target is of.
    pub(super) fn app_of(&self, target: &TargetName) -> Option<&Path> {
        let is_of = |(app, name): &&(App, String)| {
            name == target.app() && app.environments.iter().any(|name| name.as_str() == target.environment())
        };
        self.0.iter().find(is_of).map(|(app, _)| app.directory.as_path())
    }

    /// Warnings: a tree has files of these apps, which stay as they are. `is_gone` says whether a target would be
    /// removed.
    pub(super) fn warnings(
        &self,
        project: &Project,
        tree: &OutputTree,
        is_gone: impl Fn(&TargetName) -> bool,
    ) -> Diagnostics {
        let mut found: BTreeMap<&Path, TargetName> = BTreeMap::new();
        if !self.0.is_empty() {
            let targets = tree.inventories.targets().into_iter().filter(|target| !tree.left_out.has(target));
            for target in targets.filter(|target| is_gone(target)) {
                self.app_of(target).map(|app| found.entry(app).or_insert_with(|| target.clone()));
            }
        }
        let warning = |(app, target): (&Path, TargetName)| {
            let (app, tree) = (project.files.name(app), format!("{}/{target}", tree.root.shown));
            Diagnostic::warning(Rule::LostApp, format!("the sparse checkout leaves out `{app}`, the app of `{tree}`"))
                .note("its files are neither compared nor changed")
                .hint(format!("`git sparse-checkout add {}` gets the app", shell_word(&app)))
        };
        found.into_iter().map(warning).collect()
    }
}

fn to_text(part: Component<'_>) -> Option<&str> {
    part.as_os_str().to_str()
}

/// The nearest directory that exists, without links, and the path from it.
fn existing_directory(dir: &Path) -> Option<(PathBuf, &Path)> {
    dir.ancestors().find_map(|above| {
        let real = canonical_path(above).ok()?;
        let is_directory = Disk::default().kind(&real).ok()? == Some(DirEntryKind::Directory);
        is_directory.then_some((real, dir.strip_prefix(above).ok()?))
    })
}
