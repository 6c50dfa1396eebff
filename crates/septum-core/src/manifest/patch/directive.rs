//! Directives of strategic merge patches: `$patch`, `$retainKeys`, `$deleteFromPrimitiveList`, `$setElementOrder`.

use super::consumed::{ConsumedParts, DecidingRole};
use super::failure::PatchFailure;
use super::node::{NodeKind, PatchNode};
use crate::diagnostic::did_you_mean;
use crate::map::IndexMap;

/// Key of the directive that says what becomes of a mapping or list.
pub(super) const PATCH: &str = "$patch";

const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

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

/// Applies the directives of a mapping of the patch to the mapping that it is merged into, and removes them.
pub(super) fn apply_list_directives(
    target: &mut IndexMap<String, PatchNode>,
    patch: &mut IndexMap<String, PatchNode>,
    consumed: &mut ConsumedParts,
) {
    let directives: Vec<String> = patch.keys().filter(|key| is_list_directive(key)).cloned().collect();
    for key in directives {
        let Some(value) = patch.shift_remove(&key) else { continue };
        consumed.record(&value, DecidingRole::Directive);
        let items = value.as_list().unwrap_or_default();
        let names = |text: &str| items.iter().any(|item| item.text() == text);
        let list = key.strip_prefix(DELETE_FROM).and_then(|field| target.get_mut(field));
        if let Some(NodeKind::List(list)) = list.map(|node| &mut node.kind) {
            list.retain(|item| !names(item.text()));
        } else if key == RETAIN_KEYS {
            target.retain(|key, _| names(key));
        }
    }
}

/// Removes the directives of a mapping that nothing is merged into.
pub(super) fn drop_list_directives(patch: &mut IndexMap<String, PatchNode>, consumed: &mut ConsumedParts) {
    patch.retain(|key, value| {
        let is_directive = is_list_directive(key);
        if is_directive {
            consumed.record(value, DecidingRole::Directive);
        }
        !is_directive
    });
}

fn is_list_directive(key: &str) -> bool {
    key == RETAIN_KEYS || key.starts_with(DELETE_FROM) || key.starts_with(SET_ORDER)
}
