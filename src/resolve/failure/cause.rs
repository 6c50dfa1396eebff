//! Origin of an error within the errors of the engine.

use std::error::Error as _;
use std::ops::Range;

use minijinja::Error;

use crate::resolve::fault::TemplateFault;
use crate::resolve::prepare::prepare;

/// Innermost error: an error in an included template wraps the more specific one.
pub(super) fn innermost_error(error: &Error) -> &Error {
    let mut inner = error;
    while let Some(cause) = inner.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = cause;
    }
    inner
}

/// Whether an error arose in another template than the one called `name`. Expressions have no name of their own.
pub(super) fn names_another(error: &Error, name: &str) -> bool {
    template_name(error).is_some_and(|found| found != name && found != "<expression>")
}

/// Template in which an error arose, if known.
pub(super) fn template_name(error: &Error) -> Option<&str> {
    TemplateFault::of(error).and_then(|fault| fault.file.as_deref()).or_else(|| error.name())
}

/// Range of the source that an error is about. The engine's range refers to the prepared text.
pub(super) fn source_range(error: &Error, template: &str, shift: usize) -> Range<usize> {
    if let Some(fault) = TemplateFault::of(error) {
        return fault.range.clone();
    }
    let range = error.range().unwrap_or_default();
    let range = range.start + shift..range.end + shift;
    prepare(template).map_or(range.clone(), |prepared| prepared.to_source(&range))
}

/// Name in `filter NAME is unknown`, `NAME is unknown` or `test NAME is unknown`.
pub(super) fn unknown_name(detail: &str) -> &str {
    detail.strip_suffix(" is unknown").and_then(|rest| rest.split(' ').next_back()).unwrap_or(detail)
}
