//! Smallest objects that each rule of the table applies to, so that every rule is tested.

use serde_json::{Value, json};

use crate::manifest::references::rule::{
    self, ExpectedField, NameFormat, OptionalReference, ReferenceRule, ReferenceTargetKind,
};
use crate::manifest::references::table::{ReferenceTable, SectionScope};
use crate::manifest::references::{RefKind, ReferenceRules, Role, find_references, rewrite_references};
use crate::pattern::PatternSegment;

/// Object with a place that a rule matches.
pub(crate) struct Sample {
    /// Rule, for messages.
    pub(crate) rule: String,
    api_version: String,
    kind: String,
    /// Path to the name: keys and items.
    steps: Vec<PatternSegment>,
    /// Format of the name.
    format: NameFormat,
    /// Kind of the target; `None` if it only looks like a name.
    pub(crate) target: Option<RefKind>,
    /// Required fields.
    fields: Vec<Field>,
    /// Whether a controller creates the target.
    pub(crate) is_output: bool,
    /// Whether the target may always be missing.
    pub(crate) is_optional: bool,
    /// Path of `optional: true`, if allowed.
    optional: Option<Vec<PatternSegment>>,
    /// Paths of the required keys.
    keys: Vec<Vec<PatternSegment>>,
}

/// Namespace in names that are written with one.
pub(crate) const NAMESPACE: &str = "shop";

/// Samples for all rules, kinds and targets, with no step and with one step in place of `**`.
pub(crate) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let table = ReferenceTable::built_in();
    for section in &table.sections {
        let heads: Vec<_> = match &section.scope {
            SectionScope::Kinds(kinds) => {
                let heads = kinds.groups.iter().flat_map(|group| kinds.kinds.iter().map(move |kind| (group, kind)));
                heads.map(|(group, kind)| ((*group).to_owned(), kind.replace('*', "Any"))).collect()
            }
            SectionScope::Others => vec![("example.com".to_owned(), "Widget".to_owned())],
            // these only mark names that are not references
            SectionScope::Quiet(_) => continue,
        };
        for (pattern, rule) in &table.rules(section, &mut Vec::new()) {
            let is_deep = !pattern.is_countable();
            for (group, kind) in &heads {
                for below in [false, true].into_iter().filter(|below| is_deep || !below) {
                    let steps = concrete(pattern.segments(), below);
                    samples.extend(of_rule(group, kind, &steps, rule));
                }
            }
        }
    }
    samples
}

/// Path that a pattern matches: with a word for each star, and with one step or none for `**`.
fn concrete(pattern: &[PatternSegment], below: bool) -> Vec<PatternSegment> {
    let step = |segment: &PatternSegment| match segment {
        PatternSegment::Below => below.then(|| PatternSegment::Key("any".to_owned())),
        PatternSegment::Like { start, end } => Some(PatternSegment::Key(format!("{start}any{end}"))),
        PatternSegment::Key(_) | PatternSegment::Items => Some(segment.clone()),
    };
    pattern.iter().filter_map(step).collect()
}

/// Value with its path.
type Field = (Vec<PatternSegment>, Value);

/// Possible targets of a rule, each with the field that selects it.
fn targets(
    rule: &ReferenceRule,
    path: impl Fn(&rule::RelatedField) -> Vec<PatternSegment>,
) -> Vec<(Option<RefKind>, Option<Field>)> {
    match &rule.target_kind {
        ReferenceTargetKind::Nothing => vec![(None, None)],
        ReferenceTargetKind::One(target) => vec![(Some(*target), None)],
        ReferenceTargetKind::ByField { by, default } => {
            let is_resource = by.path.last() == Some(&PatternSegment::Key("resources".to_owned()));
            let word = |target: RefKind| match target.as_str() {
                kind if is_resource => format!("{}s", kind.to_lowercase()),
                kind => kind.to_owned(),
            };
            let told = [RefKind::ConfigMap, RefKind::Secret];
            let told = told.map(|target| (Some(target), Some((path(by), json!(word(target))))));
            told.into_iter().chain([(*default, None)]).collect()
        }
    }
}

/// Fields that a rule requires in the object.
fn conditions(rule: &ReferenceRule, path: impl Fn(&rule::RelatedField) -> Vec<PatternSegment>) -> Vec<Field> {
    let needed = rule.conditions.iter().filter_map(|condition| {
        let value = match &condition.expected {
            ExpectedField::Present => "x",
            ExpectedField::Absent => return None,
            ExpectedField::OneOf(texts) if texts.iter().any(String::is_empty) => return None,
            ExpectedField::OneOf(texts) => texts.first()?,
        };
        Some((path(&condition.field), json!(value)))
    });
    needed.collect()
}

/// Samples of a rule: one for each target that a field may select.
fn of_rule(group: &str, kind: &str, steps: &[PatternSegment], rule: &ReferenceRule) -> Vec<Sample> {
    let path = |field: &rule::RelatedField| -> Vec<PatternSegment> {
        let start = field.start(steps.len()).expect("a field of the object");
        steps.iter().take(start).chain(&field.path).cloned().collect()
    };
    let conditions = conditions(rule, path);
    let sample = |(target, field)| Sample {
        rule: format!("{group} {kind}: {}", written(steps)),
        api_version: if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") },
        kind: kind.to_owned(),
        steps: steps.to_vec(),
        format: rule.format,
        target,
        fields: conditions.iter().cloned().chain(field).collect(),
        is_output: rule.role == Role::Output,
        is_optional: matches!(rule.optional, OptionalReference::Always),
        optional: match &rule.optional {
            OptionalReference::FromField(field) => Some(path(field)),
            OptionalReference::Never | OptionalReference::Always => None,
        },
        keys: rule.keys.iter().map(|(field, _)| path(field)).collect(),
    };
    targets(rule, path).into_iter().map(sample).collect()
}

impl Sample {
    /// Object called `own`, with a name in it.
    pub(crate) fn object(&self, own: &str, name: &str) -> Value {
        let text = match self.format {
            NameFormat::Name | NameFormat::Commas => name.to_owned(),
            NameFormat::Namespaced | NameFormat::MaybeNamespaced => format!("{NAMESPACE}/{name}"),
        };
        let mut object = json!({ "apiVersion": self.api_version, "kind": self.kind, "metadata": { "name": own } });
        put(&mut object, &self.steps, json!(text));
        for (path, value) in &self.fields {
            put(&mut object, path, value.clone());
        }
        object
    }

    /// Object with `optional: true`, where that is allowed.
    pub(crate) fn optional(&self, own: &str, name: &str) -> Option<Value> {
        let mut object = self.object(own, name);
        put(&mut object, self.optional.as_ref()?, json!(true));
        Some(object)
    }

    /// Object with a required key, where one is allowed.
    pub(crate) fn keyed(&self, own: &str, name: &str, key: &str) -> Option<Value> {
        let mut object = self.object(own, name);
        put(&mut object, self.keys.first()?, json!(key));
        Some(object)
    }

    /// Label of the object in messages.
    pub(crate) fn label(&self, own: &str) -> String {
        format!("the {} `{own}`", self.kind)
    }

    /// Path of the name, as in messages.
    pub(crate) fn path(&self) -> String {
        written(&self.steps)
    }
}

/// Puts a value at a path, in the first item of lists.
pub(super) fn put(at: &mut Value, path: &[PatternSegment], value: Value) {
    let Some((step, rest)) = path.split_first() else {
        *at = value;
        return;
    };
    match step {
        PatternSegment::Key(key) => put(&mut at[key.as_str()], rest, value),
        PatternSegment::Items => {
            if !at.is_array() {
                *at = json!([null]);
            }
            put(&mut at[0], rest, value);
        }
        PatternSegment::Like { .. } | PatternSegment::Below => panic!("{path:?} has stars"),
    }
}

/// Path as in messages.
fn written(steps: &[PatternSegment]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            PatternSegment::Items => path.push_str("[0]"),
            PatternSegment::Key(key) if key.contains(['.', '/']) => path.extend(["[\"", key, "\"]"]),
            PatternSegment::Key(key) if path.is_empty() => path.push_str(key),
            PatternSegment::Key(key) => path.extend([".", key]),
            PatternSegment::Like { .. } | PatternSegment::Below => panic!("{steps:?} has stars"),
        }
    }
    path
}

fn check(sample: &Sample, rules: &ReferenceRules) -> Result<(), String> {
    let object = sample.object("own", "the-name");
    let mut tree = super::tree(&object.to_string());
    let all = find_references(&tree, rules);
    let found: Vec<_> = all.iter().filter(|reference| reference.path == sample.path()).collect();
    let Some(target) = sample.target else {
        return if found.is_empty() { Ok(()) } else { Err(super::line(found[0])) };
    };
    let [reference] = found.as_slice() else { return Err(format!("{} references", found.len())) };
    let told = (reference.target, reference.role == Role::Output, reference.optional);
    if reference.name.value != "the-name" || told != (target, sample.is_output, sample.is_optional) {
        return Err(super::line(reference));
    }
    let is_optional = |object: Value| {
        let all = find_references(&super::tree(&object.to_string()), rules);
        all.iter().any(|reference| reference.path == sample.path() && reference.optional)
    };
    if sample.optional("own", "the-name").is_some_and(|object| !is_optional(object)) {
        return Err("`optional: true` is not respected".to_owned());
    }
    rewrite_references(&mut tree, rules, |reference| Some(format!("{}-new", reference.name.value)));
    let name = if sample.is_output { "the-name" } else { "the-name-new" };
    let (after, expected) = (super::show(&tree).to_string(), sample.object("own", name).to_string());
    if after == expected { Ok(()) } else { Err(format!("became {after}")) }
}

#[test]
fn every_rule_of_the_table_finds_and_rewrites() {
    let rules = ReferenceRules::default();
    let samples = samples();
    let wrong: Vec<_> = samples
        .iter()
        .filter_map(|sample| Some(format!("{}: {}", sample.rule, check(sample, &rules).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
    assert!(samples.len() > 3000, "only {} samples", samples.len());
}
