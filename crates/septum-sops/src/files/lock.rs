//! A document as seen without a key.

use zeroize::Zeroizing;

use crate::BLOCK;
use crate::document::selector::{Selection, Selector, SelectorScope};
use septum_base::yaml::node::{YamlKind, YamlNode};

/// The document without its `sops` block, every ciphertext marked as a value that exists and is not known. Needs no
/// key, and so proves nothing: it is for questions about structure alone.
pub fn lock_values(mut root: YamlNode) -> YamlNode {
    if let YamlKind::Map(map) = &mut root.kind {
        map.shift_remove(BLOCK);
    }
    lock_node(&mut root);
    root
}

/// Depth is bounded by the reader, so recursion is safe.
fn lock_node(node: &mut YamlNode) {
    match &mut node.kind {
        YamlKind::Scalar(scalar) => {
            if is_ciphertext(scalar.text()) {
                *scalar = scalar.to_locked();
            }
        }
        YamlKind::List(items) => {
            // comments of a list are encrypted as items of it
            items.retain(|item| !item.as_scalar().is_some_and(|scalar| is_comment(scalar.text())));
            items.iter_mut().for_each(lock_node);
        }
        YamlKind::Map(map) => map.values_mut().for_each(lock_node),
    }
}

/// Marks the values of a document in plaintext that a selector has encrypted, as decryption would.
pub fn mark_selected(root: &mut YamlNode, selector: &Selector) {
    mark_node(root, selector, selector.root_scope());
}

/// Depth is bounded by the reader, so recursion is safe.
fn mark_node(node: &mut YamlNode, selector: &Selector, scope: SelectorScope) {
    match &mut node.kind {
        YamlKind::Scalar(scalar) => {
            // nulls and empty texts are never encrypted
            let is_empty = scalar.blank || scalar.is_null() || scalar.text().is_empty();
            if !is_empty && selector.selection(scope) != Selection::Plain {
                *scalar = scalar.with_plaintext(Zeroizing::new(scalar.text().to_owned()), scalar.style);
            }
        }
        YamlKind::List(items) => items.iter_mut().for_each(|item| mark_node(item, selector, scope)),
        YamlKind::Map(map) => {
            for (key, value) in map.iter_mut() {
                mark_node(value, selector, selector.enter_key(scope, &key.text));
            }
        }
    }
}

fn is_ciphertext(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,") && text.ends_with(']')
}

fn is_comment(text: &str) -> bool {
    is_ciphertext(text) && text.ends_with(",type:comment]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use septum_base::span::Source;
    use septum_base::yaml::read::read_document;

    #[test]
    fn ciphertext_is_there_and_not_known() {
        let enc = |kind: &str| format!("ENC[AES256_GCM,data:x,iv:x,tag:x,type:{kind}]");
        let text = format!("a: {}\nb: plain\nl:\n- {}\n- 1\nsops: {{mac: x}}\n", enc("str"), enc("comment"));
        let root = lock_values(read_document(&Source::new("x.yaml", text)).expect("valid"));
        let map = root.as_map().expect("a mapping");
        let keys: Vec<_> = map.keys().map(|key| key.text.as_str()).collect();
        assert_eq!(keys, ["a", "b", "l"]);
        let seen = |key: &str| map[key].as_scalar().map(|scalar| (scalar.locked, scalar.text().to_owned()));
        assert_eq!(seen("a"), Some((true, enc("str"))));
        assert_eq!(seen("b"), Some((false, "plain".to_owned())));
        assert!(matches!(&map["l"].kind, YamlKind::List(items) if items.len() == 1));
    }
}
