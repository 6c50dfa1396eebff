//! Trees of YAML texts, and what their scalars mean.

use septum::span::Source;
use septum::yaml::node::{Scalar, YamlKind, YamlNode, YamlStyle};
use septum::yaml::read::{MergeKeys, read_stream};

/// The documents of a text.
pub(crate) fn documents(text: &str) -> Vec<YamlNode> {
    read_stream(&Source::new("test.yaml", text), MergeKeys::Keep).expect("valid YAML").documents
}

/// The only document of a text.
pub(crate) fn document(text: &str) -> YamlNode {
    documents(text).into_iter().next().expect("a document")
}

/// What a tree means, whoever wrote it: numbers by value, texts by text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Text(String),
    Number(String),
    Bool(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// The meaning of a tree.
pub(crate) fn meaning(node: &YamlNode) -> Meaning {
    match &node.kind {
        YamlKind::Scalar(scalar) => scalar_meaning(scalar),
        YamlKind::List(items) => Meaning::List(items.iter().map(meaning).collect()),
        YamlKind::Map(map) => Meaning::Map(map.iter().map(|(key, value)| (key.text.clone(), meaning(value))).collect()),
    }
}

fn scalar_meaning(scalar: &Scalar) -> Meaning {
    let text = scalar.text();
    if scalar.blank || scalar.is_null() {
        return Meaning::Null;
    }
    if scalar.style != YamlStyle::Plain || scalar.tag.is_some() {
        return Meaning::Text(text.to_owned());
    }
    match text {
        "true" => Meaning::Bool(true),
        "false" => Meaning::Bool(false),
        ".inf" | "-.inf" | ".nan" => Meaning::Number(text.to_owned()),
        _ if !text.starts_with(|char: char| char.is_ascii_digit() || char == '-') => Meaning::Text(text.to_owned()),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(int), _) => Meaning::Number(int.to_string()),
            (_, Ok(float)) if float.is_finite() => Meaning::Number(float.to_string()),
            _ => Meaning::Text(text.to_owned()),
        },
    }
}
