//! Names that are completed, in the text around the cursor and in manifests.

use std::collections::BTreeSet;

use crate::layer::Tree;
use crate::layer::tree::TreeKind;

/// Value of a field in the item of a list that is written at an offset: in lines of its own, or in braces. The document
/// may be invalid there.
pub(super) fn item_field<'t>(text: &'t str, offset: usize, field: &str) -> Option<&'t str> {
    let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let start = text.get(..offset)?.rfind('\n').map_or(0, |newline| newline + 1);
    let (above, rest) = text.split_at_checked(start)?;
    let mut below = rest.lines();
    let own = below.next()?;
    let is_dash = |line: &str| line.trim_start().starts_with("- ");
    let column = if is_dash(own) { indent_of(own) + 1 } else { indent_of(own) };
    let mut lines = vec![own];
    if !is_dash(own) {
        for line in above.lines().rev() {
            lines.push(line);
            if indent_of(line) < column {
                break;
            }
        }
    }
    lines.extend(below.take_while(|line| !line.trim().is_empty() && indent_of(line) >= column));
    let parts = lines.into_iter().flat_map(|line| line.split(['{', ',', '}']));
    let mut pairs = parts.filter_map(|part| part.trim().trim_start_matches("- ").split_once(':'));
    let (_, value) = pairs.find(|(name, _)| name.trim().trim_matches(['"', '\'']) == field)?;
    Some(value.trim().trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// Adds the names of the images of containers, without tags and digests.
pub(super) fn image_names(tree: &Tree, names: &mut BTreeSet<String>) {
    match &tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => items.iter().for_each(|item| image_names(item, names)),
        TreeKind::Map(map) => {
            for (field, value) in map {
                match (field.as_str(), value.as_text()) {
                    ("image", Some(image)) => drop(names.insert(image_name(image).to_owned())),
                    _ => image_names(value, names),
                }
            }
        }
    }
}

fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // that of a registry has a path behind it
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// Adds the name of an object that has a number of replicas.
pub(super) fn scaled_name(tree: &Tree, names: &mut BTreeSet<String>) {
    let kind = tree.get("kind").and_then(Tree::as_text).unwrap_or_default();
    let is_scaled = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"].contains(&kind);
    if let Some(name) = tree.at(&["metadata", "name"]).and_then(Tree::as_text).filter(|_| is_scaled) {
        names.insert(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::{image_name, item_field};

    #[test]
    fn a_field_of_the_item_is_found_beside_the_cursor() {
        for (text, expected) in [
            ("allow:\n  - rule: x\n    key: A\n    bundle: |", Some("A")),
            ("allow:\n  - bundle: |\n    key: \"A\"\n  - key: B\n", Some("A")),
            ("allow:\n- { rule: x, key: A, bundle: | }\n- { key: B }\n", Some("A")),
            ("allow:\n  - key: B\n  - rule: x\n    bundle: |\n    reason: y\n", None),
            ("allow:\n  - key:\n    bundle: |", None),
        ] {
            let offset = text.find('|').expect("a mark");
            assert_eq!(item_field(&text.replace('|', ""), offset, "key"), expected, "{text}");
        }
    }

    #[test]
    fn the_name_of_an_image_has_no_tag() {
        for (image, name) in [("a/b:1", "a/b"), ("h:5000/a", "h:5000/a"), ("h:5000/a:1@sha256:x", "h:5000/a")] {
            assert_eq!(image_name(image), name);
        }
    }
}
