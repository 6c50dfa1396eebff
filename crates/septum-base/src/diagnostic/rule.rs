//! Registry of the rules: every message of the program has one, and programs identify it by its id.

mod table;

use std::fmt;

use super::{FailureKind, Severity};

pub use table::Rule;

/// Facts about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// The id that users and programs see: `unknown-key`.
    pub id: &'static str,
    /// Severity unless the reporting place overrides it.
    pub severity: Severity,
    /// Exit class unless the reporting place overrides it.
    pub failure: FailureKind,
    /// Whether a finding of it can be accepted by `allow` or a baseline.
    pub is_acceptable: bool,
    /// Meaning of its messages, in one line of Markdown.
    pub meaning: &'static str,
    /// Action for the user, in one line of Markdown.
    pub action: &'static str,
}

impl Rule {
    /// The rule with an id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.id() == id)
    }

    /// The id that users and programs see: `unknown-key`.
    pub const fn id(self) -> &'static str {
        self.info().id
    }

    /// Whether it is about YAML itself, of whatever file.
    pub fn is_of_yaml(self) -> bool {
        Self::SECTIONS.iter().any(|(section, rules)| *section == "YAML" && rules.contains(&self))
    }

    /// Meaning of its messages, without links and other markup.
    pub fn summary(self) -> String {
        let mut summary = String::new();
        let mut rest = self.info().meaning;
        while let Some((before, link)) = rest.split_once('[') {
            summary.push_str(before);
            let target = link.split_once("](").and_then(|(text, after)| Some((text, after.split_once(')')?.1)));
            let Some((text, after)) = target else {
                summary.push('[');
                rest = link;
                continue;
            };
            summary.push_str(text);
            rest = after;
        }
        summary + rest
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By id, so that a sorted list of rules is in alphabetical order.
impl Ord for Rule {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id().cmp(other.id())
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

macro_rules! rules {
    ($($section:literal { $($name:ident, $id:literal, $severity:ident, $failure:ident, $acceptable:literal, $meaning:literal, $action:literal;)+ })+) => {
        /// A rule: the subject of a message, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rule {
            $($(#[doc = $meaning] $name,)+)+
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &[Self] = &[$($(Self::$name),+),+];

            /// The sections of the documentation, each with its rules.
            pub const SECTIONS: &[(&str, &[Self])] = &[$(($section, &[$(Self::$name),+])),+];

            /// Facts about the rule.
            pub const fn info(self) -> super::RuleInfo {
                use crate::diagnostic::{FailureKind, Severity};
                match self {
                    $($(Self::$name => super::RuleInfo {
                        id: $id,
                        severity: Severity::$severity,
                        failure: FailureKind::$failure,
                        is_acceptable: $acceptable,
                        meaning: $meaning,
                        action: $action,
                    },)+)+
                }
            }
        }
    };
}
use rules;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_lead_back_to_their_rules() {
        let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert_eq!(Rule::from_id(rule.id()), Some(*rule));
        }
        assert_eq!(Rule::from_id("nothing"), None);
    }

    #[test]
    fn summaries_have_no_links() {
        for rule in Rule::ALL {
            assert!(!rule.summary().contains("]("), "{rule}");
        }
    }
}
