//! Patches with values of Secrets: they are not copied, because a layer would have the values in plaintext.

use super::resources::{has_value, has_values};
use crate::layer::{Tree, TreeKind};
use crate::manifest::list_items;
use crate::sops::GoRegex;
use crate::span::Source;
use crate::yaml::read::{MergeKeys, read_stream};

/// Whether a patch has a value of a Secret that it may change.
pub(super) fn has_secret_value(target: Option<&Tree>, text: &str) -> bool {
    let source = Source::new("a patch", text);
    let Ok(stream) = read_stream(&source, MergeKeys::Apply) else { return false };
    stream.documents.into_iter().any(|document| is_secret_patch(target, &Tree::from_node(document, &source)))
}

fn is_secret_patch(target: Option<&Tree>, patch: &Tree) -> bool {
    if let Some(items) = list_items(patch) {
        return items.iter().any(|item| is_secret_patch(target, item));
    }
    match &patch.kind {
        TreeKind::Leaf(_) => false,
        TreeKind::List(operations) => selects_secrets(target) && operations.iter().any(is_value_operation),
        TreeKind::Map(_) => {
            let is_secret = match target {
                Some(_) => selects_secrets(target),
                None => patch.at(&["kind"]).and_then(Tree::as_text) == Some("Secret"),
            };
            is_secret && has_values(patch)
        }
    }
}

/// Whether an operation has a value of `data` or `stringData`.
fn is_value_operation(operation: &Tree) -> bool {
    let path = operation.get("path").and_then(Tree::as_text).unwrap_or_default();
    let is_of = |field: &str| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    operation.get("value").is_some_and(|value| match path {
        "" => has_values(value),
        _ => (is_of("/data") || is_of("/stringData")) && has_value(value),
    })
}

/// Whether a target may select a Secret.
fn selects_secrets(target: Option<&Tree>) -> bool {
    let Some(target) = target else { return true };
    [("group", ""), ("version", "v1"), ("kind", "Secret")].into_iter().all(|(field, text)| {
        let pattern = target.get(field).and_then(Tree::as_text).filter(|pattern| !pattern.is_empty());
        pattern.is_none_or(|pattern| {
            GoRegex::parse(&format!("^(?:{pattern})$")).map_or(true, |pattern| pattern.is_match(text))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, patch: &str) -> bool {
        let source = Source::new("target", target);
        let tree = read_stream(&source, MergeKeys::Apply).unwrap().documents.into_iter().next();
        let tree = tree.map(|node| Tree::from_node(node, &source)).filter(|tree| tree.as_map().is_some());
        has_secret_value(tree.as_ref(), patch)
    }

    #[test]
    fn values_of_secrets_are_found_in_patches_of_all_forms() {
        for (target, patch, expected) in [
            ("", "kind: Secret\nstringData: { a: x }", true),
            ("", "kind: Secret\ndata: { a: eA== }", true),
            ("", "kind: Secret\nmetadata: { labels: { a: x } }", false),
            ("", "kind: Secret\nstringData: { a: null, b: '', c: '${C}' }", false),
            ("", "kind: Secret\nstringData: { c: '${C}x${D}' }", true),
            ("", "kind: ConfigMap\ndata: { a: x }", false),
            ("", "kind: List\nitems: [{ kind: Secret, data: { a: eA== } }]", true),
            ("kind: Secret", "kind: Any\nstringData: { a: x }", true),
            ("name: x", "kind: Any\nstringData: { a: x }", true),
            ("kind: ConfigMap", "kind: Any\ndata: { a: x }", false),
            ("kind: S.*", "[{ op: add, path: /stringData/a, value: x }]", true),
            ("{ group: apps }", "[{ op: add, path: /stringData/a, value: x }]", false),
            ("kind: Secret", "[{ op: test, path: /data/a, value: eA== }]", true),
            ("kind: Secret", "[{ op: replace, path: '', value: { stringData: { a: x } } }]", true),
            ("kind: Secret", "[{ op: remove, path: /data/a }, { op: add, path: /metadata/labels/a, value: x }]", false),
            ("kind: Secret", "[{ op: add, path: /dataset/a, value: x }]", false),
            ("kind: Secret", "not: [valid", false),
        ] {
            assert_eq!(of(target, patch), expected, "{target} {patch}");
        }
    }
}
