//! Entries of a bundle from the values of its keys in every environment.

use super::bundles::ImportedValue;
use super::layer_text::{file_word, text_scalar};
use super::plan::ImportPlan;
use crate::diagnostic::{Diagnostic, Rule};
use crate::format::{ConfigFormat, write_config};
use crate::layer::{Tree, TreeKind};
use crate::route::detect::{Certainty, TextKind, classify};
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::read::read_document;
use crate::yaml::write::fits_block;

/// Length from which a text is in a file of its own, in bytes.
const LONG: usize = 4096;

/// Reason for values of ConfigMaps that look like secrets.
const REASON: &str = "it was in a ConfigMap when it was imported";

/// Key of a bundle, with its value in each environment.
pub(super) struct EntryDraft<'d, 'a> {
    /// Name of the app's own bundle.
    pub(super) app: &'a str,
    pub(super) bundle: &'a str,
    pub(super) key: &'a str,
    pub(super) values: &'d [Option<&'a ImportedValue>],
    pub(super) environments: &'d [&'a str],
    /// Prefix of the paths of files.
    pub(super) prefix: &'d str,
    /// Whether the bundle has a type, which makes all of its entries sensitive.
    pub(super) is_typed: bool,
}

/// Fields of an entry for the base and for each environment.
pub(super) struct WrittenEntry<'a> {
    pub(super) base: OutputValue<'a>,
    /// The value in each environment, and whether it is a secret; none where the base has it, or nothing has.
    pub(super) environments: Vec<Option<(OutputValue<'a>, bool)>>,
}

impl<'a> EntryDraft<'_, 'a> {
    /// Writes the entry. Values in all environments are defaults of the base, secrets are in no layer that is not
    /// encrypted.
    pub(super) fn write(&self, allowed: &mut Vec<OutputValue<'a>>, plan: &mut ImportPlan) -> WrittenEntry<'a> {
        let is_secret = self.values.iter().flatten().any(|value| value.is_secret);
        let mut rules = Vec::new();
        if is_secret && !self.is_typed {
            rules.push(("sensitive", OutputValue::Bool(true)));
        }
        if !is_secret {
            rules.extend(self.declare_plain(allowed, plan));
        }
        let texts = self.values.iter().flatten().filter_map(|value| std::str::from_utf8(&value.bytes).ok());
        if texts.clone().any(is_template) && !texts.clone().all(|text| is_in_file(text, is_secret)) {
            rules.push(("template", OutputValue::Bool(false)));
        }
        if let (false, Some(value)) = (is_secret, self.common_value()) {
            let base = with_rules(self.source_of(value, "", plan), rules);
            return WrittenEntry { base, environments: self.values.iter().map(|_| None).collect() };
        }
        let environments = self.values.iter().zip(self.environments).map(|(value, environment)| {
            let value = (*value)?;
            Some(if is_secret {
                (self.secret_of(value, plan), true)
            } else {
                (with_rules(self.source_of(value, environment, plan), Vec::new()), false)
            })
        });
        let environments = environments.collect();
        WrittenEntry { base: OutputValue::map(rules), environments }
    }

    /// The value that all environments have.
    fn common_value(&self) -> Option<&'a ImportedValue> {
        let first = self.values.first().copied().flatten()?;
        let is_same = |value: Option<&ImportedValue>| value.is_some_and(|value| *value.bytes == *first.bytes);
        self.values.iter().copied().all(is_same).then_some(first)
    }

    /// Rules for a value of a ConfigMap that looks like a secret: it stays there, and somebody should look at it.
    fn declare_plain(
        &self,
        allowed: &mut Vec<OutputValue<'a>>,
        plan: &mut ImportPlan,
    ) -> Vec<(&'static str, OutputValue<'a>)> {
        let found = self.values.iter().flatten().filter_map(|value| {
            let text = std::str::from_utf8(&value.bytes).ok()?;
            let detection = classify(self.key, Some(text), TextKind::Literal);
            detection.is_sensitive().then_some((*value, detection))
        });
        let found: Vec<_> = found.collect();
        let Some((value, detection)) = found.first() else { return Vec::new() };
        let message = format!("`{}` of the ConfigMap `{}` looks like a secret, and stays in it", self.key, self.bundle);
        let finding = Diagnostic::warning(Rule::PlainSecret, message).at_masked(value.place.clone());
        let finding = detection.reasons().into_iter().fold(finding, Diagnostic::note);
        let is_certain = found
            .iter()
            .any(|(_, detection)| detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain));
        let own = self.values.iter().zip(self.environments).filter(|(value, _)| value.is_some());
        let commands: Vec<String> = own
            .map(|(_, environment)| format!("`septum set {environment} {} --bundle {}`", self.key, self.bundle))
            .collect();
        plan.findings.push(finding.hint(format!(
            "to move it to a Secret, write `{}: {{ sensitive: true }}` in `base.yaml`{}, remove its value from the layers, and run {}",
            self.key,
            if is_certain { ", remove its item of `allow`" } else { "" },
            commands.join(" and ")
        )));
        if is_certain {
            let bundle = (self.bundle != self.app).then_some(("bundle", self.bundle));
            let fields = [("rule", "plaintext-secret")].into_iter().chain(bundle);
            let fields = fields.chain([("key", self.key), ("reason", REASON)]);
            allowed.push(OutputValue::map(fields.map(|(field, text)| (field, OutputValue::text(text)))));
        }
        vec![("sensitive", OutputValue::Bool(false)), ("reason", OutputValue::text(REASON))]
    }

    /// The field with the source of a plain value, written in a layer or in a file.
    fn source_of(
        &self,
        value: &'a ImportedValue,
        environment: &str,
        plan: &mut ImportPlan,
    ) -> (&'static str, OutputValue<'a>) {
        let Ok(text) = std::str::from_utf8(&value.bytes) else { return self.file_of(value, environment, plan) };
        if let Some(content) = self.content_of(text) {
            return ("content", content);
        }
        if is_in_file(text, false) {
            return self.file_of(value, environment, plan);
        }
        ("value", text_scalar(text))
    }

    fn file_of(
        &self,
        value: &ImportedValue,
        environment: &str,
        plan: &mut ImportPlan,
    ) -> (&'static str, OutputValue<'a>) {
        let below = if environment.is_empty() { String::new() } else { format!("{environment}/") };
        let path = format!("files/{below}{}/{}", file_word(self.bundle), file_word(self.key));
        plan.add_file(format!("{}{path}", self.prefix), value.bytes.to_vec());
        ("file", OutputValue::text(path))
    }

    /// A text as a structure, if that is written as the same text.
    fn content_of(&self, text: &str) -> Option<OutputValue<'a>> {
        let format = ConfigFormat::from_extension(self.key)
            .filter(|format| matches!(format, ConfigFormat::Yaml | ConfigFormat::Json))?;
        if is_template(text) {
            return None;
        }
        let source = Source::new(self.key, text);
        let tree = Tree::from_node(read_document(&source).ok()?, &source);
        if !is_mergeable(&tree) || matches!(tree.kind, TreeKind::Leaf(_)) {
            return None;
        }
        let value = tree.to_value();
        if write_config(format, &value).ok()? != text {
            return None;
        }
        Some(value.into_owned())
    }

    /// A value for a layer of secrets.
    fn secret_of(&self, value: &'a ImportedValue, plan: &mut ImportPlan) -> OutputValue<'a> {
        match std::str::from_utf8(&value.bytes) {
            Ok(text) => text_scalar(text),
            Err(_) => {
                let message = format!("`{}` of the Secret `{}` is binary", self.key, self.bundle);
                plan.findings.push(
                    Diagnostic::error(Rule::Unsupported, message)
                        .at_masked(value.place.clone())
                        .hint("remove it from the input, and add it to the layer of secrets by hand"),
                );
                OutputValue::text("")
            }
        }
    }
}

/// Whether a text is in a file of its own.
fn is_in_file(text: &str, is_secret: bool) -> bool {
    !is_secret && (text.len() > LONG || text.contains('\n') && !fits_block(text))
}

/// Whether a structure is the same after it was merged: no nulls, which remove, and no list operators.
fn is_mergeable(tree: &Tree) -> bool {
    match &tree.kind {
        TreeKind::Leaf(scalar) => !scalar.is_null() && !scalar.blank && scalar.tag.is_none(),
        TreeKind::List(items) => items.iter().all(is_mergeable),
        TreeKind::Map(map) => {
            map.iter().all(|(key, value)| !key.starts_with('+') && !key.ends_with('+') && is_mergeable(value))
        }
    }
}

/// An entry: a scalar where the value is all, the long form otherwise.
fn with_rules<'a>(
    (field, value): (&'static str, OutputValue<'a>),
    rules: Vec<(&'static str, OutputValue<'a>)>,
) -> OutputValue<'a> {
    if field == "value" && rules.is_empty() {
        return value;
    }
    OutputValue::map([(field, value)].into_iter().chain(rules))
}
