//! Objects as text: ordered, with sorted keys, and the same bytes for the same input.

use std::str::FromStr;

use crate::deliver::{Delivered, DeliveredForm};
use crate::format::{json, kyaml};
use crate::layer::Tree;
use crate::object::Reveal;
use crate::secret::Wiping;
use crate::span::Source;
use crate::value::OutputValue;
use crate::yaml;
use crate::yaml::kubectl::{JsonScalar, json_scalar};

/// Output format of manifests.
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
pub fn write_objects(objects: &[Delivered], format: ManifestFormat, reveal: Reveal) -> Wiping<String> {
    let mut out = Wiping::new(String::new());
    if format == ManifestFormat::Yaml {
        for (index, object) in objects.iter().enumerate() {
            if index > 0 {
                out.push_str("---\n");
            }
            append_object(&mut out, object, reveal);
        }
        return out;
    }
    // an encrypted document is text, and has to become a structure again
    let read: Vec<_> = objects.iter().map(encrypted_tree).collect();
    let values = objects.iter().zip(&read).filter_map(|(object, read)| match (&object.form, read) {
        (DeliveredForm::Plain(object), _) => Some(object.to_value(reveal)),
        (DeliveredForm::Encrypted(_), Some(tree)) => Some(tree.to_value()),
        (DeliveredForm::Encrypted(_), None) | (DeliveredForm::Unknown(_), _) => None,
    });
    if format == ManifestFormat::Kyaml {
        values.for_each(|value| out.push_str(&Wiping::new(kyaml::write_document(&value))));
        return out;
    }
    let list = OutputValue::map([
        ("apiVersion", OutputValue::text("v1")),
        ("kind", OutputValue::text("List")),
        ("items", OutputValue::List(values.map(as_kubectl_reads).collect())),
    ]);
    out.push_str(&Wiping::new(json::pretty_json(&list)));
    out
}

/// Value with its plain scalars as kubectl reads them from YAML: JSON marks their types explicitly.
pub fn as_kubectl_reads(value: OutputValue<'_>) -> OutputValue<'_> {
    match value {
        OutputValue::Literal(text) => match json_scalar(&text) {
            JsonScalar::Null => OutputValue::Null,
            JsonScalar::Bool(truth) => OutputValue::Bool(truth),
            JsonScalar::Number(number) => OutputValue::Literal(number.into_owned().into()),
            JsonScalar::Text(_) => OutputValue::String(text),
        },
        OutputValue::List(items) => OutputValue::List(items.into_iter().map(as_kubectl_reads).collect()),
        OutputValue::Map(pairs) => {
            OutputValue::Map(pairs.into_iter().map(|(key, value)| (key, as_kubectl_reads(value))).collect())
        }
        value @ (OutputValue::Null | OutputValue::Bool(_) | OutputValue::String(_)) => value,
    }
}

/// One object as a file of YAML.
pub fn object_document(object: &Delivered) -> Wiping<String> {
    let mut out = Wiping::new(String::new());
    append_object(&mut out, object, Reveal::Values);
    out
}

fn append_object(out: &mut Wiping<String>, object: &Delivered, reveal: Reveal) {
    match &object.form {
        DeliveredForm::Plain(object) => yaml::write::append_document(out, &object.to_value(reveal)),
        DeliveredForm::Encrypted(text) => out.push_str(text),
        DeliveredForm::Unknown(_) => {}
    }
}

/// The structure of an encrypted object.
fn encrypted_tree(object: &Delivered) -> Option<Tree> {
    let DeliveredForm::Encrypted(text) = &object.form else { return None };
    let source = Source::new("an encrypted object", text.as_str());
    Some(Tree::from_node(yaml::read::read_document(&source).ok()?, &source))
}
