//! Paths at which kustomize rewrites names (`builtinpluginconsts/namereference.go`): projects that migrate from it lose
//! none.

use serde_json::{Value, json};

use super::samples::put;
use super::{rewrite_references, show, tree};
use crate::manifest::references::{RefKind, ReferenceRules};
use crate::pattern::PathPattern;

/// Paths of pod specs in objects.
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
const IN_PODS: &[(RefKind, &str)] = &[
    (RefKind::ConfigMap, "volumes[].configMap.name"),
    (RefKind::ConfigMap, "volumes[].projected.sources[].configMap.name"),
    (RefKind::ConfigMap, "containers[].env[].valueFrom.configMapKeyRef.name"),
    (RefKind::ConfigMap, "containers[].envFrom[].configMapRef.name"),
    (RefKind::ConfigMap, "initContainers[].env[].valueFrom.configMapKeyRef.name"),
    (RefKind::ConfigMap, "initContainers[].envFrom[].configMapRef.name"),
    (RefKind::Secret, "volumes[].secret.secretName"),
    (RefKind::Secret, "volumes[].projected.sources[].secret.name"),
    (RefKind::Secret, "containers[].env[].valueFrom.secretKeyRef.name"),
    (RefKind::Secret, "containers[].envFrom[].secretRef.name"),
    (RefKind::Secret, "initContainers[].env[].valueFrom.secretKeyRef.name"),
    (RefKind::Secret, "initContainers[].envFrom[].secretRef.name"),
    (RefKind::Secret, "imagePullSecrets[].name"),
];

/// Paths in other objects.
const OTHERS: &[(&str, &str, RefKind, &str)] = &[
    ("v1", "Node", RefKind::ConfigMap, "spec.configSource.configMap.name"),
    ("v1", "PersistentVolume", RefKind::Secret, "spec.azureFile.secretName"),
    ("v1", "ServiceAccount", RefKind::Secret, "imagePullSecrets[].name"),
    ("networking.k8s.io/v1", "Ingress", RefKind::Secret, "spec.tls[].secretName"),
    ("networking.k8s.io/v1", "Ingress", RefKind::Secret, "metadata.annotations.\"ingress.kubernetes.io/auth-secret\""),
    (
        "networking.k8s.io/v1",
        "Ingress",
        RefKind::Secret,
        "metadata.annotations.\"nginx.ingress.kubernetes.io/auth-secret\"",
    ),
    (
        "networking.k8s.io/v1",
        "Ingress",
        RefKind::ConfigMap,
        "metadata.annotations.\"nginx.ingress.kubernetes.io/fastcgi-params-configmap\"",
    ),
    ("storage.k8s.io/v1", "StorageClass", RefKind::Secret, "parameters.secretName"),
    ("storage.k8s.io/v1", "StorageClass", RefKind::Secret, "parameters.adminSecretName"),
    ("storage.k8s.io/v1", "StorageClass", RefKind::Secret, "parameters.userSecretName"),
    ("storage.k8s.io/v1", "StorageClass", RefKind::Secret, "parameters.secretRef"),
    ("rbac.authorization.k8s.io/v1", "Role", RefKind::ConfigMap, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "Role", RefKind::Secret, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", RefKind::ConfigMap, "rules[].resourceNames[]"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", RefKind::Secret, "rules[].resourceNames[]"),
    (
        "serving.knative.dev/v1",
        "Service",
        RefKind::Secret,
        "spec.template.spec.containers[].env[].valueFrom.secretKeyRef.name",
    ),
];

/// Object with a name at a path.
fn object((api_version, kind, target, path): (&str, &str, RefKind, &str), name: &str) -> Value {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "own" } });
    put(&mut object, PathPattern::parse(path).expect(path).segments(), json!(name));
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
        rewrite_references(&mut found, &ReferenceRules::default(), |reference| {
            (reference.target == target).then(|| "b".to_owned())
        });
        assert_eq!(show(&found), object(at, "b"), "{kind} {path}");
    }
}

#[test]
fn a_client_certificate_of_nginx_is_named_with_its_namespace() {
    // kustomize rewrites a bare name only, which the controller ignores, and not this one
    let path = "metadata.annotations.\"nginx.ingress.kubernetes.io/auth-tls-secret\"";
    let at = ("networking.k8s.io/v1", "Ingress", RefKind::Secret, path);
    let mut found = tree(&object(at, "shop/a").to_string());
    rewrite_references(&mut found, &ReferenceRules::default(), |_| Some("b".to_owned()));
    assert_eq!(show(&found), object(at, "shop/b"));
}
