//! `values.schema.json`: rules for entries.

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::Source;
use crate::value::OutputValue;

/// Keywords that an entry has as rules.
const KEYWORDS: [&str; 9] =
    ["const", "enum", "format", "maxLength", "maximum", "minLength", "minimum", "multipleOf", "pattern"];

/// Types that an entry can have.
const TYPES: [&str; 4] = ["boolean", "integer", "number", "string"];

/// JSON Schema of values.
#[derive(Default)]
pub(super) struct ValuesSchema(Option<Json>);

impl ValuesSchema {
    /// Reads the file, if there is one.
    pub(super) fn read(source: Option<&Source>) -> Result<Self, Diagnostics> {
        let Some(source) = source else { return Ok(Self::default()) };
        serde_json::from_str(source.text()).map(|json| Self(Some(json))).map_err(|error| {
            let message = format!("`{}` is not valid JSON: line {}", source.name(), error.line());
            Diagnostic::error(Rule::InvalidField, message).into()
        })
    }

    /// Rules for the value at a path of keys.
    pub(super) fn rules(&self, path: &str) -> Vec<(&'static str, OutputValue<'static>)> {
        let found =
            path.split('.').try_fold(self.0.as_ref(), |schema, key| schema.map(|it| it.get("properties")?.get(key)));
        let Some(schema) = found.flatten() else { return Vec::new() };
        let mut rules = Vec::new();
        let of_type = schema.get("type").and_then(Json::as_str).filter(|name| TYPES.contains(name));
        rules.extend(of_type.map(|name| ("type", OutputValue::text(name.to_owned()))));
        for keyword in KEYWORDS {
            rules.extend(schema.get(keyword).map(|value| (keyword, json_value(value))));
        }
        rules
    }
}

fn json_value(value: &Json) -> OutputValue<'static> {
    match value {
        Json::Null => OutputValue::Null,
        Json::Bool(truth) => OutputValue::Bool(*truth),
        Json::Number(number) => OutputValue::Literal(number.to_string().into()),
        Json::String(text) => OutputValue::text(text.clone()),
        Json::Array(items) => OutputValue::List(items.iter().map(json_value).collect()),
        Json::Object(map) => {
            OutputValue::Map(map.iter().map(|(key, value)| (key.clone().into(), json_value(value))).collect())
        }
    }
}
