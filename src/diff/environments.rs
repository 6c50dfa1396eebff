//! Environments of one state, compared with each other.

use super::change::{Change, ChangeKind, DiffReport};
use super::compare::{add_invalid_entries, compare_targets, whole_target};
use super::matrix::{MatrixRow, matrix_rows};
use super::matrix_fields::field_rows;
use super::surveyed::{AppChanges, FEW, LAYERS, mask_secrets, survey_app};
use super::value::ValueMarker;
use crate::diagnostic::Diagnostics;
use crate::leak_scan::SecretFinder;
use crate::name::EnvironmentName;
use crate::parallel;
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::sort::sort_by;
use crate::visibility::KeyAccess;

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
        let mut snapshot =
            |name| surveyed.snapshot(name, &marker, (&mut errors, &mut found.problems)).unwrap_or_default();
        let (was, is) = (snapshot(left), snapshot(right));
        if surveyed.has_errors || errors.has_errors() {
            found.broken.insert(LAYERS.to_owned());
        }
        let environments = [left.to_string(), right.to_string()];
        found.changes = compare_targets(surveyed.survey.app.as_str(), &environments, &was, &is, &marker);
        add_invalid_entries(surveyed.survey.app.as_str(), &environments, (&was, &is), &mut found.changes);
        if let Some(missing) = missing_environment(&surveyed.survey, left, right, &environments) {
            found.changes.retain(|change| change.kind == missing.kind);
            found.changes.push(missing);
        }
        mask_secrets(&mut found.changes, &finder);
        found.note_side(&surveyed);
        found
    };
    let found = parallel::par_map(apps.to_vec(), FEW, |app| compare(&app));
    let report = AppChanges::into_report(found, left.as_str(), right.as_str())?;
    Ok(DiffReport { is_pair: true, ..report })
}

/// Differences between several environments, and warnings.
#[derive(Debug, Default)]
pub struct MatrixReport {
    /// A row for each key, rule and field of an object.
    pub rows: Vec<MatrixRow>,
    /// Whether some values are invalid, and compared as far as they are known.
    pub is_broken: bool,
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
            return (Vec::new(), problems, false);
        };
        let survey = &surveyed.survey;
        let finder = SecretFinder::of(survey.environments.iter().map(|it| (it, &survey.routing)));
        let mut errors = Diagnostics::new();
        let mut snapshot = |name| surveyed.snapshot(name, &marker, (&mut errors, &mut problems)).unwrap_or_default();
        let sides: Vec<_> = environments.iter().map(|name| (name.clone(), snapshot(name))).collect();
        let is_broken = surveyed.has_errors || errors.has_errors();
        let app = survey.app.as_str();
        let mut rows = matrix_rows(app, &sides, &marker, &finder);
        rows.extend(field_rows(app, &sides, &marker, &finder));
        (rows, problems, is_broken)
    };
    let mut report = MatrixReport::default();
    for (rows, problems, is_broken) in parallel::par_map(apps.to_vec(), FEW, compare) {
        report.rows.extend(rows);
        report.is_broken |= is_broken;
        report.warnings.extend(problems);
    }
    sort_by(&mut report.rows, |a, b| a.sort_key().cmp(&b.sort_key()));
    if report.warnings.has_errors() { Err(report.warnings) } else { Ok(report) }
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
