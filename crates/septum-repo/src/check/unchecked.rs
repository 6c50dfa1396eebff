//! Parts that could not be checked.

use std::fmt;

use serde::{Serialize, Serializer};

use super::finding::RepoLayout;
use crate::diagnostic::{Diagnostic, FailureKind, Severity};
use crate::pipeline::Survey;

/// A file that could not be checked, and the reason. Serialised as a text, `FILE: REASON`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unchecked {
    /// The file, from the root of the project.
    pub file: String,
    /// The reason.
    pub why: String,
    cause: UncheckedCause,
    layout: Option<RepoLayout>,
}

/// Cause for which a part could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum UncheckedCause {
    /// No key decrypts the file.
    Key,
    /// The file is invalid, which is a finding of its own.
    Invalid,
}

impl Unchecked {
    /// Parts that were not checked because files could not be read.
    pub(super) fn of_unread(survey: &Survey) -> Vec<Self> {
        let why = |file: &String| {
            let lacking = survey.partial.iter().filter(|target| target.missing.contains(file));
            let names: Vec<_> = lacking.map(|target| format!("`{}`", target.resolved.definition.environment)).collect();
            if names.is_empty() {
                return "its values could not be decrypted".to_owned();
            }
            format!(
                "without it, the objects of {} are unknown, and so is what needs all environments",
                names.join(", ")
            )
        };
        let unchecked =
            |file: &String| Self { file: file.clone(), why: why(file), cause: UncheckedCause::Invalid, layout: None };
        survey.unread.iter().map(unchecked).collect()
    }

    /// The part that an environment hides because it could not be decrypted; none for other problems.
    pub(super) fn of_locked(problem: &Diagnostic) -> Option<Self> {
        let is_key = problem.severity == Severity::Error && problem.failure == FailureKind::Key;
        let file = problem.labels.first()?.place.source.name().to_owned();
        let recipients = problem.notes.iter().find_map(|note| note.strip_prefix("it is encrypted for "));
        let why = match recipients {
            Some(recipients) => format!("no identity for {recipients}"),
            None => problem.message.clone(),
        };
        is_key.then_some(Self { file, why, cause: UncheckedCause::Key, layout: None })
    }

    /// Whether a key would be enough to check it.
    pub fn lacks_key(&self) -> bool {
        self.cause == UncheckedCause::Key
    }

    /// The file, from the root of the repository.
    pub fn path(&self) -> String {
        self.layout.as_ref().map_or_else(|| self.file.clone(), |layout| layout.path(&self.file))
    }

    /// Sets the location of its project.
    pub(super) fn set_layout(&mut self, layout: &RepoLayout) {
        self.layout = Some(layout.clone());
    }
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

impl Serialize for Unchecked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
