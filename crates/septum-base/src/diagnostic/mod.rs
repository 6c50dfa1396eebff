//! Diagnostics: message, location, reason, and hint, in one form for every message of the program.
//!
//! A diagnostic never contains a value that could be sensitive, and its excerpt is masked down to keys and structure
//! (see `mask.rs`), because the line around a mistake may contain an unrelated secret.

mod escape;
mod mask;
mod nearest;
mod omitted;
mod render;
mod rule;
mod shell_word;

use std::fmt;
use std::io;

use crate::map::HashSet;
use crate::sort::sort_by;
use crate::span::Location;

use omitted::{MOST_KEPT, OmittedCounts};

pub use escape::{StyledText, escape_json, escape_line, escape_lines, without_quotes};
pub use nearest::{did_you_mean, nearest_name, nearest_slip};
pub use render::{render_diagnostic, style_diagnostic, styled_with_rule};
pub use rule::{Rule, RuleInfo};
pub use shell_word::{shell_option, shell_path, shell_word, shown_path};

/// Severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run fails.
    Error,
    /// Worth a look; the run continues.
    Warning,
}

/// Kind of failure of an error; determines the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Wrong usage or invalid input: exit code 2.
    Invalid,
    /// A key or a permission is missing: exit code 3.
    Key,
    /// An input or output error: exit code 4.
    Io,
    /// A check found a problem: exit code 1.
    Found,
    /// A bug of Septum: exit code 101.
    Bug,
}

/// A place that a message points at.
#[derive(Debug, Clone)]
pub struct Label {
    /// The range under the caret.
    pub place: Location,
    /// Text beside the caret; may be empty.
    pub text: String,
    /// Detail of the range in the excerpt.
    pub shown: ExcerptDetail,
}

/// Detail in which an excerpt shows the range of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcerptDetail {
    /// None.
    Nothing,
    /// Parts that are structure in any place: a key, punctuation, the names in a template.
    Structure,
    /// All of it, for a reason.
    All(PublicReason),
}

/// Reason why a range of a file that anyone could have written may be shown as it is.
///
/// A file may not be what it is read as: a link or a typing error makes a password the scalar in the place of a name.
/// So each reason is the result of checking the range, and not an assumption about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicReason {
    /// It is the key of an entry, in a layer that could be read.
    Key,
    /// It is an expression of a template without a quoted text.
    Expression,
    /// It is the value of a field that goes into a plain object as it is, or is such a name: a label, the name of an
    /// object, of a layer, of a namespace; and its layer could be read.
    Name,
    /// It is a value of an entry that is routed to a ConfigMap, and is in plaintext.
    PlainValue,
    /// It is a rule of the base for a key, which messages show too; it may not be encrypted.
    Rule,
    /// It is the name of a file in a layer.
    Path,
}

/// Relation of a finding to others: one that follows from a mistake is not shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It is the mistake at this place.
    Is(Location),
    /// It follows from a mistake at one of these places, if that is reported.
    FollowsFrom(Vec<Location>),
    /// It follows from a mistake that is reported in any case.
    Reported,
}

/// A finding, with everything that the reader needs to act on it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The rule's name, for programs: `unknown-key`.
    pub rule: Rule,
    /// Severity.
    pub severity: Severity,
    /// Kind of failure, if it is an error.
    pub failure: FailureKind,
    /// The message: lower case, no full stop, user text in backticks.
    pub message: String,
    /// Locations: the first label is the place that is named beside the message.
    pub labels: Vec<Label>,
    /// Additional facts, a line each.
    pub notes: Vec<String>,
    /// Hints, a line each.
    pub hints: Vec<String>,
    /// The mistake that it is, or follows from.
    pub cause: Option<Box<Cause>>,
    /// Number of findings that it represents: more than one where others are counted and not shown.
    pub count: u32,
}

impl Diagnostic {
    /// An error of invalid input.
    pub fn error(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            failure: rule.info().failure,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            cause: None,
            count: 1,
        }
    }

    /// A warning.
    pub fn warning(rule: Rule, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, message) }
    }

    /// Error for a file that could not be read.
    pub fn unreadable(name: &str, error: &io::Error) -> Self {
        Self::error(Rule::Unreadable, format!("`{name}` could not be read: {error}"))
    }

    /// Error for a file that could not be written.
    pub fn unwritable(name: &str, error: &io::Error) -> Self {
        Self::error(Rule::Unwritable, format!("`{name}` could not be written: {error}"))
    }

    /// Error for a system that gives no random bytes.
    pub fn no_randomness() -> Self {
        Self::error(Rule::NoRandomness, "the system's random number generator failed")
    }

    /// An error of another kind than its rule usually has.
    #[must_use]
    pub fn with_failure(mut self, failure: FailureKind) -> Self {
        self.failure = failure;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Points at a range, of which the excerpt shows structure and no values.
    #[must_use]
    pub fn at(self, place: Location) -> Self {
        self.label(place, "", ExcerptDetail::Structure)
    }

    /// Points at a range that is hidden.
    #[must_use]
    pub fn at_masked(self, place: Location) -> Self {
        self.label(place, "", ExcerptDetail::Nothing)
    }

    /// Points at a range that is shown, with the reason why it may be.
    #[must_use]
    pub fn at_public(self, place: Location, why: PublicReason) -> Self {
        self.label(place, "", ExcerptDetail::All(why))
    }

    /// Points at a range, of which the excerpt shows structure, with a text beside it.
    #[must_use]
    pub fn at_with(self, place: Location, text: impl Into<String>) -> Self {
        self.label(place, text, ExcerptDetail::Structure)
    }

    /// Points at a range that is hidden, with a text beside it.
    #[must_use]
    pub fn at_masked_with(self, place: Location, text: impl Into<String>) -> Self {
        self.label(place, text, ExcerptDetail::Nothing)
    }

    /// Points at a range that is shown, with the reason why it may be, and a text beside it.
    #[must_use]
    pub fn at_public_with(self, place: Location, why: PublicReason, text: impl Into<String>) -> Self {
        self.label(place, text, ExcerptDetail::All(why))
    }

    fn label(mut self, place: Location, text: impl Into<String>, shown: ExcerptDetail) -> Self {
        self.labels.push(Label { place, text: text.into(), shown });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint, if there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// Sets its relation to other findings.
    #[must_use]
    pub fn with_cause(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause.map(Box::new);
        self
    }

    /// The order in which findings are shown: by file and place, those without a place first.
    fn sort_key(&self) -> (&str, usize, usize, Severity, &str, &str) {
        let (name, line, column) = self
            .labels
            .first()
            .map_or(("", 0, 0), |label| (label.place.source.name(), label.place.span.line, label.place.span.column));
        (name, line, column, self.severity, self.rule.id(), &self.message)
    }
}

/// The findings of a run: all of them, not only the first.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Those that are only counted.
    omitted: OmittedCounts,
}

impl Diagnostics {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST_KEPT { self.list.push(diagnostic) } else { self.omitted.count(&diagnostic) }
    }

    /// Keeps a value, or adds the reason why there is none.
    pub fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.omitted.has_errors() || self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Number of findings.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The findings, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order of their places, each once: environments that share a layer report the same mistake.
    /// Consequences of another finding are left out.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list = without_consequences(self.list, |found| found);
        sort_by(&mut self.list, |a, b| a.sort_key().cmp(&b.sort_key()));
        self.list.dedup_by(|a, b| a.sort_key() == b.sort_key());
        self.list.extend(self.omitted.into_diagnostics());
        self.list
    }
}

/// The findings without those that follow from another one of them.
pub fn without_consequences<T>(mut findings: Vec<T>, diagnostic: impl Fn(&T) -> &Diagnostic) -> Vec<T> {
    let key = |place: &Location| (place.source.name().to_owned(), place.span.start);
    let mistake = |found: &T| match diagnostic(found).cause.as_deref() {
        Some(Cause::Is(place)) => Some(key(place)),
        Some(Cause::FollowsFrom(_) | Cause::Reported) | None => None,
    };
    let mistakes: HashSet<_> = findings.iter().filter_map(mistake).collect();
    findings.retain(|found| match diagnostic(found).cause.as_deref() {
        Some(Cause::Reported) => false,
        Some(Cause::FollowsFrom(places)) => !places.iter().any(|place| mistakes.contains(&key(place))),
        Some(Cause::Is(_)) | None => true,
    });
    findings
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic], omitted: OmittedCounts::default() }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.list.extend(self.omitted.into_diagnostics());
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
        let mut all = Self::new();
        all.extend(iter);
        all
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, iter: I) {
        iter.into_iter().for_each(|diagnostic| self.push(diagnostic));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Source, Span};

    #[test]
    fn what_is_too_much_is_counted_and_not_forgotten() {
        let mut all = Diagnostics::new();
        let warnings = (0..MOST_KEPT).map(|_| Diagnostic::warning(Rule::EmptyValue, "wrong"));
        all.extend(warnings);
        assert!(!all.has_errors());
        all.extend((0..7).map(|_| Diagnostic::error(Rule::NoIdentity, "wrong").with_failure(FailureKind::Key)));
        assert!(all.has_errors() && !all.is_empty());
        let last = all.clone().into_sorted().pop().unwrap();
        assert_eq!((last.rule.id(), last.failure, last.severity), ("no-identity", FailureKind::Key, Severity::Error));
        assert_eq!(last.message, "7 more findings of the rule `no-identity` are not shown");
        let again: Diagnostics = all.into_iter().collect();
        let message = again.into_sorted().pop().unwrap().message;
        assert_eq!(message, "7 more findings of the rule `no-identity` are not shown");
    }

    #[test]
    fn the_same_finding_of_two_environments_is_shown_once() {
        let source = Source::new("base.yaml", "A: 1\nB: 2\n");
        let at = |start| source.place(Span::locate(source.text(), start, start + 1));
        let mut all = Diagnostics::new();
        for start in [5, 0, 5] {
            all.push(Diagnostic::error(Rule::UnknownKey, "wrong").at(at(start)));
        }
        let lines: Vec<_> = all.into_sorted().iter().map(|d| d.labels[0].place.span.line).collect();
        assert_eq!(lines, [1, 2]);
    }
}
