//! Checks of the next commit: only its new content, and without any key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::finding::{Finding, RULES, RepoLayout, sort_findings};
use super::{Baseline, CheckReport, CheckScope, UserRules, check_apps, leftover, unencrypted};
use crate::diagnostic::{Diagnostics, Rule, shown_path};
use crate::disk::{BoundedRoot, DirEntryKind};
use crate::files::{FileKind, refuse_file};
use crate::git::GitIndex;
use crate::layer::EntrySource;
use crate::map::HashSet;
use crate::name::EnvironmentName;
use crate::object::Day;
use crate::pipeline::{Pipeline, Survey};
use crate::project::{App, PROJECT_FILE, Project, ProjectRoot};
use crate::sops::{Identities, IdentitySources, SopsConfig, SopsConfigCache, Timestamp};
use crate::sort::CollectSorted;

/// Rules about references to missing files. If files are removed, they are the cause.
const OF_REMOVED: [Rule; 4] = [Rule::MissingFile, Rule::MissingLayer, Rule::NoEnvironment, Rule::UnknownFile];

/// Rules about references to files that are not read. If links are staged, they are the cause, wherever they are on
/// the path.
const OF_LINKS: [Rule; 4] = [Rule::MissingFile, Rule::OutsideProject, Rule::TemplateFailed, Rule::Unreadable];

/// The files that findings must be about.
#[derive(Debug, Default)]
pub struct StagedFilter {
    /// Names in messages.
    names: BTreeSet<String>,
    /// Absolute paths.
    paths: BTreeSet<PathBuf>,
    has_removed: bool,
    has_links: bool,
}

/// The entries of layers whose value is one of these files: problems of the file are reported there.
#[derive(Debug, Default)]
pub(super) struct StagedEntryRefs(HashSet<(String, usize)>);

/// Checks the staged files: in every project that contains one, the apps that they concern.
///
/// The result is the same on every machine: encrypted values are not checked.
pub fn check_staged(
    index: &GitIndex,
    rules: &[UserRules],
    today: Option<Day>,
    now: Timestamp,
) -> Result<CheckReport, Diagnostics> {
    let mut report = CheckReport::default();
    for root in staged_projects(index) {
        let project = Project::open(&index.disk, &root)?;
        let baseline = Baseline::of_project(&project)?;
        let apps = affected_apps(&project, index);
        if apps.is_empty() && project.misnamed.is_empty() {
            continue;
        }
        let only = StagedFilter::of(&project, index);
        let environments: Vec<EnvironmentName> = project.environments().into_iter().cloned().collect();
        let mut pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        pipeline.library.read_partial_layers();
        let scope = CheckScope {
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
        let mut found = check_apps(&pipeline, &scope);
        found.in_repository(project.files.root(), &index.root);
        report.add(found);
    }
    report.add(find_unencrypted(index, &report));
    Ok(report)
}

/// The projects that contain staged files.
fn staged_projects(index: &GitIndex) -> BTreeSet<ProjectRoot> {
    let directories: BTreeSet<&Path> =
        staged_paths(index).filter_map(Path::parent).map(|directory| visible_ancestor(index, directory)).collect_set();
    directories.into_iter().filter_map(|directory| Project::locate(&index.disk, directory)).collect_set()
}

/// The nearest directory that is in no hidden one: those are not searched for projects, and a workflow file may be
/// named `septum.yaml`.
fn visible_ancestor<'p>(index: &GitIndex, directory: &'p Path) -> &'p Path {
    let is_visible = |directory: &&Path| {
        let inside = directory.strip_prefix(&index.root).unwrap_or(directory);
        !inside.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    directory.ancestors().find(is_visible).unwrap_or(directory)
}

fn staged_paths(index: &GitIndex) -> impl Iterator<Item = &Path> {
    index.changed.iter().chain(&index.removed).map(PathBuf::as_path)
}

/// The apps that use staged files of a project.
fn affected_apps<'p>(project: &'p Project, index: &GitIndex) -> Vec<&'p App> {
    let root = project.files.root();
    let mut concerned: BTreeSet<usize> = BTreeSet::new();
    let mut others = Vec::new();
    for path in staged_paths(index) {
        let is_named = |name: &str| path.file_name().is_some_and(|file| file == name);
        let directory = path.parent().unwrap_or(path);
        let of_all = path == root.join(PROJECT_FILE)
            || project
                .shared
                .as_deref()
                .is_some_and(|shared| path.starts_with(shared) || (is_named(RULES) && shared.starts_with(directory)));
        if of_all {
            return project.apps.iter().collect();
        }
        let is_of =
            |app: &App| path.starts_with(&app.directory) || (is_named(RULES) && app.directory.starts_with(directory));
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
            let text = project.files.read_bytes(FileKind::Layer, &file).ok();
            text.is_some_and(|text| finders.iter().any(|name| name.find(&text).is_some()))
        })
    };
    let apps = project.apps.iter().enumerate();
    apps.filter(|(at, app)| concerned.contains(at) || (!finders.is_empty() && names(app))).map(|(_, app)| app).collect()
}

/// Staged files, of apps or not, that should be encrypted and are not, and other problems of such files.
fn find_unencrypted(index: &GitIndex, known: &CheckReport) -> CheckReport {
    let mut report = CheckReport::default();
    let bounds = match BoundedRoot::new(index.disk.clone(), &index.root) {
        Ok(bounds) => bounds,
        Err(error) => {
            let error = refuse_file(&error.into(), FileKind::SecretFile, &index.root.display().to_string());
            report.findings.push(Finding::new_finding(error, None, None, None));
            return report;
        }
    };
    let paths = index.changed.iter().filter(|path| bounds.has(path) && !bounds.is_directory(path));
    let named: Vec<_> =
        paths.map(|path| (path.clone(), shown_path(path.strip_prefix(&index.root).unwrap_or(path)))).collect();
    let drafts = named.iter().filter(|(path, _)| leftover::is_path_of_draft(path));
    report
        .findings
        .extend(drafts.map(|(_, name)| Finding::new_finding(leftover::leftover_draft(name), None, None, None)));
    let known = known.findings.iter().chain(&known.accepted).filter_map(|it| Some((it.diagnostic.rule, it.path()?)));
    let book = SopsConfigCache::with_disk(index.disk.clone());
    report.findings.extend(unencrypted::of_files(&bounds, &book, &named, &known.collect()));
    // an error in rules applies to each file
    report.findings = sort_findings(report.findings);
    report.in_repository(&index.root, &index.root);
    report
}

impl StagedFilter {
    fn of(project: &Project, index: &GitIndex) -> Self {
        let rules =
            index.changed.iter().filter(|path| path.ends_with(RULES)).map(|path| SopsConfig::display_path(path));
        let names = index.changed.iter().map(|path| project.files.name(path)).chain(rules).collect_set();
        let is_link = |path: &PathBuf| matches!(index.disk.kind(path), Ok(Some(DirEntryKind::Link)));
        Self {
            names,
            paths: index.changed.iter().cloned().collect_set(),
            has_removed: !index.removed.is_empty(),
            has_links: index.changed.iter().any(is_link),
        }
    }

    /// Locations of entries whose values are the content of these files.
    pub(super) fn find_entry_refs(&self, survey: &Survey) -> StagedEntryRefs {
        let mut found = HashSet::default();
        for resolved in survey.readable() {
            for (_, _, entry) in resolved.definition.entries() {
                let source = entry.source.as_ref().map(|source| &source.value);
                if let Some(EntrySource::File(path) | EntrySource::Template(path)) = source
                    && self.paths.contains(&crate::disk::normalize_path(path))
                {
                    let place = entry.place();
                    found.insert((place.source.name().to_owned(), place.span.line));
                }
            }
        }
        StagedEntryRefs(found)
    }

    /// Whether a finding is about a staged file. One without a location may be.
    pub(super) fn has_finding(&self, finding: &Finding, anchors: &StagedEntryRefs) -> bool {
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

impl CheckReport {
    /// Adds the report of another project.
    fn add(&mut self, other: Self) {
        let Self { findings, accepted, unseen, targets, missing_keys: _ } = other;
        self.findings.extend(findings);
        self.accepted.extend(accepted);
        self.unseen.extend(unseen);
        self.targets.extend(targets);
    }

    /// Sets the location of the project in its repository: tools that annotate code need paths from there.
    pub fn in_repository(&mut self, project: &Path, repository: &Path) {
        if let Some(home) = RepoLayout::new(repository, project) {
            let all = self.findings.iter_mut().chain(&mut self.accepted);
            all.for_each(|finding| finding.set_layout(&home));
            self.unseen.iter_mut().for_each(|unchecked| unchecked.set_layout(&home));
        }
    }
}
