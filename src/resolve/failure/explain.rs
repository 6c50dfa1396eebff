//! Message and hint for a failed template.

use minijinja::{Error, ErrorKind};

use super::site::{TemplateErrorSite, unknown_name};
use crate::layer::Definition;
use crate::resolve::fault::{OwnError, TemplateFault};
use crate::resolve::frame::{self, RenderSubject};
use crate::resolve::suggest::{undefined_expression, unknown_function, unspecific_undefined};

/// Hint for a text that only looks like a template.
pub(super) fn as_it_stands() -> &'static str {
    if is_manifest() {
        "if the file is meant as it stands, name it as `manifests: [{ path: …, template: false }]`"
    } else {
        "if the text is meant as it stands, set `template: false` on its key"
    }
}

/// Whether a manifest is being rendered.
pub(super) fn is_manifest() -> bool {
    frame::current_frame().is_some_and(|frame| matches!(frame.subject, RenderSubject::Manifest(_)))
}

/// Message and hint for an error.
pub(super) fn explain_error(
    definition: &Definition,
    error: &Error,
    at: &TemplateErrorSite,
) -> (String, Option<String>) {
    let detail = error.detail().unwrap_or_default();
    let text = at.text.as_deref();
    if let Some((path, written)) = at.excerpt.dashed.as_ref().filter(|_| !at.excerpt.hidden) {
        return (
            format!("`{path}` is not defined: `-` subtracts"),
            Some(format!("for a name with a `-`, write `{written}`")),
        );
    }
    match OwnError::of(error) {
        Some(OwnError::Computed { message, hint, .. }) if at.excerpt.literal => return (message.clone(), hint.clone()),
        Some(OwnError::Computed { .. }) => return (unspecific_undefined(), None),
        Some(OwnError::Fixed(detail)) => return (format!("the template failed: {detail}"), None),
        Some(OwnError::Reported | OwnError::OutOfSteps) | None => {}
    }
    if let Some(fault) = TemplateFault::of(error) {
        return (fault.message.to_owned(), fault.hint.map(str::to_owned));
    }
    match error.kind() {
        ErrorKind::UndefinedError => undefined_expression(definition, text),
        ErrorKind::SyntaxError if at.excerpt.hidden => {
            let hint = format!("write `{{{{ … }}}}` or `{{% … %}}`; {}", as_it_stands());
            ("the template has a bracket or a text that is not closed, or does not belong there".to_owned(), Some(hint))
        }
        ErrorKind::SyntaxError => {
            (format!("the template has a syntax error: {detail}"), Some(as_it_stands().to_owned()))
        }
        ErrorKind::TemplateNotFound => {
            // the name may be computed from a secret
            let hint = "name a file relative to the file that includes it, within the project";
            ("a template that is included or imported was not found".to_owned(), Some(hint.to_owned()))
        }
        ErrorKind::OutOfFuel => {
            let hint = "a loop is longer than any configuration needs; compute less";
            ("the template takes too many steps".to_owned(), Some(hint.to_owned()))
        }
        ErrorKind::UnknownFilter => unknown_function("filter", unknown_name(detail), at.excerpt.literal),
        ErrorKind::UnknownFunction => unknown_function("function", unknown_name(detail), at.excerpt.literal),
        ErrorKind::UnknownTest => unknown_function("test", unknown_name(detail), at.excerpt.literal),
        kind => {
            let found = REASONS.iter().find(|(words, _)| detail.starts_with(words));
            let reason = match found {
                Some((_, reason)) => (*reason).to_owned(),
                None if detail.ends_with(" is not iterable") => {
                    "a value that is no list is gone through as one".to_owned()
                }
                // the name of a kind is one of the engine's own
                None => kind.to_string(),
            };
            match (at.excerpt.called, kind) {
                (Some((name, usage)), ErrorKind::TooManyArguments) => (
                    format!("`{name}` has no such argument, or fewer of them"),
                    Some(format!("its usage is `{usage}`")),
                ),
                (Some((name, usage)), ErrorKind::MissingArgument) => {
                    (format!("an argument of `{name}` is missing"), Some(format!("its usage is `{usage}`")))
                }
                (Some((name, usage)), _) => {
                    (format!("`{name}` cannot be used here: {reason}"), Some(format!("its usage is `{usage}`")))
                }
                (None, _) => (format!("the template failed: {reason}"), None),
            }
        }
    }
}

/// Prefixes of the engine's details, and the text shown in their place: they may quote a value, as `unable to calculate
/// 1234 // 0` does.
const REASONS: [(&str, &str); 20] = [
    ("cannot round value", "a number is needed, and another value is used"),
    ("cannot get absolute value", "a number is needed, and another value is used"),
    ("cannot convert value to list", "a list is needed, and another value is used"),
    ("cannot convert value into pair", "a mapping is needed, and another value is used"),
    ("cannot get first item", "a list or a text is needed, and another value is used"),
    ("cannot get last item", "a list or a text is needed, and another value is used"),
    ("cannot serialize", "the value cannot be written in this format"),
    ("count cannot be 0", "a count of 0"),
    ("unable to calculate", "a calculation has no result, such as a division by zero"),
    ("cannot convert ", "a value cannot be converted to the type that is needed"),
    ("tried to use ", "an operator is used on values of types that it is not for"),
    ("value of type ", "a value of another type is needed"),
    ("cannot join value of type ", "`join` is used on a value that is no list"),
    ("cannot calculate length of value of type ", "`length` is used on a value that has none"),
    ("cannot reverse values of type ", "`reverse` is used on a value that is neither a text nor a list"),
    ("can only sum numbers", "`sum` is used on values that are no numbers"),
    ("value is not a string", "a text is needed, and another value is used"),
    ("string has no method named ", "a method is called that texts do not have"),
    ("map has no method named ", "a method is called that mappings do not have"),
    ("range has too many elements", "a range has too many elements"),
];
