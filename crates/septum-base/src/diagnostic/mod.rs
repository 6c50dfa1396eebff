//! What went wrong, where, why, and what to do: one shape for every message of the program.
//!
//! A diagnostic never holds a value that could be sensitive, and the excerpt it is shown with is
//! masked down to keys and structure (see `mask.rs`), because the line around a mistake may hold a
//! secret that has nothing to do with it.

mod escape;
mod mask;
mod nearest;
mod omitted;
mod render;
mod rule;

use std::collections::HashSet;
use std::fmt;

use crate::span::Location;

use omitted::{MOST_KEPT, OmittedCounts};

pub use escape::{StyledText, escape_json, escape_line, escape_lines, without_quotes};
pub use nearest::{did_you_mean, nearest_name, nearest_slip};
pub use render::{render_diagnostic, style_diagnostic, styled_with_rule};
pub use rule::{Rule, RuleInfo};

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
pub enum FailureKind {
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
    pub place: Location,
    /// What to say beside the caret; may be empty.
    pub text: String,
    /// What is shown of the range itself.
    pub shown: ExcerptDetail,
}

/// What an excerpt shows of the range that a message points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcerptDetail {
    /// Nothing.
    Nothing,
    /// What is structure wherever it stands: a key, punctuation, the names in a template.
    Structure,
    /// All of it, for a reason.
    All(PublicReason),
}

/// Why a range of a file that anybody could have put there may be shown as it is.
///
/// A file need not be what it is read as: a link or a slip of the pen makes a password the scalar in the
/// place of a name. So each of these is the result of a look at the range, and not a hope about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicReason {
    /// It is the key of an entry, in a layer that could be read.
    Key,
    /// It is an expression of a template without a text in quotes.
    Expression,
    /// It is the value of a field that goes into a plain object as it is, or names such: a label, the name of an
    /// object, of a layer, of a namespace; and the layer that it stands in could be read.
    Name,
    /// It is a value of an entry that is routed to a ConfigMap, and stands there in plaintext.
    PlainValue,
    /// It is a rule that the base has for a key, and that messages show too; it may not be encrypted.
    Rule,
    /// It is the name of a file that a layer names.
    Path,
}

/// Relation of a finding to others: one that follows from a mistake is not shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It is the mistake at this place.
    Is(Location),
    /// It follows from the mistake at this place, if that is reported.
    FollowsFrom(Location),
}

/// One finding, with everything that its reader needs to act on it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The rule's name, for programs: `unknown-key`.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of failure, if it is an error.
    pub failure: FailureKind,
    /// What is wrong: lower case, no full stop, user text in backticks.
    pub message: String,
    /// Where: the first label is the place that is named beside the message.
    pub labels: Vec<Label>,
    /// More facts, a line each.
    pub notes: Vec<String>,
    /// What to do, a line each.
    pub hints: Vec<String>,
    /// The mistake that it is, or follows from.
    pub cause: Option<Box<Cause>>,
    /// How many findings it stands for: more than one where others are counted and not shown.
    pub count: u32,
}

impl Diagnostic {
    /// An error of invalid input.
    pub fn error(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            failure: FailureKind::Invalid,
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

    /// An error of another kind than invalid input.
    #[must_use]
    pub fn with_failure(mut self, failure: FailureKind) -> Self {
        self.failure = failure;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Points at a range, of which the excerpt shows what is structure and no value.
    #[must_use]
    pub fn at(self, place: Location) -> Self {
        self.label(place, "", ExcerptDetail::Structure)
    }

    /// Points at a range of which nothing is shown.
    #[must_use]
    pub fn at_masked(self, place: Location) -> Self {
        self.label(place, "", ExcerptDetail::Nothing)
    }

    /// Points at a range that is shown, and says why it may be.
    #[must_use]
    pub fn at_public(self, place: Location, why: PublicReason) -> Self {
        self.label(place, "", ExcerptDetail::All(why))
    }

    /// Points at a range, of which the excerpt shows what is structure, with a text beside it.
    #[must_use]
    pub fn at_with(self, place: Location, text: impl Into<String>) -> Self {
        self.label(place, text, ExcerptDetail::Structure)
    }

    /// Points at a range of which nothing is shown, with a text beside it.
    #[must_use]
    pub fn at_masked_with(self, place: Location, text: impl Into<String>) -> Self {
        self.label(place, text, ExcerptDetail::Nothing)
    }

    /// Points at a range that is shown, and says why it may be, with a text beside it.
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

    /// Says how it hangs together with other findings.
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

/// The findings of a run: all of them, not the first.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Those that are only counted.
    omitted: OmittedCounts,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST_KEPT { self.list.push(diagnostic) } else { self.omitted.count(&diagnostic) }
    }

    /// Keeps a value, or the reason why there is none.
    pub fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.omitted.has_errors() || self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
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
    /// mistake in a layer that they share. What follows from another one of them is left out.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list = without_consequences(self.list, |found| found);
        self.list.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
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
        Some(Cause::FollowsFrom(_)) | None => None,
    };
    let mistakes: HashSet<_> = findings.iter().filter_map(mistake).collect();
    findings.retain(|found| match diagnostic(found).cause.as_deref() {
        Some(Cause::FollowsFrom(place)) => !mistakes.contains(&key(place)),
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
