//! Matches of all rules of a file in a value.

use std::ops::Range;

use super::rule::CustomRule;
use super::sighting::SecretSighting;
use super::{RuleKeywords, RuleMatch, UserRules};

impl UserRules {
    /// The secrets in a value: `key` is its name, and `file` the path of its file.
    pub fn find<'a>(&'a self, key: &str, text: &str, file: &str) -> Vec<RuleMatch<'a>> {
        if text.is_empty() || self.allowlists.iter().any(|list| list.allows_file(file)) {
            return Vec::new();
        }
        let shown = format!("{key}: {text}");
        let value = key.len() + 2..shown.len();
        let mut found: Vec<(&CustomRule, SecretSighting)> = Vec::new();
        for rule in self.keywords.matching_rules(&shown).into_iter().filter_map(|index| self.rules.get(index)) {
            let sightings = rule.find(&shown, file, &self.allowlists).into_iter();
            found.extend(sightings.map(|sighting| (rule, sighting)));
        }
        let hits = without_outdone(found, &shown).into_iter();
        hits.filter_map(|(rule, sighting)| self.to_match(rule, &sighting, &value)).collect()
    }

    /// A sighting as a range of the value; none if all of it is in the key.
    fn to_match<'a>(
        &'a self,
        rule: &'a CustomRule,
        sighting: &SecretSighting,
        value: &Range<usize>,
    ) -> Option<RuleMatch<'a>> {
        let SecretSighting { secret, matched } = sighting;
        // a group that did not take part in the match
        let seen = if secret.is_empty() { matched } else { secret };
        let place = |at: usize| at.max(value.start) - value.start;
        let range = place(seen.start)..place(seen.end);
        let CustomRule { id, description, .. } = rule;
        let hit = RuleMatch { rule: id, description: description.as_deref(), file: &self.name, range };
        (!hit.range.is_empty()).then_some(hit)
    }
}

/// Removes matches of a generic rule where another one, on the same line, is more specific.
fn without_outdone<'a>(
    found: Vec<(&'a CustomRule, SecretSighting)>,
    text: &str,
) -> Vec<(&'a CustomRule, SecretSighting)> {
    let is_generic = |rule: &CustomRule| rule.id.to_lowercase().contains("generic");
    let newlines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |sighting: &SecretSighting| newlines.partition_point(|newline| *newline < sighting.matched.start);
    let secret = |sighting: &SecretSighting| text.get(sighting.secret.clone()).unwrap_or_default();
    let (generic, mut kept): (Vec<_>, Vec<_>) = found.into_iter().partition(|(rule, _)| is_generic(rule));
    let better: Vec<_> = kept.iter().map(|(_, sighting)| (line(sighting), secret(sighting))).collect();
    let is_outdone = |sighting: &SecretSighting| {
        let (line, secret) = (line(sighting), secret(sighting));
        better.iter().any(|(other, known)| *other == line && known.contains(secret))
    };
    kept.extend(generic.into_iter().filter(|(_, sighting)| !is_outdone(sighting)));
    kept
}

impl RuleKeywords {
    /// The rules that apply to a text, in the order of the file.
    fn matching_rules(&self, text: &str) -> Vec<usize> {
        let lower = text.to_lowercase();
        let mut rules = self.wordless.clone();
        for word in self.words.find_overlapping_iter(&lower) {
            rules.extend(self.owners.get(word.pattern().as_usize()).into_iter().flatten());
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}
