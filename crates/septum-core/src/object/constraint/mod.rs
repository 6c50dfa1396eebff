//! Types and JSON Schema keywords of entries, checked on final values.
//!
//! Values are texts. A value declared with `type: integer`, `number` or `boolean` is parsed as such for the check, and
//! a keyword about numbers implies `number`; the text itself is never rewritten.
//!
//! A validator of JSON Schema does this and far more: of its keywords only those about a single text, number or boolean
//! are rules of entries. So they are checked here, and the tests hold that the answers are those of such a library.

mod format;
mod keyword;
mod number;
mod pattern;
#[cfg(test)]
mod tests;
mod value_type;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::format::ConfigFormat;
use crate::layer::EntrySchema;
use crate::map::{HashMap, IndexMap};
use crate::regex_size;
use crate::route::Sensitivity;
use crate::span::Located;
use format::FormatCheck;
use pattern::{ValuePattern, WrongPattern};
use value_type::ValueType;

/// Rule that a value breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Keyword of the rule.
    pub(super) keyword: String,
    /// Expected value: `an integer`, `at least 1`. Contains nothing of the actual value.
    pub(super) expected: String,
    /// Whether the rule itself is invalid, whatever the value.
    pub(super) is_of_rule: bool,
}

impl Violation {
    /// A value that breaks a valid rule.
    fn of_value(keyword: &str, rule: &Value) -> Self {
        Self { keyword: keyword.to_owned(), expected: keyword::describe(keyword, rule), is_of_rule: false }
    }

    /// An invalid rule, with the reason.
    fn of_rule(keyword: &str, reason: String) -> Self {
        Self { keyword: keyword.to_owned(), expected: reason, is_of_rule: true }
    }

    /// A keyword with a value that no layer gives it.
    fn of_schema() -> Self {
        Self::of_rule("schema", "the combination is not a valid JSON Schema".to_owned())
    }

    /// Whether its rule lists the allowed values.
    pub(super) fn lists_values(&self) -> bool {
        matches!(self.keyword.as_str(), "enum" | "const")
    }

    /// Expectation without the values that the rule lists.
    pub(super) fn keyword_alone(&self) -> String {
        format!("a value allowed by `{}`", self.keyword)
    }
}

/// Checks values; caches compiled expressions, since entries often share one.
#[derive(Default)]
pub struct Constraints {
    patterns: Mutex<HashMap<String, Result<Arc<ValuePattern>, WrongPattern>>>,
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Constraints")
    }
}

impl Constraints {
    /// Rules that a text breaks; an invalid rule is broken by every text.
    pub(super) fn check(
        &self,
        schema: &IndexMap<String, Located<Value>>,
        format: Option<&Located<String>>,
        text: &str,
    ) -> Vec<Violation> {
        if schema.is_empty() && format.is_none() {
            return Vec::new();
        }
        let kind = ValueType::declared_by(schema);
        let Some(value) = kind.parse(text) else {
            let expected = kind.description().to_owned();
            return vec![Violation { keyword: "type".to_owned(), expected, is_of_rule: false }];
        };
        let format = format.map(|format| format.value.as_str());
        self.find_violations(schema, format, kind, &value)
    }

    /// Rules of a layer that are invalid, whatever the value: an expression, and a format that is neither one of texts nor
    /// one in which structures are written.
    pub(super) fn invalid_rules(&self, rules: &EntrySchema) -> Vec<Violation> {
        let pattern = rules.schema.get("pattern").and_then(|rule| self.compile_pattern(&rule.value).err());
        let format = rules.format.as_ref().map(|format| format.value.as_str());
        let format = format.filter(|name| name.parse::<ConfigFormat>().is_err());
        pattern.into_iter().chain(format.and_then(|name| known_format(name).err())).collect()
    }

    /// Rules of an entry that a text does not meet: the keyword, and a description that contains nothing of the text.
    /// For a secret it does not contain the allowed values either.
    pub fn unmet(&self, rules: &EntrySchema, text: &str, sensitivity: Sensitivity) -> Vec<(String, String)> {
        let found = self.check(&rules.schema, rules.format.as_ref(), text).into_iter();
        let words = |violation: Violation| {
            let tells = sensitivity == Sensitivity::Sensitive && violation.lists_values();
            let expected = if tells { violation.keyword_alone() } else { violation.expected };
            (violation.keyword, expected)
        };
        found.map(words).collect()
    }

    /// Rules that a value breaks, in an order that does not depend on how they are written. The invalid ones come first,
    /// even if they are about values of another type.
    fn find_violations(
        &self,
        schema: &IndexMap<String, Located<Value>>,
        format: Option<&str>,
        kind: ValueType,
        value: &Value,
    ) -> Vec<Violation> {
        let mut violations = Vec::new();
        let pattern = schema.get("pattern").map(|rule| self.compile_pattern(&rule.value));
        let pattern = pattern.and_then(|compiled| valid_rule(compiled, &mut violations));
        let is_in_format = format.and_then(|name| valid_rule(known_format(name), &mut violations));
        for keyword in keyword::KEYWORDS {
            let Some(rule) = schema.get(keyword).map(|rule| kind.typed_rule(keyword, &rule.value)) else { continue };
            match keyword::holds(keyword, &rule, value) {
                Some(true) => {}
                Some(false) => violations.push(Violation::of_value(keyword, &rule)),
                None => violations.push(Violation::of_schema()),
            }
        }
        let Value::String(text) = value else { return violations };
        let matches = pattern.map(|pattern| pattern.is_match(text));
        let broken_pattern = || schema.get("pattern").map(|rule| Violation::of_value("pattern", &rule.value));
        if matches == Some(Some(false)) {
            violations.extend(broken_pattern());
        }
        if is_in_format.is_some_and(|is_in_format| !is_in_format(text)) {
            violations.extend(format.map(|name| Violation::of_value("format", &Value::from(name))));
        }
        // whether the text matches is not known, which only matters if all else is well
        if matches == Some(None) && violations.is_empty() {
            violations.extend(broken_pattern());
        }
        violations
    }

    fn compile_pattern(&self, rule: &Value) -> Result<Arc<ValuePattern>, Violation> {
        let text = rule.as_str().ok_or_else(Violation::of_schema)?;
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = match patterns.get(text) {
            Some(compiled) => compiled.clone(),
            None => {
                let compiled = ValuePattern::compile(text).map(Arc::new);
                patterns.insert(text.to_owned(), compiled.clone());
                compiled
            }
        };
        compiled.map_err(|wrong| {
            let reason = match wrong {
                WrongPattern::Invalid => format!("`{text}` is not a valid regular expression"),
                WrongPattern::TooLarge => too_large(text),
                WrongPattern::OverBudget => regex_size::over_budget(),
            };
            Violation::of_rule("pattern", reason)
        })
    }
}

/// Reason why an expression that is too large is refused.
fn too_large(pattern: &str) -> String {
    format!("`{pattern}` is too large: it requires more than {} MiB", pattern::LARGEST >> 20)
}

fn known_format(name: &str) -> Result<FormatCheck, Violation> {
    format::find(name).ok_or_else(|| Violation::of_rule("format", format!("`{name}` is not a JSON Schema format")))
}

/// A rule that can be checked; one that cannot is a violation.
fn valid_rule<T>(rule: Result<T, Violation>, violations: &mut Vec<Violation>) -> Option<T> {
    rule.map_err(|invalid| violations.push(invalid)).ok()
}
