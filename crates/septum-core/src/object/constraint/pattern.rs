//! Regular expressions of `pattern`: ECMA 262, which JSON Schema prescribes.
//!
//! An expression is translated to the syntax of the `regex` crate. Most are then matched in linear time. One with
//! lookaround or backreferences backtracks, and gives up after a million steps. The memory of both is bounded: that of
//! an expression by the engines, and that of all expressions of a run by a budget.

use fancy_regex::Expr;
use jsonschema_regex::{PatternAnalysis, RepeatedClass, Search};

use crate::budget::BudgetExhausted;
use crate::parallel::catch_panic;
use crate::regex_size;

/// Bytes that an expression, or a part of one that backtracks, may become: the default of the engine of `regex`.
pub(super) const LARGEST: usize = 10 * 1024 * 1024;

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
    /// It is not one of ECMA 262.
    Invalid,
    /// It, or a part of it, takes more than [`LARGEST`].
    TooLarge,
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
            let linear = |part: &String| compile_search(part, Self::linear);
            match parts.iter().map(linear).collect() {
                // a part with a reference to a group of another part needs the whole
                Err(WrongPattern::Invalid | WrongPattern::TooLarge) => {}
                all => return all.map(Self::All),
            }
        }
        compile_search(pattern, Self::backtracking)
    }

    fn linear(rust: &str) -> Result<Self, WrongPattern> {
        regex_size::spend_regex_up_to(rust, LARGEST as u64).map_err(|BudgetExhausted| WrongPattern::OverBudget)?;
        let built = regex::RegexBuilder::new(rust).size_limit(LARGEST).build();
        built.map(Self::Linear).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => WrongPattern::TooLarge,
            _ => WrongPattern::Invalid,
        })
    }

    fn backtracking(rust: &str) -> Result<Self, WrongPattern> {
        let size = backtracking_size(rust).ok_or(WrongPattern::Invalid)?;
        regex_size::spend_states(size).map_err(|BudgetExhausted| WrongPattern::OverBudget)?;
        let mut builder = fancy_regex::RegexBuilder::new(rust);
        // without it, lookbehind of variable length has no bound: `(?<!\pL{1,300000})` takes 4 GB
        let built = builder.delegate_size_limit(LARGEST).build();
        // the engine tells of most expressions that are too large as of any other
        let wrong = if size >= LARGEST as u64 { WrongPattern::TooLarge } else { WrongPattern::Invalid };
        built.map(Self::Backtracking).map_err(|_| wrong)
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
fn compile_search(
    pattern: &str,
    build: impl FnOnce(&str) -> Result<ValuePattern, WrongPattern>,
) -> Result<ValuePattern, WrongPattern> {
    let translated = jsonschema_regex::to_rust_regex(pattern).map_err(|()| WrongPattern::Invalid)?;
    match jsonschema_regex::search_form(pattern, &translated) {
        Some(Search::RepeatedClass(class)) => Ok(ValuePattern::Count(class)),
        Some(Search::Collapsed(shorter)) => build(&shorter),
        None => build(&translated),
    }
}

/// Estimated bytes of an expression that may backtrack. Nothing if it is invalid.
fn backtracking_size(rust: &str) -> Option<u64> {
    match regex_size::states_size(rust) {
        Some(size) => Some(size.min(LARGEST as u64)),
        None => Some(part_size(&Expr::parse_tree(rust).ok()?.expr).bytes),
    }
}

/// Size of a part of an expression.
struct PartSize {
    bytes: u64,
    /// Whether the engine of `regex` matches it, which takes what is repeated as that many copies.
    is_linear: bool,
}

fn part_size(expr: &Expr) -> PartSize {
    let own = match expr {
        Expr::Delegate { inner, .. } => regex_size::states_size(inner),
        Expr::Literal { val, .. } => regex_size::states_size(&regex::escape(val)),
        Expr::Any { .. } => regex_size::states_size("."),
        _ => None,
    };
    let is_linear = own.is_some()
        || matches!(
            expr,
            Expr::Empty | Expr::Assertion(_) | Expr::LiteralBytes { .. } | Expr::Concat(_) | Expr::Alt(_)
        )
        || matches!(expr, Expr::Group(_) | Expr::Repeat { .. });
    let mut size = PartSize { bytes: own.unwrap_or(64), is_linear };
    for child in expr.children_iter().map(part_size) {
        size.bytes = size.bytes.saturating_add(child.bytes);
        size.is_linear &= child.is_linear;
    }
    if size.is_linear {
        if let Expr::Repeat { lo, hi, .. } = expr {
            let times = if *hi == usize::MAX { *lo } else { *hi };
            size.bytes = size.bytes.saturating_mul(times.max(1) as u64);
        }
        // beyond it, the engine refuses the part
        size.bytes = size.bytes.min(LARGEST as u64);
    }
    size
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    const LIMIT: u64 = LARGEST as u64;

    #[test]
    fn an_expression_that_backtracks_is_as_large_as_the_engine_makes_it() {
        let sizes = [
            (r"(?=a)b", 0, 1_000),
            (r"(?!b)\pL{20}", 200_000, LIMIT),
            (r"(?<!\pL{1,20})$", 200_000, LIMIT),
            // what only backtracking can match is repeated by a counter
            (r"(?:\pL(?=a)){1,300000}", 10_000, 200_000),
            (r"(?<!\pL{1,300000})$", LIMIT, LIMIT + 1_000),
            (r"(?<!\pL{1,300000}\pN{1,300000})$", LIMIT, LIMIT + 1_000),
            (r"(?<!\pL{1,300000})(?<!\pN{1,300000})$", 2 * LIMIT, 3 * LIMIT),
        ];
        for (pattern, least, most) in sizes {
            let size = backtracking_size(pattern).unwrap();
            assert!((least..most).contains(&size), "{pattern}: {size}");
        }
    }

    #[test]
    fn lookbehind_of_any_length_is_bounded() {
        for pattern in [r"(?<!\p{L}{1,300000})$", r"(?<=\w{1,300000})$", r"(?<=(\p{L}{1,300000}))\1$"] {
            crate::budget::reset_budgets();
            assert_eq!(ValuePattern::compile(pattern).unwrap_err(), WrongPattern::TooLarge, "{pattern}");
        }
        let many = r"(?<!\p{L}{1,300000})".repeat(5);
        assert!(backtracking_size(&many).unwrap() > crate::budget::REGEX_BYTES.limit());
    }
}
