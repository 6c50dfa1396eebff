//! Configuration files from structures: a tree of values in, the text of a file out.
//!
//! A value that a format cannot hold is an error, never an approximation: an application that reads another value than
//! the declared one fails later and elsewhere. And a number is written as its source text; it is never converted here,
//! so `1.10` stays `1.10`.

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
use crate::value::OutputValue;

use error::{FormatProblem, WriterPosition, value_noun};

pub use crate::value_path::ValuePathStep as PathStep;
pub use error::FormatError;

/// A format of configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigFormat {
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

/// Extensions and the formats they represent; the first of a format is its name.
const EXTENSIONS: [(&str, ConfigFormat); 7] = [
    ("yaml", ConfigFormat::Yaml),
    ("yml", ConfigFormat::Yaml),
    ("json", ConfigFormat::Json),
    ("toml", ConfigFormat::Toml),
    ("properties", ConfigFormat::Properties),
    ("env", ConfigFormat::Env),
    ("ini", ConfigFormat::Ini),
];

impl ConfigFormat {
    /// The format of a key's file name: `application.yaml`, `app.env`, `.env`, and `.env.production` as dotenv
    /// libraries name their files. Case does not matter.
    pub fn from_extension(key: &str) -> Option<Self> {
        let name = key.rsplit('/').next().unwrap_or(key);
        let (stem, extension) = name.rsplit_once('.')?;
        find_format(extension).or_else(|| {
            let dotenv = stem.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(".env"));
            (dotenv && matches!(stem.as_bytes().get(4), None | Some(b'.'))).then_some(Self::Env)
        })
    }
}

fn find_format(extension: &str) -> Option<ConfigFormat> {
    EXTENSIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension)).map(|&(_, format)| format)
}

/// Error: a `format:` that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{name}`, expected one of yaml, json, toml, properties, env, ini")]
pub struct UnknownFormat {
    name: String,
}

impl UnknownFormat {
    /// The similar format, if there is one.
    pub fn hint(&self) -> Option<String> {
        did_you_mean(&self.name, EXTENSIONS.iter().map(|(name, _)| *name))
    }
}

impl FromStr for ConfigFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        find_format(name).ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

impl fmt::Display for ConfigFormat {
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

impl ConfigFormat {
    /// Whether a number with this spelling is one in the format. Where every value is a text, so is a number.
    pub fn has_number(self, text: &str) -> bool {
        match self {
            Self::Json => literal::is_json_number(text),
            Self::Toml => toml::is_number(text),
            Self::Yaml | Self::Properties | Self::Env | Self::Ini => true,
        }
    }
}

/// Writes a structure as the text of a file, with a newline at its end.
pub fn write_config(format: ConfigFormat, value: &OutputValue<'_>) -> Result<String, FormatError> {
    match format {
        ConfigFormat::Yaml => Ok(crate::yaml::write::write_document(value)),
        ConfigFormat::Json => Ok(json::pretty_json(value)),
        ConfigFormat::Toml => toml::write_toml(value),
        ConfigFormat::Properties => properties::write_properties(value),
        ConfigFormat::Env => env::write_env(value),
        ConfigFormat::Ini => ini::write_ini(value),
    }
}

/// The entries of the outermost mapping, with which every format except YAML and JSON starts.
fn mapping_entries<'v, 'a>(
    format: ConfigFormat,
    value: &'v OutputValue<'a>,
) -> Result<&'v [MapEntry<'a>], FormatError> {
    match value {
        OutputValue::Map(entries) => Ok(entries),
        OutputValue::Null
        | OutputValue::Bool(_)
        | OutputValue::Literal(_)
        | OutputValue::String(_)
        | OutputValue::List(_) => Err(WriterPosition::Top.error(format, FormatProblem::NotAMapping(value_noun(value)))),
    }
}

/// A key and its value.
type MapEntry<'a> = (Cow<'a, str>, OutputValue<'a>);

/// The text of a scalar, for formats in which every value is a text and nothing is nested.
fn flat_text<'v>(
    format: ConfigFormat,
    value: &'v OutputValue<'_>,
    at: WriterPosition<'_>,
) -> Result<&'v str, FormatError> {
    match value {
        OutputValue::Bool(truth) => Ok(bool_text(*truth)),
        OutputValue::Literal(text) | OutputValue::String(text) => Ok(text),
        OutputValue::Null => Err(at.error(format, FormatProblem::Null)),
        OutputValue::List(_) | OutputValue::Map(_) => Err(at.error(format, FormatProblem::Nested(value_noun(value)))),
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
            ("application.yaml", Some(ConfigFormat::Yaml)),
            ("a.b.yml", Some(ConfigFormat::Yaml)),
            ("conf/app.JSON", Some(ConfigFormat::Json)),
            ("Cargo.toml", Some(ConfigFormat::Toml)),
            ("application-prod.properties", Some(ConfigFormat::Properties)),
            ("app.env", Some(ConfigFormat::Env)),
            (".env", Some(ConfigFormat::Env)),
            (".env.production", Some(ConfigFormat::Env)),
            (".env.json", Some(ConfigFormat::Json)),
            ("php.ini", Some(ConfigFormat::Ini)),
            ("yaml", None),
            ("nginx.conf", None),
            (".environment.x", None),
            ("ü.env.x", None),
            ("dir.yaml/file", None),
            ("", None),
        ] {
            assert_eq!(ConfigFormat::from_extension(key), expected, "{key}");
        }
    }

    #[test]
    fn a_format_reads_back_its_own_name() {
        for (name, format) in EXTENSIONS {
            assert_eq!(name.parse(), Ok(format), "{name}");
            assert_eq!(format.to_string().parse(), Ok(format), "{name}");
        }
        let unknown = "propertys".parse::<ConfigFormat>().unwrap_err();
        assert_eq!(unknown.hint().as_deref(), Some("did you mean `properties`?"));
    }

    #[test]
    fn only_yaml_and_json_hold_something_else_than_a_mapping() {
        for format in [ConfigFormat::Toml, ConfigFormat::Properties, ConfigFormat::Env, ConfigFormat::Ini] {
            let error = write_config(format, &OutputValue::List(Vec::new())).unwrap_err();
            let expected = format!("cannot write a list as `.{format}`, which requires a mapping");
            assert_eq!(error.to_string(), expected);
        }
    }
}
