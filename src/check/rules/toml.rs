//! TOML as a tree of ranges: a table has one shape, however it is written (`[table]`, `{ table }`, dotted keys),
//! and so has a list (`[[tables]]`, `[{ table }]`).

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use crate::diagnostic::Diagnostic;
use crate::span::Source;

/// What stands in a range of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    Integer(i64),
    Float(f64),
    Truth(bool),
    Date,
    List(Vec<Node>),
    Table(Vec<Field>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) value: Node,
}

impl Kind {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a fraction",
            Self::Truth(_) => "a truth value",
            Self::Date => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads a file.
pub(super) fn read(source: &Source) -> Result<Node, Diagnostic> {
    let document = Document::parse(source.text()).map_err(|error| {
        let range = error.span().unwrap_or_default();
        let place = source.place(source.locate(range.start, range.end));
        // one word of it may be a text that was not meant to be shown
        Diagnostic::error("rules-file", format!("`{}` is no TOML: {}", source.name(), error.message())).at_hidden(place)
    })?;
    let whole = 0..source.text().len();
    Ok(Node { kind: Kind::Table(fields(document.as_table(), &whole)), range: whole })
}

fn fields(table: &dyn TableLike, around: &Range<usize>) -> Vec<Field> {
    let field = |(name, item): (&str, &Item)| {
        let range = table.key(name).and_then(toml_edit::Key::span).unwrap_or_else(|| around.clone());
        Field { name: name.to_owned(), value: node(item, &range), range }
    };
    table.iter().filter(|(_, item)| !item.is_none()).map(field).collect()
}

/// `around` stands for the range of what has none: tables of dotted keys.
fn node(item: &Item, around: &Range<usize>) -> Node {
    let range = item.span().unwrap_or_else(|| around.clone());
    let kind = match item {
        Item::Value(value) => return scalar(value, around),
        Item::ArrayOfTables(tables) => {
            let table = |table: &toml_edit::Table| {
                let range = table.span().unwrap_or_else(|| range.clone());
                Node { kind: Kind::Table(fields(table, &range)), range }
            };
            Kind::List(tables.iter().map(table).collect())
        }
        Item::Table(table) => Kind::Table(fields(table, &range)),
        Item::None => Kind::Table(Vec::new()),
    };
    Node { range, kind }
}

fn scalar(value: &Value, around: &Range<usize>) -> Node {
    let range = value.span().unwrap_or_else(|| around.clone());
    let kind = match value {
        Value::String(text) => Kind::Text(text.value().clone()),
        Value::Integer(number) => Kind::Integer(*number.value()),
        Value::Float(number) => Kind::Float(*number.value()),
        Value::Boolean(truth) => Kind::Truth(*truth.value()),
        Value::Datetime(_) => Kind::Date,
        Value::Array(items) => Kind::List(items.iter().map(|item| scalar(item, &range)).collect()),
        Value::InlineTable(table) => Kind::Table(fields(table, &range)),
    };
    Node { range, kind }
}
