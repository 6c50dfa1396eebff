//! Two projects side by side, app by app.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::change::{Change, ChangeKind, ChangeSubject, DiffReport, ShownValue};
use super::cluster::{Cluster, ClusterObjects};
use super::compare::compare_targets;
use super::foreign;
use super::matrix::{MatrixRow, matrix_rows};
use super::snapshot::TargetSnapshot;
use super::value::ValueMarker;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::import::SourceObject;
use crate::leak_scan::SecretFinder;
use crate::name::EnvironmentName;
use crate::parallel;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::{App, PROJECT_FILE};
use crate::visibility::KeyAccess;

/// Number of apps from which threads are worth their cost.
const FEW: usize = 4;

/// One side of a comparison: a project in one state.
#[derive(Debug)]
pub struct DiffSide<'a> {
    /// Label of the state: a revision, or the work tree.
    pub label: &'a str,
    /// The project, if this state has it.
    pub pipeline: Option<&'a Pipeline<'a>>,
    /// Files that may refer to other directories, if this state is a revision.
    pub upward: Option<&'a BTreeSet<PathBuf>>,
}

/// Two states of a project.
#[derive(Debug)]
pub struct ProjectPair<'a> {
    /// The old state.
    pub left: DiffSide<'a>,
    /// The new state.
    pub right: DiffSide<'a>,
}

/// Part of the project that is compared.
#[derive(Debug, Clone, Copy)]
pub struct DiffScope<'a> {
    /// Environments; all if there are none.
    pub environments: &'a [String],
    /// Names of apps; all if there are none.
    pub apps: &'a [String],
}

impl DiffScope<'_> {
    fn has_environment(&self, name: &EnvironmentName) -> bool {
        self.environments.is_empty() || self.environments.iter().any(|wanted| wanted == name.as_str())
    }
}

/// An app of one side, surveyed.
struct SurveyedApp<'a> {
    pipeline: &'a Pipeline<'a>,
    survey: Survey,
    /// Environments that could not be decrypted.
    locked: BTreeSet<EnvironmentName>,
    /// Whether some of its values are invalid: they are compared as far as they are known.
    has_errors: bool,
}

impl SurveyedApp<'_> {
    /// The state of an environment; none if the app does not have it.
    fn snapshot(
        &self,
        name: &EnvironmentName,
        marker: &ValueMarker,
        errors: &mut Diagnostics,
    ) -> Option<TargetSnapshot> {
        self.survey.environment(name)?;
        Some(TargetSnapshot::of_environment(self.pipeline, &self.survey, name, marker, errors))
    }
}

/// Compares two environments of one state, in all apps that have either.
pub fn compare_environments(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    (left, right): (&EnvironmentName, &EnvironmentName),
) -> Result<DiffReport, Diagnostics> {
    let marker = ValueMarker::random();
    let compare = |app: &&App| {
        let asked = [left.clone(), right.clone()].into_iter().filter(|name| app.environments.contains(name));
        let asked: Vec<_> = asked.collect();
        let mut found = AppChanges::default();
        let Some(surveyed) = survey_app(pipeline, app, &asked, KeyAccess::Decrypt, &mut found.problems) else {
            return found;
        };
        let finder = SecretFinder::of(surveyed.survey.environments.iter().map(|it| (it, &surveyed.survey.routing)));
        let mut errors = Diagnostics::new();
        let mut snapshot = |name| surveyed.snapshot(name, &marker, &mut errors).unwrap_or_default();
        let (was, is) = (snapshot(left), snapshot(right));
        if surveyed.has_errors || errors.has_errors() {
            found.broken.insert(LAYERS.to_owned());
        }
        let environments = [left.to_string(), right.to_string()];
        found.changes = compare_targets(surveyed.survey.app.as_str(), &environments, &was, &is, &marker);
        if let Some(missing) = missing_environment(&surveyed.survey, left, right, &environments) {
            found.changes.retain(|change| change.kind == missing.kind);
            found.changes.push(missing);
        }
        mask_secrets(&mut found.changes, &finder);
        found.warn_locked(&surveyed);
        found
    };
    let found = parallel::par_map(apps.to_vec(), FEW, |app| compare(&app));
    let report = AppChanges::into_report(found, left.as_str(), right.as_str())?;
    Ok(DiffReport { is_pair: true, ..report })
}

/// Keys that differ between several environments, and warnings.
#[derive(Debug, Default)]
pub struct MatrixReport {
    /// A row for each key.
    pub rows: Vec<MatrixRow>,
    /// Warnings.
    pub warnings: Diagnostics,
}

/// Compares several environments of one state.
pub fn compare_many(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    environments: &[EnvironmentName],
) -> Result<MatrixReport, Diagnostics> {
    let marker = ValueMarker::random();
    let compare = |app: &App| {
        let mut problems = Diagnostics::new();
        let asked: Vec<_> = environments.iter().filter(|name| app.environments.contains(name)).cloned().collect();
        let Some(surveyed) = survey_app(pipeline, app, &asked, KeyAccess::Decrypt, &mut problems) else {
            return (Vec::new(), problems);
        };
        let survey = &surveyed.survey;
        let finder = SecretFinder::of(survey.environments.iter().map(|it| (it, &survey.routing)));
        let mut errors = Diagnostics::new();
        let side =
            |name: &EnvironmentName| (name.clone(), surveyed.snapshot(name, &marker, &mut errors).unwrap_or_default());
        let sides: Vec<_> = environments.iter().map(side).collect();
        (matrix_rows(survey.app.as_str(), &sides, &marker, &finder), problems)
    };
    let mut report = MatrixReport::default();
    for (rows, problems) in parallel::par_map(apps.to_vec(), FEW, compare) {
        report.rows.extend(rows);
        report.warnings.extend(problems);
    }
    report.rows.sort_by(|a, b| (&a.app, &a.bundle, &a.key).cmp(&(&b.app, &b.bundle, &b.key)));
    if report.warnings.has_errors() { Err(report.warnings) } else { Ok(report) }
}

/// Objects that an environment is compared with.
#[derive(Debug)]
pub enum LiveObjects {
    /// Those of a cluster.
    Cluster(Cluster),
    /// Those that were read.
    Read(Vec<SourceObject>),
}

/// Compares objects with those that an environment renders.
pub fn compare_with_objects(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    environment: &EnvironmentName,
    live: LiveObjects,
    label: &str,
) -> Result<DiffReport, Diagnostics> {
    let marker = ValueMarker::random();
    let asked = std::slice::from_ref(environment);
    let mut problems = Diagnostics::new();
    let mut forms = Vec::new();
    let mut found = AppChanges::default();
    for app in apps.iter().filter(|app| app.environments.contains(environment)) {
        let Some(surveyed) = survey_app(pipeline, app, asked, KeyAccess::Decrypt, &mut problems) else { continue };
        let form = foreign::object_form(pipeline, &surveyed.survey, environment, &marker, &mut problems);
        found.warn_locked(&surveyed);
        forms.push((surveyed, form));
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let addresses: Vec<_> = forms.iter().flat_map(|(_, form)| form.addresses.iter().cloned()).collect();
    let (is_live, mut read) = match live {
        LiveObjects::Cluster(cluster) => (true, cluster.read(&addresses, pipeline.references())?),
        LiveObjects::Read(objects) => (false, ClusterObjects { objects, ..ClusterObjects::default() }),
    };
    let finder = SecretFinder::of(
        forms.iter().flat_map(|(it, _)| it.survey.environments.iter().map(|resolved| (resolved, &it.survey.routing))),
    );
    let environments = [environment.to_string()];
    for (surveyed, form) in &forms {
        let left = foreign::take_matching(&mut read.objects, &form.addresses, is_live, &marker);
        let app = surveyed.survey.app.as_str();
        found.changes.extend(compare_targets(app, &environments, &left, &form.snapshot, &marker));
    }
    let others = foreign::other_objects(&read.objects, &marker);
    found.changes.extend(compare_targets("", &environments, &others, &TargetSnapshot::default(), &marker));
    mask_secrets(&mut found.changes, &finder);
    let mut report = AppChanges::into_report(vec![found], label, environment.as_str())?;
    report.former_users = read.former_users;
    report.warnings.extend(read.warnings);
    Ok(report)
}

/// Compares two sets of objects.
pub fn compare_files(left: &[SourceObject], right: &[SourceObject], labels: (&str, &str)) -> DiffReport {
    let marker = ValueMarker::random();
    let sides = [left, right].map(|objects| foreign::other_objects(objects, &marker));
    let [was, is] = &sides;
    let mut changes = compare_targets("", &[], was, is, &marker);
    changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    DiffReport { left: labels.0.to_owned(), right: labels.1.to_owned(), changes, ..DiffReport::default() }
}

/// An environment that the app has on one side only.
fn missing_environment(
    survey: &Survey,
    left: &EnvironmentName,
    right: &EnvironmentName,
    environments: &[String],
) -> Option<Change> {
    let kind = match (survey.environment(left).is_some(), survey.environment(right).is_some()) {
        (false, true) => ChangeKind::Added,
        (true, false) => ChangeKind::Removed,
        _ => return None,
    };
    Some(whole_target(survey.app.as_str(), environments, kind))
}

fn whole_target(app: &str, environments: &[String], kind: ChangeKind) -> Change {
    Change {
        app: app.to_owned(),
        environments: environments.to_vec(),
        subject: ChangeSubject::Environment,
        kind,
        from: None,
        to: None,
        is_unknown: false,
        routing: None,
        fields: Vec::new(),
    }
}

/// Compares two states of a project, environment by environment. Apps without a changed file are not read, where both
/// states are revisions.
pub fn compare_projects<'a>(pair: &'a ProjectPair<'a>, scope: DiffScope<'a>) -> Result<DiffReport, Diagnostics> {
    let marker = ValueMarker::random();
    let affected = AffectedApps::of(pair);
    let mut jobs: BTreeMap<PathBuf, (Option<&'a App>, Option<&'a App>)> = BTreeMap::new();
    let sides = [pair.left.pipeline, pair.right.pipeline];
    for (index, pipeline) in sides.into_iter().enumerate() {
        let Some(pipeline) = pipeline else { continue };
        for app in pipeline.library.project.apps.iter().filter(|app| affected.has(app)) {
            let job = jobs.entry(app.directory.clone()).or_default();
            if index == 0 {
                job.0 = Some(app);
            } else {
                job.1 = Some(app);
            }
        }
    }
    let compare = |(left, right)| AppComparison { pair, left, right, scope, marker: &marker }.run();
    let found = parallel::par_map(jobs.into_values().collect(), FEW, compare);
    AppChanges::into_report(found, pair.left.label, pair.right.label)
}

/// An app in two states. One of them may not have it.
struct AppComparison<'a> {
    pair: &'a ProjectPair<'a>,
    left: Option<&'a App>,
    right: Option<&'a App>,
    scope: DiffScope<'a>,
    marker: &'a ValueMarker,
}

impl AppComparison<'_> {
    fn run(&self) -> AppChanges {
        let mut found = AppChanges::default();
        let known: BTreeSet<&EnvironmentName> =
            [self.left, self.right].into_iter().flatten().flat_map(|app| &app.environments).collect();
        let names: Vec<EnvironmentName> =
            known.into_iter().filter(|name| self.scope.has_environment(name)).cloned().collect();
        if names.is_empty() {
            return found;
        }
        // one that is open on one side only is compared as it is seen without keys
        let uneven = self.compare(&names, KeyAccess::Decrypt, &mut found);
        if !uneven.is_empty() {
            self.compare(&uneven, KeyAccess::PublicView, &mut found);
        }
        found
    }

    /// Compares environments; returns those that a key decrypts on one side only.
    fn compare(&self, names: &[EnvironmentName], access: KeyAccess, found: &mut AppChanges) -> Vec<EnvironmentName> {
        let mut problems = Diagnostics::new();
        let was = survey_side(&self.pair.left, self.left, names, access, &mut problems);
        let is = survey_side(&self.pair.right, self.right, names, access, &mut problems);
        let has_failed = problems.has_errors();
        found.problems.extend(problems);
        let Some(app) = was.as_ref().or(is.as_ref()).map(|it| it.survey.app.clone()) else { return Vec::new() };
        if has_failed || !(self.scope.apps.is_empty() || self.scope.apps.iter().any(|name| name == app.as_str())) {
            return Vec::new();
        }
        let uneven: Vec<_> = match (&was, &is) {
            (Some(was), Some(is)) => was.locked.symmetric_difference(&is.locked).cloned().collect(),
            _ => Vec::new(),
        };
        let surveys = [&was, &is].into_iter().flatten();
        let finder = SecretFinder::of(
            surveys.flat_map(|it| it.survey.environments.iter().map(|resolved| (resolved, &it.survey.routing))),
        );
        for name in names.iter().filter(|name| !uneven.contains(name)) {
            let [old, new] = [(&self.pair.left, &was), (&self.pair.right, &is)].map(|(side, surveyed)| {
                let surveyed = surveyed.as_ref()?;
                let mut errors = Diagnostics::new();
                let snapshot = surveyed.snapshot(name, self.marker, &mut errors);
                if surveyed.has_errors || errors.has_errors() {
                    found.broken.insert(side.label.to_owned());
                }
                snapshot
            });
            let environments = [name.to_string()];
            let kind = match (&old, &new) {
                (None, Some(_)) => Some(ChangeKind::Added),
                (Some(_), None) => Some(ChangeKind::Removed),
                _ => None,
            };
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            let mut changes = compare_targets(app.as_str(), &environments, &old, &new, self.marker);
            if let Some(kind) = kind {
                changes.retain(|change| change.kind == kind);
                changes.push(whole_target(app.as_str(), &environments, kind));
            }
            mask_secrets(&mut changes, &finder);
            found.changes.append(&mut changes);
        }
        [&was, &is].into_iter().flatten().for_each(|side| found.warn_locked(side));
        uneven
    }
}

/// An app of one side, surveyed; none if the side does not have it.
fn survey_side<'a>(
    side: &DiffSide<'a>,
    app: Option<&App>,
    names: &[EnvironmentName],
    access: KeyAccess,
    problems: &mut Diagnostics,
) -> Option<SurveyedApp<'a>> {
    let (pipeline, app) = (side.pipeline?, app?);
    let asked: Vec<_> = names.iter().filter(|name| app.environments.contains(name)).cloned().collect();
    let mut own = Diagnostics::new();
    let surveyed = survey_app(pipeline, app, &asked, access, &mut own);
    problems_of_side(side, own, problems);
    surveyed
}

fn survey_app<'a>(
    pipeline: &'a Pipeline<'a>,
    app: &App,
    asked: &[EnvironmentName],
    access: KeyAccess,
    problems: &mut Diagnostics,
) -> Option<SurveyedApp<'a>> {
    let mut locked = BTreeMap::new();
    let mut options = SurveyOptions::showing(asked, access);
    if access == KeyAccess::Decrypt {
        options = options.as_far_as_known(&mut locked);
    }
    let mut own = Diagnostics::new();
    let survey = pipeline.survey(app, options, &mut own);
    pipeline.library.forget(app);
    let Some(survey) = survey else {
        problems.extend(own);
        return None;
    };
    let has_errors = own.has_errors() || survey.beside.has_errors();
    Some(SurveyedApp { pipeline, survey, locked: locked.into_keys().collect(), has_errors })
}

/// Adds the problems of one side, each with the state that it is in.
fn problems_of_side(side: &DiffSide<'_>, own: Diagnostics, problems: &mut Diagnostics) {
    problems.extend(own.into_iter().filter(Diagnostic::is_error).map(|found| {
        let note = format!("in {}", side.label);
        found.note(note)
    }));
}

/// Replaces every shown value that contains a secret of either side: it may have been plain before.
fn mask_secrets(changes: &mut [Change], finder: &SecretFinder) {
    for value in changes.iter_mut().flat_map(Change::shown_values) {
        if let ShownValue::Text(text) | ShownValue::Store(text) = value
            && finder.finds(text.as_bytes())
        {
            *value = ShownValue::Secret;
        }
    }
}

/// Differences of one app.
#[derive(Debug, Default)]
struct AppChanges {
    changes: Vec<Change>,
    problems: Diagnostics,
    locked: BTreeSet<EnvironmentName>,
    /// Labels of the sides with invalid values.
    broken: BTreeSet<String>,
}

/// Label of the layers of two environments.
const LAYERS: &str = "the layers";

impl AppChanges {
    fn warn_locked(&mut self, surveyed: &SurveyedApp<'_>) {
        self.locked.extend(surveyed.locked.iter().cloned());
    }

    /// All differences sorted, or all errors.
    fn into_report(all: Vec<Self>, left: &str, right: &str) -> Result<DiffReport, Diagnostics> {
        let mut report = DiffReport { left: left.to_owned(), right: right.to_owned(), ..DiffReport::default() };
        let (mut locked, mut broken) = (BTreeSet::new(), BTreeSet::new());
        for app in all {
            broken.extend(app.broken);
            report.changes.extend(app.changes);
            report.warnings.extend(app.problems);
            locked.extend(app.locked);
        }
        if report.warnings.has_errors() {
            return Err(report.warnings);
        }
        report.locked = locked.into_iter().map(|name| name.to_string()).collect();
        report.broken = broken.into_iter().collect();
        report.changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        Ok(report)
    }
}

/// Apps of which a file differs between two revisions.
enum AffectedApps {
    All,
    Some(BTreeSet<PathBuf>),
}

impl AffectedApps {
    fn of(pair: &ProjectPair<'_>) -> Self {
        let (Some(left), Some(right)) = (pair.left.pipeline, pair.right.pipeline) else { return Self::All };
        let projects = [left.library.project, right.library.project];
        let [Some(old), Some(new)] = projects.map(|project| project.files.disk().snapshot()) else { return Self::All };
        let changed = old.changed_paths(new);
        if changed.is_empty() {
            return Self::Some(BTreeSet::new());
        }
        // a link leads anywhere
        if old.has_links() || new.has_links() {
            return Self::All;
        }
        let mut found = BTreeSet::new();
        for path in &changed {
            let is_of_all = projects.iter().any(|project| {
                *path == project.files.root().join(PROJECT_FILE)
                    || project.shared.as_deref().is_some_and(|shared| path.starts_with(shared))
            });
            if is_of_all {
                return Self::All;
            }
            let apps = projects.iter().flat_map(|project| &project.apps);
            let owners = apps.map(|app| &app.directory).filter(|directory| path.starts_with(directory));
            found.extend(owners.cloned());
        }
        // every other file is named with `..`
        for file in [pair.left.upward, pair.right.upward].into_iter().flatten().flatten() {
            let apps = projects.iter().flat_map(|project| &project.apps);
            found.extend(apps.map(|app| &app.directory).filter(|directory| file.starts_with(directory)).cloned());
            if projects.iter().any(|project| project.shared.as_deref().is_some_and(|shared| file.starts_with(shared))) {
                return Self::All;
            }
        }
        Self::Some(found)
    }

    fn has(&self, app: &App) -> bool {
        match self {
            Self::All => true,
            Self::Some(directories) => directories.contains(&app.directory),
        }
    }
}
