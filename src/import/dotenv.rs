//! Import of dotenv files.

mod dialect;
mod disagreement;
mod earlier_values;
mod expansion;
mod frozen;

use std::collections::BTreeMap;

use self::dialect::{DialectLine, DotenvEntry, DotenvPart, VariableDefault, read_dotenv};
use self::disagreement::report_disagreements;
use self::earlier_values::{EarlierValues, ReferenceOrder};
use self::expansion::Expansion;
use self::frozen::ValuesBefore;
use super::layer_text::{LayerText, TemplateText, text_scalar};
use super::plan::{ExpectedEnvironment, ExpectedKey, ExpectedValue, ImportPlan};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::{IndexMap, IndexSet};
use crate::name::EntryId;
use crate::route::detect::{TextKind, classify, is_literal};
use crate::span::{Location, Source, Span};
use crate::template_tokens::is_template;
use crate::value::OutputValue;

pub use dialect::DotenvDialect;

/// Size of a value from which it is refused: no ConfigMap is larger, in bytes.
const LARGEST: usize = 1 << 20;

/// Environment of an import without one.
const USUAL: &str = "prod";

/// A dotenv file.
pub struct DotenvInput {
    /// Its environment; none for the base.
    pub environment: Option<String>,
    /// The file.
    pub source: Source,
}

/// Value of a key in a file.
#[derive(Clone)]
struct DotenvValue {
    parts: Vec<DotenvPart>,
    place: Location,
}

/// Values of an environment by key.
type DotenvValues = IndexMap<String, DotenvValue>;

/// Plans the import of dotenv files. Without a dialect, they are read as by Node, and disagreements are reported.
pub fn plan_dotenv(
    app: &str,
    inputs: &[DotenvInput],
    dialect: Option<DotenvDialect>,
) -> Result<ImportPlan, Diagnostics> {
    let (mut plan, mut problems) = (ImportPlan::default(), Diagnostics::new());
    let mut base = DotenvValues::default();
    let mut environments: IndexMap<String, DotenvValues> = IndexMap::default();
    // files of environments are read after those of the base
    let (of_base, of_environments): (Vec<_>, Vec<_>) = inputs.iter().partition(|input| input.environment.is_none());
    for input in of_base.into_iter().chain(of_environments) {
        let shared = if input.environment.is_none() { DotenvValues::default() } else { base.clone() };
        let values = match &input.environment {
            None => &mut base,
            Some(name) => environments.entry(name.clone()).or_default(),
        };
        let reader = dialect.unwrap_or(DotenvDialect::Node);
        read_values(&input.source, reader, &shared, values, &mut plan, &mut problems);
        if dialect.is_none() {
            plan.findings.extend(report_disagreements(&input.source, DotenvDialect::Node));
        }
    }
    if environments.is_empty() {
        environments.insert(USUAL.to_owned(), DotenvValues::default());
    }
    if base.is_empty() && environments.values().all(IndexMap::is_empty) && !problems.has_errors() {
        problems.push(Diagnostic::error(Rule::Usage, "there are no variables to import"));
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let effective: IndexMap<String, DotenvValues> = environments
        .iter()
        .map(|(name, own)| {
            let mut values = base.clone();
            values.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            (name.clone(), values)
        })
        .collect();
    let draft = DotenvDraft { app, base: &base, effective: &effective };
    draft.write(&mut plan);
    if plan.findings.has_errors() { Err(plan.findings) } else { Ok(plan) }
}

/// Adds the values of a file, which is read after those of the base.
fn read_values(
    source: &Source,
    dialect: DotenvDialect,
    base: &DotenvValues,
    values: &mut DotenvValues,
    plan: &mut ImportPlan,
    problems: &mut Diagnostics,
) {
    let mut own: BTreeMap<String, Location> = BTreeMap::new();
    let mut skipped = Vec::new();
    let lines = read_dotenv(source, dialect);
    plan.note_lost_comments(source.name(), count_comments(source, &lines));
    let order = ReferenceOrder::of(&lines);
    let mut before = base.clone();
    before.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
    let before = ValuesBefore { values: &before, is_set: &|key| order.is_set(key) };
    let (mut read, mut earlier) = (DotenvValues::default(), EarlierValues::new(&order, before));
    for line in lines {
        let DotenvEntry { key, parts, span, .. } = match line {
            DialectLine::Entry(entry) => entry,
            DialectLine::Skipped(span) => {
                skipped.push(source.place(span));
                continue;
            }
            DialectLine::Invalid(span, why) => {
                let message = format!("{} refuses this line: {why}", dialect.as_str());
                problems.push(Diagnostic::error(Rule::DotenvSyntax, message).at_masked(source.place(span)));
                continue;
            }
        };
        let place = source.place(span);
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key.is_empty() || !key.bytes().all(is_key) || key.bytes().all(|byte| byte == b'.') {
            problems.push(
                Diagnostic::error(Rule::InvalidKey, "the key of this line is not a valid key of a ConfigMap")
                    .at_masked(place)
                    .note("keys consist of letters, digits, `-`, `_` and `.`"),
            );
            continue;
        }
        if let Some(first) = own.insert(key.clone(), place.clone()) {
            plan.findings.push(
                Diagnostic::warning(Rule::ImportDialect, format!("`{key}` is set twice, and the last value was read"))
                    .at_masked(place.clone())
                    .at_masked_with(first, "first value"),
            );
        }
        // after the first one for which there is no room, there is none for any
        let is_reported = earlier.is_exhausted();
        let Some(parts) = earlier.replace(&key, parts, &read, &place, plan) else {
            problems.extend((!is_reported).then(|| too_long(&key, &place)));
            continue;
        };
        if parts.iter().any(|part| matches!(part, DotenvPart::Substitution(_))) {
            let message = format!("a substitution in the value of `{key}` is kept as text");
            plan.findings.push(
                Diagnostic::warning(Rule::ImportDialect, message)
                    .at_masked(place.clone())
                    .note("`$VAR`, `${VAR}` and `${VAR:-text}` can be converted")
                    .hint("write the value that it has, or a template, in the layer"),
            );
        }
        read.insert(key, DotenvValue { parts, place });
    }
    values.extend(read);
    if before.freeze_circles(values, plan).is_err() && !problems.has_errors() {
        let message = "the variables of values before this file expand to a text that is too long";
        problems.push(Diagnostic::error(Rule::DotenvSyntax, message).at_masked(source.place(Span::default())));
    }
    if let Some(first) = skipped.first() {
        let text = match skipped.len() {
            1 => "skipped this line, which has no `=`".to_owned(),
            count => format!("skipped {count} lines without `=`, of which this is the first"),
        };
        plan.note(first, text);
    }
}

/// Number of the lines with a comment alone: those between what was read, some of which has several lines.
fn count_comments(source: &Source, lines: &[DialectLine]) -> usize {
    let text = source.text();
    let in_gap = |from: usize, until: usize| {
        let lines = text.get(from..until).unwrap_or_default().lines();
        lines.filter(|line| line.trim_start().starts_with('#')).count()
    };
    let (mut count, mut from) = (0, 0);
    for line in lines {
        let (start, end) = match line {
            DialectLine::Entry(entry) => (entry.span.start, entry.end),
            DialectLine::Skipped(span) | DialectLine::Invalid(span, _) => (span.start, span.end),
        };
        count += in_gap(from, start);
        from = end;
    }
    count + in_gap(from, text.len())
}

fn too_long(key: &str, place: &Location) -> Diagnostic {
    let message = format!("the variables of `{key}` expand to a text that is too long");
    Diagnostic::error(Rule::DotenvSyntax, message).at_masked(place.clone())
}

/// All values, before they are written.
struct DotenvDraft<'d> {
    app: &'d str,
    base: &'d DotenvValues,
    /// Values of each environment, those of the base included.
    effective: &'d IndexMap<String, DotenvValues>,
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

impl DotenvDraft<'_> {
    fn write(&self, plan: &mut ImportPlan) {
        let keys: IndexSet<&String> =
            self.base.keys().chain(self.effective.values().flat_map(IndexMap::keys)).collect();
        let mut base = Vec::new();
        let mut layers: Vec<Vec<(&str, OutputValue<'_>)>> = self.effective.iter().map(|_| Vec::new()).collect();
        let mut secrets = layers.clone();
        for key in keys {
            let values: Vec<Option<LayerValue>> = self
                .effective
                .values()
                .map(|values| values.get(key.as_str()).map(|value| layer_value(value, values, plan)))
                .collect();
            // what it reads in the environments is reported there
            let written = self.base.get(key.as_str());
            let default = written.map(|value| layer_value(value, self.base, &mut ImportPlan::default()));
            let all = || values.iter().flatten().chain(&default);
            let is_sensitive = all().any(|value| is_secret(key, value));
            let is_literal = all().any(|value| !value.reads && is_template(&value.text));
            let mut rules = Vec::new();
            if is_sensitive {
                rules.push(("sensitive", OutputValue::Bool(true)));
            }
            if is_literal {
                rules.push(("template", OutputValue::Bool(false)));
            }
            // values that read others and literal ones that look like templates cannot have one rule
            let is_mixed = is_literal && all().any(|value| value.reads);
            let is_public = |value: &LayerValue| !(is_sensitive && is_kept_secret(key, value));
            let is_shared = |first: &LayerValue| values.iter().all(|value| value.as_ref() == Some(first));
            let own = default.clone().filter(|value| is_public(value));
            let common = own.or_else(|| {
                let first = values.first().cloned().flatten();
                first.filter(|first| is_public(first) && is_shared(first))
            });
            if let (Some(written), Some(value)) = (written, &default)
                && !is_public(value)
                && values.iter().all(|own| own.as_ref() != Some(value))
            {
                let text = format!("`{key}` is not imported: it is a secret, and every environment sets its own");
                plan.note(&written.place, text);
            }
            let field = |value: &LayerValue| {
                let text = if is_mixed && value.reads { "" } else { value.text.as_str() };
                text_scalar(text).into_owned()
            };
            base.push((
                key.as_str(),
                match &common {
                    Some(value) => with_rules(field(value), rules),
                    None => OutputValue::map(rules),
                },
            ));
            for ((value, layer), secret) in values.iter().zip(&mut layers).zip(&mut secrets) {
                let Some(value) = value.as_ref().filter(|value| Some(*value) != common.as_ref()) else { continue };
                let target = if is_sensitive && is_kept_secret(key, value) { secret } else { layer };
                target.push((key.as_str(), field(value)));
            }
        }
        let mut text = LayerText::default();
        text.add("app", OutputValue::text(self.app));
        text.add("data", OutputValue::map(base));
        plan.add_file("base.yaml", text.to_bytes().to_vec());
        for (((environment, values), layer), secret) in self.effective.iter().zip(layers).zip(secrets) {
            let mut text = LayerText::default();
            text.add("data", OutputValue::map(layer));
            plan.add_file(format!("{environment}.yaml"), text.to_bytes().to_vec());
            if !secret.is_empty() {
                let mut text = LayerText::default();
                text.add("data", OutputValue::map(secret));
                plan.add_secret_layer(format!("{environment}.secrets.yaml"), text.to_bytes());
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
