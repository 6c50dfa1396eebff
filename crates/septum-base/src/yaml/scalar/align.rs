//! Walks through a scalar in the file and through its text, in parallel.

use std::ops::Range;

use crate::yaml::node::YamlStyle;

/// A piece of the text and its form in the file: a character and itself, a line feed and its escape, a blank and a
/// line break with the indentation behind it.
pub(super) struct AlignedPiece {
    /// End of the piece in the text.
    pub(super) text_end: usize,
    /// Its range in the raw scalar.
    pub(super) raw: Range<usize>,
}

/// Meaning of a run of line breaks.
enum LineBreaks {
    /// No run.
    None,
    /// It was folded into a blank.
    Blank,
    /// This many line feeds; none, if it was escaped.
    Feeds(usize),
}

/// The state of the walk. The text leads: it was decoded by the parser, so the rules of folding are inferred from it
/// and not implemented again.
pub(super) struct ScalarAligner<'a> {
    raw: &'a str,
    text: &'a str,
    style: YamlStyle,
    /// Spaces that are stripped from each line of a block.
    indent: usize,
    raw_at: usize,
    text_at: usize,
    /// Line breaks of the text that the last line breaks of the file still represent.
    pending: Option<(usize, Range<usize>)>,
    lost: bool,
}

impl<'a> ScalarAligner<'a> {
    /// The start of the walk, or `None` where `raw` is not a scalar of this style.
    pub(super) fn new(raw: &'a str, text: &'a str, style: YamlStyle) -> Option<Self> {
        let (raw_at, raw_end) = match style {
            YamlStyle::Plain => (0, raw.len()),
            YamlStyle::SingleQuoted | YamlStyle::DoubleQuoted => {
                let quote = if style == YamlStyle::SingleQuoted { '\'' } else { '"' };
                raw.strip_prefix(quote)?.strip_suffix(quote)?;
                (1, raw.len() - 1)
            }
            YamlStyle::Literal | YamlStyle::Folded => {
                raw.strip_prefix(['|', '>'])?;
                (raw.find('\n').map_or(raw.len(), |newline| newline + 1), raw.len())
            }
        };
        let raw = raw.get(..raw_end)?;
        let indent = match style {
            YamlStyle::Literal | YamlStyle::Folded => block_indent(raw.get(raw_at..)?, text),
            YamlStyle::Plain | YamlStyle::SingleQuoted | YamlStyle::DoubleQuoted => 0,
        };
        let mut align = Self { raw, text, style, indent, raw_at, text_at: 0, pending: None, lost: false };
        if align.is_block() {
            align.skip_indent();
        }
        Some(align)
    }

    /// Whether the file and the text did not match.
    pub(super) fn is_misaligned(&self) -> bool {
        self.lost
    }

    /// End of the content in the raw scalar.
    pub(super) fn raw_end(&self) -> usize {
        self.raw.len()
    }

    /// The next piece; `None` at the end of either side, and where they do not match.
    pub(super) fn next_piece(&mut self) -> Option<AlignedPiece> {
        if let Some((count, raw)) = self.pending.take() {
            return Some(self.line_break(count, raw));
        }
        let next = self.text.get(self.text_at..)?.chars().next()?;
        while self.raw_at < self.raw.len() {
            let start = self.raw_at;
            match self.break_run(next) {
                LineBreaks::None => {
                    let length = self.match_character(next)?;
                    self.raw_at = (start + length).min(self.raw.len());
                    return Some(self.take_piece(next.len_utf8(), start));
                }
                LineBreaks::Blank => return Some(self.take_piece(1, start)),
                LineBreaks::Feeds(0) => {}
                LineBreaks::Feeds(count) => return Some(self.line_break(count, start..self.raw_at)),
            }
        }
        None
    }

    /// The length in the file of the character `next` here.
    fn match_character(&mut self, next: char) -> Option<usize> {
        let rest = self.rest();
        match self.style {
            YamlStyle::DoubleQuoted if rest.starts_with('\\') => Some(escape_length(rest)),
            YamlStyle::SingleQuoted if rest.starts_with("''") => Some(2),
            _ if rest.starts_with(next) => Some(next.len_utf8()),
            _ => {
                self.lost = true;
                None
            }
        }
    }

    fn is_block(&self) -> bool {
        matches!(self.style, YamlStyle::Literal | YamlStyle::Folded)
    }

    fn rest(&self) -> &'a str {
        self.raw.get(self.raw_at..).unwrap_or_default()
    }

    fn take_piece(&mut self, text_length: usize, raw_start: usize) -> AlignedPiece {
        self.text_at += text_length;
        AlignedPiece { text_end: self.text_at, raw: raw_start..self.raw_at }
    }

    /// One of `count` line feeds that the same line breaks represent.
    fn line_break(&mut self, count: usize, raw: Range<usize>) -> AlignedPiece {
        self.text_at += 1;
        if count > 1 {
            self.pending = Some((count - 1, raw.clone()));
        }
        AlignedPiece { text_end: self.text_at, raw }
    }

    /// Skips line breaks with the blanks that belong to them, and returns what they represent in the text, which
    /// continues with `next`. In a literal block each is one line feed.
    fn break_run(&mut self, next: char) -> LineBreaks {
        let rest = self.rest();
        let escaped = self.style == YamlStyle::DoubleQuoted && (rest.starts_with("\\\n") || rest.starts_with("\\\r"));
        let blanks = match self.style {
            YamlStyle::Literal | YamlStyle::Folded => 0,
            _ if escaped => 1,
            _ => rest.len() - rest.trim_start_matches([' ', '\t']).len(),
        };
        let mut breaks = 0;
        let mut at = self.raw_at + blanks;
        while let Some(length) = break_length(self.raw.get(at..).unwrap_or_default()) {
            breaks += 1;
            self.raw_at = at + length;
            self.skip_indent();
            at = self.raw_at;
            if self.style == YamlStyle::Literal {
                break;
            }
        }
        let feeds = self.text.get(self.text_at..).unwrap_or_default().bytes().take_while(|&byte| byte == b'\n').count();
        match breaks {
            0 => LineBreaks::None,
            1 if next == ' ' && !escaped && self.style != YamlStyle::Literal => LineBreaks::Blank,
            // folding removes one of them; in a block it may also remove none
            _ => LineBreaks::Feeds(feeds.min(if self.is_block() { breaks } else { breaks - 1 })),
        }
    }

    fn skip_indent(&mut self) {
        let rest = self.rest();
        self.raw_at += if self.is_block() {
            rest.bytes().take(self.indent).take_while(|&byte| byte == b' ').count()
        } else {
            rest.len() - rest.trim_start_matches([' ', '\t']).len()
        };
    }
}

/// The length of the line break at the start of `rest`, if there is one.
fn break_length(rest: &str) -> Option<usize> {
    match rest.as_bytes() {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}

/// The length of the escape sequence at the start of `rest`.
fn escape_length(rest: &str) -> usize {
    match rest.as_bytes().get(1) {
        Some(b'x') => 4,
        // two for one character, where it needs a surrogate pair
        Some(b'u') if is_high_surrogate(rest) => 12,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
    }
}

fn is_high_surrogate(escape: &str) -> bool {
    let code = escape.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    code.is_some_and(|code| (0xD800..0xDC00).contains(&code))
}

/// The spaces that are stripped from each line of a block: the additional ones of its first line with content in the
/// file compared with the text.
fn block_indent(raw: &str, text: &str) -> usize {
    let leading = |block: &str| {
        let line = block.lines().find(|line| !line.trim_matches([' ', '\r']).is_empty())?;
        Some(line.len() - line.trim_start_matches(' ').len())
    };
    match (leading(raw), leading(text)) {
        (Some(raw), Some(text)) => raw.saturating_sub(text),
        (_, _) => usize::MAX,
    }
}
