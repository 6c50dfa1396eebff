//! Kubernetes objects: a ConfigMap with the plain entries of a bundle, a Secret with its sensitive ones, and the rules
//! of the API server for both.

mod access;
mod build;
mod checksum;
mod constraint;
mod consumers;
mod declared;
mod external;
mod fingerprint;
mod guests;
mod hash;
mod input;
mod jobs;
mod link;
mod metadata;
mod name_index;
mod names;
mod naming;
mod placeholder;
mod pod;
mod provide;
mod renamed;
mod rendered;
mod sealed;
mod size;
mod text;
mod typed;
mod variables;
mod versions;
mod written_rules;

use std::collections::BTreeMap;

use crate::name::EnvironmentName;
use crate::resolve::ResolvedBytes;
use crate::value::OutputValue;
use crate::visibility::Placeholder;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use build::check_values;
pub use constraint::Constraints;
pub use consumers::ConsumerIndex;
pub use external::{ExternalBundle, ExternalEntry, ExternalValue, brought_by};
pub use fingerprint::Fingerprint;
pub use guests::GuestWiring;
pub use input::{BuildInput, KnownNames};
pub use names::wrong_object_name;
pub use naming::known_name;
pub use placeholder::PlaceholderSource;
pub use provide::ObjectIndex;
pub use rendered::{RenderedObject, TargetObjects, render};
pub use typed::{Day, certificate_end, describe_certificates, find_value_problems, may_be_immutable, pem};

/// Kind of an object, in the order in which objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Values that anyone may read.
    ConfigMap,
    /// Values that must not leak.
    Secret,
}

impl ObjectKind {
    /// Name in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// ConfigMap or Secret.
#[derive(Debug)]
pub struct Object {
    /// Kind of the object.
    pub kind: ObjectKind,
    /// `metadata.name`
    pub name: String,
    /// Name of its bundle, which other objects refer to: `name` without the suffix.
    pub base_name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
    /// `type` of a Secret.
    pub secret_type: Option<String>,
    /// `immutable`: with other values it would have another name.
    pub immutable: bool,
    /// Entries with known values.
    pub data: BTreeMap<String, ResolvedBytes>,
    /// Entries whose values were not decrypted, each with its placeholder.
    pub unknown: BTreeMap<String, Placeholder>,
    /// Whether `name` is final; it may depend on unknown values.
    pub is_named: bool,
    /// Environment it was built for; not written.
    pub environment: EnvironmentName,
}

/// Whether the values of Secrets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// Written as base64, as the API requires.
    Values,
    /// Replaced by a mark, for display on a terminal.
    Nothing,
}

/// Mark in place of a hidden value. Not base64, so that it cannot be applied by mistake.
const HIDDEN: &str = "[secret]";

impl Object {
    /// Name that kustomize gives the object of a generator.
    pub fn kustomize_name(&self) -> String {
        let content =
            hash::HashedContent { kind: self.kind, secret_type: self.secret_type.as_deref(), data: &self.data };
        format!("{}-{}", self.base_name, content.suffix())
    }

    /// Whether all of its values are known.
    pub fn is_known(&self) -> bool {
        self.unknown.is_empty()
    }

    /// Sort key of objects, which must be unique in a run.
    pub fn identity(&self) -> (ObjectKind, &str, &str) {
        (self.kind, self.namespace.as_deref().unwrap_or_default(), &self.name)
    }

    /// Object as a structure, with the fields in the order of kubectl.
    pub fn to_value(&self, reveal: Reveal) -> OutputValue<'_> {
        let mut fields = vec![("apiVersion", OutputValue::text("v1")), ("kind", OutputValue::text(self.kind.as_str()))];
        fields.push(("metadata", self.metadata()));
        if self.immutable {
            fields.push(("immutable", OutputValue::Bool(true)));
        }
        if let Some(secret_type) = &self.secret_type {
            fields.push(("type", OutputValue::text(secret_type.as_str())));
        }
        match self.kind {
            ObjectKind::ConfigMap => fields.extend(self.plain_data()),
            // a Secret that the cluster fills in has no data of its own
            ObjectKind::Secret if self.data.is_empty() => {}
            ObjectKind::Secret => fields.push(("data", self.secret_data(reveal))),
        }
        OutputValue::map(fields)
    }

    fn metadata(&self) -> OutputValue<'_> {
        let texts = |map: &'_ BTreeMap<String, String>| {
            OutputValue::Map(
                map.iter().map(|(key, value)| (key.clone().into(), OutputValue::text(value.clone()))).collect(),
            )
        };
        let mut fields = Vec::new();
        if !self.annotations.is_empty() {
            fields.push(("annotations", texts(&self.annotations)));
        }
        if !self.labels.is_empty() {
            fields.push(("labels", texts(&self.labels)));
        }
        fields.push(("name", OutputValue::text(self.name.as_str())));
        if let Some(namespace) = &self.namespace {
            fields.push(("namespace", OutputValue::text(namespace.as_str())));
        }
        OutputValue::map(fields)
    }

    /// `data` with the texts, `binaryData` with other values (kubectl's rule for files).
    fn plain_data(&self) -> Vec<(&'static str, OutputValue<'_>)> {
        let (mut texts, mut binaries) = (Vec::new(), Vec::new());
        for (key, value) in &self.data {
            match value.text() {
                Some(text) => texts.push((key.as_str(), OutputValue::text(text))),
                None => binaries.push((key.as_str(), OutputValue::text(STANDARD.encode(value.bytes())))),
            }
        }
        let mut fields = Vec::new();
        if !binaries.is_empty() {
            fields.push(("binaryData", OutputValue::map(binaries)));
        }
        if !texts.is_empty() {
            fields.push(("data", OutputValue::map(texts)));
        }
        fields
    }

    /// `data`, never `stringData`: keys removed from the latter stay in the cluster.
    fn secret_data(&self, reveal: Reveal) -> OutputValue<'_> {
        OutputValue::map(self.data.iter().map(|(key, value)| {
            let text = match reveal {
                Reveal::Values => STANDARD.encode(value.bytes()),
                Reveal::Nothing => HIDDEN.to_owned(),
            };
            (key.as_str(), OutputValue::text(text))
        }))
    }
}
