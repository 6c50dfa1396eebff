//! Effects of fields of kustomizations on single objects: what differs only by them is a mapping, written as patches.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::field_map::Text;
use super::graph::{EnvironmentRoot, KustomizationGraph, NodeIndex, ResourceItem};
use super::json::text_at;
use crate::map::HashSet;
use crate::sort::sort_by_key;

/// Key with its text.
type TextPair = (String, String);

/// Texts that the fields of a root, and of what it includes, write to objects.
#[derive(Debug, Default)]
pub(super) struct FieldEffects {
    namespaces: HashSet<String>,
    labels: HashSet<TextPair>,
    annotations: HashSet<TextPair>,
    /// Prefixes with suffixes of names, from all levels.
    affixes: HashSet<TextPair>,
}

/// Field that explains a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MappedField {
    /// `namespace` of a Namespace: its name.
    NamespaceName,
    Namespace,
    Labels,
    Annotations,
    /// `namePrefix` and `nameSuffix`: names, and references to them.
    Affixes,
}

impl MappedField {
    /// Note about an environment; none if the field always becomes a patch.
    pub(super) fn note(self, environment: &str) -> Option<String> {
        let why = match self {
            Self::NamespaceName => return None,
            Self::Namespace => "a `namespace` applies to some objects only",
            Self::Labels => "labels apply to some objects only, or to pod templates",
            Self::Annotations => "annotations apply to some objects only, or to pod templates",
            Self::Affixes => "a prefix or a suffix applies to some names only",
        };
        Some(format!("{environment}: {why}, which is written as patches"))
    }
}

impl FieldEffects {
    pub(super) fn of_root(graph: &KustomizationGraph<'_>, root: &EnvironmentRoot) -> Self {
        let mut found = Self::default();
        for node in graph.reached(root.node).into_iter().filter_map(|index| graph.nodes.get(index)) {
            let content = &node.content;
            found.namespaces.extend(content.namespace.as_ref().map(|text| text.value.clone()));
            found.labels.extend(content.labels.iter().flat_map(|rule| rule.pairs.iter().cloned()));
            found.annotations.extend(content.annotations.iter().cloned());
        }
        found.affixes = affixes_below(graph, root.node);
        found
    }

    /// Names that an object, or a reference, may have with the prefixes and suffixes of the levels.
    pub(super) fn affixed(&self, name: &str) -> Vec<String> {
        self.affixes.iter().map(|(prefix, suffix)| format!("{prefix}{name}{suffix}")).collect()
    }

    /// Removes from the target of a patch the namespace that the fields add.
    pub(super) fn relax_namespace(&self, target: &mut Json) {
        let Some(fields) = target.as_object_mut() else { return };
        if fields.get("namespace").and_then(Json::as_str).is_some_and(|name| self.namespaces.contains(name)) {
            fields.remove("namespace");
        }
    }

    /// Removes from the target of a patch the affixes that the fields add, or the name that a Namespace gets.
    pub(super) fn relax_name(&self, target: &mut Json) {
        let (kind, name) = (text_at(target, "/kind").to_owned(), text_at(target, "/name").to_owned());
        let Some(fields) = target.as_object_mut() else { return };
        if kind == "Namespace" && self.namespaces.contains(&name) {
            fields.remove("name");
            return;
        }
        let mut affixes: Vec<_> = self.affixes.iter().collect();
        // the longest first: it contains those of the levels below
        sort_by_key(&mut affixes, |(prefix, suffix)| std::cmp::Reverse((prefix.len() + suffix.len(), prefix)));
        let bare = |(prefix, suffix): &&TextPair| name.strip_prefix(prefix.as_str())?.strip_suffix(suffix.as_str());
        if let Some(bare) = affixes.iter().find_map(bare).filter(|bare| !bare.is_empty()) {
            fields.insert("name".to_owned(), Json::from(bare));
        }
    }

    /// Fields that explain all operations on a rendered object; none if one does something else.
    pub(super) fn explain(&self, rendered: &Json, operations: &[Json]) -> Option<BTreeSet<MappedField>> {
        let mut found = BTreeSet::new();
        for operation in operations {
            self.explain_operation(rendered, operation, &mut found)?;
        }
        Some(found)
    }

    fn explain_operation(&self, rendered: &Json, operation: &Json, found: &mut BTreeSet<MappedField>) -> Option<()> {
        let (kind, path) = (text_at(rendered, "/kind"), text_at(operation, "/path"));
        let value = operation.get("value").filter(|_| text_at(operation, "/op") != "remove")?;
        let is_namespace = value.as_str().is_some_and(|text| self.namespaces.contains(text));
        if is_namespace && kind == "Namespace" && path == "/metadata/name" {
            found.insert(MappedField::NamespaceName);
            return Some(());
        }
        if is_namespace && (path == "/metadata/namespace" || is_subject_namespace(path)) {
            found.insert(MappedField::Namespace);
            return Some(());
        }
        if !self.affixes.is_empty() && self.affixed(text_at(rendered, path)).iter().any(|name| value == name) {
            found.insert(MappedField::Affixes);
            return Some(());
        }
        let mut parts = path.rsplit('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        let last = parts.next()?;
        let is_texts = |part: &str| matches!(part, "labels" | "annotations" | "selector" | "matchLabels");
        if !is_texts(&last) && last != "metadata" && !parts.next().is_some_and(|parent| is_texts(&parent)) {
            return None;
        }
        self.explain_texts(&last, value, found)
    }

    fn explain_texts(&self, key: &str, value: &Json, found: &mut BTreeSet<MappedField>) -> Option<()> {
        match value {
            Json::String(text) => {
                let pair = (key.to_owned(), text.clone());
                let field = match (self.labels.contains(&pair), self.annotations.contains(&pair)) {
                    (true, _) => MappedField::Labels,
                    (false, true) => MappedField::Annotations,
                    (false, false) => return None,
                };
                found.insert(field);
                Some(())
            }
            Json::Object(map) => map.iter().try_for_each(|(key, value)| self.explain_texts(key, value, found)),
            _ => None,
        }
    }
}

/// Prefixes with suffixes that objects below a kustomization get, without those that change nothing.
fn affixes_below(graph: &KustomizationGraph<'_>, index: NodeIndex) -> HashSet<TextPair> {
    let Some(node) = graph.nodes.get(index) else { return HashSet::default() };
    let below = node.resources.iter().filter_map(|item| match item {
        ResourceItem::Directory(below) => Some(*below),
        ResourceItem::File(..) => None,
    });
    let mut found: HashSet<_> =
        below.chain(node.components.iter().copied()).flat_map(|below| affixes_below(graph, below)).collect();
    found.insert(TextPair::default());
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let (prefix, suffix) = (text(&node.content.prefix), text(&node.content.suffix));
    let affixed = |(before, after): &TextPair| (format!("{prefix}{before}"), format!("{after}{suffix}"));
    found.iter().map(affixed).filter(|pair| *pair != TextPair::default()).collect()
}

/// Whether a path is of the namespace of a service account, or of a service, that an object names.
fn is_subject_namespace(path: &str) -> bool {
    path.ends_with("/namespace") && (path.starts_with("/subjects/") || path.ends_with("/service/namespace"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effects() -> FieldEffects {
        let pair = |key: &str| HashSet::from_iter([(key.to_owned(), "v".to_owned())]);
        FieldEffects {
            namespaces: HashSet::from_iter(["n".to_owned()]),
            labels: pair("l/a"),
            annotations: pair("a"),
            affixes: HashSet::from_iter([("x-".to_owned(), "-y".to_owned())]),
        }
    }

    #[test]
    fn operations_with_values_of_fields_are_explained() {
        for (kind, path, value, expected) in [
            ("Namespace", "/metadata/name", json!("n"), Some(MappedField::NamespaceName)),
            ("Service", "/metadata/name", json!("n"), None),
            ("Service", "/metadata/namespace", json!("n"), Some(MappedField::Namespace)),
            ("Service", "/metadata/namespace", json!("other"), None),
            ("RoleBinding", "/subjects/0/namespace", json!("n"), Some(MappedField::Namespace)),
            ("Job", "/spec/template/metadata", json!({ "annotations": { "a": "v" } }), Some(MappedField::Annotations)),
            ("Job", "/spec/template/metadata/annotations/a", json!("other"), None),
            ("Service", "/spec/selector/l~1a", json!("v"), Some(MappedField::Labels)),
            ("Service", "/spec/type/l~1a", json!("v"), None),
            ("Service", "/spec/name", json!("x-a-y"), Some(MappedField::Affixes)),
            ("Service", "/spec/name", json!("x-a"), None),
        ] {
            let operations = [json!({ "op": "add", "path": path, "value": value })];
            let found = effects().explain(&json!({ "kind": kind, "spec": { "name": "a" } }), &operations);
            assert_eq!(found, expected.map(|field| BTreeSet::from([field])), "{kind} {path}");
        }
    }

    #[test]
    fn a_removed_field_is_not_explained() {
        assert_eq!(effects().explain(&json!({}), &[json!({ "op": "remove", "path": "/metadata/labels/l~1a" })]), None);
    }
}
