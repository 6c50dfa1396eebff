//! Reads JSON with the order and the repetition of keys, and with locations.

use zeroize::Zeroizing;

use crate::document::scalar::TypedValue;
use crate::document::text_bytes::TextBytes;
use crate::document::tree::{Leaf, ListPosition, SopsDocument, SopsItem, SopsList, SopsMap, SopsTree, ValueSite};
use crate::store::{MetadataBlock, ParsedFile};
use crate::{BLOCK, DATA};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::span::{Source, Span};
use septum_base::yaml::node::YamlKey;

/// Maximum nesting of values.
const MAX_DEPTH: usize = 128;

/// Few items of an encrypted file are shorter.
const SHORT: usize = 32;

/// Expected in a text with a backslash.
const ESCAPES: &str = "a valid JSON escape";

/// Reads the object at the root. It must be the whole text.
pub(in crate::store) fn parse(source: &Source) -> Result<ParsedFile, Diagnostics> {
    read_json(source, None)
}

/// Reads an encrypted binary file. Its value may be long, and is not copied: the document has an empty text for it.
pub(in crate::store) fn parse_envelope(source: &Source) -> Result<ParsedFile, Diagnostics> {
    read_json(source, Some(DATA))
}

fn read_json(source: &Source, left: Option<&'static str>) -> Result<ParsedFile, Diagnostics> {
    let text = source.text();
    let mut reader =
        JsonReader { source, text, at: 0, line: 1, line_start: 0, left, counts: count_items(text).into_iter() };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let root = reader.root().map_err(|expected| {
        let span = reader.span(reader.at, reader.at);
        let mut found = Diagnostics::new();
        found.push(
            Diagnostic::error(Rule::JsonSyntax, format!("expected {expected}"))
                .at_masked(source.place(span))
                .hint("fix the JSON"),
        );
        found
    })?;
    let (mut map, mut block) = (root, None);
    let at =
        map.items.iter().position(|item| matches!(item, SopsItem::Value(key, SopsTree::Map(_)) if key.text == BLOCK));
    if let Some(at) = at {
        let (from, to) = neighbor_offsets(&map, at);
        if let SopsItem::Value(key, SopsTree::Map(fields)) = map.items.remove(at) {
            let whole = from.unwrap_or(key.span.start)..to.filter(|_| from.is_none()).unwrap_or(fields.span.end);
            block = Some(MetadataBlock { fields, key: key.span, whole });
        }
    }
    let end = map.values().next_back().map_or(map.span.start + 1, |(_, value)| value.span().end);
    let document = SopsDocument { branches: vec![map] };
    Ok(ParsedFile { document, blocks: vec![block], ends: vec![end], in_place: true })
}

/// End of the value before an entry and start of the key after it.
fn neighbor_offsets(map: &SopsMap, at: usize) -> (Option<usize>, Option<usize>) {
    let before = at.checked_sub(1).and_then(|before| map.items.get(before));
    let end = before.and_then(|item| if let SopsItem::Value(_, value) = item { Some(value.span().end) } else { None });
    let next = map.items.get(at + 1);
    let start = next.and_then(|item| if let SopsItem::Value(key, _) = item { Some(key.span.start) } else { None });
    (end, start)
}

struct JsonReader<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
    /// The key at the root whose text is not copied.
    left: Option<&'static str>,
    /// Number of items of each object and list not yet read: a buffer that grows needs its memory twice.
    counts: std::vec::IntoIter<usize>,
}

type JsonResult<T> = Result<T, &'static str>;

impl<'a> JsonReader<'a> {
    fn root(&mut self) -> JsonResult<SopsMap> {
        self.skip_blanks();
        let SopsTree::Map(root) = self.value(0)? else {
            return Err("an object at the root, as sops requires");
        };
        self.skip_blanks();
        // sops ignores trailing text: it would be lost, or be beside ciphertext as if it were verified
        if self.at < self.text.len() { Err("the end of the file after the object") } else { Ok(root) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                (self.line, self.line_start) = (self.line + 1, self.at);
            }
        }
    }

    /// A location on the line of the reader.
    fn span(&self, start: usize, end: usize) -> Span {
        let before = self.text.get(self.line_start..start).unwrap_or_default();
        // a file may be one line of megabytes; its columns need not be counted anew for each value
        let column = if before.len() > 1000 { before.len() } else { before.chars().count() } + 1;
        Span { start, end, line: self.line, column }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> JsonResult<SopsTree> {
        if depth > MAX_DEPTH {
            return Err("at most 128 levels of nesting");
        }
        let head = self.span(self.at, self.at);
        let value = match self.peek() {
            Some(b'{') => return self.map(depth, head).map(SopsTree::Map),
            Some(b'[') => return self.list(depth, head).map(SopsTree::List),
            Some(b'"') => TypedValue::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(self.leaf(value, head))
    }

    fn leaf(&self, value: TypedValue, head: Span) -> SopsTree {
        let site = ValueSite { span: Span { end: self.at, ..head }, flow: true, ..ValueSite::default() };
        SopsTree::Leaf(Leaf::new(value, site))
    }

    /// The value under a key of the root that is not copied: a text without escapes.
    fn read_left(&mut self) -> JsonResult<Option<SopsTree>> {
        let head = self.span(self.at, self.at);
        if self.peek() != Some(b'"') || self.raw()?.contains('\\') {
            self.at = head.start;
            return Ok(None);
        }
        Ok(Some(self.leaf(TypedValue::from_text(""), head)))
    }

    fn map(&mut self, depth: usize, head: Span) -> JsonResult<SopsMap> {
        self.at += 1;
        let mut items = self.items();
        self.skip_blanks();
        if !self.eat(b'}') {
            loop {
                self.skip_blanks();
                let start = self.span(self.at, self.at);
                if self.peek() != Some(b'"') {
                    return Err("a quoted key");
                }
                let text = self.string()?.to_string();
                let key = YamlKey { text, span: Span { end: self.at, ..start } };
                self.skip_blanks();
                if !self.eat(b':') {
                    return Err("a `:` after the key");
                }
                self.skip_blanks();
                let is_left = depth == 0 && self.left.is_some_and(|left| left == key.text);
                let left = if is_left { self.read_left()? } else { None };
                let value = left.map_or_else(|| self.value(depth + 1), Ok)?;
                items.push(SopsItem::Value(key, value));
                if !self.has_another(b'}')? {
                    break;
                }
            }
        }
        Ok(SopsMap { items, span: Span { end: self.at, ..head } })
    }

    fn list(&mut self, depth: usize, head: Span) -> JsonResult<SopsList> {
        self.at += 1;
        let mut items = self.items();
        self.skip_blanks();
        if !self.eat(b']') {
            loop {
                self.skip_blanks();
                items.push(SopsItem::Value(ListPosition { start: self.at }, self.value(depth + 1)?));
                if !self.has_another(b']')? {
                    break;
                }
            }
        }
        Ok(SopsList { items, span: Span { end: self.at, ..head } })
    }

    /// Room for the items of the next object or list; no more than a file of this length needs.
    fn items<K>(&mut self) -> Vec<SopsItem<K>> {
        Vec::with_capacity(self.counts.next().unwrap_or_default().min(self.text.len() / SHORT))
    }

    /// Whether a comma follows, rather than the closing bracket.
    fn has_another(&mut self, close: u8) -> JsonResult<bool> {
        self.skip_blanks();
        if self.eat(b',') {
            return Ok(true);
        }
        if self.eat(close) { Ok(false) } else { Err("a `,` or the closing bracket") }
    }

    fn word(&mut self) -> JsonResult<TypedValue> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in
            [("true", TypedValue::Bool(true)), ("false", TypedValue::Bool(false)), ("null", TypedValue::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("a value")
    }

    /// An integer of 64 bits, or a number with a fraction.
    fn number(&mut self) -> JsonResult<TypedValue> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if let Some(value) = parse_number(text) { Ok(value) } else { Err("a JSON number that fits into 64 bits") }
    }

    fn text(&mut self) -> JsonResult<TextBytes> {
        let start = self.at + 1;
        let raw = self.raw()?;
        if raw.contains('\\') {
            let mut text = unescape_text(raw).ok_or(ESCAPES)?;
            return Ok(std::mem::take(&mut *text).into_bytes().into());
        }
        Ok(TextBytes::read(self.source, start, raw))
    }

    fn string(&mut self) -> JsonResult<Zeroizing<String>> {
        unescape_text(self.raw()?).ok_or(ESCAPES)
    }

    /// A text as it is written, without its quotes.
    fn raw(&mut self) -> JsonResult<&'a str> {
        const UNTERMINATED: &str = "the closing `\"` of a string";
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let mut length = 0;
        loop {
            length += plain_length(rest.get(length..).unwrap_or_default());
            match rest.get(length) {
                None => return Err(UNTERMINATED),
                Some(b'"') => break,
                // what follows is a part of the escape, unless it is refused below
                Some(b'\\') if rest.get(length + 1).is_some_and(|next| *next < 0x20) => length += 1,
                Some(b'\\') => length += 2,
                Some(0..=0x1f) => {
                    self.at = start + length;
                    return Err("no control characters in a string: escape them with `\\`");
                }
                Some(_) => {}
            }
        }
        let raw = self.text.get(start..start + length).ok_or(UNTERMINATED)?;
        self.at = start + length + 1;
        Ok(raw)
    }
}

/// The number of items of each object and list, in the order in which they start; of JSON that is invalid, some number.
fn count_items(text: &str) -> Vec<usize> {
    let (mut counts, mut open) = (Vec::new(), Vec::new());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'{' | b'[' if open.len() > MAX_DEPTH => break,
            b'{' | b'[' => {
                open.push(counts.len());
                counts.push(1);
            }
            b'}' | b']' => drop(open.pop()),
            b',' => {
                if let Some(count) = open.last().and_then(|last| counts.get_mut(*last)) {
                    *count += 1;
                }
            }
            b'"' => loop {
                rest = rest.get(plain_length(rest)..).unwrap_or_default();
                let skipped = if rest.first() == Some(&b'\\') { 2 } else { 1 };
                let is_end = rest.first().is_none_or(|byte| *byte == b'"');
                rest = rest.get(skipped..).unwrap_or_default();
                if is_end {
                    break;
                }
            },
            _ => {}
        }
    }
    counts
}

/// Number of leading bytes that represent only themselves.
fn plain_length(bytes: &[u8]) -> usize {
    // in blocks without a way out in the middle, which are compared as a whole: a text may be a big file
    const BLOCK: usize = 64;
    let special = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let is_plain = |block: &&[u8; BLOCK]| block.iter().fold(0, |found, byte| found | special(*byte)) == 0;
    let length = bytes.as_chunks().0.iter().take_while(is_plain).count() * BLOCK;
    length + bytes.get(length..).unwrap_or_default().iter().take_while(|byte| special(**byte) == 0).count()
}

fn parse_number(text: &str) -> Option<TypedValue> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let valid = digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits);
    if !valid {
        return None;
    }
    if fraction.is_none()
        && exponent.is_none()
        && let Ok(int) = text.parse()
    {
        return Some(TypedValue::Int(int));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(TypedValue::Float)
}

fn unescape_text(raw: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(raw.len()));
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let escape = rest.get(at + 1..)?;
        let first = escape.chars().next()?;
        let simple = match first {
            '"' | '\\' | '/' => Some(first),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => None,
            _ => return None,
        };
        rest = match simple {
            Some(char) => {
                out.push(char);
                escape.get(1..)?
            }
            None => parse_unicode(escape.get(1..)?, &mut out)?,
        };
    }
    out.push_str(rest);
    Some(out)
}

/// The four digits behind `\u`, or two times four of a surrogate pair. Half of one is U+FFFD, as in Go.
fn parse_unicode<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let unit = |text: &str| {
        let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (high, rest) = (unit(text)?, text.get(4..)?);
    let low = rest.strip_prefix("\\u").and_then(unit);
    if let (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) = (high, low) {
        out.push(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))?);
        return rest.get(6..);
    }
    out.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(rest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_ends_at_its_quote_wherever_that_is() {
        for length in 0..200 {
            let (plain, long) = ("x".repeat(length), "x".repeat(150));
            assert_eq!(super::plain_length(plain.as_bytes()), length);
            for special in ["\"", "\\", "\n", "\u{1f}", "\0"] {
                assert_eq!(super::plain_length(format!("{plain}{special}{long}").as_bytes()), length, "{special:?}");
            }
            for other in ["ß", " ", "!", "#", "[", "]", "\u{7f}"] {
                let text = format!("{plain}{other}{long}");
                assert_eq!(super::plain_length(text.as_bytes()), text.len(), "{other:?}");
            }
        }
    }
}
