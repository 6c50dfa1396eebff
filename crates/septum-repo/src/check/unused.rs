//! Definitions that are never used.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::places::EntryIndex;
use crate::diagnostic::{Diagnostic, Rule, nearest_name};
use crate::layer::Entry;
use crate::map::HashSet;
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::sort::CollectSorted;
use crate::span::Location;

/// A location as a key of maps.
type LocationKey = (String, usize);

/// Definitions with their locations, and their uses. Layers are shared by environments and by apps: a definition that
/// one of them does not use may be used by another.
#[derive(Clone, Default)]
pub(super) struct UsageTracker {
    unused: BTreeMap<LocationKey, Finding>,
    used: HashSet<LocationKey>,
}

impl UsageTracker {
    /// Unused definitions.
    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        let Self { unused, used } = self;
        unused.into_iter().filter(move |(place, _)| !used.contains(place)).map(|(_, finding)| finding)
    }

    /// Adds the results of another tracker.
    pub(super) fn extend(&mut self, other: Self) {
        self.used.extend(other.used);
        for (place, finding) in other.unused {
            self.unused.entry(place).or_insert(finding);
        }
    }

    pub(super) fn mark_used(&mut self, place: &Location) {
        self.used.insert(location_key(place));
    }

    pub(super) fn mark_unused(&mut self, place: &Location, finding: impl FnOnce() -> Option<Finding>) {
        if let Some(finding) = finding() {
            self.unused.entry(location_key(place)).or_insert(finding);
        }
    }

    /// Entries that no environment gives a value, and variables that no template reads. A template that could not be
    /// decrypted may read any variable, so that then no variable is reported.
    pub(super) fn record_survey(&mut self, survey: &Survey, places: &EntryIndex) {
        self.record_entries(survey, places);
        self.record_variables(survey, places);
    }

    fn record_entries(&mut self, survey: &Survey, places: &EntryIndex) {
        let Some(first) = survey.environments.first() else { return };
        for (id, _, entry) in first.definition.entries() {
            let has_value = |resolved: &ResolvedTarget| {
                let outcome = resolved.entries.get(&id).map(|value| &value.outcome);
                outcome.is_some_and(|outcome| !matches!(outcome, EntryOutcome::Missing))
            };
            let is_required = entry.rules.required.as_ref().is_some_and(|required| required.value);
            let is_removed = |resolved: &ResolvedTarget| resolved.definition.entry(&id).is_some_and(Entry::is_removed);
            if is_required || survey.environments.iter().any(|resolved| has_value(resolved) || is_removed(resolved)) {
                self.mark_used(&entry.defined);
                continue;
            }
            self.mark_unused(&entry.defined, || {
                let message = format!("`{}` has no value in any environment", first.definition.label(&id));
                let warning = Diagnostic::warning(Rule::UnusedEntry, message)
                    .at(entry.defined.clone())
                    .hint("remove it, set a value, or declare `required: true`");
                places.findings([warning], None).pop()
            });
        }
    }

    fn record_variables(&mut self, survey: &Survey, places: &EntryIndex) {
        let mut defined: BTreeMap<String, Vec<Location>> = BTreeMap::new();
        for resolved in &survey.environments {
            let Some(vars) = &resolved.definition.vars else { continue };
            vars.leaves("", &mut |path, tree, _| {
                let places = defined.entry(path.to_owned()).or_default();
                if !places.iter().any(|known| location_key(known) == location_key(&tree.place)) {
                    places.push(tree.place.clone());
                }
            });
        }
        let is_read = |path: &str| {
            let in_one = |resolved: &ResolvedTarget| {
                resolved.variables.contains_key(path) || resolved.mentioned.iter().any(|part| is_below(part, path))
            };
            survey.environments.iter().any(in_one)
        };
        // a mistyped name is near one that a template reads
        let read: BTreeMap<&String, &Vec<Location>> = defined.iter().filter(|(path, _)| is_read(path)).collect_map();
        for (path, at) in &defined {
            if read.contains_key(path) {
                for place in at {
                    self.mark_used(place);
                }
                continue;
            }
            // where it is defined, and not where an overlay gives it another value
            let is_base = |place: &&Location| place.source.name().ends_with("base.yaml");
            let Some(place) = at.iter().find(is_base).or_else(|| at.first()) else { continue };
            self.mark_unused(place, || {
                let warning = Diagnostic::warning(Rule::UnusedVariable, format!("no template reads `vars.{path}`"))
                    .at_masked(place.clone())
                    .maybe_hint(nearest_variable(path, place, &read))
                    .hint("remove it, or use it in a template: variables are not rendered on their own");
                places.findings([warning], None).pop()
            });
        }
    }
}

/// Minimum length of names: shorter ones are similar by chance.
const SHORTEST: usize = 4;

/// The variable that was intended, where a layer may have mistyped it: one that defines both means both.
fn nearest_variable(path: &str, place: &Location, read: &BTreeMap<&String, &Vec<Location>>) -> Option<String> {
    if path.chars().count() < SHORTEST {
        return None;
    }
    let is_beside = |at: &[Location]| at.iter().any(|other| other.source.name() == place.source.name());
    let others = read.iter().filter(|(_, at)| !is_beside(at)).map(|(name, _)| name.as_str());
    nearest_name(path, others).map(|near| format!("did you mean `vars.{near}`?"))
}

/// Whether a path leads to a part of a structure or into it.
fn is_below(part: &str, path: &str) -> bool {
    part.is_empty() || path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn location_key(place: &Location) -> LocationKey {
    (place.source.name().to_owned(), place.span.start)
}
