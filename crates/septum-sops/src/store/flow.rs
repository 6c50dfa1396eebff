//! Values within brackets, on one line.

use zeroize::Zeroizing;

use super::yaml;
use crate::document::tree::{SopsItem, SopsTree, ValueSite};
use septum_base::yaml::write::{needs_quotes, push_quoted};

/// The value as YAML accepts it within brackets: `{a: [1, "x"]}`.
pub(super) fn write_flow(tree: &SopsTree) -> Zeroizing<String> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    push_tree(&mut out, tree);
    out
}

impl SopsTree {
    /// The value on one line, as within brackets in YAML.
    pub fn to_flow(&self) -> Zeroizing<String> {
        write_flow(self)
    }
}

/// A key of YAML.
pub(super) fn push_key(out: &mut String, key: &str) {
    if needs_quotes(key) || key.contains(':') { push_quoted(out, key) } else { out.push_str(key) }
}

fn push_tree(out: &mut String, tree: &SopsTree) {
    match tree {
        SopsTree::Leaf(leaf) => {
            out.push_str(&yaml::write_leaf(&leaf.value, ValueSite { flow: true, ..ValueSite::default() }));
        }
        SopsTree::List(list) => {
            out.push('[');
            for (index, value) in list.values().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                push_tree(out, value);
            }
            out.push(']');
        }
        SopsTree::Map(map) => {
            out.push('{');
            let mut first = true;
            for item in &map.items {
                let SopsItem::Value(key, value) = item else { continue };
                out.push_str(if std::mem::take(&mut first) { "" } else { ", " });
                push_key(out, &key.text);
                out.push_str(": ");
                push_tree(out, value);
            }
            out.push('}');
        }
    }
}
