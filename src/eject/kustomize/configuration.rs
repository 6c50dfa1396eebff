//! Fields that kustomize does not know as references, for `configurations`.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::OutputValue;

/// Kinds whose references kustomize knows without configuration.
const KNOWN: [&str; 13] = [
    "ClusterRole",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Ingress",
    "Job",
    "Pod",
    "PodTemplate",
    "ReplicaSet",
    "Role",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
];

/// References to the objects of generators that need a configuration.
#[derive(Default)]
pub(super) struct ReferenceFields {
    /// Kind and path of the fields, by the kind of their target.
    fields: BTreeMap<&'static str, BTreeSet<(String, String)>>,
}

impl ReferenceFields {
    /// Adds a field by its path for messages: `spec.items[0].name`.
    pub(super) fn add(&mut self, target: &'static str, kind: &str, path: &str) {
        if KNOWN.contains(&kind) || path.contains(['"', '\'']) {
            return;
        }
        let mut steps = String::new();
        for part in path.split('.') {
            let name = part.split('[').next().unwrap_or(part);
            if !steps.is_empty() {
                steps.push('/');
            }
            steps.push_str(name);
            if part.contains('[') {
                steps.push_str("[]");
            }
        }
        self.fields.entry(target).or_default().insert((kind.to_owned(), steps));
    }

    /// Content of a file of configurations; `None` if none is needed.
    pub(super) fn to_value(&self) -> Option<OutputValue<'_>> {
        let text = |text| OutputValue::text(text);
        let rules = self.fields.iter().map(|(target, fields)| {
            let specs = fields
                .iter()
                .map(|(kind, path)| OutputValue::map([("kind", text(kind.as_str())), ("path", text(path.as_str()))]));
            OutputValue::map([
                ("kind", text(*target)),
                ("version", text("v1")),
                ("fieldSpecs", OutputValue::List(specs.collect())),
            ])
        });
        let rules: Vec<_> = rules.collect();
        (!rules.is_empty()).then(|| OutputValue::map([("nameReference", OutputValue::List(rules))]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::write::write_document;

    #[test]
    fn paths_of_unknown_kinds_are_configured() {
        let mut fields = ReferenceFields::default();
        fields.add("ConfigMap", "Rollout", "spec.items[0].name");
        fields.add("ConfigMap", "Rollout", "spec.items[1].name");
        fields.add("Secret", "Deployment", "spec.template.spec.volumes[0].secret.secretName");
        let text = fields.to_value().map(|value| write_document(&value));
        let expected = "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - kind: Rollout\n    path: \
                        \"spec/items[]/name\"\n";
        assert_eq!(text.as_deref(), Some(expected));
    }
}
