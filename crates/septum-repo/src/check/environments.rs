//! Keys that have a value in some environments and not in others.

use crate::diagnostic::{Diagnostic, Rule};
use crate::name::EnvironmentName;
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
        let of_each = |text: &dyn Fn(&EnvironmentName) -> String| -> String {
            let lacking = survey.environments.iter().filter(lacks);
            lacking.map(|resolved| text(&resolved.definition.environment)).collect::<Vec<_>>().join(", ")
        };
        let layers = of_each(&|environment| format!("`{environment}.yaml`"));
        let is_own = id.bundle == first.definition.own_bundle();
        let section = if is_own { String::new() } else { format!(" under `bundles.{}.data`", id.bundle) };
        let is_sensitive = survey.routing.sensitivity(&id) == Sensitivity::Sensitive;
        let label = first.definition.label(&id);
        let message = format!("`{label}` has a value in {}, but not in {}", having.join(", "), lacking.join(", "));
        found.push(
            Diagnostic::warning(Rule::MissingEnvironment, message)
                .at(entry.defined.clone())
                .hint(if is_sensitive {
                    let commands = of_each(&|environment| {
                        format!("`septum set {}`", first.definition.command_words(environment.as_str(), &id))
                    });
                    format!("to set it, run {commands}")
                } else {
                    format!("set it in {layers}, or set a default in `base.yaml`")
                })
                .hint(format!("or declare that it has no value there: `{}: null`{section} in {layers}", id.key)),
        );
    }
    found
}
