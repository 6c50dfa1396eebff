//! Names in a template that nothing defines or gives a value.

use std::ops::Range;

use minijinja::machinery::Token;
use minijinja::{Error, ErrorKind};

use super::included::{bound_names, called_names, decides, included_parts, macro_name, named_include, outer_tags};
use super::origin::TemplateOrigin;
use super::site::innermost_error;
use crate::diagnostic::{Cause, Diagnostic, Label, PublicReason, Rule};
use crate::map::HashSet;
use crate::resolve::context::ResolveContext;
use crate::resolve::fault::OwnError;
use crate::resolve::literal::{named_paths, required_message};
use crate::resolve::suggest::{is_missing, is_slip, required_place, undefined_expression, unspecific_undefined};
use crate::sort::sort_by_key;
use crate::template_tokens::{LexedTemplate, TagKind, TagToken, TemplateTag, change_of_depth, lex_template};

/// Errors for a template with undecrypted reads and undefined names, if every name in it and in what it includes is
/// evaluated: it contains no decisions.
pub(in crate::resolve) fn undefined_without_key(
    context: &ResolveContext,
    error: &Error,
    origin: &TemplateOrigin<'_>,
) -> Vec<Diagnostic> {
    let is_undefined = innermost_error(error).kind() == ErrorKind::UndefinedError || OwnError::is_computed(error);
    if !is_undefined || !is_straight(origin.text()) {
        return Vec::new();
    }
    let included = included_parts(context, origin);
    if !included.iter().all(|part| is_straight(part.source.text())) {
        return Vec::new();
    }
    let first = missing_name(context, origin);
    let further = further_missing_names(context, origin, first.as_ref());
    first.into_iter().chain(further).collect()
}

/// Whether all of a template is evaluated whenever it is rendered.
fn is_straight(text: &str) -> bool {
    let lexed = lex_template(text);
    let is_evaluated = |tag: &TemplateTag<'_>| tag.kind == TagKind::Expression || named_include(tag).is_some();
    lexed.tags.iter().all(|tag| is_evaluated(tag) && !decides(tag))
}

/// Whether the value before some tokens may be undefined.
fn has_fallback(rest: &[TagToken<'_>]) -> bool {
    let is_word =
        |found: &TagToken<'_>, words: &[&str]| matches!(found.token, Token::Ident(name) if words.contains(&name));
    match rest {
        [is, test, ..] if is_word(is, &["is"]) && is_word(test, &["defined", "undefined"]) => true,
        [is, not, test, ..] if is_word(is, &["is"]) && is_word(not, &["not"]) => {
            is_word(test, &["defined", "undefined"])
        }
        [pipe, filter, ..] => matches!(pipe.token, Token::Pipe) && is_word(filter, &["d", "default"]),
        _ => false,
    }
}

/// Error for the first name in a template that nothing defines or gives a value.
pub(super) fn missing_name(context: &ResolveContext, origin: &TemplateOrigin<'_>) -> Option<Diagnostic> {
    let text = origin.text();
    let lexed = lex_template(text);
    let missing = named_paths(context.engine.environment(), text)
        .into_iter()
        .filter(|path| is_missing(&context.definition, path));
    let found = missing.filter_map(|path| {
        let (range, rest) = lexed.find_paths(&path).next()?;
        let required = required_message(rest).map(str::to_owned);
        (!has_fallback(rest)).then_some(MissingName { range, path, required })
    });
    found.min_by_key(|name| name.range.start).map(|name| name.into_diagnostic(context, origin))
}

/// Errors for the names that a template and the files that it includes certainly read, and that nothing defines or gives
/// a value, beside the one with which it failed. They follow from the texts alone.
pub(super) fn further_missing_names(
    context: &ResolveContext,
    origin: &TemplateOrigin<'_>,
    reported: Option<&Diagnostic>,
) -> Vec<Diagnostic> {
    let included = included_parts(context, origin);
    let files: Vec<_> = included.iter().map(|part| (TemplateOrigin::File(&part.source), &part.bound)).collect();
    let none = HashSet::default();
    let parts: Vec<_> =
        std::iter::once((origin, &none)).chain(files.iter().map(|(file, bound)| (file, *bound))).collect();
    let called = called_macros(parts.iter().map(|(part, _)| part.text()));
    let missing: Vec<Vec<_>> =
        parts.iter().map(|(part, bound)| missing_paths(context, part.text(), bound, &called)).collect();
    let named = reported.filter(|reported| reported.message != unspecific_undefined());
    // of a template that failed because of some name, the only one is it
    let is_only = missing.iter().map(Vec::len).sum::<usize>() == 1 && named.is_none() && reported.is_some();
    let of_parts = parts.iter().zip(missing).flat_map(|((part, _), missing)| {
        let found = certain_names(part.text(), missing, is_only, &called);
        found.into_iter().map(|name| name.into_diagnostic(context, part)).collect::<Vec<_>>()
    });
    // the place of one that is not known is all of its expression
    let place = reported.and_then(|reported| reported.labels.first()).map(|label| &label.place);
    let is_new = |found: &Diagnostic| {
        let is_in_same = |label: &Label| place.is_none_or(|place| place.source.name() == label.place.source.name());
        let is_there = |label: &Label| {
            place.filter(|_| named.is_some() && is_in_same(label)).is_some_and(|place| {
                let (known, own) = (place.span, label.place.span);
                known.start < own.end && own.start < known.end
            })
        };
        let is_known = reported.is_some_and(|known| known.message == found.message);
        !found.labels.iter().any(|label| is_there(label) || is_known && is_in_same(label))
    };
    of_parts.filter(is_new).collect()
}

/// The paths in a text that nothing defines, except for names that a statement of it, or of what includes it, binds.
fn missing_paths(
    context: &ResolveContext,
    text: &str,
    bound: &HashSet<String>,
    called: &HashSet<String>,
) -> Vec<String> {
    let lexed = lex_template(text);
    if straight_tags(&lexed, called).next().is_none() {
        return Vec::new();
    }
    let own = bound_names(&lexed);
    let is_bound = |path: &str| {
        let root = path.split('.').next().unwrap_or_default();
        own.contains(root) || bound.contains(root)
    };
    let names = named_paths(context.engine.environment(), text).into_iter().filter(|path| !is_bound(path));
    names.filter(|path| is_missing(&context.definition, path) || is_slip(&context.definition, path)).collect()
}

/// The names among missing ones that a text certainly reads, in its order.
fn certain_names(text: &str, missing: Vec<String>, is_only: bool, called: &HashSet<String>) -> Vec<MissingName> {
    let lexed = lex_template(text);
    let straight: Vec<_> = straight_tags(&lexed, called).collect();
    let found = missing.into_iter().filter_map(|path| {
        let is_read = |(range, rest): &(Range<usize>, &[TagToken<'_>])| {
            let tag = straight.iter().find(|tag| tag.range.contains(&range.start));
            // a variable may be set to what is undefined
            let is_printed = |tag: &TemplateTag<'_>| tag.kind == TagKind::Expression || is_filtered(rest);
            tag.is_some_and(|tag| is_printed(tag) && (is_only || must_have_value(tag, range.start)) || is_entry(&path))
        };
        let (range, rest) = lexed.find_paths(&path).find(is_read)?;
        let required = required_message(rest).map(str::to_owned);
        Some(MissingName { range, path, required })
    });
    let mut found: Vec<_> = found.collect();
    sort_by_key(&mut found, |name| name.range.start);
    found
}

/// The tags with expressions that are evaluated whenever the template is, as a whole: also those that set a variable,
/// and those of the macros that are called.
pub(in crate::resolve) fn straight_tags<'l, 't>(
    lexed: &'l LexedTemplate<'t>,
    called: &'l HashSet<String>,
) -> impl Iterator<Item = &'l TemplateTag<'t>> {
    let is_evaluated = |tag: &TemplateTag<'_>| tag.kind == TagKind::Expression || tag.keyword() == Some("set");
    outer_tags(lexed, called).filter(move |tag| is_evaluated(tag) && !decides(tag))
}

/// Whether a filter follows.
fn is_filtered(rest: &[TagToken<'_>]) -> bool {
    rest.first().is_some_and(|next| matches!(next.token, Token::Pipe))
}

/// Macros that are certainly called by some templates that are rendered together. A name that two of them define tells
/// nothing.
fn called_macros<'t>(texts: impl Iterator<Item = &'t str>) -> HashSet<String> {
    let lexed: Vec<_> = texts.map(lex_template).collect();
    let defined: Vec<&str> = lexed.iter().flat_map(|lexed| lexed.tags.iter().filter_map(macro_name)).collect();
    let is_defined_once = |name: &&str| defined.iter().filter(|other| *other == name).count() == 1;
    let mut called = HashSet::default();
    loop {
        let tags = lexed.iter().flat_map(|lexed| straight_tags(lexed, &called));
        let names: HashSet<String> = tags.flat_map(called_names).filter(is_defined_once).map(str::to_owned).collect();
        if names.len() == called.len() {
            return called;
        }
        called = names;
    }
}

/// Whether a path is that of a key, whose value is read wherever it is named.
fn is_entry(path: &str) -> bool {
    path.starts_with("data.") || path.starts_with("bundles.")
}

/// Bracket that is open before a value.
struct EnclosingBracket {
    /// Whether what is inside must be defined: it is a group, or the operands of a filter, a test or a function that
    /// checks them.
    is_checked: bool,
    /// Whether it is a group, which a comma makes a list.
    is_group: bool,
    /// Index of its first token.
    start: usize,
}

/// Whether the value at an offset must be defined: it is not only put into a list or passed to a macro, which may not
/// look at it.
fn must_have_value(tag: &TemplateTag<'_>, at: usize) -> bool {
    let mut open = Vec::new();
    let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
    let count = tag.tokens.iter().take_while(|found| found.range.start < at).count();
    for index in 0..count {
        let before = index.checked_sub(1);
        let is_group =
            !matches!(before.and_then(token), Some(Token::Ident(_) | Token::ParenClose | Token::BracketClose));
        match token(index) {
            Some(Token::ParenOpen) => {
                let is_checked = is_group || before.is_some_and(|callee| checks_operands(tag, callee));
                open.push(EnclosingBracket { is_checked, is_group, start: index + 1 });
            }
            Some(Token::BracketOpen | Token::BraceOpen) => {
                open.push(EnclosingBracket { is_checked: false, is_group: false, start: index + 1 });
            }
            Some(Token::ParenClose | Token::BracketClose | Token::BraceClose) => drop(open.pop()),
            _ => {}
        }
    }
    open.iter().all(|bracket| bracket.is_checked && !(bracket.is_group && has_comma(tag, bracket.start)))
}

/// Whether a call at a token refuses what is undefined: a filter, a test, or a function that is not a macro.
fn checks_operands(tag: &TemplateTag<'_>, callee: usize) -> bool {
    let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
    match callee.checked_sub(1).and_then(token) {
        Some(Token::Pipe | Token::Ident("is" | "not")) => true,
        Some(Token::Dot) => false,
        _ => matches!(token(callee), Some(Token::Ident("range" | "dict" | "namespace" | "not" | "in"))),
    }
}

/// Whether there is a comma between the token at `start` and the end of the bracket that it is in.
fn has_comma(tag: &TemplateTag<'_>, start: usize) -> bool {
    let mut depth = 0;
    for found in tag.tokens.iter().skip(start) {
        depth += change_of_depth(&found.token);
        match found.token {
            _ if depth < 0 => return false,
            Token::Comma if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// A name that nothing defines or gives a value.
struct MissingName {
    range: Range<usize>,
    path: String,
    /// The message of `required`.
    required: Option<String>,
}

impl MissingName {
    fn into_diagnostic(self, context: &ResolveContext, origin: &TemplateOrigin<'_>) -> Diagnostic {
        let (message, hint) = match self.required {
            Some(message) => (message, None),
            None => undefined_expression(&context.definition, Some(&self.path)),
        };
        let place = origin.place_of(&self.range);
        let required = required_place(&context.definition, &self.path);
        Diagnostic::error(Rule::Undefined, message)
            .maybe_hint(hint)
            .with_cause(required.map(|place| Cause::FollowsFrom(vec![place])))
            .at_public(place, PublicReason::Expression)
    }
}
