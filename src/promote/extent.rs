//! Extent of an entry in the text of a layer: where its value and its comments begin and end.

use crate::yaml::node::{YamlKind, YamlNode, YamlStyle};

/// Comment lines directly above an offset, with its indentation, and the offset at which the first of them starts.
pub(super) fn comments_above(text: &str, at: usize) -> (Vec<String>, usize) {
    let line = line_start(text, at);
    let indent = text.get(line..at).unwrap_or_default();
    let (mut comments, mut start) = (Vec::new(), at);
    if !indent.trim().is_empty() {
        return (comments, start);
    }
    let mut above = line;
    while above > 0 {
        let first = line_start(text, above - 1);
        let comment = text.get(first..above).unwrap_or_default().strip_prefix(indent);
        let Some(comment) = comment.filter(|comment| comment.starts_with('#')) else { break };
        comments.push(comment.trim_end().to_owned());
        (above, start) = (first, first + indent.len());
    }
    comments.reverse();
    (comments, start)
}

/// Ends of an entry in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryEnds {
    /// End of its value, with the blank lines that belong to it.
    pub(super) value: usize,
    /// End of the comment behind it.
    pub(super) comment: usize,
    /// Whether blank lines at its end are part of its value: `|+`, `>+`.
    pub(super) keeps_newlines: bool,
}

/// Ends of an entry that starts at an offset.
pub(super) fn entry_ends(text: &str, start: usize, node: &YamlNode) -> EntryEnds {
    // a block ends at the start of the line after it
    let own = text.get(start..node.span.end).unwrap_or_default();
    let end = start + own.trim_end_matches(['\n', '\r', ' ', '\t']).len();
    if keeps_newlines(text, start, node) {
        let end = blank_lines_end(text, end);
        return EntryEnds { value: end, comment: end, keeps_newlines: true };
    }
    let rest = text.get(end..line_end(text, end)).unwrap_or_default().trim_end_matches(['\n', '\r']);
    let behind = rest.trim_start();
    let is_comment = behind.starts_with('#') && rest.len() > behind.len();
    let comment = if is_comment { end + rest.trim_end().len() } else { end };
    EntryEnds { value: end, comment, keeps_newlines: false }
}

/// Whether the last value of a node is a block whose blank lines at the end are part of it.
fn keeps_newlines(text: &str, start: usize, node: &YamlNode) -> bool {
    let mut last = node;
    loop {
        last = match &last.kind {
            YamlKind::Map(map) => match map.values().next_back() {
                Some(value) => value,
                None => return false,
            },
            YamlKind::List(items) => match items.last() {
                Some(item) => item,
                None => return false,
            },
            YamlKind::Scalar(scalar) => {
                let is_block = matches!(scalar.style, YamlStyle::Literal | YamlStyle::Folded);
                let header = text.get(last.span.start..line_end(text, last.span.start)).unwrap_or_default();
                let indicators = header.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
                return is_block && last.span.start >= start && indicators.contains('+');
            }
        };
    }
}

/// End of the last of the blank lines after an offset, without its line break.
pub(super) fn blank_lines_end(text: &str, at: usize) -> usize {
    let (mut end, mut next) = (at, line_end(text, at));
    while next < text.len() {
        let after = line_end(text, next);
        let line = text.get(next..after).unwrap_or_default();
        if !line.trim().is_empty() {
            break;
        }
        end = next + line.trim_end_matches(['\n', '\r']).len();
        next = after;
    }
    end
}

/// Offset of the comment on the first line of an entry with several lines, with the blanks before it: behind the
/// header of a block, or behind the key alone.
pub(super) fn header_comment(line: &str) -> Option<usize> {
    let colon = line.find(": ").or_else(|| line.find(":\t"))?;
    let value = line.get(colon + 1..)?;
    if !value.trim_start().starts_with(['#', '|', '>']) {
        return None;
    }
    let hash = value.match_indices('#').map(|(at, _)| at);
    let hash = hash.filter_map(|at| value.get(..at)).find(|before| before.ends_with([' ', '\t']))?;
    Some(colon + 1 + hash.trim_end().len())
}

/// Start of the line of an offset.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// End of the line of an offset, with its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}
