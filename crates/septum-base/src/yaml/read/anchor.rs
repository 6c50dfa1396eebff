//! Anchors, and the cost of their aliases.

use crate::map::HashMap;
use crate::yaml::node::{YamlKey, YamlKind, YamlNode};

/// Maximum number of values that are copied through anchors and aliases.
const MAX_COPIED_NODES: usize = 100_000;

/// Maximum size of the text that is copied through them: a long text needs few aliases to fill the memory.
const MAX_COPIED_BYTES: usize = 16 << 20;

/// Size of a node.
#[derive(Clone, Copy, Default)]
pub(super) struct NodeSize {
    nodes: usize,
    bytes: usize,
    height: usize,
}

impl NodeSize {
    /// Measures a node. Nodes are at most [`MAX_DEPTH`](super::MAX_DEPTH) high, so recursion is safe.
    fn of(node: &YamlNode) -> Self {
        let (mut size, height) = match &node.kind {
            YamlKind::Scalar(scalar) => (Self { bytes: scalar.text().len(), ..Self::default() }, 0),
            YamlKind::List(items) => (items.iter().map(Self::of).fold(Self::default(), Self::add_size), 1),
            YamlKind::Map(map) => {
                let entry = |(key, value): (&YamlKey, &YamlNode)| {
                    let mut size = Self::of(value);
                    size.bytes += key.text.len();
                    size
                };
                (map.iter().map(entry).fold(Self::default(), Self::add_size), 1)
            }
        };
        size.nodes += 1;
        size.height += height;
        size
    }

    fn add_size(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            bytes: self.bytes.saturating_add(other.bytes),
            height: self.height.max(other.height),
        }
    }
}

/// Reason why an alias has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AliasError {
    /// All copies together exceed the limit.
    Bomb,
    /// The copy would be nested too deep.
    TooDeep,
    /// The anchor has no value yet, so the alias is inside of it.
    Unfinished,
}

/// The anchored nodes of a document and the copies that were made.
#[derive(Default)]
pub(super) struct Anchors {
    nodes: HashMap<usize, (YamlNode, NodeSize)>,
    copied: NodeSize,
}

impl Anchors {
    /// Keeps a copy of an anchored node. The copy counts as one of an alias does: anchors within anchors multiply as
    /// well.
    pub(super) fn define(&mut self, id: usize, node: &YamlNode) -> Result<(), AliasError> {
        let size = NodeSize::of(node);
        self.charge(size)?;
        self.nodes.insert(id, (node.clone(), size));
        Ok(())
    }

    /// A copy of an anchored node for an alias at a depth of `depth` collections.
    pub(super) fn expand(&mut self, id: usize, depth: usize) -> Result<YamlNode, AliasError> {
        let size = self.nodes.get(&id).ok_or(AliasError::Unfinished)?.1;
        if depth + size.height > super::MAX_DEPTH {
            return Err(AliasError::TooDeep);
        }
        self.charge(size)?;
        self.nodes.get(&id).map(|(node, _)| node.clone()).ok_or(AliasError::Unfinished)
    }

    /// Drops the anchors of a document; the copies stay counted.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    fn charge(&mut self, size: NodeSize) -> Result<(), AliasError> {
        self.copied = self.copied.add_size(size);
        if self.copied.nodes > MAX_COPIED_NODES || self.copied.bytes > MAX_COPIED_BYTES {
            return Err(AliasError::Bomb);
        }
        Ok(())
    }
}
