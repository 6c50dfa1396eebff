//! Location of an error, and the part of the template there that may be shown.

use std::error::Error as _;
use std::ops::Range;

use minijinja::{Error, ErrorKind};

use super::operand::undefined_operand;
use super::origin::TemplateOrigin;
use crate::files::FileKind;
use crate::resolve::engine::Engine;
use crate::resolve::fault::{OwnError, TemplateFault};
use crate::resolve::literal::{has_template_word, has_word};
use crate::resolve::prepare::prepare;
use crate::resolve::suggest::dashed_spelling;
use crate::resolve::usage::usage_of;
use crate::span::{Location, Source, Span};
use crate::template_tokens::lex_template;
use crate::yaml::scalar::locate_in_scalar;

/// Location of an error, and the piece of the template there.
pub(super) struct TemplateErrorSite {
    pub(super) place: Location,
    /// Offset in the template that failed, unless the error is in another one.
    pub(super) start: Option<usize>,
    /// Text that the engine complains about, unless it must not be shown.
    pub(super) text: Option<String>,
    pub(super) excerpt: TemplateExcerpt,
}

/// Part of a template around an error that may be shown.
#[derive(Default)]
pub(super) struct TemplateExcerpt {
    range: Range<usize>,
    pub(super) hidden: bool,
    /// Whether the word of an error of Septum occurs in the template.
    pub(super) literal: bool,
    /// Filter or function named there, with its usage.
    pub(super) called: Option<(&'static str, &'static str)>,
    /// Path with dashes there, and its correct spelling.
    pub(super) dashed: Option<(String, String)>,
}

impl TemplateExcerpt {
    fn at_range(error: &Error, template: &str, range: &Range<usize>) -> Self {
        let range = &match OwnError::of(error) {
            Some(OwnError::UndefinedOperand { callee, position }) => {
                undefined_operand(template, range, callee, position).unwrap_or(range.start..range.start)
            }
            _ if error.kind() == ErrorKind::UndefinedError => operand_range(template, range),
            _ => range.clone(),
        };
        // the engine may name only `.b.c` of `a.b.c`
        let part_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
        let before = template.as_bytes().get(..range.start).unwrap_or_default();
        let longer = before.iter().rev().take_while(|byte| part_of_name(byte)).count();
        let is_name = template.as_bytes().get(range.start).is_some_and(part_of_name);
        let range = range.start - if is_name { longer } else { 0 }..range.end;
        let text = template.get(range.clone()).unwrap_or_default();
        // a text in an expression may be a secret, a path is not
        let is_path = ["include", "import", "from", "extends"].iter().any(|word| text.starts_with(word));
        let has_text = text.contains(['"', '\'']) && !is_path;
        let unclosed = error.kind() == ErrorKind::SyntaxError && !is_closed(template, &range);
        let literal = match error.kind() {
            ErrorKind::UnknownFilter | ErrorKind::UnknownFunction | ErrorKind::UnknownTest => {
                has_word(template, unknown_name(error.detail().unwrap_or_default()))
            }
            _ => match OwnError::of(error) {
                Some(OwnError::Computed { word, .. }) => has_template_word(template, word),
                _ => true,
            },
        };
        let word = |text: &str| {
            let end = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
            usage_of(text.get(..end)?)
        };
        let called = word(text).filter(|_| !unclosed);
        let is_undefined = error.kind() == ErrorKind::UndefinedError || OwnError::is_computed(error);
        let dashed = if is_undefined && !unclosed { dashed_spelling(template, range.start) } else { None };
        Self { range, hidden: has_text || unclosed, literal, called, dashed }
    }
}

/// Range of a filter's operand, where the engine names the filter: the operand is undefined. For `(a ~ b) | trim`, and
/// where an argument may be meant, it is unknown, and the range is empty.
fn operand_range(template: &str, range: &Range<usize>) -> Range<usize> {
    let before = |at: usize| template.get(..at).unwrap_or_default().trim_end();
    let named = |end: usize| -> usize {
        let bytes = before(end).bytes().rev();
        bytes.take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count()
    };
    let mut found = range.clone();
    while let Some(left) = before(found.start).strip_suffix('|') {
        let has_arguments = template.get(found.end..).is_some_and(|rest| rest.trim_start().starts_with('('));
        let end = left.trim_end().len();
        let length = if has_arguments || template.get(found.clone()).is_some_and(|text| text.contains('(')) {
            0
        } else {
            named(end)
        };
        found = end - length..end;
        if length == 0 {
            return range.start..range.start;
        }
    }
    found
}

/// Whether a range is inside a closed pair of brackets. A password may contain `{{`, and the text after it is then not
/// meant as an expression.
fn is_closed(template: &str, range: &Range<usize>) -> bool {
    let lexed = lex_template(template);
    let tag = lexed.tags.iter().rfind(|tag| tag.range.start <= range.start);
    tag.map_or(lexed.is_complete, |tag| tag.is_closed && (lexed.is_complete || range.start < tag.range.end))
}

impl TemplateErrorSite {
    pub(super) fn locate_error(engine: &Engine, error: &Error, origin: &TemplateOrigin<'_>) -> Self {
        match origin {
            TemplateOrigin::Scalar { scalar, place, shift } if !names_another(error, place.source.name()) => {
                let mut excerpt =
                    TemplateExcerpt::at_range(error, scalar.text(), &source_range(error, scalar.text(), *shift));
                excerpt.hidden |= scalar.encrypted;
                let range = &excerpt.range;
                let span = locate_in_scalar(place.source.text(), place.span, scalar, range.start, range.len());
                Self::around(place.source.place(span), scalar.text(), excerpt)
            }
            TemplateOrigin::File(source) if !names_another(error, source.name()) => Self::in_file(error, source),
            TemplateOrigin::Part { .. } if !names_another(error, origin.name()) => {
                let text = origin.text();
                let excerpt = TemplateExcerpt::at_range(error, text, &source_range(error, text, 0));
                Self::around(origin.place_of(&excerpt.range), text, excerpt)
            }
            TemplateOrigin::Scalar { place, .. } => Self::in_include(engine, error, place),
            TemplateOrigin::Part { .. } => Self::in_include(engine, error, &origin.place()),
            TemplateOrigin::File(source) => {
                Self::in_include(engine, error, &source.place(Span::locate(source.text(), 0, 0)))
            }
        }
    }

    fn in_file(error: &Error, source: &Source) -> Self {
        let excerpt = TemplateExcerpt::at_range(error, source.text(), &source_range(error, source.text(), 0));
        let place = source.place(source.locate(excerpt.range.start, excerpt.range.end));
        Self::around(place, source.text(), excerpt)
    }

    fn around(place: Location, template: &str, excerpt: TemplateExcerpt) -> Self {
        let text = template.get(excerpt.range.clone()).filter(|_| !excerpt.hidden).map(str::to_owned);
        Self { place, start: Some(excerpt.range.start), text, excerpt }
    }

    fn in_include(engine: &Engine, error: &Error, fallback: &Location) -> Self {
        let files = &engine.files;
        let file =
            template_name(error).and_then(|name| files.read_text(FileKind::Include, &files.root().join(name)).ok());
        let excerpt = TemplateExcerpt { hidden: true, ..TemplateExcerpt::default() };
        file.map_or_else(
            || Self { place: fallback.clone(), start: None, text: None, excerpt },
            |source| Self::in_file(error, &source),
        )
    }
}

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
