//! Values that have to be replaced, as of a day.

use super::finding::Finding;
use crate::diagnostic::Diagnostic;
use crate::layer::Definition;
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::object::Day;
use crate::pipeline::{Pipeline, Survey};
use crate::view::ages::{AgeReport, AgedValue, LifecycleFinding, USUAL_NOTICE};

/// Type of a bundle whose certificates are checked with its other values.
const TLS: &str = "kubernetes.io/tls";

/// Values that are no longer valid on a day, or will soon not be, or should have been replaced. The history of files
/// is read only if some value must be replaced regularly.
pub(super) fn find_due_values(
    pipeline: &Pipeline<'_>,
    survey: &Survey,
    wanted: &[EnvironmentName],
    day: Day,
) -> Vec<Finding> {
    let (root, identities) = (pipeline.library.project.files.root(), pipeline.library.identities());
    let definitions = || survey.environments.iter().map(|resolved| &resolved.definition);
    let needs_ages = definitions().flat_map(|it| it.entries()).any(|(_, _, entry)| entry.rules.rotate_every.is_some());
    let report = if needs_ages {
        AgeReport::read(survey, root, wanted, identities)
    } else {
        Ok(AgeReport::without_ages(survey, root, identities))
    };
    let app = survey.app.as_str();
    let Some(first) = survey.environments.first().map(|resolved| &*resolved.definition) else { return Vec::new() };
    let report = match report {
        Ok(report) => report,
        Err(problem) => return vec![Finding::new_finding(problem, Some(app), None, None)],
    };
    let is_tls = |value: &AgedValue| {
        let mut types = definitions().filter_map(|it| it.bundles.get(value.bundle.as_str())?.secret_type.as_ref());
        types.any(|found| found.value == TLS)
    };
    // one finding for all environments in which it says the same
    let mut due: IndexMap<String, (EntryId, AgedValue, LifecycleFinding)> = IndexMap::default();
    for value in report.values(wanted, day, USUAL_NOTICE) {
        for finding in value.deadlines.findings(day, USUAL_NOTICE) {
            if finding == LifecycleFinding::Expired && value.is_of_certificate && is_tls(&value) {
                continue;
            }
            let id = EntryId { bundle: value.bundle.as_str().into(), key: value.key.as_str().into() };
            let Some(problem) = due_value(first, &id, &value, finding) else { continue };
            let places: Vec<_> = problem.labels.iter().map(|label| label.place.to_string()).collect();
            let key = format!("{} {}", problem.message, places.join(" "));
            match due.get_mut(&key) {
                Some((_, known, _)) => known.environments.extend(value.environments.iter().cloned()),
                None => {
                    due.insert(key, (id, value.clone(), finding));
                }
            }
        }
    }
    let finding = |(id, value, finding): (EntryId, AgedValue, LifecycleFinding)| {
        let environment = value.environments.first().map(|name| EnvironmentName::from(name.as_str()));
        let problem = due_value(first, &id, &value, finding)?;
        Some(Finding::new_finding(problem, Some(app), environment.as_ref(), Some(id)))
    };
    due.into_values().filter_map(finding).collect()
}

fn due_value(
    definition: &Definition,
    id: &EntryId,
    value: &AgedValue,
    finding: LifecycleFinding,
) -> Option<Diagnostic> {
    let label = definition.label(id);
    let found = match finding {
        LifecycleFinding::Expired => {
            let (day, place) = value.deadlines.expires.as_ref()?;
            Diagnostic::error(finding.rule(), format!("`{label}` expired on {day}")).at(place.clone())
        }
        LifecycleFinding::Expiring => {
            let (day, place) = value.deadlines.expires.as_ref()?;
            Diagnostic::warning(finding.rule(), format!("`{label}` expires on {day}")).at(place.clone())
        }
        LifecycleFinding::Overdue => {
            let (day, place) = value.deadlines.rotate_by.as_ref()?;
            let changed = value.changed.as_deref().unwrap_or_default();
            let message = format!("`{label}` should have been replaced by {day}: it was last changed on {changed}");
            Diagnostic::warning(finding.rule(), message).at(place.clone())
        }
    };
    let found = found.note(format!("in {}", value.environments.join(", ")));
    let found = match &value.owner {
        Some(owner) => found.note(format!("owner: {owner}")),
        None => found,
    };
    Some(match (&value.rotation, value.environments.first()) {
        (Some(rotation), _) => found.hint(format!("replace it: {rotation}")),
        (None, Some(environment)) if value.sensitive => {
            let others = if value.environments.len() > 1 { ", and in the other environments" } else { "" };
            found.hint(format!("replace it with `septum set {}`{others}", definition.command_words(environment, id)))
        }
        (None, _) => found.hint("replace it"),
    })
}
