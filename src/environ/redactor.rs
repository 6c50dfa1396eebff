//! Redaction of a stream: every secret in it is replaced by a mark, however the stream is split.
//!
//! Text that may begin a secret is held back, and nothing more: the automaton knows how much of the end of the
//! input that is. Secrets that overlap or touch give one mark.

use std::sync::Arc;

use aho_corasick::automaton::StateID;

use super::SecretPatterns;
use super::patterns::SHORTEST;
use crate::secret::Wiping;

/// Mark in the place of a secret.
const MARK: &[u8] = b"[secret]";

/// A stream that is redacted.
pub struct StreamRedactor {
    patterns: Arc<SecretPatterns>,
    state: StateID,
    /// Input that is held back.
    held: Wiping<Vec<u8>>,
    /// Position of `held` in the stream.
    from: usize,
    /// Secrets in the input from there on, merged, as ranges of positions.
    found: Vec<(usize, usize)>,
    /// End of the last secret that has its mark.
    marked: Option<usize>,
}

impl StreamRedactor {
    /// A stream at its beginning.
    pub fn new(patterns: Arc<SecretPatterns>) -> Self {
        let state = patterns.start();
        Self { patterns, state, held: Wiping::default(), from: 0, found: Vec::new(), marked: None }
    }

    /// Adds input, and writes what is certain to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut end = self.end();
        for byte in input {
            self.state = self.patterns.next_state(self.state, *byte);
            end += 1;
            if let Some(length) = self.patterns.longest_match(self.state) {
                self.mark_found(end.saturating_sub(length), end);
            }
        }
        self.held.extend_from_slice(input);
        self.write_until(end - self.held_back().min(self.held.len()), out);
    }

    /// Whether something is held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Writes what is held back if it is less than a secret: the program pauses, and a user may wait for the rest of a
    /// line. The rest of a secret is redacted even then.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        if self.held_back() < SHORTEST {
            self.write_until(self.end(), out);
        }
    }

    /// Writes all that is held back: the stream has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.write_until(self.end(), out);
    }

    fn end(&self) -> usize {
        self.from + self.held.len()
    }

    fn held_back(&self) -> usize {
        self.patterns.depth(self.state)
    }

    fn mark_found(&mut self, start: usize, end: usize) {
        let mut start = start.max(self.from);
        while let Some((before, _)) = self.found.pop_if(|(_, last)| *last >= start) {
            start = start.min(before);
        }
        self.found.push((start, end));
    }

    /// Writes the input up to a position, with marks.
    fn write_until(&mut self, until: usize, out: &mut Vec<u8>) {
        let base = self.from;
        let mut at = base;
        let mut done = 0;
        for (start, end) in &mut self.found {
            if *start >= until {
                break;
            }
            out.extend_from_slice(self.held.get(at - base..*start - base).unwrap_or_default());
            if self.marked.is_none_or(|marked| *start > marked) {
                out.extend_from_slice(MARK);
            }
            at = (*end).min(until);
            self.marked = Some(at);
            if *end > until {
                *start = until;
                break;
            }
            done += 1;
        }
        self.found.drain(..done);
        out.extend_from_slice(self.held.get(at - base..until - base).unwrap_or_default());
        // what is written is not held any longer, and not left in the buffer
        let rest = Wiping::new(self.held.get(until - base..).unwrap_or_default().to_vec());
        self.held = rest;
        self.from = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(secrets: &[&str]) -> Arc<SecretPatterns> {
        Arc::new(SecretPatterns::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap())
    }

    fn redact(patterns: &Arc<SecretPatterns>, chunks: &[&[u8]]) -> String {
        let (mut stream, mut out) = (StreamRedactor::new(Arc::clone(patterns)), Vec::new());
        for chunk in chunks {
            stream.push(chunk, &mut out);
        }
        stream.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn secrets_are_replaced_in_every_form_and_plain_words_are_not() {
        let known =
            patterns(&["it's a \"Pa55\"/w+rd", "postgres://app:n3ver%2Fguess@db:5432/x", "password", "line-1\nline-2"]);
        for (text, expected) in [
            ("nothing of it", "nothing of it"),
            ("password", "password"),
            ("a it's a \"Pa55\"/w+rd b", "a [secret] b"),
            ("{\"p\":\"it's a \\\"Pa55\\\"/w+rd\"}", "{\"p\":\"[secret]\"}"),
            (r#"P='it'\''s a "Pa55"/w+rd'"#, "P='[secret]'"),
            ("p=it%27s%20a%20%22Pa55%22%2Fw%2Brd&q=1", "p=[secret]&q=1"),
            ("p=it%27s+a+%22Pa55%22%2Fw%2Brd&q=1", "p=[secret]&q=1"),
            ("n3ver%2Fguess", "[secret]"),
            ("line-2 of it", "[secret] of it"),
            ("line-1\nline-2", "[secret]"),
            ("bGluZS0xCmxpbmUtMg==", "[secret]g=="),
        ] {
            assert_eq!(redact(&known, &[text.as_bytes()]), expected, "{text}");
        }
        assert!(SecretPatterns::new([&b"short"[..], b"password", b"12345", b"SECRET"]).is_none());
    }

    #[test]
    fn a_pause_shows_less_than_a_secret() {
        let known = patterns(&["n3ver-guess"]);
        let (mut stream, mut out) = (StreamRedactor::new(known), Vec::new());
        stream.push(b"name: n", &mut out);
        assert_eq!(out, b"name: ");
        stream.pause(&mut out);
        assert_eq!(out, b"name: n");
        stream.push(b"3ver-g", &mut out);
        stream.pause(&mut out);
        assert_eq!(out, b"name: n", "most of a secret is held back");
        stream.push(b"uess, n3ver", &mut out);
        stream.finish(&mut out);
        assert_eq!(out, b"name: n[secret], n3ver");
    }

    fn cases() -> ProptestConfig {
        let cases = std::env::var("SEPTUM_REDACTION_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64);
        ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(cases())]

        /// Few letters, so that secrets overlap, repeat and contain each other.
        #[test]
        fn any_split_gives_the_same_and_no_secret_remains(
            secrets in prop::collection::vec("[ab1/ '\"\n]{6,12}", 1..5),
            parts in prop::collection::vec((0..6_usize, 0..8_usize, "[ab1/ \n]{0,6}"), 0..12),
            cuts in prop::collection::vec(0..200_usize, 0..12),
        ) {
            let Some(known) = SecretPatterns::new(secrets.iter().map(String::as_bytes)).map(Arc::new) else {
                return Ok(());
            };
            let mut text = Vec::new();
            for (secret, form, plain) in &parts {
                text.extend_from_slice(plain.as_bytes());
                if let Some(secret) = secrets.get(*secret) {
                    let forms = super::super::patterns::tests::forms_of(secret.trim().as_bytes());
                    text.extend_from_slice(&forms[form % forms.len()]);
                }
            }
            let whole = redact(&known, &[&text]);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(&redact(&known, &chunks), &whole);
            // words and short texts are no secrets to look for
            let forms_of = |secret: &str| super::super::patterns::tests::forms_of(secret.trim().as_bytes());
            let is_distinct = |secret: &&String| forms_of(secret) != [b"\0none\0"];
            for secret in secrets.iter().filter(is_distinct) {
                for form in forms_of(secret) {
                    prop_assert!(memchr::memmem::find(whole.as_bytes(), &form).is_none(), "{secret:?} as {form:?}");
                }
            }
            // pauses show no more than a part of one
            let (mut stream, mut out) = (StreamRedactor::new(known), Vec::new());
            for chunk in chunks {
                stream.push(chunk, &mut out);
                stream.pause(&mut out);
            }
            stream.finish(&mut out);
            for secret in secrets.iter().filter(is_distinct).map(|secret| secret.trim()) {
                prop_assert!(memchr::memmem::find(&out, secret.as_bytes()).is_none(), "{secret:?}");
            }
        }
    }
}
