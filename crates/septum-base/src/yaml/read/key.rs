//! A mapping while it is read: keys and values alternate.

use super::{MergeKeys, first_line_span};
use crate::diagnostic::{Diagnostic, Rule};
use crate::map::SharedHasher;
use crate::span::{Source, Span};
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode, YamlStyle};

/// Next part of a mapping.
enum MappingTurn {
    Key,
    Value(YamlKey),
    /// The value of `<<`, whose location this is.
    Merged(Span),
    /// The value of a key that was refused.
    Dropped,
}

/// A mapping that is not complete.
pub(super) struct OpenMap {
    entries: Mapping,
    turn: MappingTurn,
    merge: Option<MergeEntry>,
}

/// Target of `<<`, and the number of entries before it.
struct MergeEntry {
    span: Span,
    before: usize,
    sources: Vec<Mapping>,
}

impl OpenMap {
    /// An empty mapping that has room for so many entries.
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self { entries: Mapping::with_capacity_and_hasher(entries, SharedHasher), turn: MappingTurn::Key, merge: None }
    }

    /// Adds the next key or value, which is at `written`.
    pub(super) fn take_node(
        &mut self,
        node: YamlNode,
        written: Span,
        merge_keys: MergeKeys,
        source: &Source,
    ) -> Result<(), Diagnostic> {
        match std::mem::replace(&mut self.turn, MappingTurn::Key) {
            MappingTurn::Key => {
                self.turn = MappingTurn::Dropped;
                self.turn = self.read_key(node, written, merge_keys, source)?;
            }
            MappingTurn::Value(key) => {
                self.entries.insert(key, node);
            }
            MappingTurn::Merged(span) => {
                let before = self.entries.len();
                let sources = merge_sources(node).ok_or_else(|| bad_merge(source, written))?;
                self.merge = Some(MergeEntry { span, before, sources });
            }
            MappingTurn::Dropped => {}
        }
        Ok(())
    }

    fn read_key(
        &self,
        node: YamlNode,
        written: Span,
        merge_keys: MergeKeys,
        source: &Source,
    ) -> Result<MappingTurn, Diagnostic> {
        let scalar = match node.kind {
            YamlKind::Scalar(scalar) if !scalar.blank => scalar,
            YamlKind::Scalar(_) => return Err(blank_key(source, written)),
            YamlKind::List(_) | YamlKind::Map(_) => return Err(complex_key(source, written)),
        };
        let merges = merge_keys == MergeKeys::Apply && scalar.style == YamlStyle::Plain && scalar.text() == "<<";
        let first = if merges {
            self.merge.as_ref().map(|merge| merge.span)
        } else {
            self.entries.get_key_value(scalar.text()).map(|(key, _)| key.span)
        };
        match first {
            Some(first) => Err(duplicate_key(source, scalar.text(), first, written)),
            None if merges => Ok(MappingTurn::Merged(written)),
            None => Ok(MappingTurn::Value(YamlKey { text: scalar.text().to_owned(), span: written })),
        }
    }

    /// The complete mapping.
    pub(super) fn close(self) -> Mapping {
        let mut entries = self.entries;
        let Some(merge) = self.merge else { return entries };
        let mut merged = Mapping::default();
        for (key, node) in merge.sources.into_iter().flatten() {
            if !entries.contains_key(&key) {
                merged.entry(key).or_insert(node);
            }
        }
        let after = entries.split_off(merge.before.min(entries.len()));
        entries.extend(merged);
        entries.extend(after);
        entries
    }
}

/// The mappings in the value of `<<`, the one with the highest precedence first.
fn merge_sources(node: YamlNode) -> Option<Vec<Mapping>> {
    let nodes = match node.kind {
        YamlKind::List(items) => items,
        YamlKind::Map(_) => vec![node],
        YamlKind::Scalar(_) => return None,
    };
    nodes
        .into_iter()
        .map(|node| match node.kind {
            YamlKind::Map(map) => Some(map),
            YamlKind::List(_) | YamlKind::Scalar(_) => None,
        })
        .collect()
}

fn duplicate_key(source: &Source, key: &str, first: Span, second: Span) -> Diagnostic {
    let hint = match key {
        "<<" => "combine them into one: `<<: [*first, *second]`",
        _ => "remove one of the two; the later one would silently win",
    };
    Diagnostic::error(Rule::DuplicateKey, format!("duplicate key {} in a mapping", display_key(key)))
        .at(source.place(second))
        .at_with(source.place(first), "first occurrence")
        .hint(hint)
}

/// A key as messages show it: one line, and truncated if it is long.
pub fn display_key(key: &str) -> String {
    let printable = |char: &char| !char.is_control();
    let mut text: String = key.chars().filter(printable).take(80).collect();
    if text.len() < key.len() {
        text.push('…');
    }
    format!("`{text}`")
}

fn complex_key(source: &Source, key: Span) -> Diagnostic {
    let written = source.text().get(key.start..).unwrap_or_default();
    let diagnostic = Diagnostic::error(Rule::ComplexKey, "a list or a mapping cannot be a key")
        .at(source.place(first_line_span(key)));
    // `key: {{ x }}` is a mapping with a mapping as its key
    if written.starts_with('{') && source.text().get(..key.start).is_some_and(|before| before.ends_with('{')) {
        diagnostic.hint("quote a value that starts with `{{`: `\"{{ … }}\"`")
    } else {
        diagnostic.hint("write the key as a string, quoted if it contains `{`, `[` or `: `")
    }
}

fn blank_key(source: &Source, key: Span) -> Diagnostic {
    Diagnostic::error(Rule::ComplexKey, "expected a key before the `:`, found nothing")
        .at(source.place(key))
        .hint("write the key; an empty key must be quoted: `\"\"`")
}

fn bad_merge(source: &Source, value: Span) -> Diagnostic {
    Diagnostic::error(Rule::MergeKey, "`<<` requires a mapping")
        .at(source.place(first_line_span(value)))
        .hint("use a mapping or a list of them, as in `<<: *defaults`; quote a key that is literally `<<`")
}
