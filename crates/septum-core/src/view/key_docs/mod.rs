//! List of all keys and variables for people, from the base: `septum docs`.

mod dotenv;
mod html;
mod markdown;

pub use dotenv::write_env_example;
pub use html::write_html;
pub use markdown::write_markdown;
pub use markdown::{code as markdown_code, text as markdown_text};

use std::sync::Arc;

use serde_json::Value as Json;

use crate::layer::{EntryPatch, EntrySchema, EntrySource, Layer, TreeKind};
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;
use crate::project::BASE;
use crate::route::Sensitivity;
use crate::route::detect::{TextKind, classify};
use crate::view::StackOrder;
use crate::view::secret_filter::SecretFilter;
use crate::view::variable::VARIABLES;
use crate::yaml::node::Scalar;
use crate::yaml::scalar::{CoreType, core_type};

/// Documentation of the keys of an app.
#[derive(Debug)]
pub struct AppDocs {
    /// The app.
    pub app: String,
    /// Its bundles with their keys, in the order of definition; the variables are last, without a name.
    pub groups: IndexMap<String, Vec<KeyDoc>>,
}

/// Documentation of a key.
#[derive(Debug)]
pub struct KeyDoc {
    /// The key, or `vars.PATH`.
    pub key: String,
    /// Type of the value: `integer`, `string`, `file`.
    pub kind: String,
    /// Rules of the value in words, without those that list values of a secret.
    pub rules: Vec<String>,
    /// Value in the base.
    pub default: DefaultValue,
    /// Whether it is a secret.
    pub sensitivity: Sensitivity,
    /// Whether it is one if its value, which is unknown without a key, is a credential.
    pub is_undecided: bool,
    /// Whether every environment must give it a value.
    pub required: bool,
    /// Purpose of the key.
    pub description: Option<String>,
    /// Further facts for people, each with its name: `Deprecated`, `Owner`. Of facts that differ between environments,
    /// each text has the environments for which it holds.
    pub notes: Vec<(&'static str, String)>,
}

impl KeyDoc {
    /// Whether it is a secret, in the words of a table.
    fn secret_word(&self) -> &'static str {
        match self.sensitivity {
            Sensitivity::Sensitive => "yes",
            Sensitivity::Plain if self.is_undecided => "if a credential",
            Sensitivity::Plain => "",
        }
    }
}

/// Value that the base gives to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// None.
    Nothing,
    /// A plain text.
    Text(String),
    /// A template, which each environment computes.
    Template(String),
    /// A file, a structure or a pointer, in words.
    Other(&'static str),
    /// A secret, or a value that looks like one.
    Hidden,
}

/// Documents the keys of an app. Nothing is decrypted, and nothing of a secret is included.
pub fn document_keys(survey: &Survey) -> AppDocs {
    let mut groups: IndexMap<String, Vec<KeyDoc>> = IndexMap::default();
    let mut ids: IndexMap<&EntryId, &[Arc<Layer>]> = IndexMap::default();
    let mut variables: IndexMap<String, &[Arc<Layer>]> = IndexMap::default();
    for resolved in &survey.environments {
        for id in resolved.entries.keys() {
            ids.entry(id).or_insert(&resolved.definition.layers);
        }
        let paths = resolved.definition.variable_paths().into_iter();
        for path in paths.chain(resolved.definition.variable_rules.keys().cloned()) {
            variables.entry(path).or_insert(&resolved.definition.layers);
        }
    }
    let order = StackOrder::of([survey]);
    for (id, layers) in ids {
        let bundle = id.bundle.as_str().to_owned();
        groups.entry(bundle).or_default().push(document_entry(survey, id, layers, &order));
    }
    for (path, layers) in variables {
        groups.entry(String::new()).or_default().push(document_variable(survey, &path, layers, &order));
    }
    let secrets = SecretFilter::of(survey);
    groups.values_mut().flatten().for_each(|key| hide_secrets(key, &secrets));
    AppDocs { app: survey.app.as_str().to_owned(), groups }
}

/// Hides all that repeats a secret: a default, and what people wrote about the key.
fn hide_secrets(key: &mut KeyDoc, secrets: &SecretFilter) {
    if let DefaultValue::Text(text) | DefaultValue::Template(text) = &key.default
        && secrets.repeats(text)
    {
        key.default = DefaultValue::Hidden;
    }
    key.rules.retain(|rule| !secrets.repeats(rule));
    secrets.hide(&mut key.description);
    for (_, text) in &mut key.notes {
        secrets.hide_text(text);
    }
}

fn base_layers(layers: &[Arc<Layer>]) -> impl Iterator<Item = &Layer> {
    layers.iter().map(|layer| &**layer).filter(|layer| layer.name.as_str() == BASE)
}

fn document_entry(survey: &Survey, id: &EntryId, layers: &[Arc<Layer>], order: &StackOrder) -> KeyDoc {
    let is_own = id.bundle.as_str() == survey.app.as_str();
    let patch_in = |layer: &'_ Layer| -> Vec<EntryPatch> {
        let bundle = layer.bundles.get(&id.bundle).and_then(|bundle| bundle.data.get(&id.key));
        let own = layer.data.get(&id.key).filter(|_| is_own);
        own.into_iter().chain(bundle).cloned().collect()
    };
    let mut rules = Arc::<EntrySchema>::default();
    let mut source = None;
    for patch in base_layers(layers).flat_map(patch_in) {
        EntrySchema::overlay(&mut rules, &patch.rules);
        source = patch.source.map(|source| source.value).or(source);
    }
    let sensitivity = survey.routing.sensitivity(id);
    let template = rules.template.as_ref().map(|rule| rule.value);
    let default = match &source {
        None => DefaultValue::Nothing,
        Some(_) if sensitivity == Sensitivity::Sensitive => DefaultValue::Hidden,
        Some(EntrySource::Value(scalar)) => {
            // what the declaration says is plain was checked with the values of the environments
            let is_declared = rules.sensitive.is_some();
            default_text(id.key.as_str(), scalar, TextKind::of_rule(template), is_declared)
        }
        Some(EntrySource::File(_)) => DefaultValue::Other("a file"),
        Some(EntrySource::Template(_)) => DefaultValue::Other("a rendered file"),
        Some(EntrySource::Content(_)) => DefaultValue::Other("a structure"),
        Some(EntrySource::Registries(_)) => DefaultValue::Other("logins of registries"),
        Some(EntrySource::Ref(_)) => DefaultValue::Other("in a store"),
    };
    let kind = match &source {
        Some(EntrySource::File(_) | EntrySource::Template(_) | EntrySource::Content(_)) => Some("file"),
        _ => None,
    };
    let of_environments = survey
        .environments
        .iter()
        .filter_map(|resolved| Some((&resolved.definition.environment, &*resolved.definition.entry(id)?.rules)));
    let notes = lifecycle_notes(&of_environments.collect::<Vec<_>>(), order);
    let doc = key_doc(id.key.as_str().to_owned(), kind, &rules, default, sensitivity, notes);
    KeyDoc { is_undecided: survey.routing.is_undecided(id), ..doc }
}

fn document_variable(survey: &Survey, path: &str, layers: &[Arc<Layer>], order: &StackOrder) -> KeyDoc {
    let is_secret = survey.environments.iter().any(|resolved| {
        let tree = resolved.definition.variable(path);
        tree.is_some_and(|tree| !survey.routing.variable_reasons(resolved, path, tree).is_empty())
    });
    let sensitivity = if is_secret { Sensitivity::Sensitive } else { Sensitivity::Plain };
    let mut rules = Arc::<EntrySchema>::default();
    for layer in base_layers(layers) {
        if let Some(change) = layer.variable_rules.get(path) {
            EntrySchema::overlay(&mut rules, &change.value);
        }
    }
    let tree = base_layers(layers).filter_map(|layer| layer.vars.as_ref()?.part_at(path)).last();
    let name = path.rsplit('.').next().unwrap_or(path);
    let (kind, default) = match tree.map(|tree| &tree.kind) {
        None => (None, DefaultValue::Nothing),
        Some(_) if is_secret => (None, DefaultValue::Hidden),
        Some(TreeKind::Leaf(scalar)) if scalar.is_null() => (None, DefaultValue::Nothing),
        Some(TreeKind::Leaf(scalar)) => {
            let kind = match core_type(scalar) {
                CoreType::Int => Some("integer"),
                CoreType::Float => Some("number"),
                CoreType::Bool => Some("boolean"),
                CoreType::Null | CoreType::String => None,
            };
            (kind, default_text(name, scalar, TextKind::Template, false))
        }
        Some(TreeKind::List(_)) => (Some("list"), DefaultValue::Other("a list")),
        Some(TreeKind::Map(_)) => (Some("mapping"), DefaultValue::Other("a mapping")),
    };
    let of_environments = survey.environments.iter().filter_map(|resolved| {
        let rules = resolved.definition.variable_rules.get(path)?;
        Some((&resolved.definition.environment, &*rules.value))
    });
    let notes = lifecycle_notes(&of_environments.collect::<Vec<_>>(), order);
    key_doc(format!("{VARIABLES}{path}"), kind, &rules, default, sensitivity, notes)
}

/// A text of the base. Environments may replace it everywhere, so that routing never saw it: it is classified here.
pub fn default_text(name: &str, scalar: &Scalar, kind: TextKind, is_declared: bool) -> DefaultValue {
    let text = scalar.text();
    let detection = classify(name, Some(text), kind);
    if scalar.encrypted
        || scalar.locked
        || detection.by_value.is_some() && !is_declared
        || detection.name_decides() && !is_declared
    {
        return DefaultValue::Hidden;
    }
    let is_template = kind == TextKind::Template && crate::template_tokens::is_template(text);
    if is_template { DefaultValue::Template(text.to_owned()) } else { DefaultValue::Text(text.to_owned()) }
}

fn key_doc(
    key: String,
    kind: Option<&str>,
    rules: &EntrySchema,
    default: DefaultValue,
    sensitivity: Sensitivity,
    notes: Vec<(&'static str, String)>,
) -> KeyDoc {
    let declared = rules.schema.get("type").and_then(|kind| kind.value.as_str());
    let is_number = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    let implied = rules.schema.keys().any(|keyword| is_number.contains(&keyword.as_str())).then_some("number");
    let kind = declared.or(kind).or(implied).unwrap_or("string").to_owned();
    let lists = |keyword: &str| matches!(keyword, "enum" | "const" | "examples");
    let is_secret = sensitivity == Sensitivity::Sensitive;
    let schema = rules.schema.iter().filter(|(keyword, _)| *keyword != "type" && !(is_secret && lists(keyword)));
    let mut words: Vec<String> =
        schema.map(|(keyword, value)| format!("{keyword}: {}", show_json(&value.value))).collect();
    words.extend(rules.format.as_ref().map(|format| format!("format: {}", format.value)));
    KeyDoc {
        key,
        kind,
        rules: words,
        default,
        sensitivity,
        is_undecided: false,
        required: rules.required.as_ref().is_some_and(|required| required.value),
        description: rules.description.as_ref().map(|text| text.value.trim().to_owned()),
        notes,
    }
}

/// Text of a fact for people, if the rules have it.
type NoteText = fn(&EntrySchema) -> Option<String>;

/// Facts for people with their names.
const NOTES: [(&str, NoteText); 5] = [
    ("Deprecated", |rules| {
        let text = &rules.deprecated.as_ref()?.value;
        Some(if text == "true" { "yes".to_owned() } else { text.clone() })
    }),
    ("Owner", |rules| Some(rules.owner.as_ref()?.value.clone())),
    ("Expires", |rules| Some(rules.expires.as_ref()?.value.to_string())),
    ("Rotated every", |rules| Some(rules.rotate_every.as_ref()?.value.to_string())),
    ("Rotation", |rules| Some(rules.rotation.as_ref()?.value.clone())),
];

/// The facts in the rules of each environment: once if all agree, else each text with its environments.
fn lifecycle_notes(rules: &[(&EnvironmentName, &EntrySchema)], order: &StackOrder) -> Vec<(&'static str, String)> {
    let mut notes = Vec::new();
    for (name, text_of) in NOTES {
        let mut texts: IndexMap<String, Vec<&str>> = IndexMap::default();
        for (environment, rules) in rules {
            if let Some(text) = text_of(rules) {
                texts.entry(text).or_default().push(environment.as_str());
            }
        }
        let shown = texts.into_iter().map(|(text, mut environments)| {
            order.sort(&mut environments);
            let is_everywhere = environments.len() == rules.len();
            if is_everywhere { text } else { format!("{} ({})", text.trim_end(), environments.join(", ")) }
        });
        let shown: Vec<_> = shown.collect();
        if !shown.is_empty() {
            notes.push((name, shown.join("; ")));
        }
    }
    notes
}

fn show_json(value: &Json) -> String {
    match value {
        Json::Array(items) => items.iter().map(show_json).collect::<Vec<_>>().join(", "),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
