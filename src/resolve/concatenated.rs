//! Operands of `~`, which the engine prints before any step is charged.
//!
//! A list of nine thousand times one text is small, and its print is gigabytes. So each operand goes through an
//! inner function that refuses a structure, as `{{ … }}` does, and charges the text. Operands are found by the
//! engine's own tokens: `~` binds weaker than `*`, filters and tests, and stronger than the rest.

use std::borrow::Cow;
use std::ops::Range;

use minijinja::machinery::Token;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::failure::invalid;
use super::prepare::{Insertion, is_member};
use super::sizes::{BYTES_A_STEP, NO_TEXT};
use crate::template_tokens::{TagKind, TemplateTag, change_of_depth};

/// The words that begin a statement in which an expression stands. The engine refuses all others.
const STATEMENTS: [&str; 15] = [
    "autoescape",
    "block",
    "call",
    "do",
    "elif",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "include",
    "macro",
    "set",
    "with",
];

/// Checks and charges an operand.
pub(super) fn operand(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        return Err(invalid(NO_TEXT));
    }
    let length = value.as_bytes().map_or(0, <[u8]>::len);
    state.consume_fuel((length / BYTES_A_STEP) as u64)?;
    Ok(value)
}

/// The calls around the operands of a tag: what opens them, and what closes them.
pub(super) fn calls(tag: &TemplateTag<'_>) -> (Vec<Insertion>, Vec<Insertion>) {
    let ranges = operands(tag);
    // a word that touches the operand must stay one
    let is_word = |token: &Token<'_>| matches!(token, Token::Ident(_));
    let touches = |at: usize| tag.tokens.iter().any(|token| token.range.end == at && is_word(&token.token));
    let open = |at: usize| if touches(at) { " _septum_operand(" } else { "_septum_operand(" };
    let opens = ranges.iter().map(|range| (range.start, Cow::from(open(range.start))));
    let closes = ranges.iter().map(|range| (range.end, Cow::from(")")));
    (opens.collect(), closes.collect())
}

/// A run of tokens between two ends, at one depth of brackets.
#[derive(Default)]
struct Run {
    /// Range that was read since the last end.
    part: Option<Range<usize>>,
    /// Whether a `~` is before it.
    follows_tilde: bool,
}

impl Run {
    fn extend(&mut self, range: &Range<usize>) {
        self.part = Some(self.part.as_ref().map_or(range.start, |part| part.start)..range.end);
    }

    /// Ends an operand; `at_tilde` says by what.
    fn end(&mut self, at_tilde: bool, found: &mut Vec<Range<usize>>) {
        let is_operand = std::mem::replace(&mut self.follows_tilde, at_tilde) || at_tilde;
        found.extend(self.part.take().filter(|_| is_operand));
    }
}

fn operands(tag: &TemplateTag<'_>) -> Vec<Range<usize>> {
    let (mut found, mut outer, mut run) = (Vec::new(), Vec::new(), Run::default());
    if !tag.tokens.iter().any(|token| matches!(token.token, Token::Tilde)) {
        return found;
    }
    for (index, token) in tag.tokens.iter().enumerate() {
        match change_of_depth(&token.token) {
            1 => {
                run.extend(&token.range);
                outer.push(std::mem::take(&mut run));
            }
            -1 => {
                run.end(false, &mut found);
                run = outer.pop().unwrap_or_default();
                run.extend(&token.range);
            }
            _ if matches!(token.token, Token::Tilde) => run.end(true, &mut found),
            _ if is_end(tag, index, outer.is_empty()) => run.end(false, &mut found),
            _ => run.extend(&token.range),
        }
    }
    run.end(false, &mut found);
    found
}

/// Whether a token stands between operands, and is part of none.
fn is_end(tag: &TemplateTag<'_>, index: usize, is_top: bool) -> bool {
    let before = index.checked_sub(1).and_then(|at| tag.tokens.get(at)).map(|token| &token.token);
    match tag.tokens.get(index).map(|token| &token.token) {
        // else it is a sign
        Some(Token::Minus) => ends_operand(tag, index),
        // `f(*list)`
        Some(Token::Mul | Token::Pow) => matches!(before, Some(Token::ParenOpen | Token::Comma)),
        Some(Token::Ident(_)) if is_member(&tag.tokens, index) => false,
        // of a test
        Some(Token::Ident("not")) if matches!(before, Some(Token::Ident("is"))) => false,
        Some(
            Token::Comma
            | Token::Colon
            | Token::Assign
            | Token::Plus
            | Token::Eq
            | Token::Ne
            | Token::Gt
            | Token::Gte
            | Token::Lt
            | Token::Lte
            | Token::Ident("and" | "or" | "not" | "in" | "if" | "else"),
        ) => true,
        Some(Token::Ident(word)) if is_top && tag.kind == TagKind::Statement => {
            let opens = index == 0 && STATEMENTS.contains(word);
            opens || matches!(*word, "ignore" | "as" | "import" | "recursive") && ends_operand(tag, index)
        }
        _ => false,
    }
}

/// Whether what is before a token could be the end of an operand.
fn ends_operand(tag: &TemplateTag<'_>, index: usize) -> bool {
    let Some(last) = index.checked_sub(1) else { return false };
    match tag.tokens.get(last).map(|token| &token.token) {
        Some(Token::Ident("and" | "or" | "not" | "in" | "if" | "else" | "is")) => is_member(&tag.tokens, last),
        // a statement begins with its keyword
        Some(Token::Ident(_)) => last > 0 || tag.kind == TagKind::Expression,
        Some(
            Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::ParenClose
            | Token::BracketClose
            | Token::BraceClose,
        ) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
