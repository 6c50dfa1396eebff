//! Objects of a ResourceList: as they were read, or with new content.

use std::ops::Range;

use super::item::{ItemIdentity, annotation, is_generated, list_members, text_at};
use crate::layer::Tree;
use crate::span::Source;
use crate::yaml::node::YamlNode;

/// Annotations with the file of an object, of programs that keep objects in files: its name now, and before.
pub(super) const PATHS: [&str; 2] = ["internal.config.kubernetes.io/path", "config.kubernetes.io/path"];

/// An object of a ResourceList.
#[derive(Debug)]
pub struct ListItem {
    /// Its names.
    pub identity: ItemIdentity,
    pub(super) content: ItemContent,
}

/// Content of an object.
#[derive(Debug)]
pub(super) enum ItemContent {
    /// As it was read, with the lines that it has for itself.
    Read(YamlNode, Option<Range<usize>>),
    /// Changed or added.
    Written(Tree),
}

impl ListItem {
    /// An object as it was read, with the lines that it has for itself.
    pub(super) fn read(node: YamlNode, lines: Option<Range<usize>>) -> Self {
        Self { identity: ItemIdentity::of_node(&node), content: ItemContent::Read(node, lines) }
    }

    /// An object to add.
    pub fn added(tree: Tree) -> Self {
        Self { identity: ItemIdentity::of_tree(&tree), content: ItemContent::Written(tree) }
    }

    /// The object as it was read, if it was not changed.
    pub fn node(&self) -> Option<&YamlNode> {
        match &self.content {
            ItemContent::Read(node, _) => Some(node),
            ItemContent::Written(_) => None,
        }
    }

    /// Replaces the content of the object.
    pub fn replace(&mut self, tree: Tree) {
        self.identity = ItemIdentity::of_tree(&tree);
        self.content = ItemContent::Written(tree);
    }

    /// Whether Septum generated the object, in an earlier run.
    pub fn is_generated(&self) -> bool {
        self.node().is_some_and(is_generated)
    }

    /// Value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        match &self.content {
            ItemContent::Read(node, _) => annotation(node, name),
            ItemContent::Written(tree) => tree.at(&["metadata", "annotations", name])?.as_text(),
        }
    }

    /// Value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        match &self.content {
            ItemContent::Read(node, _) => text_at(node, &["metadata", "labels", name]),
            ItemContent::Written(tree) => tree.at(&["metadata", "labels", name])?.as_text(),
        }
    }

    /// File of the object, if its caller keeps it in one.
    pub fn path(&self) -> Option<&str> {
        PATHS.iter().find_map(|path| self.annotation(path))
    }

    /// The object as a structure.
    pub(super) fn to_tree(&self, source: &Source) -> Tree {
        match &self.content {
            ItemContent::Read(node, _) => Tree::from_node(node.clone(), source),
            ItemContent::Written(tree) => tree.clone(),
        }
    }
}

/// Adds an object, or all objects of a list.
pub(super) fn unpack(node: YamlNode, lines: Option<Range<usize>>, items: &mut Vec<ListItem>) {
    match list_members(&node) {
        Some(members) => members.iter().for_each(|member| unpack(member.clone(), None, items)),
        None => items.push(ListItem::read(node, lines)),
    }
}
