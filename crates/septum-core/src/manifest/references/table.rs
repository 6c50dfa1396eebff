//! Parser of the table of built-in rules. The table itself describes its format.

use super::rule::{
    ExpectedField, NameFormat, OptionalReference, ReferenceCondition, ReferenceRule, ReferenceTargetKind, RelatedField,
};
use crate::map::HashMap;
use crate::pattern::{PathPattern, PatternSegment};
use crate::project::{RefKind, ReferenceRole};

/// Maximum nesting of blocks: the table has three levels.
const DEPTH: usize = 8;

/// The table of built-in rules.
pub(super) const TEXT: &str = include_str!("rules.txt");

/// Rules for some kinds of objects, not yet parsed.
#[derive(Debug)]
pub(super) struct TableSection<'t> {
    /// Objects that the section covers.
    pub(super) scope: SectionScope<'t>,
    /// Lines below the head, which are split into words for the first object of such a kind.
    lines: Vec<&'t str>,
}

/// Objects that a section covers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SectionScope<'t> {
    /// Objects of these groups and kinds.
    Kinds(KindPatterns<'t>),
    /// Objects that no other section covers.
    Others,
    /// Objects of these groups and kinds, only to mark names as not suspicious.
    Quiet(KindPatterns<'t>),
}

/// Groups and kinds; `*` matches any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KindPatterns<'t> {
    /// API groups; the core group is empty.
    pub(super) groups: Vec<&'t str>,
    /// Kinds.
    pub(super) kinds: Vec<&'t str>,
}

fn parse_scope(head: &str) -> Option<SectionScope<'_>> {
    if head == "any other" {
        return Some(SectionScope::Others);
    }
    let (quiet, head) = head.strip_prefix("quiet ").map_or((false, head), |head| (true, head));
    let (groups, kinds) = head.split_once(':')?;
    let kinds = KindPatterns {
        groups: groups.split_whitespace().map(|name| if name == "core" { "" } else { name }).collect(),
        kinds: kinds.split_whitespace().collect(),
    };
    Some(if quiet { SectionScope::Quiet(kinds) } else { SectionScope::Kinds(kinds) })
}

/// The table, split into sections and lines: most of it is about kinds that a project does not have.
#[derive(Debug, Default)]
pub(super) struct ReferenceTable<'t> {
    blocks: HashMap<&'t str, Vec<&'t str>>,
    /// Sections in table order.
    pub(super) sections: Vec<TableSection<'t>>,
}

impl ReferenceTable<'static> {
    /// The built-in table, whose soundness a test checks.
    pub(super) fn built_in() -> Self {
        Self::parse(TEXT, &mut Vec::new())
    }
}

impl<'t> ReferenceTable<'t> {
    /// Splits the text of a table. What is not understood goes to `wrong`.
    pub(super) fn parse(text: &'t str, wrong: &mut Vec<String>) -> Self {
        let mut table = Self::default();
        let mut block = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('{').and_then(|line| line.strip_suffix('}')) {
                block = Some(name);
            } else if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                block = None;
                match parse_scope(head) {
                    Some(scope) => table.sections.push(TableSection { scope, lines: Vec::new() }),
                    None => wrong.push(format!("`{head}` has no kinds")),
                }
            } else {
                match (block, table.sections.last_mut()) {
                    (Some(name), _) => table.blocks.entry(name).or_default().push(line),
                    (None, Some(section)) => section.lines.push(line),
                    (None, None) => wrong.push(format!("`{line}` is outside of any section")),
                }
            }
        }
        table
    }

    /// The rules of a section with their patterns, in table order. What is not understood goes to `wrong`.
    pub(super) fn rules(
        &self,
        section: &TableSection<'_>,
        wrong: &mut Vec<String>,
    ) -> Vec<(PathPattern, ReferenceRule)> {
        let mut rules = Vec::new();
        for line in &section.lines {
            if let Err(why) = self.expand(line, None, &[], DEPTH, &mut rules) {
                wrong.push(format!("`{line}`: {why}"));
            }
        }
        rules
    }

    /// Adds the rule of a line, or the rules of the block that it names, below `parent`.
    fn expand(
        &self,
        line: &str,
        parent: Option<&PathPattern>,
        options: &[&str],
        depth: usize,
        rules: &mut Vec<(PathPattern, ReferenceRule)>,
    ) -> Result<(), String> {
        let below = |path: &str| {
            let pattern = PathPattern::parse(path)?;
            Ok::<_, String>(parent.map_or(pattern.clone(), |parent| pattern.below(parent)))
        };
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["+", name, rest @ ..] => {
                let (at, own) = match rest {
                    ["at", path, own @ ..] => (Some(below(path)?), own),
                    own => (parent.cloned(), own),
                };
                let lines = self.blocks.get(name).ok_or_else(|| format!("unknown block `{name}`"))?;
                let depth = depth.checked_sub(1).ok_or("blocks are nested too deeply")?;
                let options = [options, own].concat();
                lines.iter().try_for_each(|line| self.expand(line, at.as_ref(), &options, depth, rules))
            }
            [aim, path, own @ ..] => {
                let pattern = below(path)?;
                let rule = parse_rule(aim, &pattern, &[own, options].concat())?;
                rules.push((pattern, rule));
                Ok(())
            }
            _ => Err("a rule requires a target and a path".to_owned()),
        }
    }
}

fn parse_rule(aim: &str, at: &PathPattern, options: &[&str]) -> Result<ReferenceRule, String> {
    let field = |text: &str| RelatedField::beside(at, text);
    let mut rule = ReferenceRule::new(match aim {
        "nothing" => ReferenceTargetKind::Nothing,
        _ => match aim.strip_prefix("by:") {
            Some(by) => {
                let (by, default) = by.split_once('=').map_or((by, None), |(by, default)| (by, Some(default)));
                ReferenceTargetKind::ByField { by: field(by)?, default: default.map(referent_named).transpose()? }
            }
            None => ReferenceTargetKind::One(referent_named(aim)?),
        },
    });
    let is_name =
        matches!(at.segments().last(), Some(PatternSegment::Key(key)) if key == "name" || key == "secretName");
    if is_name && !options.contains(&"alone") {
        rule.namespace = Some(field("namespace")?);
        rule.optional = OptionalReference::FromField(field("optional")?);
        if !options.iter().any(|option| option.starts_with("key=")) {
            rule.keys.push((field("key")?, None));
        }
    }
    for option in options {
        apply_option(&mut rule, option, field)?;
    }
    Ok(rule)
}

fn apply_option(
    rule: &mut ReferenceRule,
    option: &str,
    field: impl Fn(&str) -> Result<RelatedField, String>,
) -> Result<(), String> {
    match option {
        "alone" => {}
        "optional" => rule.optional = OptionalReference::Always,
        "output" => rule.role = ReferenceRole::Output,
        "env-from" => rule.env_from = true,
        "as=ns/name" => rule.format = NameFormat::Namespaced,
        "as=[ns/]name" => rule.format = NameFormat::MaybeNamespaced,
        "as=a,b" => rule.format = NameFormat::Commas,
        _ => {
            if let Some(path) = option.strip_prefix("namespace=") {
                rule.namespace = Some(field(path)?);
            } else if let Some(key) = option.strip_prefix("key=") {
                let (path, default) = key.split_once('|').map_or((key, None), |(path, key)| (path, Some(key)));
                rule.keys.push((field(path)?, default.map(str::to_owned)));
            } else if let Some(path) = option.strip_prefix("unless:") {
                rule.conditions.push(ReferenceCondition { field: field(path)?, expected: ExpectedField::Absent });
            } else if let Some(condition) = option.strip_prefix("when:") {
                let (path, expected) = match condition.split_once('=') {
                    Some((path, texts)) => (path, ExpectedField::OneOf(texts.split('|').map(str::to_owned).collect())),
                    None => (condition, ExpectedField::Present),
                };
                rule.conditions.push(ReferenceCondition { field: field(path)?, expected });
            } else {
                return Err(format!("unknown option `{option}`"));
            }
        }
    }
    Ok(())
}

fn referent_named(name: &str) -> Result<RefKind, String> {
    [RefKind::ConfigMap, RefKind::Secret]
        .into_iter()
        .find(|referent| referent.as_str() == name)
        .ok_or_else(|| format!("unknown target `{name}`"))
}
