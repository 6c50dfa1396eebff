//! Rules of variables, checked on their final values, or on the written ones where no template reads them.

use super::{BuildInput, written_rules};
use crate::diagnostic::{Cause, Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::{EntrySchema, Tree, TreeKind};
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::span::{Located, Location};
use crate::template_tokens::is_template;

/// Checks the variables of a target that have rules.
///
/// Errors: `missing-required`, `invalid-value`, `invalid-field`. Warning: `deprecated-key`.
pub(super) fn check_variables(target: BuildInput<'_>, problems: &mut Diagnostics) {
    let definition = &target.resolved.definition;
    for (path, rules) in &definition.variable_rules {
        let Some(tree) = definition.variable(path).filter(|tree| !is_null(tree)) else {
            if rules.value.required.as_ref().is_some_and(|required| required.value) {
                problems.push(missing_error(target, path, &rules.place));
            }
            continue;
        };
        problems.extend(deprecation_warning(path, rules, &tree.place));
        if rules.value.schema.is_empty() && rules.value.format.is_none() {
            continue;
        }
        match known_text(target.resolved, path, tree) {
            Ok(Some(text)) => check_text(target, path, tree, &rules.value, &text, problems),
            Ok(None) => {}
            Err(noun) => {
                let message = format!("`vars.{path}` has rules about a single value, but is {noun}");
                problems.push(
                    Diagnostic::error(Rule::InvalidValue, message)
                        .at_masked(tree.place.clone())
                        .at_with(rules.place.clone(), "rules here"),
                );
            }
        }
    }
}

fn is_null(tree: &Tree) -> bool {
    matches!(&tree.kind, TreeKind::Leaf(scalar) if scalar.is_null())
}

/// Text of a variable; none if it is not known. A structure, which is no text, is returned as its noun.
fn known_text(resolved: &ResolvedTarget, path: &str, tree: &Tree) -> Result<Option<String>, &'static str> {
    let TreeKind::Leaf(scalar) = &tree.kind else { return Err(tree.noun()) };
    let text = match resolved.variables.get(path).map(|value| &value.outcome) {
        Some(EntryOutcome::Known(value)) => ResolvedBytes::text(value),
        Some(_) => None,
        None if scalar.locked || is_template(scalar.text()) => None,
        None => Some(scalar.text()),
    };
    Ok(text.map(str::to_owned))
}

fn check_text(
    target: BuildInput<'_>,
    path: &str,
    tree: &Tree,
    rules: &EntrySchema,
    text: &str,
    problems: &mut Diagnostics,
) {
    let is_secret = !target.routing.variable_reasons(target.resolved, path, tree).is_empty();
    for violation in target.constraints.check(&rules.schema, rules.format.as_ref(), text) {
        let rule = rules.schema.get(&violation.keyword).map(|rule| &rule.place);
        let rule = rule.or_else(|| rules.format.as_ref().map(|format| &format.place));
        if violation.is_of_rule {
            if !target.constraints.invalid_rules(rules).contains(&violation) {
                problems.push(written_rules::invalid_rule_error(&format!("vars.{path}"), &violation, rules));
            }
            continue;
        }
        // the allowed values of a secret reveal much about its value
        let tells = is_secret && violation.lists_values();
        let expected = if tells { violation.keyword_alone() } else { violation.expected.clone() };
        let error = Diagnostic::error(Rule::InvalidValue, format!("`vars.{path}` must be {expected}"))
            .at_masked(tree.place.clone())
            .hint(format!("change the value, or the rule `{}` of the variable", violation.keyword));
        problems.push(match rule {
            Some(rule) if tells => error.at_masked_with(rule.clone(), "required here"),
            Some(rule) => error.at_public_with(rule.clone(), PublicReason::Rule, "required here"),
            None => error,
        });
    }
}

fn deprecation_warning(
    path: &str,
    rules: &Located<std::sync::Arc<EntrySchema>>,
    place: &Location,
) -> Option<Diagnostic> {
    let message = match rules.value.deprecated.as_ref()?.value.as_str() {
        "true" => format!("`vars.{path}` is deprecated"),
        reason => format!("`vars.{path}` is deprecated: {reason}"),
    };
    Some(Diagnostic::warning(Rule::DeprecatedKey, message).at_masked(place.clone()))
}

fn missing_error(target: BuildInput<'_>, path: &str, place: &Location) -> Diagnostic {
    let lacks = |sibling: &&ResolvedTarget| sibling.definition.variable(path).is_none_or(is_null);
    let lacking = target.siblings.iter().filter(lacks).map(|sibling| sibling.definition.environment.as_str());
    let lacking: Vec<_> = lacking.collect();
    let names = lacking.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let first = lacking.first().copied().unwrap_or_default();
    Diagnostic::error(Rule::MissingRequired, format!("`vars.{path}` is required, but has no value in {names}"))
        .at(place.clone())
        .with_cause(Some(Cause::Is(place.clone())))
        .hint(format!("set it under `vars` in `{first}.yaml`"))
        .hint(format!(
            "or, if it is a secret, run `septum set {}`",
            target.resolved.definition.variable_words(first, path)
        ))
}
