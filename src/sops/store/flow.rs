//! Values within brackets, on one line.

use zeroize::Zeroizing;

use super::yaml;
use crate::sops::document::{Item, Site, Tree};
use crate::yaml::write::{needs_quotes, push_quoted};

/// The value as YAML takes it within brackets: `{a: [1, "x"]}`.
pub(super) fn write(tree: &Tree) -> Zeroizing<String> {
    let mut out: Zeroizing<String> = Zeroizing::default();
    push(&mut out, tree);
    out
}

impl Tree {
    /// The value on one line, as YAML has it within brackets.
    pub fn inline(&self) -> Zeroizing<String> {
        write(self)
    }
}

/// A key of YAML.
pub(super) fn push_key(out: &mut String, key: &str) {
    if needs_quotes(key) || key.contains(':') { push_quoted(out, key) } else { out.push_str(key) }
}

fn push(out: &mut String, tree: &Tree) {
    match tree {
        Tree::Leaf(leaf) => out.push_str(&yaml::leaf(&leaf.value, Site { flow: true, ..Site::default() })),
        Tree::List(list) => {
            out.push('[');
            for (index, value) in list.values().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                push(out, value);
            }
            out.push(']');
        }
        Tree::Map(map) => {
            out.push('{');
            let mut first = true;
            for item in &map.items {
                let Item::Value(key, value) = item else { continue };
                out.push_str(if std::mem::take(&mut first) { "" } else { ", " });
                push_key(out, &key.text);
                out.push_str(": ");
                push(out, value);
            }
            out.push('}');
        }
    }
}
