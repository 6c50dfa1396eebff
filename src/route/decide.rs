//! The decision: over all environments, until nothing changes any more.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::facts::{Declared, Fact, Facts, Judged};
use super::{Ground, Reason, Routing, Sensitivity, Verdict};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::EntryId;
use crate::resolve::{Read, Resolved};

/// Routes the entries of an app, given all its environments.
///
/// Errors: what is declared plain and cannot be (`declared-plain`), and what is declared plain
/// against a detector without a reason (`missing-reason`).
pub fn route<'r>(environments: impl IntoIterator<Item = &'r Resolved>, problems: &mut Diagnostics) -> Routing {
    let mut judged = Judged::default();
    let facts: Vec<Facts<'r>> = environments.into_iter().map(|resolved| Facts::of(resolved, &mut judged)).collect();
    let decided = Decided::reach(&facts);
    for (environment, facts) in facts.iter().enumerate() {
        contradictions(facts, environment, &decided, problems);
    }
    let mut verdicts = IndexMap::new();
    for id in facts.iter().flat_map(|facts| facts.entries.keys()) {
        if !verdicts.contains_key(*id) {
            verdicts.insert((*id).clone(), decided.verdict(id, &facts));
        }
    }
    let variables = decided.variables.iter().filter_map(|(environment, path)| {
        Some((facts.get(*environment)?.definition.environment.clone(), (*path).to_owned()))
    });
    Routing { verdicts, variables: variables.collect() }
}

/// What is known to be sensitive.
#[derive(Default)]
struct Decided<'r> {
    entries: HashSet<&'r EntryId>,
    /// By environment and path.
    variables: HashSet<(usize, &'r str)>,
}

impl<'r> Decided<'r> {
    /// Adds what is sensitive until nothing is added. Sets only grow, so this ends, after as many
    /// turns as the longest chain of references is long.
    fn reach(facts: &'r [Facts<'r>]) -> Self {
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

    /// The first layer that speaks decides.
    fn is_sensitive(&self, fact: &Fact<'_>, environment: usize) -> bool {
        match fact.declared {
            _ if fact.kept => true,
            Some(Declared::Sensitive(_) | Declared::SecretType(_)) => true,
            Some(Declared::Plain { allowed, .. }) => fact.is_certain() && !allowed,
            None => {
                fact.encrypted
                    || fact.reads.iter().any(|read| self.contains(read, environment))
                    || fact.detection.sensitive()
            }
        }
    }

    fn contains(&self, read: &Read, environment: usize) -> bool {
        match read {
            Read::Entry(id) => self.entries.contains(id),
            Read::Variable(path) => self.variables.contains(&(environment, path.as_str())),
        }
    }

    fn verdict(&self, id: &EntryId, facts: &[Facts<'_>]) -> Verdict {
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
        reasons.sort_by_key(|reason| (reason.speaks_for != sensitivity, reason.ground));
        if reasons.iter().any(|reason| reason.ground != Ground::Default) {
            reasons.retain(|reason| reason.ground != Ground::Default);
        }
        Verdict { sensitivity, reasons }
    }

    /// Everything that speaks in one environment.
    fn reasons(&self, fact: &Fact<'_>, facts: &Facts<'_>, environment: usize) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut say = |ground, speaks_for, detail: String, place: &crate::span::Place| {
            reasons.push(Reason { ground, speaks_for, detail, place: place.clone() });
        };
        match fact.declared {
            Some(Declared::Sensitive(place)) => {
                say(Ground::Declared, Sensitivity::Sensitive, "declared `sensitive: true`".to_owned(), place);
            }
            Some(Declared::SecretType(kind)) => {
                let detail = format!("its bundle is a Secret of type `{}`", kind.value);
                say(Ground::Declared, Sensitivity::Sensitive, detail, &kind.place);
            }
            Some(Declared::Plain { place, reason, .. }) => {
                let detail = reason.map_or_else(
                    || "declared `sensitive: false`".to_owned(),
                    |reason| format!("declared `sensitive: false`: {reason}"),
                );
                say(Ground::Declared, Sensitivity::Plain, detail, place);
            }
            None => {}
        }
        if fact.encrypted {
            say(Ground::Encrypted, Sensitivity::Sensitive, "encrypted with SOPS".to_owned(), fact.place);
        }
        if fact.kept {
            let detail = "a `ref`: its value stays in a store".to_owned();
            say(Ground::Encrypted, Sensitivity::Sensitive, detail, fact.place);
        }
        // the first alone: which others are read may follow from its value
        if let Some(read) = fact.reads.iter().find(|read| self.contains(read, environment)) {
            let detail = format!("uses {}", read_label(read, facts));
            say(Ground::Derived, Sensitivity::Sensitive, detail, fact.place);
        }
        if fact.detection.name_speaks() {
            let detail = fact.detection.name_reason().unwrap_or("its name").to_owned();
            say(Ground::Name, Sensitivity::Sensitive, detail, fact.defined);
        } else if let Some(near_miss) = fact.detection.near_miss() {
            say(Ground::Name, Sensitivity::Plain, near_miss, fact.defined);
        }
        if let Some(hit) = &fact.detection.by_value {
            say(Ground::Value, Sensitivity::Sensitive, hit.reason.clone(), fact.place);
        }
        if reasons.is_empty() {
            let detail = "nothing says that it is sensitive".to_owned();
            reasons.push(Reason {
                ground: Ground::Default,
                speaks_for: Sensitivity::Plain,
                detail,
                place: fact.defined.clone(),
            });
        }
        reasons
    }
}

/// How a reason names what was read: `data.KEY`, `vars.path`.
fn read_label(read: &Read, facts: &Facts<'_>) -> String {
    match read {
        Read::Entry(id) => facts.definition.label(id),
        Read::Variable(path) => format!("vars.{path}"),
    }
}

/// Entries that are declared plain although something weightier than a guess says otherwise.
fn contradictions(facts: &Facts<'_>, environment: usize, decided: &Decided<'_>, problems: &mut Diagnostics) {
    for (id, fact) in &facts.entries {
        let Some(Declared::Plain { place, reason, .. }) = fact.declared else { continue };
        let label = facts.definition.label(id);
        let read = fact.reads.iter().find(|read| decided.contains(read, environment));
        if let Some(read) = read {
            let used = read_label(read, facts);
            problems.push(
                Diagnostic::error(
                    "declared-plain",
                    format!("`{label}` uses `{used}`, so it goes to the Secret, but it is declared plain"),
                )
                .at_with(place.clone(), "declared plain here")
                .at_hidden_with(fact.place.clone(), format!("uses `{used}`"))
                .hint("remove `sensitive: false`")
                .hint(format!(
                    "or, if the result may be public, say so in the template: `declassify({used}, \"why\")`"
                )),
            );
            continue;
        }
        if fact.kept {
            problems.push(
                Diagnostic::error("declared-plain", format!("`{label}` is a `ref`, but it is declared plain"))
                    .at_with(place.clone(), "declared plain here")
                    .at_hidden_with(fact.place.clone(), "its value stays in a store")
                    .note("what comes from a store of secrets becomes a Secret, or a mounted file")
                    .hint("remove `sensitive: false`, or give the value in a layer"),
            );
            continue;
        }
        let against = if fact.encrypted {
            Some("is encrypted".to_owned())
        } else if fact.detection.sensitive() {
            Some(format!("looks like a secret ({})", fact.detection.reasons().join("; ")))
        } else {
            None
        };
        if let (Some(against), None) = (against, reason) {
            problems.push(
                Diagnostic::error(
                    "missing-reason",
                    format!("`{label}` is declared plain without a reason, but it {against}"),
                )
                .at(place.clone())
                .hint("add `reason: …`, so that the next reader knows why it may be public"),
            );
        }
    }
}
