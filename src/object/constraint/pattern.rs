//! Regular expressions of `pattern`: ECMA 262, which JSON Schema prescribes.
//!
//! An expression is translated to the syntax of the `regex` crate. Most are then matched in linear time. One with
//! lookaround or backreferences backtracks, and gives up after a million steps.

use jsonschema_regex::{PatternAnalysis, RepeatedClass, Search};

use crate::budget::BudgetExhausted;
use crate::parallel::catch_panic;
use crate::regex_size;

/// Bytes that an expression may become: a bound that both engines have.
const LARGEST: u64 = 10 * 1024 * 1024;

/// Compiled expression: an engine, or the comparison that it amounts to.
#[derive(Debug)]
pub(super) enum ValuePattern {
    /// `^v`
    Prefix(String),
    /// `^prod$`
    Exact(String),
    /// `^(debug|info)$`
    OneOf(Vec<String>),
    /// `^\S*$`
    NoWhitespace,
    /// `^[a-z]{1,63}$`, whose characters are counted: engines take such a count as that many copies.
    Count(RepeatedClass),
    /// `^(?=.*\d)\w+$`, which is `^.*\d` and `^\w+$`.
    All(Vec<Self>),
    /// Any other without lookaround.
    Linear(regex::Regex),
    /// Any other; the engine itself finds those that need no backtracking.
    Backtracking(fancy_regex::Regex),
}

/// Reason why an expression is not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrongPattern {
    /// It is not one of ECMA 262, or too large.
    Invalid,
    /// The expressions of the run are too large together.
    OverBudget,
}

impl ValuePattern {
    /// Compiles an expression.
    pub(super) fn compile(pattern: &str) -> Result<Self, WrongPattern> {
        if !jsonschema_regex::is_valid_ecma_regex(pattern) {
            return Err(WrongPattern::Invalid);
        }
        if let Some(literal) = jsonschema_regex::analyze_pattern(pattern) {
            return Ok(literal.into());
        }
        if let Some(parts) = jsonschema_regex::split_leading_lookaheads(pattern) {
            let linear = |part: &String| compile_search(part, |rust| regex::Regex::new(rust).map(Self::Linear));
            match parts.iter().map(linear).collect() {
                // a part with a reference to a group of another part needs the whole
                Err(WrongPattern::Invalid) => {}
                all => return all.map(Self::All),
            }
        }
        compile_search(pattern, |rust| fancy_regex::Regex::new(rust).map(Self::Backtracking))
    }

    /// Whether some of a text matches. Nothing if the engine gives up.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        Some(match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Exact(exact) => text == exact,
            Self::OneOf(alternatives) => alternatives.iter().any(|exact| text == exact),
            Self::NoWhitespace => !jsonschema_regex::contains_ecma_whitespace(text),
            Self::Count(class) => class.is_match(text),
            Self::All(parts) => {
                for part in parts {
                    if !part.is_match(text)? {
                        return Some(false);
                    }
                }
                true
            }
            // some expressions make the engine panic (github.com/rust-lang/regex/issues/1344)
            Self::Linear(regex) => catch_panic(|| regex.is_match(text)).ok()?,
            Self::Backtracking(regex) => catch_panic(|| regex.is_match(text)).ok()?.ok()?,
        })
    }
}

impl From<PatternAnalysis<'_>> for ValuePattern {
    fn from(literal: PatternAnalysis<'_>) -> Self {
        match literal {
            PatternAnalysis::Prefix(prefix) => Self::Prefix(prefix.into_owned()),
            PatternAnalysis::Exact(exact) => Self::Exact(exact.into_owned()),
            PatternAnalysis::Alternation(alternatives) => Self::OneOf(alternatives),
            PatternAnalysis::NoWhitespace => Self::NoWhitespace,
        }
    }
}

/// Compiles an expression that is only searched for, which may drop repetitions at its ends.
fn compile_search<E>(
    pattern: &str,
    build: impl FnOnce(&str) -> Result<ValuePattern, E>,
) -> Result<ValuePattern, WrongPattern> {
    let translated = jsonschema_regex::to_rust_regex(pattern).map_err(|()| WrongPattern::Invalid)?;
    let rust = match jsonschema_regex::search_form(pattern, &translated) {
        Some(Search::RepeatedClass(class)) => return Ok(ValuePattern::Count(class)),
        Some(Search::Collapsed(shorter)) => shorter.into(),
        None => translated,
    };
    regex_size::spend_regex_up_to(&rust, LARGEST).map_err(|BudgetExhausted| WrongPattern::OverBudget)?;
    build(&rust).map_err(|_| WrongPattern::Invalid)
}
