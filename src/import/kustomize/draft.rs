//! Layers that are being written: their fields before they become text.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::graph::NodeIndex;
use super::json::{json_value, text_value};
use crate::diagnostic::Rule;
use crate::import::{LayerText, entry_field, escape_template_tags, list_field, text_scalar};
use crate::map::IndexMap;
use crate::template_tokens::is_template;
use crate::value::OutputValue;

/// Fields of a layer.
#[derive(Default, Clone)]
pub(super) struct PlannedLayer {
    /// Lines of a comment at its start.
    pub(super) comment: Vec<String>,
    pub(super) app: Option<String>,
    pub(super) extends: Vec<String>,
    pub(super) namespace: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    /// Labels of all objects; none removes a default.
    pub(super) labels: IndexMap<String, Option<String>>,
    pub(super) selector_labels: IndexMap<String, String>,
    pub(super) annotations: IndexMap<String, String>,
    /// Whether names have the suffixes of kustomize.
    pub(super) hashed: bool,
    pub(super) bundles: IndexMap<String, PlannedBundle>,
    pub(super) manifests: Vec<PlannedManifest>,
    pub(super) patches: Vec<PlannedPatch>,
    pub(super) images: IndexMap<String, IndexMap<&'static str, String>>,
    pub(super) replicas: IndexMap<String, String>,
    pub(super) external: Vec<(String, String, Option<String>)>,
    /// Accepted findings: rule, bundle and key.
    pub(super) allow: Vec<(String, Option<String>, String)>,
}

/// File of objects.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PlannedManifest {
    pub(super) path: String,
    pub(super) is_template: bool,
}

/// Patch of a layer.
#[derive(Clone)]
pub(super) struct PlannedPatch {
    pub(super) source: PatchContent,
    pub(super) target: Option<Json>,
    pub(super) options: Option<Json>,
    /// Whether its text looks like a template.
    pub(super) is_template: bool,
    /// Place in the kustomization.
    pub(super) origin: String,
    /// Kustomization that has it; none of a correction.
    pub(super) node: Option<NodeIndex>,
}

/// Content of a patch.
#[derive(Clone)]
pub(super) enum PatchContent {
    /// File of the app.
    Path(String),
    /// Text in the layer.
    Text(String),
    /// Operations that the import wrote.
    Operations(Vec<Json>),
}

/// Bundle of a layer.
#[derive(Default, Clone)]
pub(super) struct PlannedBundle {
    pub(super) secret_type: Option<String>,
    pub(super) labels: IndexMap<String, Option<String>>,
    pub(super) annotations: IndexMap<String, Option<String>>,
    /// Whether its names have no suffix, although others have.
    pub(super) is_plain: Option<bool>,
    pub(super) immutable: Option<bool>,
    pub(super) data: IndexMap<String, PlannedEntry>,
    /// Entries of the encrypted half of the layer.
    pub(super) secrets: IndexMap<String, Zeroizing<String>>,
}

/// Entry of a bundle.
#[derive(Clone)]
pub(super) enum PlannedEntry {
    /// Text, with a reason to be plain if it looks like a credential.
    Text { value: String, is_plain: bool },
    /// File of the app.
    File { path: String, is_plain: bool },
    /// Sensitive, with its value in encrypted layers.
    Sensitive,
    /// Defined for the environments that set it.
    Declared { is_plain: bool },
    /// Removed.
    Removed,
}

/// Reason why an entry that looks like a credential is in a ConfigMap.
const REASON: &str = "kustomize writes it to a ConfigMap";

/// Reason why a value of a Secret is in another object.
const REASON_ELSEWHERE: &str = "kustomize writes it to another object too";

fn reason_for(rule: &str) -> &'static str {
    if rule == Rule::SecretInPlainOutput.id() { REASON_ELSEWHERE } else { REASON }
}

impl PlannedEntry {
    fn to_value(&self) -> OutputValue<'_> {
        let plain = |is_plain: bool| {
            let fields = [("sensitive", OutputValue::Bool(false)), ("reason", OutputValue::text(REASON))];
            if is_plain { fields.to_vec() } else { Vec::new() }
        };
        match self {
            Self::Text { value, is_plain } => entry_field(value, plain(*is_plain)),
            Self::File { path, is_plain } => {
                let mut fields = vec![("file", OutputValue::text(path.as_str()))];
                fields.extend(plain(*is_plain));
                OutputValue::map(fields)
            }
            Self::Sensitive => OutputValue::map([("sensitive", OutputValue::Bool(true))]),
            Self::Declared { is_plain: true } => OutputValue::map(plain(true)),
            Self::Declared { is_plain: false } => {
                OutputValue::map([("description", OutputValue::text("set by environments"))])
            }
            Self::Removed => OutputValue::Null,
        }
    }
}

impl PlannedBundle {
    fn to_value(&self) -> OutputValue<'_> {
        let mut fields = Vec::new();
        let text = |text: &str| OutputValue::text(text.to_owned());
        fields.extend(self.secret_type.as_deref().map(|word| ("type", text(word))));
        fields.extend(self.is_plain.map(|plain| ("names", text(if plain { "plain" } else { "kustomize" }))));
        fields.extend(self.immutable.map(|immutable| ("immutable", OutputValue::Bool(immutable))));
        push_texts(&mut fields, "labels", &self.labels);
        push_texts(&mut fields, "annotations", &self.annotations);
        if !self.data.is_empty() {
            let data = self.data.iter().map(|(key, entry)| (key.as_str(), entry.to_value()));
            fields.push(("data", OutputValue::map(data)));
        }
        OutputValue::map(fields)
    }
}

fn push_texts<'a>(
    fields: &mut Vec<(&'static str, OutputValue<'a>)>,
    name: &'static str,
    texts: &'a IndexMap<String, Option<String>>,
) {
    if !texts.is_empty() {
        let value = |value: &'a Option<String>| value.as_deref().map_or(OutputValue::Null, text_value);
        fields.push((name, OutputValue::map(texts.iter().map(|(key, text)| (key.as_str(), value(text))))));
    }
}

impl PlannedManifest {
    fn to_value(&self) -> OutputValue<'_> {
        let path = OutputValue::text(self.path.as_str());
        if self.is_template { OutputValue::map([("path", path), ("template", OutputValue::Bool(false))]) } else { path }
    }
}

impl PlannedPatch {
    fn to_value(&self) -> OutputValue<'_> {
        let mut fields = Vec::new();
        if let PatchContent::Path(path) = &self.source
            && self.target.is_none()
            && self.options.is_none()
            && !self.is_template
        {
            return OutputValue::text(path.as_str());
        }
        if let PatchContent::Path(path) = &self.source {
            fields.push(("path", OutputValue::text(path.as_str())));
        }
        fields.extend(self.target.as_ref().map(|target| ("target", json_value(target))));
        match &self.source {
            PatchContent::Path(_) => {}
            PatchContent::Text(text) => fields.push(("patch", OutputValue::text(text.as_str()))),
            PatchContent::Operations(operations) => {
                fields.push(("patch", OutputValue::List(operations.iter().map(json_value).collect())));
            }
        }
        fields.extend(self.options.as_ref().map(|options| ("options", json_value(options))));
        if self.is_template {
            fields.push(("template", OutputValue::Bool(false)));
        }
        OutputValue::map(fields)
    }
}

impl PlannedLayer {
    /// Text of the layer.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let comment: Vec<_> = self.comment.iter().map(String::as_str).collect();
        let mut layer = LayerText::with_comment(&comment);
        let text = |text: &Option<String>| text.clone().map_or(OutputValue::Null, OutputValue::text);
        layer.add("app", text(&self.app));
        layer.add("extends", list_field(self.extends.iter().cloned()));
        layer.add("namespace", text(&self.namespace));
        layer.add("prefix", text(&self.prefix));
        layer.add("suffix", text(&self.suffix));
        let value = |value: &Option<String>| value.clone().map_or(OutputValue::Null, OutputValue::text);
        layer.add("labels", OutputValue::map(self.labels.iter().map(|(key, text)| (key.clone(), value(text)))));
        let texts = |texts: &IndexMap<String, String>| {
            OutputValue::map(texts.iter().map(|(key, text)| (key.clone(), OutputValue::text(text.clone()))))
        };
        layer.add("selectorLabels", texts(&self.selector_labels));
        layer.add("annotations", texts(&self.annotations));
        if self.hashed {
            layer.add("names", OutputValue::text("kustomize"));
            layer.add("immutable", OutputValue::Bool(false));
        }
        let bundles = self.bundles.iter().filter(|(_, bundle)| !bundle.is_silent());
        layer.add("bundles", OutputValue::map(bundles.map(|(name, bundle)| (name.as_str(), bundle.to_value()))));
        layer.add("manifests", OutputValue::List(self.manifests.iter().map(PlannedManifest::to_value).collect()));
        layer.add("patches", OutputValue::List(self.patches.iter().map(PlannedPatch::to_value).collect()));
        let images = self.images.iter().map(|(name, image)| {
            let fields = image.iter().map(|(field, text)| (*field, OutputValue::text(text.as_str())));
            (name.as_str(), OutputValue::map(fields))
        });
        layer.add("images", OutputValue::map(images));
        let replicas = self.replicas.iter().map(|(name, count)| (name.as_str(), text_scalar(count)));
        layer.add("replicas", OutputValue::map(replicas));
        let external = self.external.iter().map(|(kind, name, namespace)| {
            let mut fields =
                vec![("kind", OutputValue::text(kind.as_str())), ("name", OutputValue::text(name.as_str()))];
            fields.extend(namespace.as_deref().map(|namespace| ("namespace", OutputValue::text(namespace))));
            OutputValue::map(fields)
        });
        layer.add("external", OutputValue::List(external.collect()));
        let allow = self.allow.iter().map(|(rule, bundle, key)| {
            let other = bundle.as_deref().filter(|bundle| self.app.as_deref() != Some(bundle));
            let bundle = other.map(|bundle| ("bundle", bundle));
            let fields = [("rule", rule.as_str())].into_iter().chain(bundle);
            let fields = fields.chain([("key", key.as_str()), ("reason", reason_for(rule))]);
            OutputValue::map(fields.map(|(field, text)| (field, OutputValue::text(text))))
        });
        layer.add("allow", OutputValue::List(allow.collect()));
        layer.to_bytes()
    }

    /// Text of its encrypted half, in plaintext; none without secrets.
    pub(super) fn secrets_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let bundles: Vec<_> = self.bundles.iter().filter(|(_, bundle)| !bundle.secrets.is_empty()).collect();
        if bundles.is_empty() {
            return None;
        }
        let entries = |bundle: &'_ PlannedBundle| -> OutputValue<'static> {
            let data = bundle.secrets.iter().map(|(key, text)| (key.clone(), secret_value(text)));
            OutputValue::map([("data", OutputValue::map(data))])
        };
        let mut layer = LayerText::default();
        layer.add(
            "bundles",
            OutputValue::map(bundles.into_iter().map(|(name, bundle)| (name.clone(), entries(bundle)))),
        );
        Some(layer.to_bytes())
    }
}

/// Value of an encrypted entry, which is text whatever it looks like.
fn secret_value(text: &str) -> OutputValue<'static> {
    // the rule `template: false` could not be read without a key
    if is_template(text) {
        return OutputValue::text(escape_template_tags(text));
    }
    OutputValue::text(text.to_owned())
}

impl PlannedBundle {
    /// Whether a layer has nothing to say about it but its secrets.
    fn is_silent(&self) -> bool {
        self.secret_type.is_none()
            && self.labels.is_empty()
            && self.annotations.is_empty()
            && self.is_plain.is_none()
            && self.immutable.is_none()
            && self.data.is_empty()
    }
}
