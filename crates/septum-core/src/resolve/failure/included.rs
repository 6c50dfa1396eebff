//! Files that are rendered whenever a template is: those that it includes or extends by name, outside of any block.

use minijinja::machinery::Token;

use super::origin::TemplateOrigin;
use crate::files::FileKind;
use crate::map::HashSet;
use crate::resolve::context::ResolveContext;
use crate::resolve::engine;
use crate::span::Source;
use crate::template_tokens::{LexedTemplate, TagKind, TemplateTag, lex_template, literal_text};

/// Maximum number of files that are searched.
const MAX_FILES: usize = 64;

/// File that is part of a template.
pub(super) struct IncludedPart {
    pub(super) source: Source,
    /// Names that the templates around it may bind.
    pub(super) bound: HashSet<String>,
}

/// The files that a template certainly includes, in the order of its text, each once.
pub(super) fn included_parts(context: &ResolveContext, origin: &TemplateOrigin<'_>) -> Vec<IncludedPart> {
    let mut found = Vec::new();
    collect_parts(context, origin.text(), origin.name(), &HashSet::default(), &mut found);
    found
}

fn collect_parts(
    context: &ResolveContext,
    text: &str,
    name: &str,
    outer: &HashSet<String>,
    found: &mut Vec<IncludedPart>,
) {
    let (lexed, none) = (lex_template(text), HashSet::default());
    let bound: HashSet<_> = bound_names(&lexed).into_iter().chain(outer.iter().cloned()).collect();
    for included in outer_tags(&lexed, &none).filter(|tag| !decides(tag)).filter_map(named_include) {
        let path = engine::join(included, name);
        if found.len() == MAX_FILES || found.iter().any(|known| known.source.name() == path) {
            continue;
        }
        let files = &context.engine.files;
        // one that cannot be read is an error of its own
        let Ok(source) = files.read_text(FileKind::Include, &files.root().join(&path)) else { continue };
        found.push(IncludedPart { source: source.clone(), bound: bound.clone() });
        collect_parts(context, source.text(), &path, &bound, found);
    }
}

/// The quoted name of a template that a statement renders in the same scope, or whose statements it runs.
pub(super) fn named_include<'s>(tag: &'s TemplateTag<'_>) -> Option<&'s str> {
    let is_part = matches!(tag.keyword(), Some("include" | "extends" | "import" | "from"));
    let is_apart = || tag.tokens.iter().any(|found| matches!(found.token, Token::Ident("without")));
    literal_text(&tag.tokens.get(1)?.token).filter(|_| is_part && !is_apart())
}

/// Whether parts of a tag may not be evaluated, or may be undefined.
pub(super) fn decides(tag: &TemplateTag<'_>) -> bool {
    let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
    let is_decision = |index: usize| match (index.checked_sub(1).and_then(token), token(index)) {
        (Some(Token::Dot), _) => false,
        (Some(Token::Pipe), Some(Token::Ident(filter))) => matches!(*filter, "d" | "default" | "select" | "reject"),
        (_, Some(Token::Ident(word))) => matches!(*word, "if" | "else" | "and" | "or" | "defined" | "undefined"),
        _ => false,
    };
    (0..tag.tokens.len()).any(is_decision)
}

/// The tags that are in no block, and those of the macros among `called` that are in no other block.
pub(super) fn outer_tags<'l, 't>(
    lexed: &'l LexedTemplate<'t>,
    called: &'l HashSet<String>,
) -> impl Iterator<Item = &'l TemplateTag<'t>> {
    let mut depth = 0usize;
    lexed.tags.iter().filter(move |tag| {
        if tag.kind == TagKind::Expression {
            return depth == 0;
        }
        let is_assigned = || tag.tokens.iter().any(|token| matches!(token.token, Token::Assign));
        match tag.tokens.first().map(|token| &token.token) {
            Some(Token::Ident("else" | "elif")) => return false,
            Some(Token::Ident("include" | "import" | "from" | "extends" | "do")) | None => {}
            Some(Token::Ident("set")) if is_assigned() => {}
            Some(Token::Ident("macro")) if depth == 0 && macro_name(tag).is_some_and(|name| called.contains(name)) => {}
            Some(Token::Ident(word)) if word.starts_with("end") => {
                depth = depth.saturating_sub(1);
                return false;
            }
            Some(_) => {
                depth += 1;
                return depth == 1;
            }
        }
        depth == 0
    })
}

/// Name of the macro that a statement defines.
pub(super) fn macro_name<'s>(tag: &'s TemplateTag<'_>) -> Option<&'s str> {
    match tag.tokens.get(..2)? {
        [word, name] => match (&word.token, &name.token) {
            (Token::Ident("macro"), Token::Ident(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Names that a tag calls: `line(…)`, `macros.line(…)`.
pub(super) fn called_names<'s>(tag: &'s TemplateTag<'_>) -> impl Iterator<Item = &'s str> {
    let token = |index: usize| tag.tokens.get(index).map(|found| &found.token);
    (0..tag.tokens.len()).filter_map(move |index| match (token(index), token(index + 1)) {
        (Some(Token::Ident(name)), Some(Token::ParenOpen)) => {
            let is_filter = index.checked_sub(1).and_then(token).is_some_and(|before| matches!(before, Token::Pipe));
            (!is_filter).then_some(*name)
        }
        _ => None,
    })
}

/// Names to which a statement may give a value of their own, wherever that is valid.
pub(in crate::resolve) fn bound_names(lexed: &LexedTemplate<'_>) -> HashSet<String> {
    let binds = |tag: &&TemplateTag<'_>| {
        matches!(tag.keyword(), Some("set" | "for" | "with" | "macro" | "call" | "import" | "from"))
    };
    let target = |tag: &TemplateTag<'_>, index: usize| {
        let is_dot = |index: Option<usize>| {
            index.and_then(|index| tag.tokens.get(index)).is_some_and(|found| matches!(found.token, Token::Dot))
        };
        match tag.tokens.get(index).map(|found| &found.token) {
            Some(Token::Ident(name)) if !is_dot(index.checked_sub(1)) && !is_dot(Some(index + 1)) => {
                Some((*name).to_owned())
            }
            _ => None,
        }
    };
    lexed
        .tags
        .iter()
        .filter(binds)
        .flat_map(|tag| (0..tag.tokens.len()).filter_map(move |index| target(tag, index)))
        .collect()
}
