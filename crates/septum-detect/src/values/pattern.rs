//! Regular expressions that are compiled on first use.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// Regular expression over bytes: without the Unicode tables it compiles several times faster. An invalid one never
/// matches; the tests of the detectors cover each of them.
pub(super) struct CredentialPattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl CredentialPattern {
    /// Creates a pattern that is compiled on first use.
    pub(super) const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
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

    /// Matches of the pattern, or of its first group where it has one.
    pub(super) fn matches<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (&'t str, Range<usize>)> + 't {
        let found = self.regex().into_iter().flat_map(|regex| regex.captures_iter(text.as_bytes()));
        found.filter_map(|captures| {
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
