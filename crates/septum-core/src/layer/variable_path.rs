//! Variables by path, as templates write it: `database.port`, `hosts[0]`.

use super::{Tree, TreeKind, tree};
use crate::name::LayerName;
use crate::span::Location;

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
        TreeKind::Map(map) => map.iter().find_map(|(key, value)| part_at(value, below_key(path, key)?)),
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
    map.iter().find_map(|(key, value)| match tree::list_name(key, value) {
        Some(list) => below_key(path, list).map(|_| VariableChange::Merged(value)),
        None => change_at(value, below_key(path, key)?),
    })
}
