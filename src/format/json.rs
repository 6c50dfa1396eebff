//! JSON (RFC 8259).
//!
//! A number is its source text if that is a number of JSON, so that `1.10` and a 20-digit
//! account number pass unrounded; other source text (`0644`, `0x1F`, `2024-01-01`) becomes a
//! string of that text. Strings are escaped by `serde_json`, and text beyond ASCII stays as it
//! is.

use super::literal::is_json_number;
use super::{MapEntry, bool_text};
use crate::value::OutputValue;

/// JSON for users: indented by two spaces, with a newline at the end.
pub fn pretty_json(value: &OutputValue<'_>) -> String {
    let mut out = String::new();
    write_node(&mut out, value, JsonLayout::Indented(0));
    out.push('\n');
    out
}

/// JSON on one line, without blanks and without a newline at the end.
pub fn compact_json(value: &OutputValue<'_>) -> String {
    let mut out = String::new();
    write_node(&mut out, value, JsonLayout::Compact);
    out
}

/// Layout of the items of a list or mapping.
#[derive(Clone, Copy)]
enum JsonLayout {
    Compact,
    /// Each on a line of its own, so many levels deep.
    Indented(usize),
}

impl JsonLayout {
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

fn write_node(out: &mut String, value: &OutputValue<'_>, layout: JsonLayout) {
    match value {
        OutputValue::Null => out.push_str("null"),
        OutputValue::Bool(truth) => out.push_str(bool_text(*truth)),
        OutputValue::Literal(text) => write_literal(out, text),
        OutputValue::String(text) => write_string(out, text),
        OutputValue::List(items) => write_list(out, items, layout),
        OutputValue::Map(entries) => write_map(out, entries, layout),
    }
}

fn write_literal(out: &mut String, text: &str) {
    // the three words are spelled the same in YAML, the source of the text
    if is_json_number(text) || matches!(text, "true" | "false" | "null") {
        out.push_str(text);
    } else {
        write_string(out, text);
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn write_list(out: &mut String, items: &[OutputValue<'_>], layout: JsonLayout) {
    out.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        layout.inner().line_break(out);
        write_node(out, item, layout.inner());
    }
    if !items.is_empty() {
        layout.line_break(out);
    }
    out.push(']');
}

fn write_map(out: &mut String, entries: &[MapEntry<'_>], layout: JsonLayout) {
    out.push('{');
    for (place, (key, value)) in entries.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        layout.inner().line_break(out);
        write_string(out, key);
        out.push_str(layout.colon());
        write_node(out, value, layout.inner());
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

    fn literal(text: &str) -> OutputValue<'_> {
        OutputValue::Literal(text.into())
    }

    #[test]
    fn pretty_json_is_indented_by_two() {
        let value = OutputValue::map([
            ("port", literal("8080")),
            ("tags", OutputValue::List(vec![OutputValue::text("a"), OutputValue::map([("b", OutputValue::Null)])])),
            ("none", OutputValue::List(vec![])),
            ("empty", OutputValue::map::<&str>([])),
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
        assert_eq!(pretty_json(&value), expected);
        assert_eq!(compact_json(&value), r#"{"port":8080,"tags":["a",{"b":null}],"none":[],"empty":{}}"#);
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
            assert_eq!(compact_json(&literal(text)), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_string_comes_back(key: String, text: String) {
            let value = OutputValue::map([(key.as_str(), OutputValue::List(vec![OutputValue::text(text.as_str()), OutputValue::Bool(true)]))]);
            for written in [pretty_json(&value), compact_json(&value)] {
                let read: serde_json::Value = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(read, serde_json::json!({ key.as_str(): [text.as_str(), true] }));
            }
        }
    }
}
