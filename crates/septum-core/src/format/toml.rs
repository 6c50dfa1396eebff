//! TOML 1.0 through `toml_edit`.
//!
//! Source text that is a number, a boolean, a date or a time of TOML is written as it is (`1.10`, `0x1F`, `1e6`,
//! `2024-01-01`); other source text (`0644`, `.5`, an integer beyond 64 bits) becomes a string of it. `inf` and `nan`
//! are words in YAML and stay texts. `toml_edit` reads TOML 1.1, whose times without seconds most readers do not know
//! yet: they are texts too.
//!
//! TOML puts the values of a table before its sub-tables, so scalars may move up.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value as Toml};

use super::error::{FormatProblem, WriterPosition};
use super::{ConfigFormat, FormatError, MapEntry, mapping_entries};
use crate::value::OutputValue;

pub(super) fn write_toml(value: &OutputValue<'_>) -> Result<String, FormatError> {
    let root = build_table(mapping_entries(ConfigFormat::Toml, value)?, WriterPosition::Top)?;
    Ok(DocumentMut::from(root).to_string())
}

fn build_table(entries: &[MapEntry<'_>], at: WriterPosition<'_>) -> Result<Table, FormatError> {
    let mut table = Table::new();
    for (key, value) in entries {
        table.insert(key, build_item(value, WriterPosition::Key(&at, key))?);
    }
    // a table that contains only tables needs no header of its own
    table.set_implicit(!table.is_empty() && table.iter().all(|(_, item)| !item.is_value()));
    Ok(table)
}

fn build_item(value: &OutputValue<'_>, at: WriterPosition<'_>) -> Result<Item, FormatError> {
    match value {
        OutputValue::Map(entries) => Ok(Item::Table(build_table(entries, at)?)),
        OutputValue::List(items) => match build_tables(items, at)? {
            Some(tables) => Ok(Item::ArrayOfTables(tables)),
            None => Ok(Item::Value(build_value(value, at)?)),
        },
        OutputValue::Null | OutputValue::Bool(_) | OutputValue::Literal(_) | OutputValue::String(_) => {
            Ok(Item::Value(build_value(value, at)?))
        }
    }
}

/// The list as `[[tables]]`, if it has items and all are mappings.
fn build_tables(items: &[OutputValue<'_>], at: WriterPosition<'_>) -> Result<Option<ArrayOfTables>, FormatError> {
    let mut tables = ArrayOfTables::new();
    for (index, item) in items.iter().enumerate() {
        let OutputValue::Map(entries) = item else { return Ok(None) };
        tables.push(build_table(entries, WriterPosition::Index(&at, index))?);
    }
    Ok((!tables.is_empty()).then_some(tables))
}

/// A value that is beside its key.
fn build_value(value: &OutputValue<'_>, at: WriterPosition<'_>) -> Result<Toml, FormatError> {
    match value {
        OutputValue::Null => Err(at.error(ConfigFormat::Toml, FormatProblem::Null)),
        OutputValue::Bool(truth) => Ok(Toml::from(*truth)),
        OutputValue::Literal(text) => Ok(parse_literal(text).unwrap_or_else(|| Toml::from(text.as_ref()))),
        OutputValue::String(text) => Ok(Toml::from(text.as_ref())),
        OutputValue::List(items) => {
            let items =
                items.iter().enumerate().map(|(index, item)| build_value(item, WriterPosition::Index(&at, index)));
            Ok(Toml::Array(items.collect::<Result<Array, _>>()?))
        }
        OutputValue::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| Ok((key.as_ref(), build_value(value, WriterPosition::Key(&at, key))?)));
            Ok(Toml::InlineTable(pairs.collect::<Result<InlineTable, _>>()?))
        }
    }
}

/// The source text as its TOML value, which keeps its spelling.
/// Whether a plain scalar is a number in TOML.
pub(super) fn is_number(text: &str) -> bool {
    matches!(parse_literal(text), Some(Toml::Integer(_) | Toml::Float(_)))
}

fn parse_literal(text: &str) -> Option<Toml> {
    let numeric = text.strip_prefix(['+', '-']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit());
    if !numeric && !matches!(text, "true" | "false") {
        return None;
    }
    match text.parse::<Toml>().ok()? {
        Toml::Datetime(date) if date.value().time.is_some_and(|time| time.second.is_none()) => None,
        value @ (Toml::Integer(_) | Toml::Float(_) | Toml::Boolean(_) | Toml::Datetime(_)) => Some(value),
        Toml::String(_) | Toml::Array(_) | Toml::InlineTable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(text: &str) -> OutputValue<'_> {
        OutputValue::Literal(text.into())
    }

    #[test]
    fn structures_become_tables_and_arrays_of_tables() {
        let value = OutputValue::map([
            (
                "server",
                OutputValue::map([
                    ("port", literal("8080")),
                    ("tls", OutputValue::map([("on", OutputValue::Bool(true))])),
                ]),
            ),
            ("title", OutputValue::text("a \"b\"")),
            ("only", OutputValue::map([("tables", OutputValue::map([("x", literal("1"))]))])),
            (
                "users",
                OutputValue::List(vec![
                    OutputValue::map([("name", OutputValue::text("a"))]),
                    OutputValue::map::<&str>([]),
                ]),
            ),
            (
                "mixed",
                OutputValue::List(vec![literal("1"), OutputValue::text("b"), OutputValue::map([("c", literal("2"))])]),
            ),
            ("none", OutputValue::List(vec![])),
            ("empty", OutputValue::map::<&str>([])),
            ("a.b", literal("1")),
        ]);
        let expected = r#"title = 'a "b"'
mixed = [1, "b", { c = 2 }]
none = []
"a.b" = 1

[server]
port = 8080

[server.tls]
on = true

[only.tables]
x = 1

[[users]]
name = "a"

[[users]]

[empty]
"#;
        assert_eq!(write_toml(&value).unwrap(), expected);
    }

    #[test]
    fn source_text_keeps_its_spelling_or_becomes_a_string() {
        for (text, bare) in [
            ("8080", true),
            ("1.10", true),
            ("1e6", true),
            ("+1", true),
            ("0x1F", true),
            ("1_000", true),
            ("true", true),
            ("2024-01-01", true),
            ("2024-01-01T10:00:00Z", true),
            ("2024-01-01 10:00:00", true),
            ("07:32:00", true),
            ("07:32", false),
            ("2024-01-01T10:00Z", false),
            ("0644", false),
            ("0X1F", false),
            (".5", false),
            ("5.", false),
            ("12345678901234567890", false),
            ("inf", false),
            ("nan", false),
            (".inf", false),
            ("yes", false),
            ("1 # x", false),
            ("1.2.3", false),
        ] {
            let expected = if bare { format!("a = {text}\n") } else { format!("a = \"{text}\"\n") };
            assert_eq!(write_toml(&OutputValue::map([("a", literal(text))])).unwrap(), expected);
        }
    }

    #[test]
    fn null_is_an_error_with_its_path() {
        let value = OutputValue::map([("a", OutputValue::List(vec![OutputValue::map([("b", OutputValue::Null)])]))]);
        assert_eq!(
            write_toml(&value).unwrap_err().to_string(),
            "`a[0].b` is null, which a `.toml` file cannot represent"
        );
    }

    proptest! {
        #[test]
        fn every_string_comes_back(key: String, text: String) {
            let inner = || OutputValue::map([(key.as_str(), OutputValue::text(text.as_str()))]);
            let value = OutputValue::map([("inline", OutputValue::List(vec![OutputValue::Bool(true), inner()])), ("table", inner())]);
            let read: DocumentMut = write_toml(&value).unwrap().parse().unwrap();
            prop_assert_eq!(read["table"][&key].as_str(), Some(text.as_str()));
            prop_assert_eq!(read["inline"][1][&key].as_str(), Some(text.as_str()));
        }
    }
}
