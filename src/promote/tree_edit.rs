//! Edits of trees, by which those of a text are verified.

use std::ops::Range;

use crate::span::Span;
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode};

/// Step to a part of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DraftStep {
    /// Key of a map.
    Key(String),
    /// Index in a list; its length for a new item.
    Item(usize),
}

pub(super) fn is_empty(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Map(map) => map.is_empty(),
        YamlKind::List(items) => items.is_empty(),
        YamlKind::Scalar(_) => false,
    }
}

/// End of the last value in braces.
pub(super) fn last_end(node: &YamlNode) -> Option<usize> {
    part_bounds(node).last().map(|range| range.end)
}

/// Ranges of the entries of a collection.
pub(super) fn part_bounds(node: &YamlNode) -> Vec<Range<usize>> {
    match &node.kind {
        YamlKind::Map(map) => map.iter().map(|(key, value)| key.span.start..value.span.end).collect(),
        YamlKind::List(items) => items.iter().map(|item| item.span.start..item.span.end).collect(),
        YamlKind::Scalar(_) => Vec::new(),
    }
}

/// The node at a path.
pub(super) fn node_at<'n>(root: &'n YamlNode, path: &[DraftStep]) -> Option<&'n YamlNode> {
    path.iter().try_fold(root, |node, step| match (&node.kind, step) {
        (YamlKind::Map(map), DraftStep::Key(key)) => map.get(key.as_str()),
        (YamlKind::List(items), DraftStep::Item(index)) => items.get(*index),
        _ => None,
    })
}

pub(super) fn put_node(root: &mut YamlNode, path: &[DraftStep], new: YamlNode) -> Option<()> {
    let Some((first, rest)) = path.split_first() else {
        *root = new;
        return Some(());
    };
    if root.as_scalar().is_some_and(|scalar| scalar.blank) {
        root.kind = match first {
            DraftStep::Key(_) => YamlKind::Map(Mapping::default()),
            DraftStep::Item(_) => YamlKind::List(Vec::new()),
        };
    }
    let blank = || YamlNode {
        span: Span::default(),
        kind: match rest.first() {
            Some(DraftStep::Item(_)) => YamlKind::List(Vec::new()),
            _ => YamlKind::Map(Mapping::default()),
        },
    };
    match (&mut root.kind, first) {
        (YamlKind::Map(map), DraftStep::Key(key)) => {
            let key = YamlKey { text: key.clone(), span: Span::default() };
            put_node(map.entry(key).or_insert_with(blank), rest, new)
        }
        (YamlKind::List(items), DraftStep::Item(index)) => {
            if *index == items.len() {
                items.push(blank());
            }
            put_node(items.get_mut(*index)?, rest, new)
        }
        _ => None,
    }
}

pub(super) fn cut_node(root: &mut YamlNode, path: &[DraftStep]) -> Option<()> {
    let (first, rest) = path.split_first()?;
    match (&mut root.kind, first) {
        (YamlKind::Map(map), DraftStep::Key(key)) if rest.is_empty() => {
            // what is compared has no order
            map.swap_remove(key.as_str()).map(drop)
        }
        (YamlKind::List(items), DraftStep::Item(index)) if rest.is_empty() => {
            (*index < items.len()).then(|| drop(items.remove(*index)))
        }
        (YamlKind::Map(map), DraftStep::Key(key)) => cut_node(map.get_mut(key.as_str())?, rest),
        (YamlKind::List(items), DraftStep::Item(index)) => cut_node(items.get_mut(*index)?, rest),
        _ => None,
    }
}
