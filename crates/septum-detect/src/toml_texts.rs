//! Texts of a TOML file, which are searched for credentials.

use serde_json::Value as Json;
use toml_edit::{DocumentMut, Item, TableLike};

/// Parses the texts of a TOML file, in their tables; nothing if the file is invalid. Everything that is not a text
/// is null.
pub(crate) fn parse_toml_texts(source: &str) -> Option<Json> {
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
