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
        return diagnostic.hint("put a value that starts with `{{` or `{%` in quotes: `\"{{ … }}\"`");
    }
    let line = line_at(text, offset);
    if matches!(error.kind(), ErrorKind::InvalidTrailingDoubleQuotedScalar) && line.contains("{{") {
        return diagnostic.hint("within double quotes, a template has single ones: `\"{{ … | default('x') }}\"`");
    }
    if is_assignment(line) || is_assignment(line_before(text, offset)) && !line.trim_start().starts_with('-') {
        return diagnostic.hint("write `KEY: value` in the place of `KEY=value`");
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
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "the quote that opens here is never closed",
            "close it; within double quotes write `\\\"` for a quote, within single quotes `''`",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("text stands behind the closing quote", "put the whole value in quotes, and a ` #` before a comment")
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::InvalidColonPlacement => (
            "this bracket is not closed, or its entries lack a comma",
            "close it, or put a value with brackets in quotes",
        ),
        ErrorKind::MisplacedFlowCollectionEnd | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            ("the brackets do not match", "close each `[` with `]` and each `{` with `}`")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => (
            "expected a comma or a closing bracket",
            "add it, or put a value with brackets, commas or a `:` at its end in quotes",
        ),
        ErrorKind::MappingValueNotAllowed => (
            "a `:` stands where no key can be",
            "put a value that holds `: ` in quotes, write `key: value` with a space, and align keys with their siblings",
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
            ("this does not continue what stands above it", "align it with its siblings, or check the line above")
        }
        ErrorKind::InvalidBlockScalarIndent => {
            ("a line of the block text is not indented like the others", "indent all its lines alike, blank ones too")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("expected a `:` after this key", "write `key: value` with a space after the `:`")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list cannot start here", "start it on the next line, or put a value that starts with `- ` in quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => (
            "the text in double quotes holds an unknown `\\` escape",
            "write `\\\\` for a backslash, or use single quotes, which know no escapes",
        ),
        ErrorKind::MissingAnchorOrAliasName => {
            ("expected a name after `&` or `*`", "put a value that starts with one of them in quotes")
        }
        ErrorKind::CommentInterceptedScalar => {
            ("a comment cuts a text of several lines in two", "move the comment, or put the text in quotes")
        }
        ErrorKind::BomInsideDocument => ("a byte-order mark stands in the middle of the file", "remove it"),
        _ => ("this is not valid YAML", "put a value with special characters in quotes"),
    };
    (message.to_owned(), hint)
}

fn unexpected_character(character: char) -> (String, &'static str) {
    if character.is_control() || !character.is_ascii() {
        let message = format!("the character U+{:04X} cannot stand bare in YAML", u32::from(character));
        return (message, "remove it, or write it in double quotes as an escape such as `\\x07` or `\\u2028`");
    }
    (format!("a bare value cannot start with `{character}`"), "put the value in quotes")
}

fn undeclared_tag(source: &Source, offset: usize) -> Diagnostic {
    let text = source.text();
    let rest = text.get(offset..).unwrap_or_default();
    let length = rest.find(|char: char| char.is_whitespace()).unwrap_or(rest.len());
    super::tag::tag_diagnostic(source.place(Span::locate(text, offset, offset + length)), TagPlacement::Alone)
}

/// A text that ends in `:` within brackets, which makes it a key.
pub(super) fn bare_pair(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(SYNTAX, "YAML takes this item for a mapping, since it ends in `:`")
        .at_masked(source.place(at))
        .hint("put it in quotes; a key without a value is `{ key: null }`")
}

/// A tab in the indentation.
pub(super) fn tab_diagnostic(source: &Source, offset: usize) -> Diagnostic {
    Diagnostic::error(TAB, "a tab indents this line, and YAML indents with spaces only")
        .at(source.place(Span::locate(source.text(), offset, offset + 1)))
        .hint("replace the tabs at the start of lines by spaces")
}

/// Collections nested deeper than in any realistic file.
pub(super) fn too_deep(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(DEPTH, format!("more than {} collections lie in each other", super::MAX_DEPTH))
        .at(source.place(at))
        .hint("flatten the structure, or keep it as text in a block (`key: |`)")
}

/// Copies that would fill the memory.
pub(super) fn alias_bomb(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::AliasBomb, "anchors and aliases multiply this file beyond all measure")
        .at(source.place(at))
        .hint("use fewer aliases of aliases")
}

/// An alias within its own anchor.
pub(super) fn recursive_alias(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::RecursiveAlias, "this alias stands within its own anchor, which would never end")
        .at(source.place(at))
        .hint("name another anchor, or write the value out")
}

/// An alias without an anchor. It is more likely a password with a `*` than an alias, so its name is not shown.
pub(super) fn undefined_alias(source: &Source, at: Span) -> Diagnostic {
    Diagnostic::error(Rule::UndefinedAlias, "no anchor of this name stands before this alias")
        .at_masked(source.place(at))
        .hint("put a value that starts with `*` in quotes, or define the anchor above with `&name`")
}
