//! Index of keywords that finds all of them in one pass over a text.
//!
//! A project of usual size has some kilobytes of values, and an automaton over two hundred words takes longer to build
//! than to search them. This index is a set of the pairs of bytes that keywords begin with, and their list by pair.

/// Keywords in ASCII, each of at least two bytes and with the number of its owner, found in either case.
pub(super) struct KeywordIndex {
    /// Whether any keyword begins with a pair of bytes, in any case: a bit for each pair.
    starts: Box<[u64; PAIRS / 64]>,
    /// Keywords by the pair in lower case that they begin with.
    words: Vec<(u16, &'static [u8], usize)>,
}

const PAIRS: usize = 1 << 16;

impl KeywordIndex {
    /// Creates an index. Keywords of less than two bytes are never found.
    pub(super) fn new(keywords: impl Iterator<Item = (usize, &'static str)>) -> Self {
        let mut starts = Box::new([0; PAIRS / 64]);
        let mut words = Vec::new();
        for (owner, word) in keywords {
            let &[first, second, ..] = word.as_bytes() else { continue };
            for first in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
                for second in [second.to_ascii_lowercase(), second.to_ascii_uppercase()] {
                    let pair = u16::from_be_bytes([first, second]);
                    if let Some(bits) = starts.get_mut(usize::from(pair / 64)) {
                        *bits |= 1 << (pair % 64);
                    }
                }
            }
            words.push((lower_pair(first, second), word.as_bytes(), owner));
        }
        words.sort_unstable_by_key(|(pair, ..)| *pair);
        Self { starts, words }
    }

    /// Calls a function with the owner of each keyword, for each time that it is in the text.
    pub(super) fn each_owner(&self, text: &str, mut call: impl FnMut(usize)) {
        let bytes = text.as_bytes();
        // the byte before and this one; before the first there is a zero, with which no keyword begins
        let mut pair = 0;
        for (end, byte) in bytes.iter().enumerate() {
            pair = pair << 8 | u16::from(*byte);
            if self.starts.get(usize::from(pair / 64)).is_some_and(|bits| bits >> (pair % 64) & 1 == 1) {
                self.owners_at(bytes.get(end.saturating_sub(1)..).unwrap_or_default(), &mut call);
            }
        }
    }

    /// Calls a function with the owner of each keyword that a text begins with.
    fn owners_at(&self, text: &[u8], call: &mut impl FnMut(usize)) {
        let &[first, second, ..] = text else { return };
        let pair = lower_pair(first, second);
        let from = self.words.partition_point(|(known, ..)| *known < pair);
        let words = self.words.iter().skip(from).take_while(|(known, ..)| *known == pair);
        for (_, word, owner) in words {
            if text.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word)) {
                call(*owner);
            }
        }
    }
}

/// Pair of bytes in lower case as a number.
fn lower_pair(first: u8, second: u8) -> u16 {
    u16::from_be_bytes([first.to_ascii_lowercase(), second.to_ascii_lowercase()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::RULES;
    use super::*;

    fn all() -> impl Iterator<Item = (usize, &'static str)> {
        RULES.iter().enumerate().flat_map(|(owner, rule)| rule.keywords().iter().map(move |word| (owner, *word)))
    }

    fn found(index: &KeywordIndex, text: &str) -> BTreeSet<usize> {
        let mut owners = BTreeSet::new();
        index.each_owner(text, |owner| {
            owners.insert(owner);
        });
        owners
    }

    /// Owners by a search for each keyword on its own.
    fn expected(text: &str) -> BTreeSet<usize> {
        let text = text.to_ascii_lowercase();
        all().filter(|(_, word)| text.contains(&word.to_ascii_lowercase())).map(|(owner, _)| owner).collect()
    }

    #[test]
    fn every_keyword_has_two_bytes_of_ascii() {
        assert!(all().all(|(_, word)| word.len() >= 2 && word.is_ascii()));
    }

    #[test]
    fn every_keyword_is_found_wherever_it_is() {
        let index = KeywordIndex::new(all());
        for (owner, word) in all() {
            for text in [
                word.to_owned(),
                word.to_ascii_uppercase(),
                format!("{}{word}", &word[..1]),
                format!("ß{word}ß"),
                format!("x{word}\n"),
                format!("{}{word}{word}", &word[..word.len() - 1]),
            ] {
                let found = found(&index, &text);
                assert!(found.contains(&owner), "{word} in {text}");
                assert_eq!(found, expected(&text), "{text}");
            }
            assert_eq!(found(&index, &word[..word.len() - 1]), expected(&word[..word.len() - 1]));
        }
        assert!(found(&index, "").is_empty());
        assert!(found(&index, "s").is_empty());
    }

    proptest! {
        #[test]
        fn the_same_is_found_as_by_searching_for_each(
            parts in proptest::collection::vec((0..1000_usize, 0..20_usize, any::<bool>(), "\\PC{0,3}"), 0..12),
        ) {
            let words: Vec<_> = all().map(|(_, word)| word).collect();
            let mut text = String::new();
            for (word, length, is_upper, between) in &parts {
                let word = words[word % words.len()];
                // whole keywords, and beginnings of them
                let part = &word[..word.len().min(*length)];
                text.push_str(&if *is_upper { part.to_ascii_uppercase() } else { part.to_owned() });
                text.push_str(between);
            }
            prop_assert_eq!(found(&KeywordIndex::new(all()), &text), expected(&text));
        }

        #[test]
        fn the_same_is_found_in_any_text(text in any::<String>()) {
            prop_assert_eq!(found(&KeywordIndex::new(all()), &text), expected(&text));
        }
    }
}
