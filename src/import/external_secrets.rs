//! ExternalSecrets as entries whose values stay in a store.

use super::bundles::{ImportedBundle, ImportedRef, read_metadata};
use super::source::SourceObject;
use crate::layer::Tree;
use crate::map::IndexMap;
use crate::value::OutputValue;

/// `delivery` of ExternalSecrets: the store, and how often it is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ImportedStore {
    kind: String,
    name: String,
    refresh_interval: Option<String>,
}

impl ImportedStore {
    /// The field `delivery` of a layer.
    pub(super) fn to_field(&self) -> OutputValue<'_> {
        let store = [("kind", OutputValue::text(self.kind.as_str())), ("name", OutputValue::text(self.name.as_str()))];
        let mut fields = vec![("refs", OutputValue::text("external-secret")), ("store", OutputValue::map(store))];
        let interval = self.refresh_interval.as_deref();
        fields.extend(interval.map(|interval| ("refreshInterval", OutputValue::text(interval))));
        OutputValue::map(fields)
    }
}

/// Store and entries of an ExternalSecret, or the reason why it stays a manifest.
pub(super) fn bundle_of_external(object: &SourceObject) -> Result<(ImportedStore, ImportedBundle), &'static str> {
    if object.api_version != "external-secrets.io/v1" {
        return Err("it has another version than `external-secrets.io/v1`");
    }
    let spec = object.tree.get("spec").and_then(Tree::as_map).ok_or("it has no `spec`")?;
    let known = ["data", "refreshInterval", "secretStoreRef", "target"];
    let fields = object.tree.as_map().into_iter().flatten().map(|(field, _)| field.as_str());
    let is_known = |field: &str| matches!(field, "apiVersion" | "kind" | "metadata" | "spec");
    let mut fields = fields;
    if spec.keys().any(|field| !known.contains(&field.as_str())) || !fields.all(is_known) {
        return Err("it has fields that a `ref` does not have");
    }
    let texts = |tree: &Tree, known: &[&str]| -> Option<IndexMap<String, String>> {
        let map = tree.as_map()?;
        map.iter()
            .map(|(field, value)| {
                Some((field.clone(), value.as_text()?.to_owned())).filter(|_| known.contains(&field.as_str()))
            })
            .collect()
    };
    let store = spec.get("secretStoreRef").and_then(|store| texts(store, &["kind", "name"]));
    let mut store = store.ok_or("it has no store of its own")?;
    let target = spec.get("target").map_or_else(
        || Some(IndexMap::default()),
        |target| texts(target, &["creationPolicy", "deletionPolicy", "name"]),
    );
    let target = target.ok_or("its `target` has a template")?;
    let is_default = |field: &str, value: &str| target.get(field).is_none_or(|found| found == value);
    if !is_default("creationPolicy", "Owner")
        || !is_default("deletionPolicy", "Retain")
        || !is_default("name", &object.name)
    {
        return Err("its `target` is not a Secret of its name");
    }
    let mut bundle = ImportedBundle::default();
    read_metadata(object, &mut bundle)?;
    let items = spec.get("data").and_then(Tree::as_list).ok_or("it has no `data`")?;
    for item in items {
        let key = item.get("secretKey").and_then(Tree::as_text);
        let known = ["conversionStrategy", "decodingStrategy", "key", "metadataPolicy", "property", "version"];
        let remote = item.get("remoteRef").and_then(|remote| texts(remote, &known));
        let (Some(key), Some(mut remote), Some(2)) = (key, remote, item.as_map().map(IndexMap::len)) else {
            return Err("an item of its `data` is not a `secretKey` with a `remoteRef`");
        };
        let is_default = |field: &str, value: &str| remote.get(field).is_none_or(|found| found == value);
        if !is_default("conversionStrategy", "Default")
            || !is_default("decodingStrategy", "None")
            || !is_default("metadataPolicy", "None")
        {
            return Err("an item of its `data` converts the value");
        }
        let Some(name) = remote.shift_remove("key") else { return Err("an item of its `data` has no key") };
        let found = ImportedRef {
            key: name,
            property: remote.shift_remove("property"),
            version: remote.shift_remove("version"),
        };
        if bundle.refs.insert(key.to_owned(), found).is_some() {
            return Err("a key of its `data` is there twice");
        }
    }
    let store = ImportedStore {
        kind: store.shift_remove("kind").unwrap_or_else(|| "SecretStore".to_owned()),
        name: store.shift_remove("name").ok_or("its store has no name")?,
        refresh_interval: spec.get("refreshInterval").and_then(Tree::as_text).map(str::to_owned),
    };
    if bundle.refs.is_empty() { Err("it is empty") } else { Ok((store, bundle)) }
}
