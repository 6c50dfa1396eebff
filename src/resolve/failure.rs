//! Diagnostics for failures of templates: located in the file that contains the template, without values.

use std::error::Error as _;
use std::ops::Range;

use minijinja::machinery::Token;
use minijinja::{Error, ErrorKind, Value};

use super::declassify::BESIDE_NAMESPACE;
use super::foreign::foreign_template_hint;
use super::frame::{self, RenderSubject};
use super::literal::{TemplateWord, has_word, named_paths, required_message};
use super::prepare::{TemplateFault, prepare};
use super::session::ResolveSession;
use super::slip::find_slip;
use super::suggest::{dashed_spelling, required_place, undefined_expression, unknown_function};
use super::usage::usage_of;
use crate::diagnostic::{Cause, Diagnostic, PublicReason, Rule};
use crate::files::FileKind;
use crate::span::{Location, Source, Span};
use crate::template_tokens::{TagKind, TagToken, lex_template};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::locate_in_scalar;

/// Source of a template.
pub(super) enum TemplateOrigin<'a> {
    /// In a scalar of a layer; `shift` is the offset of the text given to the engine.
    Scalar { scalar: &'a Scalar, place: &'a Location, shift: usize },
    /// A whole file.
    File(&'a Source),
}

impl TemplateOrigin<'_> {
    /// Text given to the engine, or the template that it is a part of.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Scalar { scalar, .. } => scalar.text(),
            Self::File(source) => source.text(),
        }
    }

    /// Name of the file that contains it.
    fn name(&self) -> &str {
        match self {
            Self::Scalar { place, .. } => place.source.name(),
            Self::File(source) => source.name(),
        }
    }

    /// Location of a part of the text given to the engine.
    fn place_of(&self, range: &Range<usize>) -> Location {
        match self {
            Self::Scalar { scalar, place, .. } => {
                place.source.place(locate_in_scalar(place.source.text(), place.span, scalar, range.start, range.len()))
            }
            Self::File(source) => source.place(Span::locate(source.text(), range.start, range.end)),
        }
    }

    /// Location of the whole template.
    pub(super) fn place(&self) -> Location {
        match self {
            Self::Scalar { place, .. } => (*place).clone(),
            Self::File(source) => source.place(Span::locate(source.text(), 0, 0)),
        }
    }
}

/// Detail of an error that was already reported at its origin.
pub(super) const FAILED_BEFORE: &str = "\u{1}failed before";

/// Prefix and separator of the message in an error of Septum.
const OWN: char = '\u{2}';

/// Error of Septum. Its message is shown only if `word`, a part of it, occurs in the template: otherwise it was
/// computed.
pub(super) fn own_error(message: &str, hint: Option<&str>, word: TemplateWord<'_>) -> Error {
    let (hint, word) = (hint.unwrap_or_default(), word.pack());
    Error::new(ErrorKind::InvalidOperation, format!("{OWN}{message}{OWN}{hint}{OWN}{word}"))
}

/// Prefix of a detail of Septum that consists only of fixed words.
const FIXED: char = '\u{3}';

/// Error with a detail that is safe to show.
pub(super) fn invalid_value(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{FIXED}{detail}"))
}

/// Error of Septum that the engine raises where the value is used.
pub(super) fn raise_own(message: &str, hint: Option<&str>, word: TemplateWord<'_>) -> Value {
    raise_error(own_error(message, hint, word))
}

/// Error that was already reported at its origin, raised again.
pub(super) fn raise_failed() -> Value {
    raise_error(Error::new(ErrorKind::InvalidOperation, FAILED_BEFORE))
}

fn raise_error(error: Error) -> Value {
    if let Some(frame) = frame::current_frame() {
        frame.record_raised(error.kind(), error.detail().unwrap_or_default());
    }
    Value::from(error)
}

/// Message, hint and word of an error of Septum.
fn parts_of_own(error: &Error) -> Option<(&str, &str, TemplateWord<'_>)> {
    let mut parts = error.detail()?.strip_prefix(OWN)?.rsplitn(3, OWN);
    let (word, hint) = (TemplateWord::unpack(parts.next()?)?, parts.next()?);
    Some((parts.next()?, hint, word))
}

/// Diagnostic for a failed template; `None` if the failure was already reported.
pub(super) fn diagnose_failure(
    session: &ResolveSession,
    error: &Error,
    origin: &TemplateOrigin<'_>,
) -> Option<Diagnostic> {
    let encrypted = matches!(origin, TemplateOrigin::Scalar { scalar, .. } if scalar.encrypted);
    if encrypted || frame::current_frame().is_some_and(|frame| frame.is_secret()) {
        return Some(after_secret(session, origin, encrypted));
    }
    let error = innermost_error(error);
    if error.detail() == Some(FAILED_BEFORE) {
        return None;
    }
    let is_manifest = is_manifest();
    let at = TemplateErrorSite::locate_error(session, error, origin);
    let foreign = foreign_template_hint(origin.text(), at.start, is_manifest);
    if foreign.is_none()
        && let Some(slip) = slip(error, origin).or_else(|| unclosed_block(error, origin))
    {
        return Some(slip);
    }
    if let Some(partial) = partial_condition(session, error, origin, &at) {
        return Some(partial);
    }
    let (message, hint) = explain_error(session, error, &at);
    let is_of_language = matches!(
        error.kind(),
        ErrorKind::SyntaxError | ErrorKind::UndefinedError | ErrorKind::UnknownFunction | ErrorKind::UnknownFilter
    ) || error.detail().is_some_and(|detail| detail.starts_with(FIXED));
    let foreign = foreign.filter(|_| is_of_language);
    let as_it_stands = (foreign.is_some() && !is_manifest).then(|| as_it_stands().to_owned());
    let hint = foreign.or(hint);
    let rule = match error.kind() {
        ErrorKind::SyntaxError => Rule::TemplateSyntax,
        ErrorKind::UndefinedError => Rule::Undefined,
        _ if error.detail().is_some_and(|detail| detail.starts_with(OWN)) => Rule::Undefined,
        _ => Rule::TemplateFailed,
    };
    let required =
        at.text.as_deref().filter(|_| rule == Rule::Undefined).and_then(|text| required_place(session, text));
    let diagnostic = Diagnostic::error(rule, message)
        .maybe_hint(hint)
        .maybe_hint(as_it_stands)
        .with_cause(required.map(Cause::FollowsFrom));
    Some(if at.hidden {
        diagnostic.at_masked(at.place)
    } else {
        diagnostic.at_public(at.place, PublicReason::Expression)
    })
}

/// Error: a template failed that has read a secret, or is one. The location and the cause may depend on the secret, so
/// nothing is shown except what follows from the text of the template alone.
fn after_secret(session: &ResolveSession, origin: &TemplateOrigin<'_>, encrypted: bool) -> Diagnostic {
    if !encrypted && let Some(mistake) = missing_name(session, origin).or_else(|| beside_namespace(origin)) {
        return mistake;
    }
    let name = frame::current_frame().map(|frame| match &frame.subject {
        RenderSubject::Manifest(name) => name.split('#').next().unwrap_or_default().to_owned(),
        subject @ (RenderSubject::Entry(_) | RenderSubject::Variable(_)) => session.subject_name(subject),
    });
    let problem = withheld_error(&name.unwrap_or_default(), &origin.place(), "template");
    if encrypted {
        problem.hint("if the secret just happens to contain `{{` or `{%`, set `template: false` on its key")
    } else {
        problem
    }
}

/// Error: something derived from secrets cannot be used, without details.
pub(super) fn withheld_error(name: &str, place: &Location, what: &str) -> Diagnostic {
    Diagnostic::error(Rule::TemplateFailed, format!("the {what} of `{name}` failed"))
        .at_masked(place.clone())
        .note("it is made of secrets, so that no details are shown: they could tell what those are")
        .hint("to see them, try it with harmless values in the place of the secrets")
}

/// Error: a template uses `declassify` beside `namespace`, which is visible in its text.
fn beside_namespace(origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let lexed = lex_template(origin.text());
    let both = ["namespace", "declassify"].iter().all(|name| lexed.find_paths(name).next().is_some());
    let message = || format!("the template failed: {BESIDE_NAMESPACE}");
    both.then(|| Diagnostic::error(Rule::TemplateFailed, message()).at_masked(origin.place()))
}

/// Error for a template with undecrypted reads and an undefined name, if every name in it is evaluated: it contains no
/// decisions.
pub(super) fn undefined_without_key(
    session: &ResolveSession,
    error: &Error,
    origin: &TemplateOrigin<'_>,
) -> Option<Diagnostic> {
    let lexed = lex_template(origin.text());
    let decides =
        |token: &TagToken<'_>| matches!(token.token, Token::Ident("if" | "else" | "and" | "or" | "default" | "d"));
    let is_straight = lexed.tags.iter().all(|tag| tag.kind == TagKind::Expression && !tag.tokens.iter().any(decides));
    let is_undefined =
        innermost_error(error).kind() == ErrorKind::UndefinedError || parts_of_own(innermost_error(error)).is_some();
    if is_straight && is_undefined { missing_name(session, origin) } else { None }
}

/// Error for the first name in a template that nothing defines or gives a value.
fn missing_name(session: &ResolveSession, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
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
    let missing = named_paths(&session.engine, text).into_iter().filter(|path| session.is_missing(path));
    let found = missing.filter_map(|path| {
        let (range, rest) = lexed.find_paths(&path).next()?;
        let required = required_message(rest).map(str::to_owned);
        (!has_fallback(rest)).then_some((range.start, path, range.end, required))
    });
    let (start, path, end, required) = found.min()?;
    let (message, hint) = match required {
        Some(message) => (message, None),
        None => undefined_expression(session, Some(&path)),
    };
    let place = origin.place_of(&(start..end));
    Some(Diagnostic::error(Rule::Undefined, message).maybe_hint(hint).at_public(place, PublicReason::Expression))
}

/// Whether the engine reached the end of a template, or of its readable part.
fn is_end_of_input(error: &Error) -> bool {
    error.kind() == ErrorKind::SyntaxError
        && error.detail().is_some_and(|detail| detail.starts_with("unexpected end of input"))
}

/// Error for a word or a sign of another language, at its location.
fn slip(error: &Error, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
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
fn partial_condition(
    session: &ResolveSession,
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
    let named = named_paths(&session.engine, origin.text());
    let is_defined = named.iter().all(|path| !session.is_missing(path) || lexed.find_paths(path).next().is_none());
    (is_partial && is_defined && tag.is_closed).then(|| {
        Diagnostic::error(Rule::Undefined, "this `if` has no `else`, and its condition is false: nothing is defined")
            .at_masked(origin.place_of(&tag.range))
            .hint("say what there is else: `a if condition else \"\"`")
    })
}

/// Error for a block statement that is not closed, at its location.
fn unclosed_block(error: &Error, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
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
    Some(problem.hint(format!("add `{{% end{keyword} %}}` behind what belongs to it")).hint(as_it_stands()))
}

/// Innermost error: an error in an included template wraps the more specific one.
fn innermost_error(error: &Error) -> &Error {
    let mut inner = error;
    while let Some(cause) = inner.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = cause;
    }
    inner
}

/// Location of an error, and the piece of the template there.
struct TemplateErrorSite {
    place: Location,
    /// Offset in the template that failed, unless the error is in another one.
    start: Option<usize>,
    /// Text that the engine complains about, unless it must not be shown.
    text: Option<String>,
    hidden: bool,
    /// Whether the word of an error of Septum occurs in the template.
    literal: bool,
    /// Filter or function named there, with its usage.
    called: Option<(&'static str, &'static str)>,
    /// Path with dashes there, and its correct spelling.
    dashed: Option<(String, String)>,
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
            _ => parts_of_own(error).is_none_or(|(_, _, word)| word.is_in(template)),
        };
        let word = |text: &str| {
            let end = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
            usage_of(text.get(..end)?)
        };
        let called = word(text).filter(|_| !unclosed);
        let is_undefined = error.kind() == ErrorKind::UndefinedError || parts_of_own(error).is_some();
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
    fn locate_error(session: &ResolveSession, error: &Error, origin: &TemplateOrigin<'_>) -> Self {
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
            TemplateOrigin::Scalar { place, .. } => Self::in_include(session, error, place),
            TemplateOrigin::File(source) => {
                Self::in_include(session, error, &source.place(Span::locate(source.text(), 0, 0)))
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

    fn in_include(session: &ResolveSession, error: &Error, fallback: &Location) -> Self {
        let files = &session.engine.files;
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

/// Whether an error arose in another template than the one called `name`. Expressions have no name of their own.
fn names_another(error: &Error, name: &str) -> bool {
    template_name(error).is_some_and(|found| found != name && found != "<expression>")
}

/// Template in which an error arose, if known.
fn template_name(error: &Error) -> Option<&str> {
    TemplateFault::of(error).and_then(|fault| fault.file.as_deref()).or_else(|| error.name())
}

/// Range of the source that an error is about. The engine's range refers to the prepared text.
fn source_range(error: &Error, template: &str, shift: usize) -> Range<usize> {
    if let Some(fault) = TemplateFault::of(error) {
        return fault.range.clone();
    }
    let range = error.range().unwrap_or_default();
    let range = range.start + shift..range.end + shift;
    prepare(template).map_or(range.clone(), |prepared| prepared.to_source(&range))
}

pub(super) fn unspecific_undefined() -> String {
    "the template uses something that is not defined".to_owned()
}

/// Hint for a text that only looks like a template.
fn as_it_stands() -> &'static str {
    if is_manifest() {
        "if the file is meant as it stands, name it as `manifests: [{ path: …, template: false }]`"
    } else {
        "if the text is meant as it stands, set `template: false` on its key"
    }
}

/// Whether a manifest is being rendered.
fn is_manifest() -> bool {
    frame::current_frame().is_some_and(|frame| matches!(frame.subject, RenderSubject::Manifest(_)))
}

/// Message and hint for an error.
fn explain_error(session: &ResolveSession, error: &Error, at: &TemplateErrorSite) -> (String, Option<String>) {
    let detail = error.detail().unwrap_or_default();
    let text = at.text.as_deref();
    if let Some((path, written)) = at.dashed.as_ref().filter(|_| !at.hidden) {
        return (
            format!("`{path}` is not defined: `-` subtracts"),
            Some(format!("for a name with a `-`, write `{written}`")),
        );
    }
    if let Some((message, hint, _)) = parts_of_own(error) {
        let shown = (message.to_owned(), (!hint.is_empty()).then(|| hint.to_owned()));
        return if at.literal { shown } else { (unspecific_undefined(), None) };
    }
    if let Some(fault) = TemplateFault::of(error) {
        return (fault.message.to_owned(), fault.hint.map(str::to_owned));
    }
    match error.kind() {
        ErrorKind::UndefinedError => undefined_expression(session, text),
        ErrorKind::SyntaxError if at.hidden => {
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
        ErrorKind::UnknownFilter => unknown_function("filter", unknown_name(detail), at.literal),
        ErrorKind::UnknownFunction => unknown_function("function", unknown_name(detail), at.literal),
        ErrorKind::UnknownTest => unknown_function("test", unknown_name(detail), at.literal),
        _ if detail.starts_with(FIXED) => (format!("the template failed: {}", detail.trim_start_matches(FIXED)), None),
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
            match (at.called, kind) {
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

/// Name in `filter NAME is unknown`, `NAME is unknown` or `test NAME is unknown`.
fn unknown_name(detail: &str) -> &str {
    detail.strip_suffix(" is unknown").and_then(|rest| rest.split(' ').next_back()).unwrap_or(detail)
}
