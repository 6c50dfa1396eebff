//! From the text of `.sops.yaml` to rules, with the location of every problem.

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::CreationRule;
use super::fields::{self, GROUP, ROOT, RULE, RuleFields, STORES, StoreFields};
use super::glob;
use super::groups;
use super::mistakes::{RefusedPart, find_key, missing_name, mistakes_of, unknown_name};
use crate::crypto::mac::MacScope;
use crate::document::pattern::GoRegex;
use crate::document::selector::Selector;
use crate::store::layout::{Indent, StoreLayout};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, Severity, did_you_mean};
use septum_base::span::{Location, Source, Span};
use septum_base::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode, is_gap};
use septum_base::yaml::read::{PartialDocument, read_partial_document};

/// Content of a file of rules.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleList {
    /// The rules, in their order.
    pub(super) entries: Vec<RuleEntry>,
    /// Warnings that do not prevent the use of a rule.
    pub(super) warnings: Diagnostics,
}

/// A rule, or its problems.
#[derive(Debug, Clone)]
pub(super) enum RuleEntry {
    /// A valid rule.
    Sound(CreationRule),
    /// An invalid one: files that it may match cannot be encrypted.
    Broken {
        /// Pattern of the files that the rule applies to, as far as it can be read; without one, it applies to
        /// all of them.
        path_regex: Option<GoRegex>,
        /// The problem.
        problems: Diagnostics,
    },
}

impl RuleEntry {
    fn into_problems(self) -> Diagnostics {
        match self {
            Self::Sound(_) => Diagnostics::new(),
            Self::Broken { problems, .. } => problems,
        }
    }
}

/// Reads all rules. The problems of one do not affect the others, but no rule is used of a file that is not valid YAML.
pub(super) fn read_rule_list(source: &Source) -> Result<RuleList, Diagnostics> {
    let PartialDocument { root, mut problems, .. } = read_partial_document(source)?;
    let mut reader = SopsConfigReader { source, findings: Diagnostics::new(), warnings: Diagnostics::new() };
    let entries = match &root.kind {
        YamlKind::Map(fields) => reader.root(fields),
        YamlKind::Scalar(scalar) if scalar.blank || scalar.is_null() => Vec::new(),
        YamlKind::Scalar(_) | YamlKind::List(_) => {
            reader.hidden_error(root.span, format!("expected a mapping with `creation_rules`, found {}", root.noun()));
            Vec::new()
        }
    };
    let SopsConfigReader { findings, warnings, .. } = reader;
    if !problems.is_empty() {
        problems.extend(findings);
        problems.extend(warnings);
        problems.extend(entries.into_iter().flat_map(RuleEntry::into_problems));
        return Err(problems);
    }
    if findings.is_empty() { Ok(RuleList { entries, warnings }) } else { Err(findings) }
}

/// Reads fields and collects their problems.
pub(super) struct SopsConfigReader<'a> {
    source: &'a Source,
    findings: Diagnostics,
    /// Findings that are not errors.
    warnings: Diagnostics,
}

impl SopsConfigReader<'_> {
    fn root(&mut self, fields: &Mapping) -> Vec<RuleEntry> {
        let mut rules = Vec::new();
        let mut layout = StoreLayout::default();
        for (index, (key, node)) in fields.iter().enumerate() {
            let end = fields.get_index(index + 1).map_or(self.source.text().len(), |(next, _)| next.span.start);
            match key.text.as_str() {
                "creation_rules" => rules = self.rules(node),
                "destination_rules" => {} // for `sops publish`
                _ if is_gap(key, node) => {}
                "stores" => layout = self.layout(key, node),
                // `keys: [&alice age1…]`: sops has no place for anchors, so users add one
                _ if self.holds_anchors(key.span.end, end) => {}
                // sops ignores it, and its intended meaning may concern no rule
                name if !self.has_value(key.span) => self.report_unknown(key.span, name, &ROOT),
                name => {
                    let found = self.unknown_field(key.span, name, &ROOT);
                    self.warnings.push(Diagnostic { severity: Severity::Warning, ..found });
                }
            }
        }
        for entry in &mut rules {
            if let RuleEntry::Sound(rule) = entry {
                rule.layout = layout;
            }
        }
        rules
    }

    fn holds_anchors(&self, start: usize, end: usize) -> bool {
        let text = self.source.text().get(start..end).unwrap_or_default();
        let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
        lines.flat_map(|line| line.split([' ', '[', ',', '{'])).any(|word| word.len() > 1 && word.starts_with('&'))
    }

    fn rules(&mut self, node: &YamlNode) -> Vec<RuleEntry> {
        match &node.kind {
            YamlKind::List(items) => items.iter().map(|item| self.entry(item)).collect(),
            YamlKind::Scalar(scalar) if scalar.blank || scalar.is_null() => Vec::new(),
            YamlKind::Scalar(_) | YamlKind::Map(_) => {
                self.hidden_error(node.span, format!("`creation_rules` must be a list, but is {}", node.noun()));
                Vec::new()
            }
        }
    }

    /// Reads a rule together with only its own problems.
    fn entry(&mut self, node: &YamlNode) -> RuleEntry {
        let before = std::mem::take(&mut self.findings);
        let rule = self.rule(node);
        let problems = std::mem::replace(&mut self.findings, before);
        match rule {
            Some(rule) if problems.is_empty() => RuleEntry::Sound(rule),
            rule => {
                // a number, for example, is no text, and still says which files are meant
                let written = || {
                    let scalar = node.as_map()?.get("path_regex")?.as_scalar()?;
                    let is_absent = scalar.broken || scalar.blank || scalar.is_null();
                    if is_absent { None } else { GoRegex::parse(scalar.text()).ok() }
                };
                RuleEntry::Broken { path_regex: rule.and_then(|rule| rule.path_regex).or_else(written), problems }
            }
        }
    }

    fn rule(&mut self, node: &YamlNode) -> Option<CreationRule> {
        let Some(map) = node.as_map() else {
            if !node.is_broken() {
                self.hidden_error(node.span, format!("expected a mapping for a rule, found {}", node.noun()));
            }
            return None;
        };
        let fields: RuleFields = self.fields(map, &RULE)?;
        let place = self.source.place(map.first().map_or(node.span, |(key, _)| key.span));
        let path_regex = fields.path_regex.as_ref().map(|pattern| self.path_pattern(map, pattern));
        let selector = self.selector(map, &fields);
        let groups = groups::read_groups(&fields, map, self);
        let threshold = fields.shamir_threshold.filter(|&threshold| threshold > 0);
        if let Some(wrong) = threshold.filter(|&threshold| groups.len() > 1 && !(2..=groups.len()).contains(&threshold))
        {
            let groups = groups.len();
            self.report_error(
                key_span(map, "shamir_threshold"),
                format!("`shamir_threshold` is {wrong}, but must be between 2 and {groups}, the number of key groups"),
            );
        }
        let mac_scope = if fields.mac_only_encrypted.unwrap_or(false) { MacScope::Encrypted } else { MacScope::All };
        let path_regex = path_regex.map_or(Some(None), |pattern| pattern.map(Some))?;
        Some(CreationRule { place, path_regex, groups, threshold, selector, mac_scope, layout: StoreLayout::default() })
    }

    fn selector(&mut self, map: &Mapping, fields: &RuleFields) -> Option<Selector> {
        type Field<'a, T> = (&'static str, &'a Option<String>, fn(T) -> Selector);
        let suffixes: [Field<'_, String>; 2] = [
            ("unencrypted_suffix", &fields.unencrypted_suffix, Selector::UnencryptedSuffix),
            ("encrypted_suffix", &fields.encrypted_suffix, Selector::EncryptedSuffix),
        ];
        let patterns: [Field<'_, GoRegex>; 4] = [
            ("unencrypted_regex", &fields.unencrypted_regex, Selector::UnencryptedRegex),
            ("encrypted_regex", &fields.encrypted_regex, Selector::EncryptedRegex),
            ("unencrypted_comment_regex", &fields.unencrypted_comment_regex, Selector::UnencryptedCommentRegex),
            ("encrypted_comment_regex", &fields.encrypted_comment_regex, Selector::EncryptedCommentRegex),
        ];
        let mut found = Vec::new();
        for (name, suffix, make) in suffixes {
            // an empty one is none to sops
            if let Some(suffix) = suffix.as_ref().filter(|suffix| !suffix.is_empty()) {
                found.push((name, make(suffix.clone())));
            }
        }
        for (name, text, make) in patterns {
            let Some(text) = text.as_ref().filter(|text| !text.is_empty()) else { continue };
            if let Some(pattern) = self.pattern(map, name, text) {
                found.push((name, make(pattern)));
            }
        }
        if let [(first, _), (second, _), ..] = found.as_slice() {
            let message = format!(
                "`{first}` and `{second}` contradict each other: a rule can have only one of the six selectors"
            );
            self.report_error(key_span(map, second), message);
        }
        found.into_iter().next().map(|(_, selector)| selector)
    }

    fn pattern(&mut self, map: &Mapping, field: &str, text: &str) -> Option<GoRegex> {
        match self.compile_pattern(map, field, text) {
            Ok(pattern) => Some(pattern),
            Err(found) => {
                self.findings.push(found);
                None
            }
        }
    }

    /// A pattern of paths, for which users also write globs.
    fn path_pattern(&mut self, map: &Mapping, text: &str) -> Option<GoRegex> {
        let glob = glob::as_regex(text);
        let hint =
            glob.as_ref().map(|regex| format!("this looks like a glob; write it as a regular expression: `{regex}`"));
        match self.compile_pattern(map, "path_regex", text) {
            Ok(pattern) => {
                if let Some(hint) = hint {
                    let span = map.get("path_regex").map_or_else(Span::default, |node| node.span);
                    let message = "`path_regex` is a regular expression, in which `*` repeats the preceding item";
                    let found = Diagnostic::warning(Rule::SopsRules, message).at(self.source.place(span));
                    self.warnings.push(found.hint(hint));
                }
                Some(pattern)
            }
            Err(found) => {
                self.findings.push(found.maybe_hint(hint));
                None
            }
        }
    }

    fn compile_pattern(&self, map: &Mapping, field: &str, text: &str) -> Result<GoRegex, Diagnostic> {
        GoRegex::parse(text).map_err(|reason| {
            let message = format!("`{field}` is not a valid regular expression: {reason}");
            let span = map.get(field).map_or_else(Span::default, |node| node.span);
            Diagnostic::error(Rule::SopsRules, message).at(self.source.place(span))
        })
    }

    fn layout(&mut self, key: &YamlKey, node: &YamlNode) -> StoreLayout {
        let Some(map) = node.as_map() else {
            if node.as_scalar().is_none_or(|scalar| !scalar.blank && !scalar.is_null()) {
                self.report_error(key.span, format!("`stores` must be a mapping, but is {}", node.noun()));
            }
            return StoreLayout::default();
        };
        let Some(fields) = self.fields::<StoreFields>(map, &STORES) else { return StoreLayout::default() };
        let json = |indent: Option<i8>| {
            indent.map_or(Indent::Tab, |indent| u8::try_from(indent).map_or(Indent::Tab, Indent::Blanks))
        };
        let lowest = [("yaml", fields.yaml.indent, 0), ("json", fields.json.indent, -1)];
        for (name, indent, lowest) in lowest.into_iter().chain([("json_binary", fields.json_binary.indent, -1)]) {
            if indent.is_some_and(|indent| indent < lowest) {
                self.report_error(key_span(map, name), format!("`stores.{name}.indent` must be at least {lowest}"));
            }
        }
        StoreLayout {
            // 0 means "the default" in sops
            yaml: match fields.yaml.indent.and_then(|indent| u8::try_from(indent).ok()) {
                Some(indent @ 1..) => Indent::Blanks(indent),
                _ => StoreLayout::default().yaml,
            },
            json: json(fields.json.indent),
            json_binary: json(fields.json_binary.indent),
        }
    }

    /// Reads a mapping field by field, so that each mistake has the location of its field, and hides no other. Fields
    /// that are not valid are left out.
    fn fields<T: DeserializeOwned>(&mut self, map: &Mapping, names: &[&str]) -> Option<T> {
        let mut valid = map.clone();
        valid.retain(|key, node| {
            if node.has_broken() {
                if !is_gap(key, node) && !names.contains(&key.text.as_str()) {
                    self.report_unknown(key.span, &key.text, names);
                }
                return false;
            }
            let single = |node: &YamlNode| {
                let map = std::iter::once((key.clone(), node.clone())).collect();
                let single = fields::to_serde_value(&YamlNode { span: node.span, kind: YamlKind::Map(map) });
                serde_yaml::from_value::<T>(single).map(|_| ()).map_err(|error| error.to_string())
            };
            let mistakes = mistakes_of(key, node, &single);
            for mistake in &mistakes {
                self.field_error(key, node, mistake, names);
            }
            mistakes.is_empty()
        });
        let all = fields::to_serde_value(&YamlNode { span: Span::default(), kind: YamlKind::Map(valid) });
        serde_yaml::from_value::<T>(all).ok()
    }

    fn field_error(&mut self, key: &YamlKey, value: &YamlNode, (part, error): &RefusedPart, names: &[&str]) {
        match unknown_name(error) {
            Some(name) if name == key.text => self.report_unknown(key.span, name, names),
            Some(name) => {
                let span = find_key(part, name).unwrap_or(key.span);
                self.report_unknown(span, name, if names == STORES { &STORES } else { &GROUP });
            }
            None if part.span == value.span => {
                self.report_error(key.span, describe_mismatch(&key.text, value, error, "is"));
            }
            None => self.hidden_error(part.span, describe_mismatch(&key.text, part, error, "contains")),
        }
    }

    fn report_unknown(&mut self, span: Span, name: &str, names: &[&str]) {
        if !self.has_value(span) {
            self.hidden_error(span, "expected fields with their values, found a string");
            return;
        }
        let diagnostic = self.unknown_field(span, name, names);
        self.findings.push(diagnostic);
    }

    /// Whether a field has a value: `{x}` is a text in the place of a mapping, and may be any text.
    fn has_value(&self, key: Span) -> bool {
        self.source.text().get(key.end..).is_some_and(|rest| rest.trim_start().starts_with(':'))
    }

    fn unknown_field(&self, span: Span, name: &str, names: &[&str]) -> Diagnostic {
        Diagnostic::error(Rule::SopsRules, format!("unknown field `{name}`"))
            .note("sops silently ignores it, so it has no effect")
            .maybe_hint(did_you_mean(name, names.iter().copied()))
            .at(self.source.place(span))
    }

    /// Reports a problem of a recipient, with a hint how to get a valid one.
    pub(super) fn recipient_error(&mut self, found: Diagnostic) {
        self.findings.push(found.hint(
            "ask its owner for the line `# public key: age1…` of the key file; `septum keygen` generates a new identity and prints its recipient",
        ));
    }

    /// The place of a span.
    pub(super) fn place(&self, span: Span) -> Location {
        self.source.place(span)
    }

    /// Reports a problem at a location that may be shown.
    pub(super) fn report_error(&mut self, span: Span, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(Rule::SopsRules, message).at(self.source.place(span)));
    }

    /// Reports a problem of a value that must not be shown.
    pub(super) fn hidden_error(&mut self, span: Span, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(Rule::SopsRules, message).at_masked(self.source.place(span)));
    }
}

/// The place of a field's name.
fn key_span(map: &Mapping, name: &str) -> Span {
    map.get_key_value(name).map_or_else(Span::default, |(key, _)| key.span)
}

/// Describes what serde expected, without the values that it quotes: they may be secrets.
fn describe_mismatch(field: &str, node: &YamlNode, error: &str, verb: &str) -> String {
    if let Some(missing) = missing_name(error) {
        return format!("`{field}` has an entry without `{missing}`");
    }
    let expected = match field {
        "mac_only_encrypted" => "`true` or `false`",
        "shamir_threshold" => "a non-negative integer",
        "key_groups" => "a list of mappings with lists of keys",
        "age" | "pgp" | "kms" | "gcp_kms" | "hckms" | "azure_keyvault" | "hc_vault_transit_uri" => {
            "a list of strings, or one string with commas"
        }
        "yaml" | "json" | "json_binary" => "a mapping with an integer `indent`",
        "dotenv" | "ini" => "an empty mapping",
        _ => "a string",
    };
    format!("`{field}` must be {expected}, but {verb} {}", describe_value(&fields::to_serde_value(node), node))
}

fn describe_value(value: &Value, node: &YamlNode) -> &'static str {
    match value {
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::String(_) => "a string",
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => match node.noun() {
            "a list" => "a list with other items",
            "a mapping" => "a mapping with other fields",
            noun => noun,
        },
    }
}
