//! The wall: which entries are sensitive, and every reason why (contract, section 5).
//!
//! Routing is decided per key over *all* environments of an app: a key that is sensitive in one
//! goes to the Secret in every one, so that what consumes it need not change.

mod decide;
mod facts;

use std::collections::HashSet;
use std::fmt;

use indexmap::IndexMap;

use crate::name::{EntryId, EnvironmentName};
use crate::resolve::TemplateRead;
use crate::span::Location;

pub use decide::route;
pub use septum_detect as detect;

/// On which side of the wall an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensitivity {
    /// Anyone may read it: ConfigMap.
    Plain,
    /// It must not leak: Secret.
    Sensitive,
}

/// The layer of reasons that speaks; the first that does decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonKind {
    /// Somebody said so in a layer, or the bundle is a Secret of some type.
    Declared,
    /// The value was decrypted from a SOPS leaf.
    Encrypted,
    /// It was computed from something sensitive.
    Derived,
    /// By the words of its key.
    Name,
    /// By the structure of its value.
    Value,
    /// Nothing spoke.
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

/// Why an entry is where it is. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The layer of reasons.
    pub kind: ReasonKind,
    /// What it speaks for.
    pub argues_for: Sensitivity,
    /// What it says.
    pub detail: String,
    /// Where.
    pub place: Location,
}

/// The decision on an entry.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The side of the wall.
    pub sensitivity: Sensitivity,
    /// Everything that speaks, the weightiest first; never empty.
    pub reasons: Vec<Reason>,
}

/// The decisions on all entries of an app.
#[derive(Debug, Default)]
pub struct Routing {
    verdicts: IndexMap<EntryId, Verdict>,
    /// Sensitive variables, by environment and path.
    variables: HashSet<(EnvironmentName, String)>,
}

impl Routing {
    /// The decision on an entry. What was never routed is sensitive: the wall fails closed.
    pub fn sensitivity(&self, id: &EntryId) -> Sensitivity {
        self.verdicts.get(id).map_or(Sensitivity::Sensitive, |verdict| verdict.sensitivity)
    }

    /// The decision on something that a template read in an environment.
    pub fn read_sensitivity(&self, environment: &EnvironmentName, read: &TemplateRead) -> Sensitivity {
        match read {
            TemplateRead::Entry(id) => self.sensitivity(id),
            TemplateRead::Variable(path) if self.variables.contains(&(environment.clone(), path.clone())) => {
                Sensitivity::Sensitive
            }
            TemplateRead::Variable(_) => Sensitivity::Plain,
        }
    }

    /// The decision on an entry, with its reasons.
    pub fn verdict(&self, id: &EntryId) -> Option<&Verdict> {
        self.verdicts.get(id)
    }
}
