//! Errors of formats: values that a format cannot hold, and their place in the structure.

use std::fmt;

use super::ConfigFormat;
use crate::value::OutputValue;

/// One step from a structure into one of its items.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathStep {
    /// The value under this key.
    Key(String),
    /// The item at this index of a list, from 0.
    Index(usize),
}

/// The path from the top of a structure to one of its nodes; prints as `server.ports[0]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct StructurePath(Vec<PathStep>);

impl StructurePath {
    /// The steps from the top, which the caller can follow in the source to find the location.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }
}

impl fmt::Display for StructurePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Key(key) => {
                    let dot = if place == 0 { "" } else { "." };
                    // a key with a dot of its own would read as two
                    if key.is_empty()
                        || key.contains(|c: char| ".[]\"`".contains(c) || c.is_whitespace() || c.is_control())
                    {
                        write!(f, "{dot}{key:?}")?;
                    } else {
                        write!(f, "{dot}{key}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Position of a writer: a path that is built only when it is needed.
#[derive(Clone, Copy)]
pub(super) enum WriterPosition<'a> {
    Top,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl WriterPosition<'_> {
    pub(super) fn path(self) -> StructurePath {
        let mut steps = Vec::new();
        let mut at = self;
        loop {
            let outer = match at {
                WriterPosition::Top => break,
                WriterPosition::Key(outer, key) => {
                    steps.push(PathStep::Key(key.to_owned()));
                    outer
                }
                WriterPosition::Index(outer, index) => {
                    steps.push(PathStep::Index(index));
                    outer
                }
            };
            at = *outer;
        }
        steps.reverse();
        StructurePath(steps)
    }
}

/// Kind of a value, with its article, for messages.
pub(super) fn value_noun(value: &OutputValue<'_>) -> &'static str {
    match value {
        OutputValue::Null => "null",
        OutputValue::Bool(_) | OutputValue::Literal(_) | OutputValue::String(_) => "a scalar",
        OutputValue::List(_) => "a list",
        OutputValue::Map(_) => "a mapping",
    }
}

/// A structure that a format cannot hold. Names keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The structure is not a mapping.
    #[error("cannot write {found} as `.{format}`, which requires a mapping")]
    NotAMapping {
        /// The format.
        format: ConfigFormat,
        /// Kind of the structure, with its article.
        found: &'static str,
    },
    /// A list or mapping where the format allows none.
    #[error("`{path}` is {found}, but a `.{format}` file {limit}", limit = format_limit(*format))]
    Nested {
        /// The format.
        format: ConfigFormat,
        /// Position.
        path: StructurePath,
        /// Kind of the value there, with its article.
        found: &'static str,
    },
    /// A null where the format allows none.
    #[error("`{path}` is null, which a `.{format}` file cannot represent")]
    Null {
        /// The format.
        format: ConfigFormat,
        /// Position.
        path: StructurePath,
    },
    /// A key that the format cannot represent.
    #[error("the key `{path}` cannot be written in a `.{format}` file: it {problem}")]
    Key {
        /// The format.
        format: ConfigFormat,
        /// Its place; the last step is the key.
        path: StructurePath,
        /// Problem of the key.
        problem: &'static str,
    },
    /// A text that the format cannot hold.
    #[error("`{path}` contains {problem}, which a `.{format}` file cannot represent")]
    Text {
        /// The format.
        format: ConfigFormat,
        /// Position.
        path: StructurePath,
        /// Problem of the text.
        problem: &'static str,
    },
    /// Two nodes with the same resulting name.
    #[error("`{path}` becomes `{name}` in a `.{format}` file, like an earlier key")]
    Collision {
        /// The format.
        format: ConfigFormat,
        /// Place of the second one.
        path: StructurePath,
        /// The name of both.
        name: String,
    },
    /// A part that a template generates, and that the format cannot hold completely.
    #[error("the output of the template at `{path}` cannot be represented in a `.{format}` file")]
    Made {
        /// The format.
        format: ConfigFormat,
        /// Place of the template.
        path: StructurePath,
    },
}

/// Maximum depth of a format.
fn format_limit(format: ConfigFormat) -> &'static str {
    match format {
        ConfigFormat::Env => "is a flat list of keys",
        ConfigFormat::Ini => "has one level of sections and no lists",
        ConfigFormat::Yaml | ConfigFormat::Json | ConfigFormat::Toml | ConfigFormat::Properties => {
            "does not support nesting here"
        }
    }
}

impl FormatError {
    /// The node at fault; empty for the structure itself.
    pub fn path(&self) -> StructurePath {
        match self {
            Self::NotAMapping { .. } => StructurePath::default(),
            Self::Nested { path, .. }
            | Self::Null { path, .. }
            | Self::Key { path, .. }
            | Self::Text { path, .. }
            | Self::Collision { path, .. }
            | Self::Made { path, .. } => path.clone(),
        }
    }

    /// The error for the part that the first steps of its path lead to, where the rest is not text of a source.
    #[must_use]
    pub fn within(self, depth: usize) -> Self {
        let format = self.format();
        let path = StructurePath(self.path().0.into_iter().take(depth).collect());
        Self::Made { format, path }
    }

    fn format(&self) -> ConfigFormat {
        match self {
            Self::NotAMapping { format, .. }
            | Self::Nested { format, .. }
            | Self::Null { format, .. }
            | Self::Key { format, .. }
            | Self::Text { format, .. }
            | Self::Collision { format, .. }
            | Self::Made { format, .. } => *format,
        }
    }

    /// Hint for the user.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAMapping { .. } => "put it under a key, or use `format: yaml` or `format: json`",
            Self::Nested { .. } => {
                "write it as one string, or use a format that supports nesting: `.yaml`, `.json`, `.toml`, `.properties`"
            }
            Self::Null { .. } => "remove the key, or set it to the empty string `\"\"`",
            Self::Key { .. } => "rename the key, or use a format that supports quoted keys: `.yaml`, `.json`, `.toml`",
            Self::Text { .. } => {
                "move the value to a separate entry, or use a format that supports escapes: `.yaml`, `.json`, `.toml`"
            }
            Self::Collision { .. } => "remove one of the two keys",
            Self::Made { .. } => {
                "the format may not support null, nested lists or such keys; use one that does: `.yaml`, `.json`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_people_write_it() {
        let (servers, second);
        let top = WriterPosition::Top;
        servers = WriterPosition::Key(&top, "servers");
        second = WriterPosition::Index(&servers, 1);
        for (at, expected) in [
            (WriterPosition::Top, ""),
            (servers, "servers"),
            (WriterPosition::Key(&second, "port"), "servers[1].port"),
            (WriterPosition::Key(&second, "a.b"), "servers[1].\"a.b\""),
            (WriterPosition::Key(&top, ""), "\"\""),
        ] {
            assert_eq!(at.path().to_string(), expected);
        }
    }

    #[test]
    fn every_message_names_the_key_and_the_format() {
        let path = WriterPosition::Key(&WriterPosition::Top, "db").path();
        for (error, expected) in [
            (
                FormatError::Nested { format: ConfigFormat::Env, path: path.clone(), found: "a mapping" },
                "`db` is a mapping, but a `.env` file is a flat list of keys",
            ),
            (
                FormatError::Null { format: ConfigFormat::Toml, path: path.clone() },
                "`db` is null, which a `.toml` file cannot represent",
            ),
            (
                FormatError::Key { format: ConfigFormat::Ini, path: path.clone(), problem: "holds a line break" },
                "the key `db` cannot be written in a `.ini` file: it holds a line break",
            ),
            (
                FormatError::Text { format: ConfigFormat::Ini, path: path.clone(), problem: "a line break" },
                "`db` contains a line break, which a `.ini` file cannot represent",
            ),
            (
                FormatError::Collision { format: ConfigFormat::Properties, path: path.clone(), name: "db".to_owned() },
                "`db` becomes `db` in a `.properties` file, like an earlier key",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.path(), path);
        }
    }
}
