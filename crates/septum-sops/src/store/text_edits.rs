//! Edits of a text, collected in any order and applied at once.
//!
//! A file may have millions of values: an edit is a few numbers, and the new texts are in large parts, each of which is
//! freed as soon as it is in its place.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{SopsFormat, TextEdit};
use septum_base::secret::Wiping;
use septum_base::sort::sort_by_key;

/// The length of a part of short texts.
const PART: usize = 64 << 10;

/// A text of this length is a part of its own, so that none is much larger than its texts.
const LONG: usize = PART / 8;

/// Edits of a text, which must not overlap.
#[derive(Default)]
pub(crate) struct TextEdits {
    edits: Vec<PlacedEdit>,
    parts: Vec<EditPart>,
    /// The part that short texts are added to.
    open: Option<usize>,
    /// Whether new lines end with CRLF.
    has_returns: bool,
    /// Whether a new text has several lines, or is a comment: its neighbors may be read differently beside it.
    moves_lines: bool,
}

/// An edit whose text is in a part.
struct PlacedEdit {
    start: usize,
    end: usize,
    part: u32,
    offset: u32,
    length: usize,
}

/// New texts, one after the other.
struct EditPart {
    text: Wiping<String>,
    /// The number of edits that need it.
    edits: usize,
}

impl TextEdits {
    /// No edits of a text yet. New lines will end as its lines do; in dotenv a CR is a part of a value.
    pub(crate) fn of_text(format: SopsFormat, text: &str) -> Self {
        Self { has_returns: format != SopsFormat::Dotenv && text.contains("\r\n"), ..Self::default() }
    }

    /// Replaces a range by a text that is given in pieces.
    pub(crate) fn push(&mut self, at: Range<usize>, pieces: &[&str]) {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        let has_lines = pieces.iter().any(|piece| piece.contains('\n'));
        self.moves_lines |=
            has_lines || pieces.iter().find(|piece| !piece.is_empty()).is_some_and(|piece| piece.starts_with('#'));
        if self.has_returns && has_lines {
            let mut lines = Zeroizing::new(String::with_capacity(length * 2));
            for line in Zeroizing::new(pieces.concat()).split_inclusive('\n') {
                match line.strip_suffix('\n') {
                    Some(line) => lines.extend([line.strip_suffix('\r').unwrap_or(line), "\r\n"]),
                    None => lines.push_str(line),
                }
            }
            self.push_pieces(at, &[lines.as_str()], lines.len());
        } else {
            self.push_pieces(at, pieces, length);
        }
    }

    fn push_pieces(&mut self, at: Range<usize>, pieces: &[&str], length: usize) {
        // what grows leaves copies behind
        let has_room =
            |part: &usize| self.parts.get(*part).is_some_and(|part| part.text.capacity() - part.text.len() >= length);
        let is_long = length >= LONG;
        let index = self.open.filter(|part| !is_long && has_room(part)).unwrap_or_else(|| {
            let text = Wiping::new(String::with_capacity(if is_long { length } else { PART }));
            self.parts.push(EditPart { text, edits: 0 });
            self.parts.len() - 1
        });
        if !is_long {
            self.open = Some(index);
        }
        let Some(part) = self.parts.get_mut(index) else { return };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let offset = u32::try_from(part.text.len()).unwrap_or(u32::MAX);
        part.text.extend(pieces.iter().copied());
        part.edits += 1;
        self.edits.push(PlacedEdit { start: at.start, end: at.end, part: index, offset, length });
    }

    /// Whether a new text has several lines, or is a comment.
    pub(crate) fn moves_lines(&self) -> bool {
        self.moves_lines
    }

    /// Drops all edits.
    pub(crate) fn clear(&mut self) {
        *self = Self { has_returns: self.has_returns, ..Self::default() };
    }

    /// The offset in the text after the edits are applied; it is inside none of them.
    pub(crate) fn moved_offset(&self, offset: usize) -> usize {
        let before = self.edits.iter().filter(|edit| edit.start < offset);
        let (old, new) = before.fold((0, 0), |(old, new), edit| (old + (edit.end - edit.start), new + edit.length));
        offset + new - old
    }

    /// The text with all edits.
    pub(crate) fn apply(self, text: &str) -> Zeroizing<String> {
        let Self { mut edits, mut parts, .. } = self;
        sort_by_key(&mut edits, |edit| (edit.start, edit.end));
        // of its full length at once: what grows leaves copies behind
        let mut out = Zeroizing::new(String::with_capacity(edited_length(text, &edits)));
        let mut from = 0;
        for PlacedEdit { start, end, part, offset, length } in edits {
            out.push_str(text.get(from..start).unwrap_or_default());
            from = from.max(end);
            let Some(part) = parts.get_mut(part as usize) else { continue };
            let offset = offset as usize;
            out.push_str(part.text.get(offset..offset + length).unwrap_or_default());
            part.edits -= 1;
            if part.edits == 0 {
                part.text = Wiping::default();
            }
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }
}

/// The length of a text after sorted edits.
fn edited_length(text: &str, edits: &[PlacedEdit]) -> usize {
    let (mut length, mut from) = (0, 0);
    for edit in edits {
        length += edit.start.saturating_sub(from) + edit.length;
        from = from.max(edit.end);
    }
    length + text.len().saturating_sub(from)
}

impl FromIterator<TextEdit> for TextEdits {
    fn from_iter<I: IntoIterator<Item = TextEdit>>(edits: I) -> Self {
        let mut all = Self::default();
        all.extend(edits);
        all
    }
}

impl Extend<TextEdit> for TextEdits {
    fn extend<I: IntoIterator<Item = TextEdit>>(&mut self, edits: I) {
        for TextEdit { at, text } in edits {
            self.push(at, &[&text]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_the_order_of_the_text_however_long_they_are() {
        let text = "0123456789".repeat(20);
        for length in [0, 1, LONG - 1, LONG, PART, PART + 1] {
            let mut edits = TextEdits::default();
            let mut expected = text.clone();
            for (index, at) in [190, 10, 50, 30, 70].into_iter().enumerate() {
                edits.push(at..at + 5, &["<", &index.to_string().repeat(length), ">"]);
            }
            for (index, at) in [(0, 190), (4, 70), (2, 50), (3, 30), (1, 10)] {
                expected.replace_range(at..at + 5, &format!("<{}>", index.to_string().repeat(length)));
            }
            assert_eq!(edits.moved_offset(40), 40 + 2 * (length + 2) - 10);
            let out = edits.apply(&text);
            assert_eq!((out.as_str(), out.capacity()), (expected.as_str(), expected.len()), "{length}");
        }
    }

    #[test]
    fn new_lines_end_as_those_of_the_text() {
        for (format, text, expected) in [
            (SopsFormat::Yaml, "a\r\nb", "x\r\ny\r\n\r\nb"),
            (SopsFormat::Yaml, "a\nb", "x\ny\r\n\nb"),
            (SopsFormat::Dotenv, "a\r\nb", "x\ny\r\n\r\nb"),
        ] {
            let mut edits = TextEdits::of_text(format, text);
            edits.push(0..1, &["x\n", "y\r\n"]);
            assert!(edits.moves_lines());
            assert_eq!(edits.apply(text).as_str(), expected, "{text:?}");
        }
    }
}
