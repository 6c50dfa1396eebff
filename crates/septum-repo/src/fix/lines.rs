//! Parts of a text: lines, and the text between a key and its value.

/// Start of the line of an offset.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// End of the line of an offset, with its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}

/// Text between a key and its value, without the `:` and comments.
pub(super) fn key_separator(gap: &str) -> String {
    let gap = gap.trim_start();
    let gap = gap.strip_prefix(':').unwrap_or(gap);
    let lines = gap.split('\n').map(|line| match comment_start(line) {
        Some(at) => line.get(..at).unwrap_or_default(),
        None => line,
    });
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Start of the comment of a line that has no value.
fn comment_start(line: &str) -> Option<usize> {
    let mut before = ' ';
    line.char_indices().find_map(|(at, char)| {
        let starts = char == '#' && before.is_whitespace();
        before = char;
        starts.then_some(at)
    })
}

/// The comment behind the header of a block (`|  # why`), with the blanks before it.
pub(super) fn behind_header(raw: &str) -> &str {
    let header = raw.lines().next().unwrap_or_default();
    let blank = header.find([' ', '\t']).unwrap_or(header.len());
    header.get(blank..).unwrap_or_default().trim_end()
}

/// The lines of a text after the first, indented further. Blank lines stay.
pub(super) fn shift_lines(raw: &str, by: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 64);
    for (index, line) in raw.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
            if !line.trim_end_matches('\r').is_empty() {
                out.push_str(by);
            }
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_holds_properties_or_nothing() {
        for (gap, expected) in [
            (": ", ""),
            (":\n    ", ""),
            (" : # why\n  ", ""),
            (": &a ", "&a"),
            (":\n  !!str # x\n ", "!!str"),
            (": &a#b ", "&a#b"),
            ("", ""),
        ] {
            assert_eq!(key_separator(gap), expected, "{gap:?}");
        }
    }

    #[test]
    fn the_comment_of_a_header_is_kept() {
        for (raw, expected) in [("|\n  x", ""), ("|-  # why\n  x", "  # why"), (">+2\n x # y", ""), ("|", "")] {
            assert_eq!(behind_header(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn lines_are_found_at_the_ends_of_a_text() {
        let text = "a\nbc";
        assert_eq!((line_start(text, 0), line_end(text, 0)), (0, 2));
        assert_eq!((line_start(text, 3), line_end(text, 3)), (2, 4));
        assert_eq!((line_start(text, 99), line_end(text, 99)), (0, 4));
    }
}
