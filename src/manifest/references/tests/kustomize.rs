//! The paths at which kustomize rewrites names (`builtinpluginconsts/namereference.go`): whoever comes
//! from it loses none.

use serde_json::{Value, json};

use super::samples::put;
use super::{rewrite, show, tree};
use crate::manifest::references::{Referent, Rules};
use crate::pattern::Pattern;

/// Pod specs in objects.
const PODS: &[(&str, &str, &str)] = &[
    ("v1", "Pod", "spec"),
    ("v1", "PodTemplate", "template.spec"),
    ("apps/v1", "Deployment", "spec.template.spec"),
    ("apps/v1", "ReplicaSet", "spec.template.spec"),
    ("apps/v1", "DaemonSet", "spec.template.spec"),
    ("apps/v1", "StatefulSet", "spec.template.spec"),
    ("batch/v1", "Job", "spec.template.spec"),
    ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec"),
];

/// Paths in pod specs.
const IN_PODS: &[(Referent, &str)] = &[
    (Referent::ConfigMap, "volumes[].configMap.name"),
    (Referent::ConfigMap, "volumes[].projected.sources[].configMap.name"),
    (Referent::ConfigMap, "containers[].env[].valueFrom.configMapKeyRef.name"),
    (Referent::ConfigMap, "containers[].envFrom[].configMapRef.name"),
    (Referent::ConfigMap, "initContainers[].env[].valueFrom.configMapKeyRef.name"),
    (Referent::ConfigMap, "initContainers[].envFrom[].configMapRef.name"),
    (Referent::Secret, "volumes[].secret.secretName"),
    (Referent::Secret, "volumes[].projected.sources[].secret.name"),
    (Referent::Secret, "containers[].env[].valueFrom.secretKeyRef.name"),
    (Referent::Secret, "containers[].envFrom[].secretRef.name"),
    (Referent::Secret, "initContainers[].env[].valueFrom.secretKeyRef.name"),
    (Referent::Secret, "initContainers[].envFrom[].secretRef.name"),
    (Referent::Secret, "imagePullSecrets[].name"),
];

/// Paths in other objects.
const OTHERS: &[(&str, &str, Referent, &str)] = &[
    ("v1", "Node", Referent::ConfigMap, "spec.configSource.configMap.name"),
    ("v1", "PersistentVolume", Referent::Secret, "spec.azureFile.secretName"),
    ("v1", "ServiceAccount", Referent::Secret, "imagePullSecrets[].name"),
    ("networking.k8s.io/v1", "Ingress", Referent::Secret, "spec.tls[].secretName"),
    ("networking.k8s.io/v1", "Ingress", Referent::Secret, "metadata.annotations.\"ingress.kubernetes.io/auth-secret\""),
    (
        "networking.k8s.io/v1",
        "Ingress",
        Referent::Secret,
        "metadata.annotations.\"nginx.ingress.kubernetes.io/auth-secret\"",
    ),
    (
        "networking.k8s.io/v1",
        "Ingress",
        Referent::ConfigMap,
        "metadata.annotations.\"nginx.ingress.kubernetes.io/fastcgi-params-configmap\"",
    ),
    ("storage.k8s.io/v1", "StorageClass", Referent::Secret, "parameters.secretName"),
    ("storage.k8s.io/v1", "StorageClass", Referent::Secret, "parameters.adminSecretName"),
    ("storage.k8s.io/v1", "StorageClass", Referent::Secret, "parameters.userSecretName"),
    ("storage.k8s.io/v1", "StorageClass", Referent::Secret, "parameters.secretRef"),
    ("rbac.authorization.k8s.io/v1", "Role", Referent::ConfigMap, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "Role", Referent::Secret, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", Referent::ConfigMap, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", Referent::Secret, "rules[].resourceNames[]"),
    (
        "serving.knative.dev/v1",
        "Service",
        Referent::Secret,
        "spec.template.spec.containers[].env[].valueFrom.secretKeyRef.name",
    ),
];

/// An object with a name at a path.
fn object((api_version, kind, target, path): (&str, &str, Referent, &str), name: &str) -> Value {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "own" } });
    put(&mut object, Pattern::parse(path).expect(path).segments(), json!(name));
    if let Some(rule) = object.pointer_mut("/rules/0") {
        rule["apiGroups"] = json!([""]);
        rule["resources"] = json!([format!("{}s", target.as_str().to_lowercase())]);
    }
    object
}

#[test]
fn what_kustomize_rewrites_is_rewritten() {
    let in_pods = PODS.iter().flat_map(|(api_version, kind, spec)| {
        IN_PODS.iter().map(move |(target, path)| (*api_version, *kind, *target, format!("{spec}.{path}")))
    });
    let others =
        OTHERS.iter().map(|(api_version, kind, target, path)| (*api_version, *kind, *target, (*path).to_owned()));
    for (api_version, kind, target, path) in in_pods.chain(others) {
        let at = (api_version, kind, target, path.as_str());
        let mut found = tree(&object(at, "a").to_string());
        rewrite(&mut found, &Rules::default(), |reference| (reference.target == target).then(|| "b".to_owned()));
        assert_eq!(show(&found), object(at, "b"), "{kind} {path}");
    }
}

#[test]
fn a_client_certificate_of_nginx_is_named_with_its_namespace() {
    // kustomize rewrites a name alone, with which the controller does nothing, and not this
    let path = "metadata.annotations.\"nginx.ingress.kubernetes.io/auth-tls-secret\"";
    let at = ("networking.k8s.io/v1", "Ingress", Referent::Secret, path);
    let mut found = tree(&object(at, "shop/a").to_string());
    rewrite(&mut found, &Rules::default(), |_| Some("b".to_owned()));
    assert_eq!(show(&found), object(at, "shop/b"));
}
