//! JSON (RFC 8259).
//!
//! A number is its source text if that is a number of JSON, so that `1.10` and a 20-digit
//! account number pass unrounded; other source text (`0644`, `0x1F`, `2024-01-01`) becomes a
//! string of that text. Strings are escaped by `serde_json`, and text beyond ASCII stays as it
//! is.

use super::bool_text;
use super::literal::is_json_number;
use crate::value::OutputValue;

/// JSON for users: indented by two spaces, with a newline at the end.
pub fn pretty_json(value: &OutputValue<'_>) -> String {
    let mut out = String::new();
    write_node(&mut out, value, 0);
    out.push('\n');
    out
}

/// Starts a line at a nesting level.
fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

fn write_node(out: &mut String, value: &OutputValue<'_>, depth: usize) {
    match value {
        OutputValue::Null => out.push_str("null"),
        OutputValue::Bool(truth) => out.push_str(bool_text(*truth)),
        OutputValue::Literal(text) => write_literal(out, text),
        OutputValue::String(text) => write_string(out, text),
        OutputValue::List(items) => write_parts(out, ('[', ']'), items, depth, |out, item| {
            write_node(out, item, depth + 1);
        }),
        OutputValue::Map(entries) => write_parts(out, ('{', '}'), entries, depth, |out, (key, value)| {
            write_string(out, key);
            out.push_str(": ");
            write_node(out, value, depth + 1);
        }),
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

fn write_parts<T>(
    out: &mut String,
    (open, close): (char, char),
    parts: &[T],
    depth: usize,
    write_part: impl Fn(&mut String, &T),
) {
    out.push(open);
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        break_line(out, depth + 1);
        write_part(out, part);
    }
    if !parts.is_empty() {
        break_line(out, depth);
    }
    out.push(close);
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
            assert_eq!(pretty_json(&literal(text)), format!("{expected}\n"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_string_comes_back(key: String, text: String) {
            let value = OutputValue::map([(key.as_str(), OutputValue::List(vec![OutputValue::text(text.as_str()), OutputValue::Bool(true)]))]);
            let read: serde_json::Value = serde_json::from_str(&pretty_json(&value)).unwrap();
            prop_assert_eq!(read, serde_json::json!({ key.as_str(): [text.as_str(), true] }));
        }
    }
}
