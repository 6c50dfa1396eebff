//! The routing decision, taken over all environments and repeated until it no longer changes.

use super::facts::{DetectionCache, EntryDeclaration, EntryFacts, EnvironmentFacts};
use super::{Contradiction, Reason, ReasonKind, Routing, Sensitivity, Verdict};
use crate::diagnostic::{Cause, Diagnostic, Rule};
use crate::map::{HashSet, IndexMap};
use crate::name::EntryId;
use crate::resolve::{ResolvedTarget, TemplateRead};
use crate::sort::sort_by_key;

/// Routes the entries of an app, given all its environments.
///
/// Adds the contradictions: an entry that is declared plain and cannot be (`declared-plain`), and one that is declared
/// plain against a detector without a reason (`missing-reason`).
pub fn route<'r>(
    environments: impl IntoIterator<Item = &'r ResolvedTarget>,
    contradictions: &mut Vec<Contradiction>,
) -> Routing {
    let mut judged = DetectionCache::default();
    let facts: Vec<EnvironmentFacts<'r>> =
        environments.into_iter().map(|resolved| EnvironmentFacts::of(resolved, &mut judged)).collect();
    let decided = SensitiveValues::from_facts(&facts);
    for (environment, facts) in facts.iter().enumerate() {
        report_contradictions(facts, environment, &decided, contradictions);
    }
    let mut verdicts = IndexMap::default();
    for id in facts.iter().flat_map(|facts| facts.entries.keys()) {
        if !verdicts.contains_key(*id) {
            verdicts.insert((*id).clone(), decided.verdict(id, &facts));
        }
    }
    let variables = decided.variables.iter().filter_map(|(environment, path)| {
        Some((facts.get(*environment)?.definition.environment.clone(), (*path).to_owned()))
    });
    let is_plain = |id: &EntryId| !decided.entries.contains(id);
    let all = facts.iter().flat_map(|facts| &facts.entries);
    let undecided = all.filter(|(id, fact)| fact.is_undecided() && is_plain(id)).map(|(id, _)| (*id).clone());
    Routing { verdicts, variables: variables.collect(), undecided: undecided.collect() }
}

/// Entries and variables found to be sensitive so far.
#[derive(Default)]
struct SensitiveValues<'r> {
    entries: HashSet<&'r EntryId>,
    /// Sensitive variables, by index of the environment and path.
    variables: HashSet<(usize, &'r str)>,
}

impl<'r> SensitiveValues<'r> {
    /// Adds sensitive entries and variables until a pass adds none. The sets only grow, so this ends, after as many
    /// passes as the longest chain of references is long.
    fn from_facts(facts: &'r [EnvironmentFacts<'r>]) -> Self {
        let mut decided = Self::default();
        loop {
            let before = decided.entries.len() + decided.variables.len();
            for (index, facts) in facts.iter().enumerate() {
                for (path, fact) in &facts.variables {
                    if decided.is_sensitive(fact, index) {
                        decided.variables.insert((index, path));
                    }
                }
                for (id, fact) in &facts.entries {
                    if !decided.entries.contains(*id) && decided.is_sensitive(fact, index) {
                        decided.entries.insert(id);
                    }
                }
            }
            if decided.entries.len() + decided.variables.len() == before {
                return decided;
            }
        }
    }

    /// Whether a value is sensitive: the first kind of reason that applies decides.
    fn is_sensitive(&self, fact: &EntryFacts<'_>, environment: usize) -> bool {
        match fact.declared {
            _ if fact.kept => true,
            Some(EntryDeclaration::Sensitive(_) | EntryDeclaration::SecretType(_)) => true,
            // what contradicts its declaration is an error, and is not shown until that is resolved
            Some(EntryDeclaration::Plain { allowed, reason, .. }) => {
                (fact.is_certain() && !allowed)
                    || (fact.encrypted && reason.is_none())
                    || self.reads_sensitive(fact, environment)
            }
            None => fact.encrypted || self.reads_sensitive(fact, environment) || fact.detection.is_sensitive(),
        }
    }

    fn reads_sensitive(&self, fact: &EntryFacts<'_>, environment: usize) -> bool {
        fact.reads.iter().any(|read| self.contains(read, environment))
    }

    fn contains(&self, read: &TemplateRead, environment: usize) -> bool {
        match read {
            TemplateRead::Entry(id) => self.entries.contains(id),
            TemplateRead::Variable(path) => self.variables.contains(&(environment, path.as_str())),
        }
    }

    fn verdict(&self, id: &EntryId, facts: &[EnvironmentFacts<'_>]) -> Verdict {
        let mut reasons: Vec<Reason> = Vec::new();
        for (index, facts) in facts.iter().enumerate() {
            if let Some(fact) = facts.entries.get(id) {
                for reason in self.reasons(fact, facts, index) {
                    if !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                }
            }
        }
        let sensitivity = if self.entries.contains(id) { Sensitivity::Sensitive } else { Sensitivity::Plain };
        // reasons for the verdict before those against it, each by weight
        sort_by_key(&mut reasons, |reason| (reason.argues_for != sensitivity, reason.kind));
        if reasons.iter().any(|reason| reason.kind != ReasonKind::Default) {
            reasons.retain(|reason| reason.kind != ReasonKind::Default);
        }
        Verdict { sensitivity, reasons }
    }

    /// All reasons that apply to a value in one environment.
    fn reasons(&self, fact: &EntryFacts<'_>, facts: &EnvironmentFacts<'_>, environment: usize) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut say = |ground, speaks_for, detail: String, place: &crate::span::Location| {
            reasons.push(Reason { kind: ground, argues_for: speaks_for, detail, place: place.clone() });
        };
        match fact.declared {
            Some(EntryDeclaration::Sensitive(place)) => {
                say(ReasonKind::Declared, Sensitivity::Sensitive, "declared `sensitive: true`".to_owned(), place);
            }
            Some(EntryDeclaration::SecretType(kind)) => {
                let detail = format!("its bundle has the Secret type `{}`", kind.value);
                say(ReasonKind::Declared, Sensitivity::Sensitive, detail, &kind.place);
            }
            Some(EntryDeclaration::Plain { place, reason, .. }) => {
                let detail = reason.map_or_else(
                    || "declared `sensitive: false`".to_owned(),
                    |reason| format!("declared `sensitive: false`: {reason}"),
                );
                say(ReasonKind::Declared, Sensitivity::Plain, detail, place);
            }
            None => {}
        }
        if fact.encrypted {
            say(ReasonKind::Encrypted, Sensitivity::Sensitive, "encrypted with SOPS".to_owned(), fact.place);
        }
        if fact.kept {
            let detail = "a `ref`: its value is in an external store".to_owned();
            say(ReasonKind::Encrypted, Sensitivity::Sensitive, detail, fact.place);
        }
        // only the first: which others are read may depend on its value
        if let Some(read) = fact.reads.iter().find(|read| self.contains(read, environment)) {
            let detail = format!("uses {}", read_label(read, facts));
            say(ReasonKind::Derived, Sensitivity::Sensitive, detail, fact.place);
        }
        if fact.detection.name_decides() {
            let detail = fact.detection.name_reason().unwrap_or("its name").to_owned();
            say(ReasonKind::Name, Sensitivity::Sensitive, detail, fact.defined);
        } else if let Some(near_miss) = fact.detection.near_miss() {
            say(ReasonKind::Name, Sensitivity::Plain, near_miss, fact.defined);
        }
        if let Some(hit) = &fact.detection.by_value {
            say(ReasonKind::Value, Sensitivity::Sensitive, hit.reason.clone(), fact.place);
        }
        if reasons.is_empty() {
            let detail = "no reason to treat it as sensitive".to_owned();
            reasons.push(Reason {
                kind: ReasonKind::Default,
                argues_for: Sensitivity::Plain,
                detail,
                place: fact.defined.clone(),
            });
        }
        reasons
    }
}

/// Label of a read in a reason: `data.KEY`, `vars.path`.
fn read_label(read: &TemplateRead, facts: &EnvironmentFacts<'_>) -> String {
    match read {
        TemplateRead::Entry(id) => facts.definition.label(id),
        TemplateRead::Variable(path) => format!("vars.{path}"),
    }
}

/// Reports entries that are declared plain against derivation, encryption or a detector.
fn report_contradictions(
    facts: &EnvironmentFacts<'_>,
    environment: usize,
    decided: &SensitiveValues<'_>,
    contradictions: &mut Vec<Contradiction>,
) {
    let mut report = |id: &EntryId, diagnostic: Diagnostic| {
        let environment = facts.definition.environment.clone();
        contradictions.push(Contradiction { environment, id: id.clone(), diagnostic });
    };
    for (id, fact) in &facts.entries {
        let Some(EntryDeclaration::Plain { place, reason, .. }) = fact.declared else { continue };
        let label = facts.definition.label(id);
        let read = fact.reads.iter().find(|read| decided.contains(read, environment));
        if let Some(read) = read {
            let used = read_label(read, facts);
            report(
                id,
                Diagnostic::error(
                    Rule::DeclaredPlain,
                    format!("`{label}` uses `{used}`, so it is routed to the Secret, but it is declared plain"),
                )
                .at_with(place.clone(), "declared plain here")
                .with_cause(Some(Cause::Is(place.clone())))
                .at_masked_with(fact.place.clone(), format!("uses `{used}`"))
                .hint("remove `sensitive: false`")
                .hint(format!(
                    "or, if the result may be public, declare this in the template: `declassify({used}, \"why\")`"
                )),
            );
            continue;
        }
        if fact.kept {
            report(
                id,
                Diagnostic::error(Rule::DeclaredPlain, format!("`{label}` is a `ref`, but it is declared plain"))
                    .at_with(place.clone(), "declared plain here")
                    .at_masked_with(fact.place.clone(), "its value is in an external store")
                    .note("values from an external store become a Secret or a mounted file")
                    .hint("remove `sensitive: false`, or set the value in a layer"),
            );
            continue;
        }
        let against = if fact.encrypted {
            Some("is encrypted".to_owned())
        } else if fact.detection.is_sensitive() {
            Some(format!("looks like a secret ({})", fact.detection.reasons().join("; ")))
        } else {
            None
        };
        if let (Some(against), None) = (against, reason) {
            report(
                id,
                Diagnostic::error(
                    Rule::MissingReason,
                    format!("`{label}` is declared plain without a reason, but it {against}"),
                )
                .at(place.clone())
                .hint("add `reason: …` to explain why it may be public"),
            );
        }
    }
}
