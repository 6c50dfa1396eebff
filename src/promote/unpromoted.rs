//! Fields of a layer that no promotion copies, or only one that names them: whatever is not an item is named.

use super::entry::{has_source, is_removal};
use super::excerpt::is_same_content;
use super::item::PromotedItem;
use super::own_file::OwnFiles;
use crate::name::EntryId;
use crate::sort::sort;
use crate::yaml::node::{YamlKind, YamlNode};

/// A field of an environment's own layer that is not promoted, and differs in the other environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnpromotedField {
    /// Reason why it is not promoted.
    pub reason: UnpromotedReason,
    /// Its name: `namespace`, `bundles.tls.type`, `replicas.web`, or that of an entry.
    pub name: String,
}

/// Reason why a field is not promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnpromotedReason {
    /// It is a setting of the environment.
    Setting,
    /// It has to be named.
    Unnamed,
    /// It is the rules of an entry, without a value beside them.
    Rules,
}

/// Part that a field of a layer has in a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldRole {
    /// Its items are promoted.
    Items,
    /// Its items are promoted if they are named.
    NamedItems,
    /// A map of bundles, each with fields of its own.
    Bundles,
    /// It is not promoted.
    Setting,
    /// It is no part of the layer.
    Metadata,
}

impl FieldRole {
    /// The role of a field of a layer. One that nothing is known of is a setting, and so is named.
    fn of_layer(name: &str) -> Self {
        match name {
            "data" | "images" | "patches" => Self::Items,
            "replicas" | "vars" => Self::NamedItems,
            "bundles" => Self::Bundles,
            "sops" => Self::Metadata,
            _ => Self::Setting,
        }
    }

    /// The role of a field of a bundle.
    fn of_bundle(name: &str) -> Self {
        if name == "data" { Self::Items } else { Self::Setting }
    }
}

/// Fields of the layer of `from` that are not promoted, and differ in `to`: settings, items that must be named, and
/// rules of entries without a value.
pub(super) fn find_unpromoted(from: &OwnFiles, to: &OwnFiles, app: &str) -> Vec<UnpromotedField> {
    let mut found = Vec::new();
    for (from, to) in from.iter().zip(to) {
        collect(from.root(), to.root(), app, &mut found);
    }
    sort(&mut found);
    found.dedup();
    found
}

fn collect(from: &YamlNode, to: &YamlNode, app: &str, found: &mut Vec<UnpromotedField>) {
    let other = |name: &str| to.as_map().and_then(|fields| fields.get(name));
    for (key, node) in from.as_map().into_iter().flatten() {
        let field = key.text.as_str();
        match FieldRole::of_layer(field) {
            FieldRole::Items if field == "data" => push_rules(node, other(field), app, app, found),
            FieldRole::Items | FieldRole::Metadata => {}
            FieldRole::Setting => push_different(UnpromotedReason::Setting, field, node, other(field), found),
            FieldRole::NamedItems => {
                for (name, node) in node.as_map().into_iter().flatten() {
                    let known = other(field).and_then(YamlNode::as_map).and_then(|map| map.get(name.text.as_str()));
                    let name = format!("{field}.{}", name.text);
                    push_different(UnpromotedReason::Unnamed, &name, node, known, found);
                }
            }
            FieldRole::Bundles => {
                for (bundle, node) in node.as_map().into_iter().flatten() {
                    let known = other(field).and_then(YamlNode::as_map).and_then(|map| map.get(bundle.text.as_str()));
                    collect_bundle(&bundle.text, node, known, app, found);
                }
            }
        }
    }
}

fn collect_bundle(bundle: &str, from: &YamlNode, to: Option<&YamlNode>, app: &str, found: &mut Vec<UnpromotedField>) {
    for (key, node) in from.as_map().into_iter().flatten() {
        let known = to.and_then(YamlNode::as_map).and_then(|fields| fields.get(key.text.as_str()));
        match FieldRole::of_bundle(&key.text) {
            FieldRole::Items => push_rules(node, known, bundle, app, found),
            _ => {
                let name = format!("bundles.{bundle}.{}", key.text);
                push_different(UnpromotedReason::Setting, &name, node, known, found);
            }
        }
    }
}

/// Names of the fields of a layer that hold nothing that is promoted by name, except for `known` ones.
pub(super) fn fields_without_items(root: &YamlNode, known: &[&str]) -> Vec<String> {
    let is_map = |node: &YamlNode| matches!(node.kind, YamlKind::Map(_));
    let mut found = Vec::new();
    for (key, node) in root.as_map().into_iter().flatten() {
        let field = key.text.as_str();
        match FieldRole::of_layer(field) {
            _ if known.contains(&field) => {}
            FieldRole::Metadata => {}
            FieldRole::Items if field == "patches" && matches!(node.kind, YamlKind::List(_)) => {}
            FieldRole::Items | FieldRole::NamedItems if field != "patches" && is_map(node) => {}
            FieldRole::Bundles if is_map(node) => {
                for (bundle, node) in node.as_map().into_iter().flatten() {
                    let name = format!("{field}.{}", bundle.text);
                    let Some(fields) = node.as_map() else {
                        found.push(name);
                        continue;
                    };
                    let others = fields
                        .iter()
                        .filter(|(key, node)| FieldRole::of_bundle(&key.text) != FieldRole::Items || !is_map(node));
                    found.extend(others.map(|(key, _)| format!("{name}.{}", key.text)));
                }
            }
            _ => found.push(field.to_owned()),
        }
    }
    found
}

/// Adds entries that have rules alone.
fn push_rules(data: &YamlNode, other: Option<&YamlNode>, bundle: &str, app: &str, found: &mut Vec<UnpromotedField>) {
    for (key, node) in data.as_map().into_iter().flatten() {
        let item = PromotedItem::Entry(EntryId { bundle: bundle.into(), key: key.text.as_str().into() });
        let has_fields = matches!(&node.kind, YamlKind::Map(fields) if !fields.is_empty());
        if has_fields && !has_source(&item, node) && !is_removal(node) {
            let known = other.and_then(YamlNode::as_map).and_then(|map| map.get(key.text.as_str()));
            push_different(UnpromotedReason::Rules, &item.name(app), node, known, found);
        }
    }
}

fn push_different(
    reason: UnpromotedReason,
    name: &str,
    node: &YamlNode,
    other: Option<&YamlNode>,
    found: &mut Vec<UnpromotedField>,
) {
    if !other.is_some_and(|other| is_same_content(node, other)) {
        found.push(UnpromotedField { reason, name: name.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{BundlePatch, Layer, LayerMapping};
    use crate::promote::item::list_items;
    use crate::span::Source;

    /// Each field of a layer, as the compiler knows it, with the name of its field in the file; none for what is not
    /// in the file. A new one does not compile before it has a row here.
    fn layer_fields(layer: &Layer) -> Vec<&'static str> {
        let Layer {
            name: _,
            role: _,
            source: _,
            is_partial: _,
            directory: _,
            naming_key: _,
            wrapping: _,
            app: _,
            extends: _,
            namespace: _,
            labels: _,
            annotations: _,
            selector_labels: _,
            prefix: _,
            suffix: _,
            vars: _,
            variable_rules: _,
            data: _,
            bundles: _,
            manifests: _,
            patches: _,
            images: _,
            replicas: _,
            external: _,
            names: _,
            immutable: _,
            delivery: _,
            allow: _,
        } = layer;
        vec![
            "app",
            "extends",
            "namespace",
            "labels",
            "annotations",
            "selectorLabels",
            "prefix",
            "suffix",
            "vars",
            "varRules",
            "data",
            "bundles",
            "manifests",
            "patches",
            "images",
            "replicas",
            "external",
            "names",
            "immutable",
            "delivery",
            "allow",
        ]
    }

    /// Likewise for the fields of a bundle.
    fn bundle_fields(bundle: &BundlePatch) -> Vec<&'static str> {
        let BundlePatch {
            place: _,
            secret_type: _,
            open: _,
            names: _,
            immutable: _,
            rbac: _,
            lifecycle: _,
            labels: _,
            annotations: _,
            data: _,
            registries: _,
        } = bundle;
        vec![
            "type",
            "open",
            "names",
            "immutable",
            "rbac",
            "expires",
            "rotateEvery",
            "owner",
            "rotation",
            "labels",
            "annotations",
            "data",
            "registries",
        ]
    }

    fn read(text: &str) -> YamlNode {
        crate::yaml::read::read_document(&Source::new("x", text)).unwrap()
    }

    /// The names of what is promoted from a layer, and of what is not.
    fn promoted_and_not(text: &str) -> (Vec<String>, Vec<String>) {
        let (from, to) = (read(text), read("{}"));
        let mut found = Vec::new();
        collect(&from, &to, "app", &mut found);
        let items = list_items(&from, "app").into_iter().filter(PromotedItem::is_usual);
        (items.map(|item| item.name("app")).collect(), found.into_iter().map(|field| field.name).collect())
    }

    #[test]
    fn every_field_of_a_layer_is_promoted_or_named() {
        let layer = Layer::read(
            "x".into(),
            crate::layer::LayerRole::Environment,
            Source::new("x", "bundles: { b: {} }\n"),
            std::path::PathBuf::new(),
            read("bundles: { b: {} }\n"),
            &mut crate::diagnostic::Diagnostics::new(),
        );
        let sorted = |mut fields: Vec<&'static str>| {
            fields.sort_unstable();
            fields
        };
        let fields = layer_fields(&layer);
        assert_eq!(sorted(fields.clone()), sorted(LayerMapping::Layer.fields()));
        for field in fields {
            let (promoted, named) = match field {
                "bundles" => continue,
                "patches" => promoted_and_not("patches: [a.yaml]\n"),
                field => promoted_and_not(&format!("{field}: {{ K: v }}\n")),
            };
            let expected = match field {
                "data" => (vec!["K".to_owned()], vec![]),
                "images" => (vec!["images.K".to_owned()], vec![]),
                "patches" => (vec!["patches.a.yaml".to_owned()], vec![]),
                "vars" | "replicas" => (vec![], vec![format!("{field}.K")]),
                field => (vec![], vec![field.to_owned()]),
            };
            assert_eq!((promoted, named), expected, "{field}");
        }
        let bundle = layer.bundles.values().next().unwrap();
        let fields = bundle_fields(bundle);
        assert_eq!(sorted(fields.clone()), sorted(LayerMapping::Bundle.fields()));
        for field in fields {
            let (promoted, named) = promoted_and_not(&format!("bundles: {{ b: {{ {field}: {{ K: v }} }} }}\n"));
            let expected = match field {
                "data" => (vec!["b/K".to_owned()], vec![]),
                field => (vec![], vec![format!("bundles.b.{field}")]),
            };
            assert_eq!((promoted, named), expected, "{field}");
        }
    }

    #[test]
    fn every_field_of_an_entry_is_copied_with_a_value_or_named() {
        for field in LayerMapping::Entry.fields() {
            let (promoted, named) = promoted_and_not(&format!("data: {{ K: {{ {field}: x }} }}\n"));
            let is_source = crate::layer::ENTRY_SOURCES.contains(&field);
            assert_eq!((promoted.len(), named.len()), (1, usize::from(!is_source)), "{field}");
        }
    }
}
