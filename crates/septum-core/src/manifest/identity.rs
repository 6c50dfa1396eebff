//! From documents to objects: each has an API version, a kind and a name.

use crate::diagnostic::{Cause, Diagnostic, Rule};
use crate::layer::Tree;
use crate::span::Location;
use crate::visibility::Visibility;

/// Other object of an app.
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
    /// Whole object.
    pub tree: Tree,
    /// Visibility of the object.
    pub visibility: Visibility,
    /// Annotations of checksums that are unknown, if everything else is known.
    pub unknown_checksums: Vec<String>,
}

impl Manifest {
    /// Reads the object in a tree, if it is one.
    pub fn of(tree: Tree) -> Result<Self, Diagnostic> {
        let field = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
        let needed = |keys: &[&str]| field(keys).ok_or_else(|| missing_field(&tree, keys));
        let (api_version, kind) = (needed(&["apiVersion"])?, needed(&["kind"])?);
        let name = needed(&["metadata", "name"])?;
        let namespace = field(&["metadata", "namespace"]);
        let visibility = Visibility::Known;
        Ok(Self { api_version, kind, name, namespace, tree, visibility, unknown_checksums: Vec::new() })
    }

    /// Location of the start of the object.
    pub fn place(&self) -> &Location {
        &self.tree.place
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Label for people: ``the Deployment `web` ``.
    pub fn label(&self) -> String {
        format!("the {} `{}`", self.kind, self.name)
    }
}

fn missing_field(tree: &Tree, keys: &[&str]) -> Diagnostic {
    let is_broken =
        (0..=keys.len()).any(|depth| tree.at(keys.get(..depth).unwrap_or_default()).is_some_and(Tree::is_broken));
    let error = Diagnostic::error(Rule::InvalidManifest, format!("a manifest has no `{}`", keys.join(".")))
        .at_masked(tree.place.clone())
        .with_cause(is_broken.then_some(Cause::Reported));
    if tree.get("kind").and_then(Tree::as_text) == Some("Kustomization") {
        return error.hint("a kustomization is not an object; list its resource files instead");
    }
    if tree.at(&["metadata", "generateName"]).is_some() {
        return error.hint("`generateName` generates a new name on every apply; write a fixed `name` instead");
    }
    error.hint("every object requires `apiVersion`, `kind` and `metadata.name`")
}
