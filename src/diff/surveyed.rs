//! Apps that are surveyed to be compared, and what was found in them.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeSubject, DiffReport, ShownValue};
use super::snapshot::TargetSnapshot;
use super::value::ValueMarker;
use crate::diagnostic::Diagnostics;
use crate::leak_scan::SecretFinder;
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::resolve::ResolvedTarget;
use crate::route::{Routing, detect};
use crate::sort::CollectSorted;
use crate::view::StackOrder;
use crate::visibility::KeyAccess;

/// Number of apps from which threads are worth their cost.
pub(super) const FEW: usize = 4;

/// An app of one side, surveyed.
pub(super) struct SurveyedApp<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) app: &'a App,
    pub(super) survey: Survey,
    /// Environments that could not be decrypted.
    pub(super) locked: BTreeSet<EnvironmentName>,
    /// Whether some of its values are invalid: they are compared as far as they are known.
    pub(super) has_errors: bool,
}

impl SurveyedApp<'_> {
    /// Its environments with their routing.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&ResolvedTarget, &Routing)> {
        self.survey.environments.iter().map(|resolved| (resolved, &self.survey.routing))
    }

    /// The state of an environment; none if the app does not have it. `warnings` are those of objects that it generates
    /// more than once.
    pub(super) fn snapshot(
        &self,
        name: &EnvironmentName,
        marker: &ValueMarker,
        (errors, warnings): (&mut Diagnostics, &mut Diagnostics),
    ) -> Option<TargetSnapshot> {
        self.survey.environment(name)?;
        let own = (self.app, &self.survey);
        let mut snapshot = TargetSnapshot::of_environment(self.pipeline, own, name, marker, errors);
        warnings.extend(std::mem::take(&mut snapshot.duplicates));
        Some(snapshot)
    }
}

/// Surveys an app. Invalid values are no errors: they are compared as far as they are known.
pub(super) fn survey_app<'a>(
    pipeline: &'a Pipeline<'a>,
    app: &'a App,
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
    Some(SurveyedApp { pipeline, app, survey, locked: locked.into_keys().collect_set(), has_errors })
}

/// Replaces every shown value that contains a secret of either side: it may have been plain before. In objects, which
/// no routing protects, also what looks like a credential.
pub(super) fn mask_secrets(changes: &mut [Change], finder: &SecretFinder) {
    let of_objects = changes.iter_mut().filter(|change| matches!(change.subject, ChangeSubject::Object { .. }));
    for field in of_objects.flat_map(|change| &mut change.fields) {
        let name = field_name(&field.path).to_owned();
        for value in [&mut field.from, &mut field.to].into_iter().flatten() {
            mask_credential(&name, value);
        }
    }
    for value in changes.iter_mut().flat_map(Change::shown_values) {
        if let ShownValue::Text(text) | ShownValue::Store(text) = value
            && finder.finds(text.as_bytes())
        {
            *value = ShownValue::Secret;
        }
    }
}

/// Masks credentials in keys of ConfigMaps that were read: no layer routes them. `routed` says that the right side is that
/// of layers, where a key with such a value is declared public: then that of the left side is too.
pub(super) fn mask_unrouted(changes: &mut [Change], routed: bool) {
    for change in changes {
        let ChangeSubject::Entry { key, .. } = &change.subject else { continue };
        let is_public = |value: &ShownValue| value.text().is_some_and(|text| is_credential(key, text));
        if routed && change.to.as_ref().is_some_and(is_public) {
            continue;
        }
        let right = change.to.as_mut().filter(|_| !routed);
        [change.from.as_mut(), right].into_iter().flatten().for_each(|value| mask_credential(key, value));
    }
}

fn mask_credential(name: &str, value: &mut ShownValue) {
    if value.text().is_some_and(|text| is_credential(name, text)) {
        *value = ShownValue::Secret;
    }
}

fn is_credential(name: &str, text: &str) -> bool {
    detect::is_literal_credential(name, text) || text.lines().any(is_credential_line)
}

/// The name that says what a field is: that of a variable for its value, or else its key.
fn field_name(path: &str) -> &str {
    match path.strip_suffix("].value").and_then(|path| path.rsplit_once("[name=")) {
        Some((_, name)) => name,
        None => path.rsplit(['.', '[']).next().unwrap_or(path).trim_end_matches(']'),
    }
}

/// Whether a line of a list or a mapping is a credential: an item, or a key with its value.
fn is_credential_line(line: &str) -> bool {
    let item = line.trim_start().trim_start_matches("- ").trim_matches(['"', '\'']);
    let (name, value) = item.split_once(": ").unwrap_or(("", item));
    detect::is_literal_credential(name, value) || detect::is_literal_credential("", item)
}

/// Differences of one app.
#[derive(Debug, Default)]
pub(super) struct AppChanges {
    pub(super) changes: Vec<Change>,
    pub(super) problems: Diagnostics,
    pub(super) locked: BTreeSet<EnvironmentName>,
    /// Labels of the sides with invalid values.
    pub(super) broken: BTreeSet<String>,
    /// Stacks of its environments.
    pub(super) order: StackOrder,
}

/// Label of the layers of two environments.
pub(super) const LAYERS: &str = "the layers";

impl AppChanges {
    /// Records the stacks of a side, and the environments that no key decrypts.
    pub(super) fn note_side(&mut self, surveyed: &SurveyedApp<'_>) {
        self.order.add(&surveyed.survey);
        self.locked.extend(surveyed.locked.iter().cloned());
    }

    /// All differences sorted, or all errors.
    pub(super) fn into_report(all: Vec<Self>, left: &str, right: &str) -> Result<DiffReport, Diagnostics> {
        let mut report = DiffReport { left: left.to_owned(), right: right.to_owned(), ..DiffReport::default() };
        let (mut locked, mut broken) = (BTreeSet::new(), BTreeSet::new());
        let mut order = StackOrder::default();
        for app in all {
            order.extend(app.order);
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
        order.sort(&mut report.locked);
        let names: BTreeSet<&String> = report.changes.iter().flat_map(|change| &change.environments).collect_set();
        report.order = names.into_iter().cloned().collect();
        order.sort(&mut report.order);
        report.sort();
        Ok(report)
    }
}
