//! Configuration files from structures: a tree of values in, the text of a file out. The other way,
//! only what is searched for credentials is read here.
//!
//! What a format cannot say is an error, never an approximation: an application that reads
//! something else than what was declared fails later and elsewhere. And a number is written as
//! its source text; nothing here converts one, so `1.10` stays `1.10`.

pub mod docker;
mod env;
mod error;
mod ini;
pub mod json;
pub mod kyaml;
mod literal;
mod properties;
mod toml;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::diagnostic::did_you_mean;
use crate::value::Value;

use error::{At, noun};

pub use error::{FormatError, KeyPath, Step};

/// A format of configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.toml`
    Toml,
    /// `.properties`: Java and Spring.
    Properties,
    /// `.env`: dotenv.
    Env,
    /// `.ini`
    Ini,
}

/// Extensions and the formats they stand for; the first of a format is its name.
const EXTENSIONS: [(&str, Format); 7] = [
    ("yaml", Format::Yaml),
    ("yml", Format::Yaml),
    ("json", Format::Json),
    ("toml", Format::Toml),
    ("properties", Format::Properties),
    ("env", Format::Env),
    ("ini", Format::Ini),
];

impl Format {
    /// The format that the file name of a key tells: `application.yaml`, `app.env`, `.env`, and
    /// `.env.production` as dotenv libraries name their files. Case does not matter.
    pub fn from_extension(key: &str) -> Option<Self> {
        let name = key.rsplit('/').next().unwrap_or(key);
        let (stem, extension) = name.rsplit_once('.')?;
        lookup(extension).or_else(|| {
            let dotenv = stem.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(".env"));
            (dotenv && matches!(stem.as_bytes().get(4), None | Some(b'.'))).then_some(Self::Env)
        })
    }
}

fn lookup(extension: &str) -> Option<Format> {
    EXTENSIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension)).map(|&(_, format)| format)
}

/// A `format:` that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{name}`, expected one of yaml, json, toml, properties, env, ini")]
pub struct UnknownFormat {
    name: String,
}

impl UnknownFormat {
    /// The format that was meant, if one is near.
    pub fn hint(&self) -> Option<String> {
        did_you_mean(&self.name, EXTENSIONS.iter().map(|(name, _)| *name))
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        lookup(name).ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Properties => "properties",
            Self::Env => "env",
            Self::Ini => "ini",
        })
    }
}

/// Writes a structure as the text of a file, with a newline at its end.
pub fn write(format: Format, value: &Value<'_>) -> Result<String, FormatError> {
    match format {
        Format::Yaml => Ok(crate::yaml::write::write(value)),
        Format::Json => Ok(json::pretty(value)),
        Format::Toml => toml::write(value),
        Format::Properties => properties::write(value),
        Format::Env => env::write(value),
        Format::Ini => ini::write(value),
    }
}

/// The texts of a TOML file in the tables in which they stand, or nothing if it is broken. What is no
/// text, and lists of such, is null.
pub fn toml_texts(source: &str) -> Option<serde_json::Value> {
    toml::texts(source)
}

/// The entries of the outermost mapping, which every format but YAML and JSON starts with.
fn entries<'v, 'a>(format: Format, value: &'v Value<'a>) -> Result<&'v [Entry<'a>], FormatError> {
    match value {
        Value::Map(entries) => Ok(entries),
        Value::Null | Value::Bool(_) | Value::Literal(_) | Value::String(_) | Value::List(_) => {
            Err(FormatError::NotAMapping { format, found: noun(value) })
        }
    }
}

/// A key and its value.
type Entry<'a> = (Cow<'a, str>, Value<'a>);

/// The text of a scalar, for formats in which every value is a text and nothing is nested.
fn flat_text<'v>(format: Format, value: &'v Value<'_>, at: At<'_>) -> Result<&'v str, FormatError> {
    match value {
        Value::Bool(truth) => Ok(bool_text(*truth)),
        Value::Literal(text) | Value::String(text) => Ok(text),
        Value::Null => Err(FormatError::Null { format, path: at.path() }),
        Value::List(_) | Value::Map(_) => Err(FormatError::Nested { format, path: at.path(), found: noun(value) }),
    }
}

fn bool_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_of_a_key_tells_its_format() {
        for (key, expected) in [
            ("application.yaml", Some(Format::Yaml)),
            ("a.b.yml", Some(Format::Yaml)),
            ("conf/app.JSON", Some(Format::Json)),
            ("Cargo.toml", Some(Format::Toml)),
            ("application-prod.properties", Some(Format::Properties)),
            ("app.env", Some(Format::Env)),
            (".env", Some(Format::Env)),
            (".env.production", Some(Format::Env)),
            (".env.json", Some(Format::Json)),
            ("php.ini", Some(Format::Ini)),
            ("yaml", None),
            ("nginx.conf", None),
            (".environment.x", None),
            ("ü.env.x", None),
            ("dir.yaml/file", None),
            ("", None),
        ] {
            assert_eq!(Format::from_extension(key), expected, "{key}");
        }
    }

    #[test]
    fn a_format_reads_back_its_own_name() {
        for (name, format) in EXTENSIONS {
            assert_eq!(name.parse(), Ok(format), "{name}");
            assert_eq!(format.to_string().parse(), Ok(format), "{name}");
        }
        let unknown = "propertys".parse::<Format>().unwrap_err();
        assert_eq!(unknown.hint().as_deref(), Some("did you mean `properties`?"));
    }

    #[test]
    fn only_yaml_and_json_hold_something_else_than_a_mapping() {
        for format in [Format::Toml, Format::Properties, Format::Env, Format::Ini] {
            let error = write(format, &Value::List(Vec::new())).unwrap_err();
            let expected = format!("a list cannot be written as `.{format}`, which starts with a mapping");
            assert_eq!(error.to_string(), expected);
        }
    }
}
