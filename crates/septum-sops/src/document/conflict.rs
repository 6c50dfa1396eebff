//! A value that both sides of a merge changed: both versions, between the marks that Git uses.

use zeroize::Zeroizing;

const OURS: &str = "<<<<<<< ";
const MIDDLE: &str = "=======";
const THEIRS: &str = ">>>>>>> ";

/// Both values in one text. A removed one is empty.
pub fn format_conflict(ours: &str, theirs: &str) -> Zeroizing<String> {
    let length = ours.len() + theirs.len() + 64;
    // of its full length at once: a growing buffer leaves copies behind
    let mut text = Zeroizing::new(String::with_capacity(length));
    for part in [OURS, "ours\n", ours, "\n", MIDDLE, "\n", theirs, "\n", THEIRS, "theirs"] {
        text.push_str(part);
    }
    text
}

/// Whether a value was made by [`format_conflict`], or by Git.
pub(crate) fn is_conflict(text: &[u8]) -> bool {
    if !text.starts_with(OURS.as_bytes()) {
        return false;
    }
    let mut lines = text.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii_end);
    lines.any(|line| line == MIDDLE.as_bytes()) && lines.any(|line| line.starts_with(THEIRS.trim_end().as_bytes()))
}

/// Whether a value has a line that begins or ends the sides of a conflict: a user may have removed the other marks
/// alone.
pub(crate) fn has_mark(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(OURS.as_bytes()) || line.starts_with(THEIRS.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_with_all_three_marks_is_a_conflict() {
        for (ours, theirs) in [("a", "b"), ("", "b"), ("a", ""), ("a\nb\n", "=======")] {
            assert!(is_conflict(format_conflict(ours, theirs).as_bytes()), "{ours:?} {theirs:?}");
        }
        assert!(is_conflict(b"<<<<<<< HEAD\r\na\r\n=======\r\nb\r\n>>>>>>> topic\r\n"), "of an editor on Windows");
        for text in [
            "",
            "a",
            "<<<<<<< ours",
            "<<<<<<< ours\na\n>>>>>>> theirs",
            "<<<<<<< ours\na\n=======\nb",
            "x\n<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs",
            "<<<<<<<\na\n=======\nb\n>>>>>>> theirs",
        ] {
            assert!(!is_conflict(text.as_bytes()), "{text:?}");
        }
    }
}
