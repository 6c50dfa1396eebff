//! Keywords that compare a value: whether they hold, and what they expect in words.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::number;

/// Keywords of this module, in the order in which their violations are reported.
pub(super) const KEYWORDS: [&str; 9] = [
    "const",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
];

/// Whether a value meets a keyword, as it does where the keyword is about another type. Nothing if the keyword has a
/// value that is not valid for it.
pub(super) fn holds(keyword: &str, rule: &Value, value: &Value) -> Option<bool> {
    let compare = |number: &Number| number::compare(number, rule.as_number()?);
    Some(match (keyword, value) {
        ("const", _) => is_equal(rule, value),
        ("enum", _) => rule.as_array()?.iter().any(|allowed| is_equal(allowed, value)),
        ("minimum", Value::Number(number)) => compare(number)? != Ordering::Less,
        ("maximum", Value::Number(number)) => compare(number)? != Ordering::Greater,
        ("exclusiveMinimum", Value::Number(number)) => compare(number)? == Ordering::Greater,
        ("exclusiveMaximum", Value::Number(number)) => compare(number)? == Ordering::Less,
        ("multipleOf", Value::Number(number)) => number::is_multiple(number, rule.as_number()?)?,
        ("minLength", Value::String(text)) => length(text) >= rule.as_u64()?,
        ("maxLength", Value::String(text)) => length(text) <= rule.as_u64()?,
        _ => true,
    })
}

/// Number of characters: Unicode scalar values, not bytes and not what a reader takes for one.
fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

/// Whether two values are the same one; `1` and `1.0` are.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => number::compare(one, other) == Some(Ordering::Equal),
        _ => one == other,
    }
}

/// Expectation of a keyword, in words.
pub(super) fn describe(keyword: &str, rule: &Value) -> String {
    let shown = show_value(rule);
    match keyword {
        "enum" => format!("one of {shown}"),
        "const" => format!("exactly {shown}"),
        "pattern" => format!("a string that matches {shown}"),
        "format" => format!("a string in the format {shown}"),
        "minLength" => format!("at least {shown} characters"),
        "maxLength" => format!("at most {shown} characters"),
        "minimum" => format!("at least {shown}"),
        "maximum" => format!("at most {shown}"),
        "exclusiveMinimum" => format!("greater than {shown}"),
        "exclusiveMaximum" => format!("less than {shown}"),
        "multipleOf" => format!("a multiple of {shown}"),
        _ => format!("`{keyword}: {shown}`"),
    }
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(show_value).collect::<Vec<_>>().join(", "),
        Value::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}
