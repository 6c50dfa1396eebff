//! Keys chosen by patterns on the command line.

use std::ffi::OsStr;

use globset::{GlobBuilder, GlobMatcher};

use super::argument::argument_name;
use super::output::invalid_usage;
use septum::diagnostic::{Diagnostic, Rule};

/// Keys chosen by patterns on the command line.
pub(super) struct KeyFilter(Vec<GlobMatcher>);

impl KeyFilter {
    /// The filter of some patterns; without any, it accepts every key.
    pub(super) fn new(patterns: &[String]) -> Result<Self, Diagnostic> {
        let compile = |pattern: &String| match GlobBuilder::new(pattern).backslash_escape(true).build() {
            Ok(glob) => Ok(glob.compile_matcher()),
            // the reason of the library quotes the pattern
            Err(_) => Err(invalid_usage(format!("{} is not a valid pattern", argument_name(OsStr::new(pattern))))
                .hint("`*` matches any text, `?` one character, `[ab]` one of several, `{A,B}` either")),
        };
        Ok(Self(patterns.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// Whether a key matches any of the patterns.
    pub(super) fn accepts(&self, key: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| glob.is_match(key))
    }

    /// Error if a pattern matches none of the keys: it is probably mistyped.
    pub(super) fn check<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<(), Diagnostic> {
        let mut unused: Vec<&GlobMatcher> = self.0.iter().collect();
        for key in keys {
            unused.retain(|glob| !glob.is_match(key));
        }
        match unused.first() {
            None => Ok(()),
            Some(glob) => {
                let which = argument_name(OsStr::new(glob.glob().glob()));
                Err(Diagnostic::error(Rule::UnknownKey, format!("no key matches the pattern in {which}"))
                    .hint("`septum list` shows all keys; variables are `vars.NAME`"))
            }
        }
    }
}
