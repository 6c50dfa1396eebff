//! Parts that could not be checked.

use std::fmt;

use serde::{Serialize, Serializer};

use super::finding::RepoLayout;
use crate::diagnostic::{Diagnostic, FailureKind, Severity};

/// A file that could not be checked, and the reason. Serialised as a text, `FILE: REASON`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unchecked {
    /// The file, from the root of the project.
    pub file: String,
    /// The reason.
    pub why: String,
    layout: Option<RepoLayout>,
}

impl Unchecked {
    /// The part that an environment hides because it could not be decrypted; none for other problems.
    pub(super) fn from_problem(problem: &Diagnostic) -> Option<Self> {
        let is_key = problem.severity == Severity::Error && problem.failure == FailureKind::Key;
        let file = problem.labels.first()?.place.source.name().to_owned();
        let recipients = problem.notes.iter().find_map(|note| note.strip_prefix("it is encrypted for "));
        let why = match recipients {
            Some(recipients) => format!("no identity for {recipients}"),
            None => problem.message.clone(),
        };
        is_key.then_some(Self { file, why, layout: None })
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
