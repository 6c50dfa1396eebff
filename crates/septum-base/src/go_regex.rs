//! Go's regular expressions, in which rules of `.sops.yaml` and of gitleaks are written.
//!
//! Both engines are of RE2's family: linear in time, the leftmost match first. They differ in syntax that would
//! silently change a rule: `\d`, `\w`, `\s` and `\b` are ASCII in Go; `[[`, `&&` and `--` in a class have no special
//! meaning there; a `{` that is not a repetition and `\<` are literal; `\Q…\E` and `\012` are supported. So each
//! expression is translated, and one that cannot be is an error, never an expression that matches nothing.

#[cfg(test)]
mod tests;
mod translate;

use regex::{RegexBuilder, bytes};

use crate::budget::BudgetExhausted;
use crate::regex_size;
pub use translate::RegexError;
use translate::RegexTranslator;

/// The largest program that an expression may become, in bytes.
const LARGEST: usize = 10 * 1024 * 1024;

/// The largest cache of an expression during a search, in bytes.
const LARGEST_CACHE: usize = 256 * 1024;

/// Compiles an expression for texts.
pub fn compile_for_text(go: &str) -> Result<regex::Regex, RegexError> {
    let rust = translate_within_budget(go)?;
    let mut builder = RegexBuilder::new(&rust);
    builder.size_limit(LARGEST).dfa_size_limit(LARGEST_CACHE).build().map_err(|error| build_error(&error))
}

/// Compiles an expression for bytes.
pub fn compile_for_bytes(go: &str) -> Result<bytes::Regex, RegexError> {
    let rust = translate_within_budget(go)?;
    let mut builder = bytes::RegexBuilder::new(&rust);
    builder.size_limit(LARGEST).dfa_size_limit(LARGEST_CACHE).build().map_err(|error| build_error(&error))
}

fn translate_within_budget(go: &str) -> Result<String, RegexError> {
    let rust = RegexTranslator::new(go).translate_all()?;
    regex_size::spend_regex(&rust).map_err(|BudgetExhausted| RegexError {
        at: None,
        reason: regex_size::over_budget(),
        hint: Some("use smaller counts in `{…}`, character ranges like `[a-z]` instead of `\\pL`, or fewer rules"),
    })?;
    Ok(rust)
}

fn build_error(error: &regex::Error) -> RegexError {
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        let hint = Some("use smaller counts in `{…}`, above all in nested repetitions");
        return RegexError { at: None, reason: "it is too large when compiled".to_owned(), hint };
    }
    // the message shows the expression as it was translated, and ends with the reason
    let text = error.to_string();
    let reason = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it is malformed");
    RegexError { at: None, reason: reason.to_owned(), hint: None }
}
