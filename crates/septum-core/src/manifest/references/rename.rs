//! Renaming of references in an object.

use std::sync::Arc;

use super::rule::NameFormat;
use super::{Reference, ReferenceHit, Role};
use crate::layer::tree::{Tree, TreeKind};
use crate::yaml::node::{Scalar, YamlStyle};

/// Renames the references in a scalar; returns the number of changed references.
pub(super) fn rename_hit(object: &mut Tree, hit: &ReferenceHit, new: &impl Fn(&Reference) -> Option<String>) -> usize {
    let new = |reference: &Reference| (reference.role == Role::Reference).then(|| new(reference)).flatten();
    let names: Vec<_> =
        hit.references.iter().map(|reference| (reference.name.value.as_str(), new(reference))).collect();
    let count = names.iter().filter(|(_, new)| new.is_some()).count();
    if count == 0 {
        return 0;
    }
    if hit.format == NameFormat::Commas {
        put_text(object, &hit.address, |text| replace_between_commas(text, &names));
        return count;
    }
    // other uses of the name keep it, after the new names
    let mut all: Vec<String> = Vec::new();
    let kept = names.iter().filter(|(_, new)| new.is_none() || hit.shared).map(|(old, _)| (*old).to_owned());
    for name in names.iter().filter_map(|(_, new)| new.clone()).chain(kept) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    let mut all = all.into_iter();
    if let Some(first) = all.next() {
        put_text(object, &hit.address, |text| match text.split_once('/') {
            Some((namespace, _)) if hit.format != NameFormat::Name => format!("{namespace}/{first}"),
            _ => first,
        });
    }
    insert_names(object, &hit.address, all);
    count
}

/// Replaces each name between commas by its new one.
fn replace_between_commas(text: &str, names: &[(&str, Option<String>)]) -> String {
    let mut names = names.iter();
    let part = |part: &str| {
        let name = part.trim();
        let new = if name.is_empty() { None } else { names.next().and_then(|(_, new)| new.as_deref()) };
        new.map_or_else(|| part.to_owned(), |new| part.replacen(name, new, 1))
    };
    text.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// Changes the text of the scalar at an address.
fn put_text(object: &mut Tree, address: &[usize], change: impl FnOnce(&str) -> String) {
    let Some(Tree { kind: TreeKind::Leaf(scalar), .. }) = descend_mut(object, address) else { return };
    *scalar = Arc::new(renamed_scalar(scalar, change(scalar.text())));
}

/// Adds names after the item at an address, if it is one.
fn insert_names(object: &mut Tree, address: &[usize], names: impl Iterator<Item = String>) {
    let Some((index, parent)) = address.split_last() else { return };
    let Some(Tree { kind: TreeKind::List(items), .. }) = descend_mut(object, parent) else { return };
    let Some(Tree { place, kind: TreeKind::Leaf(scalar) }) = items.get(*index).cloned() else { return };
    let mut after = items.split_off(index + 1);
    let new =
        names.map(|name| Tree { place: place.clone(), kind: TreeKind::Leaf(Arc::new(renamed_scalar(&scalar, name))) });
    items.extend(new);
    items.append(&mut after);
}

/// Scalar with a new name; quoted, since it is a text whatever it looks like.
fn renamed_scalar(old: &Scalar, text: String) -> Scalar {
    let mut scalar = Scalar::new(text, YamlStyle::DoubleQuoted);
    scalar.encrypted = old.encrypted;
    scalar
}

fn descend_mut<'t>(object: &'t mut Tree, address: &[usize]) -> Option<&'t mut Tree> {
    address.iter().try_fold(object, |tree, index| match &mut tree.kind {
        TreeKind::Leaf(_) => None,
        TreeKind::List(items) => items.get_mut(*index),
        TreeKind::Map(map) => map.get_index_mut(*index).map(|(_, value)| value),
    })
}
