//! A mapping while it is read: keys and values alternate.

use super::{MergeKeys, first_line_span};
use crate::diagnostic::{Diagnostic, Rule};
use crate::map::SharedHasher;
use crate::span::{Source, Span};
use crate::yaml::node::{MERGE_KEY, Mapping, YamlKey, YamlKind, YamlNode, YamlStyle};

/// Next part of a mapping.
enum MappingTurn {
    Key,
    Value(YamlKey),
    /// The value of a key that was read before.
    Again(YamlKey),
    /// The value of `<<`, whose location this is.
    Merged(Span),
    /// The value of a key that is not valid.
    Dropped,
}

/// A mapping that is not complete.
pub(super) struct OpenMap {
    entries: Mapping,
    turn: MappingTurn,
    merge: Option<MergeEntry>,
    /// Stand-ins for keys that are not valid, and for mappings that could not be merged.
    gaps: Vec<YamlKey>,
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
        Self {
            entries: Mapping::with_capacity_and_hasher(entries, SharedHasher),
            turn: MappingTurn::Key,
            merge: None,
            gaps: Vec::new(),
        }
    }

    /// Whether the next node is a key.
    pub(super) fn expects_key(&self) -> bool {
        matches!(self.turn, MappingTurn::Key)
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
            MappingTurn::Key => return self.take_key(node, written, merge_keys, source),
            MappingTurn::Value(key) => {
                self.entries.insert(key, node);
            }
            MappingTurn::Again(key) => {
                if let Some(first) = self.entries.get_mut(&key) {
                    first.join(node);
                }
            }
            MappingTurn::Merged(span) => {
                let before = self.entries.len();
                match merge_sources(node) {
                    Ok(sources) => {
                        let merge = self.merge.get_or_insert_with(|| MergeEntry { span, before, sources: Vec::new() });
                        merge.sources.extend(sources);
                    }
                    Err(fault) => {
                        self.gaps.push(YamlKey { text: fault.gap().to_owned(), span });
                        return if fault == MergeFault::Broken { Ok(()) } else { Err(bad_merge(source, written)) };
                    }
                }
            }
            MappingTurn::Dropped => {}
        }
        Ok(())
    }

    /// Reads a key. Of one that is not valid, the value is dropped.
    fn take_key(
        &mut self,
        node: YamlNode,
        written: Span,
        merge_keys: MergeKeys,
        source: &Source,
    ) -> Result<(), Diagnostic> {
        let scalar = match node.kind {
            YamlKind::Scalar(scalar) if !scalar.blank => scalar,
            refused => {
                self.turn = MappingTurn::Dropped;
                self.gaps.push(YamlKey { text: String::new(), span: written });
                return match refused {
                    YamlKind::Scalar(scalar) if scalar.broken => Ok(()),
                    YamlKind::Scalar(_) => Err(blank_key(source, written)),
                    YamlKind::List(_) | YamlKind::Map(_) => Err(complex_key(source, written)),
                };
            }
        };
        let merges = merge_keys == MergeKeys::Apply && scalar.style == YamlStyle::Plain && scalar.text() == MERGE_KEY;
        let first = if merges {
            self.merge.as_ref().map(|merge| merge.span)
        } else {
            self.entries.get_key_value(scalar.text()).map(|(key, _)| key.span)
        };
        let key = || YamlKey { text: scalar.text().to_owned(), span: written };
        self.turn = match first {
            _ if merges => MappingTurn::Merged(written),
            Some(_) => MappingTurn::Again(key()),
            None => MappingTurn::Value(key()),
        };
        match first {
            Some(first) => Err(duplicate_key(source, scalar.text(), first, written)),
            None => Ok(()),
        }
    }

    /// The complete mapping; none if nothing of it is valid. Gaps are in it as broken nodes, unless the text of a valid
    /// key is the same.
    pub(super) fn close(self) -> Option<Mapping> {
        let Self { entries, merge, gaps, .. } = self;
        if gaps.is_empty() {
            return Some(merge_entries(entries, merge));
        }
        let mut whole = merge_entries(entries, merge);
        if whole.is_empty() {
            return None;
        }
        for key in gaps {
            let span = key.span;
            whole.entry(key).or_insert_with(|| YamlNode::broken(span));
        }
        Some(whole)
    }
}

/// The entries of a mapping with those that are merged into it.
fn merge_entries(mut entries: Mapping, merge: Option<MergeEntry>) -> Mapping {
    let Some(merge) = merge else { return entries };
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

/// Reason why the value of `<<` cannot be merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MergeFault {
    /// It is not valid, which was reported.
    Broken,
    /// It is a scalar, so no keys are lost.
    Scalar,
    /// It is a list of other things than mappings.
    Item,
}

impl MergeFault {
    /// The key that stands for what is missing.
    fn gap(self) -> &'static str {
        match self {
            Self::Broken | Self::Item => MERGE_KEY,
            Self::Scalar => "",
        }
    }
}

/// The mappings in the value of `<<`, the one with the highest precedence first.
fn merge_sources(node: YamlNode) -> Result<Vec<Mapping>, MergeFault> {
    let nodes = match node.kind {
        YamlKind::List(items) => items,
        YamlKind::Map(_) => vec![node],
        YamlKind::Scalar(scalar) => return Err(if scalar.broken { MergeFault::Broken } else { MergeFault::Scalar }),
    };
    nodes
        .into_iter()
        .map(|node| match node.kind {
            YamlKind::Map(map) => Ok(map),
            YamlKind::Scalar(scalar) if scalar.broken => Err(MergeFault::Broken),
            YamlKind::List(_) | YamlKind::Scalar(_) => Err(MergeFault::Item),
        })
        .collect()
}

fn duplicate_key(source: &Source, key: &str, first: Span, second: Span) -> Diagnostic {
    let hint = match key {
        MERGE_KEY => "combine them into one: `<<: [*first, *second]`",
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
