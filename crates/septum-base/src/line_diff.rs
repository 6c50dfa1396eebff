//! Lines of two texts: where they differ, as edits and as hunks with context.
//!
//! The search is Myers' algorithm of `similar`, with the heuristics of Git that keep it far from quadratic time. Texts are
//! compared as numbers of their lines, and nowhere else: so the program contains one instance of that algorithm, 50 KB.
//! The `TextDiff` of `similar` contains six algorithms for each kind of text, 900 KB.

use std::fmt;
use std::ops::Range;

use similar::DiffOp;
use similar::algorithms::{Capture, Compact, Replace, myers};

use crate::map::HashMap;

/// Maximum number of pairs of lines between the first and the last difference: 100,000 lines against as many, for which
/// the search takes up to half a second. With more, everything in between is one change: correct, though not the shortest.
const MAX_PAIRS: u64 = 10_000_000_000;

/// Two texts, and where their lines differ. A line ends with `\n`, as in a unified diff.
#[derive(Debug)]
pub struct LineDiff<'t> {
    old: TextLines<'t>,
    new: TextLines<'t>,
    changes: Vec<LineChange>,
}

/// Lines of the old text, and those of the new one in their place. One of the two may be empty.
#[derive(Debug, Clone)]
struct LineChange {
    old: Range<usize>,
    new: Range<usize>,
}

/// A range of bytes of the old text, whole lines, and the text in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineEdit<'t> {
    /// The bytes of the old text.
    pub range: Range<usize>,
    /// The lines of the new text.
    pub text: &'t str,
}

/// Changes that lie close together, with the lines around them. Its `Display` is that of a unified diff.
#[derive(Debug, Clone)]
pub struct Hunk<'t> {
    old: Range<usize>,
    new: Range<usize>,
    /// Its lines, from top to bottom.
    pub lines: Vec<HunkLine<'t>>,
}

/// A line of a hunk, with its line break if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HunkLine<'t> {
    /// A line of both texts.
    Kept(&'t str),
    /// A line of the old text.
    Removed(&'t str),
    /// A line of the new text.
    Added(&'t str),
}

impl<'t> HunkLine<'t> {
    /// Its text, without a sign.
    pub fn text(self) -> &'t str {
        match self {
            Self::Kept(text) | Self::Removed(text) | Self::Added(text) => text,
        }
    }

    /// The sign in front of it.
    pub fn sign(self) -> char {
        match self {
            Self::Kept(_) => ' ',
            Self::Removed(_) => '-',
            Self::Added(_) => '+',
        }
    }
}

impl<'t> LineDiff<'t> {
    /// Compares two texts.
    pub fn new(old: &'t str, new: &'t str) -> Self {
        Self::within(old, new, MAX_PAIRS)
    }

    fn within(old: &'t str, new: &'t str, max_pairs: u64) -> Self {
        let (old, new) = (TextLines::new(old), TextLines::new(new));
        let mut numbers = HashMap::default();
        let (old_numbers, new_numbers) = (old.numbers(&mut numbers), new.numbers(&mut numbers));
        let changes = find_changes(&old_numbers, &new_numbers, max_pairs);
        Self { old, new, changes }
    }

    /// Edits that turn the old text into the new one, from top to bottom.
    pub fn edits(&self) -> impl Iterator<Item = LineEdit<'t>> {
        self.changes.iter().map(|LineChange { old, new }| LineEdit {
            range: self.old.bytes(old.clone()),
            text: self.new.slice(new.clone()),
        })
    }

    /// The changes with some lines around each; changes whose context meets are one hunk.
    pub fn hunks(&self, context: usize) -> Vec<Hunk<'t>> {
        let is_near = |a: &LineChange, b: &LineChange| b.old.start - a.old.end <= context.saturating_mul(2);
        self.changes.chunk_by(is_near).filter_map(|changes| self.hunk(changes, context)).collect()
    }

    fn hunk(&self, changes: &[LineChange], context: usize) -> Option<Hunk<'t>> {
        let (first, last) = (changes.first()?, changes.last()?);
        let before = context.min(first.old.start);
        let after = context.min(self.old.len() - last.old.end);
        let old = first.old.start - before..last.old.end + after;
        let new = first.new.start - before..last.new.end + after;
        let mut lines = Vec::with_capacity(old.len() + new.len());
        let mut start = old.start;
        for LineChange { old, new } in changes {
            lines.extend(self.old.lines(start..old.start).map(HunkLine::Kept));
            lines.extend(self.old.lines(old.clone()).map(HunkLine::Removed));
            lines.extend(self.new.lines(new.clone()).map(HunkLine::Added));
            start = old.end;
        }
        lines.extend(self.old.lines(start..old.end).map(HunkLine::Kept));
        Some(Hunk { old, new, lines })
    }
}

impl Hunk<'_> {
    /// The line above a hunk of a unified diff: `@@ -1,4 +1,5 @@`.
    pub fn header(&self) -> String {
        format!("@@ -{} +{} @@", count_lines(&self.old), count_lines(&self.new))
    }
}

impl fmt::Display for Hunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.header())?;
        for line in &self.lines {
            write!(f, "{}{}", line.sign(), line.text())?;
            if !line.text().ends_with('\n') {
                f.write_str("\n\\ No newline at end of file\n")?;
            }
        }
        Ok(())
    }
}

/// Lines as a header counts them: the first one and their number, which is left out if it is one. No lines are after the
/// line above them.
fn count_lines(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

/// A text and where its lines begin.
#[derive(Debug)]
struct TextLines<'t> {
    text: &'t str,
    /// Offsets of the lines, and the end of the text.
    starts: Vec<usize>,
}

impl<'t> TextLines<'t> {
    fn new(text: &'t str) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        if !text.is_empty() && !text.ends_with('\n') {
            starts.push(text.len());
        }
        Self { text, starts }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn bytes(&self, lines: Range<usize>) -> Range<usize> {
        let offset = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        offset(lines.start)..offset(lines.end)
    }

    fn slice(&self, lines: Range<usize>) -> &'t str {
        self.text.get(self.bytes(lines)).unwrap_or_default()
    }

    fn lines(&self, lines: Range<usize>) -> impl Iterator<Item = &'t str> {
        self.slice(lines).split_inclusive('\n')
    }

    /// A number for each line, which equal lines share.
    fn numbers(&self, known: &mut HashMap<&'t str, usize>) -> Vec<usize> {
        let number = |line| {
            let next = known.len();
            *known.entry(line).or_insert(next)
        };
        self.lines(0..self.len()).map(number).collect()
    }
}

fn find_changes(old: &[usize], new: &[usize], max_pairs: u64) -> Vec<LineChange> {
    let start = count_equal(old.iter().zip(new));
    let shorter = old.len().min(new.len()) - start;
    let end = count_equal(old.iter().rev().zip(new.iter().rev()).take(shorter));
    let between = LineChange { old: start..old.len() - end, new: start..new.len() - end };
    let pairs = (between.old.len() as u64).saturating_mul(between.new.len() as u64);
    if pairs > max_pairs {
        return vec![between];
    }
    let mut found = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(&mut found, old, 0..old.len(), new, 0..new.len());
    let operations = found.into_inner().into_inner().into_ops();
    let is_change = |operation: &&DiffOp| !matches!(operation, DiffOp::Equal { .. });
    let change = |operation: &DiffOp| LineChange { old: operation.old_range(), new: operation.new_range() };
    operations.iter().filter(is_change).map(change).collect()
}

/// Number of equal pairs before the first difference.
fn count_equal<'n>(pairs: impl Iterator<Item = (&'n usize, &'n usize)>) -> usize {
    pairs.take_while(|(old, new)| old == new).count()
}

#[cfg(test)]
mod tests;
