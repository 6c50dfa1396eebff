//! A match of a rule in a text.

use std::ops::Range;

/// A secret and the match that it is in, as ranges of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretSighting {
    pub(super) secret: Range<usize>,
    pub(super) matched: Range<usize>,
}

/// A sighting with its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretCandidate<'a> {
    text: &'a str,
    sighting: &'a SecretSighting,
}

impl<'a> SecretCandidate<'a> {
    pub(super) fn new(text: &'a str, sighting: &'a SecretSighting) -> Self {
        Self { text, sighting }
    }

    pub(super) fn secret(self) -> &'a str {
        self.text.get(self.sighting.secret.clone()).unwrap_or_default()
    }

    pub(super) fn matched_text(self) -> &'a str {
        self.text.get(self.sighting.matched.clone()).unwrap_or_default()
    }

    /// The lines that the match is on.
    pub(super) fn line(self) -> &'a str {
        let Range { start, end } = self.sighting.matched;
        let start = self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let end = self.text.get(end..).and_then(|after| after.find('\n')).map_or(self.text.len(), |more| end + more);
        self.text.get(start..end).unwrap_or_default()
    }
}
