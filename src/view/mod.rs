//! Views: they read what the stages found, and change nothing.

pub mod explain;
pub mod list;

use crate::layer::Entry;
use crate::name::EnvironmentName;

/// What an environment does about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// One of its own layers gives the value.
    Set,
    /// A layer below gives it.
    Inherited,
    /// The key is defined, and has no value.
    Missing,
    /// A layer removed it.
    Removed,
}

impl KeyState {
    /// What `environment` does about an entry of its definition; none if it does not know the key.
    pub fn of(entry: Option<&Entry>, environment: &EnvironmentName) -> Self {
        let Some(entry) = entry else { return Self::Missing };
        match entry.last_source() {
            Some(origin) if origin.layer.as_str() == environment.as_str() => Self::Set,
            Some(_) => Self::Inherited,
            None if entry.is_removed() => Self::Removed,
            None => Self::Missing,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Inherited => "inherited",
            Self::Missing => "missing",
            Self::Removed => "removed",
        }
    }
}
