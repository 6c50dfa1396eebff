//! INI files.
//!
//! Keys before any section first, then `[section]` by section; one level, no lists. There is no
//! standard. The model is the reader that is documented best, Python's `configparser`, which
//! takes a value as it stands but for the blanks around it. So a value is bare, backslashes and
//! `%` included, unless most readers would cut or change it: blanks at its ends, a quote at its
//! start, a comment sign at its start or after a blank, a backslash at its end (git and go-ini
//! continue the line). Then it stands in double quotes with `\"` and `\\`, which git, systemd and
//! PHP take off; `configparser` does not, and hands them to the application.
//!
//! A `;` or `#` inside a word stays bare (`Server=db;User=app`), though PHP, git and go-ini start
//! a comment there: quotes would be worse to those that do not. What no reader could give back,
//! line breaks and control characters, is an error. So is a key that would be read as something
//! else.

use super::error::At;
use super::{Entry, Format, FormatError, entries, flat_text};
use crate::value::Value;

pub(super) fn write(value: &Value<'_>) -> Result<String, FormatError> {
    let entries = entries(Format::Ini, value)?;
    let mut out = String::new();
    for entry in entries {
        // whatever stands after a section belongs to it
        if !matches!(entry.1, Value::Map(_)) {
            line(&mut out, entry, At::Top)?;
        }
    }
    for (name, value) in entries {
        if let Value::Map(section) = value {
            let at = At::Key(&At::Top, name);
            check_name(name, &[']', '['], "has a bracket", at)?;
            if !out.is_empty() {
                out.push('\n');
            }
            out.extend(["[", name, "]\n"]);
            section.iter().try_for_each(|entry| line(&mut out, entry, at))?;
        }
    }
    Ok(out)
}

fn line(out: &mut String, (key, value): &Entry<'_>, outer: At<'_>) -> Result<(), FormatError> {
    let at = At::Key(&outer, key);
    check_key(key, at)?;
    let text = text(value, at)?;
    out.push_str(key);
    out.push_str(" =");
    if !text.is_empty() {
        out.push(' ');
        push_text(out, text);
    }
    out.push('\n');
    Ok(())
}

fn check_key(key: &str, at: At<'_>) -> Result<(), FormatError> {
    check_name(key, &['=', ':', ';', '#'], "has one of `=`, `:`, `;`, `#`", at)?;
    let problem = key.starts_with(['[', '"', '\'', '`']).then_some("starts with a bracket or a quote");
    problem.map_or(Ok(()), |problem| Err(FormatError::Key { format: Format::Ini, path: at.path(), problem }))
}

/// Refuses names that are empty, lose something at their ends, or have one of these characters.
fn check_name(name: &str, special: &[char], has_special: &'static str, at: At<'_>) -> Result<(), FormatError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name != name.trim() {
        "starts or ends with a blank"
    } else if name.contains(special) {
        has_special
    } else if name.contains(char::is_control) {
        "has a control character"
    } else {
        return Ok(());
    };
    Err(FormatError::Key { format: Format::Ini, path: at.path(), problem })
}

fn text<'v>(value: &'v Value<'_>, at: At<'_>) -> Result<&'v str, FormatError> {
    let text = flat_text(Format::Ini, value, at)?;
    let problem = if text.contains(['\n', '\r']) {
        "a line break"
    } else if text.contains(|c: char| c.is_control() && c != '\t') {
        "a control character"
    } else {
        return Ok(text);
    };
    Err(FormatError::Text { format: Format::Ini, path: at.path(), problem })
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
        let value = Value::map([
            ("db", Value::map([("host", Value::text("h")), ("empty", Value::text(""))])),
            ("debug", Value::Bool(true)),
            ("none", Value::map::<&str>([])),
            ("ratio", Value::Literal("1.10".into())),
        ]);
        assert_eq!(write(&value).unwrap(), "debug = true\nratio = 1.10\n\n[db]\nhost = h\nempty =\n\n[none]\n");
        let sections = Value::map([("a", Value::map([("b", Value::text("c d"))]))]);
        assert_eq!(write(&sections).unwrap(), "[a]\nb = c d\n");
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
            assert_eq!(write(&Value::map([("a", Value::text(text))])).unwrap(), format!("a = {expected}\n"));
        }
    }

    #[test]
    fn what_a_line_cannot_hold_is_an_error() {
        let deep = Value::map([("a", Value::map([("b", Value::map::<&str>([]))]))]);
        let expected = "`a.b` is a mapping, but a `.ini` file has one level of sections and no lists";
        assert_eq!(write(&deep).unwrap_err().to_string(), expected);
        for (key, value, expected) in [
            ("a", Value::List(vec![]), "`a` is a list, but a `.ini` file has one level of sections and no lists"),
            ("a", Value::Null, "`a` is null, which `.ini` cannot say"),
            ("a", Value::text("x\ny"), "`a` holds a line break, which a `.ini` file cannot hold"),
            ("a", Value::text("\0"), "`a` holds a control character, which a `.ini` file cannot hold"),
            ("a]", Value::map::<&str>([]), "the key `\"a]\"` cannot be written in a `.ini` file: it has a bracket"),
            (
                "a:b",
                Value::text(""),
                "the key `a:b` cannot be written in a `.ini` file: it has one of `=`, `:`, `;`, `#`",
            ),
            ("", Value::text(""), "the key `\"\"` cannot be written in a `.ini` file: it is empty"),
            (
                "a ",
                Value::text(""),
                "the key `\"a \"` cannot be written in a `.ini` file: it starts or ends with a blank",
            ),
            (
                "[a",
                Value::text(""),
                "the key `\"[a\"` cannot be written in a `.ini` file: it starts with a bracket or a quote",
            ),
        ] {
            assert_eq!(write(&Value::map([(key, value)])).unwrap_err().to_string(), expected);
        }
    }
}
