//! Scalars of patches, as kustomize reads them: `yes` is a text in a strategic merge patch (YAML 1.2), and true in
//! JSON6902 operations (YAML 1.1, as kubectl reads it), even as a key.

use std::sync::Arc;

use super::node::{NodeKind, PatchNode};
use crate::yaml::kubectl::{JsonScalar, json_scalar};
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};

/// Value of a scalar that only YAML 1.1 reads as something else than a text.
fn json_of_plain(scalar: &Scalar) -> Option<JsonScalar<'_>> {
    let is_plain = scalar.style == YamlStyle::Plain && scalar.tag.is_none() && !scalar.blank && !scalar.locked;
    is_plain.then(|| json_scalar(scalar.text()))
}

/// Marks the words of a strategic merge patch that are truth values in YAML 1.1 alone as texts.
pub(super) fn read_texts(node: &mut PatchNode) {
    match &mut node.kind {
        NodeKind::Leaf(scalar) => {
            let is_word = matches!(json_of_plain(scalar), Some(JsonScalar::Bool(_)));
            if is_word && core_type(scalar) == CoreType::String {
                *scalar = restyled(scalar, scalar.text(), YamlStyle::DoubleQuoted);
            }
        }
        NodeKind::List(items) => items.iter_mut().for_each(read_texts),
        NodeKind::Map(map) => map.values_mut().for_each(read_texts),
    }
}

/// Converts the value of an operation to what JSON has for it.
pub(super) fn read_json(node: &mut PatchNode) {
    match &mut node.kind {
        NodeKind::Leaf(scalar) => {
            if let Some(JsonScalar::Bool(bool)) = json_of_plain(scalar) {
                *scalar = restyled(scalar, if bool { "true" } else { "false" }, YamlStyle::Plain);
            }
        }
        NodeKind::List(items) => items.iter_mut().for_each(read_json),
        NodeKind::Map(map) => {
            let fields = std::mem::take(map);
            for (key, mut value) in fields {
                read_json(&mut value);
                let key = match json_scalar(&key) {
                    JsonScalar::Bool(bool) if is_plain_key(&key, &value) => bool.to_string(),
                    _ => key,
                };
                map.insert(key, value);
            }
        }
    }
}

/// Whether a key is written without quotes: it precedes its value in the file.
fn is_plain_key(key: &str, value: &PatchNode) -> bool {
    let before = value.place.source.text().get(..value.place.span.start).unwrap_or_default();
    // a block or anchor may be between
    let before = before.trim_end().trim_end_matches(['\'', '"', '|', '>', '-', '+']).trim_end();
    before.strip_suffix(':').is_some_and(|before| {
        let before = before.trim_end();
        before.strip_suffix(key).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\n', '{', ',']))
    })
}

/// Converts labels or annotations to texts, as kustomize does after operations, and in a patch with a target. Removes
/// them if there are none.
pub(super) fn write_texts(object: &mut PatchNode, field: &str) {
    let metadata = object.as_map_mut().and_then(|map| map.get_mut("metadata")).and_then(PatchNode::as_map_mut);
    let Some(metadata) = metadata else { return };
    if metadata.get(field).is_some_and(PatchNode::is_empty_map) {
        metadata.shift_remove(field);
    }
    let values = metadata.get_mut(field).and_then(PatchNode::as_map_mut);
    for value in values.into_iter().flat_map(|map| map.values_mut()) {
        if let NodeKind::Leaf(scalar) = &mut value.kind {
            let is_value = matches!(json_of_plain(scalar), Some(JsonScalar::Bool(_) | JsonScalar::Number(_)));
            if is_value {
                *scalar = restyled(scalar, scalar.text(), YamlStyle::DoubleQuoted);
            }
        }
    }
}

/// Scalar of a patch in the place of another. It stays quoted as that was, so that a number becomes a text where there
/// was one. In an object that operations rewrote, only the texts are quoted that have to be.
pub(super) fn in_style_of(old: &Scalar, new: &Arc<Scalar>, is_rewritten: bool) -> Arc<Scalar> {
    let is_ambiguous = || !matches!(json_scalar(old.text()), JsonScalar::Text(_)) || old.text().contains('\n');
    let was_quoted = old.style != YamlStyle::Plain && (!is_rewritten || is_ambiguous());
    let is_plain = new.style == YamlStyle::Plain && new.tag.is_none() && !new.is_null();
    if was_quoted && is_plain { restyled(new, new.text(), YamlStyle::DoubleQuoted) } else { Arc::clone(new) }
}

fn restyled(scalar: &Scalar, text: &str, style: YamlStyle) -> Arc<Scalar> {
    let mut changed = Scalar::new(text, style);
    changed.encrypted = scalar.encrypted;
    changed.locked = scalar.locked;
    Arc::new(changed)
}
