//! Outline of a document: its fields, keys, and parts.

use super::documents::OpenDocument;
use super::position::{ColumnUnit, PositionMap};
use super::protocol::{DocumentSymbol, SymbolKind};
use crate::span::Source;
use crate::yaml::node::{Mapping, YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_stream};

/// Depth of the outline: `bundles`, a bundle, `data`, a key.
const DEPTH: usize = 4;

/// The outline of a document, if it can be read.
pub(super) fn outline_document(document: &OpenDocument, unit: ColumnUnit) -> Vec<DocumentSymbol> {
    let source = Source::new("", &*document.text);
    let Ok(stream) = read_stream(&source, MergeKeys::Keep) else { return Vec::new() };
    let map = PositionMap::new(&document.text, unit);
    let fields = stream.documents.iter().filter_map(YamlNode::as_map);
    fields.flat_map(|fields| outline_mapping(fields, &map, DEPTH)).collect()
}

fn outline_mapping(fields: &Mapping, map: &PositionMap<'_>, depth: usize) -> Vec<DocumentSymbol> {
    let symbol = |(key, node): (&crate::yaml::node::YamlKey, &YamlNode)| {
        let children = match &node.kind {
            // the fields of an entry are no part of the outline
            YamlKind::Map(inner) if depth > 1 && !is_entry(inner) => outline_mapping(inner, map, depth - 1),
            _ => Vec::new(),
        };
        let kind = match node.kind {
            YamlKind::Map(_) if depth == DEPTH => SymbolKind::NAMESPACE,
            YamlKind::Map(_) => SymbolKind::OBJECT,
            YamlKind::List(_) => SymbolKind::ARRAY,
            YamlKind::Scalar(_) => SymbolKind::KEY,
        };
        let end = node.span.end.max(key.span.end);
        DocumentSymbol {
            // an editor refuses an empty name
            name: if key.text.is_empty() { "\"\"".to_owned() } else { key.text.clone() },
            kind,
            range: map.range(key.span.start..end),
            selection_range: map.range(key.span.start..key.span.end),
            children,
        }
    };
    fields.iter().map(symbol).collect()
}

fn is_entry(fields: &Mapping) -> bool {
    ["value", "file", "template", "content", "ref", "sensitive", "required"]
        .iter()
        .any(|name| fields.contains_key(*name))
}
