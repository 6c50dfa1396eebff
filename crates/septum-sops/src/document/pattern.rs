//! Regular expressions of selectors and rules, compiled once each; their syntax is that of [`go_regex`](septum_base::go_regex).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use regex::bytes::Regex;

use septum_base::go_regex::compile_for_bytes;

/// A regular expression of Go, searched anywhere in a text.
#[derive(Clone)]
pub struct GoRegex {
    text: String,
    regex: Regex,
}

impl GoRegex {
    /// Compiles a pattern; the error is one line. Each is compiled once: thousands of files have the same few.
    pub fn parse(text: &str) -> Result<Self, String> {
        static KNOWN: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known.get(text) {
            return Ok(Self { text: text.to_owned(), regex: regex.clone() });
        }
        let regex = compile_for_bytes(text).map_err(|error| error.reason)?;
        known.insert(text.to_owned(), regex.clone());
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether the pattern matches somewhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::GoRegex;

    #[test]
    fn patterns_match_what_they_match_in_go() {
        for (pattern, text, expected) in [
            ("^(data|stringData)$", "data", true),
            ("^(data|stringData)$", "metadata", false),
            ("data", "metadata", true),
            ("(?i)password", "DB_PASSWORD", true),
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\w+$", "ß", false),
            (r"^\W$", "ß", true),
            (r"^[\w.]+$", "a.b", true),
            (r"^[\w.]+$", "ß", false),
            (r"^[^\d]$", "x", true),
            (r"^[\Dx]$", "1", false),
            (r"\bkey\b", "ßkeyß", true),
            (r"^\s$", "\u{a0}", false),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^\Qa.b", "a.b", true),
            (r"^\<a\>$", "<a>", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]]$", "]", false),
            (r"^[[:alpha:]_]+$", "a_b", true),
            (r"^[--a]+$", "-A", true),
            (r"^[+--]+$", "+,-", true),
            (r"^[a~~b]+$", "~", true),
            (r"^\x41\101\z", "AA", true),
            (r"^ä.\pL$", "äöü", true),
            ("", "anything", true),
        ] {
            let compiled = GoRegex::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(compiled.is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_an_error_of_one_line() {
        for pattern in ["(", "[a", r"\", r"[\", r"\C", "a(?=b)", "*", "[z-a]", "[[:nope:]]", "[[:"] {
            let reason = GoRegex::parse(pattern).expect_err(pattern);
            assert!(!reason.is_empty() && !reason.contains('\n'), "{pattern}: {reason}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_compiled_or_refused(pattern in r"[\[\]\\^:a-dDQEwb&~()*-]{0,12}", text in ".*") {
            for pattern in [&pattern, &text] {
                if let Ok(compiled) = GoRegex::parse(pattern) {
                    compiled.is_match(&text);
                }
            }
        }
    }
}
