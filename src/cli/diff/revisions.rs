//! `septum diff --rev`

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{DiffArgs, check_files};
use crate::cli::output;
use crate::cli::{GlobalArgs, find_apps, find_environment, user_identities};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::diff::{self, DiffReport, DiffScope, DiffSide, ProjectPair};
use septum::disk::Disk;
use septum::git::{GitRevision, RevisionRange, changed_files, sparse_work_tree};
use septum::pipeline::Pipeline;
use septum::project::{PROJECT_FILE, Project};
use septum::sort::CollectSorted;

impl DiffArgs {
    /// Compares each environment with itself in another revision.
    pub(super) fn compare_revisions(
        &self,
        global: &GlobalArgs,
        range: &RevisionRange,
    ) -> Result<DiffReport, Diagnostics> {
        let (old, new) = GitRevision::open_range(&global.directory, range)?;
        let old_project = project_of(&old.disk, global)?;
        let new_project = match &new {
            Some(new) => project_of(&new.disk, global)?,
            None => Some(project_of_work_tree(global)?),
        };
        let projects = || [&old_project, &new_project].into_iter().flatten();
        if projects().next().is_none() {
            return Err(Diagnostic::error(Rule::NoProject, "no project was found in either revision")
                .hint("run it in the directory of the project, or name it with `-C DIR`")
                .into());
        }
        self.check_names(old_project.as_ref(), new_project.as_ref())?;
        for project in projects() {
            check_files(project, &project.apps.iter().collect::<Vec<_>>())?;
        }
        let pipelines = [&old_project, &new_project]
            .map(|project| project.as_ref().map(|project| Pipeline::new(project, user_identities())));
        let [left, right] = &pipelines;
        let changed = match (&old_project, &new_project) {
            (Some(old_project), Some(new_project)) if new.is_none() && new_project.apps.len() > FEW_APPS => {
                changed_files(&old, read_paths(&[old_project, new_project]))
            }
            _ => None,
        };
        let label = range.to.clone().unwrap_or_else(|| "the work tree".to_owned());
        let from = if range.is_since_fork { old.commit.chars().take(12).collect() } else { range.from.clone() };
        let pair = ProjectPair {
            left: DiffSide { label: &from, pipeline: left.as_ref(), upward: Some(&old.upward) },
            right: DiffSide { label: &label, pipeline: right.as_ref(), upward: new.as_ref().map(|new| &new.upward) },
            changed,
        };
        let scope = DiffScope { environments: &self.environments, apps: &self.apps };
        let mut report = diff::compare_projects(&pair, scope)?;
        if range.is_since_fork {
            report.left.clone_from(&range.from);
        }
        Ok(report)
    }

    /// An environment or app that neither side has is a mistake.
    fn check_names(&self, old: Option<&Project>, new: Option<&Project>) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::new();
        for name in &self.environments {
            let known = [old, new].into_iter().flatten().any(|project| project.has_environment(name));
            if !known && let Some(project) = new.or(old) {
                problems.take(find_environment(project, name));
            }
        }
        if !self.apps.is_empty() {
            let mut found = Vec::new();
            for project in [old, new].into_iter().flatten() {
                let pipeline = Pipeline::new(project, user_identities());
                found.push(find_apps(&pipeline, project, &self.apps).map(drop));
            }
            if !found.iter().any(Result::is_ok)
                && let Some(Err(unknown)) = found.pop()
            {
                problems.extend(unknown);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Number of apps up to which all are compared with the work tree, without a search for changed files.
const FEW_APPS: usize = 8;

/// Paths that states of a project read, except for files that are named with `..`.
fn read_paths(projects: &[&Project]) -> Vec<PathBuf> {
    let paths: BTreeSet<PathBuf> = projects
        .iter()
        .flat_map(|project| {
            let apps = project.apps.iter().map(|app| app.directory.clone());
            apps.chain(project.shared.clone()).chain([project.files.root().join(PROJECT_FILE)])
        })
        .collect_set();
    paths.into_iter().collect()
}

/// The project of the work tree, of which a sparse checkout may leave files out.
fn project_of_work_tree(global: &GlobalArgs) -> Result<Project, Diagnostics> {
    let sparse = sparse_work_tree(&global.directory)?.map(|sparse| project_of(&sparse.disk, global)).transpose()?;
    sparse.flatten().map_or_else(|| Project::discover(&global.directory), Ok)
}

/// The project of a revision, at the same place; none if it has none.
fn project_of(disk: &Disk, global: &GlobalArgs) -> Result<Option<Project>, Diagnostics> {
    let start = septum::disk::canonical_path(&global.directory)
        .map_err(|error| Diagnostic::unreadable(&output::shown_path(&global.directory), &error))?;
    match Project::locate(disk, &start) {
        Some(root) => Project::open(disk, &root).map(Some),
        None => Ok(None),
    }
}
