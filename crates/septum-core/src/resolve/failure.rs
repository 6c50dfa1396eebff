//! Diagnostics for failures of templates: located in the file that contains the template, without values.

use minijinja::{Error, ErrorKind};

use self::explain::{as_it_stands, explain_error, is_manifest};
use self::missing::{further_missing_names, missing_name};
use self::site::{TemplateErrorSite, innermost_error};
use self::syntax::{partial_condition, slip, unclosed_block};
use super::context::ResolveContext;
use super::declassify::BESIDE_NAMESPACE;
use super::fault::OwnError;
use super::foreign::foreign_template_hint;
use super::frame::{self, RenderSubject};
use super::suggest::{required_place, unspecific_undefined};
use crate::diagnostic::{Cause, Diagnostic, PublicReason, Rule};
use crate::span::Location;
use crate::template_tokens::lex_template;

mod explain;
mod included;
mod missing;
mod operand;
mod origin;
mod site;
mod syntax;

pub(super) use self::included::bound_names;
pub(super) use self::missing::{straight_tags, undefined_without_key};
pub(super) use self::origin::TemplateOrigin;

/// Diagnostics for a failed template: none for a failure that was already reported, and one for each further name in it
/// that is undefined.
pub(super) fn diagnose_failure(
    context: &ResolveContext,
    error: &Error,
    origin: &TemplateOrigin<'_>,
) -> Vec<Diagnostic> {
    let first = diagnose_first(context, error, origin);
    if is_encrypted(origin) {
        return first.into_iter().collect();
    }
    let further = further_missing_names(context, origin, first.as_ref());
    // the engine does not know which name it is in an expression, and of a secret, only names say more
    let is_named = |first: &Diagnostic| first.message != unspecific_undefined() && !is_withheld(first);
    first.filter(|first| further.is_empty() || is_named(first)).into_iter().chain(further).collect()
}

fn is_encrypted(origin: &TemplateOrigin<'_>) -> bool {
    matches!(origin, TemplateOrigin::Scalar { scalar, .. } if scalar.encrypted)
}

fn diagnose_first(context: &ResolveContext, error: &Error, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let encrypted = is_encrypted(origin);
    if encrypted || frame::current_frame().is_some_and(|frame| frame.is_secret()) {
        return Some(after_secret(context, origin, encrypted));
    }
    let error = innermost_error(error);
    if OwnError::of(error) == Some(&OwnError::Reported) {
        return None;
    }
    let is_manifest = is_manifest();
    let at = TemplateErrorSite::locate_error(&context.engine, error, origin);
    let foreign = foreign_template_hint(origin.text(), at.start, is_manifest);
    if foreign.is_none()
        && let Some(slip) = slip(error, origin).or_else(|| unclosed_block(error, origin))
    {
        return Some(slip);
    }
    if let Some(partial) = partial_condition(context, error, origin, &at) {
        return Some(partial);
    }
    let (message, hint) = explain_error(&context.definition, error, &at);
    let is_of_language = matches!(
        error.kind(),
        ErrorKind::SyntaxError | ErrorKind::UndefinedError | ErrorKind::UnknownFunction | ErrorKind::UnknownFilter
    ) || matches!(OwnError::of(error), Some(OwnError::Fixed(_)));
    let foreign = foreign.filter(|_| is_of_language);
    let as_it_stands = (foreign.is_some() && !is_manifest).then(|| as_it_stands().to_owned());
    let hint = foreign.or(hint);
    let rule = match error.kind() {
        ErrorKind::SyntaxError => Rule::TemplateSyntax,
        ErrorKind::UndefinedError => Rule::Undefined,
        _ if OwnError::is_computed(error) => Rule::Undefined,
        _ => Rule::TemplateFailed,
    };
    let required = at
        .text
        .as_deref()
        .filter(|_| rule == Rule::Undefined)
        .and_then(|text| required_place(&context.definition, text));
    let diagnostic = Diagnostic::error(rule, message)
        .maybe_hint(hint)
        .maybe_hint(as_it_stands)
        .with_cause(required.map(|place| Cause::FollowsFrom(vec![place])));
    Some(if at.excerpt.hidden {
        diagnostic.at_masked(at.place)
    } else {
        diagnostic.at_public(at.place, PublicReason::Expression)
    })
}

/// Error: a template failed that has read a secret, or is one. The location and the cause may depend on the secret, so
/// nothing is shown except what follows from the text of the template alone.
fn after_secret(context: &ResolveContext, origin: &TemplateOrigin<'_>, encrypted: bool) -> Diagnostic {
    if !encrypted && let Some(mistake) = missing_name(context, origin).or_else(|| beside_namespace(origin)) {
        return mistake;
    }
    let name = frame::current_frame().map(|frame| match &frame.subject {
        RenderSubject::Manifest(name) => name.split('#').next().unwrap_or_default().to_owned(),
        subject @ (RenderSubject::Entry(_) | RenderSubject::Variable(_)) => subject.label(&context.definition),
    });
    let problem = withheld_error(&name.unwrap_or_default(), &origin.place(), "template");
    if encrypted {
        problem.hint("if the secret contains a literal `{{` or `{%`, set `template: false` on its key")
    } else {
        problem
    }
}

/// Note of an error without details.
const WITHHELD: &str = "details are hidden because they could reveal the secrets that it uses";

/// Whether an error is one without details.
pub(super) fn is_withheld(error: &Diagnostic) -> bool {
    error.notes.iter().any(|note| note == WITHHELD)
}

/// Error: something derived from secrets cannot be used, without details.
pub(super) fn withheld_error(name: &str, place: &Location, what: &str) -> Diagnostic {
    Diagnostic::error(Rule::TemplateFailed, format!("the {what} of `{name}` failed"))
        .at_masked(place.clone())
        .note(WITHHELD)
        .hint("to see them, try it with harmless values instead of the secrets")
}

/// Error: a template uses `declassify` beside `namespace`, which is visible in its text.
fn beside_namespace(origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let lexed = lex_template(origin.text());
    let both = ["namespace", "declassify"].iter().all(|name| lexed.find_paths(name).next().is_some());
    let message = || format!("the template failed: {BESIDE_NAMESPACE}");
    both.then(|| Diagnostic::error(Rule::TemplateFailed, message()).at_masked(origin.place()))
}
