//! Rendered objects, read back.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde_json::Value as Json;

/// Rendered objects, read back.
#[derive(Debug, PartialEq)]
pub(crate) struct Objects(pub(crate) Vec<Json>);

impl Objects {
    pub(crate) fn read(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text);
        Self(documents.map(|document| Json::deserialize(document).unwrap()).collect())
    }

    /// The values of the object `KIND/NAME`, decoded; empty if there is none.
    pub(crate) fn bytes(&self, object: &str) -> BTreeMap<String, Vec<u8>> {
        let named = |json: &&Json| object == format!("{}/{}", text(&json["kind"]), text(&json["metadata"]["name"]));
        let Some(json) = self.0.iter().find(named) else { return BTreeMap::new() };
        let is_secret = json["kind"] == "Secret";
        let decode = |value: &Json| STANDARD.decode(text(value)).unwrap();
        let plain = |value: &Json| if is_secret { decode(value) } else { text(value).as_bytes().to_vec() };
        let part = |field: &str| json[field].as_object().cloned().unwrap_or_default();
        let texts = part("data").into_iter().map(|(key, value)| (key, plain(&value)));
        texts.chain(part("binaryData").into_iter().map(|(key, value)| (key, decode(&value)))).collect()
    }

    /// The same as texts.
    pub(crate) fn texts(&self, object: &str) -> BTreeMap<String, String> {
        self.bytes(object).into_iter().map(|(key, value)| (key, String::from_utf8(value).unwrap())).collect()
    }

    /// A value of the app's own bundle, from its ConfigMap or its Secret.
    #[track_caller]
    pub(crate) fn value(&self, key: &str) -> String {
        let mut both = self.texts("ConfigMap/app");
        both.extend(self.texts("Secret/app"));
        both.remove(key).unwrap_or_else(|| panic!("`{key}` is not among {:?}", both.keys()))
    }
}

#[track_caller]
pub(crate) fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

/// A mapping of texts, for comparison.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
