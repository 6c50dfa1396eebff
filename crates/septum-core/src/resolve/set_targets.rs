//! Names in tags: which of them are members, and what a `set` gives values to.

use minijinja::machinery::Token;

use crate::template_tokens::{TagToken, TemplateTag};

/// Whether a name is an attribute, a filter or a test, and so not a name of the scope.
pub(super) fn is_member(tokens: &[TagToken<'_>], index: usize) -> bool {
    let before = |back: usize| index.checked_sub(back).and_then(|at| tokens.get(at)).map(|found| &found.token);
    match before(1) {
        Some(Token::Dot | Token::Pipe | Token::Ident("is")) => true,
        Some(Token::Ident("not")) => matches!(before(2), Some(Token::Ident("is"))),
        _ => false,
    }
}

/// Targets that a `set` assigns to.
pub(super) struct SetTargets<'s, 't> {
    pub(super) tokens: &'s [TagToken<'t>],
    /// Whether a field of a namespace is among them.
    pub(super) has_field: bool,
    /// Values, unless the text up to `endset` is the value.
    pub(super) values: Option<Vec<&'s [TagToken<'t>]>>,
}

impl<'s, 't> SetTargets<'s, 't> {
    pub(super) fn of(tag: &'s TemplateTag<'t>) -> Self {
        let top: Vec<_> = tag.top_level().collect();
        let assign = top.iter().find(|(_, found)| matches!(found.token, Token::Assign)).map(|(index, _)| *index);
        let before = tag.tokens.get(1..assign.unwrap_or(tag.tokens.len())).unwrap_or_default();
        let end = before.iter().position(|found| matches!(found.token, Token::Pipe)).unwrap_or(before.len());
        let tokens = before.get(..end).unwrap_or_default();
        let has_field = tokens.iter().any(|found| matches!(found.token, Token::Dot));
        let values = assign.map(|assign| {
            let commas = top.iter().filter(|(index, found)| *index > assign && matches!(found.token, Token::Comma));
            let mut ends: Vec<_> = commas.map(|(index, _)| *index).collect();
            ends.push(tag.tokens.len());
            let mut start = assign + 1;
            let parts = ends.into_iter().filter_map(|end| tag.tokens.get(std::mem::replace(&mut start, end + 1)..end));
            parts.filter(|part| !part.is_empty()).collect()
        });
        Self { tokens, has_field, values }
    }
}
