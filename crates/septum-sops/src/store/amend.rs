//! Changes of single values in the tree of a document, for changes that are impossible in its text alone.

use super::edit::{EditPath, copy_tree, wrap_in_maps};
use crate::document::tree::{ListPosition, SopsDocument, SopsItem, SopsList, SopsMap, SopsTree};
use septum_base::span::Span;
use septum_base::value_path::{ValuePath, ValuePathStep};
use septum_base::yaml::node::YamlKey;

/// Number of steps of a path that lead to an existing value.
pub(crate) fn count_existing(document: &SopsDocument, target: &EditPath<'_>) -> usize {
    let Some(root) = document.branches.get(target.document) else { return 0 };
    let mut at: Option<&SopsTree> = None;
    for (index, step) in target.path.steps().iter().enumerate() {
        let next = match (step, at) {
            (ValuePathStep::Key(key), None) => root.get(key),
            (ValuePathStep::Key(key), Some(SopsTree::Map(map))) => map.get(key),
            (ValuePathStep::Index(wanted), Some(SopsTree::List(list))) => list.values().nth(*wanted),
            _ => None,
        };
        let Some(next) = next else { return index };
        at = Some(next);
    }
    target.path.steps().len()
}

/// The value at a path.
pub(crate) fn get<'a>(document: &'a SopsDocument, index: usize, path: &ValuePath) -> Option<&'a SopsTree> {
    let root = document.branches.get(index)?;
    let (first, rest) = path.steps().split_first()?;
    let ValuePathStep::Key(key) = first else { return None };
    rest.iter().try_fold(root.get(key)?, |tree, step| match (tree, step) {
        (SopsTree::Map(map), ValuePathStep::Key(key)) => map.get(key),
        (SopsTree::List(list), ValuePathStep::Index(index)) => list.values().nth(*index),
        _ => None,
    })
}

/// Sets a value at a path; missing maps on the path are created. None if the path leads elsewhere.
pub(crate) fn put_value(document: &mut SopsDocument, target: &EditPath<'_>, value: &SopsTree) -> Option<()> {
    let root = document.branches.get_mut(target.document)?;
    put_in_map(root, target.path.steps(), value)
}

fn put_in_map(map: &mut SopsMap, steps: &[ValuePathStep], value: &SopsTree) -> Option<()> {
    let [ValuePathStep::Key(key), rest @ ..] = steps else { return None };
    match map.items.iter_mut().find_map(|item| named_value(item, key)) {
        Some(old) => put_below(old, rest, value),
        None => {
            let key = YamlKey { text: key.clone(), span: Span::default() };
            map.items.push(SopsItem::Value(key, wrap_in_maps(rest, value).ok()?));
            Some(())
        }
    }
}

fn put_below(old: &mut SopsTree, steps: &[ValuePathStep], value: &SopsTree) -> Option<()> {
    match (old, steps) {
        (old, []) => {
            *old = copy_tree(value);
            Some(())
        }
        (SopsTree::Map(map), steps) => put_in_map(map, steps, value),
        (SopsTree::List(list), [ValuePathStep::Index(index), rest @ ..]) => {
            let count = list.values().count();
            if *index == count {
                list.items.push(SopsItem::Value(ListPosition::default(), wrap_in_maps(rest, value).ok()?));
                return Some(());
            }
            put_below(iter_values_mut(list).nth(*index)?, rest, value)
        }
        _ => None,
    }
}

/// Removes the value at a path, with the comments on its line. None if it does not exist.
pub(crate) fn take_value(document: &mut SopsDocument, target: &EditPath<'_>) -> Option<()> {
    let root = document.branches.get_mut(target.document)?;
    take_from_map(root, target.path.steps())
}

fn take_from_map(map: &mut SopsMap, steps: &[ValuePathStep]) -> Option<()> {
    let [ValuePathStep::Key(key), rest @ ..] = steps else { return None };
    if rest.is_empty() {
        let at = map.items.iter().position(|item| matches!(item, SopsItem::Value(known, _) if known.text == *key))?;
        remove_item(&mut map.items, at);
        return Some(());
    }
    take_below(map.items.iter_mut().find_map(|item| named_value(item, key))?, rest)
}

fn take_below(tree: &mut SopsTree, steps: &[ValuePathStep]) -> Option<()> {
    match (tree, steps) {
        (SopsTree::Map(map), steps) => take_from_map(map, steps),
        (SopsTree::List(list), [ValuePathStep::Index(index)]) => {
            let mut positions = list.items.iter().enumerate().filter(|(_, item)| matches!(item, SopsItem::Value(..)));
            let (at, _) = positions.nth(*index)?;
            remove_item(&mut list.items, at);
            Some(())
        }
        (SopsTree::List(list), [ValuePathStep::Index(index), rest @ ..]) => {
            take_below(iter_values_mut(list).nth(*index)?, rest)
        }
        _ => None,
    }
}

fn remove_item<K>(items: &mut Vec<SopsItem<K>>, at: usize) {
    let before = items.get(..at).unwrap_or_default().iter().rev();
    let inline = before.take_while(|item| matches!(item, SopsItem::Comment(comment) if comment.inline)).count();
    items.drain(at - inline..=at);
}

fn named_value<'a>(item: &'a mut SopsItem<YamlKey>, key: &str) -> Option<&'a mut SopsTree> {
    match item {
        SopsItem::Value(known, value) if known.text == key => Some(value),
        SopsItem::Value(..) | SopsItem::Comment(_) => None,
    }
}

fn iter_values_mut(list: &mut SopsList) -> impl Iterator<Item = &mut SopsTree> {
    list.items.iter_mut().filter_map(|item| match item {
        SopsItem::Value(_, value) => Some(value),
        SopsItem::Comment(_) => None,
    })
}
