//! Changes of single values in the text of formats that have one on each line: dotenv and INI.

use super::{EditPath, EditProblem, ParsedFile, SopsFormat, TextEdit, UnrepresentableValue};
use crate::document::tree::{Leaf, SopsItem, SopsMap, SopsTree};
use septum_base::value_path::ValuePathStep;
use septum_base::yaml::node::YamlKey;

/// Sets a text at a key, on its line or on a new one.
pub(super) fn set_value(
    format: SopsFormat,
    text: &str,
    parsed: &ParsedFile,
    target: &EditPath<'_>,
    value: &SopsTree,
) -> Result<Vec<TextEdit>, EditProblem> {
    let SopsTree::Leaf(new) = value else { return Err(UnrepresentableValue::Nested.into()) };
    let written = format.write_leaf(&new.value, new.site)?;
    let (section, key, map) = locate_entry(format, parsed, target)?;
    if let Some((_, old)) = map.and_then(|map| find_entry(map, key)) {
        let span = old.site.span;
        return Ok(vec![TextEdit::new(span.start..span.end, written.as_str())]);
    }
    if !is_key(key) {
        return Err(UnrepresentableValue::Characters.into());
    }
    let sign = if format == SopsFormat::Ini { " = " } else { "=" };
    let line = format!("{key}{sign}{}\n", written.as_str());
    let last = map.and_then(|map| iter_leaves(map).last());
    let at = match (last, section, map) {
        (Some((_, leaf)), ..) => line_end(text, leaf.site.span.end),
        // a section without keys is its header, or what is above all headers
        (None, Some(_), Some(map)) if map.span.end > 0 => line_end(text, map.span.end),
        (None, Some(_), Some(_)) => 0,
        _ => end_of_content(parsed),
    };
    let header = match (section, map) {
        (Some(section), None) => format!("\n[{section}]\n"),
        _ => String::new(),
    };
    let line = if at == 0 && section.is_some() { line + "\n" } else { line };
    let missing = at > 0 && !text.get(..at).is_some_and(|before| before.ends_with('\n'));
    let line = format!("{}{header}{line}", if missing { "\n" } else { "" });
    Ok(vec![TextEdit::new(at..at, line)])
}

/// Removes a line.
pub(super) fn unset_value(
    format: SopsFormat,
    text: &str,
    parsed: &ParsedFile,
    target: &EditPath<'_>,
) -> Result<Vec<TextEdit>, EditProblem> {
    let (_, key, map) = locate_entry(format, parsed, target)?;
    let (key, leaf) = map.and_then(|map| find_entry(map, key)).ok_or(EditProblem::Missing)?;
    let start = text.get(..key.span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    Ok(vec![TextEdit::new(start..line_end(text, leaf.site.span.end), "")])
}

/// The section, the key and the map that the key is in, or would be.
fn locate_entry<'a>(
    format: SopsFormat,
    parsed: &'a ParsedFile,
    target: &'a EditPath<'_>,
) -> Result<(Option<&'a str>, &'a str, Option<&'a SopsMap>), EditProblem> {
    let root = parsed.document.branches.get(target.document).ok_or(EditProblem::NoDocument)?;
    match (format, target.path.steps()) {
        (SopsFormat::Dotenv, [ValuePathStep::Key(key)]) => Ok((None, key, Some(root))),
        (SopsFormat::Ini, [ValuePathStep::Key(section), ValuePathStep::Key(key)]) => {
            let map = root.get(section).and_then(|tree| if let SopsTree::Map(map) = tree { Some(map) } else { None });
            Ok((Some(section), key, map))
        }
        _ => Err(EditProblem::NotThere),
    }
}

fn iter_leaves(map: &SopsMap) -> impl Iterator<Item = (&YamlKey, &Leaf)> {
    map.items.iter().filter_map(|item| match item {
        SopsItem::Value(key, SopsTree::Leaf(leaf)) => Some((key, leaf)),
        _ => None,
    })
}

fn find_entry<'a>(map: &'a SopsMap, name: &str) -> Option<(&'a YamlKey, &'a Leaf)> {
    iter_leaves(map).find(|(key, _)| key.text == name)
}

/// Before the metadata, or at the end.
fn end_of_content(parsed: &ParsedFile) -> usize {
    let block = parsed.blocks.first().and_then(Option::as_ref).map(|block| block.whole.start);
    block.or_else(|| parsed.ends.first().copied()).unwrap_or_default()
}

fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.find('\n').map_or(rest.len(), |newline| newline + 1)
}

/// Whether a new key can be written on a line of its own.
fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(['=', '\n', '\r', '#', ';', ':', '[', '"', '\'', '`']) && key.trim() == key
}
