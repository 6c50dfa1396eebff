//! Calls that are inserted into a template that is rendered without its secrets, see [`super::masked`].
//!
//! An expression is printed, or kept in a variable, by a call that returns a placeholder instead of its value if it
//! read a secret. A variable that contains a placeholder is *hidden*: expressions that use it are not evaluated at all,
//! and another placeholder replaces them. So nothing derived from a secret is ever compared with anything.

use std::borrow::Cow;
use std::collections::BTreeSet;

use minijinja::machinery::Token;

use super::set_targets::{SetTargets, is_member};
use crate::template_tokens::{LexedTemplate, TagKind, TagToken, TemplateTag, is_import};

/// Reason why a template cannot be rendered without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MaskFault {
    /// A tag uses a hidden name.
    Deciding(String),
    /// A construct stores or moves values in ways that are not tracked.
    Unspecified,
}

/// Tracks the start or the end of a named scope: a macro or a block.
pub(super) fn follow_scope<'t>(tag: &TemplateTag<'t>, within: &mut Vec<&'t str>) {
    match tag.keyword() {
        Some("macro" | "block") => {
            let name = tag.tokens.get(1).map(|found| &found.token);
            within.push(if let Some(Token::Ident(name)) = name { *name } else { "" });
        }
        Some("endmacro" | "endblock") => drop(within.pop()),
        _ => {}
    }
}

/// Calls around a printed expression. `within` are the macros that contain it: they return it to their callers.
pub(super) fn masking_calls(
    tag: &TemplateTag<'_>,
    hidden: &BTreeSet<String>,
    within: &[&str],
) -> Vec<(usize, Cow<'static, str>)> {
    let Some((first, last)) = tag.tokens.first().zip(tag.tokens.last()) else { return Vec::new() };
    if tag.kind != TagKind::Expression {
        return Vec::new();
    }
    let (open, close) = wrap_calls(&tag.tokens, hidden, &within.join(","));
    vec![(first.range.start, Cow::from(open)), (last.range.end, Cow::from(close))]
}

/// Calls around a value that is assigned to a variable.
pub(super) fn masking_calls_of_value(
    targets: &SetTargets<'_, '_>,
    value: &[TagToken<'_>],
    hidden: &BTreeSet<String>,
) -> (String, &'static str) {
    wrap_calls(value, hidden, &target_names(targets))
}

/// Filter that checks a text that is assigned to a variable.
pub(super) fn kept_filter(targets: &SetTargets<'_, '_>) -> Option<(usize, Cow<'static, str>)> {
    let end = targets.tokens.last()?.range.end;
    Some((end, Cow::from(format!(" | _septum_kept(\"{}\")", target_names(targets)))))
}

fn wrap_calls(tokens: &[TagToken<'_>], hidden: &BTreeSet<String>, names: &str) -> (String, &'static str) {
    match mentioned_name(tokens, hidden) {
        Some(_) => (format!("_septum_hidden(\"{names}\") if true else ("), ")"),
        None => (format!("_septum_masked(_septum_begin(), \"{names}\", "), ")"),
    }
}

/// Names of the targets, with a dot after that of a namespace.
fn target_names(targets: &SetTargets<'_, '_>) -> String {
    let of_names = targets.tokens.iter().enumerate().filter_map(|(index, found)| match &found.token {
        Token::Ident(name) if !is_member(targets.tokens, index) => Some(*name),
        _ => None,
    });
    let names: Vec<_> = of_names.collect();
    if targets.has_field { format!("{}.", names.join(".,")) } else { names.join(",") }
}

/// First hidden name that tokens use.
fn mentioned_name<'t>(tokens: &[TagToken<'t>], hidden: &BTreeSet<String>) -> Option<&'t str> {
    tokens.iter().enumerate().find_map(|(index, found)| match &found.token {
        Token::Ident(name) if hidden.contains(*name) && !is_member(tokens, index) => Some(*name),
        _ => None,
    })
}

/// Rejects constructs that could carry a secret past the placeholders.
pub(super) fn check_masking(lexed: &LexedTemplate<'_>, hidden: &BTreeSet<String>) -> Result<(), MaskFault> {
    let words = |word: &'static str| lexed.find_paths(word).next().is_some();
    let uses_others = lexed.tags.iter().any(|tag| tag.keyword().is_some_and(is_import));
    // another template could set fields, or inspect variables
    if uses_others && (words("namespace") || !hidden.is_empty()) {
        return Err(MaskFault::Unspecified);
    }
    let mut calls = 0_usize;
    let (mut is_filtered, mut has_texts) = (false, false);
    for tag in &lexed.tags {
        match tag.keyword() {
            None if tag.kind == TagKind::Expression => {}
            Some("macro" | "call") => calls += 1,
            Some("endmacro" | "endcall") => calls = calls.saturating_sub(1),
            Some("filter") => is_filtered = true,
            _ => {}
        }
        if tag.kind == TagKind::Expression {
            continue;
        }
        if tag.keyword() == Some("set") {
            let targets = SetTargets::of(tag);
            has_texts |= targets.values.is_none();
            // an argument of a macro may be a secret, and may decide anything in it
            if targets.has_field && calls > 0 {
                return Err(MaskFault::Unspecified);
            }
        } else if let Some(name) = mentioned_name(&tag.tokens, hidden) {
            if tag.keyword() != Some("macro") && tag.keyword() != Some("block") {
                return Err(MaskFault::Deciding(name.to_owned()));
            }
            // its own name, which may occur once
            let rest = tag.tokens.get(2..).unwrap_or_default();
            if mentioned_name(rest, hidden).is_some() {
                return Err(MaskFault::Deciding(name.to_owned()));
            }
        }
        let gives_blocks = |found: &TagToken<'_>| matches!(found.token, Token::Ident("self" | "super" | "caller"));
        if tag.tokens.iter().any(gives_blocks) {
            return Err(MaskFault::Unspecified);
        }
    }
    // a filtered text does not show whether it was masked
    if is_filtered && has_texts { Err(MaskFault::Unspecified) } else { Ok(()) }
}
