//! Names in a template that nothing defines or gives a value.

use minijinja::machinery::Token;
use minijinja::{Error, ErrorKind};

use super::origin::TemplateOrigin;
use super::site::innermost_error;
use crate::diagnostic::{Diagnostic, PublicReason, Rule};
use crate::resolve::context::ResolveContext;
use crate::resolve::fault::OwnError;
use crate::resolve::literal::{named_paths, required_message};
use crate::resolve::suggest::{is_missing, undefined_expression};
use crate::template_tokens::{TagKind, TagToken, lex_template};

/// Error for a template with undecrypted reads and an undefined name, if every name in it is evaluated: it contains no
/// decisions.
pub(in crate::resolve) fn undefined_without_key(
    context: &ResolveContext,
    error: &Error,
    origin: &TemplateOrigin<'_>,
) -> Option<Diagnostic> {
    let lexed = lex_template(origin.text());
    let decides =
        |token: &TagToken<'_>| matches!(token.token, Token::Ident("if" | "else" | "and" | "or" | "default" | "d"));
    let is_straight = lexed.tags.iter().all(|tag| tag.kind == TagKind::Expression && !tag.tokens.iter().any(decides));
    let is_undefined = innermost_error(error).kind() == ErrorKind::UndefinedError || OwnError::is_computed(error);
    if is_straight && is_undefined { missing_name(context, origin) } else { None }
}

/// Error for the first name in a template that nothing defines or gives a value.
pub(super) fn missing_name(context: &ResolveContext, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let text = origin.text();
    let lexed = lex_template(text);
    let has_fallback = |rest: &[TagToken<'_>]| match rest {
        [first, ..] if matches!(first.token, Token::Ident("is")) => true,
        [pipe, filter, ..] => {
            let is_default = matches!(filter.token, Token::Ident("d" | "default"));
            matches!(pipe.token, Token::Pipe) && is_default
        }
        _ => false,
    };
    let missing =
        named_paths(&context.engine.environment, text).into_iter().filter(|path| is_missing(&context.definition, path));
    let found = missing.filter_map(|path| {
        let (range, rest) = lexed.find_paths(&path).next()?;
        let required = required_message(rest).map(str::to_owned);
        (!has_fallback(rest)).then_some((range.start, path, range.end, required))
    });
    let (start, path, end, required) = found.min()?;
    let (message, hint) = match required {
        Some(message) => (message, None),
        None => undefined_expression(&context.definition, Some(&path)),
    };
    let place = origin.place_of(&(start..end));
    Some(Diagnostic::error(Rule::Undefined, message).maybe_hint(hint).at_public(place, PublicReason::Expression))
}
