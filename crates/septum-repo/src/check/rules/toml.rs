//! TOML as a tree of ranges: a table has one shape, whatever its syntax (`[table]`, `{ table }`, dotted keys), and so
//! has a list (`[[tables]]`, `[{ table }]`).

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Source;

/// Node of a range of the file.
#[derive(Debug)]
pub(super) struct TomlNode {
    pub(super) range: Range<usize>,
    pub(super) kind: TomlKind,
}

#[derive(Debug)]
pub(super) enum TomlKind {
    Text(String),
    Integer(i64),
    Float(f64),
    Truth(bool),
    Date,
    List(Vec<TomlNode>),
    Table(Vec<TomlField>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct TomlField {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) value: TomlNode,
}

impl TomlKind {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Truth(_) => "a boolean",
            Self::Date => "a date",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads a file.
pub(super) fn parse_toml(source: &Source) -> Result<TomlNode, Diagnostic> {
    let document = Document::parse(source.text()).map_err(|error| {
        let range = error.span().unwrap_or_default();
        let place = source.place(source.locate(range.start, range.end));
        // one word of it may be a text that was not meant to be shown
        Diagnostic::error(Rule::RulesFile, format!("`{}` is not valid TOML: {}", source.name(), error.message()))
            .at_masked(place)
    })?;
    let whole = 0..source.text().len();
    Ok(TomlNode { kind: TomlKind::Table(table_fields(document.as_table(), &whole)), range: whole })
}

fn table_fields(table: &dyn TableLike, around: &Range<usize>) -> Vec<TomlField> {
    let field = |(name, item): (&str, &Item)| {
        let range = table.key(name).and_then(toml_edit::Key::span).unwrap_or_else(|| around.clone());
        TomlField { name: name.to_owned(), value: item_node(item, &range), range }
    };
    table.iter().filter(|(_, item)| !item.is_none()).map(field).collect()
}

/// `around` is the range of a node without one: tables of dotted keys.
fn item_node(item: &Item, around: &Range<usize>) -> TomlNode {
    let range = item.span().unwrap_or_else(|| around.clone());
    let kind = match item {
        Item::Value(value) => return value_node(value, around),
        Item::ArrayOfTables(tables) => {
            let table = |table: &toml_edit::Table| {
                let range = table.span().unwrap_or_else(|| range.clone());
                TomlNode { kind: TomlKind::Table(table_fields(table, &range)), range }
            };
            TomlKind::List(tables.iter().map(table).collect())
        }
        Item::Table(table) => TomlKind::Table(table_fields(table, &range)),
        Item::None => TomlKind::Table(Vec::new()),
    };
    TomlNode { range, kind }
}

fn value_node(value: &Value, around: &Range<usize>) -> TomlNode {
    let range = value.span().unwrap_or_else(|| around.clone());
    let kind = match value {
        Value::String(text) => TomlKind::Text(text.value().clone()),
        Value::Integer(number) => TomlKind::Integer(*number.value()),
        Value::Float(number) => TomlKind::Float(*number.value()),
        Value::Boolean(truth) => TomlKind::Truth(*truth.value()),
        Value::Datetime(_) => TomlKind::Date,
        Value::Array(items) => TomlKind::List(items.iter().map(|item| value_node(item, &range)).collect()),
        Value::InlineTable(table) => TomlKind::Table(table_fields(table, &range)),
    };
    TomlNode { range, kind }
}
