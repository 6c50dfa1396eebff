//! From documents to objects: each has an API version, a kind and a name.

use super::schema;
use super::taint::{self, Made};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Tree;
use crate::resolve::{self, Part, Resolved};
use crate::route::Routing;
use crate::span::Place;

/// How much of an object is known without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    /// All.
    Known,
    /// What stands for it, with ciphertext in the place of plaintext.
    Shadow,
    /// Not even that.
    Dark,
}

/// Another object of an app.
#[derive(Debug)]
pub struct Manifest {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// The whole object.
    pub tree: Tree,
    /// How much of it is known.
    pub light: Light,
}

impl Manifest {
    /// The object in a tree, if it is one.
    pub fn of(tree: Tree) -> Result<Self, Diagnostic> {
        let field = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
        let needed = |keys: &[&str]| field(keys).ok_or_else(|| lacks(&tree, &keys.join(".")));
        let (api_version, kind) = (needed(&["apiVersion"])?, needed(&["kind"])?);
        let name = needed(&["metadata", "name"])?;
        let namespace = field(&["metadata", "namespace"]);
        Ok(Self { api_version, kind, name, namespace, tree, light: Light::Known })
    }

    /// Where the object begins.
    pub fn place(&self) -> &Place {
        &self.tree.place
    }

    /// The group of its API; empty for the core.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// What people call it: ``the Deployment `web` ``.
    pub fn label(&self) -> String {
        format!("the {} `{}`", self.kind, self.name)
    }
}

/// The objects of an environment; lists are taken apart. What has a secret where none may be is
/// reported, and without it.
pub fn collect(resolved: &Resolved, routing: &Routing, problems: &mut Diagnostics) -> Vec<Manifest> {
    let mut found = Vec::new();
    for document in &resolved.manifests {
        if document.is_absent {
            let made = made_of(&document.parts);
            taint::check_absent(&made, &resolved.definition, routing, problems);
            continue;
        }
        for (mut tree, made) in items(document) {
            if !taint::check(&mut tree, &made, &resolved.definition, routing, problems) {
                continue;
            }
            let light = light(&made);
            match Manifest::of(tree) {
                Ok(mut manifest) => {
                    schema::fit_types(&mut manifest, &made, problems);
                    found.push(Manifest { light, ..manifest });
                }
                // without a key, its name may be what is not known
                Err(_) if light != Light::Known => {}
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// Whether there are manifests of which not even the names are known without a key.
pub fn has_nameless(resolved: &Resolved) -> bool {
    let locked = |document: &&resolve::Manifest| document.parts.iter().any(|part| part.locked);
    let nameless = |document: &resolve::Manifest| {
        items(document).into_iter().any(|(tree, made)| light(&made) != Light::Known && Manifest::of(tree).is_err())
    };
    let present = resolved.manifests.iter().filter(|document| !document.is_absent);
    resolved.dark || present.filter(locked).any(nameless)
}

fn light(made: &[Made<'_>]) -> Light {
    let of_part = |made: &Made<'_>| match (made.part.locked, made.part.dark) {
        (false, _) => Light::Known,
        (true, false) => Light::Shadow,
        (true, true) => Light::Dark,
    };
    made.iter().map(of_part).max().unwrap_or(Light::Known)
}

/// The objects of a `List`, a `SecretList` or another list of objects.
pub fn list_items(tree: &Tree) -> Option<&[Tree]> {
    let is_list = tree.get("kind").and_then(Tree::as_text).is_some_and(|kind| kind.ends_with("List"));
    tree.get("items").filter(|_| is_list).and_then(Tree::as_list)
}

/// The objects of a list and of the lists in it, or the one that it is, each with what templates made of it.
fn items(document: &resolve::Manifest) -> Vec<(Tree, Vec<Made<'_>>)> {
    let mut found = Vec::new();
    add_items(&document.tree, made_of(&document.parts), &mut found);
    found
}

fn add_items<'r>(tree: &Tree, made: Vec<Made<'r>>, found: &mut Vec<(Tree, Vec<Made<'r>>)>) {
    let Some(items) = list_items(tree) else {
        found.push((tree.clone(), made));
        return;
    };
    for (index, item) in items.iter().enumerate() {
        add_items(item, made_in_item(&made, &format!("items[{index}]")), found);
    }
}

/// Result of the templates of a document.
fn made_of(parts: &[Part]) -> Vec<Made<'_>> {
    parts.iter().map(|part| Made { path: &part.path, part }).collect()
}

/// The parts of it that were made in an item of a list, or of the whole.
fn made_in_item<'r>(made: &[Made<'r>], item: &str) -> Vec<Made<'r>> {
    let within = |made: &Made<'r>| match made.path.strip_prefix(item) {
        Some(path) => Some(Made { path: path.strip_prefix('.').unwrap_or(path), part: made.part }),
        None if made.path.starts_with("items[") => None,
        // the whole, or what makes the list: its items, or whether it is one
        None => Some(Made { path: "", part: made.part }),
    };
    made.iter().filter_map(within).collect()
}

fn lacks(tree: &Tree, field: &str) -> Diagnostic {
    let error =
        Diagnostic::error("invalid-manifest", format!("a manifest lacks `{field}`")).at_hidden(tree.place.clone());
    if tree.get("kind").and_then(Tree::as_text) == Some("Kustomization") {
        return error.hint("a kustomization is no object; name the files that it lists");
    }
    if tree.at(&["metadata", "generateName"]).is_some() {
        return error.hint("`generateName` gives another name each time; what is applied again and again needs one");
    }
    error.hint("every object has `apiVersion`, `kind` and `metadata.name`")
}
