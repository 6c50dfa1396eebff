//! Errors of formats: values that a format cannot hold, and their place in the structure.

use std::fmt;

use super::ConfigFormat;
use crate::value::OutputValue;
use crate::value_path::ValuePath;

/// Position of a writer: a path that is built only when it is needed.
#[derive(Clone, Copy)]
pub(super) enum WriterPosition<'a> {
    Top,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl WriterPosition<'_> {
    fn path(self) -> ValuePath {
        match self {
            Self::Top => ValuePath::default(),
            Self::Key(outer, key) => {
                let mut path = outer.path();
                path.enter_key(key);
                path
            }
            Self::Index(outer, index) => {
                let mut path = outer.path();
                path.enter_index(index);
                path
            }
        }
    }

    /// An error at this position.
    pub(super) fn error(self, format: ConfigFormat, problem: FormatProblem) -> FormatError {
        FormatError { format, path: self.path(), problem }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    format: ConfigFormat,
    path: ValuePath,
    problem: FormatProblem,
}

/// Content that a format cannot represent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FormatProblem {
    /// The structure is not a mapping; its kind, with its article.
    NotAMapping(&'static str),
    /// A list or mapping where the format allows none; its kind, with its article.
    Nested(&'static str),
    /// A null where the format allows none.
    Null,
    /// The last key of the path cannot be represented; its problem.
    Key(&'static str),
    /// A text that the format cannot hold; its problem.
    Text(&'static str),
    /// A second node with the same resulting name.
    Collision(String),
    /// A part that a template generates, and that the format cannot hold completely.
    Made,
}

impl std::error::Error for FormatError {}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, path, problem } = self;
        match problem {
            FormatProblem::NotAMapping(found) => {
                write!(f, "cannot write {found} as `.{format}`, which requires a mapping")
            }
            FormatProblem::Nested(found) => {
                write!(f, "`{path}` is {found}, but a `.{format}` file {}", format_limit(*format))
            }
            FormatProblem::Null => write!(f, "`{path}` is null, which a `.{format}` file cannot represent"),
            FormatProblem::Key(problem) => {
                write!(f, "the key `{path}` cannot be written in a `.{format}` file: it {problem}")
            }
            FormatProblem::Text(problem) => {
                write!(f, "`{path}` contains {problem}, which a `.{format}` file cannot represent")
            }
            FormatProblem::Collision(name) => {
                write!(f, "`{path}` becomes `{name}` in a `.{format}` file, like an earlier key")
            }
            FormatProblem::Made => {
                write!(f, "the output of the template at `{path}` cannot be represented in a `.{format}` file")
            }
        }
    }
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
    pub fn path(&self) -> &ValuePath {
        &self.path
    }

    /// The error for the part that the first steps of its path lead to, where the rest is not text of a source.
    #[must_use]
    pub fn within(self, depth: usize) -> Self {
        Self { path: self.path.truncate(depth), problem: FormatProblem::Made, ..self }
    }

    /// Hint for the user.
    pub fn hint(&self) -> &'static str {
        match self.problem {
            FormatProblem::NotAMapping(_) => "put it under a key, or use `format: yaml` or `format: json`",
            FormatProblem::Nested(_) => {
                "write it as one string, or use a format that supports nesting: `.yaml`, `.json`, `.toml`, `.properties`"
            }
            FormatProblem::Null => "remove the key, or set it to the empty string `\"\"`",
            FormatProblem::Key(_) => {
                "rename the key, or use a format that supports quoted keys: `.yaml`, `.json`, `.toml`"
            }
            FormatProblem::Text(_) => {
                "move the value to a separate entry, or use a format that supports escapes: `.yaml`, `.json`, `.toml`"
            }
            FormatProblem::Collision(_) => "remove one of the two keys",
            FormatProblem::Made => {
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
        let at = WriterPosition::Key(&WriterPosition::Top, "db");
        for (error, expected) in [
            (
                at.error(ConfigFormat::Env, FormatProblem::Nested("a mapping")),
                "`db` is a mapping, but a `.env` file is a flat list of keys",
            ),
            (at.error(ConfigFormat::Toml, FormatProblem::Null), "`db` is null, which a `.toml` file cannot represent"),
            (
                at.error(ConfigFormat::Ini, FormatProblem::Key("holds a line break")),
                "the key `db` cannot be written in a `.ini` file: it holds a line break",
            ),
            (
                at.error(ConfigFormat::Ini, FormatProblem::Text("a line break")),
                "`db` contains a line break, which a `.ini` file cannot represent",
            ),
            (
                at.error(ConfigFormat::Properties, FormatProblem::Collision("db".to_owned())),
                "`db` becomes `db` in a `.properties` file, like an earlier key",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.path(), &at.path());
        }
    }
}
