//! Objects as text: ordered, with sorted keys, and the same bytes for the same input.

pub mod tree;

use std::str::FromStr;

use crate::deliver::{Delivered, Form};
use crate::format::{json, kyaml};
use crate::layer::Tree;
use crate::object::Reveal;
use crate::secret::Wiping;
use crate::span::Source;
use crate::value::Value;
use crate::yaml;
use crate::yaml::kubectl::{JsonScalar, json_scalar};

/// How objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ManifestFormat {
    /// Documents of YAML.
    #[default]
    Yaml,
    /// One `List` of JSON.
    Json,
    /// Documents of KYAML, the subset of YAML that no reader gets wrong (KEP-5295).
    Kyaml,
}

impl FromStr for ManifestFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "kyaml" => Ok(Self::Kyaml),
            _ => Err("expected `yaml`, `json` or `kyaml`".to_owned()),
        }
    }
}

/// The objects as one text. Holds the values of Secrets if they are revealed, so it is wiped.
pub fn write(objects: &[Delivered], format: ManifestFormat, reveal: Reveal) -> Wiping<String> {
    let mut out = Wiping::new(String::new());
    if format == ManifestFormat::Yaml {
        for (index, object) in objects.iter().enumerate() {
            if index > 0 {
                out.push_str("---\n");
            }
            append(&mut out, object, reveal);
        }
        return out;
    }
    // what is encrypted is a text, and has to become a structure again
    let read: Vec<_> = objects.iter().map(encrypted).collect();
    let values = objects.iter().zip(&read).filter_map(|(object, read)| match (&object.form, read) {
        (Form::Plain(object), _) => Some(object.to_value(reveal)),
        (Form::Encrypted(_), Some(tree)) => Some(tree.to_value()),
        (Form::Encrypted(_), None) | (Form::Unknown, _) => None,
    });
    if format == ManifestFormat::Kyaml {
        values.for_each(|value| out.push_str(&Wiping::new(kyaml::document(&value))));
        return out;
    }
    let list = Value::map([
        ("apiVersion", Value::text("v1")),
        ("kind", Value::text("List")),
        ("items", Value::List(values.map(as_kubectl_reads).collect())),
    ]);
    out.push_str(&Wiping::new(json::pretty(&list)));
    out
}

/// A value with its bare words as kubectl reads them from YAML: JSON says them by their type.
fn as_kubectl_reads(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Literal(text) => match json_scalar(&text) {
            JsonScalar::Null => Value::Null,
            JsonScalar::Bool(truth) => Value::Bool(truth),
            JsonScalar::Number(number) => Value::Literal(number.into_owned().into()),
            JsonScalar::Text(_) => Value::String(text),
        },
        Value::List(items) => Value::List(items.into_iter().map(as_kubectl_reads).collect()),
        Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(key, value)| (key, as_kubectl_reads(value))).collect()),
        value @ (Value::Null | Value::Bool(_) | Value::String(_)) => value,
    }
}

/// One object as a file of YAML.
pub fn document(object: &Delivered) -> Wiping<String> {
    let mut out = Wiping::new(String::new());
    append(&mut out, object, Reveal::Values);
    out
}

fn append(out: &mut Wiping<String>, object: &Delivered, reveal: Reveal) {
    match &object.form {
        Form::Plain(object) => yaml::write::append(out, &object.to_value(reveal)),
        Form::Encrypted(text) => out.push_str(text),
        Form::Unknown => {}
    }
}

/// The structure of an encrypted object.
fn encrypted(object: &Delivered) -> Option<Tree> {
    let Form::Encrypted(text) = &object.form else { return None };
    let source = Source::new("an encrypted object", text.as_str());
    Some(Tree::from_node(yaml::read::read(&source).ok()?, &source))
}
