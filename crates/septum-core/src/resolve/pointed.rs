//! Values that stay in a store, and texts that contain such values.
//!
//! The value of a `ref` is unknown here: the component that brings it to the cluster inserts it. So a template may only
//! state *where* it goes: `{{ data.KEY }}`, perhaps with a filter that this component supports too. Each such
//! expression is replaced by a mark before the template is rendered, and the rendered text is split at the marks. Any
//! other use (a condition, a comparison, another filter) reaches the entry while rendering, and is rejected there: its
//! result would be a guess.
//!
//! A block that captures text (`filter`, `macro`, `call`, a `set` without `=`) could do anything to a mark, so it is
//! rejected as well.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::machinery::Token;

use super::frame::RenderFrame;
use super::lookup::Lookup;
use super::store_text::{StoreRefFilter, StoreText, StoreTextPart};
use super::{EntryOutcome, TemplateRead};
use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::Definition;
use crate::name::{EntryId, KeyName};
use crate::secret::Secret;
use crate::span::Location;
use crate::template_tokens::{LexedTemplate, TagKind, TagToken, TemplateTag, change_of_depth, lex_template};

/// Delimiters of the number in a mark: characters that no text contains (Unicode, section 23.7).
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';

/// Template with marks in place of store values.
pub(super) struct MarkedTemplate<'t> {
    pub(super) text: Cow<'t, str>,
    /// Values that each mark stands for.
    values: Vec<Vec<StoreTextPart>>,
}

/// Inserts marks into a template. The marked values count as read.
pub(super) fn mark_template<'t>(
    lookup: &Arc<dyn Lookup>,
    template: &'t str,
    frame: &RenderFrame,
    place: &Location,
) -> Result<MarkedTemplate<'t>, Diagnostic> {
    let mut marked = MarkedTemplate::unmarked(template);
    let mut out = String::with_capacity(template.len());
    let mut from = 0;
    let lexed = lex_template(template);
    for tag in &lexed.tags {
        let Some((id, filters)) = store_ref_in(lookup.definition(), template, tag, frame) else { continue };
        let EntryOutcome::Pointed(pointed) = Arc::clone(lookup).entry(&id).outcome else { continue };
        let value = apply_filters(&pointed, &filters).ok_or_else(|| unfit_position(&id, lookup.definition(), place))?;
        frame.record(TemplateRead::Entry(id));
        out.push_str(template.get(from..tag.range.start).unwrap_or_default());
        out.push_str(&create_mark(marked.values.len(), template.get(tag.range.clone()).unwrap_or_default()));
        marked.values.push(value);
        from = tag.range.end;
    }
    if marked.values.is_empty() {
        return Ok(marked);
    }
    out.push_str(template.get(from..).unwrap_or_default());
    if let Some((message, hint)) = unmarkable_template(&lexed) {
        return Err(Diagnostic::error(Rule::UnknownValue, message).at_masked(place.clone()).hint(hint));
    }
    marked.text = Cow::Owned(out);
    Ok(marked)
}

/// Entry that an expression consists of, with the filters on it: `data.KEY | filter`.
fn store_ref_in(
    definition: &Definition,
    template: &str,
    tag: &TemplateTag<'_>,
    frame: &RenderFrame,
) -> Option<(EntryId, Vec<StoreRefFilter>)> {
    // the engine handles an expression that trims the blanks around it
    let trims = ["{{-", "{{+", "-}}", "+}}"];
    let text = template.get(tag.range.clone())?;
    let is_trimmed = trims.iter().any(|trim| text.starts_with(trim) || text.ends_with(trim));
    if tag.kind != TagKind::Expression || !tag.is_closed || is_trimmed {
        return None;
    }
    let mut parts = tag.tokens.split(|found| matches!(found.token, Token::Pipe));
    let path = parts.next()?;
    let filters = parts.map(|filter| match filter {
        [TagToken { token: Token::Ident(name), .. }] => StoreRefFilter::of(name),
        _ => None,
    });
    let filters = filters.collect::<Option<Vec<_>>>()?;
    let (root, steps) = path.split_first()?;
    let (bundle, key) = match (&root.token, read_steps(steps)?.as_slice()) {
        (Token::Ident("data"), &[key]) => (frame.bundle.clone(), key),
        (Token::Ident("bundles"), &[bundle, key]) => (bundle.into(), key),
        _ => return None,
    };
    let id = EntryId { bundle, key: KeyName::from(key) };
    definition.entry(&id).map(|_| (id, filters))
}

/// Steps of a path that consists only of steps: `.KEY` or `["KEY"]`.
fn read_steps<'s>(mut path: &'s [TagToken<'_>]) -> Option<Vec<&'s str>> {
    let mut steps = Vec::new();
    while !path.is_empty() {
        let (step, rest) = match path {
            [TagToken { token: Token::Dot, .. }, TagToken { token: Token::Ident(key), .. }, rest @ ..] => (*key, rest),
            [
                TagToken { token: Token::BracketOpen, .. },
                TagToken { token: key, .. },
                TagToken { token: Token::BracketClose, .. },
                rest @ ..,
            ] => match key {
                Token::Str(key) => (*key, rest),
                Token::String(key) => (&**key, rest),
                _ => return None,
            },
            _ => return None,
        };
        steps.push(step);
        path = rest;
    }
    Some(steps)
}

/// Mark of the length of the text that it replaces, so that locations in the text stay valid.
fn create_mark(number: usize, replaced: &str) -> String {
    let number = format!("{OPEN}{number}");
    let breaks = replaced.matches('\n').count();
    let used = number.len() + breaks + CLOSE.len_utf8();
    let blanks = replaced.len().saturating_sub(used);
    [number, " ".repeat(blanks), "\n".repeat(breaks), CLOSE.to_string()].concat()
}

/// Value with filters applied; `None` if it has several parts, which a filter cannot process together.
fn apply_filters(pointed: &StoreText, more: &[StoreRefFilter]) -> Option<Vec<StoreTextPart>> {
    match pointed.pieces.as_slice() {
        pieces if more.is_empty() => Some(pieces.to_vec()),
        [StoreTextPart::Value { id, store_ref: pointer, filters }] => {
            let filters = filters.iter().chain(more).copied().collect();
            Some(vec![StoreTextPart::Value { id: id.clone(), store_ref: Arc::clone(pointer), filters }])
        }
        _ => None,
    }
}

/// Reason why a template with marks would be ambiguous, with a hint.
fn unmarkable_template(template: &LexedTemplate<'_>) -> Option<(String, &'static str)> {
    if let Some(tag) = capturing_tag(template) {
        let message = format!("`{tag}` captures text, but the value of a `ref` is not known here");
        return Some((message, "remove the tag, or set the value in a layer"));
    }
    // the marked expression may refer to that instead
    let name = rebound_name(template)?;
    let message = format!("a tag redefines `{name}`, so the position of the value of a `ref` is ambiguous");
    Some((message, "use another name in the tag"))
}

/// Root name that a tag rebinds: `for data in …`, `set data = …`, `with data = …`.
fn rebound_name(template: &LexedTemplate<'_>) -> Option<&'static str> {
    template.tags.iter().find_map(|tag| {
        let targets = match tag.keyword()? {
            "for" => targets_before(tag, |token| matches!(token, Token::Ident("in"))),
            "set" => targets_before(tag, |token| matches!(token, Token::Assign)),
            "with" => targets_of_with(tag),
            _ => return None,
        };
        ["data", "bundles"].into_iter().find(|name| targets.contains(name))
    })
}

/// Names that a tag sets: those before the end token. Fields of a name are excluded.
fn targets_before<'t>(tag: &TemplateTag<'t>, is_end: impl Fn(&Token<'_>) -> bool) -> Vec<&'t str> {
    let targets = tag.tokens.get(1..).unwrap_or_default();
    let targets =
        targets.iter().position(|found| is_end(&found.token)).and_then(|end| targets.get(..end)).unwrap_or(targets);
    let name = |(index, found): (usize, &TagToken<'t>)| match found.token {
        Token::Ident(name) => {
            let after = targets.get(index + 1).map(|found| &found.token);
            let before = index.checked_sub(1).and_then(|before| targets.get(before)).map(|found| &found.token);
            (!matches!(after, Some(Token::Dot)) && !matches!(before, Some(Token::Dot))).then_some(name)
        }
        _ => None,
    };
    targets.iter().enumerate().filter_map(name).collect()
}

/// Names that a `with` sets: those before the `=` in each of its assignments.
fn targets_of_with<'t>(tag: &TemplateTag<'t>) -> Vec<&'t str> {
    let (mut names, mut under_way, mut depth) = (Vec::new(), Some(Vec::new()), 0_i32);
    for found in tag.tokens.iter().skip(1) {
        depth += i32::from(change_of_depth(&found.token));
        match (&found.token, &mut under_way) {
            (Token::Assign, _) if depth == 0 => names.extend(under_way.take().unwrap_or_default()),
            (Token::Comma, None) if depth == 0 => under_way = Some(Vec::new()),
            (Token::Ident(name), Some(targets)) => targets.push(*name),
            _ => {}
        }
    }
    names
}

/// Tag of a template that captures text.
fn capturing_tag(template: &LexedTemplate<'_>) -> Option<String> {
    template.tags.iter().find_map(|tag| {
        let word = tag.keyword()?;
        let has = |wanted: fn(&Token<'_>) -> bool| tag.top_level().any(|(_, found)| wanted(&found.token));
        let captures = match word {
            "filter" | "macro" | "call" | "block" | "extends" | "import" | "from" => true,
            "set" => !has(|token| matches!(token, Token::Assign)),
            // `loop(…)` returns the text of the loop
            "for" => has(|token| matches!(token, Token::Ident("recursive"))),
            _ => false,
        };
        captures.then(|| format!("{{% {word} %}}"))
    })
}

fn unfit_position(id: &EntryId, definition: &Definition, place: &Location) -> Diagnostic {
    let label = definition.label(id);
    let message = format!("`{label}` combines values from a store, so a filter cannot be applied to the whole");
    Diagnostic::error(Rule::UnknownValue, message)
        .at_masked(place.clone())
        .hint("apply the filter to each `ref` instead")
}

impl<'t> MarkedTemplate<'t> {
    /// A template without marks.
    pub(super) fn unmarked(template: &'t str) -> Self {
        Self { text: Cow::Borrowed(template), values: Vec::new() }
    }

    /// Rendered text, split at its marks; `None` if it has none.
    pub(super) fn split_at_marks(&self, rendered: &str) -> Option<StoreText> {
        if self.values.is_empty() || !rendered.contains(OPEN) {
            return None;
        }
        let mut pieces = Vec::new();
        let text = |text: &str, pieces: &mut Vec<StoreTextPart>| match pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(StoreTextPart::Text(last)) => {
                let joined = [last.expose().as_str(), text].concat();
                *last = Secret::new(joined);
            }
            _ => pieces.push(StoreTextPart::Text(Secret::new(text.to_owned()))),
        };
        let mut rest = rendered;
        while let Some((before, after)) = rest.split_once(OPEN) {
            text(before, &mut pieces);
            let value = after.split_once(CLOSE).and_then(|(number, after)| {
                let number = number.trim().parse::<usize>().ok()?;
                Some((self.values.get(number)?, after))
            });
            let Some((value, after)) = value else {
                // the character occurs in a text after all
                text(OPEN.encode_utf8(&mut [0; 4]), &mut pieces);
                rest = after;
                continue;
            };
            for piece in value {
                match piece {
                    StoreTextPart::Text(known) => text(known.expose(), &mut pieces),
                    StoreTextPart::Value { .. } => pieces.push(piece.clone()),
                }
            }
            rest = after;
        }
        text(rest, &mut pieces);
        let has_value = pieces.iter().any(|piece| matches!(piece, StoreTextPart::Value { .. }));
        has_value.then_some(StoreText { pieces })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::StoreRef;

    #[test]
    fn paths_of_entries_are_read() {
        for (path, expected) in [
            ("x.KEY", Some(vec!["KEY"])),
            ("x . a_b1", Some(vec!["a_b1"])),
            ("x[\"tls.key\"]", Some(vec!["tls.key"])),
            ("x['a}}']", Some(vec!["a}}"])),
            ("x['a\\'b']", Some(vec!["a'b"])),
            ("x.a['b'].c", Some(vec!["a", "b", "c"])),
            ("x", Some(vec![])),
            ("x[0]", None),
            ("x['a' 'b']", None),
            ("x.a()", None),
            ("x.a + 1", None),
        ] {
            let text = format!("{{{{ {path} }}}}");
            let lexed = lex_template(&text);
            let tokens = lexed.tags.first().and_then(|tag| tag.tokens.get(1..)).unwrap_or_default();
            assert_eq!(read_steps(tokens), expected, "{path}");
        }
    }

    #[test]
    fn a_mark_is_as_long_as_what_it_stands_for() {
        for replaced in ["{{data.A}}", "{{ data.PASSWORD | urlencode }}", "{{ data.A\n | trim\n}}"] {
            let mark = create_mark(7, replaced);
            assert_eq!((mark.len(), mark.matches('\n').count()), (replaced.len(), replaced.matches('\n').count()));
        }
    }

    #[test]
    fn tags_that_give_names_another_meaning_are_found() {
        for (template, expected) in [
            ("{% for data in xs %}{{ data.A }}{% endfor %}", Some("data")),
            ("{%- for key, bundles in xs|items %}", Some("bundles")),
            ("{% for x in data.LIST %}", None),
            ("{% set data = 1 %}", Some("data")),
            ("{% set x = data %}", None),
            ("{% with a = 1, data = 2 %}", Some("data")),
            ("{% if data == 1 %}{% endif %}", None),
            ("{% set x = data == 1 %}", None),
            ("{% for x in ['data'] %}", None),
            ("{{ data.A }}", None),
            ("{% raw %}{% set data = 1 %}{% endraw %}", None),
            ("{% set a, data = 1, 2 %}", Some("data")),
            ("{% set data.x = 1 %}", None),
            ("{% with (a, data) = x %}", Some("data")),
            ("{% with a = {'b': {'c': 1}}, data = 2 %}", Some("data")),
            ("{% with a = data, b = f(data=1) %}", None),
            ("{{ {'a': {'b': 1}} }}{% set data = 1 %}", Some("data")),
        ] {
            assert_eq!(rebound_name(&lex_template(template)), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_mark_stays_text() {
        let id = EntryId { bundle: "a".into(), key: "K".into() };
        let pointer = StoreRef { key: "k".to_owned(), property: None, version: None, store: None };
        let marked =
            MarkedTemplate { text: Cow::Borrowed(""), values: vec![StoreText::value(&id, &Arc::new(pointer)).pieces] };
        let shown = |text: &str| -> Vec<String> {
            let piece = |piece: &StoreTextPart| match piece {
                StoreTextPart::Text(text) => text.expose().clone(),
                StoreTextPart::Value { id, .. } => format!("<{}>", id.key),
            };
            marked.split_at_marks(text).map(|pointed| pointed.pieces.iter().map(piece).collect()).unwrap_or_default()
        };
        for (text, expected) in [
            ("a\u{FDD0}0 \u{FDD1}b", vec!["a", "<K>", "b"]),
            ("a\u{FDD0}x\u{FDD1}b\u{FDD0}0\u{FDD1}", vec!["a\u{FDD0}x\u{FDD1}b", "<K>"]),
            ("\u{FDD0}\u{FDD0}0\u{FDD1}", vec!["\u{FDD0}", "<K>"]),
            ("\u{FDD0}7\u{FDD1}", vec![]),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn blocks_that_capture_text_are_told_from_others() {
        for (template, captures) in [
            ("{% if a %}{{ data.A }}{% endif %}", false),
            ("{% set a = 'b' %}", false),
            ("{% set a %}x{% endset %}", true),
            ("{%- filter upper -%}x{% endfilter %}", true),
            ("{% macro m() %}{% endmacro %}", true),
            ("{% for a in b %}{% endfor %}", false),
            ("{% raw %}{% filter upper %}{% endraw %}", false),
            ("{% set a | replace(a=b) %}x{% endset %}", true),
            ("{% for a in b recursive %}{{ loop(a) }}{% endfor %}", true),
            ("{{ {'a': {'b': 1}} }}{% filter upper %}", true),
        ] {
            assert_eq!(capturing_tag(&lex_template(template)).is_some(), captures, "{template}");
        }
    }
}
