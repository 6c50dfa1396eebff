//! INI as go-ini reads and writes it (format, section 1.12). Its reader drops some content, which is refused here.

mod write;

use zeroize::Zeroizing;

use super::{MetadataBlock, ParsedFile, flat};
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

pub(crate) use write::comment_text;
pub(super) use write::{emit_document, write_block, write_comment, write_leaf};

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
        self.pending.push(SopsComment { text, site, inline: false, as_item: false, signed: true });
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
        drop_implied_section(&mut root);
        let document = SopsDocument { branches: vec![root] };
        Ok(ParsedFile { document, blocks: vec![block], ends: vec![text.len()], in_place: true })
    }
}

/// Removes the section of the keys above all headers if it has none, and another section has its name.
fn drop_implied_section(root: &mut SopsMap) {
    let is_default = |item: &SopsItem<YamlKey>| matches!(item, SopsItem::Value(key, _) if key.text == DEFAULT);
    let is_empty =
        matches!(root.items.first(), Some(SopsItem::Value(_, SopsTree::Map(first))) if first.items.is_empty());
    if is_empty && root.items.iter().skip(1).any(is_default) {
        root.items.remove(0);
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
