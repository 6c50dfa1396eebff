//! All patterns at once: a tree of steps, walked beside the structure with a set of states.

use std::collections::HashMap;

use crate::pattern::{Pattern, Segment};

/// A place in the tree of patterns.
pub(super) type State = usize;

#[derive(Debug, Default)]
struct Node {
    keys: HashMap<String, State>,
    likes: Vec<(String, String, State)>,
    items: Option<State>,
    /// What follows `**`; reached without a step.
    below: Option<State>,
    /// This follows `**`: every step may lead back here.
    stays: bool,
    /// The rules whose pattern ends here.
    rules: Vec<usize>,
}

/// Patterns, as trees with a root for each section.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    nodes: Vec<Node>,
}

impl Matcher {
    /// A new tree; its root.
    pub(super) fn root(&mut self) -> State {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Adds the pattern of a rule to the tree of a root.
    pub(super) fn add(&mut self, root: State, pattern: &Pattern, rule: usize) {
        let end = pattern.segments().iter().fold(root, |state, segment| self.grow(state, segment));
        if let Some(node) = self.nodes.get_mut(end) {
            node.rules.push(rule);
        }
    }

    fn grow(&mut self, state: State, segment: &Segment) -> State {
        let Some(node) = self.nodes.get(state) else { return state };
        let known = match segment {
            Segment::Key(key) => node.keys.get(key).copied(),
            Segment::Like { start, end } => {
                node.likes.iter().find(|(known, other, _)| known == start && other == end).map(|(_, _, next)| *next)
            }
            Segment::Items => node.items,
            Segment::Below => node.below,
        };
        if let Some(next) = known {
            return next;
        }
        let next = self.root();
        if let Some(node) = self.nodes.get_mut(next) {
            node.stays = *segment == Segment::Below;
        }
        if let Some(node) = self.nodes.get_mut(state) {
            match segment {
                Segment::Key(key) => _ = node.keys.insert(key.clone(), next),
                Segment::Like { start, end } => node.likes.push((start.clone(), end.clone(), next)),
                Segment::Items => node.items = Some(next),
                Segment::Below => node.below = Some(next),
            }
        }
        next
    }

    /// Adds a state, and those that it leads to without a step, to the states from `from` on.
    pub(super) fn enter(&self, state: State, from: usize, states: &mut Vec<State>) {
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
    pub(super) fn step(&self, key: Option<&str>, range: std::ops::Range<usize>, states: &mut Vec<State>) {
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

    /// The rules whose patterns end in one of these states, first ones first.
    pub(super) fn rules(&self, states: &[State]) -> Vec<usize> {
        let mut rules: Vec<_> =
            states.iter().filter_map(|state| self.nodes.get(*state)).flat_map(|node| &node.rules).copied().collect();
        rules.sort_unstable();
        rules
    }
}
