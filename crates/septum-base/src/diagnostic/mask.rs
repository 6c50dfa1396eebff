//! Excerpts without values.
//!
//! The line around a mistake may contain a secret, and at the time of a syntax error it is unknown which of its words
//! is one. So an excerpt keeps the structure (keys, punctuation, booleans) and the range of the message, if the
//! message has a reason to show it, and replaces every other word by `…`. The rule looks at the text alone, errs on
//! the side of hiding, and keeps no lengths.

use std::ops::Range;

use super::ExcerptDetail;
use crate::template_tokens::{TemplateTag, is_template, lex_template};

/// Replacement of a hidden value.
const MASK: &str = "…";

/// Completeness of the tags in the text of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagCompleteness {
    /// Each ends on the line that it begins on.
    Whole,
    /// Some may go over several lines.
    Open,
}

/// The line with its values masked, and the range `keep` in the result, which is shown in the given detail.
pub(super) fn mask_line(
    line: &str,
    keep: Range<usize>,
    kept: ExcerptDetail,
    tags: TagCompleteness,
) -> (String, Range<usize>) {
    let mut shown = vec![false; line.len()];
    let mut set = |range: Range<usize>, value: bool| {
        shown.iter_mut().take(range.end).skip(range.start).for_each(|byte| *byte = value);
    };
    for piece in split_segments(line) {
        set(piece.range, piece.shown);
    }
    for tag in template_tags(line, &keep, tags) {
        set(tag, true);
    }
    match kept {
        ExcerptDetail::Nothing => set(keep.clone(), false),
        ExcerptDetail::Structure => {}
        ExcerptDetail::All(_) => set(keep.clone(), true),
    }
    join_masks(line, &mut shown, &keep);
    write_masked(line, &shown, &keep)
}

/// Hides the blanks between two hidden words, so that the number of words is not revealed.
fn join_masks(line: &str, shown: &mut [bool], keep: &Range<usize>) {
    let mut last_hidden = None;
    for at in 0..line.len() {
        if shown.get(at) == Some(&false) {
            if let Some(last) = last_hidden
                && line.get(last + 1..at).is_some_and(|between| between.trim().is_empty())
                && !(last + 1..at).any(|blank| keep.contains(&blank))
            {
                shown.iter_mut().take(at).skip(last + 1).for_each(|byte| *byte = false);
            }
            last_hidden = Some(at);
        }
    }
}

/// The shown parts of a line, with a mask for each hidden run, and the new range of `keep`.
fn write_masked(line: &str, shown: &[bool], keep: &Range<usize>) -> (String, Range<usize>) {
    let mut out = String::with_capacity(line.len());
    let (mut start, mut end) = (None, None);
    let mut masked = false;
    for (at, char) in line.char_indices() {
        let is_shown = shown.get(at).copied().unwrap_or_default();
        let begins_mask = !is_shown && !masked;
        if at == keep.start {
            // a kept range within a mask begins where the mask does
            start = Some(if is_shown || begins_mask { out.len() } else { out.len() - MASK.len() });
        }
        if is_shown {
            out.push(char);
        } else if begins_mask {
            out.push_str(MASK);
        }
        masked = !is_shown;
        if keep.contains(&at) {
            end = Some(out.len());
        }
    }
    let start = start.unwrap_or(out.len());
    (out, start..end.unwrap_or(start).max(start))
}

/// The template tags that contain names alone. Unless it is known that all tags end on their lines, that is only the
/// one that contains `keep`: whether the engine reads the others as tags depends on the lines before.
fn template_tags(line: &str, keep: &Range<usize>, tags: TagCompleteness) -> Vec<Range<usize>> {
    if !is_template(line) {
        return Vec::new();
    }
    let is_around = |tag: &TemplateTag<'_>| tag.range.start <= keep.start && keep.end <= tag.range.end;
    let found = lex_template(line)
        .tags
        .into_iter()
        .filter(|tag| tag.is_of_names() && (tags == TagCompleteness::Whole || is_around(tag)));
    found.map(|tag| tag.range).collect()
}

/// A part of a line that is shown or masked as a whole.
struct LineSegment {
    range: Range<usize>,
    shown: bool,
}

/// Cuts a line into structure and values.
fn split_segments(line: &str) -> Vec<LineSegment> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut flow = 0_usize;
    // after the first `key:` of a block line, the rest is its value, whatever it looks like
    let mut in_value = false;
    while let Some(first) = line[at..].chars().next() {
        let (length, shown) = match first {
            ' ' | '\t' | '\r' => (1, true),
            '{' if line[at..].starts_with("{{") => (scalar_length(&line[at..], flow > 0), false),
            '{' | '[' => {
                flow += 1;
                (1, true)
            }
            '}' | ']' | ',' if flow > 0 => {
                flow -= usize::from(first != ',');
                (1, true)
            }
            ':' if starts_blank(&line[at + 1..]) && !(in_value && flow == 0) => {
                in_value = true;
                (1, true)
            }
            '-' | '?' if starts_blank(&line[at + 1..]) && !in_value => (1, true),
            '#' => (line.len() - at, false),
            _ => {
                let length = scalar_length(&line[at..], flow > 0);
                let may_be_key = flow > 0 || !in_value;
                (length, is_structure(&line[at..at + length], &line[at + length..], may_be_key))
            }
        };
        pieces.push(LineSegment { range: at..at + length, shown });
        at += length;
    }
    pieces
}

fn starts_blank(text: &str) -> bool {
    matches!(text.chars().next(), None | Some(' ' | '\t' | '\r'))
}

/// The length of the scalar at the start of `rest`; at least one character.
fn scalar_length(rest: &str, in_flow: bool) -> usize {
    let mut chars = rest.char_indices();
    let Some((_, first)) = chars.next() else { return 0 };
    match first {
        '"' | '\'' => return quoted_length(rest, first),
        '&' | '*' | '!' => return rest.find([' ', '\t', ',', '}', ']']).unwrap_or(rest.len()),
        _ => {}
    }
    let mut previous = first;
    for (index, char) in chars {
        let next_is_blank = rest[index + char.len_utf8()..].chars().next().is_none_or(char::is_whitespace);
        let ends = match char {
            ':' => next_is_blank,
            '#' => previous == ' ',
            ',' | '}' | ']' => in_flow,
            _ => false,
        };
        if ends {
            return index - rest[..index].chars().rev().take_while(|char| *char == ' ').count();
        }
        previous = char;
    }
    rest.trim_end().len().max(first.len_utf8())
}

/// The length of a quoted scalar; an open one goes to the end of the line.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((index, char)) = chars.next() {
        if char == '\\' && quote == '"' {
            chars.next();
        } else if char == quote && chars.next_if(|(_, next)| *next == quote && quote == '\'').is_none() {
            return index + 1;
        }
    }
    rest.len()
}

/// Whether a scalar reveals nothing of a value: a key that looks like one, a block header, a boolean. Anchors,
/// aliases and tags are not structure here: `PASSWORD: &x1` is a password without quotes.
fn is_structure(word: &str, after: &str, may_be_key: bool) -> bool {
    let name = word.trim_matches(['"', '\'']);
    let word_like = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./+<~".contains(&byte));
    let is_key = may_be_key && after.trim_start().starts_with(':') && word_like;
    let is_header = word.starts_with(['|', '>']) && word[1..].bytes().all(|byte| b"+-123456789".contains(&byte));
    is_key || is_header || matches!(word, "true" | "false" | "null" | "~")
}

#[cfg(test)]
mod tests {
    use super::super::{ExcerptDetail, PublicReason};
    use super::{TagCompleteness, mask_line};

    #[test]
    fn values_are_masked_and_structure_stays() {
        for (line, expected) in [
            ("  PORT: 8080", "  PORT: …"),
            ("  PASSWORD: hunter2 # my cat", "  PASSWORD: …"),
            (
                "  A: { value: hunter2, sensitive: true, minLength: 8 }",
                "  A: { value: …, sensitive: true, minLength: … }",
            ),
            ("  - hunter2", "  - …"),
            ("\tPORT: 1", "\tPORT: …"),
            ("    hunter2 in a block", "    …"),
            ("  A: 'it''s: a'", "  A: …"),
            ("  A: &hunter2 x", "  A: …"),
            ("  PASSWORD: hunter2: x", "  PASSWORD: …"),
            ("  PASSWORD: - hunter2", "  PASSWORD: …"),
            ("  A: \"a \\\" b: c\"", "  A: …"),
            ("  KEY: |-", "  KEY: |-"),
            ("  url: postgres://u:p@h/db", "  url: …"),
            ("  \"quoted\": x", "  \"quoted\": …"),
            ("  my secret phrase: x", "  …: …"),
            ("  <<: *defaults", "  <<: …"),
            ("  A: [x, \"y, z\", w]", "  A: […, …, …]"),
        ] {
            assert_eq!(mask_line(line, 0..0, ExcerptDetail::Structure, TagCompleteness::Whole).0, expected, "{line}");
        }
    }

    #[test]
    fn the_range_in_question_is_shown_where_it_is_said_why() {
        let line = "  PORT: eighty # x";
        let (text, kept) = mask_line(line, 8..14, ExcerptDetail::All(PublicReason::PlainValue), TagCompleteness::Whole);
        assert_eq!((text.as_str(), &text[kept]), ("  PORT: eighty …", "eighty"));
        for hidden in [ExcerptDetail::Nothing, ExcerptDetail::Structure] {
            let (text, kept) = mask_line(line, 8..14, hidden, TagCompleteness::Whole);
            assert_eq!((text.as_str(), &text[kept]), ("  PORT: …", "…"));
        }
        let (text, kept) = mask_line(line, 2..6, ExcerptDetail::Structure, TagCompleteness::Whole);
        assert_eq!((text.as_str(), &text[kept]), ("  PORT: …", "PORT"));
    }

    #[test]
    fn templates_are_shown_without_the_texts_around_and_in_them() {
        let line = r#"  URL: "postgres://app:hunter2@{{ data.HOSTT }}/db{{ 'x' }}{{ 12 }}""#;
        let at = line.find("data").expect("there");
        let (text, kept) = mask_line(line, at..at + 10, ExcerptDetail::Structure, TagCompleteness::Whole);
        assert_eq!(text, "  URL: …{{ data.HOSTT }}…");
        assert_eq!(&text[kept], "data.HOSTT");
    }

    #[test]
    fn of_tags_over_several_lines_only_the_one_in_question_is_shown() {
        let (text, _) = mask_line("  {{ hunter }}{{ x }}", 17..18, ExcerptDetail::Structure, TagCompleteness::Open);
        assert_eq!(text, "  …{{ x }}");
    }

    #[test]
    fn what_only_looks_like_a_tag_is_hidden() {
        for line in [
            "  A: \"{% raw %}{{ hunter }}{% endraw %}{{ x }}\"",
            "  A: \"{{ '{{ hunter }}' }}\"",
            "  A: \"{# {{ hunter }} #}{{ x }}\"",
            "  A: \"{{ 'a\" # {{ hunter }}",
        ] {
            for start in 0..=line.len() {
                for end in start..=line.len() {
                    let (text, _) = mask_line(line, start..end, ExcerptDetail::Structure, TagCompleteness::Whole);
                    assert!(!text.contains("hunter"), "{line} {start}..{end}: {text}");
                }
            }
        }
    }

    #[test]
    fn any_line_and_range_is_taken() {
        let known = ["", ":", "-", "\"", "'", "# ß", "ß: ü", "[[[", "a: b: c", ": : :", "\u{feff}x: y"];
        // and all combinations of the signs of templates, whole and broken
        let mut signs = vec![String::new()];
        for at in 0.. {
            let Some(line) = signs.get(at).filter(|line| line.len() < 5).cloned() else { break };
            signs.extend(["{", "}", "%", "x"].map(|sign| format!("{line}{sign}")));
        }
        for line in known.into_iter().chain(signs.iter().map(String::as_str)) {
            for start in 0..=line.len() {
                for end in start..=line.len() {
                    if line.is_char_boundary(start) && line.is_char_boundary(end) {
                        let shown =
                            [ExcerptDetail::Nothing, ExcerptDetail::Structure, ExcerptDetail::All(PublicReason::Name)]
                                [start % 3];
                        let (text, kept) = mask_line(line, start..end, shown, TagCompleteness::Whole);
                        assert!(text.get(kept).is_some(), "{line:?} {start}..{end}");
                    }
                }
            }
        }
    }
}
