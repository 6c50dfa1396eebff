//! Java properties.
//!
//! Structures are flattened as Spring flattens YAML (`YamlProcessor`): `server.port`, `hosts[0]`, a key in brackets
//! of its own (`[/path]`) without a dot before it, an empty list as an empty text; an empty mapping has no keys.
//! Spring makes null an empty text as well; here it is an error, since an application may distinguish the two. So are
//! two nodes that become the same key, of which Java would use the last.
//!
//! Keys and values are escaped as `java.util.Properties.store(OutputStream)` does: all spaces of a key, the first of
//! a value, `\t \n \r \f`, `= : # ! \`, and everything beyond printable ASCII as `\uXXXX` in UTF-16. Readers differ
//! on the encoding of the file (ISO-8859-1 for `load(InputStream)`, UTF-8 for resource bundles since Java 9); ASCII
//! is both. The date that Java writes in the first line is left out, and the order is kept.

use std::fmt::Write as _;

use super::error::{FormatProblem, WriterPosition};
use super::{ConfigFormat, FormatError, MapEntry, bool_text, mapping_entries};
use crate::map::HashSet;
use crate::value::OutputValue;

pub(super) fn write_properties(value: &OutputValue<'_>) -> Result<String, FormatError> {
    let mut writer = PropertiesWriter::default();
    writer.map(mapping_entries(ConfigFormat::Properties, value)?, WriterPosition::Top)?;
    Ok(writer.out)
}

#[derive(Default)]
struct PropertiesWriter {
    out: String,
    /// The key so far.
    name: String,
    seen: HashSet<String>,
}

impl PropertiesWriter {
    fn node(&mut self, value: &OutputValue<'_>, at: WriterPosition<'_>) -> Result<(), FormatError> {
        match value {
            OutputValue::Null => Err(at.error(ConfigFormat::Properties, FormatProblem::Null)),
            OutputValue::Map(entries) => self.map(entries, at),
            OutputValue::List(items) if items.is_empty() => self.line("", at),
            OutputValue::List(items) => self.list(items, at),
            OutputValue::Bool(truth) => self.line(bool_text(*truth), at),
            OutputValue::Literal(text) | OutputValue::String(text) => self.line(text, at),
        }
    }

    fn map(&mut self, entries: &[MapEntry<'_>], at: WriterPosition<'_>) -> Result<(), FormatError> {
        let length = self.name.len();
        for (key, value) in entries {
            if !matches!(at, WriterPosition::Top) && !key.starts_with('[') {
                self.name.push('.');
            }
            self.name.push_str(key);
            self.node(value, WriterPosition::Key(&at, key))?;
            self.name.truncate(length);
        }
        Ok(())
    }

    fn list(&mut self, items: &[OutputValue<'_>], at: WriterPosition<'_>) -> Result<(), FormatError> {
        let length = self.name.len();
        for (index, item) in items.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(self.name, "[{index}]");
            self.node(item, WriterPosition::Index(&at, index))?;
            self.name.truncate(length);
        }
        Ok(())
    }

    fn line(&mut self, text: &str, at: WriterPosition<'_>) -> Result<(), FormatError> {
        if !self.seen.insert(self.name.clone()) {
            let name = self.name.clone();
            return Err(at.error(ConfigFormat::Properties, FormatProblem::Collision(name)));
        }
        write_escaped(&mut self.out, &self.name, SpaceEscaping::All);
        self.out.push('=');
        write_escaped(&mut self.out, text, SpaceEscaping::First);
        self.out.push('\n');
        Ok(())
    }
}

/// Spaces that need a backslash.
#[derive(Clone, Copy, PartialEq)]
enum SpaceEscaping {
    All,
    First,
}

fn write_escaped(out: &mut String, text: &str, spaces: SpaceEscaping) {
    for (place, c) in text.char_indices() {
        match c {
            ' ' if place == 0 || spaces == SpaceEscaping::All => out.push_str("\\ "),
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
        let value = OutputValue::map([
            (
                "server",
                OutputValue::map([("port", OutputValue::Literal("08080".into())), ("tls", OutputValue::Bool(true))]),
            ),
            (
                "hosts",
                OutputValue::List(vec![OutputValue::text("a"), OutputValue::map([("b", OutputValue::text(""))])]),
            ),
            ("paths", OutputValue::map([("[/x y]", OutputValue::text("v"))])),
            ("none", OutputValue::List(vec![])),
            ("empty", OutputValue::map::<&str>([])),
        ]);
        let expected = "server.port=08080\nserver.tls=true\nhosts[0]=a\nhosts[1].b=\npaths[/x\\ y]=v\nnone=\n";
        assert_eq!(write_properties(&value).unwrap(), expected);
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
            assert_eq!(
                write_properties(&OutputValue::map([(key, OutputValue::text(text))])).unwrap(),
                format!("{expected}\n")
            );
        }
    }

    #[test]
    fn what_has_no_key_of_its_own_is_an_error() {
        let null = OutputValue::map([("a", OutputValue::List(vec![OutputValue::Null]))]);
        assert_eq!(
            write_properties(&null).unwrap_err().to_string(),
            "`a[0]` is null, which a `.properties` file cannot represent"
        );
        let twice = OutputValue::map([
            ("a.b", OutputValue::text("1")),
            ("a", OutputValue::map([("b", OutputValue::text("2"))])),
        ]);
        let expected = "`a.b` becomes `a.b` in a `.properties` file, like an earlier key";
        assert_eq!(write_properties(&twice).unwrap_err().to_string(), expected);
    }
}
