//! Variables by path, as templates write it: `database.port`, `hosts[0]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Tree, TreeKind, tree};
use crate::map::IndexMap;
use crate::name::LayerName;
use crate::sort::CollectSorted;
use crate::span::Location;
use crate::test_hook::count_work;

/// Change of one layer to a variable.
#[derive(Debug, Clone, Copy)]
pub enum VariableChange<'t> {
    /// It sets the variable, or a part of it.
    Set(&'t Tree),
    /// It adds to the list.
    Merged(&'t Tree),
    /// It removes the variable, or a mapping that contains it.
    Removed(&'t Tree),
}

/// Step in the history of a variable.
#[derive(Debug, Clone)]
pub struct VariableHistoryStep<'t> {
    /// Layer that made the change.
    pub layer: LayerName,
    /// Location of the value.
    pub place: Location,
    /// Kind of the change.
    pub change: VariableChange<'t>,
}

/// Collects the paths of the values in a structure.
pub(super) fn collect_paths(path: String, tree: &Tree, paths: &mut Vec<String>) {
    match &tree.kind {
        TreeKind::Map(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| collect_paths(tree::join_path(&path, key), value, paths));
        }
        TreeKind::Map(_) | TreeKind::List(_) | TreeKind::Leaf(_) => paths.push(path),
    }
}

/// The rest of a path below a key; empty if it ends there. A key may contain dots.
fn below_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(key)?;
    match rest.as_bytes().first() {
        None | Some(b'[') => Some(rest),
        Some(b'.') => rest.get(1..).filter(|rest| !rest.is_empty()),
        Some(_) => None,
    }
}

/// Key of a mapping with which a path begins.
struct KeyOnPath<'t, 'p> {
    value: &'t Tree,
    /// Whether the value is added to a list of this name (`name+`).
    is_addition: bool,
    /// Rest of the path below the key.
    rest: &'p str,
}

/// Spelling of the keys of a structure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeySpelling {
    /// As in the merged structure.
    Merged,
    /// As in a layer, where a key may add to a list.
    Layer,
}

/// Keys of a mapping with which a path begins, in the order of the mapping.
fn keys_on_path<'t, 'p>(
    map: &'t IndexMap<String, Tree>,
    path: &'p str,
    spelling: KeySpelling,
) -> Vec<KeyOnPath<'t, 'p>> {
    let on_path = |key: &str, value: &'t Tree| {
        count_work(1);
        let list = tree::list_name(key, value).filter(|_| spelling == KeySpelling::Layer);
        Some(KeyOnPath { value, is_addition: list.is_some(), rest: below_key(path, list.unwrap_or(key))? })
    };
    let ends = || path.match_indices(['.', '[']).map(|(end, _)| end).chain([path.len()]);
    if ends().nth(map.len()).is_some() {
        // it has fewer keys than the path has parts
        return map.iter().filter_map(|(key, value)| on_path(key, value)).collect();
    }
    let names = ends().filter_map(|end| path.get(..end));
    let keys = names.flat_map(|name| match spelling {
        KeySpelling::Merged => vec![Cow::Borrowed(name)],
        KeySpelling::Layer => vec![name.into(), format!("{name}+").into(), format!("+{name}").into()],
    });
    let found = keys.filter_map(|key| {
        let (index, key, value) = map.get_full(&*key)?;
        Some((index, on_path(key, value)?))
    });
    let found: BTreeMap<_, _> = found.collect_map();
    found.into_values().collect()
}

impl Tree {
    /// Part at a path of keys and positions, as written in one layer.
    pub fn part_at(&self, path: &str) -> Option<&Self> {
        part_at(self, path)
    }
}

/// Part of a structure at a path.
pub(super) fn part_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    match &tree.kind {
        _ if path.is_empty() => Some(tree),
        TreeKind::Map(map) => {
            keys_on_path(map, path, KeySpelling::Merged).iter().find_map(|key| part_at(key.value, key.rest))
        }
        TreeKind::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let rest = rest.strip_prefix('.').unwrap_or(rest);
            part_at(items.get(index.parse::<usize>().ok()?)?, rest)
        }
        // whatever is in a part that is not valid is not known either
        TreeKind::Leaf(scalar) => scalar.broken.then_some(tree),
    }
}

/// Change of a layer to the part at a path.
pub(super) fn change_at<'t>(tree: &'t Tree, path: &str) -> Option<VariableChange<'t>> {
    let map = match &tree.kind {
        TreeKind::Leaf(scalar) if scalar.is_null() => return Some(VariableChange::Removed(tree)),
        _ if path.is_empty() => return Some(VariableChange::Set(tree)),
        TreeKind::Map(map) => map,
        // the items of a list are set together
        TreeKind::List(_) if path.starts_with('[') => return Some(VariableChange::Set(tree)),
        TreeKind::List(_) | TreeKind::Leaf(_) => return Some(VariableChange::Removed(tree)),
    };
    keys_on_path(map, path, KeySpelling::Layer).iter().find_map(|key| {
        if key.is_addition { Some(VariableChange::Merged(key.value)) } else { change_at(key.value, key.rest) }
    })
}
