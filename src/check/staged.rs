//! What the next commit would hold: only what of it is new, and without any key.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::finding::{Finding, Home, RULES, slashed};
use super::{Baseline, Report, Scope, UserRules, check, leftover, sorted, unencrypted};
use crate::diagnostic::Diagnostics;
use crate::disk::{Kind, Root};
use crate::files::{FileKind, refuse};
use crate::git::Index;
use crate::layer::EntrySource;
use crate::name::EnvironmentName;
use crate::object::Day;
use crate::pipeline::{Pipeline, Survey};
use crate::project::{App, PROJECT_FILE, Project, ProjectRoot};
use crate::sops::{Identities, Places, RuleBook, Rules, Timestamp};

/// Rules of what names something that is not there. If files are removed, they are why.
const OF_REMOVED: [&str; 4] = ["missing-file", "missing-layer", "no-environment", "unknown-file"];

/// Rules of what names something that is not read. If links are staged, they are why, wherever they are on the way.
const OF_LINKS: [&str; 4] = ["missing-file", "outside-project", "template-failed", "unreadable"];

/// The files that findings have to be about.
#[derive(Debug, Default)]
pub struct Only {
    /// As messages name them.
    names: BTreeSet<String>,
    /// Absolute.
    paths: BTreeSet<PathBuf>,
    has_removed: bool,
    has_links: bool,
}

/// The entries of layers whose value is one of these files: what is wrong with it is told there.
#[derive(Debug, Default)]
pub(super) struct Anchors(HashSet<(String, usize)>);

/// Checks what is staged: in every project that a staged file lies in, the apps that it concerns.
///
/// The same on every machine: what takes a key is not looked at.
pub fn staged(index: &Index, rules: &[UserRules], today: Option<Day>, now: Timestamp) -> Result<Report, Diagnostics> {
    let mut report = Report::default();
    for root in roots(index) {
        let project = Project::open(&index.disk, &root)?;
        let baseline = Baseline::of_project(&project)?;
        let apps = concerned(&project, index);
        if apps.is_empty() && project.misnamed.is_empty() {
            continue;
        }
        let only = Only::of(&project, index);
        let environments: Vec<EnvironmentName> = project.environments().into_iter().cloned().collect();
        let pipeline = Pipeline::new(&project, Identities::new(Places::default()));
        let scope = Scope {
            apps: &apps,
            environments: &environments,
            is_whole: false,
            rendered: None,
            rules,
            baseline: baseline.as_ref(),
            today,
            now,
            only: Some(&only),
        };
        let mut found = check(&pipeline, &scope);
        found.in_repository(project.files.root(), &index.root);
        report.add(found);
    }
    report.add(encrypted(index, &report));
    Ok(report)
}

/// The projects that staged files lie in.
fn roots(index: &Index) -> BTreeSet<ProjectRoot> {
    let folders: BTreeSet<&Path> = all(index).filter_map(Path::parent).map(|folder| visible(index, folder)).collect();
    folders.into_iter().filter_map(|folder| Project::locate(&index.disk, folder)).collect()
}

/// The nearest directory that is in no hidden one: those are not searched for projects, and a workflow of a forge may be
/// called `septum.yaml`.
fn visible<'p>(index: &Index, folder: &'p Path) -> &'p Path {
    let is_visible = |folder: &&Path| {
        let inside = folder.strip_prefix(&index.root).unwrap_or(folder);
        !inside.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    folder.ancestors().find(is_visible).unwrap_or(folder)
}

fn all(index: &Index) -> impl Iterator<Item = &Path> {
    index.changed.iter().chain(&index.removed).map(PathBuf::as_path)
}

/// The apps that staged files of a project are about.
fn concerned<'p>(project: &'p Project, index: &Index) -> Vec<&'p App> {
    let root = project.files.root();
    let mut concerned: BTreeSet<usize> = BTreeSet::new();
    let mut others = Vec::new();
    for path in all(index) {
        let is_named = |name: &str| path.file_name().is_some_and(|file| file == name);
        let folder = path.parent().unwrap_or(path);
        let of_all = path == root.join(PROJECT_FILE)
            || project
                .shared
                .as_deref()
                .is_some_and(|shared| path.starts_with(shared) || (is_named(RULES) && shared.starts_with(folder)));
        if of_all {
            return project.apps.iter().collect();
        }
        let is_of = |app: &App| path.starts_with(&app.folder) || (is_named(RULES) && app.folder.starts_with(folder));
        let before = concerned.len();
        concerned.extend((0..project.apps.len()).filter(|&at| project.apps.get(at).is_some_and(is_of)));
        if concerned.len() == before && path.starts_with(root) {
            others.extend(path.file_name().map(std::ffi::OsStr::as_encoded_bytes));
        }
    }
    // a file elsewhere in the project concerns those that name it
    let finders: Vec<_> = others.into_iter().map(memmem::Finder::new).collect();
    let names = |app: &App| {
        app.files().any(|file| {
            let text = project.files.bytes(FileKind::Layer, &file).ok();
            text.is_some_and(|text| finders.iter().any(|name| name.find(&text).is_some()))
        })
    };
    let apps = project.apps.iter().enumerate();
    apps.filter(|(at, app)| concerned.contains(at) || (!finders.is_empty() && names(app))).map(|(_, app)| app).collect()
}

/// Staged files, of apps or not, that should be encrypted and are not, and what else is wrong with such files.
fn encrypted(index: &Index, known: &Report) -> Report {
    let mut report = Report::default();
    let bounds = match Root::new(index.disk.clone(), &index.root) {
        Ok(bounds) => bounds,
        Err(error) => {
            let error = refuse(&error.into(), FileKind::SecretFile, &index.root.display().to_string());
            report.findings.push(Finding::of(error, None, None, None));
            return report;
        }
    };
    let paths = index.changed.iter().filter(|path| bounds.has(path) && !bounds.is_folder(path));
    let named: Vec<_> =
        paths.map(|path| (path.clone(), slashed(path.strip_prefix(&index.root).unwrap_or(path)))).collect();
    let drafts = named.iter().filter(|(path, _)| leftover::is_path_of_draft(path));
    report.findings.extend(drafts.map(|(_, name)| Finding::of(leftover::draft(name), None, None, None)));
    let known = known.findings.iter().chain(&known.accepted).filter_map(|it| Some((it.diagnostic.rule, it.path()?)));
    let book = RuleBook::on(index.disk.clone());
    report.findings.extend(unencrypted::of_files(&bounds, &book, &named, &known.collect()));
    // what is wrong with rules is wrong for each file
    report.findings = sorted(report.findings);
    report.in_repository(&index.root, &index.root);
    report
}

impl Only {
    fn of(project: &Project, index: &Index) -> Self {
        let rules = index.changed.iter().filter(|path| path.ends_with(RULES)).map(|path| Rules::shown(path));
        let names = index.changed.iter().map(|path| project.files.name(path)).chain(rules).collect();
        let is_link = |path: &PathBuf| matches!(index.disk.kind(path), Ok(Some(Kind::Link)));
        Self {
            names,
            paths: index.changed.iter().cloned().collect(),
            has_removed: !index.removed.is_empty(),
            has_links: index.changed.iter().any(is_link),
        }
    }

    /// Where the files are named whose content is a value.
    pub(super) fn anchors(&self, survey: &Survey) -> Anchors {
        let mut found = HashSet::new();
        for resolved in &survey.environments {
            for (_, _, entry) in resolved.definition.entries() {
                let source = entry.source.as_ref().map(|source| &source.value);
                if let Some(EntrySource::File(path) | EntrySource::Template(path)) = source
                    && self.paths.contains(&crate::disk::normalize(path))
                {
                    let place = entry.place();
                    found.insert((place.source.name().to_owned(), place.span.line));
                }
            }
        }
        Anchors(found)
    }

    /// Whether a finding is about what is staged. What has no place may be.
    pub(super) fn has(&self, finding: &Finding, anchors: &Anchors) -> bool {
        let mut labels = finding.diagnostic.labels.iter().map(|label| &label.place).peekable();
        let rule = finding.diagnostic.rule;
        let is_why = self.has_removed && OF_REMOVED.contains(&rule) || self.has_links && OF_LINKS.contains(&rule);
        is_why
            || labels.peek().is_none()
            || labels.any(|place| {
                let name = place.source.name();
                self.names.contains(name) || anchors.0.contains(&(name.to_owned(), place.span.line))
            })
    }
}

impl Report {
    /// What was found in several projects.
    fn add(&mut self, other: Self) {
        let Self { findings, accepted, unseen } = other;
        self.findings.extend(findings);
        self.accepted.extend(accepted);
        self.unseen.extend(unseen);
    }

    /// Says where in a repository the project lies: who shows findings in code wants paths from there.
    pub fn in_repository(&mut self, project: &Path, repository: &Path) {
        if let Some(home) = Home::new(repository, project) {
            let all = self.findings.iter_mut().chain(&mut self.accepted);
            all.for_each(|finding| finding.set_home(&home));
        }
    }
}
