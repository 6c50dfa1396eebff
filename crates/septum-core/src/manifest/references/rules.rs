//! All rules, and the selection of those for an object.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::matcher::{PatternMatcher, PatternState};
use super::rule::ReferenceRule;
use super::table::{KindPatterns, ReferenceTable, SectionScope};
use crate::layer::tree::{Tree, TreeKind};
use crate::map::HashMap;
use crate::project::UserRule;

/// Rules for fields in which objects name ConfigMaps and Secrets: built-in ones, and those of a project.
///
/// Those for a kind are built for its first object: most of the table is about kinds that a project does not have.
#[derive(Debug, Default)]
pub struct ReferenceRules {
    user: Vec<UserRule>,
    table: OnceLock<ReferenceTable<'static>>,
    /// Rules by kind and API group.
    made: RwLock<HashMap<(String, String), Arc<ObjectRules>>>,
}

/// Rules for objects of one kind.
#[derive(Debug)]
pub(super) struct ObjectRules {
    /// Rules in the order in which they are tried.
    list: Vec<ReferenceRule>,
    pub(super) matcher: PatternMatcher,
    /// Start of the rules for references.
    root: PatternState,
    /// Start of rules that only mark names as not suspicious.
    quiet: PatternState,
}

/// Kind and group in the table that match any.
const ANY: &str = "*";

impl ReferenceRules {
    /// Built-in rules, preceded by those of a project.
    pub fn with_user(user: &[UserRule]) -> Self {
        Self { user: user.to_vec(), ..Self::default() }
    }

    /// Rules for an object, by its kind and group.
    pub(super) fn for_object(&self, object: &Tree) -> Arc<ObjectRules> {
        let kind = text_of(object, "kind").unwrap_or_default();
        let version = text_of(object, "apiVersion").unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let id = (kind.to_owned(), group.to_owned());
        // whoever panicked while holding it left whole rules
        if let Some(known) = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(known);
        }
        let made = Arc::new(self.make(kind, group));
        Arc::clone(self.made.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(made))
    }

    fn make(&self, kind: &str, group: &str) -> ObjectRules {
        let mut made = ObjectRules::new();
        let is_of_kind = |wanted: &str| wanted == kind || wanted == ANY;
        for rule in &self.user {
            if is_of_kind(&rule.kind) && rule.group.as_deref().is_none_or(|wanted| wanted == group) {
                made.add(made.root, &rule.path, ReferenceRule::of_user(rule));
            }
        }
        let table = self.table.get_or_init(ReferenceTable::built_in);
        let covers = |kinds: &KindPatterns| {
            let has_group = kinds.groups.iter().any(|wanted| *wanted == group || *wanted == ANY);
            has_group && kinds.kinds.iter().any(|wanted| is_of_kind(wanted))
        };
        let is_known = table.sections.iter().any(|section| match &section.scope {
            SectionScope::Kinds(kinds) => covers(kinds),
            SectionScope::Others | SectionScope::Quiet(_) => false,
        });
        for section in &table.sections {
            let root = match &section.scope {
                SectionScope::Kinds(kinds) => covers(kinds).then_some(made.root),
                SectionScope::Quiet(kinds) => covers(kinds).then_some(made.quiet),
                SectionScope::Others => (!is_known).then_some(made.root),
            };
            let Some(root) = root else { continue };
            for (pattern, rule) in table.rules(section, &mut Vec::new()) {
                made.add(root, &pattern, rule);
            }
        }
        made
    }
}

impl ObjectRules {
    fn new() -> Self {
        let mut matcher = PatternMatcher::default();
        let (root, quiet) = (matcher.root(), matcher.root());
        Self { list: Vec::new(), matcher, root, quiet }
    }

    fn add(&mut self, root: PatternState, pattern: &crate::pattern::PathPattern, rule: ReferenceRule) {
        self.matcher.add(root, pattern, self.list.len());
        self.list.push(rule);
    }

    /// Start states; `quiet` adds those of rules that only mark names as not suspicious.
    pub(super) fn start(&self, quiet: bool) -> impl Iterator<Item = PatternState> {
        [self.root].into_iter().chain(quiet.then_some(self.quiet))
    }

    /// First rule that ends in these states and holds below these `ancestors`.
    pub(super) fn first_match(&self, states: &[PatternState], ancestors: &[&Tree]) -> Option<&ReferenceRule> {
        let rules = self.matcher.rules(states).into_iter();
        rules.filter_map(|rule| self.list.get(rule)).find(|rule| rule.holds(ancestors))
    }
}

fn text_of<'t>(object: &'t Tree, key: &str) -> Option<&'t str> {
    match &object.kind {
        TreeKind::Map(map) => match &map.get(key)?.kind {
            TreeKind::Leaf(scalar) => Some(scalar.text()),
            TreeKind::List(_) | TreeKind::Map(_) => None,
        },
        TreeKind::Leaf(_) | TreeKind::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::TEXT;
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut wrong = Vec::new();
        let table = ReferenceTable::parse(TEXT, &mut wrong);
        assert_eq!(table.sections.len(), TEXT.lines().filter(|line| line.starts_with('[')).count());
        for section in &table.sections {
            assert!(!table.rules(section, &mut wrong).is_empty(), "{section:?}");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
