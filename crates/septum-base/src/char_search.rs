//! Search for characters that need care in texts that mostly have none.

/// Bytes that are compared at once.
const BLOCK: usize = 32;

/// ASCII bytes that need no care: blocks of them are skipped, in a tenth of the time of a search by characters.
#[derive(Debug, Clone, Copy)]
pub struct PlainBytes {
    /// Printable characters that are not among them.
    excluded: [u8; 5],
    /// A control character that is.
    included: u8,
}

impl PlainBytes {
    /// All from the blank to the tilde.
    pub const PRINTABLE: Self = Self { excluded: [0; 5], included: b' ' };

    /// Less these. A byte may be repeated.
    #[must_use]
    pub const fn without(self, excluded: [u8; 5]) -> Self {
        Self { excluded, ..self }
    }

    /// And this control character.
    #[must_use]
    pub const fn with(self, included: u8) -> Self {
        Self { included, ..self }
    }

    /// Number of bytes of whole blocks with which a text begins.
    #[allow(clippy::needless_bitwise_bool, reason = "without a branch for each byte, a block is compared at once")]
    fn count_blocks(self, text: &[u8]) -> usize {
        let is_plain = |byte: u8| {
            let is_excluded = self.excluded.iter().fold(false, |any, excluded| any | (byte == *excluded));
            ((b' '..=b'~').contains(&byte) & !is_excluded) | (byte == self.included)
        };
        let is_plain_block = |block: &&[u8]| block.iter().fold(true, |all, byte| all & is_plain(*byte));
        text.chunks_exact(BLOCK).take_while(is_plain_block).count() * BLOCK
    }
}

/// The first character that `is_wanted`, with its offset in bytes. None of `plain` may be wanted.
pub fn find_char(text: &str, plain: PlainBytes, is_wanted: fn(char) -> bool) -> Option<(usize, char)> {
    let mut at = 0;
    loop {
        at += plain.count_blocks(text.as_bytes().get(at..).unwrap_or_default());
        let rest = text.get(at..).unwrap_or_default();
        let found = rest.char_indices().take_while(|(offset, _)| *offset < BLOCK).find(|(_, char)| is_wanted(*char));
        if let Some((offset, char)) = found {
            return Some((at + offset, char));
        }
        at += rest.char_indices().map(|(offset, _)| offset).find(|offset| *offset >= BLOCK)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_search_by_characters_finds(text in "([a-z]{0,40}[\u{1}\n\"é\u{2028}😀\\\\ ]?){0,6}") {
            let is_wanted = |char: char| matches!(char, '"' | '\\' | '\u{1}' | '\u{2028}');
            let plain = PlainBytes::PRINTABLE.without(*b"\"\\\\\\\\");
            let expected = text.char_indices().find(|(_, char)| is_wanted(*char));
            prop_assert_eq!(find_char(&text, plain, is_wanted), expected);
            prop_assert_eq!(find_char(&text, plain.with(b'\n'), is_wanted), expected);
        }
    }
}
