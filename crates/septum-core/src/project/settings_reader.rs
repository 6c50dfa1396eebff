//! Fields of the project file: each is read for itself, so that all errors are found.

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::span::{Located, Location, Source, Span};
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, is_gap};

/// Reads fields, and collects their errors.
pub(super) struct SettingsReader<'a> {
    pub(super) source: &'a Source,
    pub(super) problems: &'a mut Diagnostics,
}

impl SettingsReader<'_> {
    /// The items of a list of strings that are strings.
    pub(super) fn texts(&mut self, name: &str, node: &YamlNode) -> Vec<Located<String>> {
        let items = self.items(name, "a list of strings", node).unwrap_or_default();
        let texts = items.iter().enumerate().filter_map(|(index, item)| self.text(&format!("{name}[{index}]"), item));
        texts.collect()
    }

    /// The items of a list; none of null and of a blank value.
    pub(super) fn items<'n>(&mut self, name: &str, expected: &str, node: &'n YamlNode) -> Option<&'n [YamlNode]> {
        if let YamlKind::List(items) = &node.kind {
            return Some(items);
        }
        if node.as_scalar().is_some_and(is_absent) {
            return Some(&[]);
        }
        if !node.is_broken() {
            self.report_value(node.span, format!("expected {expected} for `{name}`, found {}", node.noun()));
        }
        None
    }

    /// A text, or none for null and for a blank value.
    pub(super) fn optional_text(&mut self, name: &str, node: &YamlNode) -> Option<Located<String>> {
        if node.as_scalar().is_some_and(is_absent) { None } else { self.text(name, node) }
    }

    /// A text. Other scalars are what was written.
    pub(super) fn text(&mut self, name: &str, node: &YamlNode) -> Option<Located<String>> {
        match node.as_scalar() {
            Some(scalar) if scalar.broken => None,
            Some(scalar) if !is_absent(scalar) => {
                Some(Located { value: scalar.text().to_owned(), place: self.source.place(node.span) })
            }
            _ => {
                self.report_value(node.span, format!("expected a string for `{name}`, found {}", node.noun()));
                None
            }
        }
    }

    /// One of some words, each with its meaning.
    pub(super) fn word<T: Copy>(&mut self, name: &str, node: &YamlNode, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, node)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let near = did_you_mean(&text.value, words.iter().map(|(word, _)| *word));
            let message = format!("expected {} for `{name}`", names.join(" or "));
            self.problems.push(Diagnostic::error(Rule::ProjectFile, message).at_masked(text.place).maybe_hint(near));
        }
        found
    }

    /// Reports fields that are not known, or else those that are missing: one of them may be what was meant.
    pub(super) fn check_fields(&mut self, map: &Mapping, known: &[&str], required: &[&str], owner: &str) {
        let mut are_known = true;
        for (key, node) in map {
            let is_known = known.contains(&key.text.as_str());
            are_known &= is_known;
            if !is_known && !is_gap(key, node) {
                self.report_unknown(key, known, owner);
            }
        }
        for field in required.iter().filter(|field| are_known && !map.contains_key(**field)) {
            self.report_missing(field, owner, map);
        }
    }

    fn report_unknown(&mut self, key: &YamlKey, known: &[&str], owner: &str) {
        // `{x}` is a text in the place of a mapping, and may be anything
        if !self.source.text().get(key.span.end..).is_some_and(|rest| rest.trim_start().starts_with(':')) {
            return self
                .report_value(key.span, format!("expected fields of {owner} with their values, found a string"));
        }
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let error = Diagnostic::error(Rule::ProjectFile, format!("unknown field `{}` in {owner}", key.text));
        self.problems.push(
            error
                .at(self.source.place(key.span))
                .note(format!("the fields are {}", names.join(", ")))
                .maybe_hint(did_you_mean(&key.text, known.iter().copied())),
        );
    }

    /// Reports a field that a mapping lacks.
    fn report_missing(&mut self, field: &str, owner: &str, map: &Mapping) {
        let place = map.first().map(|(key, _)| self.source.place(key.span));
        let error = Diagnostic::error(Rule::ProjectFile, format!("missing field `{field}` in {owner}"));
        self.problems.push(match place {
            Some(place) => error.at(place),
            None => error.note(format!("in `{}`", self.source.name())),
        });
    }

    /// Reports an error at a value, which is not shown.
    pub(super) fn report_value(&mut self, span: Span, message: String) {
        self.problems.push(Diagnostic::error(Rule::ProjectFile, message).at_masked(self.source.place(span)));
    }

    /// Takes a value, or reports why it is not valid at its place.
    pub(super) fn take<T>(&mut self, place: &Location, value: Result<T, String>) -> Option<T> {
        let error = |message| Diagnostic::error(Rule::ProjectFile, message).at_masked(place.clone());
        self.problems.take(value.map_err(error))
    }
}

/// Whether a field has no value: null, or nothing behind its name.
fn is_absent(scalar: &Scalar) -> bool {
    !scalar.broken && (scalar.blank || scalar.is_null())
}
