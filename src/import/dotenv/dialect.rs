//! Dialects of dotenv files: there is no standard, and each reader has rules of its own.

use crate::secret::Wiping;
use crate::span::{Source, Span};

/// Length from which a line is lost on kustomize, and refused by Docker, in bytes.
pub(super) const LONG_LINE: usize = 64 << 10;

/// Reader whose rules a file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DotenvDialect {
    /// dotenv and dotenvx of Node.
    Node,
    /// python-dotenv
    Python,
    /// `docker run --env-file`
    Docker,
    /// Docker Compose.
    Compose,
    /// `envs` of kustomize.
    Kustomize,
    /// A shell that sources the file.
    Shell,
}

impl DotenvDialect {
    /// All dialects.
    pub const ALL: [Self; 6] = [Self::Node, Self::Python, Self::Docker, Self::Compose, Self::Kustomize, Self::Shell];

    /// Name on the command line and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Docker => "docker",
            Self::Compose => "compose",
            Self::Kustomize => "kustomize",
            Self::Shell => "shell",
        }
    }

    /// Reader that has these rules.
    pub fn reader(self) -> &'static str {
        match self {
            Self::Node => "dotenv and dotenvx of Node",
            Self::Python => "python-dotenv",
            Self::Docker => "`docker run --env-file`",
            Self::Compose => "Docker Compose",
            Self::Kustomize => "`envs` of kustomize",
            Self::Shell => "A shell that sources the file",
        }
    }

    /// Whether everything after the `=` is the value, as it is.
    pub(super) fn is_verbatim(self) -> bool {
        matches!(self, Self::Docker | Self::Kustomize)
    }
}

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

/// Assignment of a dotenv file.
pub(super) struct DotenvEntry {
    pub(super) key: String,
    pub(super) parts: Vec<DotenvPart>,
    /// Its first line, in the file.
    pub(super) span: Span,
    /// Offset of the line after its last one.
    pub(super) end: usize,
}

/// A line as a dialect reads it.
pub(super) enum DialectLine {
    Entry(DotenvEntry),
    /// Skipped by the reader, because it has no `=`: the variable would come from the process.
    Skipped(Span),
    /// Refused by the reader, with the reason.
    Invalid(Span, &'static str),
}

/// Reads a file by the rules of a dialect.
pub(super) fn read_dotenv(source: &Source, dialect: DotenvDialect) -> Vec<DialectLine> {
    let text = source.text().strip_prefix('\u{FEFF}').unwrap_or(source.text());
    let mut at = source.text().len() - text.len();
    let (mut found, all) = (Vec::new(), source.text());
    while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.split('\n').next().unwrap_or_default();
        let start = at;
        at += line.len() + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start();
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let span = source.locate(start, start + line.len());
        if line.len() >= LONG_LINE && dialect.is_verbatim() {
            found.push(DialectLine::Invalid(span, "a line has 64 KiB or more"));
            return found;
        }
        let Some((key, value)) = content.split_once('=') else {
            // the variable comes from the process, or is skipped
            found.push(if dialect == DotenvDialect::Kustomize {
                DialectLine::Entry(DotenvEntry { key: content.to_owned(), parts: Vec::new(), span, end: at })
            } else {
                DialectLine::Skipped(span)
            });
            continue;
        };
        let key = match read_key(key, dialect) {
            Ok(key) => key,
            Err(why) => {
                found.push(DialectLine::Invalid(span, why));
                continue;
            }
        };
        if key.is_empty() {
            continue;
        }
        let value_start = start + line.len() - value.len();
        let (parts, end) = match dialect {
            _ if dialect.is_verbatim() && value.is_empty() => (Vec::new(), at),
            _ if dialect.is_verbatim() => (vec![DotenvPart::Text(value.to_owned())], at),
            DotenvDialect::Shell => read_words(all, value_start),
            _ => match read_value(all, value_start, line.len() - (value_start - start), dialect) {
                Ok(read) => read,
                Err(why) => {
                    found.push(DialectLine::Invalid(span, why));
                    continue;
                }
            },
        };
        if end > at {
            at = all.get(end..).and_then(|rest| rest.find('\n')).map_or(all.len(), |line_end| end + line_end + 1);
        }
        found.push(DialectLine::Entry(DotenvEntry { key, parts, span, end: at }));
    }
    found
}

fn read_key(text: &str, dialect: DotenvDialect) -> Result<String, &'static str> {
    if dialect == DotenvDialect::Kustomize {
        return Ok(text.to_owned());
    }
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    if dialect == DotenvDialect::Docker {
        return if text.contains(char::is_whitespace) { Err("a key has a blank") } else { Ok(text.to_owned()) };
    }
    let key = exported.unwrap_or(text);
    let (key, trimmed) =
        (key.trim(), key.trim_end() != key && exported.is_none() || key.trim().len() < key.len() && exported.is_none());
    if key.contains(char::is_whitespace) || trimmed && matches!(dialect, DotenvDialect::Compose | DotenvDialect::Shell)
    {
        return Err("a key has a blank");
    }
    Ok(key.trim_matches('\'').to_owned())
}

/// Reads the value at an offset; returns the offset of its end, or why the reader refuses it.
fn read_value(
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
fn read_words(text: &str, start: usize) -> (Vec<DotenvPart>, usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `K` as the dialects read it, with variables as written; `!` for an error, `-` for none.
    fn values(text: &str) -> [String; 6] {
        DotenvDialect::ALL.map(|dialect| {
            let lines = read_dotenv(&Source::new(".env", text), dialect);
            let found = lines.into_iter().next().map(|line| match line {
                DialectLine::Entry(entry) => {
                    let parts = entry.parts.iter().map(|part| match part {
                        DotenvPart::Text(text) => text.clone(),
                        DotenvPart::Substitution(text) => format!("<?{text}>"),
                        DotenvPart::Variable { name, default, .. } => {
                            let shown = default.as_ref().map(|default| {
                                let sign = if default.is_for_empty { '|' } else { '-' };
                                format!("{sign}{}", default.text)
                            });
                            format!("<{name}{}>", shown.unwrap_or_default())
                        }
                    });
                    let value: String = parts.collect();
                    if entry.key == "K" { value } else { format!("{}:{value}", entry.key) }
                }
                DialectLine::Skipped(_) => "-".to_owned(),
                DialectLine::Invalid(..) => "!".to_owned(),
            });
            found.unwrap_or_else(|| "-".to_owned())
        })
    }

    #[test]
    fn each_dialect_reads_as_its_program() {
        // node, python, docker, compose, kustomize, shell
        for (text, expected) in [
            ("K=a", ["a", "a", "a", "a", "a", "a"]),
            ("K=", ["", "", "", "", "", ""]),
            ("K='a'", ["a", "a", "'a'", "a", "'a'", "a"]),
            ("K=\"a\\nb\"", ["a\nb", "a\nb", "\"a\\nb\"", "a\nb", "\"a\\nb\"", "a\\nb"]),
            ("K=`a`", ["a", "`a`", "`a`", "`a`", "`a`", "`a`"]),
            ("K=a # b", ["a", "a", "a # b", "a", "a # b", "a"]),
            ("K=a#b", ["a", "a#b", "a#b", "a#b", "a#b", "a#b"]),
            ("K='a # b' # c", ["a # b", "a # b", "'a # b' # c", "a # b", "'a # b' # c", "a # b"]),
            ("K=$A", ["<A>", "$A", "$A", "<A>", "$A", "<A>"]),
            ("K=${A:-x}", ["<A|x>", "<A-x>", "${A:-x}", "<A|x>", "${A:-x}", "<A|x>"]),
            ("K=${A-x}", ["<A-x>", "<A-x>", "${A-x}", "<A-x>", "${A-x}", "<A-x>"]),
            ("K=${A.b}", ["<?${A.b}>", "<A.b>", "${A.b}", "<?${A.b}>", "${A.b}", "<?${A.b}>"]),
            ("K='${a b}'", ["${a b}", "<?${a b}>", "'${a b}'", "${a b}", "'${a b}'", "${a b}"]),
            ("K=${A:+x}", ["<?${A:+x}>", "${A:+x}", "${A:+x}", "<?${A:+x}>", "${A:+x}", "<?${A:+x}>"]),
            ("K='$A'", ["$A", "$A", "'$A'", "$A", "'$A'", "$A"]),
            ("K='${A}'", ["${A}", "<A>", "'${A}'", "${A}", "'${A}'", "${A}"]),
            ("export K=a", ["a", "a", "!", "a", "export K:a", "a"]),
            ("K", ["-", "-", "-", "-", "", "-"]),
            ("K =a", ["a", "a", "!", "!", "K :a", "!"]),
            ("K= a ", ["a", "a", " a ", "a", " a ", ""]),
            ("K=\"a\nb\"\nL=c", ["a\nb", "a\nb", "\"a", "a\nb", "\"a", "a\nb"]),
            ("K=a$", ["a$", "a$", "a$", "a$", "a$", "a$"]),
            ("K=a\r\nL=b", ["a", "a", "a", "a", "a", "a"]),
            ("K=\"a\" b", ["\"a\" b", "!", "\"a\" b", "!", "\"a\" b", "a"]),
            ("K='a' 'b'", ["a' 'b", "!", "'a' 'b'", "!", "'a' 'b'", "a"]),
            ("K=\"\\$A\"", ["$A", "\\$A", "\"\\$A\"", "$A", "\"\\$A\"", "$A"]),
            ("K=\"\\\\$A\"", ["\\$A", "\\$A", "\"\\\\$A\"", "\\<A>", "\"\\\\$A\"", "\\<A>"]),
            ("K=a$$A", ["a$<A>", "a$$A", "a$$A", "a$A", "a$$A", "a$<A>"]),
            (
                "K=${A:-${B}}",
                ["<?${A:-${B}}>", "<A-${B>}", "${A:-${B}}", "<?${A:-${B}}>", "${A:-${B}}", "<?${A:-${B}}>"],
            ),
            ("K=${A:?x}", ["<?${A:?x}>", "${A:?x}", "${A:?x}", "<?${A:?x}>", "${A:?x}", "<?${A:?x}>"]),
            ("K=$(a)", ["<?$(a)>", "$(a)", "$(a)", "$(a)", "$(a)", "<?$(a)>"]),
        ] {
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_after_a_value_of_several_lines_are_read() {
        let lines = read_dotenv(&Source::new(".env", "A=\"1\n2\" # x\nB=3\n"), DotenvDialect::Node);
        let keys: Vec<_> = lines
            .iter()
            .map(|line| match line {
                DialectLine::Entry(entry) => entry.key.as_str(),
                DialectLine::Skipped(_) => "-",
                DialectLine::Invalid(..) => "!",
            })
            .collect();
        assert_eq!(keys, ["A", "B"]);
    }
}
