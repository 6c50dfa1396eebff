//! Bounds on the nesting of a template.
//!
//! The engine parses, compiles, runs and drops by recursion, and limits only some of it itself. All of that runs on a
//! stack of known size (see [`crate::parallel`]); these are the bounds for which it is large enough, checked on the
//! tokens before anything recurses.

use std::ops::Range;

use minijinja::machinery::Token;

use super::fault::TemplateFault;
use crate::template_tokens::{LexedTemplate, TemplateTag, change_of_depth};

/// Maximum number of operators, attributes, calls and filters on the path to a part of one expression, and of `elif` in
/// a template.
const MAX_OPERATORS: usize = 500;

/// Maximum nesting of brackets.
const MAX_BRACKETS: usize = 32;

/// Maximum nesting of statements.
const MAX_STATEMENTS: usize = 32;

/// Whether a template is large enough to exceed a bound.
pub(super) fn may_be_deep(template: &str) -> bool {
    template.len() > MAX_OPERATORS || template.bytes().filter(|byte| b"([{".contains(byte)).count() > MAX_BRACKETS
}

/// Rejects a template that nests too deep.
pub(super) fn check_nesting(lexed: &LexedTemplate<'_>) -> Result<(), TemplateFault> {
    let (mut statements, mut alternatives) = (0_usize, 0_usize);
    for tag in &lexed.tags {
        match tag.keyword() {
            Some("elif") => alternatives += 1,
            Some("for" | "if" | "with" | "autoescape" | "filter" | "block" | "macro" | "call") => statements += 1,
            Some("set") if !tag.top_level().any(|(_, found)| matches!(found.token, Token::Assign)) => statements += 1,
            Some(word) if word.starts_with("end") => statements = statements.saturating_sub(1),
            _ => {}
        }
        if statements > MAX_STATEMENTS {
            return Err(nesting_fault(tag, "the template nests statements more than 32 levels deep"));
        }
        if alternatives > MAX_OPERATORS {
            return Err(nesting_fault(tag, "the template has more than 500 `elif`"));
        }
        let ExpressionDepth { operators, brackets } = expression_depth(tag);
        if brackets > MAX_BRACKETS {
            return Err(nesting_fault(tag, "the template nests brackets more than 32 levels deep"));
        }
        if operators > MAX_OPERATORS {
            return Err(nesting_fault(tag, "the template has more than 500 operators in one expression"));
        }
    }
    Ok(())
}

fn nesting_fault(tag: &TemplateTag<'_>, message: &'static str) -> TemplateFault {
    // only the start of a tag that spans lines
    let range: Range<usize> = tag.range.start..tag.tokens.first().map_or(tag.range.end, |first| first.range.end);
    TemplateFault::new(range, message, Some("split it into several values with separate templates"))
}

#[derive(Default)]
struct ExpressionDepth {
    operators: usize,
    brackets: usize,
}

/// Content between two brackets, as far as it was scanned.
#[derive(Default)]
struct BracketLevel {
    /// Operators since the last comma.
    operators: usize,
    /// Depth of the deepest bracket since the last comma.
    inner: usize,
    /// Depth of the deepest part before that comma.
    deepest: usize,
}

impl BracketLevel {
    fn depth(&self) -> usize {
        self.deepest.max(self.operators + self.inner)
    }
}

/// Depth of the expressions of a tag. Every operator makes its operands one deeper; parts separated by a comma are side
/// by side.
fn expression_depth(tag: &TemplateTag<'_>) -> ExpressionDepth {
    let mut found = ExpressionDepth::default();
    let (mut outer, mut level) = (Vec::new(), BracketLevel::default());
    for token in &tag.tokens {
        match (change_of_depth(&token.token), &token.token) {
            (1, _) => {
                level.operators += 1;
                outer.push(std::mem::take(&mut level));
                found.brackets = found.brackets.max(outer.len());
            }
            (-1, _) => {
                let depth = level.depth();
                level = outer.pop().unwrap_or_default();
                level.inner = level.inner.max(depth);
            }
            (_, Token::Comma | Token::Colon) => {
                level.deepest = level.depth();
                (level.operators, level.inner) = (0, 0);
            }
            (_, token) if is_operator(token) => level.operators += 1,
            _ => {}
        }
        let under_way: usize = outer.iter().map(|level: &BracketLevel| level.operators).sum();
        found.operators = found.operators.max(under_way + level.depth());
        if found.operators > MAX_OPERATORS || found.brackets > MAX_BRACKETS {
            break;
        }
    }
    found
}

/// Whether a token combines expressions; brackets do too, and are counted separately.
fn is_operator(token: &Token<'_>) -> bool {
    match token {
        Token::Ident(word) => matches!(*word, "and" | "or" | "not" | "in" | "is" | "if" | "else"),
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::FloorDiv
        | Token::Pow
        | Token::Mod
        | Token::Dot
        | Token::Tilde
        | Token::Pipe
        | Token::Eq
        | Token::Ne
        | Token::Gt
        | Token::Gte
        | Token::Lt
        | Token::Lte => true,
        Token::TemplateData(_)
        | Token::VariableStart
        | Token::VariableEnd
        | Token::BlockStart
        | Token::BlockEnd
        | Token::Str(_)
        | Token::String(_)
        | Token::Int(_)
        | Token::Int128(_)
        | Token::Float(_)
        | Token::Comma
        | Token::Colon
        | Token::Assign
        | Token::BracketOpen
        | Token::BracketClose
        | Token::ParenOpen
        | Token::ParenClose
        | Token::BraceOpen
        | Token::BraceClose => false,
    }
}
