//! Values that stay in a store, and texts with such values in them.
//!
//! The value of a `ref` is not known here: whoever brings it to the cluster puts it in. So a template
//! may only say *where* it goes: `{{ data.KEY }}`, perhaps through a filter that the other side has too.
//! Each such expression is replaced by a mark before the template is rendered, and the rendered text
//! is parted at the marks. Any other use (a condition, a comparison, another filter) reaches the
//! entry while rendering, and is refused there: its result would be a guess.
//!
//! A block that captures text (`filter`, `macro`, `call`, a `set` without `=`) could do anything to a
//! mark, so it is refused as well.

use std::borrow::Cow;
use std::sync::Arc;

use super::declassify::{expressions, is_word, next_word};
use super::frame::Frame;
use super::session::{Reported, Session};
use super::{Outcome, Read, is_template};
use crate::diagnostic::Diagnostic;
use crate::layer::{EntrySource, Pointer};
use crate::name::{EntryId, KeyName};
use crate::secret::Secret;
use crate::span::Place;

/// A text of which parts stay in a store.
#[derive(Debug, Clone)]
pub struct Pointed {
    /// Its parts, one after another; at least one is a value of a store.
    pub pieces: Vec<Piece>,
}

/// A part of a text.
#[derive(Debug, Clone)]
pub enum Piece {
    /// What is known.
    Text(Secret<String>),
    /// A value of a store.
    Value {
        /// The entry whose value it is.
        id: EntryId,
        /// Where the store keeps it.
        pointer: Arc<Pointer>,
        /// What is done to it, in this order.
        filters: Vec<PointerFilter>,
    },
}

impl Pointed {
    /// The value of one entry alone.
    pub(super) fn value(id: &EntryId, pointer: &Arc<Pointer>) -> Self {
        let piece = Piece::Value { id: id.clone(), pointer: Arc::clone(pointer), filters: Vec::new() };
        Self { pieces: vec![piece] }
    }

    /// The pointer, if the value is that of a store and nothing else.
    pub fn lone(&self) -> Option<&Arc<Pointer>> {
        match self.pieces.as_slice() {
            [Piece::Value { pointer, filters, .. }] if filters.is_empty() => Some(pointer),
            _ => None,
        }
    }
}

/// What a template may do to a value of a store. Each has its equal where the text is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerFilter {
    /// `urlencode`
    UrlEncode,
    /// `b64encode`
    Base64,
    /// `tojson`
    Json,
    /// `sha256`
    Sha256,
    /// `trim`
    Trim,
}

impl PointerFilter {
    const NAMES: [&str; 5] = ["urlencode", "b64encode", "tojson", "sha256", "trim"];

    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "urlencode" => Self::UrlEncode,
            "b64encode" => Self::Base64,
            "tojson" => Self::Json,
            "sha256" => Self::Sha256,
            "trim" => Self::Trim,
            _ => return None,
        })
    }
}

/// What encloses the number of a mark: characters that no text has (Unicode, section 23.7).
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';

/// A template with marks in the place of values of stores.
pub(super) struct Marked<'t> {
    pub(super) text: Cow<'t, str>,
    /// What each mark stands for.
    values: Vec<Vec<Piece>>,
}

impl Session {
    /// Puts marks into a template. What they stand for counts as read.
    pub(super) fn mark<'t>(
        self: &Arc<Self>,
        template: &'t str,
        frame: &Frame,
        place: &Place,
    ) -> Result<Marked<'t>, Reported> {
        let mut marked = Marked { text: Cow::Borrowed(template), values: Vec::new() };
        if !self.has_pointers() || !is_template(template) {
            return Ok(marked);
        }
        let mut out = String::with_capacity(template.len());
        let mut from = 0;
        for (start, end) in expressions(template) {
            let Some((id, filters)) = self.pointer_in(template, start, end, frame) else { continue };
            let Outcome::Pointed(pointed) = self.entry(&id).outcome else { continue };
            let value = filtered(&pointed, &filters).ok_or_else(|| self.report(unfit(&id, self, place)))?;
            frame.record(Read::Entry(id));
            out.push_str(template.get(from..start - 2).unwrap_or_default());
            out.push_str(&mark(marked.values.len(), template.get(start - 2..end + 2).unwrap_or_default()));
            marked.values.push(value);
            from = end + 2;
        }
        if marked.values.is_empty() {
            return Ok(marked);
        }
        out.push_str(template.get(from..).unwrap_or_default());
        if let Some((message, hint)) = hindrance(template) {
            return Err(self.report(Diagnostic::error("unknown-value", message).at_hidden(place.clone()).hint(hint)));
        }
        marked.text = Cow::Owned(out);
        Ok(marked)
    }

    /// Whether any entry of the target is a `ref`.
    fn has_pointers(&self) -> bool {
        *self.pointers.get_or_init(|| {
            let sources = self.definition.entries().filter_map(|(_, _, entry)| entry.source.as_ref());
            sources.into_iter().any(|source| matches!(source.value, EntrySource::Ref(_)))
        })
    }

    /// The entry that an expression is and nothing else, with the filters on it: `data.KEY | filter`.
    fn pointer_in(
        &self,
        template: &str,
        start: usize,
        end: usize,
        frame: &Frame,
    ) -> Option<(EntryId, Vec<PointerFilter>)> {
        // `{{ … }}`; one that trims the blanks around it is left to the engine
        if !template.get(..start)?.ends_with("{{") || !template.get(end..)?.starts_with("}}") {
            return None;
        }
        let mut parts = template.get(start..end)?.split('|').map(str::trim);
        let path = parts.next()?;
        let filters = parts.map(PointerFilter::of).collect::<Option<Vec<_>>>()?;
        let (bundle, key) = if let Some(rest) = path.strip_prefix("data") {
            (frame.bundle.clone(), step(rest)?)
        } else {
            let rest = path.strip_prefix("bundles")?;
            let (name, rest) = first_step(rest)?;
            (name.into(), step(rest)?)
        };
        let id = EntryId { bundle, key: KeyName::from(key) };
        self.definition.entry(&id).map(|_| (id, filters))
    }
}

/// The one step that a path ends with: `.KEY` or `["KEY"]`.
fn step(path: &str) -> Option<&str> {
    first_step(path).filter(|(_, rest)| rest.is_empty()).map(|(key, _)| key)
}

/// The first step of a path, and what follows.
fn first_step(path: &str) -> Option<(&str, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(rest.len());
        return Some(rest.split_at(end)).filter(|(key, _)| !key.is_empty());
    }
    let rest = path.strip_prefix('[')?;
    let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    let (key, rest) = rest.get(1..)?.split_once(quote)?;
    (!key.contains('\\')).then_some((key, rest.strip_prefix(']')?))
}

/// A mark, as long as what it stands for, so that places in the text stay right.
fn mark(number: usize, replaced: &str) -> String {
    let number = format!("{OPEN}{number}");
    let breaks = replaced.matches('\n').count();
    let used = number.len() + breaks + CLOSE.len_utf8();
    let blanks = replaced.len().saturating_sub(used);
    [number, " ".repeat(blanks), "\n".repeat(breaks), CLOSE.to_string()].concat()
}

/// A value through filters; none if it is of several parts, which a filter cannot take together.
fn filtered(pointed: &Pointed, more: &[PointerFilter]) -> Option<Vec<Piece>> {
    match pointed.pieces.as_slice() {
        pieces if more.is_empty() => Some(pieces.to_vec()),
        [Piece::Value { id, pointer, filters }] => {
            let filters = filters.iter().chain(more).copied().collect();
            Some(vec![Piece::Value { id: id.clone(), pointer: Arc::clone(pointer), filters }])
        }
        _ => None,
    }
}

/// Why a template with marks would not say what it seems to, and what to do.
fn hindrance(template: &str) -> Option<(String, &'static str)> {
    if let Some(tag) = capturing_tag(template) {
        let message = format!("`{tag}` captures text, and the value of a `ref` is not known here");
        return Some((message, "write the text without it, or give the value in a layer"));
    }
    // the expression that was marked may be about that instead
    let name = rebound(template)?;
    let message = format!("a tag gives `{name}` another meaning, so it is not clear where the value of a `ref` goes");
    Some((message, "take another name in the tag"))
}

/// A name of the scope that a tag gives to something else: `for data in …`, `set data = …`, `with data = …`.
fn rebound(template: &str) -> Option<&'static str> {
    expressions(template).into_iter().find_map(|(start, end)| {
        let tag =
            template.get(start..end).filter(|_| template.get(..start).is_some_and(|text| text.ends_with("{%")))?;
        let word =
            tag.trim_start_matches(['-', '+']).trim_start().split(|char: char| !char.is_alphanumeric()).next()?;
        ["data", "bundles"].into_iter().find(|name| {
            let Some(at) = next_word(template, name, start, end) else { return false };
            let after = template.get(at + name.len()..end).unwrap_or_default().trim_start();
            match word {
                "for" => next_word(template, "in", start, end).is_some_and(|keyword| at < keyword),
                "set" | "with" => after.starts_with('=') && !after.starts_with("=="),
                _ => false,
            }
        })
    })
}

/// A tag of a template that captures text.
fn capturing_tag(template: &str) -> Option<String> {
    expressions(template).into_iter().find_map(|(start, end)| {
        let is_tag = template.get(..start)?.ends_with("{%");
        let tag = template.get(start..end)?.trim_start_matches(['-', '+']).trim_start();
        let word = tag.split(|char: char| !char.is_alphanumeric()).next()?;
        let captures = match word {
            "filter" | "macro" | "call" | "block" | "extends" | "import" | "from" => true,
            "set" => !tag.contains('='),
            _ => false,
        };
        (is_tag && captures && !is_word(tag, "raw")).then(|| format!("{{% {word} %}}"))
    })
}

fn unfit(id: &EntryId, session: &Session, place: &Place) -> Diagnostic {
    let label = session.definition.label(id);
    let message = format!("`{label}` is put together from values of a store, and no filter can take it as a whole");
    Diagnostic::error("unknown-value", message).at_hidden(place.clone()).hint("apply the filter to each `ref` instead")
}

/// That the value of a `ref` was asked for while rendering.
pub(super) fn unknown_value(label: &str) -> (String, String) {
    let filters: Vec<_> = PointerFilter::NAMES.iter().map(|name| format!("`{name}`")).collect();
    (
        format!("`{label}` stays in a store, and its value is not known here"),
        format!("a template may only place it: `{{{{ {label} }}}}`, with no filter but {}", filters.join(", ")),
    )
}

impl Marked<'_> {
    /// The rendered text, parted at its marks; none if it has none.
    pub(super) fn part(&self, rendered: &str) -> Option<Pointed> {
        if self.values.is_empty() || !rendered.contains(OPEN) {
            return None;
        }
        let mut pieces = Vec::new();
        let text = |text: &str, pieces: &mut Vec<Piece>| match pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(last)) => {
                let joined = [last.expose().as_str(), text].concat();
                *last = Secret::new(joined);
            }
            _ => pieces.push(Piece::Text(Secret::new(text.to_owned()))),
        };
        let mut rest = rendered;
        while let Some((before, after)) = rest.split_once(OPEN) {
            text(before, &mut pieces);
            let value = after.split_once(CLOSE).and_then(|(number, after)| {
                let number = number.trim().parse::<usize>().ok()?;
                Some((self.values.get(number)?, after))
            });
            let Some((value, after)) = value else {
                // the character stands in a text after all
                text(OPEN.encode_utf8(&mut [0; 4]), &mut pieces);
                rest = after;
                continue;
            };
            for piece in value {
                match piece {
                    Piece::Text(known) => text(known.expose(), &mut pieces),
                    Piece::Value { .. } => pieces.push(piece.clone()),
                }
            }
            rest = after;
        }
        text(rest, &mut pieces);
        let has_value = pieces.iter().any(|piece| matches!(piece, Piece::Value { .. }));
        has_value.then_some(Pointed { pieces })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_entries_are_read() {
        for (path, expected) in [
            (".KEY", Some("KEY")),
            (".a_b1", Some("a_b1")),
            ("[\"tls.key\"]", Some("tls.key")),
            ("['a']", Some("a")),
            (".a.b", None),
            ("", None),
            (".", None),
            ("[0]", None),
            ("[\"a\"].b", None),
            (" .a", None),
        ] {
            assert_eq!(step(path), expected, "{path}");
        }
    }

    #[test]
    fn a_mark_is_as_long_as_what_it_stands_for() {
        for replaced in ["{{data.A}}", "{{ data.PASSWORD | urlencode }}", "{{ data.A\n | trim\n}}"] {
            let mark = mark(7, replaced);
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
        ] {
            assert_eq!(rebound(template), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_mark_stays_text() {
        let id = EntryId { bundle: "a".into(), key: "K".into() };
        let pointer = Pointer { key: "k".to_owned(), property: None, version: None, store: None };
        let marked = Marked { text: Cow::Borrowed(""), values: vec![Pointed::value(&id, &Arc::new(pointer)).pieces] };
        let shown = |text: &str| -> Vec<String> {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.expose().clone(),
                Piece::Value { id, .. } => format!("<{}>", id.key),
            };
            marked.part(text).map(|pointed| pointed.pieces.iter().map(piece).collect()).unwrap_or_default()
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
        ] {
            assert_eq!(capturing_tag(template).is_some(), captures, "{template}");
        }
    }
}
