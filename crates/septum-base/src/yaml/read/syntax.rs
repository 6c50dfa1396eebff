//! Errors of the parser and the tree builder, described with a fix.
//!
//! The parser's own texts name parts of its grammar, and its locations are sometimes those of the token
//! before the mistake.

use granit_parser::{ErrorKind, ScanError};

use super::tag::TagPlacement;
use crate::diagnostic::{Diagnostic, Rule};
use crate::span::{Source, Span};

const SYNTAX: Rule = Rule::YamlSyntax;
pub(super) const TAB: Rule = Rule::TabIndentation;
const DEPTH: Rule = Rule::TooDeep;

/// The finding for an error of the parser.
pub(super) fn syntax_diagnostic(source: &Source, error: &ScanError) -> Diagnostic {
    let text = source.text();
    let offset = error.marker().byte_offset().unwrap_or(text.len());
    if let Some(tab) = tab_near(text, offset, error.kind()) {
        return tab_diagnostic(source, tab);
    }
    // one character of a value would be shown, so only punctuation has a range that is not empty
    let punctuation = text.as_bytes().get(offset).is_some_and(u8::is_ascii_punctuation);
    let at = Span::locate(text, offset, offset + usize::from(punctuation));
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(source, at),
        ErrorKind::UndeclaredTagHandle => return undeclared_tag(source, offset),
        _ => {}
    }
    let (message, hint) = describe_error(error.kind());
    let diagnostic = Diagnostic::error(SYNTAX, message).at(source.place(at));
    if starts_with_template(text, offset) {
        return diagnostic.hint("quote a value that starts with `{{` or `{%`: `\"{{ … }}\"`");
    }
    let line = line_at(text, offset);
    if matches!(error.kind(), ErrorKind::InvalidTrailingDoubleQuotedScalar) && line.contains("{{") {
        return diagnostic.hint("within double quotes, use single quotes in a template: `\"{{ … | default('x') }}\"`");
    }
    if is_assignment(line) || is_assignment(line_before(text, offset)) && !line.trim_start().starts_with('-') {
        return diagnostic.hint("write `KEY: value` instead of `KEY=value`");
    }
    diagnostic.hint(hint)
}

/// A tab that the parser reported. For a plain text of several lines it reports the first line, while the tab is in a
/// later one.
fn tab_near(text: &str, offset: usize, kind: &ErrorKind) -> Option<usize> {
    let line_start = text.get(..offset)?.rfind('\n').map_or(0, |newline| newline + 1);
    let lines = match kind {
        ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed => usize::MAX,
        _ => 1,
    };
    let mut start = line_start;
    for line in text.get(line_start..)?.split_inclusive('\n').take(lines) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let (Some(tab), false) = (indent.find('\t'), line.trim().is_empty()) {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

/// The line that a place is on.
fn line_at(text: &str, offset: usize) -> &str {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}

/// The line above the one that a place is on.
fn line_before(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).and_then(|before| before.rfind('\n')).and_then(|newline| text.get(..newline));
    before.and_then(|before| before.lines().next_back()).unwrap_or_default()
}

/// Whether a line is `KEY=value`, as in env files.
fn is_assignment(line: &str) -> bool {
    let line = line.trim().trim_start_matches("export ");
    let Some((key, _)) = line.split_once('=') else { return false };
    let key = key.trim_end();
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    key.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_') && key.chars().all(is_part)
}

/// Whether an unquoted `{{` or `{%` starts a value on the line of `offset`.
fn starts_with_template(text: &str, offset: usize) -> bool {
    let line = line_at(text, offset);
    [": {{", ": {%", "- {{", "- {%"].iter().any(|opening| line.contains(opening))
        || line.trim_start().starts_with("{{")
        || line.trim_start().starts_with("{%")
}

/// Describes the error and its fix, for each kind of error that occurs in practice.
fn describe_error(kind: &ErrorKind) -> (String, &'static str) {
    let (message, hint) = match kind {
        ErrorKind::UnexpectedCharacter { character } => return unexpected_character(*character),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("unclosed quote", "close it; within double quotes write `\\\"` for a quote, within single quotes `''`")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("unexpected text after the closing quote", "quote the whole value, and put ` #` before a comment")
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::InvalidColonPlacement => {
            ("unclosed bracket, or a missing comma between its entries", "close it, or quote a value with brackets")
        }
        ErrorKind::MisplacedFlowCollectionEnd | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            ("the brackets do not match", "close each `[` with `]` and each `{` with `}`")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => (
            "expected a comma or a closing bracket",
            "add it, or quote a value with brackets, commas or a trailing `:`",
        ),
        ErrorKind::MappingValueNotAllowed => (
            "unexpected `:`",
            "quote a value that contains `: `, write `key: value` with a space, and align keys with their siblings",
        ),
        _ => return describe_layout_error(kind),
    };
    (message.to_owned(), hint)
}

/// Like [`describe_error`], for lines that are not where they belong.
fn describe_layout_error(kind: &ErrorKind) -> (String, &'static str) {
    let (message, hint) = match kind {
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidIndentation => {
            ("this line does not continue the one above it", "align it with its siblings, or check the line above")
        }
        ErrorKind::InvalidBlockScalarIndent => (
            "a line of the block scalar is not indented like the others",
            "indent all its lines alike, including blank ones",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("expected a `:` after this key", "write `key: value` with a space after the `:`")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list cannot start here", "start it on the next line, or quote a value that starts with `- `")
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => (
            "unknown `\\` escape in a double-quoted string",
            "write `\\\\` for a backslash, or use single quotes, which have no escapes",
        ),
        ErrorKind::MissingAnchorOrAliasName => {
            ("expected a name after `&` or `*`", "quote a value that starts with one of them")
        }
        ErrorKind::CommentInterceptedScalar => {
            ("a comment interrupts a multi-line string", "move the comment, or quote the string")
        }
        ErrorKind::BomInsideDocument => ("byte-order mark in the middle of the file", "remove it"),
        _ => ("this is not valid YAML", "quote a value with special characters"),
    };
    (message.to_owned(), hint)
}

fn unexpected_character(character: char) -> (String, &'static str) {
    if character.is_control() || !character.is_ascii() {
        let message = format!("the character U+{:04X} is not allowed unquoted in YAML", u32::from(character));
        return (message, "remove it, or write it as an escape in double quotes, such as `\\x07` or `\\u2028`");
    }
    (format!("an unquoted value cannot start with `{character}`"), "quote the value")
}

fn undeclared_tag(source: &Source, offset: usize) -> Diagnostic {
    let text = source.text();
    let rest = text.get(offset..).unwrap_or_default();
    let length = rest.find(|char: char| char.is_whitespace()).unwrap_or(rest.len());
    super::tag::tag_diagnostic(source.place(Span::locate(text, offset, offset + length)), TagPlacement::Alone)
}

/// A text that ends in `:` within brackets, which makes it a key.
pub(super) fn bare_pair(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(SYNTAX, "YAML parses this item as a mapping, because it ends with `:`")
        .at_masked(source.place(at))
        .hint("quote it; for a key without a value, write `{ key: null }`")
}

/// A tab in the indentation.
pub(super) fn tab_diagnostic(source: &Source, offset: usize) -> Diagnostic {
    Diagnostic::error(TAB, "this line is indented with a tab, but YAML only allows spaces")
        .at(source.place(Span::locate(source.text(), offset, offset + 1)))
        .hint("replace tabs in the indentation with spaces")
}

/// Collections nested deeper than in any realistic file.
pub(super) fn too_deep(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(DEPTH, format!("collections are nested more than {} levels deep", super::MAX_DEPTH))
        .at(source.place(at))
        .hint("flatten the structure, or write it as a block scalar (`key: |`)")
}

/// Copies that would fill the memory.
pub(super) fn alias_bomb(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::AliasBomb, "anchors and aliases expand this file beyond the limit")
        .at(source.place(at))
        .hint("use fewer aliases of aliases")
}

/// An alias within its own anchor.
pub(super) fn recursive_alias(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::RecursiveAlias, "this alias is inside its own anchor, which would be infinite")
        .at(source.place(at))
        .hint("use another anchor, or write the value out")
}

/// An alias without an anchor. It is more likely a password with a `*` than an alias, so its name is not shown.
pub(super) fn undefined_alias(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::UndefinedAlias, "undefined alias: no anchor with its name precedes it")
        .at_masked(source.place(at))
        .hint("quote a value that starts with `*`, or define the anchor above with `&name`")
}
