//! Values of an environment for a chart of Helm, and the schema of all that there can be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Number, Value as Json, json};

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, escape_json, shell_word};
use crate::layer::{Definition, Entry};
use crate::name::{BundleName, EntryId, KeyName};
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedTarget};
use crate::route::{Routing, Sensitivity};
use crate::secret::Wiping;
use crate::sort::sort;
use crate::value::OutputValue;
use crate::value_path::{ValuePath, ValuePathStep};
use crate::yaml::write;

/// Values that Helm shares between charts.
const GLOBAL: &str = "global";

/// Key of the entry that contains all values of a chart.
const VALUES_FILE: &str = "values.yaml";

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

/// Label of one of several mappings on the command line, whose text is not repeated.
pub fn map_option_label(at: usize, count: usize) -> String {
    if count == 1 { "`--map`".to_owned() } else { format!("`--map` no. {}", at + 1) }
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

    /// Adds a value. That its place is free was checked: [`ChartPaths::place_entries`].
    fn insert(&mut self, path: &[String], value: T) {
        let Self::Branch(map) = self else { return };
        match path {
            [] => {}
            [last] => drop(map.insert(last.clone(), Self::Leaf(value))),
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
        for (at, ValueMapping { from, to }) in mappings.iter().enumerate() {
            let option = map_option_label(at, mappings.len());
            let keys: Vec<&str> = from.keys().collect();
            let (bundle, key) = match keys.as_slice() {
                ["data"] => (definition.own_bundle(), None),
                ["data", key] => (definition.own_bundle(), Some(*key)),
                ["bundles", bundle] => (BundleName::from(*bundle), None),
                ["bundles", bundle, key] => (BundleName::from(*bundle), Some(*key)),
                _ => {
                    let forms = "`data`, `data.KEY`, `bundles.NAME` or `bundles.NAME.KEY`";
                    let message = format!("the value of {option} is not valid: a mapping begins with {forms}");
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
            let message = format!("{option} begins with the path of an entry or a bundle that is not defined");
            problems.push(
                Diagnostic::error(Rule::Usage, message)
                    .maybe_hint(near)
                    .hint("`septum list` shows the keys of all bundles"),
            );
        }
        if problems.has_errors() { Err(problems) } else { Ok(Self { definition, places }) }
    }

    /// Paths of an entry in the values; none if it is not mapped.
    fn paths_of(&self, id: &EntryId) -> Vec<Vec<String>> {
        let key = id.key.as_str();
        if self.places.is_empty() {
            let own = self.definition.own_bundle() == id.bundle;
            let before = if own { vec!["data"] } else { vec!["bundles", id.bundle.as_str()] };
            return vec![before.into_iter().chain([key]).map(str::to_owned).collect()];
        }
        let of_bundle = || self.places.iter().filter(|(bundle, ..)| *bundle == id.bundle);
        let exact = of_bundle().filter(|(_, of, _)| of.as_deref() == Some(key)).map(|(.., to)| to.to_vec());
        let mut paths: Vec<Vec<String>> = exact.collect();
        if paths.is_empty() {
            let whole = of_bundle().filter(|(_, of, _)| of.is_none());
            paths.extend(whole.map(|(.., to)| to.iter().cloned().chain([key.to_owned()]).collect::<Vec<_>>()));
        }
        // the same mapping twice is no conflict
        sort(&mut paths);
        paths.dedup();
        paths
    }

    /// The places of entries, none of which is another one or below it.
    fn place_entries<'i>(
        &self,
        ids: impl Iterator<Item = &'i EntryId>,
    ) -> Result<Vec<(Vec<String>, &'i EntryId)>, Diagnostics> {
        let mut placed: Vec<_> = ids.flat_map(|id| self.paths_of(id).into_iter().map(move |path| (path, id))).collect();
        // a path is right before those below it
        sort(&mut placed);
        let (mut problems, mut above) = (Diagnostics::new(), None::<&(Vec<String>, &EntryId)>);
        for place in &placed {
            let (path, id) = place;
            if path.as_slice() == [GLOBAL] {
                problems.push(self.not_global(id));
            }
            match above.filter(|(above, _)| path.starts_with(above)) {
                Some((other, first)) => problems.push(self.conflict((first, id), other == path)),
                None => above = Some(place),
            }
        }
        if problems.has_errors() { Err(problems) } else { Ok(placed) }
    }

    fn conflict(&self, (first, second): (&EntryId, &EntryId), is_same: bool) -> Diagnostic {
        let (one, two) = (self.definition.label(first), self.definition.label(second));
        let message = if is_same {
            format!("two entries have the same place in the values: `{one}` and `{two}`")
        } else if first == second {
            format!("`{one}` has two places in the values, one of which is below the other")
        } else {
            format!("the place of `{two}` in the values is below that of `{one}`")
        };
        self.wrong_place(second, message).hint("map one of them to another path: `--map`")
    }

    fn not_global(&self, id: &EntryId) -> Diagnostic {
        let message = format!("`{}` cannot be `{GLOBAL}` in the values", self.definition.label(id));
        self.wrong_place(id, message)
            .note("Helm requires a mapping there: it holds the values that all charts of a release share")
            .hint("map it to a path below: `--map FROM=global.NAME`")
    }

    fn wrong_place(&self, id: &EntryId, message: String) -> Diagnostic {
        let error = Diagnostic::error(Rule::Usage, message);
        match self.definition.entry(id) {
            Some(entry) => error.at(entry.defined.clone()),
            None => error,
        }
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
    for (path, id) in paths.place_entries(resolved.entries.keys())? {
        let Some(value) = resolved.entries.get(id) else { continue };
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
        values.insert(&path, typed_value(definition.entry(id), text));
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let value = to_value(values);
    Ok((Wiping::new(write::write_document(&value)), sensitivity))
}

/// Warnings about values files that are texts in the values: a chart would read none of what is in them, and its
/// defaults would apply.
pub fn files_in_values(resolved: &ResolvedTarget, mappings: &[ValueMapping]) -> Diagnostics {
    let definition = &*resolved.definition;
    let is_file = |id: &&EntryId| mappings.is_empty() && id.key.as_str() == VALUES_FILE;
    let warning = |id: &EntryId| {
        let label = definition.label(id);
        let message =
            format!("`{label}` is a text in these values, so a chart does not read the values that it contains");
        let (environment, bundle) = (&definition.environment, shell_word(id.bundle.as_str()));
        let warning = Diagnostic::warning(Rule::UnusableVariable, message).hint(format!(
            "to give them to Helm, run `septum get {environment} {VALUES_FILE} --bundle {bundle} | helm upgrade --install NAME CHART -f -`"
        ));
        match definition.entry(id) {
            Some(entry) => warning.at(entry.defined.clone()),
            None => warning,
        }
    };
    resolved.entries.keys().filter(is_file).map(warning).collect()
}

/// A number or a boolean, if the type of the entry is one; else a string.
fn typed_value<'a>(entry: Option<&Entry>, text: &'a str) -> OutputValue<'a> {
    let literal = match type_of(entry) {
        Some("boolean") => matches!(text, "true" | "false").then(|| Cow::from(text)),
        Some("integer") => plain_number(text).filter(|number| !number.contains(['.', 'e', 'E'])).map(Cow::from),
        Some("number") => plain_number(text).map(Cow::from),
        Some(_) | None => None,
    };
    literal.map_or_else(|| OutputValue::text(text), OutputValue::Literal)
}

/// A decimal number as JSON writes it: `7` for `007`, `0.5` for `.5`, `5` for `+5` and `5.`. None if a text is no such
/// number.
fn plain_number(text: &str) -> Option<String> {
    let (minus, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = rest.find(['e', 'E']).map_or((rest, ""), |start| rest.split_at(start));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_decimal = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_decimal || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let whole = if significant.is_empty() { "0" } else { significant };
    let dot = if fraction.is_empty() { "" } else { "." };
    let number = format!("{minus}{whole}{dot}{fraction}{exponent}");
    serde_json::from_str::<Number>(&number).is_ok().then_some(number)
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
    let mut schemas = ChartNode::new();
    for (path, id) in paths.place_entries(resolved.entries.keys())? {
        let Some(entry) = definition.entry(id) else { continue };
        let is_required = entry.rules.required.as_ref().is_some_and(|required| required.value);
        schemas.insert(&path, (entry_schema(entry, survey.routing.sensitivity(id)), is_required));
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
    // Helm adds those of other charts to a chart with dependencies
    match schema["properties"].get_mut(GLOBAL).and_then(Json::as_object_mut) {
        Some(global) => drop(global.remove("additionalProperties")),
        None => schema["properties"][GLOBAL] = json!({ "type": "object" }),
    }
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
            "boolean" => is_list,
            _ => numeric.contains(&name.as_str()) || is_list,
        };
        if fits && !(is_list && sensitivity == Sensitivity::Sensitive) {
            let value = if is_list { listed_values(&value.value, kind) } else { value.value.clone() };
            schema.insert(name.clone(), value);
        }
    }
    Json::Object(schema)
}

/// The values of `enum` or `const`, which are kept as texts, as values of the type.
fn listed_values(listed: &Json, kind: &str) -> Json {
    let typed = |text: &str| match kind {
        "boolean" => text.parse::<bool>().ok().map(Json::from),
        "integer" | "number" => serde_json::from_str(&plain_number(text)?).ok(),
        _ => None,
    };
    match listed {
        Json::Array(items) => items.iter().map(|item| listed_values(item, kind)).collect(),
        Json::String(text) => typed(text).unwrap_or_else(|| listed.clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain_number;

    #[test]
    fn numbers_are_written_as_in_json() {
        for (text, expected) in [
            ("8080", Some("8080")),
            ("007", Some("7")),
            ("+5", Some("5")),
            ("-007", Some("-7")),
            ("000", Some("0")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("-.50", Some("-0.50")),
            ("1.10", Some("1.10")),
            ("1e3", Some("1e3")),
            ("05.E+3", Some("5E+3")),
            ("", None),
            (".", None),
            ("e3", None),
            ("1e", None),
            ("+-5", None),
            ("0x1F", None),
            (".inf", None),
            ("1_000", None),
            ("1 ", None),
        ] {
            assert_eq!(plain_number(text).as_deref(), expected, "{text}");
        }
    }
}
