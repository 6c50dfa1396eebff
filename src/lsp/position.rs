//! Positions of the protocol: a line, and a column in code units of the negotiated encoding.

use std::ops::Range;

use super::protocol::{Position, TextRange};

/// Code units that columns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnUnit {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, as every client counts unless it says otherwise.
    #[default]
    Utf16,
}

impl ColumnUnit {
    /// The unit for a client that knows some encodings.
    pub(super) fn negotiate(known: Option<&[String]>) -> Self {
        let has_utf8 = known.is_some_and(|known| known.iter().any(|unit| unit == Self::Utf8.name()));
        if has_utf8 { Self::Utf8 } else { Self::Utf16 }
    }

    /// Its name in the protocol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
        }
    }

    fn length(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// Positions in a text, and their offsets in bytes. Either is moved into the text if it is out of it.
pub struct PositionMap<'t> {
    text: &'t str,
    /// Offset of each line.
    starts: Vec<usize>,
    unit: ColumnUnit,
}

impl<'t> PositionMap<'t> {
    /// The positions of a text, whose lines end with `\n`, `\r\n` or `\r`.
    pub fn new(text: &'t str, unit: ColumnUnit) -> Self {
        let bytes = text.as_bytes();
        let is_end = |(at, byte): &(usize, &u8)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let ends = bytes.iter().enumerate().filter(is_end).map(|(at, _)| at + 1);
        Self { text, starts: [0].into_iter().chain(ends).collect(), unit }
    }

    /// The text of a line without its end, and its offset; none after the last line.
    pub fn line(&self, line: usize) -> Option<(usize, &'t str)> {
        let start = *self.starts.get(line)?;
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        Some((start, self.text.get(start..end)?.trim_end_matches(['\n', '\r'])))
    }

    /// The offset of a position.
    pub fn offset(&self, position: Position) -> usize {
        let Some((start, line)) = self.line(position.line as usize) else { return self.text.len() };
        let (mut units, mut offset) = (0, start);
        for char in line.chars() {
            let next = units + self.unit.length(char.encode_utf8(&mut [0; 4]));
            if next > position.character as usize {
                break;
            }
            units = next;
            offset += char.len_utf8();
        }
        offset
    }

    /// The position of an offset.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let Some((start, text)) = self.line(line) else { return Position::default() };
        let mut end = (offset - start.min(offset)).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.unit.length(text.get(..end).unwrap_or_default());
        Position { line: u32::try_from(line).unwrap_or(u32::MAX), character: u32::try_from(column).unwrap_or(u32::MAX) }
    }

    /// The range of offsets.
    pub fn range(&self, range: Range<usize>) -> TextRange {
        TextRange { start: self.position(range.start), end: self.position(range.end) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of characters of all lengths, and all ends of lines.
    fn texts() -> impl Strategy<Value = String> {
        let char = prop_oneof![
            Just('a'),
            Just(' '),
            Just('ß'),
            Just('€'),
            Just('😀'),
            Just('\u{10FFFF}'),
            Just('\n'),
            Just('\r'),
            any::<char>()
        ];
        proptest::collection::vec(char, 0..40).prop_map(|chars| chars.into_iter().collect())
    }

    /// Offsets that are a position: not inside of a character, nor of an end of line.
    fn offsets(text: &str) -> impl Iterator<Item = usize> + '_ {
        let is_inside = |at: &usize| text.get(at - 1..*at) == Some("\r") && text.as_bytes().get(*at) == Some(&b'\n');
        (0..=text.len()).filter(|at| text.is_char_boundary(*at)).filter(move |at| *at == 0 || !is_inside(at))
    }

    proptest! {
        #[test]
        fn every_offset_has_the_position_that_leads_to_it(text in texts()) {
            for unit in [ColumnUnit::Utf8, ColumnUnit::Utf16] {
                let map = PositionMap::new(&text, unit);
                for offset in offsets(&text) {
                    prop_assert_eq!(map.offset(map.position(offset)), offset);
                }
            }
        }

        #[test]
        fn a_position_is_counted_as_the_protocol_says(text in texts()) {
            let map = PositionMap::new(&text, ColumnUnit::Utf16);
            for offset in offsets(&text) {
                let before = text[..offset].replace("\r\n", "\n").replace('\r', "\n");
                let (lines, last) = before.rsplit_once('\n').map_or((0, before.as_str()), |(lines, last)| {
                    (lines.matches('\n').count() + 1, last)
                });
                let position = map.position(offset);
                let expected = (lines, last.encode_utf16().count());
                prop_assert_eq!((position.line as usize, position.character as usize), expected);
            }
        }

        #[test]
        fn every_position_leads_into_the_text(text in texts(), line in 0_u32..50, character: u32) {
            for unit in [ColumnUnit::Utf8, ColumnUnit::Utf16] {
                for character in [character, character % 50] {
                    let map = PositionMap::new(&text, unit);
                    let position = Position { line, character };
                    let offset = map.offset(position);
                    prop_assert!(text.is_char_boundary(offset));
                    prop_assert!(map.position(offset) <= position);
                }
            }
        }
    }

    #[test]
    fn a_position_out_of_a_text_is_moved_into_it() {
        let map = PositionMap::new("a: 😀\nb", ColumnUnit::Utf16);
        for (line, character, expected) in [(0, 4, 3), (0, 5, 7), (0, 99, 7), (1, 99, 9), (9, 0, 9)] {
            assert_eq!(map.offset(Position { line, character }), expected, "{line}:{character}");
        }
        assert_eq!(map.position(5), Position { line: 0, character: 3 });
        assert_eq!(map.position(999), Position { line: 1, character: 1 });
    }
}
