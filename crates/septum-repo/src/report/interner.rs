//! Texts of the page, each written once.

use serde_json::Value as Json;

use crate::map::HashMap;

/// Table of texts, to which the data of the page refers by index.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    indexes: HashMap<String, usize>,
    texts: Vec<String>,
}

impl TextTable {
    /// Index of a text.
    pub(super) fn add(&mut self, text: &str) -> Json {
        let index = match self.indexes.get(text) {
            Some(index) => *index,
            None => {
                self.texts.push(text.to_owned());
                self.indexes.insert(text.to_owned(), self.texts.len() - 1);
                self.texts.len() - 1
            }
        };
        Json::from(index)
    }

    /// Index of a text, or null.
    pub(super) fn add_optional(&mut self, text: Option<&str>) -> Json {
        text.map_or(Json::Null, |text| self.add(text))
    }

    /// A location `file:line:column` as its parts.
    pub(super) fn add_place(&mut self, place: &str) -> Json {
        let mut parts = place.rsplitn(3, ':');
        let (column, line, file) = (parts.next(), parts.next(), parts.next());
        let number =
            |text: Option<&str>| Json::from(text.and_then(|text| text.parse::<usize>().ok()).unwrap_or_default());
        match file {
            Some(file) => Json::Array(vec![self.add(file), number(line), number(column)]),
            None => Json::Array(vec![self.add(place), Json::from(0), Json::from(0)]),
        }
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
