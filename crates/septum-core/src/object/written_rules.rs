//! Rules of entries and variables that are invalid, in whichever layer and whether there is a value or not.

use super::BuildInput;
use super::constraint::Violation;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::{Entry, EntryHistoryStep, EntrySchema, EntrySource, LayerChange};
use crate::name::EntryId;

/// Reports invalid rules of the variables and the selected entries in all layers of a target. Error: `invalid-field`.
pub(super) fn check_written_rules(
    target: BuildInput<'_>,
    is_selected: &dyn Fn(&EntryId) -> bool,
    problems: &mut Diagnostics,
) {
    let definition = &*target.resolved.definition;
    let own = definition.own_bundle();
    for layer in &definition.layers {
        let of_bundles = layer.bundles.iter().map(|(name, bundle)| (name, &bundle.data));
        for (bundle, data) in of_bundles.chain([(&own, &layer.data)]) {
            for (key, patch) in data {
                let invalid = target.constraints.invalid_rules(&patch.rules);
                if invalid.is_empty() {
                    continue;
                }
                let id = EntryId { bundle: bundle.clone(), key: key.clone() };
                if is_selected(&id) {
                    let label = definition.label(&id);
                    // the format of a structure is no rule, and one that is unknown is reported with it
                    let is_content = definition.entry(&id).is_some_and(is_structure);
                    let invalid = invalid.iter().filter(|it| !(is_content && it.keyword == "format"));
                    problems.extend(invalid.map(|it| invalid_rule_error(&label, it, &patch.rules)));
                }
            }
        }
        for (path, rules) in &layer.variable_rules {
            let invalid = target.constraints.invalid_rules(&rules.value).into_iter();
            problems.extend(invalid.map(|it| invalid_rule_error(&format!("vars.{path}"), &it, &rules.value)));
        }
    }
}

/// Whether some layer gives an entry a structure.
pub(super) fn is_structure(entry: &Entry) -> bool {
    let is_content = |step: &EntryHistoryStep| matches!(step.change, LayerChange::Source(EntrySource::Content(_)));
    entry.history.iter().any(is_content)
}

/// Error: a rule is invalid, whatever the value.
pub(super) fn invalid_rule_error(label: &str, violation: &Violation, rules: &EntrySchema) -> Diagnostic {
    let rule = rules.schema.get(&violation.keyword).map(|rule| &rule.place);
    let rule = rule.or_else(|| rules.format.as_ref().map(|format| &format.place));
    let message = format!("cannot check a rule of `{label}`: {}", violation.expected);
    let error = Diagnostic::error(Rule::InvalidField, message).hint("fix the rule, or remove it");
    match rule {
        Some(rule) => error.at_public(rule.clone(), PublicReason::Rule),
        None => error,
    }
}
