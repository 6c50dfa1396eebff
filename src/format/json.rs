//! JSON (RFC 8259).
//!
//! A number is its source text if that is a number of JSON, so that `1.10` and a 20-digit
//! account number pass unrounded; other source text (`0644`, `0x1F`, `2024-01-01`) becomes a
//! string of that text. Strings are escaped by `serde_json`, and text beyond ASCII stays as it
//! is.

use super::literal::is_json_number;
use super::{Entry, bool_text};
use crate::value::Value;

/// JSON for people: indented by two spaces, with a newline at the end.
pub fn pretty(value: &Value<'_>) -> String {
    let mut out = String::new();
    node(&mut out, value, Layout::Indented(0));
    out.push('\n');
    out
}

/// JSON on one line, without blanks and without a newline at the end.
pub fn compact(value: &Value<'_>) -> String {
    let mut out = String::new();
    node(&mut out, value, Layout::Compact);
    out
}

/// How the parts of a list or mapping are set.
#[derive(Clone, Copy)]
enum Layout {
    Compact,
    /// Each on a line of its own, so many levels deep.
    Indented(usize),
}

impl Layout {
    fn inner(self) -> Self {
        match self {
            Self::Compact => Self::Compact,
            Self::Indented(depth) => Self::Indented(depth + 1),
        }
    }

    fn line_break(self, out: &mut String) {
        if let Self::Indented(depth) = self {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn colon(self) -> &'static str {
        match self {
            Self::Compact => ":",
            Self::Indented(_) => ": ",
        }
    }
}

fn node(out: &mut String, value: &Value<'_>, layout: Layout) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(bool_text(*truth)),
        Value::Literal(text) => literal(out, text),
        Value::String(text) => string(out, text),
        Value::List(items) => list(out, items, layout),
        Value::Map(entries) => map(out, entries, layout),
    }
}

fn literal(out: &mut String, text: &str) {
    // the three words are spelled alike in YAML, where the text comes from
    if is_json_number(text) || matches!(text, "true" | "false" | "null") {
        out.push_str(text);
    } else {
        string(out, text);
    }
}

fn string(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn list(out: &mut String, items: &[Value<'_>], layout: Layout) {
    out.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        layout.inner().line_break(out);
        node(out, item, layout.inner());
    }
    if !items.is_empty() {
        layout.line_break(out);
    }
    out.push(']');
}

fn map(out: &mut String, entries: &[Entry<'_>], layout: Layout) {
    out.push('{');
    for (place, (key, value)) in entries.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        layout.inner().line_break(out);
        string(out, key);
        out.push_str(layout.colon());
        node(out, value, layout.inner());
    }
    if !entries.is_empty() {
        layout.line_break(out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(text: &str) -> Value<'_> {
        Value::Literal(text.into())
    }

    #[test]
    fn pretty_json_is_indented_by_two() {
        let value = Value::map([
            ("port", literal("8080")),
            ("tags", Value::List(vec![Value::text("a"), Value::map([("b", Value::Null)])])),
            ("none", Value::List(vec![])),
            ("empty", Value::map::<&str>([])),
        ]);
        let expected = r#"{
  "port": 8080,
  "tags": [
    "a",
    {
      "b": null
    }
  ],
  "none": [],
  "empty": {}
}
"#;
        assert_eq!(pretty(&value), expected);
        assert_eq!(compact(&value), r#"{"port":8080,"tags":["a",{"b":null}],"none":[],"empty":{}}"#);
    }

    #[test]
    fn source_text_is_a_number_or_a_string_but_never_rewritten() {
        for (text, expected) in [
            ("8080", "8080"),
            ("1.10", "1.10"),
            ("1e6", "1e6"),
            ("-0", "-0"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("true", "true"),
            ("0644", r#""0644""#),
            ("0x1F", r#""0x1F""#),
            ("2024-01-01", r#""2024-01-01""#),
            (".5", r#"".5""#),
            ("yes", r#""yes""#),
            ("True", r#""True""#),
        ] {
            assert_eq!(compact(&literal(text)), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_string_comes_back(key: String, text: String) {
            let value = Value::map([(key.as_str(), Value::List(vec![Value::text(text.as_str()), Value::Bool(true)]))]);
            for written in [pretty(&value), compact(&value)] {
                let read: serde_json::Value = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(read, serde_json::json!({ key.as_str(): [text.as_str(), true] }));
            }
        }
    }
}
