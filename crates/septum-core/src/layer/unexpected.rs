//! Error for a value of a different shape than its field accepts.
//!
//! Nothing is reported of a value that is not valid YAML: that was reported.

use std::fmt;

use crate::diagnostic::{Cause, Diagnostic, Rule};
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
    Diagnostic::error(Rule::InvalidField, format!("expected {what} for `{name}`, found {found}"))
        .at_masked(place)
        .with_cause(known_cause(node.is_broken()))
}

/// Cause of a finding that follows from a part that is not valid YAML, if it does.
pub(super) fn known_cause(follows: bool) -> Option<Cause> {
    follows.then_some(Cause::Reported)
}
