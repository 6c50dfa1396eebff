//! Preparation of a template before the engine gets it.
//!
//! The engine has no hook for the reads of a call of `declassify`, nor for the values assigned to variables. So calls
//! of inner functions are inserted into the text, at positions determined with the engine's own lexer:
//!
//! * `declassify(x, "r")` becomes `declassify(_septum_mark(), x, "r")`, see [`super::declassify`];
//! * `set x = y` becomes `set x = _septum_value(y)`, see [`super::bounded`];
//! * `x ~ y` becomes `_septum_operand(x) ~ _septum_operand(y)`, and comparisons, keys and names of other templates get
//!   functions of their own, see [`super::operands`].
//!
//! No template can name an inner function: a name with their prefix is rejected wherever the engine would read one.
//! Nothing is replaced, so every position in the prepared text has one in the source.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::Token;

use super::fault::TemplateFault;
use super::inner_functions::{DECLASSIFY, Insertion, RESERVED};
use super::set_targets::{SetTargets, is_member};
use super::{masking, nesting, operands};
use crate::sort::sort_by_key;
use crate::template_tokens::{LexedTemplate, TagKind, TagToken, TemplateTag, lex_template};

/// Template as given to the engine.
#[derive(Debug)]
pub(super) struct PreparedTemplate<'t> {
    pub(super) text: Cow<'t, str>,
    /// Inserted texts, by position in the source.
    insertions: Vec<Insertion>,
}

impl PreparedTemplate<'_> {
    /// Range in the source of a range in the prepared text.
    pub(super) fn to_source(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.offset_in_source(range.start);
        start..self.offset_in_source(range.end).max(start)
    }

    fn offset_in_source(&self, offset: usize) -> usize {
        let mut inserted = 0;
        for &(at, ref text) in &self.insertions {
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
    if !may_need_changes(template) {
        return Ok(PreparedTemplate { text: Cow::Borrowed(template), insertions: Vec::new() });
    }
    prepare_with(template, SecretHandling::Used)
}

/// Prepares a template for a render without secrets, see [`super::masked`]. The values of `hidden` names are masked.
pub(super) fn prepare_masked<'t>(
    template: &'t str,
    hidden: &BTreeSet<String>,
) -> Result<PreparedTemplate<'t>, TemplateFault> {
    prepare_with(template, SecretHandling::Masked(hidden))
}

/// Handling of the values of expressions that read secrets.
#[derive(Clone, Copy)]
pub(super) enum SecretHandling<'h> {
    Used,
    Masked(&'h BTreeSet<String>),
}

fn prepare_with<'t>(template: &'t str, secrets: SecretHandling<'_>) -> Result<PreparedTemplate<'t>, TemplateFault> {
    let lexed = lex_template(template);
    nesting::check_nesting(&lexed)?;
    let insertions = find_insertions(&lexed, secrets)?;
    // the engine reports a text that cannot be read completely, and runs nothing of it
    let is_readable = lexed.is_complete && lexed.tags.iter().all(TemplateTag::is_balanced);
    if let (SecretHandling::Masked(_), false) = (secrets, is_readable) {
        return Err(TemplateFault::new(0..0, "the template cannot be parsed to its end", None));
    }
    if insertions.is_empty() || !is_readable {
        return Ok(PreparedTemplate { text: Cow::Borrowed(template), insertions: Vec::new() });
    }
    let inserted: usize = insertions.iter().map(|(_, text)| text.len()).sum();
    let mut text = String::with_capacity(template.len() + inserted);
    let mut done = 0;
    for &(at, ref insertion) in &insertions {
        text.push_str(template.get(done..at).unwrap_or_default());
        text.push_str(insertion);
        done = at;
    }
    text.push_str(template.get(done..).unwrap_or_default());
    Ok(PreparedTemplate { text: Cow::Owned(text), insertions })
}

/// Whether a template may contain a construct to change. A word that does not occur in the text is not a token of it.
fn may_need_changes(template: &str) -> bool {
    // signs of comparisons, subscripts and mappings
    nesting::may_be_deep(template)
        || template.bytes().any(|byte| b"~=<>[:+*".contains(&byte))
        || [DECLASSIFY, RESERVED, "set", "loop", "in", "extends", "import"].iter().any(|word| template.contains(word))
}

fn find_insertions(lexed: &LexedTemplate<'_>, secrets: SecretHandling<'_>) -> Result<Vec<Insertion>, TemplateFault> {
    let (mut found, mut opens, mut closes) = (Vec::new(), Vec::new(), Vec::new());
    let mut within = Vec::new();
    for tag in &lexed.tags {
        let (opened, closed) = operands::operand_calls(tag);
        opens.extend(opened);
        closes.extend(closed);
        if let SecretHandling::Masked(hidden) = secrets {
            masking::follow_scope(tag, &mut within);
            found.extend(masking::masking_calls(tag, hidden, &within));
        }
        for (index, token) in tag.tokens.iter().enumerate() {
            match &token.token {
                Token::Ident(name) if name.starts_with(RESERVED) => {
                    let message = "names that begin with `_septum_` are reserved";
                    return Err(TemplateFault::new(token.range.clone(), message, Some("use another name")));
                }
                Token::Ident(DECLASSIFY) if tag.is_closed && !is_member(&tag.tokens, index) => {
                    let call = super::declassify::check_call(&tag.tokens, index)?;
                    found.push((call, Cow::from("_septum_mark(), ")));
                }
                Token::Ident("loop") if !is_member(&tag.tokens, index) => check_loop(&tag.tokens, index)?,
                _ => {}
            }
        }
        if tag.keyword() == Some("set") && tag.is_closed {
            found.extend(bounded_values(tag, secrets));
        }
    }
    // an operand is nested in constructs that begin or end at the same position
    let mut found: Vec<_> = closes.into_iter().chain(found).chain(opens).collect();
    sort_by_key(&mut found, |(at, _)| *at);
    Ok(found)
}

/// Rejects `loop.changed`, which remembers values: a value given to it in one place reaches another. So `loop` may only
/// be used for its other fields, and to recurse into a nested list. `loop.cycle` of nothing makes the engine panic.
fn check_loop(tokens: &[TagToken<'_>], index: usize) -> Result<(), TemplateFault> {
    let after = |steps: usize| tokens.get(index + steps).map(|found| &found.token);
    let fault = |message, hint| {
        let range = tokens.get(index).map_or(0..0, |token| token.range.clone());
        Err(TemplateFault::new(range, message, Some(hint)))
    };
    match (after(1), after(2)) {
        (Some(Token::Dot), Some(Token::Ident("cycle"))) => match (after(3), after(4)) {
            (Some(Token::ParenOpen), Some(Token::ParenClose | Token::Mul | Token::Pow)) => {
                fault("`loop.cycle` requires values, without `*`", "write `loop.cycle(\"a\", \"b\")`")
            }
            (Some(Token::ParenOpen), _) => Ok(()),
            _ => fault("`loop.cycle` is a function", "write `loop.cycle(\"a\", \"b\")`"),
        },
        (Some(Token::Dot), Some(Token::Ident(field))) if *field != "changed" => Ok(()),
        (Some(Token::ParenOpen), _) => Ok(()),
        _ => fault(
            "`loop` can only be used for its fields, except `loop.changed`, which remembers values",
            "store the previous item in a field of a `namespace()`, and compare with that",
        ),
    }
}

/// Calls around the values that a `set` assigns to its targets.
fn bounded_values(tag: &TemplateTag<'_>, secrets: SecretHandling<'_>) -> Vec<Insertion> {
    let targets = SetTargets::of(tag);
    let Some(values) = &targets.values else {
        // `{% set x | filter %}…{% endset %}`
        let is_filtered = tag.top_level().any(|(_, found)| matches!(found.token, Token::Pipe));
        let end = tag.tokens.last().filter(|_| is_filtered).map(|last| last.range.end);
        let filter = if targets.has_field { " | _septum_field" } else { " | _septum_value" };
        let kept = matches!(secrets, SecretHandling::Masked(_)).then(|| masking::kept_filter(&targets)).flatten();
        return kept.into_iter().chain(end.map(|end| (end, Cow::from(filter)))).collect();
    };
    let call = if targets.has_field { "_septum_field(" } else { "_septum_value(" };
    let mut found = Vec::new();
    for value in values {
        let Some((first, last)) = value.first().zip(value.last()) else { continue };
        let open = match secrets {
            SecretHandling::Used => None,
            SecretHandling::Masked(hidden) => Some(masking::masking_calls_of_value(&targets, value, hidden)),
        };
        let (open, close) = open.unwrap_or_default();
        found.push((first.range.start, Cow::from(format!("{call}{open}"))));
        found.push((last.range.end, Cow::from(format!("{close})"))));
    }
    found
}

/// Range of the expression in a text that is a lone `{{ expression }}`.
pub(super) fn lone_expression(text: &str) -> Option<Range<usize>> {
    if !text.starts_with("{{") {
        return None;
    }
    let lexed = lex_template(text);
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
