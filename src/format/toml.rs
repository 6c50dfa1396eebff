//! TOML 1.0 through `toml_edit`.
//!
//! Source text that is a number, a truth value, a date or a time of TOML is written as it is
//! (`1.10`, `0x1F`, `1e6`, `2024-01-01`); other source text (`0644`, `.5`, an integer beyond 64
//! bits) becomes a string of it. `inf` and `nan` are words in YAML and stay texts. `toml_edit`
//! reads TOML 1.1, whose times without seconds most readers do not know yet: they are texts too.
//!
//! TOML puts the values of a table before its sub-tables, so scalars may move up.

use serde_json::Value as Json;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value as Toml};

use super::error::At;
use super::{Entry, Format, FormatError, entries};
use crate::value::Value;

pub(super) fn write(value: &Value<'_>) -> Result<String, FormatError> {
    let root = table(entries(Format::Toml, value)?, At::Top)?;
    Ok(DocumentMut::from(root).to_string())
}

pub(super) fn texts(source: &str) -> Option<Json> {
    let document: DocumentMut = source.parse().ok()?;
    Some(texts_of_table(document.as_table()))
}

fn texts_of_table(table: &dyn TableLike) -> Json {
    Json::Object(table.iter().map(|(name, item)| (name.to_owned(), texts_of_item(item))).collect())
}

fn texts_of_item(item: &Item) -> Json {
    if let Some(text) = item.as_str() {
        return Json::String(text.to_owned());
    }
    if let Some(table) = item.as_table_like() {
        return texts_of_table(table);
    }
    let tables = item.as_array_of_tables();
    tables.map_or(Json::Null, |tables| Json::Array(tables.iter().map(|table| texts_of_table(table)).collect()))
}

fn table(entries: &[Entry<'_>], at: At<'_>) -> Result<Table, FormatError> {
    let mut table = Table::new();
    for (key, value) in entries {
        table.insert(key, item(value, At::Key(&at, key))?);
    }
    // a table of nothing but tables needs no header of its own
    table.set_implicit(!table.is_empty() && table.iter().all(|(_, item)| !item.is_value()));
    Ok(table)
}

fn item(value: &Value<'_>, at: At<'_>) -> Result<Item, FormatError> {
    match value {
        Value::Map(entries) => Ok(Item::Table(table(entries, at)?)),
        Value::List(items) => match tables(items, at)? {
            Some(tables) => Ok(Item::ArrayOfTables(tables)),
            None => Ok(Item::Value(inline(value, at)?)),
        },
        Value::Null | Value::Bool(_) | Value::Literal(_) | Value::String(_) => Ok(Item::Value(inline(value, at)?)),
    }
}

/// The list as `[[tables]]`, if it has items and all are mappings.
fn tables(items: &[Value<'_>], at: At<'_>) -> Result<Option<ArrayOfTables>, FormatError> {
    let mut tables = ArrayOfTables::new();
    for (index, item) in items.iter().enumerate() {
        let Value::Map(entries) = item else { return Ok(None) };
        tables.push(table(entries, At::Index(&at, index))?);
    }
    Ok((!tables.is_empty()).then_some(tables))
}

/// A value that stands beside its key.
fn inline(value: &Value<'_>, at: At<'_>) -> Result<Toml, FormatError> {
    match value {
        Value::Null => Err(FormatError::Null { format: Format::Toml, path: at.path() }),
        Value::Bool(truth) => Ok(Toml::from(*truth)),
        Value::Literal(text) => Ok(literal(text).unwrap_or_else(|| Toml::from(text.as_ref()))),
        Value::String(text) => Ok(Toml::from(text.as_ref())),
        Value::List(items) => {
            let items = items.iter().enumerate().map(|(index, item)| inline(item, At::Index(&at, index)));
            Ok(Toml::Array(items.collect::<Result<Array, _>>()?))
        }
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| Ok((key.as_ref(), inline(value, At::Key(&at, key))?)));
            Ok(Toml::InlineTable(pairs.collect::<Result<InlineTable, _>>()?))
        }
    }
}

/// The source text as the TOML value that it is, which keeps its spelling.
fn literal(text: &str) -> Option<Toml> {
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

    fn literal(text: &str) -> Value<'_> {
        Value::Literal(text.into())
    }

    #[test]
    fn structures_become_tables_and_arrays_of_tables() {
        let value = Value::map([
            ("server", Value::map([("port", literal("8080")), ("tls", Value::map([("on", Value::Bool(true))]))])),
            ("title", Value::text("a \"b\"")),
            ("only", Value::map([("tables", Value::map([("x", literal("1"))]))])),
            ("users", Value::List(vec![Value::map([("name", Value::text("a"))]), Value::map::<&str>([])])),
            ("mixed", Value::List(vec![literal("1"), Value::text("b"), Value::map([("c", literal("2"))])])),
            ("none", Value::List(vec![])),
            ("empty", Value::map::<&str>([])),
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
        assert_eq!(write(&value).unwrap(), expected);
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
            assert_eq!(write(&Value::map([("a", literal(text))])).unwrap(), expected);
        }
    }

    #[test]
    fn null_is_an_error_with_its_path() {
        let value = Value::map([("a", Value::List(vec![Value::map([("b", Value::Null)])]))]);
        assert_eq!(write(&value).unwrap_err().to_string(), "`a[0].b` is null, which `.toml` cannot say");
    }

    proptest! {
        #[test]
        fn every_string_comes_back(key: String, text: String) {
            let inner = || Value::map([(key.as_str(), Value::text(text.as_str()))]);
            let value = Value::map([("inline", Value::List(vec![Value::Bool(true), inner()])), ("table", inner())]);
            let read: DocumentMut = write(&value).unwrap().parse().unwrap();
            prop_assert_eq!(read["table"][&key].as_str(), Some(text.as_str()));
            prop_assert_eq!(read["inline"][1][&key].as_str(), Some(text.as_str()));
        }
    }
}
