//! Values of an environment for a chart of Helm, and the schema of all that there can be.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value as Json, json};

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, escape_json};
use crate::layer::{Definition, Entry};
use crate::name::{BundleName, EntryId, KeyName};
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::{Routing, Sensitivity};
use crate::secret::Wiping;
use crate::value::OutputValue;
use crate::value_path::{ValuePath, ValuePathStep};
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};
use crate::yaml::write;

/// Place of entries in the values of a chart: `data.DB_HOST=db.host`, or `data=env` for a whole bundle.
#[derive(Debug, Clone)]
pub struct ValueMapping {
    from: ValuePath,
    to: Vec<String>,
}

impl FromStr for ValueMapping {
    type Err = String;

    /// Reads a mapping. The error repeats nothing of the text, which may be anything.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write `FROM=TO`, such as `data.DB_HOST=db.host`".to_owned();
        let (from, to) = text.split_once('=').ok_or_else(form)?;
        let path = |text: &str| text.parse::<ValuePath>().map_err(|problem| format!("{problem}; {}", form()));
        let (from, to) = (path(from)?, path(to)?);
        let is_of_keys = |path: &ValuePath| {
            path.steps().iter().all(|step| matches!(step, ValuePathStep::Key(key) if !key.is_empty()))
        };
        if !is_of_keys(&from) || !is_of_keys(&to) {
            return Err("the paths must consist of keys".to_owned());
        }
        let to = to.keys().map(str::to_owned).collect();
        Ok(Self { from, to })
    }
}

/// Values in the structure of a chart.
#[derive(Debug)]
enum ChartNode<T> {
    Leaf(T),
    Branch(BTreeMap<String, Self>),
}

impl<T> ChartNode<T> {
    fn new() -> Self {
        Self::Branch(BTreeMap::new())
    }

    /// Adds a value; fails if there is another one at its path, above it or below it.
    fn insert(&mut self, path: &[String], value: T) -> Result<(), ()> {
        let Self::Branch(map) = self else { return Err(()) };
        match path {
            [] => Err(()),
            [last] if map.contains_key(last) => Err(()),
            [last] => {
                map.insert(last.clone(), Self::Leaf(value));
                Ok(())
            }
            [first, rest @ ..] => map.entry(first.clone()).or_insert_with(Self::new).insert(rest, value),
        }
    }
}

/// Mappings, applied to the entries of an app.
struct ChartPaths<'a> {
    definition: &'a Definition,
    /// Bundle and key, if it is for one key, with the path.
    places: Vec<(BundleName, Option<String>, &'a [String])>,
}

impl<'a> ChartPaths<'a> {
    fn new(definition: &'a Definition, mappings: &'a [ValueMapping]) -> Result<Self, Diagnostics> {
        let (mut places, mut problems) = (Vec::new(), Diagnostics::new());
        for ValueMapping { from, to } in mappings {
            let keys: Vec<&str> = from.keys().collect();
            let (bundle, key) = match keys.as_slice() {
                ["data"] => (definition.own_bundle(), None),
                ["data", key] => (definition.own_bundle(), Some(*key)),
                ["bundles", bundle] => (BundleName::from(*bundle), None),
                ["bundles", bundle, key] => (BundleName::from(*bundle), Some(*key)),
                _ => {
                    let message = "a mapping begins with `data`, `data.KEY`, `bundles.NAME` or `bundles.NAME.KEY`";
                    problems.push(Diagnostic::error(Rule::Usage, message));
                    continue;
                }
            };
            let entries = definition.bundles.get(&bundle).map(|bundle| &bundle.entries);
            let is_known = entries.is_some_and(|entries| key.is_none_or(|key| entries.contains_key(key)));
            if is_known {
                places.push((bundle, key.map(str::to_owned), to.as_slice()));
                continue;
            }
            let near = match (entries, key) {
                (Some(entries), Some(key)) => did_you_mean(key, entries.keys().map(KeyName::as_str)),
                _ => did_you_mean(bundle.as_str(), definition.bundles.keys().map(BundleName::as_str)),
            };
            let message = "`--map` begins with the path of an entry or a bundle that is not defined";
            problems.push(
                Diagnostic::error(Rule::Usage, message)
                    .maybe_hint(near)
                    .hint("`septum list` shows the keys of all bundles"),
            );
        }
        if problems.has_errors() { Err(problems) } else { Ok(Self { definition, places }) }
    }

    /// Path of an entry in the values; none if it is not mapped.
    fn path_of(&self, id: &EntryId) -> Option<Vec<String>> {
        let key = id.key.as_str();
        if self.places.is_empty() {
            let own = self.definition.own_bundle() == id.bundle;
            let before = if own { vec!["data"] } else { vec!["bundles", id.bundle.as_str()] };
            return Some(before.into_iter().chain([key]).map(str::to_owned).collect());
        }
        let of_bundle = || self.places.iter().filter(|(bundle, ..)| *bundle == id.bundle);
        let exact = of_bundle().find(|(_, of, _)| of.as_deref() == Some(key)).map(|(.., to)| to.to_vec());
        exact.or_else(|| {
            let (.., to) = of_bundle().find(|(_, of, _)| of.is_none())?;
            Some(to.iter().cloned().chain([key.to_owned()]).collect())
        })
    }
}

/// Values of an environment as a file of YAML, and whether any is secret.
pub fn chart_values(
    resolved: &ResolvedTarget,
    routing: &Routing,
    mappings: &[ValueMapping],
) -> Result<(Wiping<String>, Sensitivity), Diagnostics> {
    let definition = &*resolved.definition;
    let paths = ChartPaths::new(definition, mappings)?;
    let (mut values, mut problems, mut sensitivity) = (ChartNode::new(), Diagnostics::new(), Sensitivity::Plain);
    for (id, value) in &resolved.entries {
        let Some(path) = paths.path_of(id) else { continue };
        let label = definition.label(id);
        let refuse =
            |message: String| Diagnostic::error(Rule::UnusableVariable, message).at_masked(value.place.clone());
        let known = match &value.outcome {
            EntryOutcome::Known(known) => known,
            EntryOutcome::Pointed(_) => {
                let message = format!("the value of `{label}` is in an external store, so it is not known here");
                problems.push(refuse(message).hint("map only other entries: `--map`"));
                continue;
            }
            EntryOutcome::Missing | EntryOutcome::Failed | EntryOutcome::Locked(_) => continue,
        };
        let Some(text) = known.text() else {
            problems.push(refuse(format!("`{label}` is not text, so it cannot be a value of a chart")));
            continue;
        };
        if routing.sensitivity(id) == Sensitivity::Sensitive {
            sensitivity = Sensitivity::Sensitive;
        }
        let typed = typed_value(definition.entry(id), text);
        if values.insert(&path, typed).is_err() {
            problems.push(conflict(&label, definition, id));
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let value = to_value(values);
    Ok((Wiping::new(write::write_document(&value)), sensitivity))
}

fn conflict(label: &str, definition: &Definition, id: &EntryId) -> Diagnostic {
    let error = Diagnostic::error(
        Rule::Usage,
        format!("two entries have the same place in the values: `{label}` and another one"),
    );
    let error = match definition.entry(id) {
        Some(entry) => error.at(entry.defined.clone()),
        None => error,
    };
    error.hint("map one of them to another path: `--map`")
}

/// A number or a boolean, if the type of the entry is one; else a string.
fn typed_value<'a>(entry: Option<&Entry>, text: &'a str) -> OutputValue<'a> {
    let is_of = match core_type(&Scalar::new(text, YamlStyle::Plain)) {
        CoreType::Bool => matches!(text, "true" | "false") && type_of(entry) == Some("boolean"),
        CoreType::Int => matches!(type_of(entry), Some("integer" | "number")),
        CoreType::Float => type_of(entry) == Some("number"),
        CoreType::Null | CoreType::String => false,
    };
    let is_json = serde_json::from_str::<Json>(text).is_ok();
    if is_of && is_json { OutputValue::Literal(text.into()) } else { OutputValue::text(text) }
}

fn type_of(entry: Option<&Entry>) -> Option<&str> {
    entry?.rules.schema.get("type")?.value.as_str()
}

fn to_value(node: ChartNode<OutputValue<'_>>) -> OutputValue<'_> {
    match node {
        ChartNode::Leaf(value) => value,
        ChartNode::Branch(map) => OutputValue::map(map.into_iter().map(|(key, node)| (key, to_value(node)))),
    }
}

/// Schema (draft-07) of the values, `values.schema.json`: exactly the keys of the app, by their rules. It has no value of
/// a secret.
pub fn chart_schema(
    survey: &Survey,
    resolved: &ResolvedTarget,
    mappings: &[ValueMapping],
) -> Result<String, Diagnostics> {
    let definition = &*resolved.definition;
    let paths = ChartPaths::new(definition, mappings)?;
    let (mut schemas, mut problems) = (ChartNode::new(), Diagnostics::new());
    for id in resolved.entries.keys() {
        let (Some(path), Some(entry)) = (paths.path_of(id), definition.entry(id)) else { continue };
        let is_required = entry.rules.required.as_ref().is_some_and(|required| required.value);
        let schema = entry_schema(entry, survey.routing.sensitivity(id));
        if schemas.insert(&path, (schema, is_required)).is_err() {
            problems.push(conflict(&definition.label(id), definition, id));
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let (values, _) = to_schema(schemas);
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by `septum render --format helm-values-schema`.",
        "title": format!("Values of {}", survey.app),
    });
    if let (Json::Object(schema), Json::Object(values)) = (&mut schema, values) {
        schema.extend(values);
    }
    // Helm adds these to the values of a chart with dependencies
    schema["properties"]["global"] = json!({ "type": "object" });
    // texts, numbers and lists of them, all of which JSON can hold
    Ok(escape_json(&serde_json::to_string_pretty(&schema).unwrap_or_default()).into_owned() + "\n")
}

/// The schema of a part of the values, and whether anything in it is required.
fn to_schema(node: ChartNode<(Json, bool)>) -> (Json, bool) {
    let map = match node {
        ChartNode::Leaf(leaf) => return leaf,
        ChartNode::Branch(map) => map,
    };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (key, node) in map {
        let (schema, is_required) = to_schema(node);
        if is_required {
            required.push(Json::from(key.as_str()));
        }
        properties.insert(key, schema);
    }
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let is_required = !required.is_empty();
    if is_required {
        schema["required"] = required.into();
    }
    (schema, is_required)
}

/// Schema of one value, as [`chart_values`] writes it. A list of the values of a secret is left out.
fn entry_schema(entry: &Entry, sensitivity: Sensitivity) -> Json {
    let kind = type_of(Some(entry)).unwrap_or("string");
    let mut schema = Map::new();
    schema.insert("type".to_owned(), kind.into());
    if let Some(description) = &entry.rules.description {
        schema.insert("description".to_owned(), description.value.clone().into());
    }
    let numeric = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    let textual = ["minLength", "maxLength", "pattern"];
    for (name, value) in &entry.rules.schema {
        let is_list = matches!(name.as_str(), "enum" | "const");
        let fits = match kind {
            "string" => textual.contains(&name.as_str()) || is_list,
            "boolean" => false,
            _ => numeric.contains(&name.as_str()),
        };
        if fits && !(is_list && sensitivity == Sensitivity::Sensitive) {
            schema.insert(name.clone(), value.value.clone());
        }
    }
    Json::Object(schema)
}
