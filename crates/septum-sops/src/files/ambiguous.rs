//! Keys with a `:`, which the format cannot distinguish from a path through several keys.
//!
//! A ciphertext is bound to its keys joined by `:`, and lists are not part of that path. So `m: { k: … }` and `"m:k":
//! …` have the same ciphertext, and anyone who can write a file can turn one into the other without any key; the
//! checksum is over the values in their order, and stays right. As no encrypted value has such a key, a file that has
//! one was changed. A single value and a list of only that value cannot be distinguished.

use crate::BLOCK;
use crate::crypto::cipher::Ciphertext;
use crate::document::selector::{Selection, Selector, SelectorScope};
use crate::document::tree::{SopsDocument, SopsMap, SopsTree};
use septum_base::diagnostic::{Diagnostic, Rule};
use septum_base::span::{Location, Source};
use septum_base::value_path::{ValuePath, ValuePathStep};
use septum_base::yaml::node::{YamlKey, YamlKind, YamlNode};

/// Refuses a document that has an encrypted value below a key with a `:`.
pub fn refuse_ambiguous_keys(root: &YamlNode, source: &Source, selector: &Selector) -> Result<(), Diagnostic> {
    match find_in_node(root, selector, selector.root_scope(), None) {
        Some(key) => Err(ambiguous_key_diagnostic(source.place(key.span))),
        None => Ok(()),
    }
}

/// Refuses ambiguous keys in a file of any format.
pub(crate) fn refuse_ambiguous_file(
    document: &SopsDocument,
    source: &Source,
    selector: &Selector,
) -> Result<(), Diagnostic> {
    let find = |branch| find_in_map(branch, selector, selector.root_scope(), None);
    match document.branches.iter().find_map(find) {
        Some(key) => Err(ambiguous_key_diagnostic(source.place(key.span))),
        None => Ok(()),
    }
}

/// The error for such a key.
fn ambiguous_key_diagnostic(place: Location) -> Diagnostic {
    Diagnostic::error(Rule::AmbiguousKey, "an encrypted value is below a key that contains `:`")
        .at_masked(place)
        .note("SOPS binds a value to its keys joined by `:`, so `a: { b: … }` can be changed to `\"a:b\": …` without any key")
        .hint("if the key was originally several nested keys, restore the file from Git")
        .hint("otherwise rename the key, or move it outside the encrypted part; until then, `sops decrypt` prints the values")
}

/// Whether a value at this path would be ambiguous if it was encrypted.
pub(crate) fn is_ambiguous(path: &ValuePath) -> bool {
    path.steps().iter().any(|step| matches!(step, ValuePathStep::Key(key) if has_separator(key)))
}

/// The error for a value that would be ambiguous.
pub(crate) fn would_be_ambiguous(place: Location) -> Diagnostic {
    Diagnostic::error(Rule::AmbiguousKey, "a value to be encrypted is below a key that contains `:`")
        .at_masked(place)
        .note("SOPS binds a value to its keys joined by `:`, so `a: { b: … }` can be changed to `\"a:b\": …` without any key")
        .hint("rename the key, or move it outside the encrypted part")
}

fn has_separator(key: &str) -> bool {
    key.contains(':')
}

/// The first such key. Depth is bounded by the reader, so recursion is safe.
fn find_in_node<'n>(
    node: &'n YamlNode,
    selector: &Selector,
    scope: SelectorScope,
    above: Option<&'n YamlKey>,
) -> Option<&'n YamlKey> {
    match &node.kind {
        YamlKind::Scalar(scalar) => above.filter(|_| is_encrypted(scalar.text().as_bytes(), selector, scope)),
        YamlKind::List(items) => items.iter().find_map(|item| find_in_node(item, selector, scope, above)),
        YamlKind::Map(map) => map.iter().filter(|(key, _)| key.text != BLOCK).find_map(|(key, value)| {
            let above = above.or(Some(key).filter(|key| has_separator(&key.text)));
            find_in_node(value, selector, selector.enter_key(scope, &key.text), above)
        }),
    }
}

fn find_in_map<'d>(
    map: &'d SopsMap,
    selector: &Selector,
    scope: SelectorScope,
    above: Option<&'d YamlKey>,
) -> Option<&'d YamlKey> {
    map.values().find_map(|(key, value)| {
        let above = above.or(Some(key).filter(|key| has_separator(&key.text)));
        find_in_tree(value, selector, selector.enter_key(scope, &key.text), above)
    })
}

fn find_in_tree<'d>(
    tree: &'d SopsTree,
    selector: &Selector,
    scope: SelectorScope,
    above: Option<&'d YamlKey>,
) -> Option<&'d YamlKey> {
    match tree {
        SopsTree::Leaf(leaf) => {
            above.filter(|_| leaf.value.bytes().is_some_and(|bytes| is_encrypted(&bytes, selector, scope)))
        }
        SopsTree::List(list) => list.values().find_map(|item| find_in_tree(item, selector, scope, above)),
        SopsTree::Map(map) => find_in_map(map, selector, scope, above),
    }
}

fn is_encrypted(value: &[u8], selector: &Selector, scope: SelectorScope) -> bool {
    selector.selection(scope) != Selection::Plain && Ciphertext::is_ciphertext(value)
}
