//! Literal words of a template: the only part of it that may be shown.
//!
//! A secret may decide the parts of `data` and `vars` that a template reads, and the names that it computes. The names
//! that it *contains* follow from its text alone.

use minijinja::Environment;
use minijinja::machinery::Token;

use super::fault::TemplateWord;
use super::prepare::prepare;
use crate::map::HashSet;
use crate::span::Source;
use crate::template_tokens::{LexedTemplate, TagToken, is_import, lex_template, literal_text};

/// Whether a word stands in a template, where such a word is meant.
pub(super) fn has_template_word(template: &str, word: &TemplateWord) -> bool {
    let lexed = lex_template(template);
    match word {
        TemplateWord::Key(key) => spells_key(&lexed, key),
        TemplateWord::Message(message) => required_messages(&lexed).any(|literal| literal == message),
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
pub(super) fn named_paths(environment: &Environment<'static>, text: &str) -> HashSet<String> {
    // templates that nest too deep are skipped
    let Ok(source) = prepare(text) else { return HashSet::default() };
    let template = environment.template_from_named_str("names", &source.text);
    template.map(|template| template.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
}

/// Parts of `vars` that a template names; `None` if it uses others, which may read more.
pub(super) fn named_variables(environment: &Environment<'static>, text: &str) -> Option<Vec<String>> {
    if lex_template(text).uses_others() {
        return None;
    }
    let below = |path: &String| path.strip_prefix("vars").map(|rest| rest.trim_start_matches('.').to_owned());
    Some(named_paths(environment, text).iter().filter_map(below).collect())
}

/// Parts of `vars` that a template of a file, or what it includes, may read: all that their texts name. `None` if they
/// may read any, because they compute a name, use `vars` as a whole, or cannot be read to their end.
pub(super) fn possible_variables(
    text: &str,
    file: &str,
    read: &dyn Fn(&str, &str) -> Option<Source>,
) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut seen = HashSet::default();
    let mut open = vec![(file.to_owned(), text.to_owned())];
    while let Some((file, text)) = open.pop() {
        let lexed = lex_template(&text);
        if !lexed.is_complete && text.contains("vars") {
            return None;
        }
        for path in lexed.value_paths().iter().filter(|path| path.root == "vars") {
            let steps: Vec<_> = path.steps.iter().map(|step| step.key.as_str()).collect();
            if steps.is_empty() {
                return None;
            }
            found.push(steps.join("."));
        }
        for tag in lexed.tags.iter().filter(|tag| tag.keyword().is_some_and(is_import)) {
            let source = read(literal_text(&tag.tokens.get(1)?.token)?, &file)?;
            if seen.insert(source.name().to_owned()) {
                open.push((source.name().to_owned(), source.text().to_owned()));
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_only_where_it_is_meant() {
        for (word, template, expected) in [
            (TemplateWord::Key("HOST".to_owned()), "{{ data.HOST }}", true),
            (TemplateWord::Key("HOST".to_owned()), "{{ data[\"HOST\"] }}", true),
            (TemplateWord::Key("HOST".to_owned()), "{{ data.HOSTNAME }} HOST", false),
            (TemplateWord::Key("7".to_owned()), "{{ data[vars.x] }} 7", false),
            (TemplateWord::Key(String::new()), "{{ data[''] }}", false),
            (TemplateWord::Message("set it".to_owned()), "{{ x | required(\"set it\") }}", true),
            (TemplateWord::Message("set it".to_owned()), "{{ x | required( 'set it' ) }}", true),
            (TemplateWord::Message("set it".to_owned()), "{{ x | required('set it' ~ y) }}", false),
            (TemplateWord::Message("set it".to_owned()), "{# required('set it') #}{{ \"required('set it')\" }}", false),
            (TemplateWord::Key("HOST".to_owned()), "{% raw %}{{ data.HOST }}{% endraw %}", false),
            (TemplateWord::Message("1".to_owned()), "{{ x | required(data.PIN[:1]) }} \"1\"", false),
        ] {
            assert_eq!(has_template_word(template, &word), expected, "{template}");
        }
    }
}
