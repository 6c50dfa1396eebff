//! Java properties.
//!
//! Structures are flattened as Spring flattens YAML (`YamlProcessor`): `server.port`,
//! `hosts[0]`, a key in brackets of its own (`[/path]`) without a dot before it, an empty list
//! as an empty text; an empty mapping has no keys. Spring makes null an empty text as well; here
//! it is an error, since the two are not the same to an application. So are two nodes that
//! become the same key, of which Java would take the last.
//!
//! Keys and values are escaped as `java.util.Properties.store(OutputStream)` does: all spaces of
//! a key, the first of a value, `\t \n \r \f`, `= : # ! \`, and everything beyond printable
//! ASCII as `\uXXXX` in UTF-16. Readers differ on the encoding of the file (ISO-8859-1 for
//! `load(InputStream)`, UTF-8 for resource bundles since Java 9); ASCII is both. The date that
//! Java writes in the first line is left out, and the order is kept.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::error::At;
use super::{Entry, Format, FormatError, bool_text, entries};
use crate::value::Value;

pub(super) fn write(value: &Value<'_>) -> Result<String, FormatError> {
    let mut writer = Writer::default();
    writer.map(entries(Format::Properties, value)?, At::Top)?;
    Ok(writer.out)
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The key so far.
    name: String,
    seen: HashSet<String>,
}

impl Writer {
    fn node(&mut self, value: &Value<'_>, at: At<'_>) -> Result<(), FormatError> {
        match value {
            Value::Null => Err(FormatError::Null { format: Format::Properties, path: at.path() }),
            Value::Map(entries) => self.map(entries, at),
            Value::List(items) if items.is_empty() => self.line("", at),
            Value::List(items) => self.list(items, at),
            Value::Bool(truth) => self.line(bool_text(*truth), at),
            Value::Literal(text) | Value::String(text) => self.line(text, at),
        }
    }

    fn map(&mut self, entries: &[Entry<'_>], at: At<'_>) -> Result<(), FormatError> {
        let length = self.name.len();
        for (key, value) in entries {
            if !matches!(at, At::Top) && !key.starts_with('[') {
                self.name.push('.');
            }
            self.name.push_str(key);
            self.node(value, At::Key(&at, key))?;
            self.name.truncate(length);
        }
        Ok(())
    }

    fn list(&mut self, items: &[Value<'_>], at: At<'_>) -> Result<(), FormatError> {
        let length = self.name.len();
        for (index, item) in items.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(self.name, "[{index}]");
            self.node(item, At::Index(&at, index))?;
            self.name.truncate(length);
        }
        Ok(())
    }

    fn line(&mut self, text: &str, at: At<'_>) -> Result<(), FormatError> {
        if !self.seen.insert(self.name.clone()) {
            let name = self.name.clone();
            return Err(FormatError::Collision { format: Format::Properties, path: at.path(), name });
        }
        escape(&mut self.out, &self.name, Spaces::All);
        self.out.push('=');
        escape(&mut self.out, text, Spaces::First);
        self.out.push('\n');
        Ok(())
    }
}

/// Which spaces need a backslash.
#[derive(Clone, Copy, PartialEq)]
enum Spaces {
    All,
    First,
}

fn escape(out: &mut String, text: &str, spaces: Spaces) {
    for (place, c) in text.char_indices() {
        match c {
            ' ' if place == 0 || spaces == Spaces::All => out.push_str("\\ "),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            '\\' | '=' | ':' | '#' | '!' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_flattened_as_spring_does() {
        let value = Value::map([
            ("server", Value::map([("port", Value::Literal("08080".into())), ("tls", Value::Bool(true))])),
            ("hosts", Value::List(vec![Value::text("a"), Value::map([("b", Value::text(""))])])),
            ("paths", Value::map([("[/x y]", Value::text("v"))])),
            ("none", Value::List(vec![])),
            ("empty", Value::map::<&str>([])),
        ]);
        let expected = "server.port=08080\nserver.tls=true\nhosts[0]=a\nhosts[1].b=\npaths[/x\\ y]=v\nnone=\n";
        assert_eq!(write(&value).unwrap(), expected);
    }

    #[test]
    fn keys_and_values_are_escaped_as_java_does() {
        for (key, text, expected) in [
            ("a b", "  c d ", r"a\ b=\  c d "),
            ("a=b:c", "=:#!", r"a\=b\:c=\=\:\#\!"),
            ("#k", r"C:\new", r"\#k=C\:\\new"),
            ("k", "a\nb\tc\rd\u{c}e", r"k=a\nb\tc\rd\fe"),
            ("ä", "é😀\u{0}\u{7f}", r"\u00E4=\u00E9\uD83D\uDE00\u0000\u007F"),
            ("", "v", "=v"),
        ] {
            assert_eq!(write(&Value::map([(key, Value::text(text))])).unwrap(), format!("{expected}\n"));
        }
    }

    #[test]
    fn what_has_no_key_of_its_own_is_an_error() {
        let null = Value::map([("a", Value::List(vec![Value::Null]))]);
        assert_eq!(write(&null).unwrap_err().to_string(), "`a[0]` is null, which `.properties` cannot say");
        let twice = Value::map([("a.b", Value::text("1")), ("a", Value::map([("b", Value::text("2"))]))]);
        let expected = "`a.b` becomes `a.b` in a `.properties` file, and so does another key before it";
        assert_eq!(write(&twice).unwrap_err().to_string(), expected);
    }
}
