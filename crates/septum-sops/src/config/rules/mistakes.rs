//! Mistakes in the values of fields, found one by one: serde stops at the first.

use septum_base::span::Span;
use septum_base::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode};

/// A part of a value that is refused, and why.
pub(super) type RefusedPart = (YamlNode, String);

/// Test of a value with one part, all others left out.
pub(super) type PartTest<'t> = dyn Fn(&YamlNode) -> Result<(), String> + 't;

/// Mistakes in the value of a field, or its name alone, if that is one.
pub(super) fn mistakes_of(key: &YamlKey, value: &YamlNode, test: &PartTest<'_>) -> Vec<RefusedPart> {
    match test(value) {
        Ok(()) => Vec::new(),
        Err(error) if unknown_name(&error) == Some(&key.text) => {
            let field = std::iter::once((key.clone(), value.clone())).collect();
            vec![(YamlNode { span: key.span, kind: YamlKind::Map(field) }, error)]
        }
        Err(_) => mistakes_in(value, test),
    }
}

/// Parts of a value that a test refuses, each with the reason: of a list or a mapping, those of its items that are refused
/// by themselves. Its depth is bounded by the reader.
fn mistakes_in(node: &YamlNode, test: &PartTest<'_>) -> Vec<RefusedPart> {
    let Err(error) = test(node) else { return Vec::new() };
    let alone = |kind| YamlNode { span: node.span, kind };
    // where no list or mapping is expected, its content is not to blame
    let accepts = |kind| test(&alone(kind)).err().is_none_or(|error| missing_name(&error).is_some());
    let inner: Vec<_> = match &node.kind {
        YamlKind::Scalar(_) => Vec::new(),
        YamlKind::List(_) if !accepts(YamlKind::List(Vec::new())) => Vec::new(),
        YamlKind::Map(_) if !accepts(YamlKind::Map(Mapping::default())) => Vec::new(),
        YamlKind::List(items) => {
            let of_item = |item| mistakes_in(item, &|item| test(&alone(YamlKind::List(vec![item.clone()]))));
            items.iter().flat_map(of_item).collect()
        }
        YamlKind::Map(map) => {
            let of_field = |(key, value): (&YamlKey, &YamlNode)| {
                // what the mapping itself lacks, or has beside the field, is no mistake of a field
                let is_beside = |error: &str| {
                    missing_name(error).is_some_and(|name| value.as_scalar().is_some() || map.contains_key(name))
                };
                mistakes_of(key, value, &|value| {
                    let field = std::iter::once((key.clone(), value.clone())).collect();
                    test(&alone(YamlKind::Map(field)))
                        .or_else(|error| if is_beside(&error) { Ok(()) } else { Err(error) })
                })
            };
            map.iter().flat_map(of_field).collect()
        }
    };
    if inner.is_empty() { vec![(node.clone(), error)] } else { inner }
}

/// Name of the unknown field in a message of serde.
pub(super) fn unknown_name(error: &str) -> Option<&str> {
    error.split_once("unknown field `")?.1.split('`').next()
}

/// Name of the missing field in a message of serde.
pub(super) fn missing_name(error: &str) -> Option<&str> {
    error.split_once("missing field `")?.1.split('`').next()
}

/// The place of the first key of this name in a tree. Its depth is bounded by the reader.
pub(super) fn find_key(node: &YamlNode, name: &str) -> Option<Span> {
    match &node.kind {
        YamlKind::Scalar(_) => None,
        YamlKind::List(items) => items.iter().find_map(|item| find_key(item, name)),
        YamlKind::Map(map) => {
            map.iter().find_map(|(key, value)| if key.text == name { Some(key.span) } else { find_key(value, name) })
        }
    }
}
