//! Literal words of a template: the only part of it that may be shown.
//!
//! A secret may decide the parts of `data` and `vars` that a template reads, and the names that it computes. The names
//! that it *contains* follow from its text alone.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use minijinja::machinery::Token;

use super::engine::Engine;
use super::prepare::prepare;
use super::{ResolvedTarget, TemplateRead};
use crate::files::FileKind;
use crate::layer::{EntrySource, Tree, TreeKind};
use crate::name::{BundleName, EntryId};
use crate::template_tokens::{LexedTemplate, TagToken, is_import, lex_template, literal_text};

/// Part of a message that is shown only if it occurs in the template.
#[derive(Clone, Copy)]
pub(super) enum TemplateWord<'a> {
    /// Key of a read: `.KEY` or `["KEY"]`.
    Key(&'a str),
    /// Message of `required`.
    Message(&'a str),
}

impl<'a> TemplateWord<'a> {
    const KEY: char = 'k';
    const MESSAGE: char = 'm';

    /// Encodes the word as a part of a longer text.
    pub(super) fn pack(self) -> String {
        match self {
            Self::Key(key) => format!("{}{key}", Self::KEY),
            Self::Message(message) => format!("{}{message}", Self::MESSAGE),
        }
    }

    /// Decodes a packed word.
    pub(super) fn unpack(packed: &'a str) -> Option<Self> {
        let mut chars = packed.chars();
        match chars.next()? {
            Self::KEY => Some(Self::Key(chars.as_str())),
            Self::MESSAGE => Some(Self::Message(chars.as_str())),
            _ => None,
        }
    }

    /// Whether it occurs in a template in the role of such a word.
    pub(super) fn is_in(self, template: &str) -> bool {
        let lexed = lex_template(template);
        match self {
            Self::Key(key) => spells_key(&lexed, key),
            Self::Message(message) => required_messages(&lexed).any(|literal| literal == message),
        }
    }
}

/// Whether a template has a key after a dot, or by itself between quotes.
fn spells_key(lexed: &LexedTemplate<'_>, key: &str) -> bool {
    !key.is_empty() && lexed.token_suffixes().any(|tokens| match tokens {
        [dot, name, ..] if matches!((&dot.token, &name.token), (Token::Dot, Token::Ident(name)) if *name == key) => {
            true
        }
        [first, ..] => literal_text(&first.token) == Some(key),
        [] => false,
    })
}

/// Quoted messages of `required`.
fn required_messages<'s>(lexed: &'s LexedTemplate<'_>) -> impl Iterator<Item = &'s str> {
    lexed.token_suffixes().filter_map(required_of)
}

/// Message of `| required("…")`, if the tokens begin with that.
pub(super) fn required_message<'s>(tokens: &'s [TagToken<'_>]) -> Option<&'s str> {
    let (pipe, rest) = tokens.split_first()?;
    matches!(pipe.token, Token::Pipe).then(|| required_of(rest)).flatten()
}

/// Quoted text that is the only argument of `required`.
fn required_of<'s>(tokens: &'s [TagToken<'_>]) -> Option<&'s str> {
    let [name, open, message, close, ..] = tokens else { return None };
    let is_call = matches!(
        (&name.token, &open.token, &close.token),
        (Token::Ident("required"), Token::ParenOpen, Token::ParenClose)
    );
    literal_text(&message.token).filter(|_| is_call)
}

/// Quoted names of other templates in a template.
pub(super) fn included_templates(template: &str) -> Vec<String> {
    let tags = lex_template(template).tags;
    let imports = tags.iter().filter(|tag| tag.keyword().is_some_and(is_import));
    imports.filter_map(|tag| literal_text(&tag.tokens.get(1)?.token).map(str::to_owned)).collect()
}

/// Whether a template contains a name as a word: in an expression, or in quotes as for `map("trim")`.
pub(super) fn has_word(template: &str, name: &str) -> bool {
    let lexed = lex_template(template);
    lexed.find_paths(name).next().is_some() || lexed.token_suffixes().any(|tokens| is_literal(tokens, name))
}

fn is_literal(tokens: &[TagToken<'_>], text: &str) -> bool {
    tokens.first().is_some_and(|first| literal_text(&first.token) == Some(text))
}

/// Paths in a template, as far as they consist of names: `data.KEY`, `vars.list`. For `vars.list[0]` and `data["KEY"]`
/// it is the part before the bracket.
pub(super) fn named_paths(engine: &Engine, text: &str) -> HashSet<String> {
    // templates that nest too deep are skipped
    let Ok(source) = prepare(text) else { return HashSet::new() };
    let template = engine.environment.template_from_named_str("names", &source.text);
    template.map(|template| template.undeclared_variables(true)).unwrap_or_default()
}

/// Parts of `vars` that a template names. A template that uses others may read any part.
pub(super) fn named_variables(engine: &Engine, text: &str) -> Vec<String> {
    if lex_template(text).uses_others() {
        return vec![String::new()];
    }
    let below = |path: &String| path.strip_prefix("vars").map(|rest| rest.trim_start_matches('.').to_owned());
    named_paths(engine, text).iter().filter_map(below).collect()
}

/// Reads of an entry's templates, as they name them: sorted, each once.
pub fn template_uses(resolved: &ResolvedTarget, id: &EntryId) -> Vec<String> {
    let definition = &*resolved.definition;
    let Some(source) = definition.entry(id).and_then(|entry| entry.source.as_ref()) else { return Vec::new() };
    let is_read = resolved
        .entries
        .get(id)
        .is_some_and(|value| !value.lineage.reads.is_empty() || !value.lineage.declassified.is_empty());
    if !is_read {
        return Vec::new();
    }
    let mut texts = Vec::new();
    match &source.value {
        EntrySource::Value(scalar) => texts.push(scalar.text().to_owned()),
        EntrySource::Content(tree) | EntrySource::Registries(tree) => {
            tree.leaves("", &mut |_, _, scalar| texts.push(scalar.text().to_owned()));
        }
        EntrySource::Template(path) => {
            texts.extend(resolved.files.read_text(FileKind::Template, path).map(|source| source.text().to_owned()));
        }
        EntrySource::File(_) | EntrySource::Ref(_) => {}
    }
    let is_own = matches!(source.value, EntrySource::Registries(_));
    let bundle = if is_own { definition.own_bundle() } else { id.bundle.clone() };
    let named = NamedReads { resolved, bundle, engine: Engine::new(Arc::clone(&resolved.files)) };
    let mut found = BTreeSet::new();
    for text in &texts {
        named.collect(text, &mut found);
    }
    let is_known = |read: &TemplateRead| named.is_found(read, &found);
    let lineage = resolved.entries.get(id).map(|value| &value.lineage);
    // reads named in another file, or by a computed name
    let is_hidden = lineage.is_some_and(|lineage| !lineage.reads.iter().all(is_known));
    let is_elsewhere = texts.iter().any(|text| lex_template(text).uses_others());
    found.extend((is_hidden && is_elsewhere && !lineage.is_some_and(|lineage| lineage.secret)).then(|| "…".to_owned()));
    found.into_iter().collect()
}

struct NamedReads<'r> {
    resolved: &'r ResolvedTarget,
    bundle: BundleName,
    engine: Arc<Engine>,
}

impl NamedReads<'_> {
    fn collect(&self, text: &str, found: &mut BTreeSet<String>) {
        let lexed = &lex_template(text);
        let definition = &*self.resolved.definition;
        for path in named_paths(&self.engine, text) {
            let mut steps = path.split('.');
            match (steps.next(), steps.next(), steps.next()) {
                (Some("data"), key, _) => self.entry(&self.bundle, key, "data", lexed, found),
                (Some("bundles"), Some(bundle), key) => {
                    self.entry(&bundle.into(), key, &format!("bundles.{bundle}"), lexed, found);
                }
                (Some("bundles"), None, _) => drop(found.insert("bundles[…]".to_owned())),
                (Some("vars"), _, _) => {
                    let below = path.strip_prefix("vars").unwrap_or_default().trim_start_matches('.');
                    if let Some(tree) = definition.vars.as_ref().and_then(|vars| part_at(vars, below)) {
                        collect_structure(tree, &path, lexed, found);
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds an entry, or the entries of a bundle that occur in brackets.
    fn entry(
        &self,
        bundle: &BundleName,
        key: Option<&str>,
        path: &str,
        lexed: &LexedTemplate<'_>,
        found: &mut BTreeSet<String>,
    ) {
        let definition = &*self.resolved.definition;
        let Some(entries) = definition.bundles.get(bundle).map(|bundle| &bundle.entries) else { return };
        let label = |key: &str| definition.label(&EntryId { bundle: bundle.clone(), key: key.into() });
        match key {
            Some(key) => found.extend(entries.contains_key(key).then(|| label(key))),
            None => {
                let keys = entries.keys().map(crate::name::KeyName::as_str);
                let mut named = keys.filter(|key| in_brackets(lexed, path, key)).map(label).peekable();
                match named.peek() {
                    Some(_) => found.extend(named),
                    None => drop(found.insert(format!("{path}[…]"))),
                }
            }
        }
    }

    fn is_found(&self, read: &TemplateRead, found: &BTreeSet<String>) -> bool {
        let label = match read {
            TemplateRead::Entry(id) => self.resolved.definition.label(id),
            TemplateRead::Variable(path) => format!("vars.{path}"),
        };
        found.contains(&label)
    }
}

/// Part of a structure that a path of keys leads to, or the value it ends at.
fn part_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(tree, |tree, step| tree.get(step))
}

/// Adds a variable, or the parts of a structure that occur in brackets, or the structure if it is read as a whole.
fn collect_structure(tree: &Tree, path: &str, lexed: &LexedTemplate<'_>, found: &mut BTreeSet<String>) {
    let TreeKind::Map(map) = &tree.kind else {
        let is_list = matches!(tree.kind, TreeKind::List(_));
        found.insert(if is_list { format!("{path}[…]") } else { path.to_owned() });
        return;
    };
    let mut named = map.iter().filter(|(key, _)| in_brackets(lexed, path, key)).peekable();
    if named.peek().is_none() {
        found.insert(format!("{path}[…]"));
    }
    for (key, below) in named {
        collect_structure(below, &crate::layer::tree::join_path(path, key), lexed, found);
    }
}

/// Whether a template contains `path["key"]`.
fn in_brackets(lexed: &LexedTemplate<'_>, path: &str, key: &str) -> bool {
    lexed.find_paths(path).any(|(_, rest)| match rest {
        [open, inside, close, ..] => {
            let is_closed = matches!((&open.token, &close.token), (Token::BracketOpen, Token::BracketClose));
            is_closed && literal_text(&inside.token) == Some(key)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_only_where_it_is_meant() {
        for (word, template, expected) in [
            (TemplateWord::Key("HOST"), "{{ data.HOST }}", true),
            (TemplateWord::Key("HOST"), "{{ data[\"HOST\"] }}", true),
            (TemplateWord::Key("HOST"), "{{ data.HOSTNAME }} HOST", false),
            (TemplateWord::Key("7"), "{{ data[vars.x] }} 7", false),
            (TemplateWord::Key(""), "{{ data[''] }}", false),
            (TemplateWord::Message("set it"), "{{ x | required(\"set it\") }}", true),
            (TemplateWord::Message("set it"), "{{ x | required( 'set it' ) }}", true),
            (TemplateWord::Message("set it"), "{{ x | required('set it' ~ y) }}", false),
            (TemplateWord::Message("set it"), "{# required('set it') #}{{ \"required('set it')\" }}", false),
            (TemplateWord::Key("HOST"), "{% raw %}{{ data.HOST }}{% endraw %}", false),
            (TemplateWord::Message("1"), "{{ x | required(data.PIN[:1]) }} \"1\"", false),
        ] {
            assert_eq!(word.is_in(template), expected, "{template}");
            assert!(TemplateWord::unpack(&word.pack()).is_some_and(|word| word.is_in(template) == expected));
        }
    }
}
