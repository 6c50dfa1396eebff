//! KYAML: the YAML that cannot be misread (KEP-5295, `kubectl -o kyaml`).
//!
//! The layout is that of the encoder in `sigs.k8s.io/yaml/kyaml`: a `---` line, braces and brackets over several
//! lines with two spaces of indent, a comma after each part, lists of lists or mappings with their brackets together
//! (`[{ … }, { … }]`), strings always in double quotes, keys in quotes only where a reader could interpret them
//! otherwise. Indentation has no meaning.
//!
//! Three things differ, each on the safe side. Text of several lines becomes one line with `\n`, where kubectl folds
//! it with escaped line ends that are easily broken by hand. Keys that start with a digit or hold anything beyond
//! ASCII are quoted, though some of them would pass. And the characters that are escaped are a fixed list, so that
//! the output does not change with the Unicode tables of a compiler.
//!
//! Source text (`0644`, `1.10`) stays bare where a reader of Kubernetes interprets it as a number, a boolean or null,
//! so that the output means what the plain YAML means; text that it reads as a string (dates, `12:30:45`) is quoted,
//! as kubectl does.

use std::fmt::Write as _;

use super::literal::{is_reserved_word, is_yaml_other_than_text};
use super::{MapEntry, bool_text};
use crate::value::OutputValue;

/// Longest key that readers accept without a `?` (1,024 characters).
const LONGEST_SIMPLE_KEY: usize = 1000;

/// A document, starting with `---` and with a newline at the end: several in a row are a stream.
pub fn write_document(value: &OutputValue<'_>) -> String {
    let mut out = String::from("---\n");
    write_node(&mut out, value, 0);
    out.push('\n');
    out
}

fn write_node(out: &mut String, value: &OutputValue<'_>, depth: usize) {
    match value {
        OutputValue::Null => out.push_str("null"),
        OutputValue::Bool(truth) => out.push_str(bool_text(*truth)),
        OutputValue::Literal(text) if is_yaml_other_than_text(text) => out.push_str(text),
        OutputValue::Literal(text) | OutputValue::String(text) => write_quoted(out, text),
        OutputValue::List(items) => write_list(out, items, depth),
        OutputValue::Map(entries) => write_map(out, entries, depth),
    }
}

fn write_list(out: &mut String, items: &[OutputValue<'_>], depth: usize) {
    out.push('[');
    if items.iter().all(|item| matches!(item, OutputValue::List(_) | OutputValue::Map(_))) {
        for (place, item) in items.iter().enumerate() {
            out.push_str(if place == 0 { "" } else { ", " });
            write_node(out, item, depth);
        }
    } else {
        for item in items {
            line_break(out, depth + 1);
            write_node(out, item, depth + 1);
            out.push(',');
        }
        line_break(out, depth);
    }
    out.push(']');
}

fn write_map(out: &mut String, entries: &[MapEntry<'_>], depth: usize) {
    out.push('{');
    for (name, value) in entries {
        line_break(out, depth + 1);
        write_key(out, name);
        out.push_str(": ");
        write_node(out, value, depth + 1);
        out.push(',');
    }
    if !entries.is_empty() {
        line_break(out, depth);
    }
    out.push('}');
}

fn line_break(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn write_key(out: &mut String, name: &str) {
    if is_bare_key(name) {
        out.push_str(name);
        return;
    }
    let mut text = String::new();
    write_quoted(&mut text, name);
    if text.len() > LONGEST_SIMPLE_KEY {
        out.push_str("? ");
    }
    out.push_str(&text);
}

fn is_bare_key(name: &str) -> bool {
    let letters = name.trim_start_matches('_');
    letters.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && name.len() <= LONGEST_SIMPLE_KEY
        && !is_misread_key(&name.replace('_', ""))
}

/// Whether a key is quoted: besides the words of YAML those that kubectl quotes, because Go interprets them as
/// booleans and numbers.
fn is_misread_key(name: &str) -> bool {
    is_reserved_word(name) || ["t", "f", "inf", "infinity", "nan"].iter().any(|word| word.eq_ignore_ascii_case(name))
}

fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_shown(c) => out.push(c),
            c => write_escape(out, u32::from(c)),
        }
    }
    out.push('"');
}

fn write_escape(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0x7F => write!(out, "\\x{code:02x}"),
        0x80..=0xFFFF => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Whether a character is written as itself: one that a reader would refuse, fold or hide is escaped.
fn is_shown(c: char) -> bool {
    let never_a_character = u32::from(c) & 0xFFFE == 0xFFFE || matches!(c, '\u{FDD0}'..='\u{FDEF}');
    let private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..);
    c == ' ' || !(is_blank(c) || is_format(c) || private || never_a_character)
}

/// Whether a character is a control character, or a space other than the usual one.
fn is_blank(c: char) -> bool {
    matches!(c, '\0'..='\u{1F}' | '\u{7F}'..='\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// Whether a character changes the display of the text around it and is not visible, such as the signs that turn its
/// direction.
fn is_format(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(text: &str) -> OutputValue<'_> {
        OutputValue::Literal(text.into())
    }

    /// As the encoder of `sigs.k8s.io/yaml` 1.6.0 writes the same structure.
    #[test]
    fn the_layout_is_that_of_kubectl() {
        let value = OutputValue::map([
            ("apiVersion", OutputValue::text("v1")),
            ("list", OutputValue::List(vec![OutputValue::text("a"), literal("1")])),
            (
                "maps",
                OutputValue::List(vec![
                    OutputValue::map([("a", literal("1")), ("b", OutputValue::map([("c", OutputValue::text("d"))]))]),
                    OutputValue::map([("e", OutputValue::List(vec![]))]),
                    OutputValue::map::<&str>([]),
                ]),
            ),
            (
                "nested",
                OutputValue::List(vec![
                    OutputValue::List(vec![literal("1"), literal("2")]),
                    OutputValue::List(vec![literal("3")]),
                ]),
            ),
            ("mixed", OutputValue::List(vec![OutputValue::map([("a", literal("1"))]), OutputValue::text("x")])),
        ]);
        let expected = r#"---
{
  apiVersion: "v1",
  list: [
    "a",
    1,
  ],
  maps: [{
    a: 1,
    b: {
      c: "d",
    },
  }, {
    e: [],
  }, {}],
  nested: [[
    1,
    2,
  ], [
    3,
  ]],
  mixed: [
    {
      a: 1,
    },
    "x",
  ],
}
"#;
        assert_eq!(write_document(&value), expected);
    }

    #[test]
    fn keys_are_quoted_where_they_could_be_misread() {
        for (name, bare) in [
            ("apiVersion", true),
            ("app.kubernetes.io/name", true),
            ("_private", true),
            ("tls.crt", true),
            ("yes", false),
            ("No", false),
            ("y", false),
            ("null", false),
            ("T", false),
            ("NaN", false),
            ("inf_", false),
            ("_1", false),
            ("1e3", false),
            ("8080", false),
            ("0x1F", false),
            ("2024-01-01", false),
            (".dockerconfigjson", false),
            ("trailing.", false),
            ("<<", false),
            ("=", false),
            ("a b", false),
            ("a:", false),
            ("ä", false),
            ("", false),
        ] {
            let mut out = String::new();
            write_key(&mut out, name);
            assert_eq!(out, if bare { name.to_owned() } else { format!("\"{name}\"") });
        }
    }

    #[test]
    fn source_text_is_bare_only_where_it_is_no_text() {
        for (text, bare) in [
            ("0644", true),
            ("1.10", true),
            ("yes", true),
            ("~", true),
            ("2024-01-01", false),
            ("12:30:45", false),
            ("info", false),
        ] {
            let expected = if bare { text.to_owned() } else { format!("\"{text}\"") };
            assert_eq!(write_document(&literal(text)), format!("---\n{expected}\n"));
        }
    }

    #[test]
    fn text_is_one_line_of_what_can_be_seen() {
        let text = "a\n b\t\"\\\r\u{0}\u{7f}\u{85}\u{a0}\u{2028}\u{202e}\u{feff}\u{ffff}\u{1fffe}\u{e0001}ä😀";
        let expected =
            concat!(r#""a\n b\t\"\\\r\x00\x7f\u0085\u00a0\u2028\u202e\ufeff\uffff\U0001fffe\U000e0001ä😀""#, "\n");
        assert_eq!(write_document(&OutputValue::text(text)).strip_prefix("---\n"), Some(expected));
    }

    #[test]
    fn a_key_too_long_to_be_simple_is_announced() {
        let name = "k".repeat(2000);
        let written = write_document(&OutputValue::map([(name.as_str(), OutputValue::Null)]));
        assert!(written.starts_with("---\n{\n  ? \"kk"), "{written}");
    }

    proptest! {
        #[test]
        fn every_string_comes_back(name: String, text: String) {
            let value = OutputValue::map([(name.as_str(), OutputValue::List(vec![OutputValue::text(text.as_str()), OutputValue::Bool(true)]))]);
            let read: serde_json::Value = serde_yaml::from_str(&write_document(&value)).unwrap();
            prop_assert_eq!(read, serde_json::json!({ name.as_str(): [text.as_str(), true] }));
        }
    }
}
