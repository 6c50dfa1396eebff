//! Edits of a text that are made at once.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::sort::sort_by_key;

/// A range of a text, and its replacement.
pub type TextSplice = (Range<usize>, Zeroizing<String>);

/// A text with all edits; `None` if two of them overlap, or if one has no place in the text. Insertions at one offset
/// keep their order.
pub fn splice_text(text: &str, edits: &[TextSplice]) -> Option<Zeroizing<String>> {
    let mut order: Vec<_> = edits.iter().enumerate().collect();
    sort_by_key(&mut order, |(index, (at, _))| (at.start, at.end, *index));
    let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
    // of its full length at once: what grows leaves copies behind
    let mut out = Zeroizing::new(String::with_capacity(text.len() + added));
    let mut from = 0;
    for (_, (at, new)) in order {
        // also where one begins before the end of the former
        out.push_str(text.get(from..at.start)?);
        out.push_str(new);
        from = at.end.max(at.start);
    }
    out.push_str(text.get(from..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(text: &str, edits: &[(Range<usize>, &str)]) -> Option<String> {
        let edits: Vec<TextSplice> =
            edits.iter().map(|(at, new)| (at.clone(), Zeroizing::new((*new).to_owned()))).collect();
        splice_text(text, &edits).map(|text| text.to_string())
    }

    #[test]
    fn edits_are_made_in_any_order() {
        for (edits, expected) in [
            (&[][..], Some("abcdef")),
            (&[(4..5, "E"), (0..1, "")], Some("bcdEf")),
            (&[(2..2, "1"), (2..2, "2"), (2..3, "C")], Some("ab12Cdef")),
            (&[(6..6, "g")], Some("abcdefg")),
            (&[(0..3, "x"), (3..6, "y")], Some("xy")),
            (&[(0..3, "x"), (2..6, "y")], None),
            (&[(0..3, "x"), (1..1, "y")], None),
            (&[(5..9, "x")], None),
        ] {
            assert_eq!(spliced("abcdef", edits).as_deref(), expected, "{edits:?}");
        }
        assert_eq!(spliced("é", &[(1..2, "x")]), None, "inside a character");
    }
}
