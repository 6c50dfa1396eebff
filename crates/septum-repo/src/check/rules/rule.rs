//! A rule, and its matches in a text.

use std::ops::Range;

use regex::Regex;

use super::allowlist::Allowlist;
use super::sighting::{SecretCandidate, SecretSighting};
use crate::map::HashMap;

/// Pattern of a secret.
#[derive(Debug)]
pub(super) struct CustomRule {
    pub(super) id: String,
    pub(super) description: Option<String>,
    /// The pattern; without it, the whole content of a file with a matching path is a secret.
    pub(super) regex: Option<Regex>,
    /// The group of the expression that is the secret; 0: the first that is not empty.
    pub(super) group: usize,
    /// A secret has more entropy than this, in bits a character.
    pub(super) entropy: Option<f64>,
    /// Only in files whose path matches.
    pub(super) path: Option<Regex>,
    pub(super) allowlists: Vec<Allowlist>,
}

impl CustomRule {
    /// The secrets in a text. `general` are the allowlists of all rules.
    pub(super) fn find(&self, text: &str, file: &str, general: &[Allowlist]) -> Vec<SecretSighting> {
        let is_elsewhere = self.path.as_ref().is_some_and(|path| !path.is_match(file));
        if is_elsewhere || self.allowlists.iter().any(|list| list.allows_file(file)) {
            return Vec::new();
        }
        let Some(regex) = &self.regex else {
            return vec![SecretSighting { secret: 0..text.len(), matched: 0..text.len() }];
        };
        let sightings = regex.find_iter(text).map(|found| self.locate_secret(regex, text, found.range()));
        sightings.filter(|sighting| self.is_secret(sighting, text, file, general)).collect()
    }

    fn locate_secret(&self, regex: &Regex, text: &str, range: Range<usize>) -> SecretSighting {
        let whole = text.get(range.clone()).unwrap_or_default();
        let matched = whole.trim_matches('\n');
        let start = range.start + whole.len() - whole.trim_start_matches('\n').len();
        let place = |group: Range<usize>| start + group.start..start + group.end;
        // groups are searched in the match alone, as gitleaks does: without the text around it
        let groups = regex.captures(matched);
        let secret = match &groups {
            None => 0..matched.len(),
            Some(groups) if groups.len() < 2 => 0..matched.len(),
            Some(groups) if self.group > 0 => groups.get(self.group).map_or(0..0, |group| group.range()),
            Some(groups) => {
                let holding = groups.iter().skip(1).flatten().find(|group| !group.is_empty());
                holding.map_or(0..matched.len(), |group| group.range())
            }
        };
        SecretSighting { secret: place(secret), matched: place(0..matched.len()) }
    }

    fn is_secret(&self, sighting: &SecretSighting, text: &str, file: &str, general: &[Allowlist]) -> bool {
        let found = SecretCandidate::new(text, sighting);
        let is_poor = self.entropy.is_some_and(|least| shannon_entropy(found.secret()) <= least);
        !is_poor && !general.iter().chain(&self.allowlists).any(|list| list.allows(found, file))
    }
}

/// Shannon's entropy of a text, in bits. Characters are counted, but their shares are of bytes, as in gitleaks:
/// thresholds are made for its numbers.
pub(super) fn shannon_entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, u32> = HashMap::default();
    for char in text.chars() {
        *counts.entry(char).or_default() += 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "texts are shorter than 2^52 bytes")]
    let length = text.len() as f64;
    let shares = counts.into_values().map(|count| f64::from(count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_gitleaks() {
        for (text, expected) in
            [("", 0.0), ("aaaa", 0.0), ("ab", 1.0), ("aabb", 1.0), ("abcd", 2.0), ("0123456789abcdef", 4.0)]
        {
            assert!((shannon_entropy(text) - expected).abs() < 1e-9, "{text}: {}", shannon_entropy(text));
        }
        // two bytes, one character: half of the text
        assert!((shannon_entropy("é") - 0.5).abs() < 1e-9);
    }
}
