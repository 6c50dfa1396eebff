//! Objects that are patched, and their identities.

use crate::layer::{Tree, TreeKind};
use crate::resolve::TemplatePart;
use crate::test_hook::count_work;

/// Object with its templated parts, as patches change it.
#[derive(Debug, Clone)]
pub struct PatchObject {
    /// Content of the object; not a list of objects.
    pub tree: Tree,
    /// Parts of it that come from templates.
    pub parts: Vec<TemplatePart>,
    /// Identities before patches that may change them, oldest first.
    previous: Vec<PatchIdentity>,
    /// Whether operations were applied to it, after which kustomize no longer knows which texts were quoted.
    pub(super) is_rewritten: bool,
}

/// Group, version, kind, namespace and name by which patches select objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatchIdentity {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// Effective namespace: `default` if there is none; empty for a cluster-scoped kind.
    pub(super) namespace: String,
}

impl PatchIdentity {
    /// Identity of an object; what is unknown is empty.
    pub(super) fn of_tree(tree: &Tree) -> Self {
        count_work(1);
        let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).unwrap_or_default().to_owned();
        let api_version = text(&["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let kind = text(&["kind"]);
        let namespace = match text(&["metadata", "namespace"]) {
            _ if !super::super::scope::is_namespaced(&kind) => String::new(),
            namespace if namespace.is_empty() => "default".to_owned(),
            namespace => namespace,
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            name: text(&["metadata", "name"]),
            kind,
            namespace,
        }
    }

    /// Label for people: ``the Deployment `web` ``.
    pub(super) fn label(&self) -> String {
        format!("the {} `{}`", self.kind, self.name)
    }
}

impl PatchObject {
    /// Object as its manifest has it.
    pub fn new(tree: Tree, parts: Vec<TemplatePart>) -> Self {
        Self { tree, parts, previous: Vec::new(), is_rewritten: false }
    }

    /// Current identity.
    pub(super) fn identity(&self) -> PatchIdentity {
        PatchIdentity::of_tree(&self.tree)
    }

    /// All identities that it has had.
    pub(super) fn identities(&self) -> impl Iterator<Item = PatchIdentity> {
        self.previous.iter().cloned().chain([self.identity()])
    }

    /// First identity.
    pub(super) fn original(&self) -> PatchIdentity {
        self.previous.first().cloned().unwrap_or_else(|| self.identity())
    }

    /// Keeps the current identity, before a patch that may change it.
    pub(super) fn remember_identity(&mut self) {
        let identity = self.identity();
        if self.previous.last() != Some(&identity) {
            self.previous.push(identity);
        }
    }
}

impl Tree {
    /// Whether it is a scalar that was left blank, or an empty text.
    pub(super) fn is_blank(&self) -> bool {
        matches!(&self.kind, TreeKind::Leaf(scalar) if !scalar.locked && (scalar.blank || scalar.text().is_empty()))
    }
}
