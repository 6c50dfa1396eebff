//! Bundles from ConfigMaps and Secrets of several environments.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::source::SourceObject;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::layer::tree::TreeKind;
use crate::map::IndexMap;
use crate::object::may_be_immutable;
use crate::secret::Wiping;
use crate::sort::CollectSorted;
use crate::span::Location;
use crate::value::OutputValue;

/// Value of a key in one environment.
#[derive(Clone)]
pub(super) struct ImportedValue {
    /// The bytes.
    pub(super) bytes: Wiping<Vec<u8>>,
    /// Whether it comes from a Secret.
    pub(super) is_secret: bool,
    /// Location in the source.
    pub(super) place: Location,
}

/// Reference to a value in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportedRef {
    pub(super) key: String,
    pub(super) property: Option<String>,
    pub(super) version: Option<String>,
}

impl ImportedRef {
    /// The entry in a layer.
    pub(super) fn to_field(&self) -> OutputValue<'_> {
        let mut fields = vec![("key", OutputValue::text(self.key.as_str()))];
        fields.extend(self.property.as_deref().map(|property| ("property", OutputValue::text(property))));
        fields.extend(self.version.as_deref().map(|version| ("version", OutputValue::text(version))));
        OutputValue::map([("ref", OutputValue::map(fields))])
    }
}

/// Bundle in one environment.
#[derive(Default, Clone)]
pub(super) struct ImportedBundle {
    /// `type` of the Secret, unless it is `Opaque`.
    pub(super) secret_type: Option<String>,
    /// Whether its objects are immutable.
    pub(super) is_immutable: bool,
    pub(super) labels: IndexMap<String, String>,
    pub(super) annotations: IndexMap<String, String>,
    pub(super) values: IndexMap<String, ImportedValue>,
    /// Entries whose values stay in a store.
    pub(super) refs: IndexMap<String, ImportedRef>,
}

impl ImportedBundle {
    /// Whether nothing would be written for it: only the token of a service account is a Secret without values.
    pub(super) fn is_without_values(&self) -> bool {
        self.values.is_empty()
            && self.refs.is_empty()
            && self.secret_type.as_deref() != Some("kubernetes.io/service-account-token")
    }

    /// Whether a value is not a text.
    pub(super) fn has_binary(&self) -> bool {
        self.values.values().any(|value| std::str::from_utf8(&value.bytes).is_err())
    }
}

/// Reason why a ConfigMap stays a manifest.
pub(super) type Unfit = &'static str;

/// Bundle of a ConfigMap, or the reason why it has to stay a manifest.
pub(super) fn bundle_of_config_map(object: &SourceObject) -> Result<ImportedBundle, Unfit> {
    let mut bundle = ImportedBundle::default();
    read_metadata(object, &mut bundle)?;
    for (field, value) in object.tree.as_map().into_iter().flatten() {
        match (field.as_str(), &value.kind) {
            ("apiVersion" | "kind" | "metadata", _) => {}
            ("data", TreeKind::Map(data)) => read_texts(data, &mut bundle)?,
            ("binaryData", TreeKind::Map(data)) => {
                for (key, value) in data {
                    let bytes = value.as_text().and_then(decode).ok_or("its `binaryData` is not base64")?;
                    if std::str::from_utf8(&bytes).is_ok() {
                        return Err("its `binaryData` has a text");
                    }
                    add_value(&mut bundle, key, bytes, value, false);
                }
            }
            ("immutable", TreeKind::Leaf(_)) if is_boolean(value) => bundle.is_immutable = is_true(value),
            ("data" | "binaryData", TreeKind::Leaf(scalar)) if scalar.is_null() || scalar.blank => {}
            _ => return Err("it has another field than `data` and `binaryData`"),
        }
    }
    if bundle.values.is_empty() { Err("it is empty") } else { Ok(bundle) }
}

/// Whether a value is `true`, `false` or null.
fn is_boolean(value: &Tree) -> bool {
    matches!(value.to_value(), OutputValue::Bool(_) | OutputValue::Null)
}

fn is_true(value: &Tree) -> bool {
    matches!(value.to_value(), OutputValue::Bool(true))
}

/// Whether a Secret is of a type to which the cluster adds values: such a bundle is never immutable.
fn has_changes(object: &SourceObject) -> bool {
    object.tree.get("type").and_then(Tree::as_text).is_some_and(|kind| !may_be_immutable(kind))
}

fn read_texts(data: &IndexMap<String, Tree>, bundle: &mut ImportedBundle) -> Result<(), Unfit> {
    for (key, value) in data {
        let TreeKind::Leaf(scalar) = &value.kind else { return Err("a value of it is not a text") };
        if scalar.is_null() || scalar.blank {
            return Err("a value of it is null");
        }
        add_value(bundle, key, Wiping::new(scalar.text().as_bytes().to_vec()), value, false);
    }
    Ok(())
}

fn add_value(bundle: &mut ImportedBundle, key: &str, bytes: Wiping<Vec<u8>>, value: &Tree, is_secret: bool) {
    bundle.values.insert(key.to_owned(), ImportedValue { bytes, is_secret, place: value.place.clone() });
}

/// Bundle of a Secret. What cannot be kept is reported as a warning.
pub(super) fn bundle_of_secret(object: &SourceObject, problems: &mut Diagnostics) -> ImportedBundle {
    let mut bundle = ImportedBundle::default();
    if read_metadata(object, &mut bundle).is_err() {
        let message = format!("`metadata` of {} has fields that a bundle does not have", object.label());
        problems.push(Diagnostic::warning(Rule::ImportLoss, message).at_masked(object.place().clone()));
    }
    let fields = object.tree.as_map().into_iter().flatten();
    let mut written = Vec::new();
    for (field, value) in fields {
        match (field.as_str(), &value.kind) {
            ("apiVersion" | "kind" | "metadata", _) => {}
            ("type", _) => bundle.secret_type = value.as_text().filter(|kind| *kind != "Opaque").map(str::to_owned),
            // the cluster adds values to Secrets of the other types
            ("immutable", TreeKind::Leaf(_)) if is_boolean(value) && (!is_true(value) || !has_changes(object)) => {
                bundle.is_immutable = is_true(value);
            }
            ("data", TreeKind::Map(data)) => {
                for (key, value) in data {
                    match value.as_text().map_or_else(|| Some(Wiping::default()), decode) {
                        Some(bytes) => add_value(&mut bundle, key, bytes, value, true),
                        None => problems.push(
                            Diagnostic::error(
                                Rule::InvalidValue,
                                format!("`data.{key}` of {} is not base64", object.label()),
                            )
                            .at_masked(value.place.clone()),
                        ),
                    }
                }
            }
            ("stringData", TreeKind::Map(data)) => written.extend(data),
            ("data" | "stringData", TreeKind::Leaf(scalar)) if scalar.is_null() || scalar.blank => {}
            _ => problems.push(
                Diagnostic::warning(
                    Rule::ImportLoss,
                    format!("`{field}` of {} cannot be expressed in a bundle", object.label()),
                )
                .at_masked(value.place.clone()),
            ),
        }
    }
    for (key, value) in written {
        let bytes = value.as_text().unwrap_or_default().as_bytes().to_vec();
        add_value(&mut bundle, key, Wiping::new(bytes), value, true);
    }
    bundle
}

/// Bytes of base64 as Go decodes it: line breaks are skipped.
fn decode(text: &str) -> Option<Wiping<Vec<u8>>> {
    let text = zeroize::Zeroizing::new(text.replace(['\n', '\r'], ""));
    STANDARD.decode(text.as_bytes()).ok().map(Wiping::new)
}

/// Reads labels and annotations; other fields of `metadata` are a reason to stay a manifest.
pub(super) fn read_metadata(object: &SourceObject, bundle: &mut ImportedBundle) -> Result<(), Unfit> {
    let mut result = Ok(());
    let metadata = object.tree.get("metadata").and_then(Tree::as_map);
    for (field, value) in metadata.into_iter().flatten() {
        let texts = match field.as_str() {
            "name" | "namespace" => continue,
            "labels" => &mut bundle.labels,
            "annotations" => &mut bundle.annotations,
            _ => {
                result = Err("its `metadata` has fields that a bundle does not have");
                continue;
            }
        };
        for (key, value) in value.as_map().into_iter().flatten() {
            match value.as_text() {
                Some(text) => drop(texts.insert(key.clone(), text.to_owned())),
                None => result = Err("a label or annotation of it is not a text"),
            }
        }
    }
    result
}

impl ImportedBundle {
    /// Adds the other half of a bundle: the Secret of the same name. Returns whether they fit together.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let is_fit = self.labels == other.labels
            && self.annotations == other.annotations
            && self.is_immutable == other.is_immutable
            && !other.values.keys().any(|key| self.values.contains_key(key))
            && other.secret_type.is_none();
        if is_fit {
            self.values.extend(other.values.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        is_fit
    }
}

/// Pairs that all maps have, and the rest of each.
pub(super) fn split_common<'m>(
    maps: &[&'m IndexMap<String, String>],
) -> (BTreeMap<&'m str, &'m str>, Vec<BTreeMap<&'m str, &'m str>>) {
    let is_common = |key: &str, value: &str| maps.iter().all(|map| map.get(key).is_some_and(|other| other == value));
    let pairs = |map: &'m IndexMap<String, String>| map.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let first = maps.first().map(|map| pairs(map)).into_iter().flatten();
    let common = first.filter(|(key, value)| is_common(key, value)).collect_map();
    let rest = maps.iter().map(|map| pairs(map).filter(|(key, _)| !common.contains_key(key)).collect_map());
    let rest = rest.collect();
    (common, rest)
}
