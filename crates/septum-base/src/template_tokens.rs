//! Templates as the engine reads them: its own tokens, each with its position.
//!
//! Only the engine's lexer decides where a tag ends and which text is quoted, raw or a comment. Every search in a
//! template uses this module.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use crate::test_hook;

/// Settings of the lexer that the engine uses too.
pub fn lexer_syntax() -> SyntaxConfig {
    // a file that ends with a line feed gives a value that does
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

/// Kind of the brackets that enclose a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
}

/// A tag of a template.
#[derive(Debug)]
pub struct TemplateTag<'t> {
    /// Kind of its brackets.
    pub kind: TagKind,
    /// Its brackets, and their content.
    pub range: Range<usize>,
    /// Tokens between the brackets.
    pub tokens: Vec<TagToken<'t>>,
    /// Whether the closing bracket exists.
    pub is_closed: bool,
}

/// A token within a tag.
#[derive(Debug)]
pub struct TagToken<'t> {
    /// Token as the engine reads it.
    pub token: Token<'t>,
    /// Bytes of the token in the template.
    pub range: Range<usize>,
}

/// All tags of a template, as far as the engine can read it.
#[derive(Debug)]
pub struct LexedTemplate<'t> {
    /// Tags in the order of the template.
    pub tags: Vec<TemplateTag<'t>>,
    /// Literal texts, printed unchanged.
    pub texts: Vec<&'t str>,
    /// Whether the engine can read it to its end.
    pub is_complete: bool,
}

/// A name in a template with the keys behind it: `data.KEY`, `bundles["NAME"].KEY`.
#[derive(Debug)]
pub struct TemplatePath<'t> {
    /// The name.
    pub root: &'t str,
    /// Bytes of the name in the template.
    pub range: Range<usize>,
    /// Literal keys behind it.
    pub steps: Vec<TemplateStep>,
}

/// A literal key behind a name.
#[derive(Debug)]
pub struct TemplateStep {
    /// The key.
    pub key: String,
    /// Bytes of the key in the template, with its dot or brackets.
    pub range: Range<usize>,
}

/// Whether a text has to be rendered.
pub fn is_template(text: &str) -> bool {
    // of most texts, this is all that is read
    let Some(first) = memchr::memchr(b'{', text.as_bytes()) else { return false };
    let rest = text.get(first..).unwrap_or_default();
    rest.contains("{{") || rest.contains("{%")
}

/// Whether the text of a key such as `alert.tmpl` is a template of Go, which another program renders: it has syntax
/// of those (`{{ .Status }}`, `{{ define "title" }}`), and no names that templates have here.
pub fn is_of_go(key: &str, text: &str) -> bool {
    let is_named = [".gotmpl", ".tmpl", ".tpl"].iter().any(|ending| key.ends_with(ending));
    if !is_named || text.contains("{%") {
        return false;
    }
    let tags = || text.split("{{").skip(1).map(|tag| tag.split("}}").next().unwrap_or(tag));
    tags().any(is_go_tag) && !tags().any(names_scope)
}

/// Whether the content of a tag can only be Go's: a field, a variable, a statement.
fn is_go_tag(tag: &str) -> bool {
    let tag = tag.trim_start_matches('-').trim_start();
    let word = tag.split(|char: char| !char.is_ascii_alphabetic()).next().unwrap_or_default();
    let statements = ["block", "define", "else", "end", "if", "range", "template", "with"];
    tag.starts_with(['.', '$']) || tag.starts_with("/*") || statements.contains(&word)
}

/// Whether a tag uses a name of the templates here: `data.KEY`. `.data` is a field of Go.
fn names_scope(tag: &str) -> bool {
    ["app", "bundles", "data", "env", "vars"].iter().any(|scope| {
        tag.match_indices(scope).any(|(at, _)| {
            let before = tag.get(..at).and_then(|before| before.chars().next_back());
            let is_begun = before.is_none_or(|char| !(char.is_alphanumeric() || "._$\"".contains(char)));
            is_begun && tag.get(at + scope.len()..).is_some_and(|after| after.starts_with(['.', '[']))
        })
    })
}

/// The parts of a template that are not literal text: tags, comments, and the marks of raw blocks, without the blanks
/// around them. Text that the engine cannot read is literal, since nothing of it is ever replaced.
pub fn tag_ranges(template: &str) -> Vec<Range<usize>> {
    if !is_template(template) {
        return Vec::new();
    }
    let lexed = lex_template(template);
    let unclosed = lexed.tags.last().filter(|tag| !tag.is_closed).map(|tag| tag.range.start);
    let texts: Vec<_> = lexed.texts.iter().filter_map(|text| range_within(template, text)).collect();
    let read = texts.iter().map(|text| text.end).chain(lexed.tags.iter().map(|tag| tag.range.end)).max();
    let end = match (unclosed, lexed.is_complete) {
        (Some(start), _) => start,
        (None, true) => template.len(),
        (None, false) => read.unwrap_or_default(),
    };
    let starts = std::iter::once(0).chain(texts.iter().map(|text| text.end));
    let ends = texts.iter().map(|text| text.start).chain([end]);
    let gaps = starts.zip(ends).map(|(start, end)| without_blanks(template, start, end));
    gaps.filter(|gap| !gap.is_empty()).collect()
}

/// Whether each tag, comment and raw block of a text ends on the line that it begins on.
pub fn has_whole_tags(text: &str) -> bool {
    test_hook::count_work(text.len());
    let has_marks = |line: &&str| is_template(line) || line.contains("{#");
    text.lines().filter(has_marks).all(|line| {
        let lexed = lex_template(line);
        lexed.is_complete && lexed.tags.iter().all(|tag| tag.is_closed)
    })
}

/// Location of a part of a text.
fn range_within(text: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    (text.get(range.clone()) == Some(part)).then_some(range)
}

/// A range of a text without the blanks at its ends.
fn without_blanks(text: &str, start: usize, end: usize) -> Range<usize> {
    let inside = text.get(start..end).unwrap_or_default();
    let start = start + inside.len() - inside.trim_start().len();
    start..start + inside.trim().len()
}

/// Splits a template into its tags.
pub fn lex_template(template: &str) -> LexedTemplate<'_> {
    let (mut tags, mut texts) = (Vec::<TemplateTag<'_>>::new(), Vec::new());
    for found in tokenize(template, false, lexer_syntax()) {
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
    pub fn token_suffixes(&self) -> impl Iterator<Item = &[TagToken<'t>]> {
        self.tags.iter().flat_map(|tag| (0..tag.tokens.len()).filter_map(|index| tag.tokens.get(index..)))
    }

    /// Finds each occurrence of a path of names, with the tokens that follow it in its tag. Within a longer path,
    /// it matches only at the beginning.
    pub fn find_paths<'s>(&'s self, path: &'s str) -> impl Iterator<Item = (Range<usize>, &'s [TagToken<'t>])> {
        self.tags.iter().flat_map(move |tag| {
            let is_start = |index: &usize| {
                let before = index.checked_sub(1).and_then(|before| tag.tokens.get(before));
                !before.is_some_and(|before| matches!(before.token, Token::Dot))
            };
            (0..tag.tokens.len()).filter(is_start).filter_map(|index| path_at(tag.tokens.get(index..)?, path))
        })
    }

    /// All names of values with the literal keys behind them. Names of filters, functions and arguments are not
    /// values.
    pub fn value_paths(&self) -> Vec<TemplatePath<'t>> {
        let of_tag = |tag: &TemplateTag<'t>| {
            let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
            let is_value = |index: usize| {
                let before = index.checked_sub(1).and_then(token);
                !matches!(before, Some(Token::Dot | Token::Pipe))
                    && !matches!(token(index + 1), Some(Token::Assign | Token::ParenOpen))
            };
            let path = |index: usize| match tag.tokens.get(index) {
                Some(TagToken { token: Token::Ident(root), range }) if is_value(index) => {
                    let steps = literal_steps(tag.tokens.get(index + 1..).unwrap_or_default());
                    Some(TemplatePath { root, range: range.clone(), steps })
                }
                _ => None,
            };
            (0..tag.tokens.len()).filter_map(path).collect::<Vec<_>>()
        };
        self.tags.iter().flat_map(of_tag).collect()
    }

    /// Whether a key of a mapping, with indices behind it, is in the text between the tags.
    pub fn prints_key(&self, part: &str) -> bool {
        let key = part.split('[').next().unwrap_or_default();
        let of_key = |char: char| char.is_alphanumeric() || "_-./".contains(char);
        self.texts.iter().any(|text| text.split(|char| !of_key(char)).any(|word| word == key))
    }

    /// Whether it includes other templates.
    pub fn uses_others(&self) -> bool {
        self.tags.iter().any(|tag| tag.keyword().is_some_and(is_import))
    }
}

/// Statements that enclose everything up to their end.
const BLOCKS: [&str; 9] = ["if", "for", "macro", "filter", "with", "block", "call", "set", "autoescape"];

impl<'t> LexedTemplate<'t> {
    /// The last statement that encloses its following text, and has no end.
    pub fn unclosed_block(&self) -> Option<(&'static str, &TemplateTag<'t>)> {
        let mut open: Vec<(&'static str, &TemplateTag<'t>)> = Vec::new();
        for tag in &self.tags {
            let Some(keyword) = tag.keyword() else { continue };
            if let Some(closed) = keyword.strip_prefix("end") {
                if open.last().is_some_and(|(last, _)| *last == closed) {
                    open.pop();
                }
                continue;
            }
            let assigns = keyword == "set" && tag.tokens.iter().any(|found| matches!(found.token, Token::Assign));
            let block = BLOCKS.into_iter().find(|block| *block == keyword && !assigns);
            open.extend(block.map(|block| (block, tag)));
        }
        open.pop()
    }
}

/// Whether a statement with this keyword names another template.
pub fn is_import(keyword: &str) -> bool {
    matches!(keyword, "include" | "import" | "from" | "extends")
}

/// The literal keys that tokens begin with.
fn literal_steps(tokens: &[TagToken<'_>]) -> Vec<TemplateStep> {
    let mut steps = Vec::new();
    let mut rest = tokens;
    loop {
        let (key, taken) = match rest {
            [dot, name, ..] if matches!(dot.token, Token::Dot) => match name.token {
                Token::Ident(key) => (key.to_owned(), 2),
                _ => return steps,
            },
            [open, text, close, ..]
                if matches!((&open.token, &close.token), (Token::BracketOpen, Token::BracketClose)) =>
            {
                match literal_text(&text.token) {
                    Some(key) => (key.to_owned(), 3),
                    None => return steps,
                }
            }
            _ => return steps,
        };
        let (step, after) = rest.split_at(taken);
        if let [first, .., last] = step {
            steps.push(TemplateStep { key, range: first.range.start..last.range.end });
        }
        rest = after;
    }
}

/// The location of a path that tokens begin with, and the rest.
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
    /// Whether it contains names and signs alone: no text, no number.
    pub fn is_of_names(&self) -> bool {
        let is_value = |found: &TagToken<'_>| {
            matches!(found.token, Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_))
        };
        self.is_closed && !self.tokens.iter().any(is_value)
    }

    /// The word that a statement begins with.
    pub fn keyword(&self) -> Option<&'t str> {
        match (self.kind, &self.tokens.first()?.token) {
            (TagKind::Statement, Token::Ident(word)) => Some(*word),
            _ => None,
        }
    }

    /// Whether each bracket has its counterpart. The engine finds the end of a tag by the number of open brackets, so
    /// that nothing can be inserted where more are closed than opened; it rejects such templates by itself.
    pub fn is_balanced(&self) -> bool {
        let mut depth = 0_i32;
        let is_open = |found: &TagToken<'_>| {
            depth += i32::from(change_of_depth(&found.token));
            depth >= 0
        };
        self.tokens.iter().all(is_open) && depth == 0
    }

    /// Its tokens that are outside of brackets, with their indices.
    pub fn top_level(&self) -> impl Iterator<Item = (usize, &TagToken<'t>)> {
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

/// Change of the bracket depth after a token.
pub fn change_of_depth(token: &Token<'_>) -> i8 {
    match token {
        Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => 1,
        Token::ParenClose | Token::BracketClose | Token::BraceClose => -1,
        _ => 0,
    }
}

/// Contents of a quoted text.
pub fn literal_text<'s>(token: &'s Token<'_>) -> Option<&'s str> {
    match token {
        Token::Str(text) => Some(text),
        Token::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_go_over_lines_are_noticed() {
        for (text, expected) in [
            ("", true),
            ("{{ x }}\n{% if y %}z{% endif %}\n{# c #}\n{% raw %}{{ x }}{% endraw %}", true),
            ("{% raw %}\n{{ hunter2 }}\n{% endraw %}", false),
            ("{#\n{{ hunter2 }}\n#}", false),
            ("{{ '\n{{ hunter2 }}\n' }}", false),
            ("{{ x\n}}", false),
        ] {
            assert_eq!(has_whole_tags(text), expected, "{text}");
        }
    }
}
