//! The operand of a call that is undefined, in the text of the template.

use std::ops::Range;

use minijinja::machinery::Token;

use crate::resolve::fault::OperandPosition;
use crate::template_tokens::{TagToken, change_of_depth, lex_template};

/// Range of an operand that is a path of names. `at` is what the engine says that the call is, and `callee` its name:
/// the call is another one if it was made by a filter such as `map`.
pub(super) fn undefined_operand(
    template: &str,
    at: &Range<usize>,
    callee: &str,
    position: &OperandPosition,
) -> Option<Range<usize>> {
    let lexed = lex_template(template);
    let tag = lexed.tags.iter().find(|tag| tag.range.contains(&at.start))?;
    let is_callee = |found: &TagToken<'_>| matches!(found.token, Token::Ident(name) if name == callee);
    let index = tag.tokens.iter().position(|found| at.contains(&found.range.start) && is_callee(found))?;
    let (before, after) = (tag.tokens.get(..index)?, tag.tokens.get(index + 1..)?);
    let before = match before {
        [rest @ .., pipe] if matches!(pipe.token, Token::Pipe) => Some(rest),
        [rest @ .., is, not] if is_word(is, "is") && is_word(not, "not") => Some(rest),
        [rest @ .., is] if is_word(is, "is") => Some(rest),
        // the text of the block is its operand
        [filter] if is_word(filter, "filter") => Some(&[][..]),
        _ => None,
    };
    match (position, before) {
        (OperandPosition::Index(0), Some(before)) => path_at_end(before),
        (OperandPosition::Index(index), Some(_)) => whole_path(positional(after, index - 1)?),
        (OperandPosition::Index(index), None) => whole_path(positional(after, *index)?),
        (OperandPosition::Keyword(name), _) => arguments(after)?.into_iter().find_map(|argument| match argument {
            [word, assign, value @ ..] if is_word(word, name) && matches!(assign.token, Token::Assign) => {
                whole_path(value)
            }
            _ => None,
        }),
    }
}

fn is_word(found: &TagToken<'_>, word: &str) -> bool {
    matches!(found.token, Token::Ident(name) if name == word)
}

/// The argument at an index. `is divisibleby 3` has no brackets.
fn positional<'s, 't>(after: &'s [TagToken<'t>], index: usize) -> Option<&'s [TagToken<'t>]> {
    match arguments(after) {
        Some(arguments) => arguments.get(index).copied(),
        None => {
            let length = after.iter().take_while(|found| is_of_path(found)).count();
            after.get(..length).filter(|_| index == 0)
        }
    }
}

/// The tokens of each argument of a call, unless one of them stands for several.
fn arguments<'s, 't>(after: &'s [TagToken<'t>]) -> Option<Vec<&'s [TagToken<'t>]>> {
    let (_, inside) = after.split_first().filter(|(open, _)| matches!(open.token, Token::ParenOpen))?;
    let mut depth = 0;
    let end = inside.iter().position(|found| {
        depth += change_of_depth(&found.token);
        depth < 0
    })?;
    let mut depth = 0;
    let arguments = inside.get(..end)?.split(|found| {
        depth += change_of_depth(&found.token);
        depth == 0 && matches!(found.token, Token::Comma)
    });
    let arguments: Vec<_> = arguments.collect();
    let is_spread = |argument: &&[TagToken<'_>]| {
        argument.first().is_some_and(|first| matches!(first.token, Token::Mul | Token::Pow))
    };
    (!arguments.iter().any(is_spread)).then_some(arguments)
}

fn is_of_path(found: &TagToken<'_>) -> bool {
    matches!(found.token, Token::Ident(_) | Token::Dot)
}

/// Range of tokens that are a path.
fn whole_path(tokens: &[TagToken<'_>]) -> Option<Range<usize>> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    tokens.iter().all(is_of_path).then_some(first.range.start..last.range.end)
}

/// Range of the path that tokens end with: names with dots between them.
fn path_at_end(tokens: &[TagToken<'_>]) -> Option<Range<usize>> {
    let end = tokens.last().filter(|last| matches!(last.token, Token::Ident(_)))?.range.end;
    let mut rest = tokens;
    while let [before @ .., name] = rest
        && matches!(name.token, Token::Ident(_))
    {
        match before {
            [before @ .., dot] if matches!(dot.token, Token::Dot) => rest = before,
            _ => return Some(name.range.start..end),
        }
    }
    // a path after brackets, such as `a[0].b`, is not one of names
    None
}
