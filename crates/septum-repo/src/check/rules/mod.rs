//! Custom rules, in the format of gitleaks: they add findings, and never remove any.
//!
//! They are applied not to a file but to a value, given as the line `KEY: value`, so that rules which expect a name
//! before the secret work. The semantics are those of gitleaks 8.30 (`config/` and `detect/` there), with these
//! differences, each because the other way would hide findings or is not possible:
//!
//! * nothing is extended and nothing is switched off: Septum's own detectors always run first;
//! * a `gitleaks:allow` in a text has no effect: findings are accepted by `allow`, with a reason;
//! * each regex of an allowlist is separate, so `(?i)` in one does not apply to those after it;
//! * commits never match, since a text belongs to none;
//! * an unknown field is an error, and so are rules that refer to one another (`required`).

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
    /// Allowlists of all rules.
    allowlists: Vec<Allowlist>,
    keywords: RuleKeywords,
}

/// The keywords of all rules, so that a text is searched for them once.
#[derive(Debug)]
struct RuleKeywords {
    /// Keywords, in lower case.
    words: AhoCorasick,
    /// The rules of each word.
    owners: Vec<Vec<usize>>,
    /// The rules without keywords, which apply to every text.
    wordless: Vec<usize>,
}

/// A secret that a rule finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch<'a> {
    /// The rule.
    pub rule: &'a str,
    /// Description of the rule.
    pub description: Option<&'a str>,
    /// The file of the rule.
    pub file: &'a str,
    /// Range of the secret in the value, in bytes.
    pub range: Range<usize>,
}

impl UserRules {
    /// Reads a file. All of its errors are reported at once.
    pub fn read(source: &Source) -> Result<Self, Diagnostics> {
        read::read_rules(source)
    }
}

impl RuleMatch<'_> {
    /// Reason for the finding in messages, without any part of the secret.
    pub fn reason(&self) -> String {
        let Self { rule, file, .. } = self;
        match self.description {
            Some(description) => format!("matches the rule `{rule}` of `{file}`: {description}"),
            None => format!("matches the rule `{rule}` of `{file}`"),
        }
    }
}

/// Reasons why a value is a secret.
pub(super) struct RuleReasons {
    /// Texts for messages, each once.
    pub(super) texts: Vec<String>,
    /// Range of the first secret in the value.
    pub(super) range: Range<usize>,
}

/// Reasons why a value is a secret by any of the rules; none if it is not. `file` is the path of its file.
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
