//! Location of an error, and the part of the template there that may be shown.

use std::ops::Range;

use minijinja::{Error, ErrorKind};

use super::cause::{names_another, source_range, template_name, unknown_name};
use super::origin::TemplateOrigin;
use crate::files::FileKind;
use crate::resolve::engine::Engine;
use crate::resolve::fault::OwnError;
use crate::resolve::literal::{has_template_word, has_word};
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
    pub(super) hidden: bool,
    /// Whether the word of an error of Septum occurs in the template.
    pub(super) literal: bool,
    /// Filter or function named there, with its usage.
    pub(super) called: Option<(&'static str, &'static str)>,
    /// Path with dashes there, and its correct spelling.
    pub(super) dashed: Option<(String, String)>,
}

/// Part of a template around an error that may be shown.
struct TemplateExcerpt {
    range: Range<usize>,
    hidden: bool,
    literal: bool,
    called: Option<(&'static str, &'static str)>,
    dashed: Option<(String, String)>,
}

impl TemplateExcerpt {
    fn at_range(error: &Error, template: &str, range: &Range<usize>) -> Self {
        let range =
            &if error.kind() == ErrorKind::UndefinedError { operand_range(template, range) } else { range.clone() };
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
                let piece =
                    TemplateExcerpt::at_range(error, scalar.text(), &source_range(error, scalar.text(), *shift));
                let (range, start) = (piece.range.clone(), Some(piece.range.start));
                let span = locate_in_scalar(place.source.text(), place.span, scalar, range.start, range.len());
                let hidden = scalar.encrypted || piece.hidden;
                let text = scalar.text().get(range).filter(|_| !hidden).map(str::to_owned);
                let TemplateExcerpt { literal, called, dashed, .. } = piece;
                Self { place: place.source.place(span), start, text, hidden, literal, called, dashed }
            }
            TemplateOrigin::File(source) if !names_another(error, source.name()) => Self::in_file(error, source),
            TemplateOrigin::Scalar { place, .. } => Self::in_include(engine, error, place),
            TemplateOrigin::File(source) => {
                Self::in_include(engine, error, &source.place(Span::locate(source.text(), 0, 0)))
            }
        }
    }

    fn in_file(error: &Error, source: &Source) -> Self {
        let TemplateExcerpt { range, hidden, literal, called, dashed } =
            TemplateExcerpt::at_range(error, source.text(), &source_range(error, source.text(), 0));
        let (place, range_start) = (source.place(source.locate(range.start, range.end)), range.start);
        let text = source.text().get(range).filter(|_| !hidden).map(str::to_owned);
        Self { place, start: Some(range_start), text, hidden, literal, called, dashed }
    }

    fn in_include(engine: &Engine, error: &Error, fallback: &Location) -> Self {
        let files = &engine.files;
        let file =
            template_name(error).and_then(|name| files.read_text(FileKind::Include, &files.root().join(name)).ok());
        file.map_or_else(
            || Self {
                place: fallback.clone(),
                start: None,
                text: None,
                hidden: true,
                literal: false,
                called: None,
                dashed: None,
            },
            |source| Self::in_file(error, &source),
        )
    }
}
