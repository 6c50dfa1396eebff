//! What went wrong, where, why, and what to do: one shape for every message of the program.
//!
//! A diagnostic never holds a value that could be sensitive, and the excerpt it is shown with is
//! masked down to keys and structure (see `mask.rs`), because the line around a mistake may hold a
//! secret that has nothing to do with it.

mod mask;
mod render;

use std::fmt;

use crate::span::Place;

pub use render::{render, render_with_rule};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run fails.
    Error,
    /// Worth a look; the run goes on.
    Warning,
}

/// What kind of failure an error is; decides the exit code (contract, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Wrong usage or invalid input: exit code 2.
    Invalid,
    /// A key or a permission is missing: exit code 3.
    Key,
    /// Something could not be read or written: exit code 4.
    Io,
    /// What was to be checked is not as it should be: exit code 1.
    Found,
    /// Septum itself is wrong: exit code 101.
    Bug,
}

/// A place that a message points at.
#[derive(Debug, Clone)]
pub struct Label {
    /// The range under the caret.
    pub place: Place,
    /// What to say beside the caret; may be empty.
    pub text: String,
    /// Whether the range itself is a value that must not be shown.
    pub hidden: bool,
}

/// One finding, with everything that its reader needs to act on it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The rule's name, for programs: `unknown-key`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of failure, if it is an error.
    pub failure: Failure,
    /// What is wrong: lower case, no full stop, user text in backticks.
    pub message: String,
    /// Where: the first label is the place that is named beside the message.
    pub labels: Vec<Label>,
    /// More facts, a line each.
    pub notes: Vec<String>,
    /// What to do, a line each.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error of invalid input.
    pub fn error(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            failure: Failure::Invalid,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(rule: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, message) }
    }

    /// An error of another kind than invalid input.
    #[must_use]
    pub fn failing(mut self, failure: Failure) -> Self {
        self.failure = failure;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Points at a range that may be shown: a key, a field, punctuation, or a value known to be plain.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        self.label(place, "", false)
    }

    /// Points at a value that must not be shown.
    #[must_use]
    pub fn at_hidden(self, place: Place) -> Self {
        self.label(place, "", true)
    }

    /// Points at a range that may be shown, with a text beside it.
    #[must_use]
    pub fn at_with(self, place: Place, text: impl Into<String>) -> Self {
        self.label(place, text, false)
    }

    /// Points at a value that must not be shown, with a text beside it.
    #[must_use]
    pub fn at_hidden_with(self, place: Place, text: impl Into<String>) -> Self {
        self.label(place, text, true)
    }

    fn label(mut self, place: Place, text: impl Into<String>, hidden: bool) -> Self {
        self.labels.push(Label { place, text: text.into(), hidden });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds something to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds something to do, if there is something.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// The order in which findings are shown: by file and place, those without a place first.
    fn sort_key(&self) -> (&str, usize, usize, Severity, &str, &str) {
        let (name, line, column) = self
            .labels
            .first()
            .map_or(("", 0, 0), |label| (label.place.source.name(), label.place.span.line, label.place.span.column));
        (name, line, column, self.severity, self.rule, &self.message)
    }
}

/// The findings of a run: all of them, not the first.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Keeps a value, or the reason why there is none.
    pub fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The findings, in the order in which they came.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order of their places, each once: several environments meet the same
    /// mistake in a layer that they share.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        self.list.dedup_by(|a, b| a.sort_key() == b.sort_key());
        self.list
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        Self { list: iter.into_iter().collect() }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, iter: I) {
        self.list.extend(iter);
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// The name in `known` that is nearest to `name`, if one is near enough to be a slip: edit
/// distance (with transpositions) of at most a third of its length, or equal but for case and
/// separators.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['-', '_', '.'], "").to_lowercase();
    let wanted = plain(name);
    known
        .into_iter()
        .map(|candidate| {
            let distance = if plain(candidate) == wanted { 0 } else { strsim::damerau_levenshtein(name, candidate) };
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= (name.chars().count().max(candidate.chars().count()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for the nearest known name.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Source, Span};

    #[test]
    fn the_nearest_name_is_a_slip_away_or_none() {
        let known = ["LOG_LEVEL", "PORT", "DATABASE_URL"];
        for (name, expected) in [
            ("LOG_LEVL", Some("LOG_LEVEL")),
            ("log-level", Some("LOG_LEVEL")),
            ("PROT", Some("PORT")),
            ("REDIS_HOST", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }

    #[test]
    fn the_same_finding_of_two_environments_is_shown_once() {
        let source = Source::new("base.yaml", "A: 1\nB: 2\n");
        let at = |start| source.place(Span::locate(source.text(), start, start + 1));
        let mut all = Diagnostics::new();
        for start in [5, 0, 5] {
            all.push(Diagnostic::error("x", "wrong").at(at(start)));
        }
        let lines: Vec<_> = all.sorted().iter().map(|d| d.labels[0].place.span.line).collect();
        assert_eq!(lines, [1, 2]);
    }
}
