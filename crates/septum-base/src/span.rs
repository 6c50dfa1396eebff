//! Source locations: a file, and a range in it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::secret::Wiping;
use crate::{template_tokens, test_hook};

/// A range of a source text.
///
/// `start` and `end` are byte offsets; `line` and `column` are the position of `start`, both counted from 1, the
/// column in characters, as editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: usize,
    /// Column of `start` in characters, from 1.
    pub column: usize,
}

impl Span {
    /// The span of `start..end` in `text`. Offsets beyond the text or inside a character are
    /// moved down to the nearest boundary, so that a wrong offset from a library cannot panic.
    pub fn locate(text: &str, start: usize, end: usize) -> Self {
        let start = floor_boundary(text, start);
        let end = floor_boundary(text, end).max(start);
        let before = &text[..start];
        test_hook::count_work(start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            start,
            end,
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
        }
    }
}

/// The largest character boundary of `text` that is not beyond `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A file that was read: its name in messages and its text. Cheap to clone.
///
/// The text is the one on disk: for an encrypted file that is the ciphertext, so an excerpt cannot leak it. Only text
/// that is about to be encrypted is here in plaintext; it is wiped when dropped, and possible values in it are masked
/// in every excerpt.
#[derive(Clone)]
pub struct Source(Arc<SourceText>);

struct SourceText {
    name: String,
    text: Wiping<String>,
    index: OnceLock<PositionIndex>,
    has_whole_tags: OnceLock<bool>,
}

impl Source {
    /// A source with its name in messages (a path with `/`, relative where possible).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Arc::new(SourceText {
            name: name.into(),
            text: Wiping::new(text.into()),
            index: OnceLock::new(),
            has_whole_tags: OnceLock::new(),
        }))
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text; a copy, if the source is shared.
    pub fn into_text(self) -> String {
        match Arc::try_unwrap(self.0) {
            Ok(mut alone) => std::mem::take(&mut *alone.text),
            Err(shared) => shared.text.as_str().to_owned(),
        }
    }

    /// The span of `start..end`, equal to [`Span::locate`], without scanning all text before it: a file may have as
    /// many findings as bytes.
    pub fn locate(&self, start: usize, end: usize) -> Span {
        self.0.index.get_or_init(|| PositionIndex::new(self.text())).locate(self.text(), start, end)
    }

    /// Whether each tag of a template ends on its line, so that a line by itself shows which parts of it are tags.
    pub(crate) fn has_whole_tags(&self) -> bool {
        *self.0.has_whole_tags.get_or_init(|| template_tokens::has_whole_tags(self.text()))
    }

    /// A location in this source.
    pub fn place(&self, span: Span) -> Location {
        Location { source: self.clone(), span }
    }
}

/// A part of a source that is a text by itself, so that a file of many values need not be copied.
#[derive(Clone)]
pub struct SourcePart {
    source: Source,
    start: u32,
    length: u32,
}

impl SourcePart {
    /// The part that starts at an offset and has this text; none if the source has another one there.
    pub fn of(source: &Source, start: usize, text: &str) -> Option<Self> {
        let is_there = source.text().get(start..).is_some_and(|rest| rest.starts_with(text));
        let (start, length) = (u32::try_from(start).ok()?, u32::try_from(text.len()).ok()?);
        is_there.then(|| Self { source: source.clone(), start, length })
    }

    /// The text.
    pub fn text(&self) -> &str {
        let start = self.start as usize;
        self.source.text().get(start..start + self.length as usize).unwrap_or_default()
    }
}

/// Lines and columns at some offsets of a text.
struct PositionIndex(Vec<Span>);

impl PositionIndex {
    /// The distance of two known offsets, in bytes.
    const STEP: usize = 4096;

    fn new(text: &str) -> Self {
        let mut known = vec![Span { start: 0, end: 0, line: 1, column: 1 }];
        for offset in (Self::STEP..=text.len()).step_by(Self::STEP) {
            let offset = floor_boundary(text, offset);
            let next = known.last().map(|last| last.advance(text, offset));
            known.extend(next);
        }
        Self(known)
    }

    fn locate(&self, text: &str, start: usize, end: usize) -> Span {
        let start = floor_boundary(text, start);
        let end = floor_boundary(text, end).max(start);
        let before = self.0.partition_point(|known| known.start <= start).saturating_sub(1);
        let known = self.0.get(before).copied().unwrap_or(Span { start: 0, end: 0, line: 1, column: 1 });
        Span { end, ..known.advance(text, start) }
    }
}

impl Span {
    /// The position of a later offset.
    fn advance(self, text: &str, offset: usize) -> Self {
        let between = text.get(self.start..offset).unwrap_or_default();
        let newlines = between.bytes().filter(|&byte| byte == b'\n').count();
        let column = match between.rfind('\n') {
            None => self.column + between.chars().count(),
            Some(newline) => between.get(newline + 1..).unwrap_or_default().chars().count() + 1,
        };
        Self { start: offset, end: offset, line: self.line + newlines, column }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name())
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.name() == other.name()
    }
}

impl Eq for Source {}

/// A span in a named source; prints as `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub source: Source,
    /// The range in it.
    pub span: Span,
}

impl Location {
    /// The location of a value that is not in any file.
    pub fn synthetic() -> Self {
        Source::new("", "").place(Span::default())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a file as a whole has no line
        if self.span.line == 0 {
            return f.write_str(self.source.name());
        }
        write!(f, "{}:{}:{}", self.source.name(), self.span.line, self.span.column)
    }
}

/// A value and its location.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Location of the value.
    pub place: Location,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_a_whole_is_shown_by_its_name() {
        let source = Source::new("a.yaml", "a: 1\n");
        assert_eq!(source.place(Span::default()).to_string(), "a.yaml");
        assert_eq!(source.place(source.locate(3, 4)).to_string(), "a.yaml:1:4");
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let span = Span::locate("a: 1\nß: x\n", 8, 9);
        assert_eq!((span.line, span.column), (2, 3));
    }

    #[test]
    fn offsets_out_of_range_do_not_panic() {
        let span = Span::locate("ß", 1, 99);
        assert_eq!((span.start, span.end, span.line, span.column), (0, 2, 1, 1));
    }

    #[test]
    fn an_index_gives_the_positions_that_counting_gives() {
        for text in
            ["", "a", &"ab\n".repeat(5000), &"é".repeat(9000), &format!("{}\n{}", "ß".repeat(6000), "x\n".repeat(4000))]
        {
            let source = Source::new("x", text);
            for start in (0..text.len() + 3).step_by(97).chain([4095, 4096, 4097, text.len()]) {
                assert_eq!(source.locate(start, start + 5), Span::locate(text, start, start + 5), "{start}");
            }
        }
    }

    #[test]
    fn a_place_prints_as_editors_open_it() {
        let place = Source::new("environments/dev.yaml", "A: 1\n").place(Span { start: 3, end: 4, line: 1, column: 4 });
        assert_eq!(place.to_string(), "environments/dev.yaml:1:4");
    }
}
