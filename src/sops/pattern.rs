//! Go's regular expressions, in which selectors and rules are written.
//!
//! The two engines are of one family and differ in details: Go's `\d`, `\w`, `\s`, `\b` know ASCII
//! only, a class of Go has no operators, and `\Q…\E` quotes. A pattern is rewritten so that it
//! matches here what it matches there; what Rust cannot compile is an error, never a pattern that
//! matches nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use regex::bytes::{Regex, RegexBuilder};

use crate::budget::{BudgetExhausted, REGEX_BYTES};
use crate::regex_size;

/// The largest cache that an expression fills while it is searched for, in bytes.
const LARGEST_CACHE: usize = 256 * 1024;

/// A regular expression of Go, searched anywhere in a text.
#[derive(Clone)]
pub struct GoRegex {
    text: String,
    regex: Regex,
}

impl GoRegex {
    /// Compiles a pattern, or says in a line why it cannot be. Each is compiled once: thousands of files have the
    /// same few.
    pub fn parse(text: &str) -> Result<Self, String> {
        static KNOWN: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known.get(text) {
            return Ok(Self { text: text.to_owned(), regex: regex.clone() });
        }
        let regex = compile_regex(text)?;
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

fn compile_regex(text: &str) -> Result<Regex, String> {
    let rust = translate_pattern(text)?;
    regex_size::spend_regex(&rust).map_err(|BudgetExhausted| {
        format!("all expressions of this run take more than {} MiB together", REGEX_BYTES.limit() >> 20)
    })?;
    RegexBuilder::new(&rust).octal(true).dfa_size_limit(LARGEST_CACHE).build().map_err(|error| {
        // the last line has the reason, those before it a drawing of the rewritten pattern
        let message = error.to_string();
        let reason = message.lines().last().unwrap_or_default();
        reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
    })
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

/// The names that both engines know.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Rewrites a pattern of Go as one of Rust.
fn translate_pattern(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(char) = rest.chars().next() {
        rest = match char {
            '\\' => outside_escape(rest, &mut out),
            '[' => translate_class(rest, &mut out)?,
            _ => {
                out.push(char);
                rest.get(char.len_utf8()..).unwrap_or_default()
            }
        };
    }
    Ok(out)
}

/// An escape outside of a class; returns what follows it.
fn outside_escape<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some((escape, after)) = parse_escape(rest) else {
        out.push_str(rest);
        return "";
    };
    match escape {
        'Q' => {
            let (quoted, after) = after.split_once(r"\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return after;
        }
        'd' | 'w' | 's' => out.extend(["[", perl_class(escape), "]"]),
        'D' | 'W' | 'S' => out.extend(["[^", perl_class(escape), "]"]),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' => out.push_str(r"(?-u:\B)"),
        // word boundaries to Rust, mere punctuation to Go
        '<' | '>' => out.push(escape),
        _ => out.extend(['\\', escape]),
    }
    after
}

/// A class with its brackets; returns what follows it.
fn translate_class<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut rest = rest.strip_prefix('[').unwrap_or(rest);
    out.push('[');
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while let Some(char) = rest.chars().next() {
        if char == ']' && !first {
            break;
        }
        rest = class_item(char, rest, first, out)?;
        first = false;
    }
    let after = rest.strip_prefix(']').ok_or("unclosed character class")?;
    out.push(']');
    Ok(after)
}

/// One character, escape or named class within brackets; returns what follows it.
fn class_item<'a>(char: char, rest: &'a str, first: bool, out: &mut String) -> Result<&'a str, String> {
    let after = rest.get(char.len_utf8()..).unwrap_or_default();
    match char {
        '[' if after.starts_with(':') => {
            let name = after.strip_prefix(':').and_then(|name| name.split_once(":]"));
            let (name, after) = name.ok_or("unclosed name of a character class")?;
            if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(format!("unknown character class `[:{name}:]`"));
            }
            out.extend(["[:", name, ":]"]);
            return Ok(after);
        }
        '\\' => {
            let (escape, after) = parse_escape(rest).ok_or("unclosed character class")?;
            match escape {
                'd' | 'w' | 's' => out.push_str(perl_class(escape)),
                'D' | 'W' | 'S' => out.extend(["[^", perl_class(escape), "]"]),
                _ => out.extend(['\\', escape]),
            }
            return Ok(after);
        }
        // nesting, intersection and differences to Rust, mere characters to Go
        '[' | '&' | '~' => out.extend(['\\', char]),
        ']' | '-' if first => out.extend(['\\', char]),
        '-' if out.ends_with('-') && !out.ends_with(r"\-") => out.push_str(r"\-"),
        _ => out.push(char),
    }
    Ok(after)
}

/// The character after a backslash, and what follows.
fn parse_escape(rest: &str) -> Option<(char, &str)> {
    let rest = rest.strip_prefix('\\')?;
    let char = rest.chars().next()?;
    Some((char, rest.get(char.len_utf8()..)?))
}

fn perl_class(escape: char) -> &'static str {
    match escape {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        _ => r"\t\n\f\r ",
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
