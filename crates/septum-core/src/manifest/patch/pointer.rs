//! JSON pointers of JSON6902 operations, as the library that kustomize uses reads them.

use super::node::{NodeKind, PatchNode};

/// Location in an object: the keys on the way to it, unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodePointer {
    pub(super) keys: Vec<String>,
}

impl NodePointer {
    /// Parses `/spec/a~1b/0`; `None` if it does not start with `/`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self { keys: Vec::new() });
        }
        let unescape = |key: &str| {
            // in one pass: `~01` is `~1`
            let mut pieces = key.split('~');
            let mut out = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                match (piece.strip_prefix('0'), piece.strip_prefix('1')) {
                    (Some(rest), _) => out.extend(["~", rest]),
                    (_, Some(rest)) => out.extend(["/", rest]),
                    (None, None) => out.extend(["~", piece]),
                }
            }
            out
        };
        Some(Self { keys: text.strip_prefix('/')?.split('/').map(unescape).collect() })
    }

    /// Keys of the container, and the last key.
    pub(super) fn split_last(&self) -> Option<(&str, &[String])> {
        self.keys.split_last().map(|(last, rest)| (last.as_str(), rest))
    }

    /// Value at the pointer.
    pub(super) fn find<'n>(&self, root: &'n PatchNode) -> Option<&'n PatchNode> {
        self.keys.iter().try_fold(root, |node, key| child(node, key))
    }

    /// Parts of the values on the way to the value, which are of everything below them.
    pub(super) fn parts_above(&self, root: &PatchNode) -> Vec<usize> {
        let mut parts = Vec::new();
        let mut node = Some(root);
        for key in &self.keys {
            let Some(current) = node else { break };
            parts.extend(&current.parts);
            node = child(current, key);
        }
        parts
    }

    /// Whether it leads to a value of the data of a Secret, or to what contains it.
    pub(super) fn reaches_data(&self) -> bool {
        self.keys.first().is_none_or(|key| key == "data" || key == "stringData")
    }

    /// Value at keys, to be changed.
    pub(super) fn container_mut<'n>(root: &'n mut PatchNode, keys: &[String]) -> Option<&'n mut PatchNode> {
        keys.iter().try_fold(root, |node, key| match &mut node.kind {
            NodeKind::Leaf(_) => None,
            NodeKind::Map(map) => map.get_mut(key),
            NodeKind::List(items) => {
                let index = existing_index(key, items.len())?;
                items.get_mut(index)
            }
        })
    }
}

/// Keys of a JSON pointer, unescaped; none if it is not one.
pub fn pointer_keys(text: &str) -> Option<Vec<String>> {
    NodePointer::parse(text).map(|pointer| pointer.keys)
}

/// Value under a key or index.
pub(super) fn child<'n>(node: &'n PatchNode, key: &str) -> Option<&'n PatchNode> {
    match &node.kind {
        NodeKind::Leaf(_) => None,
        NodeKind::Map(map) => map.get(key),
        NodeKind::List(items) => items.get(existing_index(key, items.len())?),
    }
}

/// Index of an item; negative ones count from the end.
pub(super) fn existing_index(key: &str, length: usize) -> Option<usize> {
    position(key, length).filter(|index| *index < length)
}

/// Index at which an item is inserted: `-` and -1 are the end.
pub(super) fn insertion_index(key: &str, length: usize) -> Option<usize> {
    if key == "-" { Some(length) } else { position(key, length + 1).filter(|index| *index <= length) }
}

fn position(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_as_rfc_6901_says() {
        let keys = |text: &str| NodePointer::parse(text).map(|pointer| pointer.keys.join("|"));
        for (text, expected) in [
            ("", Some("")),
            ("/", Some("")),
            ("/a/b", Some("a|b")),
            ("/a~1b/c~0d/~01/~2", Some("a/b|c~d|~1|~2")),
            ("a/b", None),
        ] {
            assert_eq!(keys(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn indices_count_from_either_end() {
        for (key, length, existing, insertion) in [
            ("0", 2, Some(0), Some(0)),
            ("2", 2, None, Some(2)),
            ("3", 2, None, None),
            ("-", 2, None, Some(2)),
            ("-1", 2, Some(1), Some(2)),
            ("-2", 2, Some(0), Some(1)),
            ("-3", 2, None, Some(0)),
            ("-4", 2, None, None),
            ("x", 2, None, None),
        ] {
            assert_eq!((existing_index(key, length), insertion_index(key, length)), (existing, insertion), "{key}");
        }
    }
}
