//! Anchors, and what their aliases may cost.

use std::collections::HashMap;

use crate::yaml::node::{Key, Kind, Node};

/// This many values may be copied through anchors and aliases.
const MAX_COPIED_NODES: usize = 100_000;

/// This much text may be copied through them: a long text needs few aliases to fill the memory.
const MAX_COPIED_BYTES: usize = 16 << 20;

/// How much a node holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    nodes: usize,
    bytes: usize,
    height: usize,
}

impl Size {
    /// Measures a node. Nodes are at most [`MAX_DEPTH`](super::MAX_DEPTH) high, so recursion is safe.
    fn of(node: &Node) -> Self {
        let (mut size, height) = match &node.kind {
            Kind::Scalar(scalar) => (Self { bytes: scalar.text().len(), ..Self::default() }, 0),
            Kind::List(items) => (items.iter().map(Self::of).fold(Self::default(), Self::and), 1),
            Kind::Map(map) => {
                let entry = |(key, value): (&Key, &Node)| {
                    let mut size = Self::of(value);
                    size.bytes += key.text.len();
                    size
                };
                (map.iter().map(entry).fold(Self::default(), Self::and), 1)
            }
        };
        size.nodes += 1;
        size.height += height;
        size
    }

    fn and(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            bytes: self.bytes.saturating_add(other.bytes),
            height: self.height.max(other.height),
        }
    }
}

/// Why an alias gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// All copies together are too much.
    Bomb,
    /// The copy would lie too deep.
    TooDeep,
    /// The anchor has no value yet, so the alias stands in it.
    Unfinished,
}

/// The anchored nodes of a document and the copies that were made.
#[derive(Default)]
pub(super) struct Anchors {
    nodes: HashMap<usize, (Node, Size)>,
    copied: Size,
}

impl Anchors {
    /// Keeps a copy of an anchored node. The copy counts as one of an alias does: anchors within
    /// anchors multiply as well.
    pub(super) fn define(&mut self, id: usize, node: &Node) -> Result<(), Refusal> {
        let size = Size::of(node);
        self.charge(size)?;
        self.nodes.insert(id, (node.clone(), size));
        Ok(())
    }

    /// A copy of an anchored node for an alias that lies `depth` collections deep.
    pub(super) fn expand(&mut self, id: usize, depth: usize) -> Result<Node, Refusal> {
        let size = self.nodes.get(&id).ok_or(Refusal::Unfinished)?.1;
        if depth + size.height > super::MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        self.charge(size)?;
        self.nodes.get(&id).map(|(node, _)| node.clone()).ok_or(Refusal::Unfinished)
    }

    /// Forgets the anchors of a document; the copies stay counted.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    fn charge(&mut self, size: Size) -> Result<(), Refusal> {
        self.copied = self.copied.and(size);
        if self.copied.nodes > MAX_COPIED_NODES || self.copied.bytes > MAX_COPIED_BYTES {
            return Err(Refusal::Bomb);
        }
        Ok(())
    }
}
