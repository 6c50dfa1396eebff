//! Objects of a template that failed, as far as they are known: all that its text says beside its expressions.

use std::sync::Arc;

use super::Lineage;
use super::manifest_document::{ManifestDocument, TemplatePart};
use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};
use crate::map::IndexMap;
use crate::span::Source;
use crate::template_tokens::{TagKind, lex_template};
use crate::visibility::Visibility;
use crate::yaml::read::{MergeKeys, read_stream};

/// Word in the place of an expression.
const PLACEHOLDER: &str = "septum0unknown0text";

/// Documents of a template that failed, with unknown texts in the places of its expressions. `None` if it has
/// statements, which decide what objects there are, or if an expression gives more than a text.
pub(super) fn outline_documents(file: &Source) -> Option<Vec<ManifestDocument>> {
    let text = file.text();
    let lexed = lex_template(text);
    let are_expressions = lexed.tags.iter().all(|tag| tag.kind == TagKind::Expression && tag.is_closed);
    if !lexed.is_complete || !are_expressions || text.contains("{#") {
        return None;
    }
    let (mut outlined, mut from) = (String::with_capacity(text.len()), 0);
    for tag in &lexed.tags {
        outlined.push_str(text.get(from..tag.range.start)?);
        outlined.push_str(PLACEHOLDER);
        from = tag.range.end;
    }
    outlined.push_str(text.get(from..)?);
    // as the output is called
    let source = Source::new(format!("{} (rendered)", file.name()), outlined.trim_start_matches('\n'));
    let stream = read_stream(&source, MergeKeys::Apply).ok()?;
    let documents = stream.documents.into_iter().map(|document| {
        let mut parts = Vec::new();
        let tree = with_unknown(Tree::from_node(document, &source), "", &mut parts)?;
        Some(ManifestDocument { tree, parts, is_absent: false, overlay: 0 })
    });
    documents.collect()
}

/// Tree with the texts unknown that contain a placeholder; `None` if a key does.
fn with_unknown(tree: Tree, path: &str, parts: &mut Vec<TemplatePart>) -> Option<Tree> {
    let Tree { place, kind } = tree;
    let kind = match kind {
        TreeKind::Leaf(scalar) if scalar.text().contains(PLACEHOLDER) => {
            parts.push(TemplatePart {
                path: path.to_owned(),
                place: place.clone(),
                lineage: Lineage::default(),
                visibility: Visibility::Unknown,
                text: None,
            });
            TreeKind::Leaf(Arc::new(scalar.to_locked()))
        }
        TreeKind::Leaf(scalar) => TreeKind::Leaf(scalar),
        TreeKind::List(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| with_unknown(item, &format!("{path}[{index}]"), parts));
            TreeKind::List(items.collect::<Option<_>>()?)
        }
        TreeKind::Map(map) => {
            let pairs = map.into_iter().map(|(key, value)| {
                let value = with_unknown(value, &join_path(path, &key), parts)?;
                (!key.contains(PLACEHOLDER)).then_some((key, value))
            });
            TreeKind::Map(pairs.collect::<Option<IndexMap<_, _>>>()?)
        }
    };
    Some(Tree { place, kind })
}
