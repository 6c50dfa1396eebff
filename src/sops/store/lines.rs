//! Changes of single values in the text of formats that have one on each line: dotenv and INI.

use super::{Change, EditProblem, Format, Parsed, Target, Unfit};
use crate::sops::document::{Item, Leaf, Map, Tree};
use crate::sops::path::Step;
use crate::yaml::node::Key;

/// Puts a text at a key, on its line or on a new one.
pub(super) fn set(
    format: Format,
    text: &str,
    parsed: &Parsed,
    target: &Target<'_>,
    value: &Tree,
) -> Result<Vec<Change>, EditProblem> {
    let Tree::Leaf(new) = value else { return Err(Unfit::Nested.into()) };
    let written = format.leaf(&new.value, new.site)?;
    let (section, key, map) = locate(format, parsed, target)?;
    if let Some((_, old)) = map.and_then(|map| entry(map, key)) {
        let span = old.site.span;
        return Ok(vec![Change::new(span.start..span.end, written.as_str())]);
    }
    if !is_key(key) {
        return Err(Unfit::Characters.into());
    }
    let sign = if format == Format::Ini { " = " } else { "=" };
    let line = format!("{key}{sign}{}\n", written.as_str());
    let last = map.and_then(|map| leaves(map).last());
    let at = last.map_or_else(|| end(parsed), |(_, leaf)| line_end(text, leaf.site.span.end));
    let header = match (section, map) {
        (Some(section), None) => format!("\n[{section}]\n"),
        _ => String::new(),
    };
    let missing = at > 0 && !text.get(..at).is_some_and(|before| before.ends_with('\n'));
    let line = format!("{}{header}{line}", if missing { "\n" } else { "" });
    Ok(vec![Change::new(at..at, line)])
}

/// Takes a line out.
pub(super) fn unset(
    format: Format,
    text: &str,
    parsed: &Parsed,
    target: &Target<'_>,
) -> Result<Vec<Change>, EditProblem> {
    let (_, key, map) = locate(format, parsed, target)?;
    let (key, leaf) = map.and_then(|map| entry(map, key)).ok_or(EditProblem::Missing)?;
    let start = text.get(..key.span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    Ok(vec![Change::new(start..line_end(text, leaf.site.span.end), "")])
}

/// The section, the key and the map that the key is in, or would be.
fn locate<'a>(
    format: Format,
    parsed: &'a Parsed,
    target: &'a Target<'_>,
) -> Result<(Option<&'a str>, &'a str, Option<&'a Map>), EditProblem> {
    let root = parsed.document.branches.get(target.document).ok_or(EditProblem::NoDocument)?;
    match (format, target.path.steps()) {
        (Format::Dotenv, [Step::Key(key)]) => Ok((None, key, Some(root))),
        (Format::Ini, [Step::Key(section), Step::Key(key)]) => {
            let map = root.get(section).and_then(|tree| if let Tree::Map(map) = tree { Some(map) } else { None });
            Ok((Some(section), key, map))
        }
        _ => Err(EditProblem::NotThere),
    }
}

fn leaves(map: &Map) -> impl Iterator<Item = (&Key, &Leaf)> {
    map.items.iter().filter_map(|item| match item {
        Item::Value(key, Tree::Leaf(leaf)) => Some((key, leaf)),
        _ => None,
    })
}

fn entry<'a>(map: &'a Map, name: &str) -> Option<(&'a Key, &'a Leaf)> {
    leaves(map).find(|(key, _)| key.text == name)
}

/// Before the metadata, or at the end.
fn end(parsed: &Parsed) -> usize {
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
