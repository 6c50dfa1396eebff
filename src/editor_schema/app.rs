//! Schema of the overlays of an app: its keys, its bundles, its variables, and no others.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::description::{SchemaContext, describe_entry, public_keywords};
use super::layer_schema;
use super::value::scalar_schema;
use super::variables::variables_schema;
use crate::layer::{Bundle, Entry, EntrySchema, EntrySource};
use crate::map::IndexMap;
use crate::name::{EntryId, KeyName};
use crate::pipeline::Survey;
use crate::route::Sensitivity;

/// Schema of the layers of environments of an app. Keys that no base or mixin defines are errors, unless their bundle is
/// open. Nothing is required, since another layer may set it. Nothing of a secret is included.
pub fn overlay_schema(survey: &Survey) -> Json {
    let mut schema = layer_schema();
    let app = survey.app.as_str();
    schema["$comment"] = format!("Written by `septum schema --app {app}`: keys of its base and mixins.").into();
    schema["title"] = format!("Overlay of {app}").into();
    schema["description"] = format!("Layer of an environment of `{app}`.").into();
    let context = SchemaContext::new(survey);
    let bundles = bundle_schemas(&context);
    let template = schema.pointer("/definitions/bundle").cloned().unwrap_or_default();
    let mut named = Map::new();
    for (name, entries) in bundles {
        if name == app {
            schema["properties"]["data"] = with_description(entries.clone(), "Entries of the bundle of the app.");
        }
        let mut bundle = template.clone();
        bundle["properties"]["data"] = entries;
        named.insert(name, bundle);
    }
    schema["properties"]["bundles"] = json!({
        "description": "Bundles of the app.",
        "type": "object",
        "additionalProperties": false,
        "properties": named,
    });
    schema["properties"]["vars"] =
        with_description(variables_schema(&context), "Variables for templates: `{{ vars.NAME }}`.");
    // only the base names the app
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.shift_remove("app");
    }
    schema
}

fn with_description(mut schema: Json, description: &str) -> Json {
    schema["description"] = description.into();
    schema
}

/// The schema of `data` of each bundle.
fn bundle_schemas(context: &SchemaContext<'_>) -> IndexMap<String, Json> {
    let survey = context.survey;
    let mut bundles: IndexMap<String, (bool, IndexMap<EntryId, ()>)> = IndexMap::default();
    for resolved in &survey.environments {
        for (name, bundle) in &resolved.definition.bundles {
            let known = bundles.entry(name.as_str().to_owned()).or_default();
            known.0 |= bundle.open;
            known.1.extend(own_keys(bundle).map(|key| (EntryId { bundle: name.clone(), key: key.clone() }, ())));
        }
    }
    let former = former_names(survey);
    let data = |(name, (is_open, ids)): (String, (bool, IndexMap<EntryId, ()>))| {
        let mut properties = Map::new();
        for id in ids.keys() {
            properties.insert(id.key.as_str().to_owned(), entry_schema(context, id));
            for old in former.get(id).into_iter().flatten() {
                let message = format!("renamed to {}", id.key);
                let schema = json!({ "deprecationMessage": message, "doNotSuggest": true });
                properties.entry(old.clone()).or_insert(schema);
            }
        }
        let others = if is_open { json!({ "$ref": "#/definitions/entry" }) } else { Json::Bool(false) };
        (name, json!({ "type": "object", "additionalProperties": others, "properties": properties }))
    };
    bundles.into_iter().map(data).collect()
}

/// Keys of a bundle, without one that is generated from its registries.
fn own_keys(bundle: &Bundle) -> impl Iterator<Item = &KeyName> {
    let is_generated =
        |entry: &Entry| entry.source.as_ref().is_some_and(|source| matches!(source.value, EntrySource::Registries(_)));
    bundle.entries.iter().filter(move |(_, entry)| !is_generated(entry)).map(|(key, _)| key)
}

/// Former names of keys, which layers may still use.
fn former_names(survey: &Survey) -> BTreeMap<EntryId, Vec<String>> {
    let mut found: BTreeMap<EntryId, Vec<String>> = BTreeMap::new();
    for resolved in &survey.environments {
        for id in resolved.entries.keys() {
            let old = resolved.definition.entry(id).and_then(|entry| entry.rules.renamed_from.as_ref());
            let Some(old) = old else { continue };
            let known = found.entry(id.clone()).or_default();
            if !known.contains(&old.value) {
                known.push(old.value.clone());
            }
        }
    }
    found
}

fn entry_schema(context: &SchemaContext<'_>, id: &EntryId) -> Json {
    let survey = context.survey;
    let entries = survey.environments.iter().filter_map(|resolved| resolved.definition.entry(id));
    let rules: Vec<&EntrySchema> = entries.map(|entry| &*entry.rules).collect();
    let is_secret = survey.routing.sensitivity(id) == Sensitivity::Sensitive;
    let fields = json!({ "$ref": "#/definitions/entryFields" });
    let (long, short) = match scalar_schema(&common_keywords(context, &rules, is_secret)) {
        None => (fields, json!({ "$ref": "#/definitions/textOrNull" })),
        Some(value) => (json!({ "allOf": [fields, { "properties": { "value": value } }] }), value),
    };
    let mut schema = json!({
        "markdownDescription": describe_entry(context, id),
        "if": { "type": "object" },
        "then": long,
        "else": short,
    });
    let deprecated = rules.iter().find_map(|rules| rules.deprecated.as_ref());
    if let Some(deprecated) = deprecated {
        let mut text = if deprecated.value == "true" { "deprecated".to_owned() } else { deprecated.value.clone() };
        context.secrets.hide_text(&mut text);
        schema["deprecationMessage"] = text.into();
    }
    schema
}

/// Keywords that hold in every environment: a layer may change them in its own. Those that list values of a secret are
/// left out, and those that repeat another one.
fn common_keywords(context: &SchemaContext<'_>, rules: &[&EntrySchema], is_secret: bool) -> Map<String, Json> {
    let Some((first, others)) = rules.split_first() else { return Map::new() };
    let is_common = |name: &str, value: &Json| {
        others.iter().all(|rules| rules.schema.get(name).is_some_and(|other| other.value == *value))
    };
    let keywords = first.schema.iter().filter(|(name, value)| is_common(name, &value.value));
    public_keywords(context, keywords.map(|(name, value)| (name, &value.value)), is_secret)
}
