//! Equality of a value of an object and one of a patch, for `test`.

use super::node::{NodeKind, PatchNode};
use crate::yaml::kubectl::{JsonScalar, json_scalar};
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};

/// Whether two values are the same JSON value. A value that is unknown without a key equals everything.
pub(super) fn are_equal(a: &PatchNode, b: &PatchNode) -> bool {
    let is_locked = |node: &PatchNode| node.as_scalar().is_some_and(|scalar| scalar.locked);
    if is_locked(a) || is_locked(b) {
        return true;
    }
    match (&a.kind, &b.kind) {
        (NodeKind::Leaf(a), NodeKind::Leaf(b)) => are_scalars_equal(a, b),
        (NodeKind::List(a), NodeKind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b)),
        (NodeKind::Map(a), NodeKind::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| are_equal(a, b)))
        }
        _ => false,
    }
}

fn are_scalars_equal(a: &Scalar, b: &Scalar) -> bool {
    match (json_value(a), json_value(b)) {
        (JsonScalar::Number(a), JsonScalar::Number(b)) => {
            let number = |text: &str| text.parse::<f64>().ok();
            a == b || number(&a).is_some_and(|value| Some(value) == number(&b))
        }
        (a, b) => a == b,
    }
}

fn json_value(scalar: &Scalar) -> JsonScalar<'_> {
    let is_text = match scalar.tag_name() {
        Some(tag) => tag == "str",
        None => scalar.style != YamlStyle::Plain,
    };
    match json_scalar(scalar.text()) {
        // the object has texts where only YAML 1.1 has truth values; those of the operation are converted
        JsonScalar::Bool(_) if core_type(scalar) == CoreType::String => JsonScalar::Text(scalar.text()),
        _ if is_text => JsonScalar::Text(scalar.text()),
        value => value,
    }
}
