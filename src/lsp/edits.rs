//! Edits of texts, which the editor makes.
//!
//! An edit repeats no more of a line than what changes: the rest may be a secret, and editors log messages.

use std::ops::Range;
use std::path::Path;

use super::position::PositionMap;
use super::protocol::{DocumentEdit, DocumentTextEdit, EditedDocument, WorkspaceEdit};
use super::workspace::EditorWorkspace;
use crate::line_diff::{LineDiff, LineEdit};

/// A file with its text before and after.
pub(super) struct EditedText<'t> {
    pub(super) path: &'t Path,
    pub(super) before: &'t str,
    pub(super) after: &'t str,
}

/// The edits of some files.
pub(super) fn workspace_edit<'t>(
    workspace: &EditorWorkspace,
    files: impl IntoIterator<Item = EditedText<'t>>,
) -> WorkspaceEdit {
    let edit = |file: EditedText<'_>| document_edit(workspace, file.path, text_edits(workspace, &file));
    WorkspaceEdit { document_changes: files.into_iter().map(edit).collect() }
}

/// The edits of a file, for the text that the editor has.
pub(super) fn document_edit(workspace: &EditorWorkspace, path: &Path, edits: Vec<DocumentTextEdit>) -> DocumentEdit {
    let uri = workspace.documents.uri(path);
    let version = workspace.documents.get(path).and_then(|document| document.version);
    DocumentEdit { text_document: EditedDocument { uri, version }, edits }
}

fn text_edits(workspace: &EditorWorkspace, file: &EditedText<'_>) -> Vec<DocumentTextEdit> {
    let map = PositionMap::new(file.before, workspace.unit);
    let diff = LineDiff::new(file.before, file.after);
    let narrow = |LineEdit { range, text }| {
        let old = file.before.get(range.clone()).unwrap_or_default();
        let shift = move |(inner, text): (Range<usize>, _)| (range.start + inner.start..range.start + inner.end, text);
        narrow_lines(old, text).into_iter().map(shift)
    };
    let edit =
        |(range, text): (Range<usize>, &str)| DocumentTextEdit { range: map.range(range), new_text: text.to_owned() };
    diff.edits().flat_map(narrow).map(edit).collect()
}

/// The parts of lines that differ. Of several lines, those at the end may have got another indentation alone.
fn narrow_lines<'t>(old: &str, new: &'t str) -> Vec<(Range<usize>, &'t str)> {
    let (lines, changed) = (split_lines(old), split_lines(new));
    let is_moved = |(old, new): &(&&str, &&str)| old.trim_start_matches(' ') == new.trim_start_matches(' ');
    let kept = if lines.len() == changed.len() {
        lines.len()
    } else {
        lines.iter().rev().zip(changed.iter().rev()).take_while(is_moved).count()
    };
    let length = |lines: &[&str]| lines.iter().take(lines.len() - kept).map(|line| line.len()).sum::<usize>();
    let mut start = length(&lines);
    let mut edits = match (old.get(..start), new.get(..length(&changed))) {
        (Some(old), Some(new)) if old != new => narrow_text(old, new),
        _ => Vec::new(),
    };
    let pairs = lines.iter().skip(lines.len() - kept).zip(changed.iter().skip(changed.len() - kept));
    for (old, new) in pairs {
        let shift = |(range, text): (Range<usize>, &'t str)| (start + range.start..start + range.end, text);
        edits.extend(narrow_words(old, new).into_iter().map(shift));
        start += old.len();
    }
    edits
}

fn split_lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The words of a line that differ, if it has as many as before.
fn narrow_words<'t>(old: &str, new: &'t str) -> Vec<(Range<usize>, &'t str)> {
    let (words, changed) = (split_words(old), split_words(new));
    if words.len() != changed.len() {
        return narrow_text(old, new);
    }
    let mut start = 0;
    let mut edits = Vec::new();
    for (old, new) in words.into_iter().zip(changed) {
        if old != new {
            edits.push((start..start + old.len(), new));
        }
        start += old.len();
    }
    edits
}

/// Words, the texts between them, and the end of the line: no place is inside of that.
fn split_words(line: &str) -> Vec<&str> {
    let content = line.trim_end_matches(['\n', '\r']);
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut words = Vec::new();
    let mut rest = content;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|char| is_word(char) != is_word(first)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        words.push(word);
        rest = behind;
    }
    words.push(line.get(content.len()..).unwrap_or_default());
    words
}

/// The part of a text that differs: between what both begin and end with, and around what stays in the middle.
fn narrow_text<'t>(old: &str, new: &'t str) -> Vec<(Range<usize>, &'t str)> {
    let ends = |one: &str, other: &str| {
        let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
        same.map(|(char, _)| char.len_utf8()).sum::<usize>()
    };
    // no place is between the characters of a line break
    let whole = |text: &str, at: usize| {
        let is_inside = text.get(..at).is_some_and(|before| before.ends_with('\r'));
        if is_inside { at - 1 } else { at }
    };
    let start = whole(old, ends(old, new));
    let (old_rest, new_rest) = (old.get(start..).unwrap_or_default(), new.get(start..).unwrap_or_default());
    let same = old_rest.chars().rev().zip(new_rest.chars().rev()).take_while(|(one, other)| one == other);
    let mut tail: usize = same.map(|(char, _)| char.len_utf8()).sum();
    let (before, behind) = old_rest.split_at_checked(old_rest.len() - tail).unwrap_or_default();
    if before.ends_with('\r') && behind.starts_with('\n') {
        tail -= 1;
    }
    let end = start + old_rest.len() - tail;
    let old_part = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_part = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    match new_part.find(old_part).filter(|_| !old_part.is_empty()) {
        Some(at) => {
            let (before, behind) = (new_part.get(..at), new_part.get(at + old_part.len()..));
            vec![(start..start, before.unwrap_or_default()), (end..end, behind.unwrap_or_default())]
        }
        None => vec![(start..end, new_part)],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apply(old: &str, edits: &[(Range<usize>, &str)]) -> String {
        let mut text = old.to_owned();
        for (range, new) in edits.iter().rev() {
            text.replace_range(range.clone(), new);
        }
        text
    }

    fn texts() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a", "b", "a_b", " ", ": ", "{", "\"", "é", "😀", "\n", "\r\n", "\r"]);
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn edits_give_the_new_text_and_no_end_is_in_a_line_break(old in texts(), new in texts()) {
            for edits in [narrow_lines(&old, &new), narrow_text(&old, &new)] {
                prop_assert_eq!(apply(&old, &edits), new.as_str());
                for at in edits.iter().flat_map(|(range, _)| [range.start, range.end]) {
                    let is_inside = old[..at].ends_with('\r') && old[at..].starts_with('\n');
                    prop_assert!(!is_inside, "{old:?} {new:?} {edits:?}");
                }
                prop_assert!(edits.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start));
            }
        }
    }

    #[test]
    fn what_stays_is_not_repeated() {
        for (old, new) in [
            ("  PASSWORD: hunter2\n", "  SECRET: hunter2\n"),
            (
                "  A: hunter2 {{ data.A }}-hunter2-{{ data.A }}\n  A: hunter2\n",
                "  B: hunter2 {{ data.B }}-hunter2-{{ data.B }}\n  B: hunter2\n",
            ),
            ("  PASSWORD: hunter2\n", "  PASSWORD: { value: hunter2, sensitive: true }\n"),
            ("  a.b: hunter2\r\n", "  c: hunter2\r\n"),
            ("  A: |\n    hunter2\n", "  A:\n    sensitive: true\n    value: |\n      hunter2\n"),
            ("A: >-\r\n  hunter2\r\n\r\n  hunter2\r\n", "A:\r\n  value: >-\r\n    hunter2\r\n\r\n    hunter2\r\n"),
        ] {
            let edits = narrow_lines(old, new);
            assert_eq!(apply(old, &edits), new);
            assert!(edits.iter().all(|(_, text)| !text.contains("hunter2")), "{edits:?}");
        }
    }
}
