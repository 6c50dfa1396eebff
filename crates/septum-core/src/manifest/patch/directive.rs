//! Directives of strategic merge patches: `$patch`, and those of kubectl that kustomize does not know.

use super::consumed::{ConsumedParts, DecidingRole};
use super::failure::PatchFailure;
use super::node::{NodeKind, PatchNode};
use crate::diagnostic::did_you_mean;
use crate::map::IndexMap;
use crate::span::Location;

/// Key of the directive that says what becomes of a mapping or list.
pub(super) const PATCH: &str = "$patch";

/// Starts of the keys of directives, and what to write where one has no effect.
const DIRECTIVES: [(&str, &str); 4] = [
    (PATCH, "write the whole list, or change its items with JSON6902 operations"),
    ("$retainKeys", "set each key to remove to `null`, or write `$patch: replace`"),
    ("$deleteFromPrimitiveList/", "remove the items with JSON6902 operations"),
    ("$setElementOrder/", "remove it, and change the order with JSON6902 operations if it matters"),
];

/// Value of `$patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchDirective {
    Merge,
    Replace,
    Delete,
}

fn read_directive(value: &PatchNode, consumed: &mut ConsumedParts) -> Result<PatchDirective, PatchFailure> {
    consumed.record(value, DecidingRole::Directive);
    match value.text() {
        "merge" => Ok(PatchDirective::Merge),
        "replace" => Ok(PatchDirective::Replace),
        "delete" => Ok(PatchDirective::Delete),
        other => {
            let failure =
                PatchFailure::new(&value.place, "invalid value of `$patch`: expected `delete`, `replace` or `merge`");
            let hint = value.public_text().and_then(|_| did_you_mean(other, ["delete", "replace", "merge"]));
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

/// Removes the directive of a mapping, and returns it.
pub(super) fn take_from_map(
    node: &mut PatchNode,
    consumed: &mut ConsumedParts,
) -> Result<PatchDirective, PatchFailure> {
    let NodeKind::Map(map) = &mut node.kind else { return Ok(PatchDirective::Merge) };
    match map.shift_remove(PATCH) {
        Some(value) => read_directive(&value, consumed),
        None => Ok(PatchDirective::Merge),
    }
}

/// Removes the item that is only the directive of its list, and returns the directive.
pub(super) fn take_from_list(
    node: &mut PatchNode,
    consumed: &mut ConsumedParts,
) -> Result<PatchDirective, PatchFailure> {
    let NodeKind::List(items) = &mut node.kind else { return Ok(PatchDirective::Merge) };
    let Some(item) = items.iter().find(|item| item.get(PATCH).is_some()) else { return Ok(PatchDirective::Merge) };
    // beside other keys, it is a directive of the item
    let (Some(value), Some(1)) = (item.get(PATCH), item.as_map().map(IndexMap::len)) else {
        return Ok(PatchDirective::Merge);
    };
    let directive = read_directive(value, consumed)?;
    let text = value.text().to_owned();
    items.retain(|item| {
        let is_same = item.get(PATCH).is_some_and(|value| value.text() == text);
        !(is_same || item.is_null() || item.is_empty_map())
    });
    Ok(directive)
}

/// Places of the directives of a patch: names of sources, and offsets.
pub(super) struct DirectivePlaces(Vec<(String, usize)>);

impl DirectivePlaces {
    /// Finds the directives of a patch.
    pub(super) fn of(patch: &PatchNode) -> Self {
        let mut found = Vec::new();
        visit_directives(patch, &mut |_, value| {
            found.push((value.place.source.name().to_owned(), value.place.span.start));
        });
        Self(found)
    }

    /// Refuses an object that still has a directive of the patch: it had no effect, and would be a field.
    pub(super) fn check_applied(&self, patched: &PatchNode) -> Result<(), PatchFailure> {
        let mut unapplied = None;
        if !self.0.is_empty() {
            visit_directives(patched, &mut |key, value| {
                let place = &value.place;
                let is_same =
                    |(name, start): &(String, usize)| *start == place.span.start && name == place.source.name();
                if unapplied.is_none() && self.0.iter().any(is_same) {
                    unapplied = Some(failure_of_unapplied(key, place));
                }
            });
        }
        unapplied.map_or(Ok(()), Err)
    }
}

fn visit_directives(node: &PatchNode, visit: &mut impl FnMut(&str, &PatchNode)) {
    match &node.kind {
        NodeKind::Leaf(_) => {}
        NodeKind::List(items) => items.iter().for_each(|item| visit_directives(item, visit)),
        NodeKind::Map(map) => {
            for (key, value) in map {
                if DIRECTIVES.iter().any(|(start, _)| key.starts_with(start)) {
                    visit(key, value);
                }
                visit_directives(value, visit);
            }
        }
    }
}

fn failure_of_unapplied(key: &str, place: &Location) -> PatchFailure {
    let (name, hint) = DIRECTIVES.into_iter().find(|(start, _)| key.starts_with(start)).unwrap_or_default();
    let message = match name {
        PATCH => "`$patch` has no effect in a list that is replaced, not merged".to_owned(),
        name => format!("`{}` is not a directive of kustomize, and has no effect", name.trim_end_matches('/')),
    };
    PatchFailure::new(place, message).hint(hint)
}
