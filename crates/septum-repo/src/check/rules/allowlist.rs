//! Allowlists: matches of a rule that are not reported.

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::sighting::SecretCandidate;

/// One allowlist. Commits are not here: the files that are searched are those in the directory, of no commit.
#[derive(Debug, Clone)]
pub(super) struct Allowlist {
    pub(super) condition: AllowlistCondition,
    /// Whether it names commits. No text belongs to one, so with [`AllowlistCondition::And`] nothing is allowed.
    pub(super) has_commits: bool,
    pub(super) paths: Vec<Regex>,
    pub(super) target: AllowlistTarget,
    pub(super) regexes: Vec<Regex>,
    /// Stop words, in lower case.
    pub(super) stopwords: Option<AhoCorasick>,
}

/// Condition of an allowlist: all of its criteria, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum AllowlistCondition {
    And,
    #[default]
    Or,
}

/// Text that its regexes are applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum AllowlistTarget {
    #[default]
    Secret,
    Match,
    Line,
}

impl Allowlist {
    /// Whether a whole file is allowed, whatever its content.
    pub(super) fn allows_file(&self, file: &str) -> bool {
        match self.condition {
            AllowlistCondition::Or => self.names(file),
            AllowlistCondition::And => {
                !self.has_commits && self.regexes.is_empty() && self.stopwords.is_none() && self.names(file)
            }
        }
    }

    /// Whether a match in a file is allowed.
    pub(super) fn allows(&self, found: SecretCandidate<'_>, file: &str) -> bool {
        let text = match self.target {
            AllowlistTarget::Secret => found.secret(),
            AllowlistTarget::Match => found.matched_text(),
            AllowlistTarget::Line => found.line(),
        };
        let by_regex = || !text.is_empty() && self.regexes.iter().any(|regex| regex.is_match(text));
        let by_stopword =
            || self.stopwords.as_ref().is_some_and(|words| words.is_match(&found.secret().to_lowercase()));
        match self.condition {
            AllowlistCondition::Or => by_regex() || by_stopword(),
            AllowlistCondition::And => {
                !self.has_commits
                    && (self.paths.is_empty() || self.names(file))
                    && (self.regexes.is_empty() || by_regex())
                    && (self.stopwords.is_none() || by_stopword())
            }
        }
    }

    fn names(&self, file: &str) -> bool {
        !file.is_empty() && self.paths.iter().any(|path| path.is_match(file))
    }
}
