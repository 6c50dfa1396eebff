//! Reads YAML into a tree that keeps the written form: the text of each scalar, its style, its location.
//!
//! The parser produces events and checks neither duplicate keys nor the cost of an alias; the tree is built here,
//! without recursion, so that no input can exhaust the stack. YAML features that are harmful in configuration are
//! rejected with a fix: several documents, unknown tags, keys that are not scalars, tabs as indentation, alias bombs.
//!
//! No other module depends on the choice of this parser.

mod anchor;
mod build;
mod conflict;
mod cursor;
mod key;
mod syntax;
mod tag;

use granit_parser::{Event, Parser, options};

use self::build::{BuildStep, BuiltStream, YamlBuilder};
pub use self::conflict::find_conflict;
pub use self::key::display_key;
pub use self::tag::{fits_tag, tag_expectation};
use super::node::{Scalar, YamlKind, YamlNode, YamlStyle};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::sort::sort_by_key;
use crate::span::{Source, Span};
use crate::test_hook;

/// Maximum nesting of collections, with aliases expanded.
pub const MAX_DEPTH: usize = 64;

/// Maximum number of comment lines in a row: commented-out sections are long, and the parser's own limit of 96 lines
/// refuses real files.
const MAX_COMMENTS_IN_A_ROW: usize = 1 << 20;

/// Treatment of a plain `<<` key by the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeKeys {
    /// The keys of its mappings are merged in at its place; keys of the mapping itself win, and earlier mappings of a
    /// list win over later ones.
    Apply,
    /// It is a key like any other: `sops` authenticates the key, not its effect.
    Keep,
}

/// A comment of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlComment {
    /// Text after the `#`, with its blanks, up to the end of the line.
    pub text: String,
    /// The comment with its `#`.
    pub span: Span,
    /// Whether other text than blanks is before it on its line.
    pub inline: bool,
}

/// All content of a file.
#[derive(Debug, Clone)]
pub struct YamlStream {
    /// The documents with content, in their order.
    pub documents: Vec<YamlNode>,
    /// The comments of all documents, in their order.
    pub comments: Vec<YamlComment>,
    /// Whether there are aliases: some values are in the file once and in the tree twice.
    pub aliases: bool,
    /// Documents without content: the number of others before each, and its start, after its `---`.
    pub empty: Vec<(usize, Span)>,
    /// Number of documents, including those without content.
    pub started: usize,
}

/// A document, as far as it is valid.
#[derive(Debug)]
pub struct PartialDocument {
    /// The document. Parts that are not valid are broken nodes.
    pub root: YamlNode,
    /// Documents after it, where one is expected.
    pub others: Vec<YamlNode>,
    /// Reasons why parts are not valid. Nothing is broken if this is empty.
    pub problems: Diagnostics,
}

/// Documents, as far as they are valid.
#[derive(Debug)]
pub struct PartialStream {
    /// All content. Parts that are not valid are broken nodes.
    pub stream: YamlStream,
    /// Reasons why parts are not valid. Nothing is broken if this is empty.
    pub problems: Diagnostics,
}

/// Reads a file of one document, with anchors, aliases and merge keys resolved. A file without content gives a blank
/// scalar.
///
/// A node that came from an alias keeps the location of its text, at the anchor; its key keeps its own.
pub fn read_document(source: &Source) -> Result<YamlNode, Diagnostics> {
    let PartialDocument { root, problems, .. } = read_partial_document(source)?;
    if problems.is_empty() { Ok(root) } else { Err(problems) }
}

/// Reads a file like [`read_document`], as far as it is valid, so that all else in it is checked as well. An error if
/// the rest of the file is not understood.
pub fn read_partial_document(source: &Source) -> Result<PartialDocument, Diagnostics> {
    let mut builder = YamlBuilder::new(source, MergeKeys::Apply);
    feed_events(&mut builder, CommentMode::Skip);
    let mut built = builder.finish();
    if let [_, second, ..] = built.stream.documents.as_slice() {
        built.findings.push(several_documents(source, second.span));
    }
    let PartialStream { stream, problems } = usable_part(built, source)?;
    let mut documents = stream.documents.into_iter();
    let root = documents.next().unwrap_or_else(|| blank_node(Span::locate(source.text(), 0, 0)));
    Ok(PartialDocument { root, others: documents.collect(), problems })
}

/// Reads a file of any number of documents, with its comments. Documents without content are left out.
pub fn read_stream(source: &Source, merge_keys: MergeKeys) -> Result<YamlStream, Diagnostics> {
    let PartialStream { stream, problems } = read_partial_stream(source, merge_keys)?;
    if problems.is_empty() { Ok(stream) } else { Err(problems) }
}

/// Reads a file like [`read_stream`], as far as it is valid, so that all else in it is checked as well. An error if the
/// rest of the file is not understood.
pub fn read_partial_stream(source: &Source, merge_keys: MergeKeys) -> Result<PartialStream, Diagnostics> {
    let mut builder = YamlBuilder::new(source, merge_keys);
    feed_events(&mut builder, CommentMode::Collect);
    let mut partial = usable_part(builder.finish(), source)?;
    sort_by_key(&mut partial.stream.comments, |comment| comment.span.start);
    Ok(partial)
}

/// Documents that were built, unless the rest of the text is not certain, nothing of one is valid, or Git left a conflict
/// in it.
fn usable_part(built: BuiltStream, source: &Source) -> Result<PartialStream, Diagnostics> {
    let BuiltStream { stream, findings, is_unusable } = built;
    if findings.is_empty() {
        return Ok(PartialStream { stream, problems: findings });
    }
    if let Some(conflict) = find_conflict(source) {
        return Err(conflict.into());
    }
    if is_unusable || stream.documents.iter().any(YamlNode::is_broken) {
        return Err(findings);
    }
    Ok(PartialStream { stream, problems: findings })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CommentMode {
    Collect,
    Skip,
}

/// Feeds the events of the source to the builder until it has enough or the parser stops with an error.
fn feed_events(builder: &mut YamlBuilder<'_>, comments: CommentMode) {
    let options = options! {
        emit_comments: comments == CommentMode::Collect,
        max_buffered_comment_events: MAX_COMMENTS_IN_A_ROW,
        emit_unresolved_aliases: true,
        // as the readers of Kubernetes and sops do
        block_scalar_eof_without_line_feed: true,
    };
    test_hook::count_work(builder.text().len());
    for next in Parser::new_from_str_with_options(builder.text(), options) {
        match next {
            Ok((Event::StreamEnd, _)) => return,
            Ok((event, span)) => {
                if builder.take_event(event, &span) == BuildStep::Stop {
                    return;
                }
            }
            Err(error) => return builder.give_up(&error),
        }
    }
}

/// A node that was not written.
fn blank_node(span: Span) -> YamlNode {
    let mut scalar = Scalar::new("", YamlStyle::Plain);
    scalar.blank = true;
    YamlNode { span, kind: YamlKind::Scalar(scalar) }
}

/// The start of a value as an empty range: a message that pointed at the whole value would show it.
fn first_line_span(span: Span) -> Span {
    Span { end: span.start, ..span }
}

fn several_documents(source: &Source, second: Span) -> Diagnostic {
    Diagnostic::error(Rule::SeveralDocuments, "expected one document, found a second one after `---`")
        .at(source.place(first_line_span(second)))
        .hint("move it to a separate file, or remove the `---` before it")
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod yamlish;
