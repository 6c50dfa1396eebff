//! Subject of a place in a document: the key or the variable that it names.

use std::collections::BTreeSet;
use std::ops::Range;

use super::focus::DocumentFocus;
use crate::files::FileKind;
use crate::name::EntryId;
use crate::rename::{find_mentions, find_naming_files};
use crate::sort::CollectSorted;
use crate::span::{Location, Source};
use crate::template_tokens::{is_template, lex_template};
use crate::yaml::node::{Mapping, YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_stream};

/// Key or variable that a place names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NamedSubject {
    /// An entry.
    Entry(EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
}

/// Finds what an offset in a document names, and the range of the name.
pub(super) fn find_subject(
    focus: &DocumentFocus<'_>,
    text: &str,
    offset: usize,
) -> Option<(NamedSubject, Range<usize>)> {
    let name = focus.name();
    let contains = |range: &Range<usize>| range.start <= offset && offset <= range.end;
    let files = &focus.project().files;
    for id in keys_at(focus, text, offset) {
        let mentions = find_mentions(files, focus.survey, &id, Some(&name));
        let ranges = mentions.iter().map(|mention| name_range(&mention.place, id.key.as_str()));
        if let Some(range) = ranges.into_iter().find(contains) {
            return Some((NamedSubject::Entry(id), range));
        }
    }
    let source = files.read_text(FileKind::Layer, focus.path).ok()?;
    let (path, range) = variable_mentions(&source).into_iter().find(|(_, range)| contains(range))?;
    Some((NamedSubject::Variable(path), range))
}

/// Entries whose key is at an offset, whatever it is there.
fn keys_at(focus: &DocumentFocus<'_>, text: &str, offset: usize) -> BTreeSet<EntryId> {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let end = text.get(offset..).and_then(|after| after.find('\n')).map_or(text.len(), |length| offset + length);
    let line = text.get(start..end).unwrap_or_default();
    let column = offset - start;
    let is_there = |key: &str| line.match_indices(key).any(|(at, _)| at <= column && column <= at + key.len());
    let ids = focus.survey.environments.iter().flat_map(|resolved| resolved.definition.entries().map(|(id, ..)| id));
    ids.filter(|id| is_there(id.key.as_str())).collect_set()
}

/// The range of a key in a mention of it, which may have quotes, a dot or brackets.
pub(super) fn name_range(place: &Location, key: &str) -> Range<usize> {
    let span = place.span;
    let written = place.source.text().get(span.start..span.end).unwrap_or_default();
    match written.find(key) {
        Some(at) => span.start + at..span.start + at + key.len(),
        None => span.start..span.end,
    }
}

/// Places in all files of an app that name a variable.
pub(super) fn find_variable_mentions(focus: &DocumentFocus<'_>, path: &str) -> Vec<Location> {
    let mut found = Vec::new();
    for source in find_naming_files(&focus.project().files, focus.survey) {
        let ranges = variable_mentions(&source).into_iter().filter(|(known, _)| known == path);
        found.extend(ranges.map(|(_, range)| source.place(source.locate(range.start, range.end))));
    }
    found
}

/// All names of variables in a file, with their paths: keys of `vars`, and reads of templates.
fn variable_mentions(source: &Source) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    match read_stream(source, MergeKeys::Keep) {
        Ok(stream) => {
            for document in &stream.documents {
                let vars = document.as_map().and_then(|fields| fields.get("vars")).and_then(YamlNode::as_map);
                if let Some(vars) = vars {
                    push_keys(vars, "", &mut found);
                }
                push_reads(document, source, &mut found);
            }
        }
        // a template of another format
        Err(_) => push_template(source.text(), 0, &mut found),
    }
    found
}

fn push_keys(map: &Mapping, above: &str, found: &mut Vec<(String, Range<usize>)>) {
    for (key, node) in map {
        let path = if above.is_empty() { key.text.clone() } else { format!("{above}.{}", key.text) };
        found.push((path.clone(), key.span.start..key.span.end));
        if let Some(map) = node.as_map() {
            push_keys(map, &path, found);
        }
    }
}

fn push_reads(node: &YamlNode, source: &Source, found: &mut Vec<(String, Range<usize>)>) {
    match &node.kind {
        YamlKind::Scalar(scalar) if is_template(scalar.text()) => {
            let written = source.text().get(node.span.start..node.span.end).unwrap_or_default();
            push_template(written, node.span.start, found);
        }
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().for_each(|item| push_reads(item, source, found)),
        YamlKind::Map(map) => map.values().for_each(|node| push_reads(node, source, found)),
    }
}

/// The reads of a template that begins at an offset: of `vars.a.b`, both `a` and `a.b`.
fn push_template(template: &str, start: usize, found: &mut Vec<(String, Range<usize>)>) {
    for path in lex_template(template).value_paths().into_iter().filter(|path| path.root == "vars") {
        let mut name = String::new();
        for step in &path.steps {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&step.key);
            let written = template.get(step.range.clone()).unwrap_or_default();
            let at = start + step.range.start + written.find(&step.key).unwrap_or_default();
            found.push((name.clone(), at..at + step.key.len()));
        }
    }
}
