//! Regular expressions that are compiled on first use.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// Regular expression over bytes: without the Unicode tables it compiles several times faster. An invalid one never
/// matches; the tests of the detectors cover each of them.
///
/// To compile one takes longer than to search some hundred values. A detector is often called by the name of an entry
/// alone, so that the text is searched first for what every match contains.
pub(super) struct CredentialPattern {
    source: &'static str,
    /// Smallest length of a match in bytes.
    shortest: usize,
    /// ASCII texts one of which is in every match, in either case; none if there is no such text.
    parts: &'static [&'static str],
    compiled: OnceLock<Option<Regex>>,
}

/// Length from which a text is searched by the expression right away.
const LONG: usize = 4096;

impl CredentialPattern {
    /// Creates a pattern that is compiled on first use.
    pub(super) const fn new(source: &'static str) -> Self {
        Self::having(0, &[], source)
    }

    /// Creates a pattern that is compiled on first use for a text that may match. Builds with assertions check what is
    /// said of matches.
    pub(super) const fn having(shortest: usize, parts: &'static [&'static str], source: &'static str) -> Self {
        Self { source, shortest, parts, compiled: OnceLock::new() }
    }

    /// Source of the expression.
    #[cfg(test)]
    pub(super) fn source(&self) -> &'static str {
        self.source
    }

    /// Compiled expression.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let build = || RegexBuilder::new(self.source).unicode(false).build().ok();
        self.compiled.get_or_init(build).as_ref()
    }

    /// Whether a text has the length and one of the parts of a match.
    fn may_match(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let has = |part: &&str| text.windows(part.len()).any(|found| found.eq_ignore_ascii_case(part.as_bytes()));
        text.len() >= self.shortest && (self.parts.is_empty() || self.parts.iter().any(has))
    }

    /// Matches of the pattern, or of its first group where it has one.
    pub(super) fn matches<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (&'t str, Range<usize>)> + 't {
        let is_compiled = text.len() >= LONG || self.compiled.get().is_some();
        let may_match = is_compiled && !cfg!(debug_assertions) || self.may_match(text);
        let regex = if may_match || cfg!(debug_assertions) { self.regex() } else { None };
        regex.into_iter().flat_map(|regex| regex.captures_iter(text.as_bytes())).filter_map(move |captures| {
            debug_assert!(may_match, "a match of {} has none of its parts", self.source);
            let range = captures.get(1).or_else(|| captures.get(0))?.range();
            // bytes are matched, so a bounded repetition may end inside a character
            Some((text.get(range.clone())?, range))
        })
    }
}

/// Whether a range is not part of a longer token. `\b` would suffice for words, but tokens contain dashes and
/// underscores.
pub(super) fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
    let before = range.start.checked_sub(1).and_then(|index| text.as_bytes().get(index));
    // an escape such as `\n` before a token is not part of it
    let escaped = range.start.checked_sub(2).and_then(|index| text.as_bytes().get(index)) == Some(&b'\\');
    let starts = escaped || !before.is_some_and(in_token);
    starts && !text.as_bytes().get(range.end).is_some_and(in_token)
}
