//! From the documents of an environment to its objects: lists are split, and fields get their types.

use super::identity::Manifest;
use super::schema;
use super::taint::{self, TemplatedPart};
use crate::diagnostic::Diagnostics;
use crate::layer::Tree;
use crate::resolve::{self, ResolvedTarget, TemplatePart};
use crate::route::Routing;
use crate::visibility::Visibility;

/// Collects the objects of an environment; lists are split into their items. Objects with a secret at a forbidden place
/// are reported, and returned without it.
pub fn collect_manifests(resolved: &ResolvedTarget, routing: &Routing, problems: &mut Diagnostics) -> Vec<Manifest> {
    let mut found = Vec::new();
    for document in &resolved.manifests {
        if document.is_absent {
            let made = made_of(&document.parts);
            taint::check_absent(&made, &resolved.definition, routing, problems);
            continue;
        }
        for (mut tree, made) in split_items(document) {
            if !taint::check_taint(&mut tree, &made, &resolved.definition, routing, problems) {
                continue;
            }
            let visibility = visibility_of(&made);
            match Manifest::of(tree) {
                Ok(mut manifest) => {
                    schema::fit_types(&mut manifest, &made, problems);
                    found.push(Manifest { visibility, ..manifest });
                }
                // without a key, its name may be unknown
                Err(_) if visibility != Visibility::Known => {}
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// Whether there are manifests whose names are unknown without a key.
pub fn has_nameless(resolved: &ResolvedTarget) -> bool {
    let locked =
        |document: &&resolve::ManifestDocument| document.parts.iter().any(|part| part.visibility != Visibility::Known);
    let nameless = |document: &resolve::ManifestDocument| {
        split_items(document)
            .into_iter()
            .any(|(tree, made)| visibility_of(&made) != Visibility::Known && Manifest::of(tree).is_err())
    };
    let present = resolved.manifests.iter().filter(|document| !document.is_absent);
    resolved.has_unknown_manifests || present.filter(locked).any(nameless)
}

fn visibility_of(made: &[TemplatedPart<'_>]) -> Visibility {
    made.iter().map(|made| made.part.visibility).max().unwrap_or_default()
}

/// Objects of a `List`, a `SecretList` or another list of objects.
pub fn list_items(tree: &Tree) -> Option<&[Tree]> {
    let is_list = tree.get("kind").and_then(Tree::as_text).is_some_and(|kind| kind.ends_with("List"));
    tree.get("items").filter(|_| is_list).and_then(Tree::as_list)
}

/// Objects of a list and of nested lists, or the single object, each with its templated parts.
fn split_items(document: &resolve::ManifestDocument) -> Vec<(Tree, Vec<TemplatedPart<'_>>)> {
    let mut found = Vec::new();
    add_items(&document.tree, made_of(&document.parts), &mut found);
    found
}

fn add_items<'r>(tree: &Tree, made: Vec<TemplatedPart<'r>>, found: &mut Vec<(Tree, Vec<TemplatedPart<'r>>)>) {
    let Some(items) = list_items(tree) else {
        found.push((tree.clone(), made));
        return;
    };
    for (index, item) in items.iter().enumerate() {
        add_items(item, made_in_item(&made, &format!("items[{index}]")), found);
    }
}

/// Templated parts of a document.
fn made_of(parts: &[TemplatePart]) -> Vec<TemplatedPart<'_>> {
    parts.iter().map(|part| TemplatedPart { path: &part.path, part }).collect()
}

/// Templated parts in an item of a list, or of the whole.
fn made_in_item<'r>(made: &[TemplatedPart<'r>], item: &str) -> Vec<TemplatedPart<'r>> {
    let within = |made: &TemplatedPart<'r>| match made.path.strip_prefix(item) {
        Some(path) => Some(TemplatedPart { path: path.strip_prefix('.').unwrap_or(path), part: made.part }),
        None if made.path.starts_with("items[") => None,
        // the whole, or a part that decides the list: its items, or its kind
        None => Some(TemplatedPart { path: "", part: made.part }),
    };
    made.iter().filter_map(within).collect()
}
