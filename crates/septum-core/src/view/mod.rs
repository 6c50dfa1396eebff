//! Views: they read the results of the stages, and change nothing.

pub mod ages;
pub mod explain;
pub mod explain_text;
pub mod key_docs;
pub mod lifecycle;
pub mod list;
mod order;
mod page_diff;
pub mod secret_filter;
pub mod variable;

pub use order::{StackOrder, stack_order};
pub use page_diff::page_diff;

use crate::layer::Entry;
use crate::name::EnvironmentName;

/// State of a key in an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// One of its own layers sets the value.
    Set,
    /// A layer below sets it.
    Inherited,
    /// The key is defined, and has no value.
    #[default]
    Missing,
    /// A layer removed it.
    Removed,
}

impl KeyState {
    /// State of an entry of the definition in `environment`; none if the environment does not have the key.
    pub fn of(entry: Option<&Entry>, environment: &EnvironmentName) -> Self {
        let Some(entry) = entry else { return Self::Missing };
        match entry.last_source() {
            Some(origin) if origin.layer.as_str() == environment.as_str() => Self::Set,
            Some(_) => Self::Inherited,
            None if entry.is_removed() => Self::Removed,
            None => Self::Missing,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Inherited => "inherited",
            Self::Missing => "missing",
            Self::Removed => "removed",
        }
    }
}

/// A text as content of HTML, or as the value of an attribute in double quotes.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}
