//! Descriptions of keys, for people who hover over them.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::layer::{EntrySchema, EntrySource};
use crate::map::IndexMap;
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;
use crate::route::Sensitivity;
use crate::route::detect::TextKind;
use crate::view::key_docs::{DefaultValue, default_text, markdown_code, markdown_text};
use crate::view::secret_filter::SecretFilter;
use crate::view::stack_order;

/// An app, and what is the same for all its keys.
pub(super) struct SchemaContext<'a> {
    pub(super) survey: &'a Survey,
    pub(super) secrets: SecretFilter,
    /// Environments in the order of the stack.
    order: Vec<EnvironmentName>,
}

impl<'a> SchemaContext<'a> {
    pub(super) fn new(survey: &'a Survey) -> Self {
        let environments: Vec<_> = survey.environments.iter().map(|it| it.definition.environment.clone()).collect();
        Self { survey, secrets: SecretFilter::of(survey), order: stack_order(&environments, [survey]) }
    }
}

/// Keywords without those that list values of a secret, and those that repeat a value of another one.
pub(super) fn public_keywords<'k>(
    context: &SchemaContext<'_>,
    keywords: impl Iterator<Item = (&'k String, &'k Json)>,
    is_secret: bool,
) -> Map<String, Json> {
    let lists = |name: &str| matches!(name, "enum" | "const" | "examples");
    let public = keywords.filter(|(name, value)| !(is_secret && lists(name) || repeats_secret(context, value)));
    public.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn repeats_secret(context: &SchemaContext<'_>, value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) => false,
        Json::Number(number) => context.secrets.repeats(&number.to_string()),
        Json::String(text) => context.secrets.repeats(text),
        Json::Array(items) => items.iter().any(|item| repeats_secret(context, item)),
        Json::Object(map) => map.values().any(|value| repeats_secret(context, value)),
    }
}

/// Markdown about a key: its description, where it goes and why, its owner, and the values that layers give it. Values
/// of secrets are not in it.
pub(super) fn describe_entry(context: &SchemaContext<'_>, id: &EntryId) -> String {
    let survey = context.survey;
    let mut out = String::new();
    let rules =
        survey.environments.iter().filter_map(|resolved| resolved.definition.entry(id)).map(|entry| &entry.rules);
    let rules: Vec<&EntrySchema> = rules.map(|rules| &**rules).collect();
    let first = |text: fn(&EntrySchema) -> Option<String>| rules.iter().find_map(|rules| text(rules));
    let mut description = first(|rules| rules.description.as_ref().map(|it| it.value.clone()));
    context.secrets.hide(&mut description);
    if let Some(description) = description {
        let _ = writeln!(out, "{}\n", markdown_text(&description));
    }
    let sensitivity = survey.routing.sensitivity(id);
    let verdict = survey.routing.verdict(id);
    let reasons = verdict.map(|verdict| verdict.reasons.as_slice()).unwrap_or_default();
    let mut reasons = reasons.iter().filter(|reason| reason.argues_for == sensitivity);
    let object = match sensitivity {
        Sensitivity::Sensitive => "In the Secret",
        Sensitivity::Plain if survey.routing.is_undecided(id) => {
            "In the ConfigMap, or in the Secret if its value, which is unknown without a key, is a credential"
        }
        Sensitivity::Plain => "In the ConfigMap",
    };
    let why = reasons.next().filter(|_| sensitivity == Sensitivity::Sensitive);
    let why = why.map(|reason| format!(", because: {}", markdown_text(&reason.detail)));
    let _ = writeln!(out, "{object}{}.", why.unwrap_or_default());
    let facts = [
        ("Owner", first(|rules| rules.owner.as_ref().map(|it| it.value.clone()))),
        ("Expires", first(|rules| rules.expires.as_ref().map(|it| it.value.to_string()))),
        ("Rotated every", first(|rules| rules.rotate_every.as_ref().map(|it| it.value.to_string()))),
        ("Rotation", first(|rules| rules.rotation.as_ref().map(|it| it.value.clone()))),
    ];
    for (name, mut fact) in facts {
        context.secrets.hide(&mut fact);
        if let Some(fact) = fact {
            let _ = writeln!(out, "\n{name}: {}", markdown_text(&fact));
        }
    }
    push_values(&mut out, context, id, sensitivity);
    out.trim_end().to_owned()
}

/// A table of the values in the layers, each as written there.
fn push_values(out: &mut String, context: &SchemaContext<'_>, id: &EntryId, sensitivity: Sensitivity) {
    let mut values: IndexMap<String, Vec<&str>> = IndexMap::default();
    for name in &context.order {
        let Some(resolved) = context.survey.environment(name) else { continue };
        let Some(entry) = resolved.definition.entry(id) else { continue };
        let template = TextKind::of_rule(entry.rules.template.as_ref().map(|rule| rule.value));
        let value = match entry.source.as_ref().map(|source| &source.value) {
            None => "none".to_owned(),
            Some(_) if sensitivity == Sensitivity::Sensitive => "secret".to_owned(),
            Some(EntrySource::Value(scalar)) => {
                match default_text(id.key.as_str(), scalar, template, entry.rules.sensitive.is_some()) {
                    DefaultValue::Text(text) | DefaultValue::Template(text) if !context.secrets.repeats(&text) => {
                        shown_text(&text)
                    }
                    _ => "hidden".to_owned(),
                }
            }
            Some(other) => other.field().to_owned(),
        };
        values.entry(value).or_default().push(resolved.definition.environment.as_str());
    }
    if values.is_empty() {
        return;
    }
    out.push_str("\n| environment | value |\n|---|---|\n");
    for (value, environments) in values {
        let _ = writeln!(out, "| {} | {value} |", environments.join(", "));
    }
}

/// Longest value in a table, in characters.
const WIDEST: usize = 60;

fn shown_text(text: &str) -> String {
    if text.is_empty() {
        return "empty".to_owned();
    }
    let first = text.lines().next().unwrap_or_default();
    let cut: String = first.chars().take(WIDEST).collect();
    let mark = if cut.len() < text.trim_end_matches('\n').len() { "…" } else { "" };
    format!("{}{mark}", markdown_code(&cut))
}
