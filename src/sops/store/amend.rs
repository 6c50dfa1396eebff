//! Changes of single values in the tree of a document, for what cannot be changed in its text alone.

use super::edit::{Target, copy, wrap};
use crate::sops::document::{Document, Item, List, Map, Position, Tree};
use crate::sops::path::{KeyPath, Step};
use crate::span::Span;
use crate::yaml::node::Key;

/// Number of steps of a path that lead to something that is there.
pub(in crate::sops) fn existing(document: &Document, target: &Target<'_>) -> usize {
    let Some(root) = document.branches.get(target.document) else { return 0 };
    let mut at: Option<&Tree> = None;
    for (index, step) in target.path.steps().iter().enumerate() {
        let next = match (step, at) {
            (Step::Key(key), None) => root.get(key),
            (Step::Key(key), Some(Tree::Map(map))) => map.get(key),
            (Step::Index(wanted), Some(Tree::List(list))) => list.values().nth(*wanted),
            _ => None,
        };
        let Some(next) = next else { return index };
        at = Some(next);
    }
    target.path.steps().len()
}

/// The value at a path.
pub(in crate::sops) fn get<'a>(document: &'a Document, index: usize, path: &KeyPath) -> Option<&'a Tree> {
    let root = document.branches.get(index)?;
    let (first, rest) = path.steps().split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(root.get(key)?, |tree, step| match (tree, step) {
        (Tree::Map(map), Step::Key(key)) => map.get(key),
        (Tree::List(list), Step::Index(index)) => list.values().nth(*index),
        _ => None,
    })
}

/// Puts a value at a path; maps on the way are made. None if the path leads elsewhere.
pub(in crate::sops) fn put(document: &mut Document, target: &Target<'_>, value: &Tree) -> Option<()> {
    let root = document.branches.get_mut(target.document)?;
    put_in_map(root, target.path.steps(), value)
}

fn put_in_map(map: &mut Map, steps: &[Step], value: &Tree) -> Option<()> {
    let [Step::Key(key), rest @ ..] = steps else { return None };
    match map.items.iter_mut().find_map(|item| named(item, key)) {
        Some(old) => put_below(old, rest, value),
        None => {
            let key = Key { text: key.clone(), span: Span::default() };
            map.items.push(Item::Value(key, wrap(rest, value).ok()?));
            Some(())
        }
    }
}

fn put_below(old: &mut Tree, steps: &[Step], value: &Tree) -> Option<()> {
    match (old, steps) {
        (old, []) => {
            *old = copy(value);
            Some(())
        }
        (Tree::Map(map), steps) => put_in_map(map, steps, value),
        (Tree::List(list), [Step::Index(index), rest @ ..]) => {
            let count = list.values().count();
            if *index == count {
                list.items.push(Item::Value(Position::default(), wrap(rest, value).ok()?));
                return Some(());
            }
            put_below(values(list).nth(*index)?, rest, value)
        }
        _ => None,
    }
}

/// Takes the value at a path out, with the comments on its line. None if there is none.
pub(in crate::sops) fn take(document: &mut Document, target: &Target<'_>) -> Option<()> {
    let root = document.branches.get_mut(target.document)?;
    take_from_map(root, target.path.steps())
}

fn take_from_map(map: &mut Map, steps: &[Step]) -> Option<()> {
    let [Step::Key(key), rest @ ..] = steps else { return None };
    if rest.is_empty() {
        let at = map.items.iter().position(|item| matches!(item, Item::Value(known, _) if known.text == *key))?;
        remove(&mut map.items, at);
        return Some(());
    }
    take_below(map.items.iter_mut().find_map(|item| named(item, key))?, rest)
}

fn take_below(tree: &mut Tree, steps: &[Step]) -> Option<()> {
    match (tree, steps) {
        (Tree::Map(map), steps) => take_from_map(map, steps),
        (Tree::List(list), [Step::Index(index)]) => {
            let mut positions = list.items.iter().enumerate().filter(|(_, item)| matches!(item, Item::Value(..)));
            let (at, _) = positions.nth(*index)?;
            remove(&mut list.items, at);
            Some(())
        }
        (Tree::List(list), [Step::Index(index), rest @ ..]) => take_below(values(list).nth(*index)?, rest),
        _ => None,
    }
}

fn remove<K>(items: &mut Vec<Item<K>>, at: usize) {
    let before = items.get(..at).unwrap_or_default().iter().rev();
    let inline = before.take_while(|item| matches!(item, Item::Comment(comment) if comment.inline)).count();
    items.drain(at - inline..=at);
}

fn named<'a>(item: &'a mut Item<Key>, key: &str) -> Option<&'a mut Tree> {
    match item {
        Item::Value(known, value) if known.text == key => Some(value),
        Item::Value(..) | Item::Comment(_) => None,
    }
}

fn values(list: &mut List) -> impl Iterator<Item = &mut Tree> {
    list.items.iter_mut().filter_map(|item| match item {
        Item::Value(_, value) => Some(value),
        Item::Comment(_) => None,
    })
}
