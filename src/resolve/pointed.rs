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

use super::declassify::{expressions, is_word};
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
        if let Some(tag) = capturing_tag(template) {
            let message = format!("`{tag}` captures text, and the value of a `ref` is not known here");
            return Err(self.report(
                Diagnostic::error("unknown-value", message)
                    .at_hidden(place.clone())
                    .hint("write the text without it, or give the value in a layer"),
            ));
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
            let Some((number, after)) = after.split_once(CLOSE) else { break };
            let value = number.trim().parse::<usize>().ok().and_then(|number| self.values.get(number));
            for piece in value.into_iter().flatten() {
                match piece {
                    Piece::Text(known) => text(known.expose(), &mut pieces),
                    Piece::Value { .. } => pieces.push(piece.clone()),
                }
            }
            rest = after;
        }
        text(rest, &mut pieces);
        Some(Pointed { pieces })
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
