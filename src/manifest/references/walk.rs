//! One walk through an object, beside the patterns of its kind.

use std::ops::Range;

use super::matcher::State;
use super::rule::Rule;
use super::rules::Rules;
use crate::layer::tree::{Tree, TreeKind};
use crate::yaml::node::Scalar;

/// A step from the root to a part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'t> {
    /// Into a mapping: the place among its keys, and the key.
    Key(usize, &'t str),
    /// Into a list.
    Item(usize),
}

impl Step<'_> {
    /// The place among the keys or items.
    fn index(self) -> usize {
        match self {
            Self::Key(index, _) | Self::Item(index) => index,
        }
    }
}

/// Which parts are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// Those that a rule can be about.
    Known,
    /// All but what is in `metadata` besides the annotations.
    All,
}

/// Where a scalar stands.
#[derive(Debug, Default)]
pub(super) struct Spot<'t> {
    /// The steps from the root.
    pub(super) steps: Vec<Step<'t>>,
    /// The parts from the root to the parent.
    pub(super) ancestors: Vec<&'t Tree>,
}

impl Spot<'_> {
    /// The path for messages: `spec.tls[0].secretName`, `metadata.annotations["example.com/a"]`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(_, key) if key.is_empty() || key.contains(['.', '/', '[', ' ']) => {
                    path.extend(["[\"", key, "\"]"]);
                }
                Step::Key(_, key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Item(index) => path.extend(["[", &index.to_string(), "]"]),
            }
        }
        path
    }

    /// The way to it by places alone.
    pub(super) fn address(&self) -> Vec<usize> {
        self.steps.iter().map(|step| step.index()).collect()
    }
}

/// Calls `visit` with the scalars of an object: where they stand, and the rule for them.
pub(super) fn walk<'t, F>(object: &'t Tree, rules: &Rules, what: Visit, visit: F)
where
    F: FnMut(&Spot<'t>, (&'t Tree, &'t Scalar), Option<&Rule>),
{
    let mut states = Vec::new();
    for root in rules.start(object, what == Visit::All) {
        rules.matcher().enter(root, 0, &mut states);
    }
    let range = 0..states.len();
    Walk { rules, what, states, spot: Spot::default(), visit }.enter(object, range);
}

struct Walk<'r, 't, F> {
    rules: &'r Rules,
    what: Visit,
    /// The states of all parts from the root to this one, one after the other.
    states: Vec<State>,
    spot: Spot<'t>,
    visit: F,
}

impl<'t, F: FnMut(&Spot<'t>, (&'t Tree, &'t Scalar), Option<&Rule>)> Walk<'_, 't, F> {
    /// Visits a part whose states are in `range`.
    fn enter(&mut self, tree: &'t Tree, range: Range<usize>) {
        match &tree.kind {
            TreeKind::Leaf(scalar) => {
                let states = self.states.get(range).unwrap_or_default();
                let rule = self.rules.first(states, &self.spot.ancestors);
                if rule.is_some() || self.what == Visit::All {
                    (self.visit)(&self.spot, (tree, scalar), rule);
                }
            }
            TreeKind::List(items) => {
                self.spot.ancestors.push(tree);
                for (index, item) in items.iter().enumerate() {
                    self.descend(Step::Item(index), item, range.clone());
                }
                self.spot.ancestors.pop();
            }
            TreeKind::Map(map) => {
                self.spot.ancestors.push(tree);
                for (index, (key, value)) in map.iter().enumerate() {
                    if self.what == Visit::Known || self.is_visited(key) {
                        self.descend(Step::Key(index, key), value, range.clone());
                    }
                }
                self.spot.ancestors.pop();
            }
        }
    }

    /// Of metadata, the annotations are: the rest is labels, owners and the like.
    fn is_visited(&self, key: &str) -> bool {
        let is_metadata = matches!(self.spot.steps.last(), Some(Step::Key(_, "metadata")));
        !is_metadata || key == "annotations"
    }

    fn descend(&mut self, step: Step<'t>, tree: &'t Tree, range: Range<usize>) {
        let from = self.states.len();
        let key = match step {
            Step::Key(_, key) => Some(key),
            Step::Item(_) => None,
        };
        self.rules.matcher().step(key, range, &mut self.states);
        if self.states.len() > from || self.what == Visit::All {
            self.spot.steps.push(step);
            self.enter(tree, from..self.states.len());
            self.spot.steps.pop();
        }
        self.states.truncate(from);
    }
}
