//! Error for a value of a different shape than its field accepts.

use std::fmt;

use crate::diagnostic::{Diagnostic, Rule};
use crate::span::{Location, Source};
use crate::yaml::node::YamlNode;

/// Error: a field has a value of a different shape than `what`.
pub(super) fn unexpected_value(
    name: &str,
    what: impl fmt::Display,
    node: &YamlNode,
    key: &Location,
    source: &Source,
) -> Diagnostic {
    let what = what.to_string();
    let found = match node.as_scalar() {
        Some(scalar) if !scalar.blank && !scalar.is_null() => {
            if what.starts_with("a list") || what.starts_with("a mapping") { "a string" } else { "another value" }
        }
        _ => node.noun(),
    };
    let place = if node.span.start == node.span.end { key.clone() } else { source.place(node.span) };
    Diagnostic::error(Rule::InvalidField, format!("expected {what} for `{name}`, found {found}")).at_masked(place)
}
