//! Templates as the engine reads them: its own tokens, each with its position.
//!
//! Where a tag ends, what is a text in quotes, what is raw and what a comment, only the engine's lexer
//! says. Whoever looks for something in a template looks here.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// Settings of the lexer that the engine uses too.
pub(super) fn syntax() -> SyntaxConfig {
    // a file that ends with a line feed gives a value that does
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

/// What encloses a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
}

/// A tag of a template.
#[derive(Debug)]
pub(super) struct TemplateTag<'t> {
    pub(super) kind: TagKind,
    /// Its brackets, and what they enclose.
    pub(super) range: Range<usize>,
    /// What is between the brackets.
    pub(super) tokens: Vec<TagToken<'t>>,
    /// Whether the closing bracket is there.
    pub(super) is_closed: bool,
}

/// A token within a tag.
#[derive(Debug)]
pub(super) struct TagToken<'t> {
    pub(super) token: Token<'t>,
    pub(super) range: Range<usize>,
}

/// All tags of a template, as far as the engine can read it.
#[derive(Debug)]
pub(super) struct LexedTemplate<'t> {
    pub(super) tags: Vec<TemplateTag<'t>>,
    /// Whether the engine can read it to its end.
    pub(super) is_complete: bool,
}

/// Splits a template into its tags.
pub(super) fn lex(template: &str) -> LexedTemplate<'_> {
    let mut tags: Vec<TemplateTag<'_>> = Vec::new();
    for found in tokenize(template, false, syntax()) {
        let Ok((token, span)) = found else { return LexedTemplate { tags, is_complete: false } };
        let range = span.start_offset as usize..span.end_offset as usize;
        let kind = match token {
            Token::TemplateData(_) => continue,
            Token::VariableStart => TagKind::Expression,
            Token::BlockStart => TagKind::Statement,
            Token::VariableEnd | Token::BlockEnd => {
                if let Some(tag) = tags.last_mut() {
                    tag.range.end = range.end;
                    tag.is_closed = true;
                }
                continue;
            }
            token => {
                if let Some(tag) = tags.last_mut() {
                    tag.range.end = range.end;
                    tag.tokens.push(TagToken { token, range });
                }
                continue;
            }
        };
        tags.push(TemplateTag { kind, range, tokens: Vec::new(), is_closed: false });
    }
    LexedTemplate { tags, is_complete: true }
}

impl<'t> TemplateTag<'t> {
    /// The word that a statement begins with.
    pub(super) fn keyword(&self) -> Option<&'t str> {
        match (self.kind, &self.tokens.first()?.token) {
            (TagKind::Statement, Token::Ident(word)) => Some(*word),
            _ => None,
        }
    }

    /// Its tokens that are in no bracket, with their indices.
    pub(super) fn top_level(&self) -> impl Iterator<Item = (usize, &TagToken<'t>)> {
        let mut depth = 0_usize;
        self.tokens.iter().enumerate().filter(move |(_, found)| {
            let before = depth;
            match change_of_depth(&found.token) {
                1 => depth += 1,
                -1 => depth = depth.saturating_sub(1),
                _ => {}
            }
            before == 0 || depth == 0
        })
    }
}

/// By how many brackets what follows a token is deeper.
pub(super) fn change_of_depth(token: &Token<'_>) -> i8 {
    match token {
        Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => 1,
        Token::ParenClose | Token::BracketClose | Token::BraceClose => -1,
        _ => 0,
    }
}
