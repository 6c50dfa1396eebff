//! A project with open documents, and its findings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::documents::DocumentStore;
use super::findings::{FileDiagnostics, FindingConverter};
use super::position::ColumnUnit;
use crate::budget;
use crate::check::{self, AppCheck, BASELINE, Baseline, CheckScope, Finding};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::{InputQuery, SOPS_CONFIG};
use crate::name::EnvironmentName;
use crate::pipeline::Pipeline;
use crate::project::{App, BASE, PROJECT_FILE, Project, ProjectRoot};
use crate::sops::{Identities, IdentitySources, Timestamp};
use crate::sort::{CollectSorted, sort_by_key};

/// Files on which every app depends, by name.
const SHARED_FILES: [&str; 4] = [PROJECT_FILE, SOPS_CONFIG, BASELINE, ".gitignore"];

/// Files that may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedFiles {
    /// Any.
    All,
    /// Some.
    Some(BTreeSet<PathBuf>),
}

impl ChangedFiles {
    /// Adds a file.
    pub(super) fn add(&mut self, path: PathBuf) {
        if let Self::Some(paths) = self {
            paths.insert(path);
        }
    }

    fn concern_all(&self) -> bool {
        let is_shared = |path: &PathBuf| path.file_name().is_some_and(|name| SHARED_FILES.iter().any(|it| *it == name));
        match self {
            Self::All => true,
            Self::Some(paths) => paths.iter().any(is_shared),
        }
    }

    fn concern(&self, app: &App, known: &CheckedApp, shared: Option<&Path>) -> bool {
        match self {
            Self::All => true,
            Self::Some(paths) => paths.iter().any(|path| known.depends_on(app, shared, path)),
        }
    }
}

/// App with its findings, and what they depend on.
struct CheckedApp {
    environments: Vec<EnvironmentName>,
    check: AppCheck,
}

impl CheckedApp {
    fn depends_on(&self, app: &App, shared: Option<&Path>, path: &Path) -> bool {
        let is_input = |input: &InputQuery| match input {
            InputQuery::File(file) => file == path,
            InputQuery::Matching(directory, _) => path.starts_with(directory),
        };
        path.starts_with(&app.directory)
            || shared.is_some_and(|shared| path.starts_with(shared))
            || self.check.inputs.as_ref().is_none_or(|inputs| inputs.iter().any(is_input))
    }
}

/// Project with open documents.
pub struct OpenProject {
    /// Its root.
    pub root: ProjectRoot,
    apps: BTreeMap<PathBuf, CheckedApp>,
    /// Findings of the last check.
    pub(super) findings: Vec<Finding>,
    /// Errors for which it could not be checked.
    errors: Vec<Diagnostic>,
    /// Number of apps that were checked last, for tests of the work.
    pub checked: usize,
}

impl OpenProject {
    /// A project that was not checked yet.
    pub fn new(root: ProjectRoot) -> Self {
        Self { root, apps: BTreeMap::new(), findings: Vec::new(), errors: Vec::new(), checked: 0 }
    }

    /// Checks the apps that some files concern, with the texts of open documents. Nothing is decrypted.
    pub fn check(&mut self, documents: &DocumentStore, changed: &ChangedFiles, now: Timestamp) {
        budget::reset_budgets();
        self.findings.clear();
        self.errors.clear();
        self.checked = 0;
        if let Err(problems) = self.check_project(documents, changed, now) {
            // what is known is of another project file
            self.apps.clear();
            self.errors = problems.into_sorted();
        }
    }

    fn check_project(
        &mut self,
        documents: &DocumentStore,
        changed: &ChangedFiles,
        now: Timestamp,
    ) -> Result<(), Diagnostics> {
        let project = Project::open(&documents.disk(), &self.root)?;
        let mut pipeline = Pipeline::new(&project, no_identities());
        pipeline.library.read_partial_layers();
        let baseline = Baseline::of_project(&project)?;
        let apps: Vec<&App> = project.apps.iter().collect();
        let environments: Vec<EnvironmentName> = project.environments().into_iter().cloned().collect();
        let scope = CheckScope {
            is_whole: true,
            baseline: baseline.as_ref(),
            ..CheckScope::of_layers(&apps, &environments, now)
        };
        if changed.concern_all() {
            self.apps.clear();
        }
        let shared = project.shared.as_deref();
        let is_known = |app: &App| {
            let known = self.apps.get(&app.directory).filter(|known| known.environments == app.environments);
            known.is_some_and(|known| !changed.concern(app, known, shared))
        };
        let concerned: Vec<&App> = apps.iter().copied().filter(|app| !is_known(app)).collect();
        self.checked = concerned.len();
        let checks = check::check_each_app(&pipeline, &scope, concerned.clone());
        let directories: BTreeSet<&Path> = apps.iter().map(|app| app.directory.as_path()).collect_set();
        self.apps.retain(|directory, _| directories.contains(directory.as_path()));
        for (app, check) in concerned.into_iter().zip(checks) {
            let checked = CheckedApp { environments: app.environments.clone(), check };
            self.apps.insert(app.directory.clone(), checked);
        }
        let known = apps.iter().filter_map(|app| self.apps.get(&app.directory)).map(|known| known.check.clone());
        let mut report = check::combine_checks(&pipeline, &scope, known);
        report.excuse_missing_keys();
        self.findings = report.findings;
        Ok(())
    }

    /// Directories of the apps that a file belongs to, the nearest first.
    pub(super) fn apps_of(&self, path: &Path) -> Vec<&Path> {
        let is_input = |checked: &CheckedApp| {
            let inputs = checked.check.inputs.as_ref();
            inputs.is_some_and(|inputs| inputs.contains(&InputQuery::File(path.to_path_buf())))
        };
        let of_file = self.apps.iter().filter(|(directory, checked)| path.starts_with(directory) || is_input(checked));
        let mut directories: Vec<&Path> = of_file.map(|(directory, _)| directory.as_path()).collect();
        sort_by_key(&mut directories, |directory| {
            (!path.starts_with(directory), std::cmp::Reverse(directory.as_os_str().len()))
        });
        directories
    }

    /// Diagnostics of each file.
    pub(super) fn diagnostics(&self, documents: &DocumentStore, unit: ColumnUnit) -> FileDiagnostics {
        let root = self.root.directory();
        let default = match &self.root {
            ProjectRoot::Settings(root) => root.join(PROJECT_FILE),
            ProjectRoot::App(app) => app.join(format!("{BASE}.yaml")),
        };
        let converter = FindingConverter { root, default: &default, documents, unit };
        converter.convert_all(self.errors.iter().chain(self.findings.iter().map(|finding| &finding.diagnostic)))
    }
}

/// No identities: an editor decrypts nothing.
pub(super) fn no_identities() -> Identities {
    Identities::new(IdentitySources::default())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::Disk;

    /// A project of three apps that share a layer; `a` reads a file outside of its directory.
    fn write_project(root: &Path) {
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("septum.yaml", "apps: [\"apps/*\"]\nshared: shared\n");
        write("shared/base.yaml", "vars: { domain: example.com }\n");
        write(
            "common/web.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n",
        );
        for app in ["a", "b", "c"] {
            let file = if app == "a" { "  WEB: { file: ../../common/web.yaml }\n" } else { "" };
            write(&format!("apps/{app}/base.yaml"), &format!("data:\n  HOST: \"{{{{ vars.domain }}}}\"\n{file}"));
            write(&format!("apps/{app}/dev.yaml"), "");
        }
    }

    #[test]
    fn a_change_checks_the_apps_that_it_concerns_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        write_project(&root);
        let located = Project::locate(&Disk::default(), &root.join("apps/a")).unwrap();
        let mut project = OpenProject::new(located);
        let documents = DocumentStore::default();
        let now = Timestamp::from_system_time(std::time::UNIX_EPOCH);
        let mut checked = |changed: &[&str]| {
            let changed = ChangedFiles::Some(changed.iter().map(|name| root.join(name)).collect());
            project.check(&documents, &changed, now);
            assert!(project.errors.is_empty() && project.findings.is_empty(), "{:?}", project.findings);
            project.checked
        };
        assert_eq!(checked(&[]), 3, "at first");
        for (file, expected) in [
            ("apps/a/base.yaml", 1),
            ("apps/b/dev.yaml", 1),
            ("apps/c/files/new.txt", 1),
            ("shared/base.yaml", 3),
            ("shared/dev.yaml", 3),
            ("common/web.yaml", 1),
            ("septum.yaml", 3),
            (".sops.yaml", 3),
            ("README.md", 0),
            ("rendered/dev/a/ConfigMap-a.yaml", 0),
        ] {
            assert_eq!(checked(&[file]), expected, "{file}");
        }
        assert_eq!(checked(&["apps/a/base.yaml", "apps/b/base.yaml", "README.md"]), 2);
        fs::write(root.join("apps/c/prod.yaml"), "").unwrap();
        assert_eq!(checked(&[]), 1, "a new environment");
    }
}
