//! ConfigMaps and Secrets that an app provides as manifests: the rules are those of the objects of bundles.
//!
//! The API server would reject them, or, worse, accept them without a field that it does not know. Independent of the
//! delivery, anything rejected there is rejected here, at its line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::input::BuildInput;
use super::typed::{SecretOrigin, TypedSecret};
use super::{Object, ObjectKind, metadata, names, size, text};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Definition, Tree, TreeKind};
use crate::manifest::{Manifest, is_filled_in_later};
use crate::resolve::ResolvedBytes;
use crate::sort::CollectSorted;
use crate::span::{Located, Location};
use crate::yaml::kubectl::json_type;
use crate::yaml::node::Scalar;
use crate::yaml::scalar::{CoreType, core_type};

/// Fields of a ConfigMap.
const CONFIG_MAP: [&str; 6] = ["apiVersion", "kind", "metadata", "immutable", "data", "binaryData"];
/// Fields of a Secret.
const SECRET: [&str; 7] = ["apiVersion", "kind", "metadata", "immutable", "type", "data", "stringData"];

/// Checks a manifest that is a ConfigMap or a Secret.
///
/// Errors: `invalid-manifest`, `invalid-name`, `invalid-key`, `invalid-value`, `oversized-object`, `typed-secret`.
/// Warnings: `control-character`, `oversized-object`, `typed-secret`.
pub(super) fn check_manifest(manifest: &Manifest, target: BuildInput<'_>, problems: &mut Diagnostics) {
    let kind = match (manifest.api_version.as_str(), manifest.kind.as_str()) {
        ("v1", "ConfigMap") => ObjectKind::ConfigMap,
        ("v1", "Secret") => ObjectKind::Secret,
        _ => return,
    };
    let mut look = DataObjectChecker { manifest, kind, data: BTreeMap::new(), unknown: BTreeSet::new(), problems };
    look.check_fields();
    let (labels, annotations) = look.check_metadata(&target.resolved.definition);
    match kind {
        ObjectKind::ConfigMap => {
            look.decode_values("data", DataEncoding::Text);
            look.decode_values("binaryData", DataEncoding::Base64);
        }
        ObjectKind::Secret => {
            look.decode_values("data", DataEncoding::Base64);
            look.decode_values("stringData", DataEncoding::Text);
        }
    }
    let secret_type = look.text_at(&["type"]).filter(|_| kind == ObjectKind::Secret);
    let DataObjectChecker { data, unknown, .. } = look;
    if let Some(secret_type) = &secret_type {
        let source = SecretOrigin::Manifest { manifest, unknown: &unknown };
        let namespace = namespace_of(manifest, target);
        let (annotations, namespace, at) = (&annotations, namespace.as_ref(), target.at);
        TypedSecret { source, secret_type, data: &data, annotations, namespace, at }.check(problems);
    }
    let object = Object {
        kind,
        name: manifest.name.clone(),
        base_name: manifest.name.clone(),
        namespace: manifest.namespace.clone(),
        labels,
        annotations,
        secret_type: secret_type.map(|located| located.value),
        immutable: false,
        data,
        unknown: BTreeMap::new(),
        is_named: true,
        environment: target.resolved.definition.environment.clone(),
    };
    let place = |key: &str| value_at(manifest, key).map(|value| value.place.clone());
    problems.extend(size::check_size(&object, &manifest.label(), place));
}

/// Encoding of the values of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DataEncoding {
    Text,
    Base64,
}

/// Checker of a manifest.
struct DataObjectChecker<'a> {
    manifest: &'a Manifest,
    kind: ObjectKind,
    /// Decoded values by key.
    data: BTreeMap<String, ResolvedBytes>,
    /// Keys whose values are unknown or invalid.
    unknown: BTreeSet<String>,
    problems: &'a mut Diagnostics,
}

impl<'a> DataObjectChecker<'a> {
    /// Checks that all of its fields belong to its kind and have the right type.
    fn check_fields(&mut self) {
        let known: &[&str] = match self.kind {
            ObjectKind::ConfigMap => &CONFIG_MAP,
            ObjectKind::Secret => &SECRET,
        };
        let fields = self.manifest.tree.as_map().into_iter().flatten();
        for (field, value) in fields.filter(|(field, _)| !known.contains(&field.as_str())) {
            let message = format!("unknown field `{field}` in a {}", self.kind.as_str());
            self.problems.push(
                Diagnostic::error(Rule::InvalidManifest, message)
                    .at_masked(value.place.clone())
                    .note("the API server would reject the object, or drop the field")
                    .hint(format!("the fields are {}", known.join(", "))),
            );
        }
        if let Some(immutable) = self.manifest.tree.get("immutable")
            && !is_of(immutable, &[CoreType::Bool, CoreType::Null])
        {
            let message = format!("`immutable` of {} must be `true` or `false`", self.manifest.label());
            self.problems.push(Diagnostic::error(Rule::InvalidValue, message).at_masked(immutable.place.clone()));
        }
        self.text_at(&["type"]);
    }

    /// Labels and annotations; reports invalid metadata, except that of every object, which is reported in its layer.
    fn check_metadata(&mut self, definition: &Definition) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        if let Some(name) = self.text_at(&["metadata", "name"]).filter(|name| !is_filled_in_later(&name.value))
            && let Some(why) = names::wrong_object_name(&name.value)
        {
            let nearest = names::nearest_object_name(&name.value);
            self.problems.push(
                Diagnostic::error(Rule::InvalidName, format!("`{}` is not a valid object name: {why}", name.value))
                    .at_masked(name.place)
                    .maybe_hint(nearest.map(|name| format!("the nearest valid name is `{name}`"))),
            );
        }
        if let Some(namespace) = self
            .text_at(&["metadata", "namespace"])
            .filter(|text| !text.value.is_empty() && !is_filled_in_later(&text.value))
            && definition.namespace.as_ref().is_none_or(|common| common.value != namespace.value)
            && let Some(why) = names::wrong_namespace(&namespace.value)
        {
            let message = format!("`{}` is not a valid namespace: {why}", namespace.value);
            self.problems.push(Diagnostic::error(Rule::InvalidName, message).at_masked(namespace.place));
        }
        let labels = self.texts(&["metadata", "labels"]);
        let annotations = self.texts(&["metadata", "annotations"]);
        let of_layers = [&definition.labels, &definition.selector_labels];
        let own_labels = without_common(&labels, &of_layers);
        let own_annotations = without_common(&annotations, &[&definition.annotations]);
        metadata::check_texts(&own_labels, &own_annotations, self.problems);
        let plain = |texts: metadata::LocatedTexts| -> BTreeMap<String, String> {
            texts.into_iter().map(|(key, text)| (key, text.value)).collect_map()
        };
        let (labels, annotations) = (plain(labels), plain(annotations));
        let length = size::annotations_size(&annotations);
        if length > size::MAX_ANNOTATIONS {
            let message = format!(
                "the annotations of {} have {length} bytes, but Kubernetes allows at most {}",
                self.manifest.label(),
                size::MAX_ANNOTATIONS
            );
            let place = self.place(&["metadata", "annotations"]);
            self.problems.push(Diagnostic::error(Rule::OversizedObject, message).at_masked(place));
        }
        (labels, annotations)
    }

    /// Decodes the values of a field.
    fn decode_values(&mut self, field: &str, encoding: DataEncoding) {
        for (key, value) in self.pairs(&[field]) {
            let label = format!("`{key}` of {}", self.manifest.label());
            if let Some(why) = names::wrong_key(key) {
                let nearest = names::nearest_key(key);
                let message = format!("`{key}` is not a valid {} key: {why}", self.kind.as_str());
                self.problems.push(
                    Diagnostic::error(Rule::InvalidKey, message)
                        .at_masked(value.place.clone())
                        .maybe_hint(nearest.map(|key| format!("the nearest valid key is `{key}`"))),
                );
            }
            if self.kind == ObjectKind::ConfigMap && (self.data.contains_key(key) || self.unknown.contains(key)) {
                let message = format!("{label} is in `data` and in `binaryData`");
                self.problems.push(
                    Diagnostic::error(Rule::InvalidKey, message)
                        .at_masked(value.place.clone())
                        .hint("remove one of them"),
                );
            }
            match self.decode_value(&label, value, encoding) {
                Some(known) => {
                    text::check_characters(&label, key, self.kind, &known, &value.place, self.problems);
                    self.unknown.remove(key);
                    self.data.insert(key.to_owned(), known);
                }
                None => {
                    self.data.remove(key);
                    self.unknown.insert(key.to_owned());
                }
            }
        }
    }

    fn decode_value(&mut self, label: &str, value: &Tree, encoding: DataEncoding) -> Option<ResolvedBytes> {
        let scalar = self.scalar(label, value)?;
        if encoding == DataEncoding::Text {
            return Some(ResolvedBytes::Written(scalar));
        }
        // the API server skips line breaks only
        let packed: String = scalar.text().chars().filter(|char| !matches!(char, '\r' | '\n')).collect();
        if let Ok(bytes) = STANDARD.decode(packed) {
            return Some(ResolvedBytes::File(bytes.into()));
        }
        let hint = match self.kind {
            ObjectKind::Secret => "encode it with `base64 -w0`, or write it unencoded under `stringData`",
            ObjectKind::ConfigMap => "encode it with `base64 -w0`, or write it unencoded under `data`",
        };
        self.problems.push(
            Diagnostic::error(Rule::InvalidValue, format!("{label} is not valid base64"))
                .at_masked(value.place.clone())
                .note("expected the standard alphabet, with padding")
                .hint(hint),
        );
        None
    }

    /// Text of a value; the API server does not convert a number. `None` if it is unknown; null is empty.
    fn scalar(&mut self, label: &str, value: &Tree) -> Option<Arc<Scalar>> {
        let found = match &value.kind {
            TreeKind::Leaf(scalar) if scalar.locked => return None,
            TreeKind::Leaf(scalar) => match json_type(scalar) {
                CoreType::String | CoreType::Null => return Some(Arc::clone(scalar)),
                CoreType::Bool => "a boolean",
                CoreType::Int | CoreType::Float => "a number",
            },
            TreeKind::List(_) => "a list",
            TreeKind::Map(_) => "a mapping",
        };
        let error = Diagnostic::error(Rule::InvalidValue, format!("expected a string for {label}, found {found}"))
            .at_masked(value.place.clone());
        self.problems.push(if matches!(value.kind, TreeKind::Leaf(_)) { error.hint("quote it") } else { error });
        None
    }

    /// Text at the end of a path, if there is one.
    fn text_at(&mut self, path: &[&str]) -> Option<Located<String>> {
        let value = self.manifest.tree.at(path)?;
        let label = format!("`{}` of {}", path.join("."), self.manifest.label());
        let scalar = self.scalar(&label, value)?;
        (json_type(&scalar) == CoreType::String)
            .then(|| Located { value: scalar.text().to_owned(), place: value.place.clone() })
    }

    /// Texts of a mapping by key.
    fn texts(&mut self, path: &[&str]) -> metadata::LocatedTexts {
        let mut texts = metadata::LocatedTexts::default();
        for (key, value) in self.pairs(path) {
            let label = format!("`{}.{key}` of {}", path.join("."), self.manifest.label());
            if let Some(scalar) = self.scalar(&label, value) {
                let text = if core_type(&scalar) == CoreType::Null { "" } else { scalar.text() };
                texts.insert(key.to_owned(), Located { value: text.to_owned(), place: value.place.clone() });
            }
        }
        texts
    }

    /// Pairs of a mapping. Any other value is an error, except null.
    fn pairs(&mut self, path: &[&str]) -> Vec<(&'a str, &'a Tree)> {
        let Some(tree) = self.manifest.tree.at(path) else { return Vec::new() };
        if let Some(map) = tree.as_map() {
            return map.iter().map(|(key, value)| (key.as_str(), value)).collect();
        }
        if !is_of(tree, &[CoreType::Null]) {
            let (path, noun) = (path.join("."), tree.noun());
            let message = format!("expected a mapping for `{path}` of {}, found {noun}", self.manifest.label());
            self.problems.push(Diagnostic::error(Rule::InvalidValue, message).at_masked(tree.place.clone()));
        }
        Vec::new()
    }

    fn place(&self, path: &[&str]) -> Location {
        self.manifest.tree.at(path).map_or_else(|| self.manifest.place(), |tree| &tree.place).clone()
    }
}

/// Texts without those that layers set on every object.
fn without_common(texts: &metadata::LocatedTexts, common: &[&metadata::LocatedTexts]) -> metadata::LocatedTexts {
    let is_common = |key: &String, text: &Located<String>| {
        common.iter().filter_map(|texts| texts.get(key)).any(|common| common.value == text.value)
    };
    let own = texts.iter().filter(|(key, text)| !is_common(key, text));
    own.map(|(key, text)| (key.clone(), text.clone())).collect()
}

/// Namespace that the object will be in.
fn namespace_of(manifest: &Manifest, target: BuildInput<'_>) -> Option<Located<String>> {
    let of_app = target.resolved.definition.namespace.clone();
    of_app.or_else(|| {
        let place = manifest.tree.at(&["metadata", "namespace"])?.place.clone();
        Some(Located { value: manifest.namespace.clone()?, place })
    })
}

/// Value of a key, in whatever field.
fn value_at<'t>(manifest: &'t Manifest, key: &str) -> Option<&'t Tree> {
    ["stringData", "data", "binaryData"].iter().find_map(|field| manifest.tree.at(&[field, key]))
}

fn is_of(tree: &Tree, types: &[CoreType]) -> bool {
    matches!(&tree.kind, TreeKind::Leaf(scalar) if scalar.locked || types.contains(&core_type(scalar)))
}
