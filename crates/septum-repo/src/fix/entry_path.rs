//! Path of an entry in a layer: `data.KEY`, or `bundles.NAME.data.KEY`.

use super::refusal::FixError;
use crate::check::EntryLocation;
use crate::span::Location;
use crate::yaml::node::{Mapping, YamlKey, YamlNode};

/// The keys that lead to the entry of a location.
pub(super) fn find_entry_path(root: &YamlNode, spot: &EntryLocation) -> Result<Vec<String>, FixError> {
    let in_bundle = in_bundle(spot);
    let own = spot.is_own.then(|| in_data(spot));
    let paths = own.into_iter().chain([in_bundle]);
    let mut there = paths.filter_map(|path| Some((entry_at(root, &path)?, path)));
    match (there.next(), there.next()) {
        (Some((found, path)), None) if is_at(found, &spot.place) => Ok(path),
        (Some(_), Some(_)) => Err(FixError::Twice),
        _ => Err(FixError::Lost),
    }
}

/// The other spelling of a path, for an entry that has two.
pub(super) fn alternative_path(path: &[String], spot: &EntryLocation) -> Option<Vec<String>> {
    let other = if path.len() == 2 { in_bundle(spot) } else { in_data(spot) };
    spot.is_own.then_some(other)
}

fn in_data(spot: &EntryLocation) -> Vec<String> {
    ["data", spot.entry.key.as_str()].map(str::to_owned).into()
}

fn in_bundle(spot: &EntryLocation) -> Vec<String> {
    ["bundles", spot.entry.bundle.as_str(), "data", spot.entry.key.as_str()].map(str::to_owned).into()
}

/// A key with its value.
pub(super) fn entry_at<'n>(root: &'n YamlNode, path: &[String]) -> Option<(&'n YamlKey, &'n YamlNode)> {
    let (last, before) = path.split_last()?;
    let map = before.iter().try_fold(root, |node, key| node.as_map()?.get(key.as_str()))?;
    map.as_map()?.get_key_value(last.as_str())
}

/// The map at a path, as a mutable reference.
pub(super) fn map_mut<'n>(root: &'n mut YamlNode, path: &[String]) -> Option<&'n mut Mapping> {
    let mut node = root;
    for key in path {
        node = as_map_mut(node)?.get_mut(key.as_str())?;
    }
    as_map_mut(node)
}

fn as_map_mut(node: &mut YamlNode) -> Option<&mut Mapping> {
    match &mut node.kind {
        crate::yaml::node::YamlKind::Map(map) => Some(map),
        _ => None,
    }
}

fn is_at((key, node): (&YamlKey, &YamlNode), place: &Location) -> bool {
    let value = node.as_map().and_then(|fields| fields.get("value"));
    let starts = [Some(key.span.start), Some(node.span.start), value.map(|value| value.span.start)];
    starts.contains(&Some(place.span.start))
}
