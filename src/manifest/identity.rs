//! From documents to objects: each has an API version, a kind and a name.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::{Tree, TreeKind};
use crate::resolve::{Part, Resolved};
use crate::span::Place;

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
}

impl Manifest {
    /// The object in a tree, if it is one.
    pub fn of(tree: Tree) -> Result<Self, Diagnostic> {
        let field = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
        let needed = |keys: &[&str]| field(keys).ok_or_else(|| lacks(&tree, &keys.join(".")));
        let (api_version, kind) = (needed(&["apiVersion"])?, needed(&["kind"])?);
        let name = needed(&["metadata", "name"])?;
        let namespace = field(&["metadata", "namespace"]);
        Ok(Self { api_version, kind, name, namespace, tree })
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

/// The objects of an environment, each with the parts that templates made; lists are taken apart.
pub fn collect<'r>(resolved: &'r Resolved, problems: &mut Diagnostics) -> Vec<(Manifest, &'r [Part])> {
    let mut found = Vec::new();
    for document in &resolved.manifests {
        for tree in items(document.tree.clone()) {
            match Manifest::of(tree) {
                Ok(manifest) => found.push((manifest, document.parts.as_slice())),
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// The objects of a `List`, or the one that it is.
fn items(mut tree: Tree) -> Vec<Tree> {
    let is_list = tree.get("kind").and_then(Tree::as_text).is_some_and(|kind| kind.ends_with("List"));
    match &mut tree.kind {
        TreeKind::Map(map) if is_list => match map.swap_remove("items") {
            Some(Tree { kind: TreeKind::List(items), .. }) => items,
            Some(_) | None => vec![tree],
        },
        _ => vec![tree],
    }
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
