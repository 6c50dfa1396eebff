//! The size of a regular expression before it is compiled.
//!
//! `\pL{200}` is eight characters and takes megabytes, and a file may have thousands of its kind. So the size of an
//! expression is estimated from its syntax, and counted against the budget of the run.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use crate::budget::{BudgetExhausted, REGEX_BYTES};

/// Base size of every expression, in bytes: the tables of its engines.
const BASE: u64 = 4 * 1024;

/// Size of a state, in bytes.
const STATE: u64 = 40;

/// Spends the size of an expression from the budget of the run.
pub fn spend_regex(pattern: &str) -> Result<(), BudgetExhausted> {
    REGEX_BYTES.spend(estimate_size(pattern))
}

/// Spends the size of an expression, but no more than the size at which the engine refuses it.
pub fn spend_regex_up_to(pattern: &str, limit: u64) -> Result<(), BudgetExhausted> {
    REGEX_BYTES.spend(estimate_size(pattern).min(limit))
}

/// Reason why an expression whose size is not in the budget is refused.
pub fn over_budget() -> String {
    format!("all expressions of this run require more than {} MiB in total", REGEX_BYTES.limit() >> 20)
}

/// Spends a size that is known from elsewhere: the sum of `states_size` of parts, and the tables of an engine.
pub fn spend_states(bytes: u64) -> Result<(), BudgetExhausted> {
    REGEX_BYTES.spend(BASE.saturating_add(bytes))
}

/// Estimated bytes of the states of an expression; nothing if only a backtracking engine supports it.
pub fn states_size(pattern: &str) -> Option<u64> {
    ParserBuilder::new().octal(true).utf8(false).build().parse(pattern).ok().map(|hir| hir_size(&hir))
}

/// Estimated bytes of an expression when it is compiled. An invalid one is not compiled.
fn estimate_size(pattern: &str) -> u64 {
    BASE.saturating_add(states_size(pattern).unwrap_or_default())
}

fn hir_size(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => STATE.saturating_mul(literal.0.len() as u64),
        HirKind::Class(Class::Bytes(class)) => STATE.saturating_add(8 * class.ranges().len() as u64),
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().fold(STATE, |sum, range| sum.saturating_add(size_of_range(range.start(), range.end())))
        }
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let times = u64::from((*max).unwrap_or(*min).max(*min).max(1));
            hir_size(sub).saturating_add(STATE).saturating_mul(times)
        }
        HirKind::Capture(capture) => hir_size(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(STATE, |sum, part| sum.saturating_add(hir_size(part)).saturating_add(8))
        }
    }
}

/// Size of a range of characters: beyond ASCII it is one of several sequences of bytes, with a state for each.
fn size_of_range(start: char, end: char) -> u64 {
    if end.is_ascii() {
        return 8;
    }
    Utf8Sequences::new(start, end).fold(0, |sum, sequence| sum.saturating_add(STATE * sequence.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_counts_as_often_as_it_is() {
        let one = estimate_size(r"\pL") - BASE;
        assert!(one > 10_000, "{one}");
        assert!(estimate_size(r"\pL{200}") > 200 * one);
        assert!(estimate_size("((a{100}){100}){100}") > 40_000_000);
        assert!(estimate_size("abc") < 2 * BASE);
        assert_eq!(states_size("(?=a)"), None);
    }

    /// An expression that is estimated to be small is small: the engine's own limit agrees.
    #[test]
    fn an_estimate_is_no_less_than_half_of_what_the_engine_counts() {
        for pattern in [
            r"\pL{20}",
            r"\pL\pN\pM",
            r"[a-z]{1,500}",
            r"(?i)straße{50}",
            r"\w{30}",
            r"(a|b|c){200}",
            r".{500}",
            r"[^a]{100}",
            r"(?i)[\w.-]{0,50}?(?:key|token)",
            r"\b\d{1,3}(\.\d{1,3}){3}\b",
        ] {
            let limit = usize::try_from(estimate_size(pattern)).unwrap() * 2;
            let built = regex::RegexBuilder::new(pattern).size_limit(limit).build();
            assert!(built.is_ok(), "{pattern} takes more than {limit}");
        }
    }
}
