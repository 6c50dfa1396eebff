//! INI files.
//!
//! Keys before any section first, then `[section]` by section; one level, no lists. There is no standard. The model
//! is the reader that is documented best, Python's `configparser`, which reads a value as it is except for the blanks
//! around it. So a value is bare, backslashes and `%` included, unless most readers would cut or change it: blanks at
//! its ends, a quote at its start, a comment sign at its start or after a blank, a backslash at its end (git and
//! go-ini continue the line). Then it is in double quotes with `\"` and `\\`, which git, systemd and PHP remove;
//! `configparser` does not, and hands them to the application.
//!
//! A `;` or `#` inside a word stays bare (`Server=db;User=app`), though PHP, git and go-ini start a comment there:
//! quotes would be worse to those that do not. Text that no reader could restore, line breaks and control characters,
//! is an error. So is a key that would be read as something else.

use super::error::{FormatProblem, WriterPosition};
use super::{ConfigFormat, FormatError, MapEntry, flat_text, mapping_entries};
use crate::value::OutputValue;

pub(super) fn write_ini(value: &OutputValue<'_>) -> Result<String, FormatError> {
    let entries = mapping_entries(ConfigFormat::Ini, value)?;
    let mut out = String::new();
    for entry in entries {
        // all lines after a section header belong to it
        if !matches!(entry.1, OutputValue::Map(_)) {
            write_line(&mut out, entry, WriterPosition::Top)?;
        }
    }
    for (name, value) in entries {
        if let OutputValue::Map(section) = value {
            let at = WriterPosition::Key(&WriterPosition::Top, name);
            check_name(name, &[']', '['], "contains a bracket", at)?;
            if !out.is_empty() {
                out.push('\n');
            }
            out.extend(["[", name, "]\n"]);
            section.iter().try_for_each(|entry| write_line(&mut out, entry, at))?;
        }
    }
    Ok(out)
}

fn write_line(out: &mut String, (key, value): &MapEntry<'_>, outer: WriterPosition<'_>) -> Result<(), FormatError> {
    let at = WriterPosition::Key(&outer, key);
    check_key(key, at)?;
    let text = scalar_text(value, at)?;
    out.push_str(key);
    out.push_str(" =");
    if !text.is_empty() {
        out.push(' ');
        push_text(out, text);
    }
    out.push('\n');
    Ok(())
}

fn check_key(key: &str, at: WriterPosition<'_>) -> Result<(), FormatError> {
    check_name(key, &['=', ':', ';', '#'], "contains one of `=`, `:`, `;`, `#`", at)?;
    let problem = key.starts_with(['[', '"', '\'', '`']).then_some("starts with a bracket or a quote");
    problem.map_or(Ok(()), |problem| Err(at.error(ConfigFormat::Ini, FormatProblem::Key(problem))))
}

/// Refuses names that are empty, would be trimmed at their ends, or have one of these characters.
fn check_name(
    name: &str,
    special: &[char],
    has_special: &'static str,
    at: WriterPosition<'_>,
) -> Result<(), FormatError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name != name.trim() {
        "starts or ends with whitespace"
    } else if name.contains(special) {
        has_special
    } else if name.contains(char::is_control) {
        "contains a control character"
    } else {
        return Ok(());
    };
    Err(at.error(ConfigFormat::Ini, FormatProblem::Key(problem)))
}

fn scalar_text<'v>(value: &'v OutputValue<'_>, at: WriterPosition<'_>) -> Result<&'v str, FormatError> {
    let text = flat_text(ConfigFormat::Ini, value, at)?;
    let problem = if text.contains(['\n', '\r']) {
        "a line break"
    } else if text.contains(|c: char| c.is_control() && c != '\t') {
        "a control character"
    } else {
        return Ok(text);
    };
    Err(at.error(ConfigFormat::Ini, FormatProblem::Text(problem)))
}

fn push_text(out: &mut String, text: &str) {
    if !needs_quotes(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn needs_quotes(text: &str) -> bool {
    let comment = |sign| text.split(char::is_whitespace).any(|word| word.starts_with(sign));
    text != text.trim() || text.starts_with(['"', '\'', '`']) || text.ends_with('\\') || comment(';') || comment('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_come_before_sections() {
        let value = OutputValue::map([
            ("db", OutputValue::map([("host", OutputValue::text("h")), ("empty", OutputValue::text(""))])),
            ("debug", OutputValue::Bool(true)),
            ("none", OutputValue::map::<&str>([])),
            ("ratio", OutputValue::Literal("1.10".into())),
        ]);
        assert_eq!(write_ini(&value).unwrap(), "debug = true\nratio = 1.10\n\n[db]\nhost = h\nempty =\n\n[none]\n");
        let sections = OutputValue::map([("a", OutputValue::map([("b", OutputValue::text("c d"))]))]);
        assert_eq!(write_ini(&sections).unwrap(), "[a]\nb = c d\n");
    }

    #[test]
    fn values_are_quoted_only_where_most_readers_need_it() {
        for (text, expected) in [
            ("a b", "a b"),
            (r"C:\new", r"C:\new"),
            ("50%", "50%"),
            ("Server=db;User=app", "Server=db;User=app"),
            ("say \"a\"", "say \"a\""),
            (" a", "\" a\""),
            ("a\t", "\"a\t\""),
            ("a\u{a0}", "\"a\u{a0}\""),
            ("a # b", "\"a # b\""),
            ("#fff", "\"#fff\""),
            ("\"a\"", r#""\"a\"""#),
            ("'a", "\"'a\""),
            (r"C:\dir\", r#""C:\\dir\\""#),
        ] {
            assert_eq!(
                write_ini(&OutputValue::map([("a", OutputValue::text(text))])).unwrap(),
                format!("a = {expected}\n")
            );
        }
    }

    #[test]
    fn what_a_line_cannot_hold_is_an_error() {
        let deep = OutputValue::map([("a", OutputValue::map([("b", OutputValue::map::<&str>([]))]))]);
        let expected = "`a.b` is a mapping, but a `.ini` file has one level of sections and no lists";
        assert_eq!(write_ini(&deep).unwrap_err().to_string(), expected);
        for (key, value, expected) in [
            ("a", OutputValue::List(vec![]), "`a` is a list, but a `.ini` file has one level of sections and no lists"),
            ("a", OutputValue::Null, "`a` is null, which a `.ini` file cannot represent"),
            ("a", OutputValue::text("x\ny"), "`a` contains a line break, which a `.ini` file cannot represent"),
            ("a", OutputValue::text("\0"), "`a` contains a control character, which a `.ini` file cannot represent"),
            (
                "a]",
                OutputValue::map::<&str>([]),
                "the key `\"a]\"` cannot be written in a `.ini` file: it contains a bracket",
            ),
            (
                "a:b",
                OutputValue::text(""),
                "the key `a:b` cannot be written in a `.ini` file: it contains one of `=`, `:`, `;`, `#`",
            ),
            ("", OutputValue::text(""), "the key `\"\"` cannot be written in a `.ini` file: it is empty"),
            (
                "a ",
                OutputValue::text(""),
                "the key `\"a \"` cannot be written in a `.ini` file: it starts or ends with whitespace",
            ),
            (
                "[a",
                OutputValue::text(""),
                "the key `\"[a\"` cannot be written in a `.ini` file: it starts with a bracket or a quote",
            ),
        ] {
            assert_eq!(write_ini(&OutputValue::map([(key, value)])).unwrap_err().to_string(), expected);
        }
    }
}
