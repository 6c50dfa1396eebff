//! JSON Schemas (draft-07) for editors: of any layer, of the project file, and of the overlays of an app.
//!
//! An editor reads scalars by YAML 1.2 and Septum keeps their text, so that a value may be a string, a number or a
//! boolean of JSON, whatever its rules are. Alternatives are `if`, `then` and `else`, with which editors name the one
//! that was meant.

mod app;
mod description;
mod value;
mod variables;

pub use app::overlay_schema;

use serde_json::Value as Json;

use crate::diagnostic::{Rule, escape_json};
use crate::layer::{CsiProvider, LayerWord, Naming, Promotion, Pruning, RefForm, SealScope, SecretForm};
use crate::project::ReferenceRole;

/// Words at the top of every written schema.
pub const MARK: &str = "Written by `septum schema";

/// Schema of any layer.
pub fn layer_schema() -> Json {
    read_template(include_str!("layer.json"))
}

/// Schema of the project file, `septum.yaml`.
pub fn settings_schema() -> Json {
    read_template(include_str!("settings.json"))
}

/// The schema as it is written to a file.
pub fn to_text(schema: &Json) -> String {
    // texts and lists of them, all of which JSON can hold
    escape_json(&serde_json::to_string_pretty(schema).unwrap_or_default()).into_owned() + "\n"
}

/// Reads a schema in which `$NAME` in an `enum` is each word of a set.
fn read_template(text: &str) -> Json {
    // held by a test
    let mut schema = serde_json::from_str(text).unwrap_or_default();
    insert_words(&mut schema);
    schema
}

fn insert_words(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            if let Some(Json::Array(items)) = map.get_mut("enum") {
                let named = items.iter().position(|item| item.as_str().is_some_and(|text| text.starts_with('$')));
                if let Some(at) = named {
                    let name = items.remove(at);
                    let words = words_of(name.as_str().unwrap_or_default());
                    items.splice(at..at, words.into_iter().map(Json::from));
                }
            }
            map.values_mut().for_each(insert_words);
        }
        Json::Array(items) => items.iter_mut().for_each(insert_words),
        _ => {}
    }
}

fn words_of(name: &str) -> Vec<&'static str> {
    match name {
        "$Naming" => Naming::words(),
        "$Promotion" => Promotion::words(),
        "$SecretForm" => SecretForm::words(),
        "$SealScope" => SealScope::words(),
        "$RefForm" => RefForm::words(),
        "$CsiProvider" => CsiProvider::words(),
        "$Pruning" => Pruning::words(),
        "$Roles" => ReferenceRole::WORDS.to_vec(),
        "$Rules" => Rule::ALL.iter().filter(|rule| rule.info().is_acceptable).map(|rule| rule.id()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::field_tables;

    #[test]
    fn schemas_have_the_fields_that_are_read() {
        let schema = layer_schema();
        for (pointer, fields) in field_tables() {
            let properties = schema.pointer(pointer).and_then(Json::as_object).unwrap_or_else(|| panic!("{pointer}"));
            let mut found: Vec<&str> = properties.keys().map(String::as_str).filter(|name| *name != "sops").collect();
            let mut fields = fields;
            found.sort_unstable();
            fields.sort_unstable();
            assert_eq!(found, fields, "{pointer}");
        }
    }

    #[test]
    fn all_words_are_inserted() {
        for schema in [layer_schema(), settings_schema()] {
            let text = to_text(&schema);
            assert!(schema.is_object() && text.contains(MARK));
            for (at, _) in text.match_indices("\"$") {
                let rest = &text[at + 1..];
                let known = ["$schema\"", "$comment\"", "$ref\"", "$1\"", "$2\""];
                assert!(known.iter().any(|known| rest.starts_with(known)), "{}", &rest[..20]);
            }
        }
    }
}
