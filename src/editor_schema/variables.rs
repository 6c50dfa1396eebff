//! Variables that the overlays of an app may set.

use serde_json::{Map, Value as Json, json};

use super::description::{SchemaContext, public_keywords};
use super::value::scalar_schema;
use crate::layer::{Tree, TreeKind};

/// Types of a value that is no mapping.
const NOT_A_MAPPING: [&str; 5] = ["string", "number", "boolean", "array", "null"];

/// Schema of `vars`: the variables that layers define, and no others; any, if there are none.
pub(super) fn variables_schema(context: &SchemaContext<'_>) -> Json {
    let survey = context.survey;
    let mut known = Map::new();
    for resolved in &survey.environments {
        for layer in resolved.definition.layers.iter().filter(|layer| layer.role.defines()) {
            if let Some(TreeKind::Map(map)) = layer.vars.as_ref().map(|vars| &vars.kind) {
                add_variables(&mut known, map.iter());
            }
        }
    }
    for resolved in &survey.environments {
        for (path, rules) in &resolved.definition.variable_rules {
            let rules = &rules.value;
            let is_secret = resolved
                .definition
                .variable(path)
                .is_some_and(|tree| !survey.routing.variable_reasons(resolved, path, tree).is_empty());
            let keywords = rules.schema.iter().map(|(name, value)| (name, &value.value));
            let keywords = public_keywords(context, keywords, is_secret);
            let mut schema = scalar_schema(&keywords).unwrap_or_else(|| json!({ "type": NOT_A_MAPPING }));
            if let Some(map) = schema.as_object_mut() {
                let texts = [("description", &rules.description), ("deprecationMessage", &rules.deprecated)];
                for (field, text) in texts {
                    let mut text = text.as_ref().map(|text| text.value.clone());
                    context.secrets.hide(&mut text);
                    if let Some(text) = text {
                        map.insert(field.to_owned(), text.into());
                    }
                }
            }
            place_rule(&mut known, path, schema);
        }
    }
    mapping_schema(&known)
}

fn mapping_schema(properties: &Map<String, Json>) -> Json {
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}

fn add_variables<'t>(known: &mut Map<String, Json>, map: impl Iterator<Item = (&'t String, &'t Tree)>) {
    for (key, tree) in map {
        match &tree.kind {
            TreeKind::Map(children) if children.is_empty() => {
                // a mapping without keys accepts any
                known.insert(key.clone(), json!({ "type": ["object", "null"] }));
            }
            TreeKind::Map(children) => {
                let schema = known.entry(key.clone()).or_insert_with(|| mapping_schema(&Map::new()));
                if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
                    add_variables(properties, children.iter());
                }
            }
            TreeKind::List(_) => {
                known.insert(key.clone(), json!({ "type": NOT_A_MAPPING }));
                for operator in [format!("{key}+"), format!("+{key}")] {
                    known.insert(operator, json!({ "type": "array", "doNotSuggest": true }));
                }
            }
            TreeKind::Leaf(scalar) if scalar.is_null() => drop(known.entry(key.clone()).or_insert_with(|| json!({}))),
            TreeKind::Leaf(_) => drop(known.insert(key.clone(), json!({ "type": NOT_A_MAPPING }))),
        }
    }
}

/// Puts the schema of a variable at its path, whose parts are defined or not.
fn place_rule(known: &mut Map<String, Json>, path: &str, schema: Json) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match rest {
        None => drop(known.insert(key.to_owned(), schema)),
        Some(rest) => {
            let parent = known.entry(key.to_owned()).or_insert_with(|| mapping_schema(&Map::new()));
            if let Some(properties) = parent.get_mut("properties").and_then(Json::as_object_mut) {
                place_rule(properties, rest, schema);
            }
        }
    }
}
