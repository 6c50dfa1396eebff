//! Text of a `kustomization.yaml`.

use crate::value::OutputValue;
use crate::yaml::write::write_document;

/// Fields of a kustomization.
#[derive(Default)]
pub(super) struct KustomizationText<'a> {
    pub(super) namespace: Option<&'a str>,
    pub(super) resources: Vec<String>,
    pub(super) configs: Vec<OutputValue<'a>>,
    pub(super) secrets: Vec<OutputValue<'a>>,
    pub(super) patches: Vec<OutputValue<'a>>,
    pub(super) configurations: Vec<&'static str>,
}

impl KustomizationText<'_> {
    /// Whether kustomize has nothing to build of it.
    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.configs.is_empty() && self.secrets.is_empty()
    }

    pub(super) fn to_text(&self) -> String {
        let mut fields = vec![
            ("apiVersion", OutputValue::text("kustomize.config.k8s.io/v1beta1")),
            ("kind", OutputValue::text("Kustomization")),
        ];
        fields.extend(self.namespace.map(|namespace| ("namespace", OutputValue::text(namespace))));
        let resources = self.resources.iter().map(|path| OutputValue::text(path.as_str())).collect();
        let lists = [
            ("resources", resources),
            ("configMapGenerator", self.configs.clone()),
            ("secretGenerator", self.secrets.clone()),
            ("patches", self.patches.clone()),
            ("configurations", self.configurations.iter().map(|path| OutputValue::text(*path)).collect()),
        ];
        let lists = lists.into_iter().filter(|(_, items)| !items.is_empty());
        fields.extend(lists.map(|(name, items)| (name, OutputValue::List(items))));
        write_document(&OutputValue::map(fields))
    }
}
