//! The classification boundary: decides which entries are sensitive, and gives every reason for it.
//!
//! Routing is decided per key over *all* environments of an app: a key that is sensitive in one goes to the Secret in
//! every one, so that its consumers need not change.

mod decide;
mod facts;
mod variables;

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::map::{HashSet, IndexMap};
use crate::name::{EntryId, EnvironmentName};
use crate::resolve::TemplateRead;
use crate::span::Location;

pub use decide::route;
pub use septum_detect as detect;

/// Side of the classification boundary that an entry is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensitivity {
    /// Anyone may read it: ConfigMap.
    Plain,
    /// It must not leak: Secret.
    Sensitive,
}

/// Kind of a reason. The first kind in this order that applies decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonKind {
    /// A layer declares it, or the bundle is a Secret of some type.
    Declared,
    /// The value was decrypted from a SOPS leaf.
    Encrypted,
    /// The value was computed from something sensitive.
    Derived,
    /// The words of its key.
    Name,
    /// The structure of its value.
    Value,
    /// No other reason applies.
    Default,
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declared => "declared",
            Self::Encrypted => "encrypted",
            Self::Derived => "derived",
            Self::Name => "name",
            Self::Value => "value",
            Self::Default => "default",
        })
    }
}

/// Reason for a verdict. Contains no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Kind of the reason.
    pub kind: ReasonKind,
    /// Verdict that it argues for.
    pub argues_for: Sensitivity,
    /// Text for people.
    pub detail: String,
    /// Location of its source.
    pub place: Location,
}

/// Decision about an entry.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Side of the classification boundary.
    pub sensitivity: Sensitivity,
    /// All reasons that apply, the weightiest first; never empty.
    pub reasons: Vec<Reason>,
}

/// Error: an entry is declared plain, and cannot be.
#[derive(Debug, Clone)]
pub struct Contradiction {
    /// Environment in which it cannot be.
    pub environment: EnvironmentName,
    /// The entry.
    pub id: EntryId,
    /// The error.
    pub diagnostic: Diagnostic,
}

/// Decisions about all entries of an app.
#[derive(Debug, Default)]
pub struct Routing {
    verdicts: IndexMap<EntryId, Verdict>,
    /// Sensitive variables, by environment and path.
    variables: HashSet<(EnvironmentName, String)>,
    /// Plain entries with a value that is unknown without a key.
    undecided: HashSet<EntryId>,
}

impl Routing {
    /// Decision about an entry. An entry that was never routed is sensitive: the boundary fails closed.
    pub fn sensitivity(&self, id: &EntryId) -> Sensitivity {
        self.verdicts.get(id).map_or(Sensitivity::Sensitive, |verdict| verdict.sensitivity)
    }

    /// Whether an entry is plain only as far as is known without a key: its value may be a credential, with which it would
    /// be sensitive.
    pub fn is_undecided(&self, id: &EntryId) -> bool {
        self.undecided.contains(id)
    }

    /// Decision about an entry or variable that a template read in an environment.
    pub fn read_sensitivity(&self, environment: &EnvironmentName, read: &TemplateRead) -> Sensitivity {
        match read {
            TemplateRead::Entry(id) => self.sensitivity(id),
            TemplateRead::Variable(path) if self.variables.contains(&(environment.clone(), path.clone())) => {
                Sensitivity::Sensitive
            }
            TemplateRead::Variable(_) => Sensitivity::Plain,
        }
    }

    /// Decision about an entry, with its reasons.
    pub fn verdict(&self, id: &EntryId) -> Option<&Verdict> {
        self.verdicts.get(id)
    }
}
