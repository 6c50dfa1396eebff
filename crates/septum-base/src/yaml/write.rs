//! Writes YAML that every reader interprets in the same way.
//!
//! Kubernetes tools read YAML 1.1, most others 1.2, and they disagree: a plain `yes`, `on`, `0755`, `12:30:45`,
//! `2024-01-01`, `=` or `<<` is a text to one and something else to another. So a text is plain only if it starts
//! with a letter and no reader has a meaning for it, in a literal block if it has lines that are preserved there, and
//! in double quotes otherwise. There is no folding, no wrapping and no other style, so the same value always gives
//! the same bytes.

use std::fmt::Write as _;

use crate::char_search::{PlainBytes, find_char};
use crate::value::OutputValue;

/// Length from which a text is quoted, so that no reader folds it.
const MAX_PLAIN: usize = 200;

/// ASCII characters that are as they are between double quotes.
static UNESCAPED: PlainBytes = PlainBytes::PRINTABLE.without(b"\"\\");

/// Distance in which a reader searches for the `:` of a key: 1024 characters by the specification.
const MAX_KEY: usize = 1000;

/// The value as a document: block style, two spaces a level, LF, one at the end.
pub fn write_document(value: &OutputValue<'_>) -> String {
    let mut out = String::new();
    append_document(&mut out, value);
    out
}

/// Appends the value as [`write_document`] gives it, with a line feed at the end.
pub fn append_document(out: &mut String, value: &OutputValue<'_>) {
    match value {
        OutputValue::Map(pairs) if !pairs.is_empty() => push_map(out, pairs, 0),
        OutputValue::List(items) if !items.is_empty() => push_list(out, items, 0),
        _ => {
            push_inline(out, value);
            out.push('\n');
        }
    }
}

/// Whether a text must be in quotes, or in a block, for every reader to read it as the same text.
pub fn needs_quotes(text: &str) -> bool {
    let is_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/');
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b" _./@:+-".contains(&byte);
    // `: ` begins a value, and readers fold several blanks
    let has_gap = || text.bytes().zip(text.bytes().skip(1)).any(|pair| matches!(pair, (b':' | b' ', b' ')));
    let is_plain = is_first && text.len() <= MAX_PLAIN && text.bytes().all(is_harmless) && !has_gap();
    !is_plain || text.ends_with([' ', ':']) || is_reserved(text)
}

/// Appends the text in double quotes, on one line, with every character escaped that a reader could change or refuse.
pub fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // most of most texts is as it is
    while let Some((at, char)) = find_char(rest, &UNESCAPED, |char| matches!(char, '"' | '\\') || !is_printable(char)) {
        out.push_str(rest.get(..at).unwrap_or_default());
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => push_escape(out, u32::from(char)),
        }
        rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
    out.push('"');
}

fn push_escape(out: &mut String, code: u32) {
    // writing to a String cannot fail
    let _ = match code {
        0..=0xFF => write!(out, "\\x{code:02X}"),
        0x100..=0xFFFF => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}

/// Whether a text is a word that some reader interprets as a boolean or as null.
fn is_reserved(text: &str) -> bool {
    // none is longer, and most texts are
    text.len() <= 5
        && ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a character may appear in a file unescaped. Some readers refuse C1 controls, turn U+0085 and U+2028 into
/// line breaks, or drop a byte-order mark; characters that change the direction of writing would show users another
/// text than the machine reads.
fn is_printable(char: char) -> bool {
    match char {
        '\u{20}'..='\u{7E}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => {
            !matches!(char, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
        }
        _ => false,
    }
}

/// Whether a text is preserved in a literal block: readers differ on tabs and on blanks at the start and the end of
/// lines.
pub fn fits_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && text.chars().all(|char| char == '\n' || is_printable(char))
        && text.split('\n').all(|line| !line.ends_with(' '))
}

/// Whether a scalar of the source can be plain again, as the same text.
fn is_bare(text: &str) -> bool {
    let mut chars = text.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return false };
    let starts = match first {
        '-' | '?' | ':' => second.is_some_and(|char| char != ' '),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' | ' ' => false,
        _ => true,
    };
    starts
        && text.chars().all(is_printable)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
}

fn push_indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// The pairs, the first at the current position and the others on lines of their own.
fn push_map(out: &mut String, pairs: &[(std::borrow::Cow<'_, str>, OutputValue<'_>)], level: usize) {
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            push_indent(out, level);
        }
        let start = out.len();
        push_text(out, key);
        if out.len() - start > MAX_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            push_indent(out, level);
        }
        out.push(':');
        under_key(out, value, level);
    }
}

/// The value of a key, from behind the `:` to the end of its last line.
fn under_key(out: &mut String, value: &OutputValue<'_>, level: usize) {
    match value {
        OutputValue::Map(pairs) if !pairs.is_empty() => {
            out.push('\n');
            push_indent(out, level + 1);
            push_map(out, pairs, level + 1);
        }
        OutputValue::List(items) if !items.is_empty() => {
            out.push('\n');
            push_indent(out, level);
            push_list(out, items, level);
        }
        OutputValue::String(text) if fits_block(text) => push_block(out, text, level + 1),
        _ => {
            out.push(' ');
            push_inline(out, value);
            out.push('\n');
        }
    }
}

/// The items, the first at the current position.
fn push_list(out: &mut String, items: &[OutputValue<'_>], level: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            push_indent(out, level);
        }
        out.push_str("- ");
        match item {
            OutputValue::Map(pairs) if !pairs.is_empty() => push_map(out, pairs, level + 1),
            OutputValue::List(items) if !items.is_empty() => push_list(out, items, level + 1),
            _ => {
                push_inline(out, item);
                out.push('\n');
            }
        }
    }
}

/// A text as a literal block, from its header on. A text of lines gets `|`, with `-` if the last one has no end and
/// `+` if blank lines follow it.
fn push_block(out: &mut String, text: &str, level: usize) {
    let content = text.trim_end_matches('\n');
    out.push_str(match text.len() - content.len() {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            push_indent(out, level);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A value that needs no line of its own. Collections are empty here.
fn push_inline(out: &mut String, value: &OutputValue<'_>) {
    match value {
        OutputValue::Null => out.push_str("null"),
        OutputValue::Bool(true) => out.push_str("true"),
        OutputValue::Bool(false) => out.push_str("false"),
        OutputValue::Literal(text) if is_bare(text) => out.push_str(text),
        OutputValue::Literal(text) => push_quoted(out, text),
        OutputValue::String(text) => push_text(out, text),
        OutputValue::List(_) => out.push_str("[]"),
        OutputValue::Map(_) => out.push_str("{}"),
    }
}

fn push_text(out: &mut String, text: &str) {
    if needs_quotes(text) {
        push_quoted(out, text);
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests;
