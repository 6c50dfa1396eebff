//! What is done to a template before the engine gets it.
//!
//! The engine has no hook for what a call of `declassify` reads, nor for what is kept in a variable. So
//! calls of inner functions are inserted into the text, at positions that the engine's own lexer gives:
//!
//! * `declassify(x, "r")` becomes `declassify(_septum_mark(), x, "r")`, see [`super::declassify`];
//! * `set x = y` becomes `set x = _septum_value(y)`, see [`super::bounded`].
//!
//! No template can name an inner function: a name that begins as theirs do is refused, wherever the
//! engine would read one. Nothing is replaced, so a position in the prepared text is one in the source.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use minijinja::machinery::Token;
use minijinja::{Error, ErrorKind};

use super::nesting;
use super::template::{LexedTemplate, TagKind, TagToken, TemplateTag, lex};

/// How the names of inner functions begin.
const RESERVED: &str = "_septum_";

/// Marks how much was read before a call of `declassify`.
pub(super) const MARK: &str = "_septum_mark";
/// Bounds what a variable holds.
pub(super) const VALUE: &str = "_septum_value";
/// Bounds what a field of a namespace holds.
pub(super) const FIELD: &str = "_septum_field";

/// Marks how much was read before an expression that may have to be masked.
pub(super) const BEGIN: &str = "_septum_begin";
/// Masks the value of such an expression.
pub(super) const MASKED: &str = "_septum_masked";

/// The one function whose calls are marked.
pub(super) const DECLASSIFY: &str = "declassify";

/// A template as the engine gets it.
#[derive(Debug)]
pub(super) struct PreparedTemplate<'t> {
    pub(super) text: Cow<'t, str>,
    /// What was inserted, by position in the source.
    insertions: Vec<(usize, &'static str)>,
}

/// Why a template does not get to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateFault {
    /// The part of the source that is at fault.
    pub(super) range: Range<usize>,
    pub(super) message: &'static str,
    pub(super) hint: Option<&'static str>,
    /// The file, if it is another than the template that is rendered.
    pub(super) file: Option<String>,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for TemplateFault {}

impl TemplateFault {
    pub(super) fn new(range: Range<usize>, message: &'static str, hint: Option<&'static str>) -> Self {
        Self { range, message, hint, file: None }
    }

    /// The same as an error of the engine.
    pub(super) fn into_error(self) -> Error {
        Error::new(ErrorKind::SyntaxError, self.message).with_source(self)
    }

    /// The fault that an error of the engine carries.
    pub(super) fn of(error: &Error) -> Option<&Self> {
        let mut cause = std::error::Error::source(error);
        while let Some(found) = cause {
            if let Some(fault) = found.downcast_ref::<Self>() {
                return Some(fault);
            }
            cause = found.source();
        }
        None
    }
}

impl PreparedTemplate<'_> {
    /// The part of the source that a part of the prepared text was.
    pub(super) fn to_source(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.offset_in_source(range.start);
        start..self.offset_in_source(range.end).max(start)
    }

    fn offset_in_source(&self, offset: usize) -> usize {
        let mut inserted = 0;
        for &(at, text) in &self.insertions {
            if at + inserted >= offset {
                break;
            }
            inserted = (inserted + text.len()).min(offset - at);
        }
        offset - inserted
    }
}

/// Checks a template and inserts the calls of inner functions.
pub(super) fn prepare(template: &str) -> Result<PreparedTemplate<'_>, TemplateFault> {
    if !needs_a_look(template) {
        return Ok(PreparedTemplate { text: Cow::Borrowed(template), insertions: Vec::new() });
    }
    prepare_with(template, Secrets::Used)
}

/// The same for a render without secrets, see [`super::masked`].
pub(super) fn prepare_masked(template: &str) -> Result<PreparedTemplate<'_>, TemplateFault> {
    prepare_with(template, Secrets::Masked)
}

/// What becomes of the values of expressions that read secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Used,
    Masked,
}

fn prepare_with(template: &str, secrets: Secrets) -> Result<PreparedTemplate<'_>, TemplateFault> {
    let lexed = lex(template);
    nesting::check(&lexed)?;
    let insertions = insertions(&lexed, secrets)?;
    // what cannot be read to its end is told by the engine, and nothing of it is run
    if insertions.is_empty() || !lexed.is_complete {
        return Ok(PreparedTemplate { text: Cow::Borrowed(template), insertions: Vec::new() });
    }
    let inserted: usize = insertions.iter().map(|(_, text)| text.len()).sum();
    let mut text = String::with_capacity(template.len() + inserted);
    let mut done = 0;
    for &(at, insertion) in &insertions {
        text.push_str(template.get(done..at).unwrap_or_default());
        text.push_str(insertion);
        done = at;
    }
    text.push_str(template.get(done..).unwrap_or_default());
    Ok(PreparedTemplate { text: Cow::Owned(text), insertions })
}

/// Whether a template could hold anything that is looked for. A word that is not in the text is no token of it.
fn needs_a_look(template: &str) -> bool {
    nesting::may_be_deep(template) || [DECLASSIFY, RESERVED, "set"].iter().any(|word| template.contains(word))
}

fn insertions(lexed: &LexedTemplate<'_>, secrets: Secrets) -> Result<Vec<(usize, &'static str)>, TemplateFault> {
    let mut found = Vec::new();
    for tag in &lexed.tags {
        let ends = tag.tokens.first().zip(tag.tokens.last());
        if let Some((first, last)) = ends.filter(|_| secrets == Secrets::Masked && tag.kind == TagKind::Expression) {
            found.push((first.range.start, "_septum_masked(_septum_begin(), "));
            found.push((last.range.end, ")"));
        }
        for (index, token) in tag.tokens.iter().enumerate() {
            match &token.token {
                Token::Ident(name) if name.starts_with(RESERVED) => {
                    let message = "names that begin with `_septum_` are reserved";
                    return Err(TemplateFault::new(token.range.clone(), message, Some("take another name")));
                }
                Token::Ident(DECLASSIFY) if tag.is_closed && !is_member(&tag.tokens, index) => {
                    let call = super::declassify::call(&tag.tokens, index)?;
                    found.push((call, "_septum_mark(), "));
                }
                _ => {}
            }
        }
        if tag.keyword() == Some("set") && tag.is_closed {
            found.extend(bounded_values(tag, secrets));
        }
    }
    // both lists are in order; a call may lie in a value
    found.sort_by_key(|(at, _)| *at);
    Ok(found)
}

/// Whether a name is an attribute, a filter or a test, and so no name of the scope.
fn is_member(tokens: &[TagToken<'_>], index: usize) -> bool {
    let before = |back: usize| index.checked_sub(back).and_then(|at| tokens.get(at)).map(|found| &found.token);
    match before(1) {
        Some(Token::Dot | Token::Pipe | Token::Ident("is")) => true,
        Some(Token::Ident("not")) => matches!(before(2), Some(Token::Ident("is"))),
        _ => false,
    }
}

/// The calls around what a `set` gives to its targets.
fn bounded_values(tag: &TemplateTag<'_>, secrets: Secrets) -> Vec<(usize, &'static str)> {
    let top: Vec<_> = tag.top_level().collect();
    let assign = top.iter().position(|(_, found)| matches!(found.token, Token::Assign));
    let targets = tag.tokens.get(..assign.and_then(|at| top.get(at)).map_or(tag.tokens.len(), |(index, _)| *index));
    let before_filter = targets.unwrap_or_default().iter().take_while(|found| !matches!(found.token, Token::Pipe));
    let is_field = before_filter.into_iter().any(|found| matches!(found.token, Token::Dot));
    let Some(assign) = assign else {
        // `{% set x | filter %}…{% endset %}`
        let is_filtered = top.iter().any(|(_, found)| matches!(found.token, Token::Pipe));
        let end = tag.tokens.last().filter(|_| is_filtered).map(|last| last.range.end);
        return end
            .map(|end| (end, if is_field { " | _septum_field" } else { " | _septum_value" }))
            .into_iter()
            .collect();
    };
    let (call, close) = match (secrets, is_field) {
        (Secrets::Used, false) => ("_septum_value(", ")"),
        (Secrets::Used, true) => ("_septum_field(", ")"),
        (Secrets::Masked, false) => ("_septum_value(_septum_masked(_septum_begin(), ", "))"),
        (Secrets::Masked, true) => ("_septum_field(_septum_masked(_septum_begin(), ", "))"),
    };
    let values = top.get(assign + 1..).unwrap_or_default();
    let parts = values.split(|(_, found)| matches!(found.token, Token::Comma));
    let ends = parts.filter_map(|part| Some((part.first()?.1.range.start, part.last()?.1.range.end)));
    ends.flat_map(|(start, end)| [(start, call), (end, close)]).collect()
}

/// The expression of a text that is `{{ expression }}` and nothing else: its part of the text.
pub(super) fn lone_expression(text: &str) -> Option<Range<usize>> {
    if !text.starts_with("{{") {
        return None;
    }
    let lexed = lex(text);
    let [tag] = lexed.tags.as_slice() else { return None };
    let is_lone = lexed.is_complete && tag.kind == TagKind::Expression && tag.is_closed && tag.range == (0..text.len());
    if !is_lone || tag.tokens.is_empty() {
        return None;
    }
    let start = 2 + usize::from(text.get(2..)?.starts_with(['-', '+']));
    let end = tag.tokens.last()?.range.end;
    Some(start..end)
}

#[cfg(test)]
mod tests;
