//! `configurations`: fields that name ConfigMaps and Secrets, as rules for `references` of `septum.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::assemble::LayerAssembly;
use super::field_map::TextPairs;
use super::fields::place_text;
use super::json::{json_of_tree, text_at};
use super::pair::{BundleNames, identity, object_label};
use super::transform::KustomizeObjects;
use crate::files::FileKind;
use crate::layer::Tree;
use crate::manifest::references::{ReferenceRules, find_references};
use crate::value::OutputValue;
use crate::yaml::read::read_document;
use crate::yaml::write::write_document;

impl LayerAssembly<'_, '_> {
    /// Adds the rules of all `nameReference` entries.
    pub(super) fn add_references(&mut self, built: &KustomizeObjects, trees: &BTreeMap<String, Vec<Tree>>) {
        let graph = self.graph;
        let known = known_references(trees);
        let mut rules = std::mem::take(&mut self.references);
        for node in &graph.nodes {
            for named in &node.content.configurations {
                let read = graph
                    .locate(&node.content.directory, named)
                    .and_then(|path| graph.files.read_text(FileKind::Manifest, &path));
                let Ok(source) = read else { continue };
                let Ok(document) = read_document(&source) else { continue };
                let configuration = json_of_tree(&Tree::from_node(document, &source));
                let fields = configuration.as_object().into_iter().flatten();
                for (field, value) in fields {
                    if field != "nameReference" {
                        let text = format!(
                            "`{field}` of `configurations` has no equivalent: what it changes is taken as built"
                        );
                        self.add_note(place_text(&named.place), text);
                        continue;
                    }
                    for reference in value.as_array().into_iter().flatten() {
                        for unmatched in add_rules(reference, built, &known, &mut rules) {
                            self.add_note(place_text(&named.place), unmatched);
                        }
                    }
                }
            }
        }
        self.references = rules;
    }

    /// Rules as text of a YAML list; none if there are none.
    pub(super) fn references_text(&self) -> Option<String> {
        if self.references.is_empty() {
            return None;
        }
        let rules = self.references.iter().map(|rule| {
            OutputValue::map(rule.iter().map(|(field, text)| (field.as_str(), OutputValue::text(text.as_str()))))
        });
        Some(write_document(&OutputValue::List(rules.collect())))
    }

    /// Adds a rule for a reference that one of kustomize and Septum does not follow. Whether it is new.
    pub(super) fn add_unfollowed(&mut self, environment: &str, object: &Json, found: &UnfollowedReference<'_>) -> bool {
        let [version, kind, _, _] = identity(object);
        let group = version.split_once('/').map(|(group, _)| group);
        let fields = [("kind", Some(kind)), ("group", group), ("path", Some(found.pattern.as_str()))];
        let role = (!found.is_followed).then_some("output");
        let fields = fields.into_iter().chain([("target", Some(found.target)), ("role", role)]);
        let rule = fields.filter_map(|(field, text)| Some((field.to_owned(), text?.to_owned()))).collect();
        if !self.references.insert(rule) {
            return false;
        }
        let why = if found.is_followed {
            "kustomize changes it with the object, and so does the rule in `references` of `septum.yaml`"
        } else {
            "kustomize does not add the hash, so no object has this name; to correct it, remove the rule from `references` of `septum.yaml`"
        };
        let (label, target, bundle) = (object_label(object), found.target, found.bundle);
        let text = format!("{label} of {environment} names the {target} `{bundle}` at `{}`: {why}", found.pattern);
        self.add_note(String::new(), text);
        true
    }
}

/// Reference to a generated object that one of kustomize and Septum does not follow: a patch would hold until the values
/// of the object change.
pub(super) struct UnfollowedReference<'b> {
    target: &'b str,
    bundle: &'b str,
    pattern: String,
    /// Whether kustomize follows it.
    is_followed: bool,
}

impl<'b> UnfollowedReference<'b> {
    /// The first difference that is such a reference.
    pub(super) fn find(rendered: &Json, operations: &[Json], bundles: &'b BundleNames) -> Option<Self> {
        let named = |value: Option<&Json>| {
            let text = value?.as_str()?;
            bundles.iter().find(|((_, name), bundle)| name == text && name != *bundle)
        };
        operations.iter().find_map(|operation| {
            let path = text_at(operation, "/path");
            let theirs = named(operation.get("value"));
            let ((target, _), bundle) = theirs.or_else(|| named(rendered.pointer(path)))?;
            Some(Self { target, bundle, pattern: pattern_of(rendered, path), is_followed: theirs.is_some() })
        })
    }
}

/// Pattern of a path as a pointer: each item of a list.
fn pattern_of(object: &Json, pointer: &str) -> String {
    let mut value = Some(object);
    let mut pattern = String::new();
    for part in pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")) {
        if value.is_some_and(Json::is_array) {
            pattern.push_str("[]");
            value = value.and_then(|items| items.get(part.parse::<usize>().ok()?));
            continue;
        }
        if !pattern.is_empty() {
            pattern.push('.');
        }
        pattern.push_str(&pattern_part(&part));
        value = value.and_then(|map| map.get(&part));
    }
    pattern
}

/// Adds the rules of one kind of referent, and returns what to say of those that match no object: they are left out.
/// Others than ConfigMaps and Secrets are not looked up by Septum.
fn add_rules(
    reference: &Json,
    built: &KustomizeObjects,
    known: &BTreeSet<(String, String)>,
    rules: &mut BTreeSet<TextPairs>,
) -> Vec<String> {
    let target = text_at(reference, "/kind");
    let mut unmatched = Vec::new();
    if !matches!(target, "ConfigMap" | "Secret") {
        return unmatched;
    }
    for spec in reference.get("fieldSpecs").and_then(Json::as_array).into_iter().flatten() {
        let (group, path) = (text_at(spec, "/group"), text_at(spec, "/path"));
        let parts = split_path(path);
        let mut is_matched = false;
        for (kind, objects) in objects_of_spec(spec, built) {
            let mut found = BTreeSet::new();
            let mut names = BTreeSet::new();
            for object in objects {
                add_patterns(object, &parts, "", &mut found);
                add_names(object, &parts, &mut names);
            }
            is_matched |= !names.is_empty();
            // the built-in rules tell more: which kind a name is of, and which key it needs
            if names.iter().all(|name| known.contains(&(kind.to_owned(), name.clone()))) {
                continue;
            }
            for path in found {
                let group = (!group.is_empty()).then_some(("group", group));
                let fields =
                    [("kind", kind)].into_iter().chain(group).chain([("path", path.as_str()), ("target", target)]);
                rules.insert(fields.map(|(field, text)| (field.to_owned(), text.to_owned())).collect());
            }
        }
        if !is_matched {
            let kind = text_at(spec, "/kind");
            let of_kind = if kind.is_empty() { String::new() } else { format!(" of the kind `{kind}`") };
            unmatched.push(format!(
                "a `nameReference` to a {target} at `{path}` is left out: no object{of_kind} has such a field"
            ));
        }
    }
    unmatched
}

/// Objects that a field specification is about, by kind. One without `kind` or `group` is about all of them.
fn objects_of_spec<'o>(spec: &Json, built: &'o KustomizeObjects) -> BTreeMap<&'o str, Vec<&'o Json>> {
    let (kind, group) = (text_at(spec, "/kind"), text_at(spec, "/group"));
    let mut found: BTreeMap<&str, Vec<&Json>> = BTreeMap::new();
    for object in built.values().flatten() {
        let of = text_at(object, "/kind");
        let group_of = text_at(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
        if (kind.is_empty() || of == kind) && (group.is_empty() || group_of == group) {
            found.entry(of).or_default().push(object);
        }
    }
    found
}

/// Names that the built-in rules find, by kind of the object.
fn known_references(trees: &BTreeMap<String, Vec<Tree>>) -> BTreeSet<(String, String)> {
    let rules = ReferenceRules::with_user(&[]);
    let mut found = BTreeSet::new();
    for tree in trees.values().flatten() {
        let kind = tree.at(&["kind"]).and_then(Tree::as_text).unwrap_or_default();
        found.extend(find_references(tree, &rules).into_iter().map(|found| (kind.to_owned(), found.name.value)));
    }
    found
}

/// Texts at a path of an object.
fn add_names(value: &Json, parts: &[String], found: &mut BTreeSet<String>) {
    match (value, parts.split_first()) {
        (Json::Array(items), _) => {
            for item in items {
                add_names(item, parts, found);
            }
        }
        (Json::String(text), None) => drop(found.insert(text.clone())),
        (_, Some((first, rest))) => {
            if let Some(below) = value.get(first.trim_end_matches("[]")) {
                add_names(below, rest, found);
            }
        }
        (_, None) => {}
    }
}

/// Parts of a path; `\/` is a slash inside of one.
fn split_path(path: &str) -> Vec<String> {
    let parts = path.replace("\\/", "\0");
    parts.split('/').filter(|part| !part.is_empty()).map(|part| part.replace('\0', "/")).collect()
}

/// Patterns of a path as it is in an object: kustomize enters lists by itself.
fn add_patterns(value: &Json, parts: &[String], path: &str, found: &mut BTreeSet<String>) {
    if let Json::Array(items) = value {
        for item in items {
            add_patterns(item, parts, &format!("{path}[]"), found);
        }
        return;
    }
    let Some((first, rest)) = parts.split_first() else {
        if value.is_string() {
            found.insert(path.to_owned());
        }
        return;
    };
    let key = first.trim_end_matches("[]");
    if let Some(below) = value.get(key) {
        let part = pattern_part(key);
        let path = if path.is_empty() { part } else { format!("{path}.{part}") };
        add_patterns(below, rest, &path, found);
    }
}

fn pattern_part(part: &str) -> String {
    if part.contains(['.', '/']) { format!("\"{part}\"") } else { part.to_owned() }
}
