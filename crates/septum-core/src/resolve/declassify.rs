//! `declassify(value, "reason")`: the only way to remove taint.
//!
//! Arguments are evaluated before a function is called, so at the time of the call the log already contains the reads
//! of its argument, among others. To separate them, a call of an inner function is inserted as its first argument:
//! `declassify(_septum_mark(), x, "r")`. It records the length of the log, the argument is evaluated, and `declassify`
//! removes the taint of the reads in between.
//!
//! The reason is a single text in quotes inside the call: a computed one could contain a secret, and `explain` shows
//! it. So there are two arguments, and the second is one token.
//!
//! Only reads *inside* the call are declassified: a variable that was set before, or a parameter of a macro, was read
//! elsewhere and stays tainted.

use minijinja::machinery::Token;

use super::fault::TemplateFault;
use crate::template_tokens::{TagToken, change_of_depth, literal_text};

const HOW: &str = "write `declassify(value, \"why it may be public\")`";

/// Message where it cannot be used at all.
pub(super) const BESIDE_NAMESPACE: &str =
    "a template that uses `namespace` cannot use `declassify`: a secret could leave the call in a field";

/// Offset of the first argument of a call; `name` is the index of its name.
pub(super) fn check_call(tokens: &[TagToken<'_>], name: usize) -> Result<usize, TemplateFault> {
    let after = tokens.get(name + 1..).unwrap_or_default();
    let range = |last: usize| {
        let start = tokens.get(name).map_or(0, |token| token.range.start);
        start..tokens.get(last).map_or(start, |token| token.range.end)
    };
    let Some((TagToken { token: Token::ParenOpen, range: open }, arguments)) = after.split_first() else {
        let message = "`declassify` is a function, and its name cannot be used for anything else";
        return Err(TemplateFault::new(range(name), message, Some(HOW)));
    };
    let Some(end) = end_of_call(arguments) else {
        // the engine reports that it is not closed
        return Ok(open.end);
    };
    let whole = range(name + 2 + end);
    let fault = |message| TemplateFault::new(whole.clone(), message, Some(HOW));
    let mut parts = split_arguments(arguments.get(..end).unwrap_or_default());
    // a comma may follow the last
    if parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    match parts.as_slice() {
        [value, [reason]] if !value.is_empty() => {
            let is_spread = matches!(value.first().map(|found| &found.token), Some(Token::Mul | Token::Pow));
            let is_named = matches!(value.get(1).map(|found| &found.token), Some(Token::Assign));
            if is_spread || is_named {
                return Err(fault(
                    "`declassify` requires a value and a reason, without `*` and without argument names",
                ));
            }
            let is_reason = literal_text(&reason.token).is_some_and(|text| !text.trim().is_empty());
            if is_reason { Ok(open.end) } else { Err(fault(NO_REASON)) }
        }
        _ => Err(fault(NO_REASON)),
    }
}

const NO_REASON: &str = "`declassify` requires a reason: a string literal in the call";

/// Index of the bracket that closes a call.
fn end_of_call(arguments: &[TagToken<'_>]) -> Option<usize> {
    let mut depth = 1_i32;
    arguments.iter().position(|found| {
        depth += i32::from(change_of_depth(&found.token));
        depth == 0
    })
}

/// Splits arguments at the commas between them.
fn split_arguments<'s, 't>(arguments: &'s [TagToken<'t>]) -> Vec<&'s [TagToken<'t>]> {
    let mut depth = 0_i32;
    arguments
        .split(|found| {
            depth += i32::from(change_of_depth(&found.token));
            depth == 0 && matches!(found.token, Token::Comma)
        })
        .collect()
}
