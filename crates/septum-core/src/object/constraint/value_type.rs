//! Types that rules declare, and texts as values of them.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::map::IndexMap;
use crate::span::Located;

/// Keywords that apply to numbers.
const NUMERIC: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// Type that a value must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    String,
    Integer,
    Number,
    Boolean,
}

impl ValueType {
    /// The type that the rules of an entry declare, or imply.
    pub(super) fn declared_by(schema: &IndexMap<String, Located<Value>>) -> Self {
        match schema.get("type").and_then(|declared| declared.value.as_str()) {
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            None if NUMERIC.iter().any(|keyword| schema.contains_key(*keyword)) => Self::Number,
            Some(_) | None => Self::String,
        }
    }

    /// Name of the type in a sentence.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
        }
    }

    /// Text as a JSON value of the type; `None` if it is not of that type.
    pub(super) fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::String => Some(Value::from(text)),
            Self::Boolean => text.parse::<bool>().ok().map(Value::from),
            Self::Integer => is_integer(text).then(|| parse_number(text)).flatten(),
            Self::Number => parse_number(text),
        }
    }

    /// Value of a keyword, with the texts of `enum` and `const` as values of the type: the layer's value is kept as
    /// text, so that `enum: [1.10]` means just that.
    pub(super) fn typed_rule<'r>(self, keyword: &str, rule: &'r Value) -> Cow<'r, Value> {
        if self == Self::String || !matches!(keyword, "enum" | "const") {
            return Cow::Borrowed(rule);
        }
        Cow::Owned(self.typed_value(rule))
    }

    fn typed_value(self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.typed_value(item)).collect(),
            Value::String(text) => self.parse(text).unwrap_or_else(|| value.clone()),
            _ => value.clone(),
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a decimal number; leading zeros and a plus sign are kept in the text and ignored here.
fn parse_number(text: &str) -> Option<Value> {
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Value::from(integer));
    }
    let looks_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float = text.parse::<f64>().ok().filter(|_| looks_decimal)?;
    Number::from_f64(float).map(Value::Number)
}
