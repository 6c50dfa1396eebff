//! Objects of other programs: what they are called, whether they ask for wiring, and how that is done.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::{Tree, TreeKind};
use crate::manifest::{BASE_NAME, Manifest};
use crate::object::GuestWiring;
use crate::resolve::find_impossible_values;
use crate::yaml::node::{YamlKind, YamlNode};

/// Name of standard input in messages.
pub const INPUT: &str = "standard input";

/// Prefix of the directives of Septum.
const PREFIX: &str = "septum.dev/";

/// Label of the objects that Septum generates.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Names by which an object is known to the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemIdentity {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.namespace`, if it has one.
    pub namespace: Option<String>,
    /// `metadata.name`
    pub name: String,
}

impl ItemIdentity {
    /// Names of an object; parts that it does not have are empty.
    pub fn of_node(node: &YamlNode) -> Self {
        let text = |keys: &[&str]| text_at(node, keys).unwrap_or_default().to_owned();
        Self {
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            namespace: text_at(node, &["metadata", "namespace"]).map(str::to_owned),
            name: text(&["metadata", "name"]),
        }
    }

    /// Names of an object that is about to be added.
    pub fn of_tree(tree: &Tree) -> Self {
        let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
        Self {
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            kind: text(&["kind"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]).unwrap_or_default(),
        }
    }

    /// Whether another one would be the same object in a cluster. One without a namespace may get any.
    pub fn is_same(&self, other: &Self) -> bool {
        let group = |identity: &Self| identity.api_version.split_once('/').map(|(group, _)| group.to_owned());
        let may_meet = self.namespace.as_ref().zip(other.namespace.as_ref()).is_none_or(|(one, two)| one == two);
        (&self.kind, &self.name) == (&other.kind, &other.name) && group(self) == group(other) && may_meet
    }

    /// Label for people: ``the Deployment `web` ``.
    pub fn label(&self) -> String {
        if self.name.is_empty() { format!("a {}", self.kind) } else { format!("the {} `{}`", self.kind, self.name) }
    }
}

/// Text of a scalar at the end of a path of keys.
pub(super) fn text_at<'n>(node: &'n YamlNode, keys: &[&str]) -> Option<&'n str> {
    let found = keys.iter().try_fold(node, |node, key| node.as_map()?.get(*key))?;
    let scalar = found.as_scalar()?;
    (!scalar.blank && !scalar.is_null()).then(|| scalar.text())
}

/// Value of an annotation.
pub(super) fn annotation<'n>(node: &'n YamlNode, name: &str) -> Option<&'n str> {
    text_at(node, &["metadata", "annotations", name])
}

/// Sets an annotation of an object.
pub(super) fn set_annotation(tree: &mut Tree, name: &str, text: &str) {
    let place = tree.place.clone();
    if let Some(metadata) = tree.at_mut(&["metadata"])
        && let Some(annotations) = metadata.map_under("annotations")
    {
        annotations.insert(name.to_owned(), Tree::text(text, &place));
    }
}

/// Whether Septum generated an object, in an earlier run.
pub(super) fn is_generated(node: &YamlNode) -> bool {
    text_at(node, &["metadata", "labels", MANAGED_BY]) == Some("septum")
}

/// Whether an object has a directive of Septum, at a place where it has an effect or not.
pub(super) fn has_directive(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Scalar(_) => false,
        YamlKind::List(items) => items.iter().any(has_directive),
        YamlKind::Map(map) => map
            .iter()
            .any(|(key, value)| (key.text.starts_with(PREFIX) && key.text != BASE_NAME) || has_directive(value)),
    }
}

/// Objects of a list of the core API, if a node is one: a `List`, a `ConfigMapList`. In other groups, an object may be of
/// a kind that ends so, and have `items` of its own.
pub(super) fn list_members(node: &YamlNode) -> Option<&[YamlNode]> {
    let is_object = |item: &YamlNode| text_at(item, &["kind"]).is_some() && text_at(item, &["apiVersion"]).is_some();
    let is_list = text_at(node, &["apiVersion"]) == Some("v1") && text_at(node, &["kind"])?.ends_with("List");
    match &node.as_map()?.get("items")?.kind {
        YamlKind::List(items) if is_list && items.iter().all(is_object) => Some(items),
        YamlKind::List(_) | YamlKind::Scalar(_) | YamlKind::Map(_) => None,
    }
}

/// Whether an object, or one of the objects of a list, is one.
pub(super) fn any_object(node: &YamlNode, is_one: &impl Fn(&YamlNode) -> bool) -> bool {
    match list_members(node) {
        Some(members) => members.iter().any(|member| any_object(member, is_one)),
        None => is_one(node),
    }
}

/// Visits an object, or each object of a list.
pub(super) fn each_object<'n>(node: &'n YamlNode, visit: &mut impl FnMut(&'n YamlNode)) {
    match list_members(node) {
        Some(members) => members.iter().for_each(|member| each_object(member, visit)),
        None => visit(node),
    }
}

/// Applies the directives in an object, or in each object of a list.
pub fn wire_tree(mut tree: Tree, wiring: &GuestWiring<'_>, problems: &mut Diagnostics) -> Tree {
    let is_object = |item: &Tree| item.get("kind").is_some() && item.get("apiVersion").is_some();
    let is_core = tree.get("apiVersion").and_then(Tree::as_text) == Some("v1");
    let is_list = crate::manifest::list_items(&tree)
        .is_some_and(|items| is_core || (!items.is_empty() && items.iter().all(is_object)));
    if is_list && let Some(Tree { kind: TreeKind::List(items), .. }) = tree.at_mut(&["items"]) {
        let wired: Vec<_> = items.drain(..).map(|item| wire_tree(item, wiring, problems)).collect();
        items.extend(wired);
        return tree;
    }
    let impossible = find_impossible_values(&tree);
    if impossible.has_errors() {
        problems.extend(impossible);
        return tree;
    }
    let unchanged = tree.clone();
    let mut manifest = match Manifest::of(tree) {
        Ok(manifest) => manifest,
        Err(problem) => {
            problems.push(problem);
            return unchanged;
        }
    };
    let label = manifest.label();
    let mut found = Diagnostics::new();
    wiring.wire(&mut manifest, &mut found);
    problems.extend(found.into_iter().map(|problem| name_object(problem, &label)));
    manifest.tree
}

/// A problem with the object that it is in, where its message does not name it.
fn name_object(problem: Diagnostic, label: &str) -> Diagnostic {
    if problem.message.contains(label) { problem } else { problem.note(format!("in {label}")) }
}
