//! Tree of an object while it is patched: each value carries the templates that it comes from, so that they follow it
//! wherever a patch moves it.

use std::sync::Arc;

use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};
use crate::map::{HashMap, IndexMap};
use crate::resolve::TemplatePart;
use crate::span::Location;
use crate::yaml::node::Scalar;

/// Templated parts of an object and of the patches that are applied to it. Nodes refer to them by index.
#[derive(Debug, Default)]
pub(super) struct PartTable(Vec<TemplatePart>);

impl PartTable {
    /// Adds a part, and returns its index.
    pub(super) fn add(&mut self, part: TemplatePart) -> usize {
        self.0.push(part);
        self.0.len() - 1
    }

    /// Part with this index.
    pub(super) fn get(&self, index: usize) -> Option<&TemplatePart> {
        self.0.get(index)
    }
}

/// Value of an object that is patched, with the templates that it comes from.
#[derive(Debug, Clone)]
pub(super) struct PatchNode {
    /// Location of the layer that last wrote it.
    pub(super) place: Location,
    /// Indices of its templated parts.
    pub(super) parts: Vec<usize>,
    pub(super) kind: NodeKind,
}

/// Kind of a value that is patched.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Leaf(Arc<Scalar>),
    List(Vec<PatchNode>),
    Map(IndexMap<String, PatchNode>),
}

impl PatchNode {
    /// Converts a tree; its parts are added to the table. A part whose path does not exist belongs to the whole.
    pub(super) fn from_tree(tree: Tree, parts: Vec<TemplatePart>, table: &mut PartTable) -> Self {
        if parts.is_empty() {
            return Self::convert(tree, "", &mut HashMap::default());
        }
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::default();
        for part in parts {
            by_path.entry(part.path.clone()).or_default().push(table.add(part));
        }
        let mut root = Self::convert(tree, "", &mut by_path);
        let mut lost: Vec<_> = by_path.into_values().flatten().collect();
        lost.sort_unstable();
        root.add_parts(&lost);
        root
    }

    fn convert(tree: Tree, path: &str, parts: &mut HashMap<String, Vec<usize>>) -> Self {
        let below = |rest: &dyn Fn() -> String, any: bool| if any { rest() } else { String::new() };
        let own = if parts.is_empty() { Vec::new() } else { parts.remove(path).unwrap_or_default() };
        let kind = match tree.kind {
            TreeKind::Leaf(scalar) => NodeKind::Leaf(scalar),
            TreeKind::List(items) => NodeKind::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let path = below(&|| format!("{path}[{index}]"), !parts.is_empty());
                        Self::convert(item, &path, parts)
                    })
                    .collect(),
            ),
            TreeKind::Map(map) => NodeKind::Map(
                map.into_iter()
                    .map(|(key, value)| {
                        let path = below(&|| join_path(path, &key), !parts.is_empty());
                        let value = Self::convert(value, &path, parts);
                        (key, value)
                    })
                    .collect(),
            ),
        };
        Self { place: tree.place, parts: own, kind }
    }

    /// Converts back, with the parts at their new paths.
    pub(super) fn into_tree(self, table: &PartTable) -> (Tree, Vec<TemplatePart>) {
        let mut parts = Vec::new();
        let tree = self.convert_back("", table, &mut parts);
        (tree, parts)
    }

    fn convert_back(self, path: &str, table: &PartTable, parts: &mut Vec<TemplatePart>) -> Tree {
        for part in self.parts.iter().filter_map(|index| table.get(*index)) {
            parts.push(TemplatePart { path: path.to_owned(), ..part.clone() });
        }
        let kind = match self.kind {
            NodeKind::Leaf(scalar) => TreeKind::Leaf(scalar),
            NodeKind::List(items) => TreeKind::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| item.convert_back(&format!("{path}[{index}]"), table, parts))
                    .collect(),
            ),
            NodeKind::Map(map) => TreeKind::Map(
                map.into_iter()
                    .map(|(key, value)| {
                        let value = value.convert_back(&join_path(path, &key), table, parts);
                        (key, value)
                    })
                    .collect(),
            ),
        };
        Tree { place: self.place, kind }
    }

    /// Adds templated parts, each once.
    pub(super) fn add_parts(&mut self, parts: &[usize]) {
        for part in parts {
            if !self.parts.contains(part) {
                self.parts.push(*part);
            }
        }
    }

    /// Scalar, if it is one.
    pub(super) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Leaf(scalar) => Some(scalar),
            NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    /// Mapping, if it is one.
    pub(super) fn as_map(&self) -> Option<&IndexMap<String, Self>> {
        match &self.kind {
            NodeKind::Map(map) => Some(map),
            NodeKind::Leaf(_) | NodeKind::List(_) => None,
        }
    }

    /// Mutable mapping, if it is one.
    pub(super) fn as_map_mut(&mut self) -> Option<&mut IndexMap<String, Self>> {
        match &mut self.kind {
            NodeKind::Map(map) => Some(map),
            NodeKind::Leaf(_) | NodeKind::List(_) => None,
        }
    }

    /// Items, if it is a list.
    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            NodeKind::Leaf(_) | NodeKind::Map(_) => None,
        }
    }

    /// Value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// Text of a scalar; empty for any other value.
    pub(super) fn text(&self) -> &str {
        self.as_scalar().map_or("", Scalar::text)
    }

    /// Whether it is null, written or left blank.
    pub(super) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.is_null() || scalar.blank)
    }

    /// Whether it is a mapping without keys.
    pub(super) fn is_empty_map(&self) -> bool {
        self.as_map().is_some_and(IndexMap::is_empty)
    }

    /// Text that may be shown in a message: nothing of a template, nothing decrypted.
    pub(super) fn public_text(&self) -> Option<&str> {
        let scalar = self.as_scalar()?;
        (self.parts.is_empty() && !scalar.encrypted && !scalar.locked).then(|| scalar.text())
    }

    /// Noun for this kind of value, with its article.
    pub(super) fn noun(&self) -> &'static str {
        match &self.kind {
            NodeKind::Leaf(_) if self.is_null() => "null",
            NodeKind::Leaf(_) => "a scalar",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }

    /// All parts of the value and of the values in it.
    pub(super) fn all_parts(&self, found: &mut Vec<usize>) {
        found.extend(&self.parts);
        match &self.kind {
            NodeKind::Leaf(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| item.all_parts(found)),
            NodeKind::Map(map) => map.values().for_each(|value| value.all_parts(found)),
        }
    }
}
