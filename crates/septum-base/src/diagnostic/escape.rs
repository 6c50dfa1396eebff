//! Text from outside, escaped so that no terminal and no log interprets it.
//!
//! Names, keys, reasons and texts of a repository may contain anything: sequences that move the cursor, line breaks
//! that put a word into the first column of a log, marks that turn the direction of writing. [`StyledText`] is the
//! text for users: it knows which line breaks are its own, and everything else is escaped where it becomes a text.

use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

use anstyle::Style;

use crate::sort::sort_by_key;

/// Whether a character has an effect other than being displayed: controls of C0 and C1, line breaks, marks of
/// direction, and characters without width. A tab only has width.
fn is_active(char: char) -> bool {
    match char {
        '\t' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

/// The text as a part of one line: `\n` for a line break, `\u{1b}` for any other character that acts on a terminal.
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape_except(text, |_| false)
}

/// The text with its line breaks, for a format that escapes them in its own way.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_except(text, |char| matches!(char, '\n' | '\r'))
}

fn escape_except(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let acts = |char: char| is_active(char) && !is_kept(char);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\n' if acts(char) => out.push_str("\\n"),
            '\r' if acts(char) => out.push_str("\\r"),
            _ if acts(char) => out.extend(char.escape_unicode()),
            _ => out.push(char),
        }
    }
    Cow::Owned(out)
}

/// A text of JSON in whose strings characters that act on a terminal are escaped: JSON itself requires that for C0
/// alone. Outside of strings only its own line breaks are such characters.
pub fn escape_json(text: &str) -> Cow<'_, str> {
    let acts = |char: char| is_active(char) && !matches!(char, '\n' | '\r');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if acts(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// A message of a library, without its quotations: these are text of a file, which may be of an unexpected kind.
pub fn without_quotes(message: &str) -> &str {
    // a field that is missing is one of the program's own
    if message.starts_with("missing field `") {
        return message;
    }
    // a single character between single quotes is one that a grammar expects
    let is_sign = |at: usize| message.get(at + 1..).is_some_and(|rest| rest.chars().nth(1) == Some('\''));
    let mut quotes = message.match_indices(['"', '`', '\'']);
    let mut end = message.len();
    while let Some((at, quote)) = quotes.next() {
        if quote != "'" || !is_sign(at) {
            end = at;
            break;
        }
        quotes.next();
    }
    let words = message.get(..end).unwrap_or_default();
    if end == message.len() { words } else { words.trim_end_matches([' ', ':', ',']) }
}

/// Beginnings of private keys of age, and of those of its plugins.
const IDENTITIES: [&str; 2] = ["AGE-SECRET-KEY-", "AGE-PLUGIN-"];

/// The text without private keys of age, which users put in the place of a name of a file or a recipient.
fn redact_keys(text: &str) -> Cow<'_, str> {
    let upper = text.to_ascii_uppercase();
    let starts = IDENTITIES.iter().flat_map(|start| upper.match_indices(start));
    let mut keys: Vec<_> = starts
        .map(|(at, start)| {
            let from = at + start.len();
            let rest = text.get(from..).unwrap_or_default();
            let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
            from..from + length
        })
        .filter(|key| key.len() > 8)
        .collect();
    if keys.is_empty() {
        return Cow::Borrowed(text);
    }
    sort_by_key(&mut keys, |key| key.start);
    let (mut out, mut done) = (String::new(), 0);
    for key in keys {
        if key.start >= done {
            out.push_str(text.get(done..key.start).unwrap_or_default());
            out.push('…');
            done = key.end;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Text for users, in pieces: each piece is escaped, and lines end only where a line break is added here.
#[derive(Debug, Clone, Default)]
pub struct StyledText {
    parts: Vec<StyledPart>,
}

#[derive(Debug, Clone)]
enum StyledPart {
    Piece(Style, String),
    Break,
}

impl StyledText {
    /// An empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line by itself, without its break.
    pub fn from_line(line: impl Into<String>) -> Self {
        let mut text = Self::new();
        text.push(line);
        text
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: impl Into<String>) {
        self.push_in(Style::new(), piece);
    }

    /// Adds a piece in a style.
    pub fn push_in(&mut self, style: Style, piece: impl Into<String>) {
        self.parts.push(StyledPart::Piece(style, piece.into()));
    }

    /// Ends the line.
    pub fn end_line(&mut self) {
        self.parts.push(StyledPart::Break);
    }

    /// Adds a whole line.
    pub fn push_line(&mut self, line: impl Into<String>) {
        self.push(line);
        self.end_line();
    }

    /// Adds all lines of a text from outside, each behind an indentation.
    pub fn push_indented(&mut self, indent: &str, text: &str) {
        for line in text.split('\n') {
            self.push_line(format!("{indent}{}", line.strip_suffix('\r').unwrap_or(line)));
        }
    }

    /// Adds another text.
    pub fn append(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    /// Columns of its longest line.
    pub fn width(&self) -> usize {
        let lines = self.parts.split(|part| matches!(part, StyledPart::Break));
        let of_line = |line: &[StyledPart]| -> usize {
            let pieces = line.iter().map(|part| match part {
                StyledPart::Piece(_, text) => text.width(),
                StyledPart::Break => 0,
            });
            pieces.sum()
        };
        lines.map(of_line).max().unwrap_or_default()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text as it is written, with colours if they are wanted.
    pub fn render_text(&self, color: bool) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                StyledPart::Break => out.push('\n'),
                StyledPart::Piece(style, piece) if color && *style != Style::new() => {
                    let _ = write!(out, "{style}{}{style:#}", redact_keys(&escape_line(piece)));
                }
                StyledPart::Piece(_, piece) => out.push_str(&redact_keys(&escape_line(piece))),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_left_and_what_is_seen_stays() {
        for (text, expected) in [
            ("größe 😀 \"x\"\t", "größe 😀 \"x\"\t"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\n::stop-commands::x\r", "a\\n::stop-commands::x\\r"),
            ("\u{85}\u{9b}2J\u{7f}\0", "\\u{85}\\u{9b}2J\\u{7f}\\u{0}"),
            ("\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}", "\\u{202e}\\u{2066}\\u{200b}\\u{2028}\\u{feff}"),
        ] {
            assert_eq!(escape_line(text), expected);
        }
    }

    #[test]
    fn what_a_library_quotes_is_left_out() {
        for (message, expected) in [
            ("did not find expected ',' or ']'", "did not find expected ',' or ']'"),
            ("invalid type: string \"hunter2\", expected struct X", "invalid type: string"),
            ("unknown variant `hunter2`, expected one of `a`", "unknown variant"),
            ("found 'hunter2'", "found"),
            ("missing field `key`", "missing field `key`"),
        ] {
            assert_eq!(without_quotes(message), expected);
        }
    }

    #[test]
    fn private_keys_are_redacted() {
        let text = "`AGE-SECRET-KEY-1QQQQQQQQQQQQ` and age-secret-key-1qqqqqqqqqqqq, not AGE-SECRET-KEY-1…";
        let shown = StyledText::from_line(text).render_text(false);
        assert_eq!(shown, "`AGE-SECRET-KEY-…` and age-secret-key-…, not AGE-SECRET-KEY-1…");
    }

    #[test]
    fn every_character_of_unicode_that_acts_is_spelled_out_in_every_way() {
        let hostile = |char: &char| {
            char.is_control() && *char != '\t'
                || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let all: String = (0..=0x10_ffff_u32).filter_map(char::from_u32).filter(hostile).collect();
        assert!(!escape_line(&all).contains(|char| hostile(&char)));
        assert!(!escape_lines(&all).replace(['\n', '\r'], "").contains(|char| hostile(&char)));
        let json = serde_json::to_string(&all).unwrap();
        let escaped = escape_json(&json);
        assert!(!escaped.contains(|char| hostile(&char)));
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), all);
        let mut text = StyledText::from_line(all);
        text.end_line();
        assert!(!text.render_text(true).trim_end_matches('\n').contains(|char| hostile(&char)));
    }
}
