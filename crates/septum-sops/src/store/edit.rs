//! Changes of single values in the text of YAML and JSON. Everything else stays as it is.

use std::ops::Range;

use super::{ParsedFile, SopsFormat, TextEdit, UnrepresentableValue, flow, go, yaml};
use crate::document::tree::{SopsItem, SopsList, SopsMap, SopsTree};
use septum_base::value_path::{ValuePath, ValuePathStep};
use septum_base::yaml::node::YamlKey;

/// Reason why a value cannot be inserted or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditProblem {
    /// The file is one value without keys.
    NoKeys,
    /// The document index does not exist.
    NoDocument,
    /// The path does not exist.
    Missing,
    /// A step leads into a value without children, or of another kind.
    NotThere,
    /// The key holds the metadata.
    Reserved,
    /// Other values would change with it.
    Entangled,
    /// `<<` merges maps in YAML, and sops refuses a file in which it has another value.
    MergeKey,
    /// The format cannot hold the value.
    Unfit(UnrepresentableValue),
}

impl From<UnrepresentableValue> for EditProblem {
    fn from(unfit: UnrepresentableValue) -> Self {
        Self::Unfit(unfit)
    }
}

/// Path of the edited value.
pub(crate) struct EditPath<'a> {
    /// Document index, from 0.
    pub(crate) document: usize,
    pub(crate) path: &'a ValuePath,
}

/// The key that merges another map.
const MERGE: &str = "<<";

/// A value and its container.
enum FoundValue<'a> {
    InMap(&'a SopsMap, usize),
    InList(&'a SopsList, usize),
    /// The key does not exist, and would be below this one.
    Absent(&'a SopsMap, &'a [ValuePathStep]),
    /// The list ends right before the position.
    Behind(&'a SopsList, &'a [ValuePathStep]),
}

fn find_value<'a>(root: &'a SopsMap, steps: &'a [ValuePathStep]) -> Result<FoundValue<'a>, EditProblem> {
    let mut steps = steps;
    let mut tree: Option<&SopsTree> = None;
    loop {
        let Some((step, rest)) = steps.split_first() else { return Err(EditProblem::NotThere) };
        let (found, next) = match (step, tree) {
            (ValuePathStep::Key(key), None) => in_map(root, key, steps),
            (ValuePathStep::Key(key), Some(SopsTree::Map(map))) => in_map(map, key, steps),
            (ValuePathStep::Index(index), Some(SopsTree::List(list))) => in_list(list, *index, steps)?,
            _ => return Err(EditProblem::NotThere),
        };
        match next {
            Some(next) if !rest.is_empty() => (tree, steps) = (Some(next), rest),
            _ => return Ok(found),
        }
    }
}

fn in_map<'a>(map: &'a SopsMap, key: &str, steps: &'a [ValuePathStep]) -> (FoundValue<'a>, Option<&'a SopsTree>) {
    let at = map.items.iter().position(|item| matches!(item, SopsItem::Value(known, _) if known.text == key));
    match at.and_then(|at| Some((at, map.items.get(at)?))) {
        Some((at, SopsItem::Value(_, value))) => (FoundValue::InMap(map, at), Some(value)),
        _ => (FoundValue::Absent(map, steps), None),
    }
}

fn in_list<'a>(
    list: &'a SopsList,
    index: usize,
    steps: &'a [ValuePathStep],
) -> Result<(FoundValue<'a>, Option<&'a SopsTree>), EditProblem> {
    let mut values = list.items.iter().enumerate().filter(|(_, item)| matches!(item, SopsItem::Value(..)));
    match values.nth(index) {
        Some((at, SopsItem::Value(_, value))) => Ok((FoundValue::InList(list, at), Some(value))),
        _ if index == list.values().count() => Ok((FoundValue::Behind(list, steps), None)),
        _ => Err(EditProblem::Missing),
    }
}

/// Whether a value, or the path to it, has the key `<<`, by which YAML merges maps.
pub(super) fn has_merge_key(steps: &[ValuePathStep], value: &SopsTree) -> bool {
    let in_value = match value {
        SopsTree::Leaf(_) => false,
        SopsTree::List(list) => list.values().any(|value| has_merge_key(&[], value)),
        SopsTree::Map(map) => map.values().any(|(key, value)| key.text == MERGE || has_merge_key(&[], value)),
    };
    in_value || steps.iter().any(|step| matches!(step, ValuePathStep::Key(key) if key == MERGE))
}

/// Sets a value at a path; missing maps are created.
pub(super) fn set_value(
    format: SopsFormat,
    text: &str,
    parsed: &ParsedFile,
    target: &EditPath<'_>,
    value: &SopsTree,
) -> Result<Vec<TextEdit>, EditProblem> {
    let root = parsed.document.branches.get(target.document).ok_or(EditProblem::NoDocument)?;
    if format == SopsFormat::Yaml && has_merge_key(target.path.steps(), value) {
        return Err(EditProblem::MergeKey);
    }
    let editor = ValueEditor { format, text, parsed, document: target.document };
    let change = match find_value(root, target.path.steps())? {
        FoundValue::InMap(map, at) => match map.items.get(at) {
            Some(SopsItem::Value(key, old)) => {
                editor.replace_value(old, key.span.end, is_flow(text, map.span.start), value)?
            }
            _ => return Err(EditProblem::Missing),
        },
        FoundValue::InList(list, at) => match list.items.get(at) {
            Some(SopsItem::Value(_, old)) => {
                editor.replace_value(old, old.span().start, is_flow(text, list.span.start), value)?
            }
            _ => return Err(EditProblem::Missing),
        },
        FoundValue::Absent(map, [ValuePathStep::Key(key), rest @ ..]) => {
            editor.add_entry(map, key, &wrap_in_maps(rest, value)?)?
        }
        FoundValue::Behind(list, [_, rest @ ..]) => editor.append_item(list, &wrap_in_maps(rest, value)?)?,
        FoundValue::Absent(..) | FoundValue::Behind(..) => return Err(EditProblem::NotThere),
    };
    Ok(vec![change])
}

/// The value below maps for the remaining steps; only keys can be created.
pub(super) fn wrap_in_maps(steps: &[ValuePathStep], value: &SopsTree) -> Result<SopsTree, EditProblem> {
    steps.iter().rev().try_fold(copy_tree(value), |tree, step| match step {
        ValuePathStep::Key(key) => {
            let mut map = SopsMap::default();
            map.put_value(key, tree);
            Ok(SopsTree::Map(map))
        }
        ValuePathStep::Index(0) => Ok(SopsTree::from_list(vec![tree])),
        ValuePathStep::Index(_) => Err(EditProblem::Missing),
    })
}

pub(super) fn copy_tree(tree: &SopsTree) -> SopsTree {
    match tree {
        SopsTree::Leaf(leaf) => SopsTree::of(leaf.value.clone()),
        SopsTree::List(list) => SopsTree::from_list(list.values().map(copy_tree).collect()),
        SopsTree::Map(map) => {
            let items = map.values().map(|(key, value)| SopsItem::Value(key.clone(), copy_tree(value)));
            SopsTree::Map(SopsMap { items: items.collect(), span: map.span })
        }
    }
}

fn is_flow(text: &str, start: usize) -> bool {
    text.get(start..).is_some_and(|rest| rest.starts_with(['{', '[']))
}

struct ValueEditor<'a> {
    format: SopsFormat,
    text: &'a str,
    parsed: &'a ParsedFile,
    document: usize,
}

impl ValueEditor<'_> {
    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Offset after the line break of the line of `at`.
    fn line_end(&self, at: usize) -> usize {
        self.slice(at..self.text.len()).find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    fn replace_value(
        &self,
        old: &SopsTree,
        key_end: usize,
        flow: bool,
        new: &SopsTree,
    ) -> Result<TextEdit, EditProblem> {
        if let (SopsTree::Leaf(old), SopsTree::Leaf(new)) = (old, new) {
            let written = self.format.write_leaf(&new.value, old.site)?;
            let span = old.site.span;
            // `key:` without a value on its line
            let blank = span.start == span.end && !self.slice(0..span.start).ends_with([' ', '\n', '[', '{']);
            return Ok(TextEdit::new(
                span.start..span.end,
                format!("{}{}", if blank { " " } else { "" }, written.as_str()),
            ));
        }
        let span = old.span();
        let level = self.slice(self.line_start(span.start)..span.start).bytes().take_while(|b| *b == b'\t').count();
        let written = self.format.write_inline(new, level)?;
        if flow || is_flow(self.text, span.start) || matches!(old, SopsTree::Leaf(_)) {
            let blank = if self.slice(0..span.start).ends_with(':') { " " } else { "" };
            return Ok(TextEdit::new(span.start..span.end, format!("{blank}{}", written.as_str())));
        }
        // a block is removed with the line break before it, up to the `:` of its key
        let colon = self.slice(key_end..span.start).find(':').map_or(span.start, |colon| key_end + colon + 1);
        let (start, blank) = if colon < span.start { (colon, " ") } else { (span.start, "") };
        Ok(TextEdit::new(start..span.end, format!("{blank}{}", written.as_str())))
    }

    fn add_entry(&self, map: &SopsMap, key: &str, value: &SopsTree) -> Result<TextEdit, EditProblem> {
        let last = map.values().next_back().map(|(key, value)| (key, value.span().end.max(key.span.end)));
        let is_root = self.parsed.document.branches.get(self.document).is_some_and(|root| std::ptr::eq(root, map));
        let block = self.parsed.blocks.get(self.document).and_then(Option::as_ref).filter(|_| is_root);
        if self.format == SopsFormat::Json || is_flow(self.text, map.span.start) && !map.values().all(|_| false) {
            return self.add_in_brackets(map, key, value, block.map(|block| block.key.start));
        }
        if is_flow(self.text, map.span.start) && !is_root {
            return self.add_in_brackets(map, key, value, None);
        }
        let mut new = SopsMap::default();
        new.put_value(key, copy_tree(value));
        let indent = map.values().next().map_or(0, |(key, _)| key.span.column.saturating_sub(1));
        let lines = yaml::emit_lines(&new, indent);
        let at = match (last, block) {
            (Some((_, end)), _) => self.end_of_value(end),
            (None, Some(block)) => self.line_start(block.key.start),
            (None, None) => self.parsed.ends.get(self.document).copied().unwrap_or(self.text.len()),
        };
        Ok(self.lines_at(at, &lines))
    }

    /// Offset for a line that follows the value that ends here: also after the blank lines that are part of a block.
    fn end_of_value(&self, end: usize) -> usize {
        self.line_end(end)
    }

    /// Whole lines, with a line break before them if the text ends without one.
    fn lines_at(&self, at: usize, lines: &str) -> TextEdit {
        let missing = at > 0 && !self.slice(0..at).ends_with('\n');
        let lines = if self.text.contains("\r\n") { lines.replace('\n', "\r\n") } else { lines.to_owned() };
        TextEdit::new(at..at, format!("{}{lines}", if missing { "\n" } else { "" }))
    }

    /// `block` is the start of the metadata's key, if the map contains it.
    fn add_in_brackets(
        &self,
        map: &SopsMap,
        key: &str,
        value: &SopsTree,
        block: Option<usize>,
    ) -> Result<TextEdit, EditProblem> {
        let first = map.values().next().map(|(key, _)| key.span.start).or(block);
        let lead = first.map_or("", |first| self.slice(map.span.start + 1..first));
        let level = lead.bytes().filter(|byte| *byte == b'\t').count();
        let mut entry = String::new();
        match self.format {
            SopsFormat::Yaml => flow::push_key(&mut entry, key),
            _ => go::push_json(&mut entry, key),
        }
        entry.push_str(": ");
        entry.push_str(&self.format.write_inline(value, level)?);
        Ok(match (map.values().next_back(), block) {
            (Some((_, last)), _) => {
                let lead = if lead.is_empty() { " " } else { lead };
                let end = last.span().end;
                TextEdit::new(end..end, format!(",{lead}{entry}"))
            }
            (None, Some(block)) => TextEdit::new(block..block, format!("{entry},{lead}")),
            (None, None) => TextEdit::new(map.span.start + 1..map.span.start + 1, entry),
        })
    }

    fn append_item(&self, list: &SopsList, value: &SopsTree) -> Result<TextEdit, EditProblem> {
        let last = list.values().next_back();
        let level =
            self.slice(self.line_start(list.span.start)..list.span.start).bytes().take_while(|b| *b == b'\t').count();
        let Some(last) = last.filter(|_| !is_flow(self.text, list.span.start)) else {
            let start = list.span.start + 1;
            let lead = list.values().next().map_or("", |first| self.slice(start..first.span().start));
            let written = self.format.write_inline(value, level + 1)?;
            let (at, comma) = last.map_or((start, ""), |last| (last.span().end, ","));
            let lead = if lead.is_empty() && last.is_some() { " " } else { lead };
            return Ok(TextEdit::new(at..at, format!("{comma}{lead}{}", written.as_str())));
        };
        let written = self.format.write_inline(value, 0)?;
        let line = format!("{:indent$}- {}\n", "", written.as_str(), indent = list.span.column.saturating_sub(1));
        Ok(self.lines_at(self.end_of_value(last.span().end), &line))
    }
}

/// Removes the value at a path.
pub(super) fn unset_value(
    text: &str,
    parsed: &ParsedFile,
    target: &EditPath<'_>,
) -> Result<Vec<TextEdit>, EditProblem> {
    let root = parsed.document.branches.get(target.document).ok_or(EditProblem::NoDocument)?;
    let editor = ValueEditor { format: SopsFormat::Yaml, text, parsed, document: target.document };
    let change = match find_value(root, target.path.steps())? {
        FoundValue::InMap(map, at) => {
            let is_root = std::ptr::eq(root, map);
            let spans = map.items.iter().enumerate().filter_map(|(index, item)| match item {
                SopsItem::Value(key, value) => Some((index == at, key.span.start, entry_end(key, value))),
                SopsItem::Comment(_) => None,
            });
            let block = parsed.blocks.get(target.document).and_then(Option::as_ref).filter(|_| is_root);
            editor.cut_parts(&spans.collect::<Vec<_>>(), map.span.start, block.map(|block| block.key.start), "{}")
        }
        FoundValue::InList(list, at) => {
            let spans = list.items.iter().enumerate().filter_map(|(index, item)| match item {
                SopsItem::Value(position, value) => {
                    Some((index == at, position.start, value.span().end.max(position.start + 1)))
                }
                SopsItem::Comment(_) => None,
            });
            editor.cut_parts(&spans.collect::<Vec<_>>(), list.span.start, None, "[]")
        }
        FoundValue::Absent(..) | FoundValue::Behind(..) => return Err(EditProblem::Missing),
    };
    Ok(vec![change])
}

fn entry_end(key: &YamlKey, value: &SopsTree) -> usize {
    value.span().end.max(key.span.end)
}

impl ValueEditor<'_> {
    /// Removes one of several items: with its line if it has one, else up to its neighbour.
    fn cut_parts(
        &self,
        parts: &[(bool, usize, usize)],
        container: usize,
        block: Option<usize>,
        empty: &str,
    ) -> TextEdit {
        let at = parts.iter().position(|(wanted, _, _)| *wanted).unwrap_or_default();
        let (_, start, end) = parts.get(at).copied().unwrap_or_default();
        let next = parts.get(at + 1).map(|(_, start, _)| *start).or(block);
        let before = at.checked_sub(1).and_then(|at| parts.get(at)).map(|(_, _, end)| *end);
        if is_flow(self.text, container) {
            return match (before, next) {
                (Some(before), _) => TextEdit::new(before..end, ""),
                (None, Some(next)) => TextEdit::new(start..next, ""),
                (None, None) => TextEdit::new(start..end, ""),
            };
        }
        // text behind the value on its line is a comment on it
        let line = self.line_start(start);
        let alone = self.slice(line..start).trim().is_empty();
        match (before, next) {
            (None, None) => TextEdit::new(start..end, empty),
            (None, Some(next)) if !alone => TextEdit::new(start..next, ""),
            _ => TextEdit::new(line..self.line_end(end.max(start)), ""),
        }
    }
}
