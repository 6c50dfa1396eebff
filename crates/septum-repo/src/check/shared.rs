//! Secrets that production shares with another environment.

use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::{Definition, Promotion};
use crate::name::EntryId;
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget, ResolvedValue};
use crate::route::detect::TextKind;
use crate::route::{Sensitivity, detect};

/// Minimum length of compared values: shorter ones are equal by chance.
const SHORTEST: usize = 8;

/// Entries that production and another environment give the same secret, each in a layer of its own: access to the
/// one is access to the other. One that both have from one layer is shared on purpose, and so is one that
/// `promote: always` lets `septum promote` copy. Only decrypted values are compared, and nothing is reported of them but
/// that two are equal.
pub(super) fn find_shared_secrets(survey: &Survey) -> Vec<Diagnostic> {
    let is_of_production = |resolved: &&ResolvedTarget| is_production(resolved.definition.environment.as_str());
    let (production, others): (Vec<_>, Vec<_>) = survey.environments.iter().partition(is_of_production);
    let mut found = Vec::new();
    for ours in &production {
        for (id, value) in &ours.entries {
            if survey.routing.sensitivity(id) != Sensitivity::Sensitive {
                continue;
            }
            let Some(text) = own_secret(id.key.as_str(), value) else { continue };
            let is_same = |theirs: &&&ResolvedTarget| {
                let is_promoted = is_promoted([&ours.definition, &theirs.definition], id);
                !is_promoted
                    && theirs.entries.get(id).is_some_and(|other| {
                        other.place != value.place
                            && own_secret(id.key.as_str(), other).is_some_and(|other| is_equal(text, other))
                    })
            };
            let Some(theirs) = others.iter().find(is_same) else { continue };
            let (here, there) = (&ours.definition.environment, &theirs.definition.environment);
            let message =
                format!("`{}` has the same secret value in `{here}` and `{there}`", ours.definition.label(id));
            let mut warning = Diagnostic::warning(Rule::SharedSecret, message).at_masked(value.place.clone());
            if let Some(other) = theirs.entries.get(id) {
                warning = warning.at_masked_with(other.place.clone(), format!("in `{there}`"));
            }
            found.push(warning.note("a leak in one environment exposes the other").hint(format!(
                "run `septum set {}` to give production a separate value",
                ours.definition.command_words(here.as_str(), id)
            )));
        }
    }
    found
}

/// Whether a promotion copies a secret between two environments: the rule of `septum promote`, by which a `never` of
/// either decides.
fn is_promoted(definitions: [&Definition; 2], id: &EntryId) -> bool {
    let rules = definitions.iter().filter_map(|definition| definition.entry(id)?.rules.promote.as_ref());
    let mut rules = rules.map(|rule| rule.value).peekable();
    rules.peek().is_some() && rules.all(|rule| rule == Promotion::Always)
}

/// Whether the name of an environment can only mean production: `prod`, `prod-eu`, `live`.
fn is_production(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let is_other = parts.iter().any(|part| matches!(*part, "non" | "no" | "pre" | "not" | "test" | "dev"));
    !is_other && parts.iter().any(|part| matches!(*part, "prod" | "production" | "prd" | "live"))
}

/// The text of a value in a layer of its own that is not a placeholder.
fn own_secret<'v>(key: &str, value: &'v ResolvedValue) -> Option<&'v str> {
    let EntryOutcome::Known(known @ (ResolvedBytes::Written(_) | ResolvedBytes::File(_))) = &value.outcome else {
        return None;
    };
    let text = known.text()?.trim();
    (text.len() >= SHORTEST && detect::is_literal(key, text, TextKind::Literal)).then_some(text)
}

/// Whether two texts are equal, in a time that depends on their lengths alone.
fn is_equal(ours: &str, theirs: &str) -> bool {
    let pairs = ours.bytes().zip(theirs.bytes());
    ours.len() == theirs.len() && pairs.fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::is_production;

    #[test]
    fn production_is_called_so() {
        for name in ["prod", "production", "prod-eu", "eu-prod", "live", "prd"] {
            assert!(is_production(name), "{name}");
        }
        for name in ["dev", "staging", "nonprod", "non-prod", "pre-prod", "preprod", "product", "prod-test"] {
            assert!(!is_production(name), "{name}");
        }
    }
}
