//! dotenv, as far as sops has it: lines of `KEY=value`, where quotes and blanks are part of the value
//! (format, section 1.11).

use zeroize::Zeroizing;

use super::{Block, Parsed, Unfit, flat};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::document::{Comment, Document, Item, Leaf, Map, Site, Tree};
use crate::sops::scalar::Value;
use crate::sops::text_bytes::TextBytes;
use crate::span::{Source, Span};
use crate::yaml::node::Key;

/// What the names of the metadata start with.
const PREFIX: &str = "sops_";

/// Reads a text line by line.
pub(super) fn parse(source: &Source) -> Result<Parsed, Diagnostics> {
    let text = source.text();
    let mut root = Map { items: Vec::new(), span: Span { end: text.len(), line: 1, column: 1, start: 0 } };
    let mut metadata: Vec<(Key, Leaf)> = Vec::new();
    let mut found = Diagnostics::new();
    let (mut at, mut block_end) = (0, 0);
    let is_converted = is_converted(text);
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = if is_converted { line.strip_suffix('\r').unwrap_or(line) } else { line };
        let span = Span { start: at, end: at + line.len(), line: number + 1, column: 1 };
        at += whole.len();
        if line.trim_end_matches('\r').is_empty() {
            continue;
        }
        match entry(source, line, span) {
            Some(Entry::Comment(comment)) => root.items.push(Item::Comment(comment)),
            Some(Entry::Value(key, leaf)) if key.text.starts_with(PREFIX) => {
                block_end = at;
                metadata.push((key, leaf));
            }
            Some(Entry::Value(key, leaf)) => root.items.push(Item::Value(key, Tree::Leaf(leaf))),
            None => found.push(
                Diagnostic::error("dotenv-syntax", "expected `KEY=value` or a comment")
                    .at_hidden(source.place(span))
                    .hint("write a line break in a value as `\\n`"),
            ),
        }
    }
    let block = block(metadata, block_end, source, &mut found);
    if found.has_errors() {
        return Err(found);
    }
    // what stands between the metadata would go with them
    let is_inside = |at: usize| block.as_ref().is_some_and(|block| block.whole.contains(&at));
    let in_place = !root.items.iter().any(|item| is_inside(start(item)));
    let document = Document { branches: vec![root] };
    Ok(Parsed { document, blocks: vec![block], ends: vec![text.len()], in_place })
}

/// Whether an encrypted file got CRLF after it was written, as Git does it: its metadata have it too. Any other CR
/// is a part of a value, as in sops.
fn is_converted(text: &str) -> bool {
    let mut metadata = text.split_inclusive('\n').filter(|line| line.starts_with(PREFIX)).peekable();
    metadata.peek().is_some() && metadata.all(|line| line.ends_with("\r\n") || !line.ends_with('\n'))
}

/// Whether all lines of a plaintext end with CRLF, so that it is how they end and no part of their values.
pub(in crate::sops) fn has_returns(text: &str) -> bool {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).peekable();
    lines.peek().is_some() && lines.all(|line| line.ends_with("\r\n"))
}

fn start(item: &Item<Key>) -> usize {
    match item {
        Item::Comment(comment) => comment.site.span.start,
        Item::Value(key, _) => key.span.start,
    }
}

enum Entry {
    Comment(Comment),
    Value(Key, Leaf),
}

fn entry(source: &Source, line: &str, span: Span) -> Option<Entry> {
    if let Some(text) = line.strip_prefix('#') {
        let site = Site { span, ..Site::default() };
        return Some(Entry::Comment(Comment {
            text: Zeroizing::new(text.to_owned()),
            site,
            inline: false,
            as_item: false,
        }));
    }
    let (name, value) = line.split_once('=')?;
    let key = Key { text: name.to_owned(), span: Span { end: span.start + name.len(), ..span } };
    let start = span.start + name.len() + 1;
    let site = Site { span: Span { start, column: name.chars().count() + 2, ..span }, ..Site::default() };
    let value = if value.contains("\\n") {
        value.replace("\\n", "\n").into_bytes().into()
    } else {
        TextBytes::read(source, start, value)
    };
    let value = Value::Text(value);
    Some(Entry::Value(key, Leaf::new(value, site)))
}

/// The metadata, which stand on consecutive lines unless somebody moved them.
fn block(lines: Vec<(Key, Leaf)>, end: usize, source: &Source, found: &mut Diagnostics) -> Option<Block> {
    let key = lines.first().map(|(key, _)| key.span)?;
    let named = lines.into_iter().map(|(key, leaf)| {
        let name = key.text.strip_prefix(PREFIX).unwrap_or_default().to_owned();
        (name, Tree::Leaf(leaf))
    });
    let Some(fields) = flat::unflatten(named.collect()) else {
        found.push(
            Diagnostic::error("sops-metadata", "the lines `sops_…` contradict each other, or some are missing")
                .at(source.place(key))
                .hint("restore them from Git"),
        );
        return None;
    };
    Some(Block { fields, key, whole: key.start..end })
}

/// A value on its line.
pub(super) fn leaf(value: &Value) -> Result<Zeroizing<String>, Unfit> {
    let text = match value {
        Value::Null | Value::Comment => String::new(),
        Value::Bool(bool) => bool.to_string(),
        Value::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotUtf8)?;
            // a backslash before an `n` would come back as a line break
            if text.contains("\\n") {
                return Err(Unfit::Characters);
            }
            return Ok(Zeroizing::new(text.replace('\n', "\\n")));
        }
        other => String::from_utf8_lossy(&other.bytes().unwrap_or_default()).into_owned(),
    };
    Ok(Zeroizing::new(text))
}

/// All lines.
pub(super) fn emit(document: &Document) -> Result<Zeroizing<String>, Unfit> {
    let [branch] = document.branches.as_slice() else { return Err(Unfit::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    for item in &branch.items {
        match item {
            Item::Comment(comment) => push(&mut out, &["#", &comment.text]),
            Item::Value(key, Tree::Leaf(value)) => {
                if key.text.contains(['=', '\n']) || key.text.starts_with('#') {
                    return Err(Unfit::Characters);
                }
                push(&mut out, &[&key.text, "=", &leaf(&value.value)?]);
            }
            Item::Value(..) => return Err(Unfit::Nested),
        }
    }
    Ok(out)
}

fn push(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
    out.push('\n');
}

/// The metadata as lines.
pub(super) fn block_lines(fields: &Map) -> String {
    flat::flatten(fields).into_iter().fold(String::new(), |mut out, (name, text)| {
        push(&mut out, &[PREFIX, &name, "=", &text.replace('\n', "\\n")]);
        out
    })
}

/// The metadata, to be put at `end`.
pub(super) fn block_at(fields: &Map, text: &str, end: usize) -> String {
    let before = text.get(..end).unwrap_or_default();
    let missing = !before.is_empty() && !before.ends_with('\n');
    format!("{}{}", if missing { "\n" } else { "" }, block_lines(fields))
}
