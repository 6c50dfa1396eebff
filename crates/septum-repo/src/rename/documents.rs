//! Places that name a key: in layers, and in manifests and their patches.

use std::collections::BTreeSet;

use super::text::{DataScope, NameKind, TextRenaming};
use crate::sort::CollectSorted;
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::yaml::node::{Mapping, YamlKey, YamlKind, YamlNode};
use crate::yaml::read::{MergeKeys, read_stream};

/// Fields of an entry with templates.
const WITH_TEMPLATES: [&str; 2] = ["value", "content"];

/// Fields that refer to a key of an object, by `name` and `key`.
const KEY_REFERENCES: [&str; 2] = ["configMapKeyRef", "secretKeyRef"];

/// Fields that refer to an object, with keys under `items`, and the field of its name.
const ITEM_REFERENCES: [(&str, &str); 3] = [("configMap", "name"), ("secret", "secretName"), ("secret", "name")];

/// Fields of a pod with its containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Directive that gives the containers of a pod all keys of bundles as variables.
const ENV_FROM: &str = "septum.dev/env-from";

impl TextRenaming<'_> {
    /// Renames the key in a layer of an app.
    pub(super) fn rename_in_layer(&mut self, root: &YamlNode, app: &str, renames_allowed: bool) {
        let Some(fields) = root.as_map() else { return };
        let map_of = |map: &Mapping, name: &str| map.get(name).and_then(YamlNode::as_map).cloned();
        if let Some(data) = map_of(fields, "data") {
            self.rename_in_entries(&data, app);
        }
        for (bundle, node) in map_of(fields, "bundles").into_iter().flatten() {
            if let Some(bundle_fields) = node.as_map() {
                if let Some(data) = map_of(bundle_fields, "data") {
                    self.rename_in_entries(&data, &bundle.text);
                }
                // in templates of a login, `data` is the app's own bundle
                let scope = self.scope_of(app);
                bundle_fields.get("registries").into_iter().for_each(|logins| self.rename_in_templates(logins, scope));
            }
        }
        if let Some(vars) = fields.get("vars") {
            self.rename_in_templates(vars, self.scope_of(app));
        }
        for patch in list_of(fields, "patches").filter_map(|patch| patch.as_map()?.get("patch")) {
            self.rename_in_manifest(patch);
            self.rename_in_patch_text(patch);
        }
        for allow in list_of(fields, "allow").filter_map(YamlNode::as_map) {
            let is_about = match allow.get("bundle").and_then(YamlNode::as_scalar) {
                Some(bundle) => self.scope_of(bundle.text()) == DataScope::Renamed,
                None => renames_allowed,
            };
            allow.get("key").filter(|_| is_about).into_iter().for_each(|key| self.rename_scalar(key, NameKind::Allow));
        }
    }

    fn scope_of(&self, bundle: &str) -> DataScope {
        if bundle == self.change.bundle { DataScope::Renamed } else { DataScope::Other }
    }

    fn rename_in_entries(&mut self, entries: &Mapping, bundle: &str) {
        let scope = self.scope_of(bundle);
        for (key, node) in entries {
            if scope == DataScope::Renamed && key.text == self.change.old {
                self.rename_key(key);
            }
            match &node.kind {
                YamlKind::Scalar(_) => self.rename_in_templates(node, scope),
                YamlKind::List(_) => {}
                YamlKind::Map(fields) if is_literal(fields) => {}
                YamlKind::Map(fields) => {
                    for node in WITH_TEMPLATES.iter().filter_map(|name| fields.get(*name)) {
                        self.rename_in_templates(node, scope);
                    }
                }
            }
        }
    }

    /// Renames the key in a document of a manifest, or in a patch.
    pub(super) fn rename_in_manifest(&mut self, root: &YamlNode) {
        let scope = if self.change.is_own { DataScope::Renamed } else { DataScope::Other };
        self.rename_in_templates(root, scope);
        self.rename_references(root, false);
    }

    /// Renames the key in the references of a patch that is a text. One that is not valid, or has templates around parts
    /// of it, is left as it is: what it breaks is found in the result.
    fn rename_in_patch_text(&mut self, patch: &YamlNode) {
        let Some(scalar) = patch.as_scalar() else { return };
        let inner = Source::new("", scalar.text());
        let Ok(stream) = read_stream(&inner, MergeKeys::Keep) else { return };
        let mut renaming = TextRenaming::new(self.change, &inner);
        stream.documents.iter().for_each(|document| renaming.rename_references(document, false));
        self.add_edits_within(patch.span, renaming);
    }

    /// Renames the key in references; `is_wired` says that the containers of a pod get all keys of the bundle.
    fn rename_references(&mut self, node: &YamlNode, is_wired: bool) {
        match &node.kind {
            YamlKind::Scalar(_) => {}
            YamlKind::List(items) => items.iter().for_each(|item| self.rename_references(item, is_wired)),
            YamlKind::Map(map) => {
                self.rename_mounted(map);
                self.rename_expanded(map, is_wired);
                for (field, child) in map {
                    self.rename_reference(&field.text, child);
                    self.rename_references(child, field.text == "spec" && self.is_wired(map));
                }
            }
        }
    }

    /// Whether a pod template has the directive that gives its containers the keys of the bundle.
    fn is_wired(&self, template: &Mapping) -> bool {
        let annotations = template.get("metadata").and_then(|metadata| metadata.as_map()?.get("annotations")?.as_map());
        let bundles = annotations.and_then(|annotations| annotations.get(ENV_FROM)?.as_scalar());
        bundles.is_some_and(|bundles| bundles.text().split(',').any(|bundle| bundle.trim() == self.change.bundle))
    }

    /// Renames variables that Kubernetes expands in a pod, `$(KEY)`, where its containers get all keys as variables.
    fn rename_expanded(&mut self, pod: &Mapping, is_wired: bool) {
        for container in CONTAINERS.into_iter().flat_map(|field| list_of(pod, field)).filter_map(YamlNode::as_map) {
            let own: BTreeSet<_> =
                list_of(container, "env").filter_map(|variable| text_of(variable, "name")).collect_set();
            let mut prefixes: BTreeSet<&str> = is_wired.then_some("").into_iter().collect_set();
            prefixes.extend(list_of(container, "envFrom").filter_map(|source| {
                let fields = source.as_map()?;
                let names = |field: &str| {
                    fields.get(field).and_then(YamlNode::as_map).is_some_and(|of| self.names_object(of, "name"))
                };
                (names("configMapRef") || names("secretRef")).then(|| text_of(source, "prefix").unwrap_or_default())
            }));
            let words = ["command", "args"].into_iter().flat_map(|field| list_of(container, field));
            let values = list_of(container, "env").filter_map(|variable| variable.as_map()?.get("value"));
            let texts: Vec<_> = words.chain(values).collect();
            for prefix in prefixes {
                let name = format!("{prefix}{}", self.change.old);
                // a variable of the container itself comes before those of objects
                if !own.contains(name.as_str()) {
                    for text in &texts {
                        self.rename_variable(text, &name, prefix);
                    }
                }
            }
        }
    }

    fn rename_reference(&mut self, field: &str, node: &YamlNode) {
        let Some(reference) = node.as_map() else { return };
        if KEY_REFERENCES.contains(&field)
            && self.names_object(reference, "name")
            && let Some(key) = reference.get("key")
        {
            self.rename_scalar(key, NameKind::Reference);
        }
        if self.is_item_reference(field, reference) {
            for key in list_of(reference, "items").filter_map(|item| item.as_map()?.get("key")) {
                self.rename_scalar(key, NameKind::Reference);
            }
        }
    }

    fn is_item_reference(&self, field: &str, reference: &Mapping) -> bool {
        ITEM_REFERENCES.iter().any(|(known, name)| *known == field && self.names_object(reference, name))
    }

    /// Renames the key where a pod mounts it as a single file: `subPath`.
    fn rename_mounted(&mut self, pod: &Mapping) {
        let is_source = |volume: &&Mapping| {
            let is_whole = |(field, node): (&YamlKey, &YamlNode)| {
                let whole = node.as_map().filter(|reference| reference.get("items").is_none());
                whole.is_some_and(|reference| self.is_item_reference(&field.text, reference))
            };
            let projected = volume.get("projected").and_then(YamlNode::as_map);
            let parts = projected.into_iter().flat_map(|projected| list_of(projected, "sources"));
            volume.iter().any(is_whole) || parts.filter_map(YamlNode::as_map).any(|part| part.iter().any(is_whole))
        };
        let volumes = list_of(pod, "volumes").filter_map(YamlNode::as_map).filter(is_source);
        let names: BTreeSet<String> =
            volumes.filter_map(|volume| Some(volume.get("name")?.as_scalar()?.text().to_owned())).collect_set();
        if names.is_empty() {
            return;
        }
        let containers = CONTAINERS.into_iter().flat_map(|field| list_of(pod, field));
        let mounts = containers.filter_map(YamlNode::as_map).flat_map(|container| list_of(container, "volumeMounts"));
        let mounts: Vec<_> = mounts.filter_map(YamlNode::as_map).collect();
        for mount in mounts {
            let is_of = mount.get("name").and_then(YamlNode::as_scalar).is_some_and(|name| names.contains(name.text()));
            if let Some(path) = mount.get("subPath").filter(|_| is_of) {
                self.rename_scalar(path, NameKind::Reference);
            }
        }
    }

    /// Whether a reference names the object of the bundle, as far as the text shows: a template may.
    fn names_object(&self, reference: &Mapping, field: &str) -> bool {
        let name = reference.get(field).and_then(YamlNode::as_scalar);
        name.is_some_and(|name| name.text() == self.change.bundle || is_template(name.text()))
    }
}

/// Text in a field.
fn text_of<'n>(node: &'n YamlNode, field: &str) -> Option<&'n str> {
    Some(node.as_map()?.get(field)?.as_scalar()?.text())
}

/// The items of a list in a field.
fn list_of<'m>(map: &'m Mapping, field: &str) -> impl Iterator<Item = &'m YamlNode> {
    let items = map.get(field).and_then(|node| match &node.kind {
        YamlKind::List(items) => Some(items.as_slice()),
        YamlKind::Map(_) | YamlKind::Scalar(_) => None,
    });
    items.unwrap_or_default().iter()
}

/// Whether the value of an entry is no template, whatever it contains.
fn is_literal(fields: &Mapping) -> bool {
    fields.get("template").and_then(YamlNode::as_scalar).is_some_and(|rule| rule.text() == "false")
}
