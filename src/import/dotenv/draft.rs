//! Layers of what was read from dotenv files.

use super::expansion::Expansion;
use super::value::{DotenvPart, VariableDefault};
use super::{DotenvValue, DotenvValues, too_long};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::import::layer_text::{LayerText, TemplateText, text_scalar};
use crate::import::plan::{ExpectedEnvironment, ExpectedKey, ExpectedValue, ImportPlan};
use crate::map::{IndexMap, IndexSet};
use crate::name::EntryId;
use crate::route::detect::{TextKind, classify, is_literal};
use crate::template_tokens::is_template;
use crate::value::OutputValue;

/// All values, before they are written.
pub(super) struct DotenvDraft<'d> {
    pub(super) app: &'d str,
    pub(super) base: &'d DotenvValues,
    /// Values of each environment, those of the base included.
    pub(super) effective: &'d IndexMap<String, DotenvValues>,
}

/// A value as layers have it.
#[derive(Clone, PartialEq, Eq)]
struct LayerValue {
    text: String,
    /// Whether it is a template that reads other keys.
    reads: bool,
    /// Texts in the place of variables that are empty.
    defaults: Vec<String>,
}

/// A key in the base, and its values above it.
struct DraftEntry {
    /// Value of each environment, as far as it has one.
    values: Vec<Option<LayerValue>>,
    /// Value of the base.
    default: Option<LayerValue>,
    is_sensitive: bool,
    /// Whether a value looks like a template, and is none.
    is_literal: bool,
    /// Whether others read other keys: no rule suits both.
    is_mixed: bool,
}

impl DraftEntry {
    fn new(key: &str, draft: &DotenvDraft<'_>, plan: &mut ImportPlan) -> Self {
        let of = |values: &DotenvValues, plan: &mut ImportPlan| {
            values.get(key).map(|value| layer_value(value, values, plan))
        };
        let values: Vec<_> = draft.effective.values().map(|values| of(values, plan)).collect();
        // what it reads in the environments is reported there
        let default = of(draft.base, &mut ImportPlan::default());
        let all = || values.iter().flatten().chain(&default);
        let is_sensitive = all().any(|value| is_secret(key, value));
        let is_literal = all().any(|value| !value.reads && is_template(&value.text));
        let is_mixed = is_literal && all().any(|value| value.reads);
        Self { values, default, is_sensitive, is_literal, is_mixed }
    }

    fn is_public(&self, key: &str, value: &LayerValue) -> bool {
        !(self.is_sensitive && is_kept_secret(key, value))
    }

    /// The value that the base has, or that all environments share.
    fn common(&self, key: &str) -> Option<&LayerValue> {
        let own = self.default.as_ref().filter(|value| self.is_public(key, value));
        own.or_else(|| {
            let first = self.values.first()?.as_ref().filter(|first| self.is_public(key, first))?;
            self.values.iter().all(|value| value.as_ref() == Some(first)).then_some(first)
        })
    }

    /// Whether the value of the base is a secret that no environment has.
    fn has_unused_secret(&self, key: &str) -> bool {
        let is_unused = |value| self.values.iter().all(|own| own.as_ref() != Some(value));
        self.default.as_ref().is_some_and(|value| !self.is_public(key, value) && is_unused(value))
    }

    fn rules(&self) -> Vec<(&'static str, OutputValue<'static>)> {
        let sensitive = self.is_sensitive.then_some(("sensitive", OutputValue::Bool(true)));
        let template = self.is_literal.then_some(("template", OutputValue::Bool(false)));
        sensitive.into_iter().chain(template).collect()
    }

    fn field(&self, value: &LayerValue) -> OutputValue<'static> {
        let text = if self.is_mixed && value.reads { "" } else { value.text.as_str() };
        text_scalar(text).into_owned()
    }
}

/// Fields of the files of an environment.
#[derive(Default)]
struct EnvironmentFields<'k> {
    plain: Vec<(&'k str, OutputValue<'static>)>,
    secret: Vec<(&'k str, OutputValue<'static>)>,
}

impl DotenvDraft<'_> {
    pub(super) fn write(&self, plan: &mut ImportPlan) {
        let keys: IndexSet<&String> =
            self.base.keys().chain(self.effective.values().flat_map(IndexMap::keys)).collect();
        let mut base = Vec::new();
        let mut layers: Vec<EnvironmentFields<'_>> =
            self.effective.iter().map(|_| EnvironmentFields::default()).collect();
        for key in keys {
            let entry = DraftEntry::new(key, self, plan);
            if let Some(written) = self.base.get(key.as_str()).filter(|_| entry.has_unused_secret(key)) {
                let text = format!("`{key}` is not imported: it is a secret, and every environment sets its own");
                plan.note(&written.place, text);
            }
            let common = entry.common(key);
            base.push((
                key.as_str(),
                match common {
                    Some(value) => with_rules(entry.field(value), entry.rules()),
                    None => OutputValue::map(entry.rules()),
                },
            ));
            for (value, layer) in entry.values.iter().zip(&mut layers) {
                let Some(value) = value.as_ref().filter(|value| Some(*value) != common) else { continue };
                let is_public = entry.is_public(key, value);
                let target = if is_public { &mut layer.plain } else { &mut layer.secret };
                target.push((key.as_str(), entry.field(value)));
            }
        }
        self.add_files(base, layers, plan);
    }

    fn add_files(&self, base: Vec<(&str, OutputValue<'_>)>, layers: Vec<EnvironmentFields<'_>>, plan: &mut ImportPlan) {
        let data = |fields: Vec<(&str, OutputValue<'_>)>| {
            let mut text = LayerText::default();
            text.add("data", OutputValue::map(fields));
            text.to_bytes()
        };
        let mut text = LayerText::default();
        text.add("app", OutputValue::text(self.app));
        text.add("data", OutputValue::map(base));
        plan.add_file("base.yaml", text.to_bytes().to_vec());
        for ((environment, values), EnvironmentFields { plain, secret }) in self.effective.iter().zip(layers) {
            plan.add_file(format!("{environment}.yaml"), data(plain).to_vec());
            if !secret.is_empty() {
                plan.add_secret_layer(format!("{environment}.secrets.yaml"), data(secret));
            }
            let expected = self.expected(environment, values, &mut plan.findings);
            plan.expected.push(expected);
        }
    }

    fn expected(&self, environment: &str, values: &DotenvValues, problems: &mut Diagnostics) -> ExpectedEnvironment {
        let mut expected = ExpectedEnvironment { name: environment.to_owned(), ..ExpectedEnvironment::default() };
        for (key, value) in values {
            let mut expansion = Expansion::new(values);
            // the ones that read it are too long as well
            if !expansion.append(value) && !problems.has_errors() {
                problems.push(if expansion.is_too_deep {
                    let message = format!("the variables of `{key}` are nested too deep");
                    Diagnostic::error(Rule::DotenvSyntax, message)
                        .at_masked(value.place.clone())
                        .hint("write the value that one of them has")
                } else {
                    too_long(key, &value.place)
                });
            }
            let id = EntryId { bundle: self.app.into(), key: key.as_str().into() };
            expected.values.push(ExpectedValue { key: ExpectedKey::Entry(id), bytes: expansion.out });
        }
        expected
    }
}

/// A value with its variables as templates. A variable that is not known stays as it is written.
fn layer_value(value: &DotenvValue, known: &DotenvValues, plan: &mut ImportPlan) -> LayerValue {
    let reads =
        value.parts.iter().any(|part| matches!(part, DotenvPart::Variable { name, .. } if known.contains_key(name)));
    let (mut text, mut template, mut defaults) = (String::new(), TemplateText::default(), Vec::new());
    let mut push_literal = |template: &mut TemplateText, part: &str| {
        text.push_str(part);
        template.push_literal(part);
    };
    for part in &value.parts {
        match part {
            DotenvPart::Text(part) | DotenvPart::Substitution(part) => push_literal(&mut template, part),
            DotenvPart::Variable { name, default, .. } if known.contains_key(name) => {
                let name = if is_identifier(name) { format!("data.{name}") } else { format!("data[{name:?}]") };
                let default = default.as_ref().filter(|default| default.is_for_empty && !default.text.is_empty());
                defaults.extend(default.map(|default| default.text.clone()));
                template.push_expression(&match default {
                    // without `string`, 0 and false would be as good as empty
                    Some(VariableDefault { text, .. }) => {
                        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                        format!("{name} | string | default(\"{text}\", true)")
                    }
                    None => name,
                });
            }
            DotenvPart::Variable { name, default, text: written } => {
                let (kept, how) = match default {
                    Some(default) => (&default.text, "its default was taken"),
                    None => (written, "it is kept as text"),
                };
                defaults.extend(default.iter().map(|default| default.text.clone()));
                plan.note(&value.place, format!("`{name}` is not set in these files, so {how}"));
                push_literal(&mut template, kept);
            }
        }
    }
    LayerValue { text: if reads { template.finish() } else { text }, reads, defaults }
}

/// Whether a value makes its key sensitive.
fn is_secret(key: &str, value: &LayerValue) -> bool {
    let kind = if value.reads { TextKind::Template } else { TextKind::Literal };
    classify(key, Some(&value.text), kind).is_sensitive() || has_secret_default(key, value)
}

/// Whether a text in the place of an empty variable is a secret.
fn has_secret_default(key: &str, value: &LayerValue) -> bool {
    let is_secret = |text: &String| !text.is_empty() && classify(key, Some(text), TextKind::Literal).is_sensitive();
    value.defaults.iter().any(is_secret)
}

/// Whether a value of a sensitive key is encrypted: not an empty one, and not one that only reads others.
fn is_kept_secret(key: &str, value: &LayerValue) -> bool {
    let has_literal = || is_literal(key, &value.text, TextKind::Template) || has_secret_default(key, value);
    !value.text.is_empty() && (!value.reads || has_literal())
}

/// Whether a name can be written after `data.` in a template.
fn is_identifier(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn with_rules(value: OutputValue<'static>, rules: Vec<(&'static str, OutputValue<'static>)>) -> OutputValue<'static> {
    if rules.is_empty() { value } else { OutputValue::map([("value", value)].into_iter().chain(rules)) }
}
