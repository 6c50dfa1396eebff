//! dotenv, to the extent of sops: lines of `KEY=value`, where quotes and blanks are part of the value (format,
//! section 1.11).

use zeroize::Zeroizing;

use super::{MetadataBlock, ParsedFile, UnrepresentableValue, flat};
use crate::BLOCK;
use crate::document::scalar::TypedValue;
use crate::document::text_bytes::TextBytes;
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsItem, SopsMap, SopsTree, ValueSite};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::span::{Location, Source, Span};
use septum_base::yaml::node::YamlKey;

/// Few lines of an encrypted file are shorter.
const SHORT: usize = 32;

/// Prefix of the names of the metadata.
const PREFIX: &str = "sops_";

/// Reads a text line by line.
pub(super) fn parse(source: &Source) -> Result<ParsedFile, Diagnostics> {
    let text = source.text();
    // of its size at once: what grows needs the memory twice
    let count = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let items = Vec::with_capacity(count.min(text.len() / SHORT));
    let mut root = SopsMap { items, span: Span { end: text.len(), line: 1, column: 1, start: 0 } };
    let mut metadata: Vec<(YamlKey, Leaf)> = Vec::new();
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
        match parse_line(source, line, span) {
            Some(DotenvLine::Comment(comment)) => root.items.push(SopsItem::Comment(comment)),
            Some(DotenvLine::Value(key, leaf)) if key.text.starts_with(PREFIX) => {
                block_end = at;
                metadata.push((key, leaf));
            }
            Some(DotenvLine::Value(key, leaf)) => root.items.push(SopsItem::Value(key, SopsTree::Leaf(leaf))),
            None => found.push(
                Diagnostic::error(Rule::DotenvSyntax, "expected `KEY=value` or a comment")
                    .at_masked(source.place(span))
                    .hint("write a line break in a value as `\\n`"),
            ),
        }
    }
    let block = read_block(metadata, block_end, source, &mut found);
    if block.is_some() {
        let reserved = root.values().filter(|(key, _)| key.text == BLOCK);
        found.extend(reserved.map(|(key, _)| reserved_key(source.place(key.span))));
    }
    if found.has_errors() {
        return Err(found);
    }
    // lines between the metadata would be removed with them
    let is_inside = |at: usize| block.as_ref().is_some_and(|block| block.whole.contains(&at));
    let in_place = !root.items.iter().any(|item| is_inside(item_start(item)));
    let document = SopsDocument { branches: vec![root] };
    Ok(ParsedFile { document, blocks: vec![block], ends: vec![text.len()], in_place })
}

/// Whether an encrypted file got CRLF after it was written, as Git converts it: its metadata have it too. Any other
/// CR is a part of a value, as in sops.
fn is_converted(text: &str) -> bool {
    let mut metadata = text.split_inclusive('\n').filter(|line| line.starts_with(PREFIX)).peekable();
    metadata.peek().is_some() && metadata.all(|line| line.ends_with("\r\n") || !line.ends_with('\n'))
}

/// Whether all lines of a plaintext end with CRLF, so that it is the line ending and not a part of the values.
pub(crate) fn has_returns(text: &str) -> bool {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).peekable();
    lines.peek().is_some() && lines.all(|line| line.ends_with("\r\n"))
}

/// sops takes this key, and could not convert the file to another format: there it is that of the metadata, as it is in
/// the tree of a file here.
fn reserved_key(place: Location) -> Diagnostic {
    Diagnostic::error(Rule::ReservedKey, "the key `sops` is reserved for the metadata of an encrypted file")
        .at_masked(place)
        .note("sops writes this key in dotenv files, but in every other format it is that of the metadata")
        .hint("rename the key with `sops edit`")
}

fn item_start(item: &SopsItem<YamlKey>) -> usize {
    match item {
        SopsItem::Comment(comment) => comment.site.span.start,
        SopsItem::Value(key, _) => key.span.start,
    }
}

enum DotenvLine {
    Comment(SopsComment),
    Value(YamlKey, Leaf),
}

fn parse_line(source: &Source, line: &str, span: Span) -> Option<DotenvLine> {
    if let Some(text) = line.strip_prefix('#') {
        let site = ValueSite { span, ..ValueSite::default() };
        return Some(DotenvLine::Comment(SopsComment {
            text: Zeroizing::new(text.to_owned()),
            site,
            inline: false,
            as_item: false,
            signed: false,
        }));
    }
    let (name, value) = line.split_once('=')?;
    let key = YamlKey { text: name.to_owned(), span: Span { end: span.start + name.len(), ..span } };
    let start = span.start + name.len() + 1;
    let site = ValueSite { span: Span { start, column: name.chars().count() + 2, ..span }, ..ValueSite::default() };
    let value = if value.contains("\\n") {
        value.replace("\\n", "\n").into_bytes().into()
    } else {
        TextBytes::read(source, start, value)
    };
    let value = TypedValue::Text(value);
    Some(DotenvLine::Value(key, Leaf::new(value, site)))
}

/// The metadata, which are on consecutive lines unless a user moved them.
fn read_block(
    lines: Vec<(YamlKey, Leaf)>,
    end: usize,
    source: &Source,
    found: &mut Diagnostics,
) -> Option<MetadataBlock> {
    let key = lines.first().map(|(key, _)| key.span)?;
    let named = lines.into_iter().map(|(key, leaf)| {
        let name = key.text.strip_prefix(PREFIX).unwrap_or_default().to_owned();
        (name, SopsTree::Leaf(leaf))
    });
    let Some(fields) = flat::unflatten_lines(named.collect()) else {
        found.push(
            Diagnostic::error(Rule::SopsMetadata, "the lines `sops_…` contradict each other, or some are missing")
                .at(source.place(key))
                .hint("restore them from Git"),
        );
        return None;
    };
    Some(MetadataBlock { fields, key, whole: key.start..end })
}

/// A value on its line.
pub(super) fn write_leaf(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let text = match value {
        TypedValue::Null | TypedValue::Comment => String::new(),
        TypedValue::Bool(bool) => bool.to_string(),
        TypedValue::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| UnrepresentableValue::NotUtf8)?;
            // a backslash before an `n` would be read as a line break
            if text.contains("\\n") {
                return Err(UnrepresentableValue::Characters);
            }
            return Ok(Zeroizing::new(text.replace('\n', "\\n")));
        }
        other => String::from_utf8_lossy(&other.bytes().unwrap_or_default()).into_owned(),
    };
    Ok(Zeroizing::new(text))
}

/// All lines.
pub(super) fn emit_document(document: &SopsDocument) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let [branch] = document.branches.as_slice() else { return Err(UnrepresentableValue::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    for item in &branch.items {
        match item {
            SopsItem::Comment(comment) => push_parts(&mut out, &["#", &comment.text]),
            SopsItem::Value(key, SopsTree::Leaf(value)) => {
                if key.text.contains(['=', '\n']) || key.text.starts_with('#') {
                    return Err(UnrepresentableValue::Characters);
                }
                push_parts(&mut out, &[&key.text, "=", &write_leaf(&value.value)?]);
            }
            SopsItem::Value(..) => return Err(UnrepresentableValue::Nested),
        }
    }
    Ok(out)
}

fn push_parts(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
    out.push('\n');
}

/// The metadata as lines.
pub(super) fn block_lines(fields: &SopsMap) -> String {
    flat::flatten_fields(fields).into_iter().fold(String::new(), |mut out, (name, text)| {
        push_parts(&mut out, &[PREFIX, &name, "=", &text.replace('\n', "\\n")]);
        out
    })
}

/// The metadata, to be appended to a text.
pub(super) fn write_block(fields: &SopsMap, before: &str) -> String {
    let missing = !before.is_empty() && !before.ends_with('\n');
    format!("{}{}", if missing { "\n" } else { "" }, block_lines(fields))
}
