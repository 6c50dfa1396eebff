//! Turns offsets into locations during parsing.

use crate::span::Span;

/// A position that follows the parser through the text, so that a location costs the distance to the last one and not
/// to the start: a file of one long line would otherwise take quadratic time.
pub(super) struct SourceCursor<'s> {
    text: &'s str,
    offset: usize,
    line: usize,
    column: usize,
}

impl<'s> SourceCursor<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self { text, offset: 0, line: 1, column: 1 }
    }

    pub(super) fn text(&self) -> &'s str {
        self.text
    }

    /// The span of a range; equal to what [`Span::locate`] gives.
    pub(super) fn span(&mut self, start: usize, end: usize) -> Span {
        let start = self.char_boundary(start);
        let end = self.char_boundary(end).max(start);
        self.seek_to(start);
        Span { start, end, line: self.line, column: self.column }
    }

    fn char_boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn seek_to(&mut self, to: usize) {
        let (from, to_text) = (self.offset, self.text);
        let between = &to_text[from.min(to)..from.max(to)];
        let newlines = memchr::memchr_iter(b'\n', between.as_bytes()).count();
        self.line = if to < from { self.line - newlines } else { self.line + newlines };
        self.column = match (newlines, to < from) {
            (0, true) => self.column - between.chars().count(),
            (0, false) => self.column + between.chars().count(),
            (_, _) => {
                let before = &to_text[..to];
                let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
                before[line_start..].chars().count() + 1
            }
        };
        self.offset = to;
    }

    /// The first word in `from..to` that `wanted` accepts. Words are separated by blanks; comments are skipped. Finds
    /// tokens between two events of the parser that have no event: a block header, a dash.
    pub(super) fn find_word(&self, from: usize, to: usize, wanted: fn(&str) -> bool) -> Option<(usize, usize)> {
        let gap = self.text.get(from..to)?;
        let mut at = 0;
        while let Some(rest) = gap.get(at..) {
            let start = at + rest.find(|char: char| !char.is_ascii_whitespace())?;
            let rest = gap.get(start..)?;
            let comment = rest.starts_with('#');
            let length = rest
                .find(|char: char| if comment { char == '\n' } else { char.is_ascii_whitespace() })
                .unwrap_or(rest.len());
            if !comment && wanted(&rest[..length]) {
                return Some((from + start, from + start + length));
            }
            at = start + length;
        }
        None
    }

    /// The first tab among the blanks before `offset`.
    pub(super) fn tab_before(&self, offset: usize) -> Option<usize> {
        let before = self.text.get(..offset)?;
        let blanks = before.trim_end_matches([' ', '\t']).len();
        before[blanks..].find('\t').map(|tab| blanks + tab)
    }

    /// Whether only blanks precede `offset` on its line.
    pub(super) fn is_first_on_line(&self, offset: usize) -> bool {
        let before = self.text.get(..offset).unwrap_or_default().trim_end_matches([' ', '\t']);
        matches!(before.chars().next_back(), None | Some('\n' | '\r' | '\u{feff}'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_whichever_way_the_cursor_came() {
        let text = "aß: 1\n\nü: x # y\nlast";
        let mut cursor = SourceCursor::new(text);
        for start in [0, 8, 3, 5, 99, 1, 10, 9, 7, 2, 0] {
            assert_eq!(cursor.span(start, start + 1), Span::locate(text, start, start + 1), "{start}");
        }
    }

    #[test]
    fn words_between_events_are_found_past_comments() {
        let text = "a: # | no\n  &x !!str |- # yes\n";
        let found = SourceCursor::new(text).find_word(1, text.len(), |word| word.starts_with('|'));
        assert_eq!(found.map(|(start, end)| &text[start..end]), Some("|-"));
    }
}
