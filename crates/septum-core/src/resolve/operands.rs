//! Operands that the engine walks before it charges a step, or without charging any.
//!
//! A list of nine thousand times one text is small, and printing it takes gigabytes; a list that contains one list nine
//! times, which again contains one nine times, takes years to compare. So each such operand goes through an inner
//! function that pays for it first:
//!
//! * operands of `~` are printed: a structure is rejected, as in `{{ … }}`, and the text is charged;
//! * operands of `==`, `<`, `in` and similar operators are compared, and keys of mappings and subscripts are hashed:
//!   all their content is charged;
//! * sums and products of lists are lazy, and could be stacked without end: they are computed at once;
//! * each name of another template is searched in the project;
//! * a list that is spread over arguments must be defined.
//!
//! Operands are found with the engine's own tokens: comparisons bind weaker than `+`, which binds weaker than `~`,
//! which binds weaker than `*`, filters and tests.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use minijinja::machinery::Token;

use super::inner_functions::{COMPARED, DEFINED, HASHED, Insertion, MADE, NAMED, OPERAND};
use super::set_targets::is_member;
use crate::template_tokens::{TagKind, TagToken, TemplateTag, change_of_depth, is_import};

/// Keywords of the statements that contain an expression. The engine rejects all others.
pub(super) const STATEMENTS: [&str; 15] = [
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

/// Calls around the operands of a tag: the opening texts, outermost first, and the closing ones, innermost first.
pub(super) fn operand_calls(tag: &TemplateTag<'_>) -> (Vec<Insertion>, Vec<Insertion>) {
    let kinds = [
        (NAMED, template_name(tag)),
        (DEFINED, spread_ranges(tag)),
        (HASHED, key_ranges(tag)),
        (COMPARED, operand_ranges(tag, OperatorLevel::Comparison)),
        (MADE, operand_ranges(tag, OperatorLevel::Sum)),
        (OPERAND, operand_ranges(tag, OperatorLevel::Concatenation)),
        (MADE, operand_ranges(tag, OperatorLevel::Product)),
    ];
    // a word that touches the operand must remain a separate word
    let touches =
        |at: usize| tag.tokens.iter().any(|token| token.range.end == at && matches!(token.token, Token::Ident(_)));
    let open = |name: &str, at: usize| format!("{}{name}(", if touches(at) { " " } else { "" });
    let opens = kinds
        .iter()
        .flat_map(|(name, ranges)| ranges.iter().map(|range| (range.start, Cow::from(open(name, range.start)))));
    let closes = kinds.iter().rev().flat_map(|(_, ranges)| ranges.iter().map(|range| (range.end, Cow::from(")"))));
    (opens.collect(), closes.collect())
}

/// Operators in the scan, weakest binding first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OperatorLevel {
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `not in`.
    Comparison,
    /// `+`, with its operands.
    Sum,
    /// `~`.
    Concatenation,
    /// `*`, with its operands.
    Product,
}

/// Role of a token for the operands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenRole {
    /// The operator being searched.
    Operator,
    /// The sign of a sum or product that is searched as a whole.
    Sign,
    /// A delimiter between operands, part of none.
    End,
    /// A part of an operand.
    Part,
}

/// A run of tokens between two ends, at one depth of brackets.
#[derive(Default)]
struct OperandRun {
    /// Range read since the last end.
    part: Option<Range<usize>>,
    /// Whether an operator precedes it.
    follows_operator: bool,
    /// Whether it contains a sign.
    has_sign: bool,
}

impl OperandRun {
    fn extend(&mut self, range: &Range<usize>) {
        self.part = Some(self.part.as_ref().map_or(range.start, |part| part.start)..range.end);
    }

    /// Ends an operand; `at_operator` is true if an operator ends it.
    fn end(&mut self, at_operator: bool, found: &mut Vec<Range<usize>>) {
        let is_operand = std::mem::replace(&mut self.follows_operator, at_operator) || at_operator;
        let is_operand = std::mem::take(&mut self.has_sign) || is_operand;
        found.extend(self.part.take().filter(|_| is_operand));
    }
}

fn operand_ranges(tag: &TemplateTag<'_>, level: OperatorLevel) -> Vec<Range<usize>> {
    let (mut found, mut outer, mut run) = (Vec::new(), Vec::new(), OperandRun::default());
    let in_of_loop = in_of_loop(tag);
    let roles: Vec<_> = (0..tag.tokens.len()).map(|index| token_role(tag, index, in_of_loop, level)).collect();
    if !roles.iter().any(|role| matches!(role, TokenRole::Operator | TokenRole::Sign)) {
        return found;
    }
    for (index, (token, role)) in tag.tokens.iter().zip(roles).enumerate() {
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
            _ if role == TokenRole::End || outer.is_empty() && is_word_of_statement(tag, index) => {
                run.end(false, &mut found);
            }
            _ if role == TokenRole::Operator => run.end(true, &mut found),
            _ => {
                run.extend(&token.range);
                run.has_sign |= role == TokenRole::Sign;
            }
        }
    }
    run.end(false, &mut found);
    found
}

/// Index of the `in` between the names and the values of a loop.
fn in_of_loop(tag: &TemplateTag<'_>) -> Option<usize> {
    let mut top = tag.top_level().filter(|_| tag.keyword() == Some("for"));
    top.find(|(_, found)| matches!(found.token, Token::Ident("in"))).map(|(index, _)| index)
}

fn token_role(tag: &TemplateTag<'_>, index: usize, in_of_loop: Option<usize>, level: OperatorLevel) -> TokenRole {
    let token = |at: Option<usize>| at.and_then(|at| tag.tokens.get(at)).map(|found| &found.token);
    let before = token(index.checked_sub(1));
    let Some(found) = token(Some(index)) else { return TokenRole::Part };
    // an operator that binds stronger ends the operand, one that binds weaker is part of it
    let of_level = |own: OperatorLevel, role: TokenRole| match level.cmp(&own) {
        Ordering::Less => TokenRole::Part,
        Ordering::Equal => role,
        Ordering::Greater => TokenRole::End,
    };
    let comparison = || of_level(OperatorLevel::Comparison, TokenRole::Operator);
    match found {
        Token::Tilde => of_level(OperatorLevel::Concatenation, TokenRole::Operator),
        Token::Plus => of_level(OperatorLevel::Sum, TokenRole::Sign),
        // otherwise it is the sign of a number
        Token::Minus if ends_operand(tag, index) => of_level(OperatorLevel::Sum, TokenRole::Part),
        // `f(*list)`
        Token::Mul | Token::Pow if matches!(before, Some(Token::ParenOpen | Token::Comma)) => TokenRole::End,
        Token::Mul => of_level(OperatorLevel::Product, TokenRole::Sign),
        Token::Ident(_) if is_member(&tag.tokens, index) => TokenRole::Part,
        // part of a test
        Token::Ident("not") if matches!(before, Some(Token::Ident("is"))) => TokenRole::Part,
        Token::Ident("not") if matches!(token(Some(index + 1)), Some(Token::Ident("in"))) => comparison(),
        Token::Ident("in") if in_of_loop == Some(index) => TokenRole::End,
        Token::Eq | Token::Ne | Token::Gt | Token::Gte | Token::Lt | Token::Lte | Token::Ident("in") => comparison(),
        Token::Comma | Token::Colon | Token::Assign | Token::Ident("and" | "or" | "not" | "if" | "else") => {
            TokenRole::End
        }
        _ => TokenRole::Part,
    }
}

/// Whether a token outside of brackets is a word of its statement.
fn is_word_of_statement(tag: &TemplateTag<'_>, index: usize) -> bool {
    let Some(Token::Ident(word)) = tag.tokens.get(index).map(|found| &found.token) else { return false };
    if tag.kind != TagKind::Statement || is_member(&tag.tokens, index) {
        return false;
    }
    let opens = index == 0 && STATEMENTS.contains(word);
    let follows = matches!(*word, "ignore" | "as" | "import" | "recursive" | "with" | "without");
    opens || follows && ends_operand(tag, index)
}

/// Whether the tokens before a token could end an operand.
fn ends_operand(tag: &TemplateTag<'_>, index: usize) -> bool {
    let Some(last) = index.checked_sub(1) else { return false };
    match tag.tokens.get(last).map(|token| &token.token) {
        Some(Token::Ident("and" | "or" | "not" | "in" | "if" | "else" | "is")) => is_member(&tag.tokens, last),
        // a statement starts with its keyword
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

/// Open bracket with the position of its content.
struct OpenBracket {
    /// Whether it is a mapping or a subscript.
    holds_keys: Option<BracketKeys>,
    /// Index of the first token of the current part.
    start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BracketKeys {
    OfMapping,
    Subscript,
}

/// Ranges of mapping keys and subscripts.
fn key_ranges(tag: &TemplateTag<'_>) -> Vec<Range<usize>> {
    let (mut found, mut brackets) = (Vec::new(), Vec::<OpenBracket>::new());
    for (index, token) in tag.tokens.iter().enumerate() {
        match &token.token {
            Token::BraceOpen => {
                brackets.push(OpenBracket { holds_keys: Some(BracketKeys::OfMapping), start: index + 1 });
            }
            Token::BracketOpen => {
                let is_subscript = ends_operand(tag, index);
                brackets
                    .push(OpenBracket { holds_keys: is_subscript.then_some(BracketKeys::Subscript), start: index + 1 });
            }
            Token::ParenOpen => brackets.push(OpenBracket { holds_keys: None, start: index + 1 }),
            Token::Comma => {
                if let Some(bracket) = brackets.last_mut() {
                    bracket.start = index + 1;
                }
            }
            Token::Colon => {
                // the text after it is a value, or the end of a slice
                if let Some(bracket) = brackets.last_mut()
                    && bracket.holds_keys.take() == Some(BracketKeys::OfMapping)
                {
                    found.extend(whole_range(tag.tokens.get(bracket.start..index)));
                    bracket.holds_keys = Some(BracketKeys::OfMapping);
                }
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                if let Some(bracket) = brackets.pop().filter(|found| found.holds_keys == Some(BracketKeys::Subscript)) {
                    found.extend(whole_range(tag.tokens.get(bracket.start..index)));
                }
            }
            _ => {}
        }
    }
    found
}

/// Range of another template's name in a tag.
fn template_name(tag: &TemplateTag<'_>) -> Vec<Range<usize>> {
    if !tag.keyword().is_some_and(is_import) {
        return Vec::new();
    }
    let top = tag.top_level().map(|(index, _)| index).skip(1);
    let end = top.into_iter().find(|index| is_word_of_statement(tag, *index)).unwrap_or(tag.tokens.len());
    whole_range(tag.tokens.get(1..end)).into_iter().collect()
}

/// Ranges of the values in `f(*list, **mapping)`, which the engine would take as empty if they are undefined.
fn spread_ranges(tag: &TemplateTag<'_>) -> Vec<Range<usize>> {
    let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
    let is_spread = |index: &usize| {
        matches!(token(*index), Some(Token::Mul | Token::Pow))
            && matches!(index.checked_sub(1).and_then(token), Some(Token::ParenOpen | Token::Comma))
    };
    let end = |start: usize| {
        let mut depth = 0;
        (start..tag.tokens.len()).find(|index| {
            let change = token(*index).map_or(0, change_of_depth);
            depth += change;
            depth < 0 || depth == 0 && change == 0 && matches!(token(*index), Some(Token::Comma))
        })
    };
    let starts = (0..tag.tokens.len()).filter(is_spread).map(|index| index + 1);
    starts.filter_map(|start| whole_range(tag.tokens.get(start..end(start)?))).collect()
}

/// Range of some tokens, unless that is a single text or number, which the template pays for by its length.
fn whole_range(tokens: Option<&[TagToken<'_>]>) -> Option<Range<usize>> {
    let tokens = tokens?;
    if let [TagToken { token: Token::Str(_) | Token::String(_) | Token::Int(_), .. }] = tokens {
        return None;
    }
    Some(tokens.first()?.range.start..tokens.last()?.range.end)
}

#[cfg(test)]
mod tests;
