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
    /// What is printed as it stands.
    pub(super) texts: Vec<&'t str>,
    /// Whether the engine can read it to its end.
    pub(super) is_complete: bool,
}

/// Splits a template into its tags.
pub(super) fn lex(template: &str) -> LexedTemplate<'_> {
    let (mut tags, mut texts) = (Vec::<TemplateTag<'_>>::new(), Vec::new());
    for found in tokenize(template, false, syntax()) {
        let Ok((token, span)) = found else { return LexedTemplate { tags, texts, is_complete: false } };
        let range = span.start_offset as usize..span.end_offset as usize;
        let kind = match token {
            Token::TemplateData(text) => {
                texts.push(text);
                continue;
            }
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
    LexedTemplate { tags, texts, is_complete: true }
}

impl<'t> LexedTemplate<'t> {
    /// All tokens with those that follow them in their tag.
    pub(super) fn suffixes(&self) -> impl Iterator<Item = &[TagToken<'t>]> {
        self.tags.iter().flat_map(|tag| (0..tag.tokens.len()).filter_map(|index| tag.tokens.get(index..)))
    }

    /// Where a path of names stands, with what follows it in its tag. A part of a longer path it may only begin.
    pub(super) fn paths<'s>(&'s self, path: &'s str) -> impl Iterator<Item = (Range<usize>, &'s [TagToken<'t>])> {
        self.tags.iter().flat_map(move |tag| {
            let is_start = |index: &usize| {
                let before = index.checked_sub(1).and_then(|before| tag.tokens.get(before));
                !before.is_some_and(|before| matches!(before.token, Token::Dot))
            };
            (0..tag.tokens.len()).filter(is_start).filter_map(|index| path_at(tag.tokens.get(index..)?, path))
        })
    }

    /// Whether a key of a mapping, with indices behind it, stands in the text between the tags.
    pub(super) fn prints(&self, part: &str) -> bool {
        let key = part.split('[').next().unwrap_or_default();
        let of_key = |char: char| char.is_alphanumeric() || "_-./".contains(char);
        self.texts.iter().any(|text| text.split(|char| !of_key(char)).any(|word| word == key))
    }

    /// Whether it uses other templates.
    pub(super) fn uses_others(&self) -> bool {
        self.tags.iter().any(|tag| tag.keyword().is_some_and(is_import))
    }
}

/// Whether a statement with this keyword names another template.
pub(super) fn is_import(keyword: &str) -> bool {
    matches!(keyword, "include" | "import" | "from" | "extends")
}

/// The place of a path that tokens begin with, and what follows.
fn path_at<'s, 't>(tokens: &'s [TagToken<'t>], path: &str) -> Option<(Range<usize>, &'s [TagToken<'t>])> {
    let mut rest = tokens;
    for (index, name) in path.split('.').enumerate() {
        if index > 0 {
            rest = rest.split_first().filter(|(first, _)| matches!(first.token, Token::Dot))?.1;
        }
        rest = rest.split_first().filter(|(first, _)| matches!(first.token, Token::Ident(found) if found == name))?.1;
    }
    let last = tokens.get(tokens.len() - rest.len() - 1)?;
    Some((tokens.first()?.range.start..last.range.end, rest))
}

impl<'t> TemplateTag<'t> {
    /// The word that a statement begins with.
    pub(super) fn keyword(&self) -> Option<&'t str> {
        match (self.kind, &self.tokens.first()?.token) {
            (TagKind::Statement, Token::Ident(word)) => Some(*word),
            _ => None,
        }
    }

    /// Whether each bracket has its counterpart. Where the engine looks for the end of a tag follows from how many are
    /// open, so that nothing can be inserted where more are closed than opened; it refuses those by itself.
    pub(super) fn is_balanced(&self) -> bool {
        let mut depth = 0_i32;
        let is_open = |found: &TagToken<'_>| {
            depth += i32::from(change_of_depth(&found.token));
            depth >= 0
        };
        self.tokens.iter().all(is_open) && depth == 0
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

/// What a text in quotes says.
pub(super) fn literal_text<'s>(token: &'s Token<'_>) -> Option<&'s str> {
    match token {
        Token::Str(text) => Some(text),
        Token::String(text) => Some(text),
        _ => None,
    }
}
