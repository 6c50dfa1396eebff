//! All rules, and the selection of those for an object.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::matcher::{PatternMatcher, PatternState};
use super::rule::ReferenceRule;
use super::table::{self, KindPatterns, SectionScope};
use crate::layer::tree::{Tree, TreeKind};
use crate::project::UserRule;

/// Rules for fields in which objects name ConfigMaps and Secrets: built-in ones, and those of a project. Built once for
/// many objects, on first use.
#[derive(Debug, Default)]
pub struct ReferenceRules {
    user: Vec<UserRule>,
    made: OnceLock<ReferenceRuleIndex>,
}

/// Index of the rules.
#[derive(Debug)]
struct ReferenceRuleIndex {
    /// Rules in the order in which they are tried.
    list: Vec<ReferenceRule>,
    matcher: PatternMatcher,
    kinds: HashMap<String, Vec<KindRules>>,
    others: Option<PatternState>,
}

/// Rules for some objects of a kind.
#[derive(Debug, Clone)]
struct KindRules {
    /// API group; `None` means any.
    group: Option<String>,
    root: PatternState,
    origin: SectionOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SectionOrigin {
    Project,
    Table,
    /// The table, only to mark names as not suspicious.
    Quiet,
}

/// Kind in the table that matches any.
const ANY: &str = "*";

impl ReferenceRules {
    /// Built-in rules, preceded by those of a project.
    pub fn with_user(user: &[UserRule]) -> Self {
        Self { user: user.to_vec(), made: OnceLock::new() }
    }

    fn rule_index(&self) -> &ReferenceRuleIndex {
        self.made.get_or_init(|| ReferenceRuleIndex::of(&self.user))
    }

    /// Start states for an object; `quiet` adds rules that only mark names as not suspicious.
    pub(super) fn start(&self, object: &Tree, quiet: bool) -> Vec<PatternState> {
        self.rule_index().start(object, quiet)
    }

    pub(super) fn matcher(&self) -> &PatternMatcher {
        &self.rule_index().matcher
    }

    /// First rule that ends in these states and holds below these `ancestors`.
    pub(super) fn first_match(&self, states: &[PatternState], ancestors: &[&Tree]) -> Option<&ReferenceRule> {
        let made = self.rule_index();
        let rules = made.matcher.rules(states).into_iter();
        rules.filter_map(|rule| made.list.get(rule)).find(|rule| rule.holds(ancestors))
    }
}

impl ReferenceRuleIndex {
    fn of(user: &[UserRule]) -> Self {
        let mut all =
            Self { list: Vec::new(), matcher: PatternMatcher::default(), kinds: HashMap::new(), others: None };
        for rule in user {
            let root = all.matcher.root();
            all.matcher.add(root, &rule.path, all.list.len());
            all.list.push(ReferenceRule::of_user(rule));
            all.add_kind(&rule.kind, rule.group.clone(), root, SectionOrigin::Project);
        }
        for section in table::parse_table(include_str!("rules.txt")).0 {
            let root = all.matcher.root();
            for (pattern, rule) in section.rules {
                all.matcher.add(root, &pattern, all.list.len());
                all.list.push(rule);
            }
            match section.scope {
                SectionScope::Others => all.others = Some(root),
                SectionScope::Kinds(kinds) => all.add_kinds(&kinds, root, SectionOrigin::Table),
                SectionScope::Quiet(kinds) => all.add_kinds(&kinds, root, SectionOrigin::Quiet),
            }
        }
        all
    }

    fn add_kinds(&mut self, kinds: &KindPatterns, root: PatternState, origin: SectionOrigin) {
        for kind in &kinds.kinds {
            for group in &kinds.groups {
                self.add_kind(kind, (group != ANY).then(|| group.clone()), root, origin);
            }
        }
    }

    fn add_kind(&mut self, kind: &str, group: Option<String>, root: PatternState, origin: SectionOrigin) {
        self.kinds.entry(kind.to_owned()).or_default().push(KindRules { group, root, origin });
    }

    fn start(&self, object: &Tree, quiet: bool) -> Vec<PatternState> {
        let text = |key| match &object.kind {
            TreeKind::Map(map) => match &map.get(key)?.kind {
                TreeKind::Leaf(scalar) => Some(scalar.text()),
                TreeKind::List(_) | TreeKind::Map(_) => None,
            },
            TreeKind::Leaf(_) | TreeKind::List(_) => None,
        };
        let group = text("apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
        let of_kind = |kind| self.kinds.get(kind).into_iter().flatten();
        let sorts: Vec<_> = of_kind(text("kind").unwrap_or_default())
            .chain(of_kind(ANY))
            .filter(|sort| sort.group.as_deref().is_none_or(|wanted| wanted == group))
            .filter(|sort| quiet || sort.origin != SectionOrigin::Quiet)
            .collect();
        let is_known = sorts.iter().any(|sort| sort.origin == SectionOrigin::Table);
        let others = self.others.filter(|_| !is_known);
        sorts.iter().map(|sort| sort.root).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sound() {
        let (sections, wrong) = super::table::parse_table(include_str!("rules.txt"));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(sections.len(), include_str!("rules.txt").lines().filter(|line| line.starts_with('[')).count());
        assert!(sections.iter().all(|section| !section.rules.is_empty()), "{sections:?}");
    }
}
