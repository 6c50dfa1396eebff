//! Values of dotenv files: quotes, escapes, comments and variables, by the rules of a dialect.

use super::dialect::DotenvDialect;
use crate::secret::Wiping;

/// Text in the place of a variable that is not set.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct VariableDefault {
    pub(super) text: String,
    /// Whether it is in the place of an empty one, too.
    pub(super) is_for_empty: bool,
}

/// Part of a value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum DotenvPart {
    /// A text.
    Text(String),
    /// `$VAR`, `${VAR}`, `${VAR:-default}`.
    Variable {
        name: String,
        default: Option<VariableDefault>,
        /// As written.
        text: String,
    },
    /// Another substitution, such as `${VAR:?error}` or `$(command)`, as written.
    Substitution(String),
}

impl DotenvPart {
    /// Length as written, in bytes.
    pub(super) fn written_len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Substitution(text) | Self::Variable { text, .. } => text.len(),
        }
    }
}

/// Reads the value at an offset; returns the offset of its end, or why the reader refuses it.
pub(super) fn read_value(
    text: &str,
    start: usize,
    length: usize,
    dialect: DotenvDialect,
) -> Result<(Vec<DotenvPart>, usize), &'static str> {
    let rest = text.get(start..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let quote = rest.get(blank..).and_then(|rest| rest.chars().next());
    let quotes: &[char] = if dialect == DotenvDialect::Node { &['\'', '"', '`'] } else { &['\'', '"'] };
    if let Some(quote) = quote.filter(|quote| quotes.contains(quote)) {
        let inner = rest.get(blank + 1..).unwrap_or_default();
        if let Some(length) = closing_quote(inner, quote) {
            let content = inner.get(..length).unwrap_or_default();
            let after = inner.get(length + 1..).and_then(|after| after.lines().next()).unwrap_or_default().trim();
            let is_end = after.is_empty() || after.starts_with('#');
            if is_end {
                let expands = dialect == DotenvDialect::Python || quote != '\'';
                let parts = if expands {
                    split_variables(content, known_escapes(quote, dialect), dialect)
                } else {
                    join_texts(vec![DotenvPart::Text(content.to_owned())])
                };
                return Ok((parts, start + blank + 1 + length + 1));
            }
            if dialect != DotenvDialect::Node {
                return Err("a text follows the closing quote");
            }
        }
    }
    let line = text.get(start..start + length).unwrap_or_default();
    let value = match dialect {
        // the first `#` ends it
        DotenvDialect::Node => without_outer_quotes(line.split('#').next().unwrap_or_default().trim()),
        _ => without_comment(line).trim(),
    };
    Ok((split_variables(value, &[], dialect), start))
}

/// The text without a quote that it begins and ends with.
fn without_outer_quotes(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    ['\'', '"', '`'].into_iter().find_map(inner).unwrap_or(text)
}

/// Offset of the quote that ends a text; one after a backslash does not.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            '\\' if !is_escaped => is_escaped = true,
            char if char == quote && !is_escaped => return Some(at),
            _ => is_escaped = false,
        }
    }
    None
}

/// The text before a `#` with a blank before it.
fn without_comment(line: &str) -> &str {
    let mut before = None;
    for (at, char) in line.char_indices() {
        if char == '#' && before.is_none_or(|before: char| before == ' ' || before == '\t') && before.is_some() {
            return line.get(..at).unwrap_or_default();
        }
        before = Some(char);
    }
    line
}

/// Characters after a backslash in a quoted text that stand for others.
fn known_escapes(quote: char, dialect: DotenvDialect) -> &'static [(char, char)] {
    match (dialect, quote) {
        (DotenvDialect::Node, '"') => &[('n', '\n'), ('r', '\r')],
        (DotenvDialect::Python, '"') => &[
            ('n', '\n'),
            ('r', '\r'),
            ('t', '\t'),
            ('a', '\u{7}'),
            ('b', '\u{8}'),
            ('f', '\u{c}'),
            ('v', '\u{b}'),
            ('\\', '\\'),
            ('"', '"'),
            ('\'', '\''),
        ],
        (DotenvDialect::Python, _) => &[('\\', '\\'), ('\'', '\'')],
        (DotenvDialect::Compose, '"') => &[('n', '\n'), ('r', '\r'), ('t', '\t'), ('\\', '\\'), ('"', '"')],
        (DotenvDialect::Shell, '"') => &[('"', '"'), ('\\', '\\'), ('`', '`')],
        _ => &[],
    }
}

/// Splits a text at its variables, as far as the dialect has them, and replaces escapes.
fn split_variables(text: &str, escapes: &[(char, char)], dialect: DotenvDialect) -> Vec<DotenvPart> {
    let has_escaped_dollar = dialect != DotenvDialect::Python;
    let (mut parts, mut plain) = (Vec::new(), Wiping::new(String::with_capacity(text.len())));
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let next = rest.get(char.len_utf8()..).and_then(|rest| rest.chars().next());
        let escaped = match (char, next) {
            ('\\', Some('$')) if has_escaped_dollar => Some('$'),
            ('$', Some('$')) if dialect == DotenvDialect::Compose => Some('$'),
            ('\\', Some(next)) => escapes.iter().find(|(from, _)| *from == next).map(|(_, to)| *to),
            _ => None,
        };
        if let Some(escaped) = escaped {
            plain.push(escaped);
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        let Some((part, length)) = Some(rest).filter(|_| char == '$').and_then(|rest| part_at(rest, dialect)) else {
            plain.push(char);
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
            continue;
        };
        if !plain.is_empty() {
            parts.push(DotenvPart::Text(std::mem::take(&mut *plain)));
        }
        parts.push(part);
        rest = rest.get(length..).unwrap_or_default();
    }
    if !plain.is_empty() {
        parts.push(DotenvPart::Text(std::mem::take(&mut *plain)));
    }
    parts
}

/// The variable or other substitution that a text begins with, and its length.
fn part_at(text: &str, dialect: DotenvDialect) -> Option<(DotenvPart, usize)> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let rest = text.strip_prefix('$')?;
    let (name, default, length) = if let Some(braced) = rest.strip_prefix('{') {
        let end =
            if dialect == DotenvDialect::Python { braced.find('}')? } else { closing_bracket(rest, ['{', '}'])? - 1 };
        let (name, default) = split_default(braced.get(..end)?, dialect);
        (name, default, end + 3)
    } else if rest.starts_with('(') && matches!(dialect, DotenvDialect::Shell | DotenvDialect::Node) {
        ("", None, closing_bracket(rest, ['(', ')'])? + 2)
    } else if dialect == DotenvDialect::Python {
        return None;
    } else {
        let length = rest.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).unwrap_or(rest.len());
        let name = rest.get(..length)?;
        return is_name(name).then(|| {
            let text = format!("${name}");
            (DotenvPart::Variable { name: name.to_owned(), default: None, text }, length + 1)
        });
    };
    let text = text.get(..length)?.to_owned();
    if dialect == DotenvDialect::Python {
        // more names than elsewhere are variables, and what has another `:` is text
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_variable = !name.is_empty() && name.bytes().all(is_key);
        let part = if is_variable {
            DotenvPart::Variable { name: name.to_owned(), default, text }
        } else {
            DotenvPart::Substitution(text)
        };
        return if name.contains(':') { None } else { Some((part, length)) };
    }
    if is_name(name) && default.as_ref().is_none_or(|default| !default.text.contains('$')) {
        return Some((DotenvPart::Variable { name: name.to_owned(), default, text }, length));
    }
    Some((DotenvPart::Substitution(text), length))
}

/// Splits `NAME:-default`, and `NAME-default` except for python-dotenv, which has defaults only for what is not set.
fn split_default(inner: &str, dialect: DotenvDialect) -> (&str, Option<VariableDefault>) {
    let is_python = dialect == DotenvDialect::Python;
    let (found, is_for_empty) = match inner.split_once(":-") {
        Some(found) => (Some(found), !is_python),
        None => (inner.split_once('-').filter(|_| !is_python), false),
    };
    let Some((name, text)) = found else { return (inner, None) };
    (name, Some(VariableDefault { text: text.to_owned(), is_for_empty }))
}

/// Offset of the bracket that closes the one at the start of a text.
fn closing_bracket(text: &str, [open, close]: [char; 2]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, char) in text.char_indices() {
        if char == open {
            depth += 1;
        } else if char == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Reads a value as a shell does: quoted and unquoted parts up to a blank; returns the offset of its end.
pub(super) fn read_words(text: &str, start: usize) -> (Vec<DotenvPart>, usize) {
    let (mut parts, mut at) = (Vec::new(), start);
    while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let inner = text.get(at + char.len_utf8()..).unwrap_or_default();
        match char {
            ' ' | '\t' | '\n' | '\r' | ';' => break,
            '\'' => {
                let Some(end) = inner.find('\'') else { break };
                parts.push(DotenvPart::Text(inner.get(..end).unwrap_or_default().to_owned()));
                at += end + 2;
            }
            '"' => {
                let Some(end) = closing_quote(inner, '"') else { break };
                let content = inner.get(..end).unwrap_or_default();
                parts.extend(split_variables(content, known_escapes('"', DotenvDialect::Shell), DotenvDialect::Shell));
                at += end + 2;
            }
            '\\' => {
                let next = inner.chars().next().map(String::from).unwrap_or_default();
                at += 1 + next.len();
                parts.push(DotenvPart::Text(next));
            }
            _ => {
                let end = inner.find([' ', '\t', '\n', '\r', ';', '\'', '"', '\\']).unwrap_or(inner.len());
                let content = text.get(at..at + char.len_utf8() + end).unwrap_or_default();
                parts.extend(split_variables(content, &[], DotenvDialect::Shell));
                at += content.len();
            }
        }
    }
    (join_texts(parts), at)
}

/// Parts in which no text follows another.
fn join_texts(parts: Vec<DotenvPart>) -> Vec<DotenvPart> {
    let mut joined: Vec<DotenvPart> = Vec::new();
    for part in parts.into_iter().filter(|part| !matches!(part, DotenvPart::Text(text) if text.is_empty())) {
        match (joined.last_mut(), part) {
            (Some(DotenvPart::Text(last)), DotenvPart::Text(text)) => last.push_str(&text),
            (_, part) => joined.push(part),
        }
    }
    joined
}
