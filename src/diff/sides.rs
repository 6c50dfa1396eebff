//! Two states of a project side by side, app by app.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::affected::AffectedApps;
use super::change::{ChangeKind, DiffReport};
use super::compare::{compare_targets, whole_target};
use super::pair::{DiffScope, DiffSide, ProjectPair};
use super::surveyed::{AppChanges, FEW, SurveyedApp, mask_secrets, survey_app};
use super::value::ValueMarker;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::leak_scan::SecretFinder;
use crate::name::{EntryId, EnvironmentName};
use crate::parallel;
use crate::project::App;
use crate::resolve::TemplateRead;
use crate::route::Sensitivity;
use crate::secret::Wiping;
use crate::sort::CollectSorted;
use crate::visibility::KeyAccess;

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
            [self.left, self.right].into_iter().flatten().flat_map(|app| &app.environments).collect_set();
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
        let sides: Vec<&SurveyedApp<'_>> = [&was, &is].into_iter().flatten().collect();
        let targets = sides.iter().flat_map(|side| side.targets());
        let finder = SecretFinder::with_values(targets, &former_secrets(&sides));
        for name in names.iter().filter(|name| !uneven.contains(name)) {
            let [old, new] = [(&self.pair.left, &was), (&self.pair.right, &is)].map(|(side, surveyed)| {
                let surveyed = surveyed.as_ref()?;
                let (mut errors, mut warnings) = (Diagnostics::new(), Diagnostics::new());
                let snapshot = surveyed.snapshot(name, self.marker, (&mut errors, &mut warnings));
                found.problems.extend(warnings.into_iter().map(|warning| in_side(side, warning)));
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
        [&was, &is].into_iter().flatten().for_each(|side| found.note_side(side));
        uneven
    }
}

/// An app of one side, surveyed; none if the side does not have it.
fn survey_side<'a>(
    side: &DiffSide<'a>,
    app: Option<&'a App>,
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

/// Adds the problems of one side, each with the state that it is in.
fn problems_of_side(side: &DiffSide<'_>, own: Diagnostics, problems: &mut Diagnostics) {
    problems.extend(own.into_iter().filter(Diagnostic::is_error).map(|found| in_side(side, found)));
}

/// A finding with the state that it is in.
fn in_side(side: &DiffSide<'_>, found: Diagnostic) -> Diagnostic {
    found.note(format!("in {}", side.label))
}

/// Values that one side has in plaintext and that are secrets on the other side: what contains one is not shown.
fn former_secrets(sides: &[&SurveyedApp<'_>]) -> Vec<Wiping<Vec<u8>>> {
    let (mut entries, mut variables) = (BTreeSet::new(), BTreeSet::new());
    for side in sides {
        let routing = &side.survey.routing;
        for resolved in &side.survey.environments {
            let is_sensitive = |id: &&EntryId| {
                routing.verdict(id).is_some_and(|verdict| verdict.sensitivity == Sensitivity::Sensitive)
            };
            entries.extend(resolved.entries.keys().filter(is_sensitive).cloned());
            let environment = &resolved.definition.environment;
            let Some(vars) = &resolved.definition.vars else { continue };
            vars.leaves("", &mut |path, _, scalar| {
                let read = TemplateRead::Variable(path.to_owned());
                if scalar.encrypted || routing.read_sensitivity(environment, &read) == Sensitivity::Sensitive {
                    variables.insert(path.to_owned());
                }
            });
        }
    }
    let mut found = Vec::new();
    for resolved in sides.iter().flat_map(|side| &side.survey.environments) {
        let known = resolved.entries.iter().filter(|(id, _)| entries.contains(id));
        found.extend(known.filter_map(|(_, value)| Some(Wiping::new(value.outcome.known()?.bytes().to_vec()))));
        let Some(vars) = &resolved.definition.vars else { continue };
        vars.leaves("", &mut |path, _, scalar| {
            if variables.contains(path) && !scalar.encrypted {
                found.push(Wiping::new(scalar.text().as_bytes().to_vec()));
            }
        });
    }
    found.retain(|value| !value.is_empty());
    found
}
