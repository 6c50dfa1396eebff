//! Keys that occur twice in one map, so that programs differ in which value they have: sops changes the first one, and
//! readers of JSON and dotenv use the last one.
//!
//! The checksum does not notice an empty value, so anyone who can write a file could put one behind an encrypted value
//! without any key.

use crate::BLOCK;
use crate::document::tree::{SopsMap, SopsTree};
use crate::store::ParsedFile;
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::sort::{sort_by, sort_by_key};
use septum_base::span::{Source, Span};
use septum_base::yaml::node::YamlKey;
use septum_base::yaml::read::display_key;

/// Errors for all keys that occur twice in a map, metadata included.
pub(super) fn find_duplicates(source: &Source, parsed: &ParsedFile) -> Diagnostics {
    let mut search = DuplicateSearch { found: Vec::new() };
    for (branch, block) in parsed.document.branches.iter().zip(&parsed.blocks) {
        search.visit_map(branch);
        if let Some(block) = block {
            search.visit_map(&block.fields);
            // a block is taken out of its map
            let others = branch.values().filter(|(key, _)| key.text == BLOCK);
            search.found.extend(others.map(|(key, _)| DuplicateKey::new(&key.text, key.span, block.key)));
        }
    }
    sort_by_key(&mut search.found, |key| key.second.start);
    search.found.into_iter().map(|key| key.into_diagnostic(source)).collect()
}

struct DuplicateKey<'d> {
    text: &'d str,
    first: Span,
    second: Span,
}

impl<'d> DuplicateKey<'d> {
    fn new(text: &'d str, one: Span, other: Span) -> Self {
        let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
        Self { text, first, second }
    }

    fn into_diagnostic(self, source: &Source) -> Diagnostic {
        Diagnostic::error(Rule::DuplicateKey, format!("duplicate key {} in a mapping", display_key(self.text)))
            .at_masked(source.place(self.second))
            .at_masked_with(source.place(self.first), "first occurrence")
            .note("sops reads the first value, and most programs the last one")
            .hint("remove one of the two; for an encrypted file, restore it from Git, or use `sops edit`")
    }
}

struct DuplicateSearch<'d> {
    found: Vec<DuplicateKey<'d>>,
}

impl<'d> DuplicateSearch<'d> {
    /// Depth is bounded by the readers, so recursion is safe.
    fn visit_map(&mut self, map: &'d SopsMap) {
        // INI has a section before the first header, which may be empty
        let is_written = |(key, value): &(&YamlKey, &SopsTree)| {
            key.span.start < key.span.end || !matches!(value, SopsTree::Map(map) if map.items.is_empty())
        };
        let mut keys: Vec<&YamlKey> = map.values().filter(is_written).map(|(key, _)| key).collect();
        sort_by(&mut keys, |one, other| (&one.text, one.span.start).cmp(&(&other.text, other.span.start)));
        let pairs = keys.iter().zip(keys.iter().skip(1)).filter(|(one, other)| one.text == other.text);
        self.found.extend(pairs.map(|(one, other)| DuplicateKey::new(&one.text, one.span, other.span)));
        map.values().for_each(|(_, value)| self.visit_tree(value));
    }

    fn visit_tree(&mut self, tree: &'d SopsTree) {
        match tree {
            SopsTree::Leaf(_) => {}
            SopsTree::List(list) => list.values().for_each(|value| self.visit_tree(value)),
            SopsTree::Map(map) => self.visit_map(map),
        }
    }
}
