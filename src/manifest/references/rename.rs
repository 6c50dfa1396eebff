//! Puts new names into an object.

use std::sync::Arc;

use super::rule::Format;
use super::{Hit, Reference, Role};
use crate::layer::tree::{Tree, TreeKind};
use crate::yaml::node::{Scalar, Style};

/// Renames what a scalar names; how many references changed.
pub(super) fn rename(object: &mut Tree, hit: &Hit, new: &impl Fn(&Reference) -> Option<String>) -> usize {
    let new = |reference: &Reference| (reference.role == Role::Reference).then(|| new(reference)).flatten();
    let names: Vec<_> =
        hit.references.iter().map(|reference| (reference.name.value.as_str(), new(reference))).collect();
    let count = names.iter().filter(|(_, new)| new.is_some()).count();
    if count == 0 {
        return 0;
    }
    if hit.format == Format::Commas {
        put(object, &hit.address, |text| commas(text, &names));
        return count;
    }
    // what else the name stands for keeps it, after those that have a new one
    let mut all: Vec<String> = Vec::new();
    let kept = names.iter().filter(|(_, new)| new.is_none() || hit.shared).map(|(old, _)| (*old).to_owned());
    for name in names.iter().filter_map(|(_, new)| new.clone()).chain(kept) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    let mut all = all.into_iter();
    if let Some(first) = all.next() {
        put(object, &hit.address, |text| match text.split_once('/') {
            Some((namespace, _)) if hit.format != Format::Name => format!("{namespace}/{first}"),
            _ => first,
        });
    }
    insert(object, &hit.address, all);
    count
}

/// The names between commas, each replaced by its new one.
fn commas(text: &str, names: &[(&str, Option<String>)]) -> String {
    let mut names = names.iter();
    let part = |part: &str| {
        let name = part.trim();
        let new = if name.is_empty() { None } else { names.next().and_then(|(_, new)| new.as_deref()) };
        new.map_or_else(|| part.to_owned(), |new| part.replacen(name, new, 1))
    };
    text.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// Changes the text of the scalar at an address.
fn put(object: &mut Tree, address: &[usize], change: impl FnOnce(&str) -> String) {
    let Some(Tree { kind: TreeKind::Leaf(scalar), .. }) = at(object, address) else { return };
    *scalar = Arc::new(written(scalar, change(scalar.text())));
}

/// Adds names after the item at an address, if it is one.
fn insert(object: &mut Tree, address: &[usize], names: impl Iterator<Item = String>) {
    let Some((index, parent)) = address.split_last() else { return };
    let Some(Tree { kind: TreeKind::List(items), .. }) = at(object, parent) else { return };
    let Some(Tree { place, kind: TreeKind::Leaf(scalar) }) = items.get(*index).cloned() else { return };
    let mut after = items.split_off(index + 1);
    let new = names.map(|name| Tree { place: place.clone(), kind: TreeKind::Leaf(Arc::new(written(&scalar, name))) });
    items.extend(new);
    items.append(&mut after);
}

/// A name in place of another; quoted, since it is a text whatever it looks like.
fn written(old: &Scalar, text: String) -> Scalar {
    let mut scalar = Scalar::new(text, Style::DoubleQuoted);
    scalar.encrypted = old.encrypted;
    scalar
}

fn at<'t>(object: &'t mut Tree, address: &[usize]) -> Option<&'t mut Tree> {
    address.iter().try_fold(object, |tree, index| match &mut tree.kind {
        TreeKind::Leaf(_) => None,
        TreeKind::List(items) => items.get_mut(*index),
        TreeKind::Map(map) => map.get_index_mut(*index).map(|(_, value)| value),
    })
}
