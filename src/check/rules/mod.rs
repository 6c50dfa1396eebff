//! Rules of a team's own, in the format of gitleaks: they find more, and never less.
//!
//! What is looked at is not a file but a value, given as the line `KEY: value`, so that rules which expect a name
//! before the secret work. The semantics are those of gitleaks 8.30 (`config/` and `detect/` there), with these
//! differences, each because the other way would hide something or could not be:
//!
//! * nothing is extended and nothing is switched off: Septum's own detectors always judge first;
//! * a `gitleaks:allow` in a text says nothing: what is accepted is accepted by `allow`, with a reason;
//! * each regex of an allowlist stands by itself, so `(?i)` in one does not hold for those after it;
//! * commits are never those of a text, since none is looked at;
//! * a field that is not known is a mistake, and so are rules that look at one another (`required`).

mod allowlist;
mod find;
mod read;
mod rule;
mod sighting;
mod toml;

use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::diagnostic::Diagnostics;
use crate::span::Source;

use allowlist::Allowlist;
use rule::CustomRule;

/// The rules of a file.
#[derive(Debug)]
pub struct UserRules {
    /// The file.
    name: String,
    rules: Vec<CustomRule>,
    /// What holds for all rules.
    allowlists: Vec<Allowlist>,
    keywords: RuleKeywords,
}

/// The words of all rules, so that a text is searched for them once.
#[derive(Debug)]
struct RuleKeywords {
    /// In lower case.
    words: AhoCorasick,
    /// The rules that a word speaks for.
    owners: Vec<Vec<usize>>,
    /// The rules without words, which look at every text.
    wordless: Vec<usize>,
}

/// A secret that a rule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch<'a> {
    /// The rule.
    pub rule: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// The file of the rule.
    pub file: &'a str,
    /// Where in the value the secret is, in bytes.
    pub range: Range<usize>,
}

impl UserRules {
    /// Reads a file. All of its mistakes are told at once.
    pub fn read(source: &Source) -> Result<Self, Diagnostics> {
        read::read_rules(source)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none, which [`read`](Self::read) refuses.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl RuleMatch<'_> {
    /// By what the secret was found, for people: no part of it.
    pub fn reason(&self) -> String {
        let Self { rule, file, .. } = self;
        match self.description {
            Some(description) => format!("by the rule `{rule}` of `{file}`: {description}"),
            None => format!("by the rule `{rule}` of `{file}`"),
        }
    }
}

/// Why a value is a secret.
pub(super) struct RuleReasons {
    /// For people, each once.
    pub(super) texts: Vec<String>,
    /// Where in the value the first secret is.
    pub(super) range: Range<usize>,
}

/// Why a value is a secret by any of the rules; nothing where it is none. `file` is where the value stands.
pub(super) fn find_reasons(rules: &[UserRules], key: &str, text: &str, file: &str) -> Option<RuleReasons> {
    let mut hits = rules.iter().flat_map(|rules| rules.find(key, text, file));
    let first = hits.next()?;
    let mut texts = vec![first.reason()];
    for reason in hits.map(|hit| hit.reason()) {
        if !texts.contains(&reason) {
            texts.push(reason);
        }
    }
    Some(RuleReasons { texts, range: first.range })
}

#[cfg(test)]
mod tests;
