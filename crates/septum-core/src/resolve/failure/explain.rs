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
        "if the file is not a template, list it as `manifests: [{ path: …, template: false }]`"
    } else {
        "if the value is not a template, set `template: false` on its key"
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
            format!("`{path}` is not defined: `-` is a subtraction"),
            Some(format!("for a name that contains `-`, write `{written}`")),
        );
    }
    match OwnError::of(error) {
        Some(OwnError::Computed { message, hint, .. }) if at.excerpt.literal => return (message.clone(), hint.clone()),
        Some(OwnError::Computed { .. }) => return (unspecific_undefined(), None),
        // a name that follows from a secret is not looked for
        Some(OwnError::Unreadable { message, hint }) if !at.excerpt.hidden => return (message.clone(), hint.clone()),
        Some(OwnError::Unreadable { .. }) => return ("an included file cannot be read".to_owned(), None),
        Some(OwnError::Fixed(detail)) => return (format!("the template failed: {detail}"), None),
        Some(OwnError::Reported | OwnError::OutOfSteps | OwnError::UndefinedOperand { .. }) | None => {}
    }
    if let Some(fault) = TemplateFault::of(error) {
        return (fault.message.to_owned(), fault.hint.map(str::to_owned));
    }
    match error.kind() {
        ErrorKind::UndefinedError => undefined_expression(definition, text),
        ErrorKind::SyntaxError if at.excerpt.hidden => {
            let hint = format!("write `{{{{ … }}}}` or `{{% … %}}`; {}", as_it_stands());
            ("the template has an unclosed or misplaced bracket or string".to_owned(), Some(hint))
        }
        ErrorKind::SyntaxError => {
            (format!("the template has a syntax error: {detail}"), Some(as_it_stands().to_owned()))
        }
        ErrorKind::TemplateNotFound => {
            // the name may be computed from a secret
            let hint = "write a path inside the project, relative to the file that includes it";
            ("an included or imported template was not found".to_owned(), Some(hint.to_owned()))
        }
        ErrorKind::OutOfFuel => {
            let hint = "reduce the number of loop iterations";
            ("the template exceeds the step limit".to_owned(), Some(hint.to_owned()))
        }
        ErrorKind::UnknownFilter => unknown_function("filter", unknown_name(detail), at.excerpt.literal),
        ErrorKind::UnknownFunction => unknown_function("function", unknown_name(detail), at.excerpt.literal),
        ErrorKind::UnknownTest => unknown_function("test", unknown_name(detail), at.excerpt.literal),
        kind => {
            let found = REASONS.iter().find(|(words, _)| detail.starts_with(words));
            let reason = match found {
                Some((_, reason)) => (*reason).to_owned(),
                None if detail.ends_with(" is not iterable") => "a value that is not a list is used as one".to_owned(),
                // the name of a kind is one of the engine's own
                None => kind.to_string(),
            };
            match (at.excerpt.called, kind) {
                (Some((name, usage)), ErrorKind::TooManyArguments) => (
                    format!("`{name}` has an unknown argument, or too many arguments"),
                    Some(format!("usage: `{usage}`")),
                ),
                (Some((name, usage)), ErrorKind::MissingArgument) => {
                    (format!("missing argument of `{name}`"), Some(format!("usage: `{usage}`")))
                }
                (Some((name, usage)), _) => {
                    (format!("`{name}` cannot be used here: {reason}"), Some(format!("usage: `{usage}`")))
                }
                (None, _) => (format!("the template failed: {reason}"), None),
            }
        }
    }
}

/// Prefixes of the engine's details, and the text shown in their place: they may quote a value, as `unable to calculate
/// 1234 // 0` does.
const REASONS: [(&str, &str); 26] = [
    ("cannot round value", "expected a number, found another type"),
    ("cannot get absolute value", "expected a number, found another type"),
    ("cannot convert value to list", "expected a list, found another type"),
    ("cannot convert value into pair", "expected a mapping, found another type"),
    ("cannot get first item", "expected a list or a string, found another type"),
    ("cannot get last item", "expected a list or a string, found another type"),
    ("cannot serialize", "the value cannot be written in this format"),
    ("count cannot be 0", "the count is 0"),
    ("invalid digit found", "expected a number, found another text"),
    ("invalid float literal", "expected a number, found another text"),
    ("cannot parse integer from empty", "expected a number, found an empty text"),
    ("cannot parse float from empty", "expected a number, found an empty text"),
    ("number too large", "the number has too many digits"),
    ("number too small", "the number has too many digits"),
    ("unable to calculate", "a calculation has no result, such as a division by zero"),
    ("cannot convert ", "a value cannot be converted to the required type"),
    ("tried to use ", "an operator does not support the types of its operands"),
    ("value of type ", "a value has the wrong type"),
    ("cannot join value of type ", "`join` requires a list"),
    ("cannot calculate length of value of type ", "`length` requires a value with a length"),
    ("cannot reverse values of type ", "`reverse` requires a string or a list"),
    ("can only sum numbers", "`sum` requires numbers"),
    ("value is not a string", "expected a string, found another type"),
    ("string has no method named ", "strings have no such method"),
    ("map has no method named ", "mappings have no such method"),
    ("range has too many elements", "a range has too many elements"),
];
