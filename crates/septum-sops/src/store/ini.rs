//! INI as go-ini reads and writes it (format, section 1.12). Its reader drops some content, which is refused here.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{MetadataBlock, ParsedFile, UnrepresentableValue, flat};
use crate::BLOCK;
use crate::crypto::cipher::Ciphertext;
use crate::document::scalar::TypedValue;
use crate::document::text_bytes::TextBytes;
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsItem, SopsMap, SopsTree, ValueSite};
use crate::metadata::block::is_field;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::map::HashSet;
use septum_base::span::{Source, Span};
use septum_base::yaml::node::YamlKey;

/// The section of keys before the first header.
const DEFAULT: &str = "DEFAULT";

/// Reads a text.
pub(super) fn parse(source: &Source) -> Result<ParsedFile, Diagnostics> {
    let text = source.text();
    let mut reader = IniReader {
        source,
        text,
        at: 0,
        line: 0,
        root: SopsMap::default(),
        pending: Vec::new(),
        names: HashSet::default(),
        ends: Vec::new(),
    };
    reader.section(DEFAULT, Span { start: 0, end: 0, line: 1, column: 1 });
    while reader.at < text.len() {
        if let Err((span, expected)) = reader.line() {
            let mut found = Diagnostics::new();
            let diagnostic = Diagnostic::error(Rule::IniSyntax, format!("expected {expected}"));
            found.push(diagnostic.at_masked(source.place(span)).hint("fix the line, or store the file as YAML"));
            return Err(found);
        }
    }
    reader.finish(source)
}

struct IniReader<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    line: usize,
    root: SopsMap,
    /// Comments whose section or key has not been read yet.
    pending: Vec<SopsComment>,
    /// The keys of the section.
    names: HashSet<&'a str>,
    /// Start offsets of the section headers.
    ends: Vec<usize>,
}

type IniResult<T> = Result<T, (Span, &'static str)>;

impl<'a> IniReader<'a> {
    /// The next line without its line break.
    fn next_line(&mut self) -> (&'a str, Span) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        let line = rest.get(..length).unwrap_or_default().trim_end_matches(['\n', '\r']);
        self.line += 1;
        let span = Span { start: self.at, end: self.at + line.len(), line: self.line, column: 1 };
        self.at += length.max(1);
        (line, span)
    }

    fn line(&mut self) -> IniResult<()> {
        let (line, span) = self.next_line();
        let text = line.trim().trim_start_matches('\u{feff}');
        if text.is_empty() {
            return Ok(());
        }
        if text.starts_with(['#', ';']) {
            let start = span.start + line.find(['#', ';']).unwrap_or_default();
            self.comment(text, Span { start, ..span });
            return Ok(());
        }
        if let Some(rest) = text.strip_prefix('[') {
            let name = rest.strip_suffix(']').ok_or((span, "a `]` at the end of the header"))?;
            self.section(name.trim(), span);
            return Ok(());
        }
        self.entry(line, span)
    }

    /// Adds a line to the comment of the next item: go-ini joins all lines above a key or a header, and sops encrypts
    /// them as one. A ciphertext is one by itself.
    fn comment(&mut self, line: &str, span: Span) {
        let is_ciphertext = |text: &str| Ciphertext::is_ciphertext(text.trim_start_matches([';', '#', ' ']).as_bytes());
        if let Some(last) = self.pending.last_mut()
            && !is_ciphertext(line)
            && !is_ciphertext(&last.text)
        {
            last.text.push('\n');
            last.text.push_str(line);
            last.site.span.end = span.end;
            return;
        }
        let site = ValueSite { span, ..ValueSite::default() };
        let text = Zeroizing::new(comment_text(line).to_owned());
        self.pending.push(SopsComment { text, site, inline: false, as_item: false });
    }

    fn section(&mut self, name: &str, span: Span) {
        let items = self.pending.drain(..).map(SopsItem::Comment).collect();
        self.names.clear();
        self.ends.push(span.start);
        let key = YamlKey { text: name.to_owned(), span };
        self.root.items.push(SopsItem::Value(key, SopsTree::Map(SopsMap { items, span })));
    }

    fn entry(&mut self, line: &'a str, span: Span) -> IniResult<()> {
        let delimiter = line.find(['=', ':']).ok_or((span, "`key = value`"))?;
        let name = line.get(..delimiter).unwrap_or_default().trim();
        if name.is_empty() || name.starts_with(['"', '`']) {
            return Err((span, "an unquoted key before the `=`"));
        }
        let lead = line.len() - line.trim_start().len();
        let key_span = Span { start: span.start + lead, end: span.start + lead + name.len(), ..span };
        let raw = line.get(delimiter + 1..).unwrap_or_default();
        let start = span.start + delimiter + 1 + (raw.len() - raw.trim_start().len());
        let (value, end) = self.value(raw.trim(), Span { start, ..span })?;
        let site = ValueSite { span: Span { start, end, ..span }, ..ValueSite::default() };
        let value = TypedValue::Text(value);
        let pending = std::mem::take(&mut self.pending);
        if let Some(SopsItem::Value(_, SopsTree::Map(section))) = self.root.items.last_mut() {
            // go-ini keeps the last one alone, so that the checksum would not fit for sops
            if !self.names.insert(name) {
                return Err((key_span, "a key that is unique in its section"));
            }
            section.span.end = end;
            let key = YamlKey { text: name.to_owned(), span: key_span };
            section.items.push(SopsItem::Value(key, SopsTree::Leaf(Leaf::new(value, site))));
            // sops keeps the comment of a key behind it
            section.items.extend(pending.into_iter().map(SopsItem::Comment));
        }
        Ok(())
    }

    /// A value, and where it ends.
    fn value(&mut self, raw: &'a str, span: Span) -> IniResult<(TextBytes, usize)> {
        if let Some(rest) = raw.strip_prefix("\"\"\"") {
            return self.read_long_value(rest, span, "\"\"\"");
        }
        if let Some(rest) = raw.strip_prefix('`') {
            return self.read_long_value(rest, span, "`");
        }
        if raw.contains(['#', ';']) {
            return Err((span, "backticks around a value with `#` or `;`, where go-ini truncates it"));
        }
        if raw.ends_with('\\') {
            return Err((span, "a value on one line"));
        }
        let quoted = |quote: char| {
            let inner = raw.strip_prefix(quote)?.strip_suffix(quote)?;
            (!inner.contains(quote)).then_some(inner)
        };
        let (value, start) = match quoted('"').or_else(|| quoted('\'')) {
            Some(inner) => (inner, span.start + 1),
            None => (raw, span.start),
        };
        Ok((TextBytes::read(self.source, start, value), span.start + raw.len()))
    }

    /// A value up to its closing quotes, on any number of lines.
    fn read_long_value(&mut self, first: &'a str, span: Span, close: &str) -> IniResult<(TextBytes, usize)> {
        let start = span.start + close.len();
        if let Some(end) = first.find(close) {
            if !first.get(end + close.len()..).unwrap_or_default().trim().is_empty() {
                return Err((span, "nothing after the closing quotes of the value"));
            }
            return Ok((
                TextBytes::read(self.source, start, first.get(..end).unwrap_or_default()),
                start + end + close.len(),
            ));
        }
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.find(close).ok_or((span, "the closing quotes of the value"))?;
        while self.at <= start + end {
            self.next_line();
        }
        let behind = rest.get(end + close.len()..).unwrap_or_default().split('\n').next().unwrap_or_default();
        if !behind.trim().is_empty() {
            return Err((span, "nothing after the closing quotes of the value"));
        }
        let value = rest.get(..end).unwrap_or_default().replace("\r\n", "\n");
        Ok((value.into_bytes().into(), start + end + close.len()))
    }

    fn finish(self, source: &Source) -> Result<ParsedFile, Diagnostics> {
        let Self { text, mut root, pending, ends, .. } = self;
        root.span = Span { start: 0, end: text.len(), line: 1, column: 1 };
        if let Some(SopsItem::Value(_, SopsTree::Map(section))) = root.items.last_mut() {
            section.items.extend(pending.into_iter().map(SopsItem::Comment));
        }
        let at = root.items.iter().position(|item| matches!(item, SopsItem::Value(key, _) if key.text == BLOCK));
        let mut block = None;
        if let Some(at) = at
            && let SopsItem::Value(key, SopsTree::Map(section)) = root.items.remove(at)
        {
            // a comment above the metadata is one at the end of the section before them
            let (above, section): (Vec<_>, Vec<_>) = section
                .items
                .into_iter()
                .partition(|item| matches!(item, SopsItem::Comment(c) if c.site.span.start < key.span.start));
            if let Some(SopsItem::Value(_, SopsTree::Map(before))) =
                at.checked_sub(1).and_then(|at| root.items.get_mut(at))
            {
                before.items.extend(above);
            }
            let end = ends.get(at + 1).copied().unwrap_or(text.len());
            let before = text.get(..key.span.start).unwrap_or_default();
            let start = if before.ends_with("\n\n") { key.span.start - 1 } else { key.span.start };
            if let Some(span) = section.iter().find_map(no_metadata) {
                return Err(misplaced_metadata(source, span));
            }
            let lines = section.into_iter().filter_map(metadata_line).collect();
            let Some(fields) = flat::unflatten_lines(lines) else {
                let mut found = Diagnostics::new();
                let message = "the keys of `[sops]` contradict each other, or some are missing";
                let diagnostic = Diagnostic::error(Rule::SopsMetadata, message).at(source.place(key.span));
                found.push(diagnostic.hint("restore them from Git"));
                return Err(found);
            };
            block = Some(MetadataBlock { fields, key: key.span, whole: start..end });
        }
        let document = SopsDocument { branches: vec![root] };
        Ok(ParsedFile { document, blocks: vec![block], ends: vec![text.len()], in_place: true })
    }
}

/// The location of an item in the section of the metadata that is not one of them.
fn no_metadata(item: &SopsItem<YamlKey>) -> Option<Span> {
    match item {
        SopsItem::Comment(comment) => Some(comment.site.span),
        SopsItem::Value(key, _) => {
            let field = key.text.split("__").next().unwrap_or_default();
            (!is_field(field)).then_some(key.span)
        }
    }
}

/// An item that a user added behind the metadata: sops drops it silently, and it is not verified.
fn misplaced_metadata(source: &Source, span: Span) -> Diagnostics {
    Diagnostic::error(Rule::SopsMetadata, "this line is in the section `[sops]`, which is reserved for metadata")
        .at_masked(source.place(span))
        .note("sops drops such a line, and it is not authenticated")
        .hint("move it above the line `[sops]`, or remove it; `septum set` adds values in the right place")
        .into()
}

/// Line breaks are written as `\n` in metadata; two versions of sops wrote them unescaped.
fn metadata_line(item: SopsItem<YamlKey>) -> Option<(String, SopsTree)> {
    let SopsItem::Value(key, SopsTree::Leaf(mut leaf)) = item else { return None };
    if let TypedValue::Text(bytes) = &mut leaf.value {
        let text = String::from_utf8_lossy(bytes).replace("\\n", "\n");
        *bytes = text.into_bytes().into();
    }
    Some((key.text, SopsTree::Leaf(leaf)))
}

/// A value on its line.
pub(super) fn write_leaf(value: &TypedValue) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let bytes = value.bytes().unwrap_or_default();
    let text = match value {
        TypedValue::Bool(bool) => bool.to_string(),
        _ => std::str::from_utf8(&bytes).map_err(|_| UnrepresentableValue::NotUtf8)?.to_owned(),
    };
    let text = Zeroizing::new(text);
    let quotes = if text.contains(['\n', '`']) {
        "\"\"\""
    } else if text.contains(['#', ';']) || text.starts_with(['"', '\'']) {
        "`"
    } else if text.trim().len() != text.len() {
        "\""
    } else {
        ""
    };
    let written = Zeroizing::new(format!("{quotes}{}{quotes}", text.as_str()));
    // quotes of INI do not preserve every text: one that would be read differently is not written
    if reads_as(&written, &text) { Ok(written) } else { Err(UnrepresentableValue::Characters) }
}

fn reads_as(written: &str, text: &str) -> bool {
    let line = Zeroizing::new(format!("k = {written}\n"));
    let Ok(parsed) = parse(&Source::new("", line.as_str())) else { return false };
    let Some(SopsTree::Map(section)) = parsed.document.branches.first().and_then(|root| root.get(DEFAULT)) else {
        return false;
    };
    let mut values = section.values();
    let read = matches!(values.next(), Some((_, SopsTree::Leaf(leaf))) if leaf.value.bytes().as_deref() == Some(text.as_bytes()));
    read && values.next().is_none()
}

/// The text of a comment's first line: without its `;`, unless it would then look like another kind of line. Further
/// lines keep their sign, as in go-ini.
pub(crate) fn comment_text(line: &str) -> &str {
    match line.strip_prefix(';').map(str::trim) {
        Some(body) if !body.is_empty() && !body.starts_with([';', '#']) => body,
        _ => line,
    }
}

/// A comment, on any number of lines.
pub(super) fn write_comment(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 16));
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        match line.trim() {
            "" => out.push(';'),
            line if line.starts_with([';', '#']) => out.push_str(line),
            line => out.extend(["; ", line]),
        }
    }
    out
}

/// All sections.
pub(super) fn emit_document(document: &SopsDocument) -> Result<Zeroizing<String>, UnrepresentableValue> {
    let [branch] = document.branches.as_slice() else { return Err(UnrepresentableValue::Documents) };
    let mut out: Zeroizing<String> = Zeroizing::default();
    for item in &branch.items {
        let SopsItem::Value(name, tree) = item else { continue };
        let SopsTree::Map(section) = tree else { return Err(UnrepresentableValue::Nested) };
        if name.text == DEFAULT && section.items.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        push_section(&mut out, &name.text, section)?;
    }
    Ok(out)
}

fn push_section(out: &mut String, name: &str, section: &SopsMap) -> Result<(), UnrepresentableValue> {
    let mut items = section.items.iter().peekable();
    while let Some(SopsItem::Comment(comment)) = items.next_if(|item| matches!(item, SopsItem::Comment(_))) {
        let _ = writeln!(out, "{}", write_comment(&comment.text).as_str());
    }
    if name != DEFAULT {
        let _ = writeln!(out, "[{name}]");
    }
    let width = section.values().map(|(key, _)| key.text.len()).max().unwrap_or_default();
    while let Some(item) = items.next() {
        let SopsItem::Value(key, tree) = item else { continue };
        let SopsTree::Leaf(value) = tree else { return Err(UnrepresentableValue::Nested) };
        while let Some(SopsItem::Comment(comment)) = items.next_if(|item| matches!(item, SopsItem::Comment(_))) {
            let _ = writeln!(out, "{}", write_comment(&comment.text).as_str());
        }
        let _ = writeln!(out, "{:width$} = {}", key.text, write_leaf(&value.value)?.as_str());
    }
    Ok(())
}

/// The metadata as a section, to be appended to a text.
pub(super) fn write_block(fields: &SopsMap, before: &str) -> String {
    let lines = flat::flatten_fields(fields);
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut out = String::new();
    if !before.is_empty() {
        out.push_str(if before.ends_with('\n') { "\n" } else { "\n\n" });
    }
    let _ = writeln!(out, "[{BLOCK}]");
    for (name, text) in lines {
        let _ = writeln!(out, "{name:width$} = {}", text.replace('\n', "\\n"));
    }
    out
}
