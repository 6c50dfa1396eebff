//! Syntax errors of a template that are found in its text alone.

use minijinja::machinery::Token;
use minijinja::{Error, ErrorKind};

use super::explain::as_it_stands;
use super::origin::TemplateOrigin;
use super::site::{TemplateErrorSite, names_another, source_range};
use crate::diagnostic::{Diagnostic, PublicReason, Rule};
use crate::resolve::context::ResolveContext;
use crate::resolve::fault::TemplateFault;
use crate::resolve::literal::named_paths;
use crate::resolve::slip::find_slip;
use crate::resolve::suggest::is_missing;
use crate::template_tokens::{TagKind, lex_template};

/// Whether the engine reached the end of a template, or of its readable part.
fn is_end_of_input(error: &Error) -> bool {
    error.kind() == ErrorKind::SyntaxError
        && error.detail().is_some_and(|detail| detail.starts_with("unexpected end of input"))
}

/// Error for a word or a sign of another language, at its location.
pub(super) fn slip(error: &Error, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let is_own = TemplateFault::of(error).is_some() || names_another(error, origin.name());
    if error.kind() != ErrorKind::SyntaxError || is_own {
        return None;
    }
    let shift = if let TemplateOrigin::Scalar { shift, .. } = origin { *shift } else { 0 };
    let failed = source_range(error, origin.text(), shift);
    let is_known = lex_template(origin.text()).is_complete || !is_end_of_input(error);
    let slip = find_slip(origin.text(), Some(&failed).filter(|_| is_known))?;
    let problem = Diagnostic::error(Rule::TemplateSyntax, slip.message).at_masked(origin.place_of(&slip.range));
    Some(problem.hint(slip.hint).hint(as_it_stands()))
}

/// Error for `a if b` where `b` is false: without an `else`, the result is undefined.
pub(super) fn partial_condition(
    context: &ResolveContext,
    error: &Error,
    origin: &TemplateOrigin<'_>,
    at: &TemplateErrorSite,
) -> Option<Diagnostic> {
    if error.kind() != ErrorKind::UndefinedError || names_another(error, origin.name()) {
        return None;
    }
    let lexed = lex_template(origin.text());
    let tag = lexed.tags.iter().rfind(|tag| at.start.is_some_and(|start| tag.range.start <= start))?;
    let holds = |word: &str| tag.tokens.iter().any(|found| matches!(found.token, Token::Ident(name) if name == word));
    let is_partial = tag.kind == TagKind::Expression && holds("if") && !holds("else");
    let named = named_paths(context.engine.environment(), origin.text());
    let is_defined =
        named.iter().all(|path| !is_missing(&context.definition, path) || lexed.find_paths(path).next().is_none());
    (is_partial && is_defined && tag.is_closed).then(|| {
        Diagnostic::error(
            Rule::Undefined,
            "this `if` has no `else`, and its condition is false, so its value is undefined",
        )
        .at_masked(origin.place_of(&tag.range))
        .hint("add an `else`: `a if condition else \"\"`")
    })
}

/// Error for a block statement that is not closed, at its location.
pub(super) fn unclosed_block(error: &Error, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let lexed = lex_template(origin.text());
    if !is_end_of_input(error) || !lexed.is_complete || names_another(error, origin.name()) {
        return None;
    }
    let (keyword, tag) = lexed.unclosed_block()?;
    let place = origin.place_of(&tag.range);
    let message = format!("the block that `{{% {keyword} … %}}` opens here is not closed");
    let problem = Diagnostic::error(Rule::TemplateSyntax, message);
    let is_public = tag.is_of_names() && matches!(origin, TemplateOrigin::Scalar { scalar, .. } if !scalar.encrypted);
    let problem = if is_public { problem.at_public(place, PublicReason::Expression) } else { problem.at_masked(place) };
    Some(problem.hint(format!("add `{{% end{keyword} %}}` at the end of the block")).hint(as_it_stands()))
}
