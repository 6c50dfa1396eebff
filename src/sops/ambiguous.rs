//! Keys with a `:`, which the format cannot tell from a way through several keys.
//!
//! A ciphertext is bound to its keys joined by `:`, and lists have no part in it. So `m: { k: … }` and `"m:k": …`
//! have the same ciphertext, and who may write a file can turn one into the other without any key; the checksum
//! is over the values in their order, and stays right. With no such key in what is encrypted, a file that has one
//! is one that was changed. A single value and a list of only that value cannot be told apart.

use super::BLOCK;
use super::cipher::Ciphertext;
use super::selector::{Scope, Selection, Selector};
use crate::diagnostic::Diagnostic;
use crate::span::Source;
use crate::yaml::node::{Key, Kind, Node};

/// Refuses a document that has an encrypted value below a key with a `:`.
pub fn refuse_ambiguous_keys(root: &Node, source: &Source, selector: &Selector) -> Result<(), Diagnostic> {
    let Some(key) = find(root, selector, selector.root(), None) else { return Ok(()) };
    let message = format!("an encrypted value of `{}` is below a key with a `:`", source.name());
    Err(Diagnostic::error("ambiguous-key", message)
        .at_hidden(source.place(key.span))
        .note("SOPS binds a value to its keys joined by `:`, so that `a: { b: … }` can be made `\"a:b\": …` without any key")
        .hint("if it was a way through several keys, restore the file from Git; else rename the key, or keep it outside of what is encrypted"))
}

/// The first such key. Depth is bounded by the reader, so recursion is safe.
fn find<'n>(node: &'n Node, selector: &Selector, scope: Scope, above: Option<&'n Key>) -> Option<&'n Key> {
    match &node.kind {
        Kind::Scalar(scalar) => {
            let is_encrypted =
                selector.selection(scope) != Selection::Plain && Ciphertext::is_one(scalar.text().as_bytes());
            above.filter(|_| is_encrypted)
        }
        Kind::List(items) => items.iter().find_map(|item| find(item, selector, scope, above)),
        Kind::Map(map) => map.iter().filter(|(key, _)| key.text != BLOCK).find_map(|(key, value)| {
            let above = above.or(Some(key).filter(|key| key.text.contains(':')));
            find(value, selector, selector.enter(scope, &key.text), above)
        }),
    }
}
