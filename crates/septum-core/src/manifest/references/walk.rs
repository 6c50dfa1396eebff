//! Traversal of an object, in parallel with the patterns of its kind.

use std::ops::Range;

use super::matcher::PatternState;
use super::rule::ReferenceRule;
use super::rules::{ObjectRules, ReferenceRules};
use crate::layer::tree::{Tree, TreeKind};
use crate::yaml::node::Scalar;

/// Step from the root to a part.
#[derive(Debug, Clone, Copy)]
pub(super) enum ScalarStep<'t> {
    /// Into a mapping: the index among its keys, and the key.
    Key(usize, &'t str),
    /// Into a list: the index of the item.
    Item(usize),
}

impl ScalarStep<'_> {
    /// Index among the keys or items.
    fn index(self) -> usize {
        match self {
            Self::Key(index, _) | Self::Item(index) => index,
        }
    }
}

/// Parts that are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VisitScope {
    /// Parts that a rule can apply to.
    Known,
    /// All except `metadata` without its annotations.
    All,
}

/// Position of a scalar.
#[derive(Debug, Default)]
pub(super) struct ScalarSite<'t> {
    /// Steps from the root.
    pub(super) steps: Vec<ScalarStep<'t>>,
    /// Parts from the root to the parent.
    pub(super) ancestors: Vec<&'t Tree>,
}

impl ScalarSite<'_> {
    /// Path for messages: `spec.tls[0].secretName`, `metadata.annotations["example.com/a"]`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                ScalarStep::Key(_, key) if key.is_empty() || key.contains(['.', '/', '[', ' ']) => {
                    path.extend(["[\"", key, "\"]"]);
                }
                ScalarStep::Key(_, key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                ScalarStep::Item(index) => path.extend(["[", &index.to_string(), "]"]),
            }
        }
        path
    }

    /// Path as indexes only.
    pub(super) fn address(&self) -> Vec<usize> {
        self.steps.iter().map(|step| step.index()).collect()
    }
}

/// Calls `visit` with each scalar of an object, its position, and the rule for it.
pub(super) fn walk_scalars<'t, F>(object: &'t Tree, rules: &ReferenceRules, what: VisitScope, visit: F)
where
    F: FnMut(&ScalarSite<'t>, (&'t Tree, &'t Scalar), Option<&ReferenceRule>),
{
    let rules = rules.for_object(object);
    let mut states = Vec::new();
    for root in rules.start(what == VisitScope::All) {
        rules.matcher.enter(root, 0, &mut states);
    }
    let range = 0..states.len();
    ScalarWalk { rules: &rules, what, states, site: ScalarSite::default(), visit }.enter(object, range);
}

struct ScalarWalk<'r, 't, F> {
    rules: &'r ObjectRules,
    what: VisitScope,
    /// States of all parts from the root to this one, concatenated.
    states: Vec<PatternState>,
    site: ScalarSite<'t>,
    visit: F,
}

impl<'t, F: FnMut(&ScalarSite<'t>, (&'t Tree, &'t Scalar), Option<&ReferenceRule>)> ScalarWalk<'_, 't, F> {
    /// Visits a part whose states are in `range`.
    fn enter(&mut self, tree: &'t Tree, range: Range<usize>) {
        match &tree.kind {
            TreeKind::Leaf(scalar) => {
                let states = self.states.get(range).unwrap_or_default();
                let rule = self.rules.first_match(states, &self.site.ancestors);
                if rule.is_some() || self.what == VisitScope::All {
                    (self.visit)(&self.site, (tree, scalar), rule);
                }
            }
            TreeKind::List(items) => {
                self.site.ancestors.push(tree);
                for (index, item) in items.iter().enumerate() {
                    self.descend(ScalarStep::Item(index), item, range.clone());
                }
                self.site.ancestors.pop();
            }
            TreeKind::Map(map) => {
                self.site.ancestors.push(tree);
                for (index, (key, value)) in map.iter().enumerate() {
                    if self.what == VisitScope::Known || self.is_visited(key) {
                        self.descend(ScalarStep::Key(index, key), value, range.clone());
                    }
                }
                self.site.ancestors.pop();
            }
        }
    }

    /// Whether a key is visited. In metadata only annotations are: the rest is labels, owners and the like.
    fn is_visited(&self, key: &str) -> bool {
        let is_metadata = matches!(self.site.steps.last(), Some(ScalarStep::Key(_, "metadata")));
        !is_metadata || key == "annotations"
    }

    fn descend(&mut self, step: ScalarStep<'t>, tree: &'t Tree, range: Range<usize>) {
        let from = self.states.len();
        let key = match step {
            ScalarStep::Key(_, key) => Some(key),
            ScalarStep::Item(_) => None,
        };
        self.rules.matcher.step(key, range, &mut self.states);
        if self.states.len() > from || self.what == VisitScope::All {
            self.site.steps.push(step);
            self.enter(tree, from..self.states.len());
            self.site.steps.pop();
        }
        self.states.truncate(from);
    }
}
