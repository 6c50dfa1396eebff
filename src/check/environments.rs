//! Keys that have a value in some environments and not in others.

use crate::diagnostic::{Diagnostic, Rule};
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::Sensitivity;

/// Keys without a default that have a value in one environment and none in another. A missing required one is an
/// error of its own; one that a layer removes is not missing.
pub(super) fn find_missing_values(survey: &Survey) -> Vec<Diagnostic> {
    let Some(first) = survey.environments.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (id, _, entry) in first.definition.entries() {
        let is_required = entry.rules.required.as_ref().is_some_and(|required| required.value);
        if is_required {
            continue;
        }
        let lacks = |resolved: &&ResolvedTarget| {
            let is_removed = resolved.definition.entry(&id).is_some_and(crate::layer::Entry::is_removed);
            let outcome = resolved.entries.get(&id).map(|value| &value.outcome);
            !is_removed && outcome.is_none_or(|outcome| matches!(outcome, EntryOutcome::Missing))
        };
        let has = |resolved: &&ResolvedTarget| {
            let outcome = resolved.entries.get(&id).map(|value| &value.outcome);
            outcome.is_some_and(|outcome| !matches!(outcome, EntryOutcome::Missing))
        };
        let names = |which: &dyn Fn(&&ResolvedTarget) -> bool| -> Vec<String> {
            let environments = survey.environments.iter().filter(|resolved| which(resolved));
            environments.map(|resolved| format!("`{}`", resolved.definition.environment)).collect()
        };
        let (lacking, having) = (names(&lacks), names(&has));
        if lacking.is_empty() || having.is_empty() {
            continue;
        }
        let first_lacking = survey.environments.iter().find(lacks).map(|resolved| &resolved.definition.environment);
        let is_sensitive = survey.routing.sensitivity(&id) == Sensitivity::Sensitive;
        let label = first.definition.label(&id);
        let message = format!("`{label}` has a value in {}, but not in {}", having.join(", "), lacking.join(", "));
        found.push(
            Diagnostic::warning(Rule::MissingEnvironment, message)
                .at(entry.defined.clone())
                .hint(match first_lacking {
                    Some(environment) if is_sensitive => format!("run `septum set {environment} {}` to set it", id.key),
                    _ => "set it there, or set a default in `base.yaml`".to_owned(),
                })
                .hint(format!("or declare that it has no value there: `{}: null`", id.key)),
        );
    }
    found
}
