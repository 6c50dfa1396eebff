//! Search for many values in one pass.
//!
//! For each encoding of each value, a table contains eight of its bytes that few other texts contain; every eight bytes of a text are looked
//! up there, and a match is compared as a whole. An Aho-Corasick automaton does the same, but takes longer to build
//! than to search the texts of a target, and keeps copies of its patterns that cannot be wiped. This one is wiped with
//! everything it contains.

use std::cmp::Reverse;
use std::ops::Range;

use super::forms::{ValueEncoding, encode_secret, without_escapes, without_percents, without_pluses, without_wraps};
use crate::map::HashSet;
use crate::secret::Wiping;
use crate::sort::sort_by_key;

/// Number of bytes in a lookup.
const WINDOW: usize = 8;

/// Different bytes that a lookup should have.
const DISTINCT: usize = 4;

/// Maximum number of places of a value at which such bytes are searched.
const MAX_PLACES: usize = 1000;

/// Position at which a value was found.
#[derive(Debug, Clone)]
pub(super) struct KnownSecretHit {
    /// Index of the value.
    pub(super) secret: usize,
    /// Encoding in which it was found.
    pub(super) form: ValueEncoding,
    /// Encoding that the text was decoded from before, and the range in the decoded text.
    reading: ValueEncoding,
    range: Range<usize>,
}

/// Hits that are not part of another one, such as the password in a URL that is a secret as a whole.
pub(super) fn outermost_hits(hits: Vec<KnownSecretHit>) -> Vec<KnownSecretHit> {
    let mut order: Vec<_> = (0..hits.len()).collect();
    let place = |index: &usize| hits.get(*index).map(|hit| (hit.reading, hit.range.start, Reverse(hit.range.end)));
    sort_by_key(&mut order, place);
    let mut within = HashSet::default();
    // the previous range, and the furthest end of all that begin before it
    let (mut last, mut before, mut furthest) = (None, 0, 0);
    for index in order {
        let Some(hit) = hits.get(index) else { continue };
        let range = Some((hit.reading, hit.range.clone()));
        if range != last {
            let is_same_reading = last.as_ref().is_some_and(|(reading, _)| *reading == hit.reading);
            before = if is_same_reading { furthest } else { 0 };
            furthest = before.max(hit.range.end);
            last = range;
        }
        if before >= hit.range.end {
            within.insert(index);
        }
    }
    let numbered = hits.into_iter().enumerate().filter(|(index, _)| !within.contains(index));
    numbered.map(|(_, hit)| hit).collect()
}

/// Value in one encoding.
struct EncodedPattern {
    secret: usize,
    form: ValueEncoding,
    text: Wiping<Vec<u8>>,
    /// Whether it must not be a part of a longer word.
    bounded: bool,
    /// Offset of the bytes that represent it in the table.
    offset: usize,
}

/// Whether values that must not be a part of a longer word may be one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WordBounds {
    Required,
    Ignored,
}

/// Hits in the readings of a text.
struct FoundHits {
    bounds: WordBounds,
    hits: Vec<KnownSecretHit>,
}

/// Offset of eight bytes by which to look for a value: those of its middle, unless they are like `--------` or `AAAAAAAA`,
/// which texts contain at thousands of places that would all be compared.
fn distinctive_window(text: &[u8]) -> usize {
    let count_distinct = |at: usize| {
        let window = text.get(at..at + WINDOW).unwrap_or_default();
        window
            .iter()
            .enumerate()
            .filter(|(index, byte)| !window.iter().take(*index).any(|other| other == *byte))
            .count()
    };
    let last = text.len().saturating_sub(WINDOW);
    let places = [last / 2].into_iter().chain((0..=last).step_by(WINDOW / 2).take(MAX_PLACES));
    let mut best = (0, last / 2);
    for at in places {
        let distinct = count_distinct(at);
        if distinct >= DISTINCT {
            return at;
        }
        if distinct > best.0 {
            best = (distinct, at);
        }
    }
    best.1
}

/// Search index of values.
pub(super) struct KnownSecretSearch {
    patterns: Vec<EncodedPattern>,
    /// Bytes that represent each pattern, sorted, with the indexes of their patterns.
    keys: Wiping<Vec<u64>>,
    owners: Vec<usize>,
    /// Filter with a bit for each key, which rules out most windows.
    filter: Wiping<Vec<u64>>,
    /// Whether a value contains a blank, which forms encode as `+`.
    has_blanks: bool,
}

impl KnownSecretSearch {
    /// Builds the index for values, each with whether it must not be a part of a longer word.
    pub(super) fn new<'s>(secrets: impl IntoIterator<Item = (&'s [u8], bool)>) -> Self {
        let mut patterns = Vec::new();
        let mut has_blanks = false;
        for (secret, (text, bounded)) in secrets.into_iter().enumerate() {
            has_blanks |= text.contains(&b' ');
            let forms = encode_secret(text).into_iter().filter(|(_, text)| text.len() >= WINDOW);
            patterns.extend(forms.map(|(form, text)| {
                let bounded = bounded && form == ValueEncoding::Raw;
                let offset = distinctive_window(&text);
                EncodedPattern { secret, form, text, bounded, offset }
            }));
        }
        Self::of_patterns(patterns, has_blanks)
    }

    /// The part that is the same for any iterator of values.
    fn of_patterns(patterns: Vec<EncodedPattern>, has_blanks: bool) -> Self {
        let of_pattern =
            |pattern: &EncodedPattern| pattern.text.get(pattern.offset..).and_then(pattern_key).unwrap_or_default();
        let mut owners: Vec<usize> = (0..patterns.len()).collect();
        let unsorted = Wiping::new(patterns.iter().map(of_pattern).collect::<Vec<_>>());
        sort_by_key(&mut owners, |owner| unsorted.get(*owner).copied());
        let keys: Vec<u64> = owners.iter().filter_map(|owner| unsorted.get(*owner).copied()).collect();
        // sixteen bits per key, so that one window in sixteen needs a lookup
        let mut filter = Wiping::new(vec![0_u64; (keys.len() / 4).next_power_of_two()]);
        for key in &keys {
            let (word, bit) = filter_slot(*key, filter.len());
            if let Some(word) = filter.get_mut(word) {
                *word |= 1 << bit;
            }
        }
        Self { patterns, keys: Wiping::new(keys), owners, filter, has_blanks }
    }

    /// Finds every value in a text, each once.
    pub(super) fn find(&self, text: &[u8]) -> Vec<KnownSecretHit> {
        self.find_within(text, WordBounds::Required)
    }

    fn find_within(&self, text: &[u8], bounds: WordBounds) -> Vec<KnownSecretHit> {
        let mut found = FoundHits { bounds, hits: Vec::new() };
        self.read(text, ValueEncoding::Raw, &mut found);
        if let Some(text) = without_wraps(text) {
            self.read(&text, ValueEncoding::Wrapped, &mut found);
        }
        if let Some(text) = without_escapes(text) {
            self.read(&text, ValueEncoding::Json, &mut found);
            if let Some(text) = without_wraps(&text) {
                self.read(&text, ValueEncoding::Wrapped, &mut found);
            }
        }
        if let Some(text) = without_percents(text) {
            self.read(&text, ValueEncoding::Url, &mut found);
        }
        if self.has_blanks
            && let Some(text) = without_pluses(text)
        {
            self.read(&text, ValueEncoding::Url, &mut found);
        }
        found.hits
    }

    /// Replaces every value in a text by `…`.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut out = text.to_owned();
        loop {
            // a path joins names with dots, of which each may be a value
            let hits = self.find_within(out.as_bytes(), WordBounds::Ignored);
            let Some(hit) = hits.first() else { return out };
            let Range { start, end } = hit.range;
            // a value found only behind escapes has no known range, so nothing is safe to show
            if hit.reading != ValueEncoding::Raw || !out.is_char_boundary(start) || !out.is_char_boundary(end) {
                return "…".to_owned();
            }
            out.replace_range(start..end, "…");
        }
    }

    fn read(&self, text: &[u8], reading: ValueEncoding, found: &mut FoundHits) {
        let filter = self.filter.as_slice();
        for (at, window) in text.windows(WINDOW).enumerate() {
            let Some(key) = pattern_key(window) else { continue };
            let (word, bit) = filter_slot(key, filter.len());
            if filter.get(word).is_some_and(|word| word >> bit & 1 == 1) {
                self.look_up(key, text, at, reading, found);
            }
        }
    }

    fn look_up(&self, key: u64, text: &[u8], at: usize, reading: ValueEncoding, found: &mut FoundHits) {
        let first = self.keys.partition_point(|other| *other < key);
        let same = self.keys.iter().skip(first).take_while(|other| **other == key).count();
        for owner in self.owners.iter().skip(first).take(same) {
            let Some(pattern) = self.patterns.get(*owner) else { continue };
            let Some(start) = at.checked_sub(pattern.offset) else { continue };
            let range = start..start + pattern.text.len();
            let is_there = text.get(range.clone()) == Some(pattern.text.as_slice());
            let is_known = found.hits.iter().any(|hit| hit.secret == pattern.secret);
            let is_bounded = pattern.bounded && found.bounds == WordBounds::Required;
            if is_there && !is_known && !(is_bounded && is_part_of_word(text, &range)) {
                let form = if pattern.form == ValueEncoding::Raw { reading } else { pattern.form };
                found.hits.push(KnownSecretHit { secret: pattern.secret, form, reading, range });
            }
        }
    }
}

fn pattern_key(text: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(text.get(..WINDOW)?.try_into().ok()?))
}

/// Slot of a key in the filter: index of the word, and of the bit in it. Multiplied by 2⁶⁴ over the golden ratio, so
/// that similar keys get distant slots.
fn filter_slot(key: u64, words: usize) -> (usize, u32) {
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let word = (hash >> 38) as usize & (words - 1);
    (word, (hash >> 58) as u32)
}

/// Whether a range is adjacent to letters, digits or characters that join them in names.
fn is_part_of_word(text: &[u8], range: &Range<usize>) -> bool {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte) || !byte.is_ascii();
    let before = range.start.checked_sub(1).and_then(|at| text.get(at));
    before.is_some_and(of_word) || text.get(range.end).is_some_and(of_word)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn found(secret: &str, text: &str) -> Option<ValueEncoding> {
        let search = KnownSecretSearch::new([(secret.as_bytes(), false)]);
        search.find(text.as_bytes()).first().map(|hit| hit.form)
    }

    fn hex(text: &str, upper: bool) -> String {
        text.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    }

    /// Encodes as common encoders do: letters and digits unchanged, other characters or all of them as `%XX`.
    fn url(text: &str, upper: bool, plus: bool, all: bool) -> String {
        let encoded = |byte: u8| match byte {
            b' ' if plus => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() && !all => char::from(byte).to_string(),
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        text.bytes().map(encoded).collect()
    }

    proptest! {
        #[test]
        fn whatever_the_secret_and_the_text_around_it_it_is_found(
            secret in ".{8,60}", before in ".{0,40}", after in ".{0,40}",
            upper: bool, plus: bool, all: bool,
        ) {
            let whole = format!("{before}{secret}{after}");
            for (form, text) in [
                ("raw", whole.clone()),
                ("base64", STANDARD.encode(&whole)),
                ("base64 for URLs", URL_SAFE_NO_PAD.encode(&whole)),
                ("base64 within", format!("{before}{}{after}", STANDARD.encode(&whole))),
                ("hexadecimal", format!("{before}{}{after}", hex(&secret, upper))),
                ("JSON", serde_json::to_string(&whole).expect("a text")),
                ("URL", url(&whole, upper, plus, all)),
            ] {
                prop_assert!(found(&secret, &text).is_some(), "{form}: {text:?}");
            }
        }

        #[test]
        fn bytes_are_found_at_each_alignment(secret in prop::collection::vec(any::<u8>(), 8..80), offset in 0_usize..9) {
            let search = KnownSecretSearch::new([(secret.as_slice(), false)]);
            let whole = [&vec![b'x'; offset], secret.as_slice(), b"tail"].concat();
            prop_assert_eq!(search.find(&whole).len(), 1);
            prop_assert_eq!(search.find(STANDARD.encode(&whole).as_bytes()).len(), 1);
        }

        #[test]
        fn nothing_is_found_where_nothing_is(secret in "[a-z0-9]{8,20}", text in "[A-Z %+\\\\u0-9\n]{0,80}") {
            prop_assert_eq!(found(&secret, &text.replace(&secret, "")).filter(|form| *form != ValueEncoding::Json), None);
        }

        #[test]
        fn a_veil_leaves_nothing_of_it(secret in ".{8,20}", before in ".{0,20}", after in ".{0,20}") {
            let search = KnownSecretSearch::new([(secret.as_bytes(), false)]);
            let redacted = search.redact(&format!("{before}{secret}{after}{secret}"));
            prop_assert!(!redacted.contains(&secret), "{redacted:?}");
        }
    }

    #[test]
    fn each_of_many_is_told_once_and_by_its_number() {
        let secrets: Vec<String> = (0..500).map(|number| format!("invented-{number:03}-pass")).collect();
        let search = KnownSecretSearch::new(secrets.iter().map(|secret| (secret.as_bytes(), false)));
        let text = "a invented-007-pass, invented-499-pass and invented-007-pass again";
        let mut found: Vec<_> = search.find(text.as_bytes()).iter().map(|hit| hit.secret).collect();
        found.sort_unstable();
        assert_eq!(found, [7, 499]);
        assert_eq!(search.redact(text), "a …, … and … again");
    }

    #[test]
    fn a_text_is_hidden_whole_where_the_place_of_a_value_is_not_known() {
        let (before, after) = ("é1234567".as_bytes(), "1234567é".as_bytes());
        for (secret, text) in [
            (b"pass word/1".as_slice(), "is pass%20word%2F1 now"),
            // bytes of another encoding, which begin or end inside of a character
            (before.split_at(1).1, "is é1234567 now"),
            (after.split_at(8).0, "is 1234567é now"),
        ] {
            let search = KnownSecretSearch::new([(secret, false)]);
            assert_eq!(search.redact(text), "…", "{text}");
        }
    }

    #[test]
    fn a_value_is_looked_up_by_bytes_that_texts_seldom_have() {
        let run = "x".repeat(50_000);
        for (text, offset) in [
            ("correct-horse-battery".to_owned(), 6),
            (format!("{run}key-1234"), 50_000),
            (format!("key-1234{run}"), 0),
            ("--------".to_owned(), 0),
        ] {
            // at most some places are tried
            let is_far = offset > MAX_PLACES * WINDOW;
            assert_eq!(distinctive_window(text.as_bytes()), if is_far { 25_000 } else { offset });
        }
        let padded = format!("key-1234{run}");
        let search = KnownSecretSearch::new([(padded.as_bytes(), false)]);
        assert_eq!(search.find(format!("{run}{padded}{run}").as_bytes()).len(), 1);
    }

    #[test]
    fn what_must_stand_by_itself_is_no_part_of_a_word() {
        let search = KnownSecretSearch::new([(b"correct-horse".as_slice(), true)]);
        for (text, is_found) in [
            ("correct-horse", true),
            ("x:correct-horse@db", true),
            ("(correct-horse)", true),
            ("correct-horse-battery", false),
            ("incorrect-horse", false),
            ("correct-horse.example.com", false),
        ] {
            assert_eq!(!search.find(text.as_bytes()).is_empty(), is_found, "{text}");
        }
    }

    #[test]
    fn a_secret_of_which_another_is_a_part_speaks_for_both() {
        let search = KnownSecretSearch::new([
            (b"x9y8z7w6".as_slice(), false),
            (b"postgres://app:x9y8z7w6@db".as_slice(), false),
        ]);
        let hits = search.find(b"is postgres://app:x9y8z7w6@db now");
        assert_eq!(hits.len(), 2);
        let outermost: Vec<_> = outermost_hits(hits).iter().map(|hit| hit.secret).collect();
        assert_eq!(outermost, [1]);
    }

    #[test]
    fn forms_are_told_apart() {
        for (text, form) in [
            ("p\"x9y8z7w6", Some(ValueEncoding::Raw)),
            ("p\\\"x9y8z7w6", Some(ValueEncoding::Json)),
            ("\\u0070\\u0022x9y8z7w6", Some(ValueEncoding::Json)),
            ("p%22x9y8z7w6", Some(ValueEncoding::Url)),
            ("7022783979387a377736", Some(ValueEncoding::Hex)),
            ("cCJ4OXk4ejd3Ng==", Some(ValueEncoding::Base64)),
            ("p\\u00", None),
            ("p%2", None),
        ] {
            assert_eq!(found("p\"x9y8z7w6", text), form, "{text}");
        }
        assert_eq!(found("\u{1F511}x9y8", "\\ud83d\\udd11x9y8"), Some(ValueEncoding::Json));
        assert_eq!(found("\u{1F511}x9y8", "\\ud83d--dd11x9y8"), None);
        assert_eq!(found("p\"ux9y8z7w", "p\\\"\\ux9y8z7w"), Some(ValueEncoding::Json));
    }
}
