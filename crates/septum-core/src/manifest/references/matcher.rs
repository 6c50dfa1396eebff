//! Matching of all patterns at once: a tree of steps, walked in parallel with the structure with a set of states.

use crate::map::HashMap;
use crate::pattern::{PathPattern, PatternSegment};

/// Node of the tree of patterns.
pub(super) type PatternState = usize;

#[derive(Debug, Default)]
struct PatternNode {
    keys: HashMap<String, PatternState>,
    likes: Vec<(String, String, PatternState)>,
    items: Option<PatternState>,
    /// Node after `**`; reached without a step.
    below: Option<PatternState>,
    /// Whether this node follows `**`: every step may lead back here.
    stays: bool,
    /// Rules whose pattern ends here.
    rules: Vec<usize>,
}

/// Patterns, as trees with a root for each section.
#[derive(Debug, Default)]
pub(super) struct PatternMatcher {
    nodes: Vec<PatternNode>,
}

impl PatternMatcher {
    /// Adds a tree and returns its root.
    pub(super) fn root(&mut self) -> PatternState {
        self.nodes.push(PatternNode::default());
        self.nodes.len() - 1
    }

    /// Adds the pattern of a rule to the tree of a root.
    pub(super) fn add(&mut self, root: PatternState, pattern: &PathPattern, rule: usize) {
        let end = pattern.segments().iter().fold(root, |state, segment| self.grow(state, segment));
        if let Some(node) = self.nodes.get_mut(end) {
            node.rules.push(rule);
        }
    }

    fn grow(&mut self, state: PatternState, segment: &PatternSegment) -> PatternState {
        let Some(node) = self.nodes.get(state) else { return state };
        let known = match segment {
            PatternSegment::Key(key) => node.keys.get(key).copied(),
            PatternSegment::Like { start, end } => {
                node.likes.iter().find(|(known, other, _)| known == start && other == end).map(|(_, _, next)| *next)
            }
            PatternSegment::Items => node.items,
            PatternSegment::Below => node.below,
        };
        if let Some(next) = known {
            return next;
        }
        let next = self.root();
        if let Some(node) = self.nodes.get_mut(next) {
            node.stays = *segment == PatternSegment::Below;
        }
        if let Some(node) = self.nodes.get_mut(state) {
            match segment {
                PatternSegment::Key(key) => _ = node.keys.insert(key.clone(), next),
                PatternSegment::Like { start, end } => node.likes.push((start.clone(), end.clone(), next)),
                PatternSegment::Items => node.items = Some(next),
                PatternSegment::Below => node.below = Some(next),
            }
        }
        next
    }

    /// Adds a state, and the states reachable from it without a step, to the states from `from` on.
    pub(super) fn enter(&self, state: PatternState, from: usize, states: &mut Vec<PatternState>) {
        let mut next = Some(state);
        while let Some(state) = next {
            if states.iter().skip(from).any(|known| *known == state) {
                return;
            }
            states.push(state);
            next = self.nodes.get(state).and_then(|node| node.below);
        }
    }

    /// Adds the states that those in `range` lead to by a key, or by an item of a list.
    pub(super) fn step(&self, key: Option<&str>, range: std::ops::Range<usize>, states: &mut Vec<PatternState>) {
        let from = states.len();
        for index in range {
            let Some((state, node)) = states.get(index).and_then(|state| Some((*state, self.nodes.get(*state)?)))
            else {
                continue;
            };
            if node.stays {
                self.enter(state, from, states);
            }
            match key {
                Some(key) => {
                    if let Some(next) = node.keys.get(key) {
                        self.enter(*next, from, states);
                    }
                    for (start, end, next) in &node.likes {
                        if key.len() >= start.len() + end.len() && key.starts_with(start) && key.ends_with(end) {
                            self.enter(*next, from, states);
                        }
                    }
                }
                None => node.items.into_iter().for_each(|next| self.enter(next, from, states)),
            }
        }
    }

    /// Rules whose patterns end in one of these states, in rule order.
    pub(super) fn rules(&self, states: &[PatternState]) -> Vec<usize> {
        let mut rules: Vec<_> =
            states.iter().filter_map(|state| self.nodes.get(*state)).flat_map(|node| &node.rules).copied().collect();
        rules.sort_unstable();
        rules
    }
}
