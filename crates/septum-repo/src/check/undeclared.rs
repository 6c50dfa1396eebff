//! Entries that are routed to a Secret because they look like one.

use super::remedy::Fix;
use crate::diagnostic::{Diagnostic, Rule};
use crate::name::EntryId;
use crate::pipeline::Survey;
use crate::route::{ReasonKind, Sensitivity};

/// Entries whose routing is only a guess: another name, or another value, may change it. Without `but`, for which
/// worse is reported.
pub(super) fn find_undeclared(survey: &Survey, but: &[EntryId]) -> Vec<(Diagnostic, Fix)> {
    let mut found = Vec::new();
    let mut seen = crate::map::HashSet::default();
    for resolved in &survey.environments {
        for (id, _, entry) in resolved.definition.entries() {
            let Some(verdict) = survey.routing.verdict(&id).filter(|it| it.sensitivity == Sensitivity::Sensitive)
            else {
                continue;
            };
            let Some(first) = verdict.reasons.first() else { continue };
            let what = match first.kind {
                ReasonKind::Name => "name",
                ReasonKind::Value => "value",
                ReasonKind::Declared | ReasonKind::Encrypted | ReasonKind::Derived | ReasonKind::Default => continue,
            };
            if but.contains(&id) || !seen.insert(id.clone()) {
                continue;
            }
            let label = resolved.definition.label(&id);
            let message = format!("`{label}` is routed to the Secret only because of its {what}: {}", first.detail);
            let warning = Diagnostic::warning(Rule::UndeclaredSecret, message)
                .at(entry.defined.clone())
                .hint(format!("run `septum check --fix` to declare it: `{}: {{ sensitive: true }}`", id.key))
                .hint("or declare `sensitive: false` with a `reason`");
            found.push((warning, Fix::declare(&resolved.definition, &id, entry)));
        }
    }
    found
}
