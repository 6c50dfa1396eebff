//! Fields that change names and labels of all objects: `prefix`, `suffix`, `selectorLabels`, `immutable`, and the
//! `names` of a bundle.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::objects::{Objects, text};
use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const BASE: &str = "app: shop
data: { LOG_LEVEL: info, TOKEN: { sensitive: true, value: dummy-dummy } }
bundles:
  extra: { data: { A: '1' } }
manifests: [w/*.yaml]
";

const WORKLOAD: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: { name: web }
spec:
  serviceName: web
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web }, annotations: { septum.dev/env-from: 'shop, extra' } }
    spec:
      serviceAccountName: runner
      priorityClassName: unknown
      volumes:
      - { name: c, configMap: { name: own } }
      - { name: p, persistentVolumeClaim: { claimName: disk } }
      containers: [{ name: web, image: nginx }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: runner }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: disk }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: own }
data: { A: b }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: view }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ kind: ServiceAccount, name: runner }, { kind: User, name: runner }]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { scaleTargetRef: { apiVersion: apps/v1, kind: StatefulSet, name: web }, maxReplicas: 3 }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec: { defaultBackend: { service: { name: web, port: { number: 80 } } } }
";

fn project(dev: &str) -> Sandbox {
    Sandbox::of(BASE, dev).file("w/web.yaml", WORKLOAD)
}

#[track_caller]
fn find<'o>(objects: &'o Objects, kind: &str) -> &'o Json {
    objects.0.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn names(objects: &Objects) -> Vec<String> {
    let name = |object: &Json| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    objects.0.iter().map(name).collect()
}

#[test]
fn a_reference_to_another_namespace_keeps_its_name() {
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: b }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r }\nsubjects:\n- { kind: ServiceAccount, name: runner, namespace: elsewhere }\n- { kind: ServiceAccount, name: runner, namespace: shop }\n- { kind: ServiceAccount, name: runner, namespace: default }\n- { kind: ServiceAccount, name: runner }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: r }\nrules: []\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: { name: runner }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: { name: c, namespace: other }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r }\nsubjects: []\n";
    for (namespace, first) in [("namespace: shop\n", "runner"), ("", "a-runner")] {
        let base = format!("app: shop\n{namespace}prefix: a-\nmanifests: [\"w/*.yaml\"]\n");
        let found = Sandbox::of(&base, "").file("w/web.yaml", binding).dev();
        let subjects = find(&found, "ClusterRoleBinding")["subjects"].as_array().unwrap();
        let names: Vec<_> = subjects.iter().map(|subject| text(&subject["name"])).collect();
        assert_eq!(names, [first, "a-runner", "a-runner", "a-runner"]);
        for kind in ["ClusterRoleBinding", "RoleBinding"] {
            assert_eq!(find(&found, kind)["roleRef"]["name"], "a-r", "{kind}");
        }
    }
}

#[test]
fn prefix_and_suffix_change_all_names_and_references_follow() {
    let found = project("prefix: a-\nsuffix: -z\n").dev();
    assert_eq!(
        names(&found),
        [
            "ConfigMap/a-own-z",
            "ConfigMap/a-extra-z",
            "ConfigMap/a-shop-z",
            "HorizontalPodAutoscaler/a-web-z",
            "Ingress/a-web-z",
            "Namespace/shop",
            "PersistentVolumeClaim/a-disk-z",
            "RoleBinding/a-view-z",
            "Secret/a-shop-z",
            "Service/a-web-z",
            "ServiceAccount/a-runner-z",
            "StatefulSet/a-web-z",
        ]
    );
    let spec = &find(&found, "StatefulSet")["spec"];
    assert_eq!(spec["serviceName"], "a-web-z");
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "a-runner-z");
    assert_eq!(pod["priorityClassName"], "unknown", "an object of others keeps its name");
    assert_eq!(pod["volumes"][0]["configMap"]["name"], "a-own-z");
    assert_eq!(pod["volumes"][1]["persistentVolumeClaim"]["claimName"], "a-disk-z");
    assert_eq!(
        pod["containers"][0]["envFrom"],
        json!([
            { "configMapRef": { "name": "a-shop-z" } },
            { "secretRef": { "name": "a-shop-z" } },
            { "configMapRef": { "name": "a-extra-z" } },
        ])
    );
    let binding = find(&found, "RoleBinding");
    assert_eq!(binding["roleRef"]["name"], "view", "a role of the cluster keeps its name");
    assert_eq!(binding["subjects"][0]["name"], "a-runner-z");
    assert_eq!(binding["subjects"][1]["name"], "runner");
    assert_eq!(find(&found, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"], "a-web-z");
    assert_eq!(find(&found, "Ingress")["spec"]["defaultBackend"]["service"]["name"], "a-web-z");
    assert_eq!(spec["selector"]["matchLabels"], json!({ "app": "web" }), "a selector is no name");
}

#[test]
fn a_hash_follows_the_suffix() {
    let found = project("prefix: a-\nsuffix: -z\nnames: kustomize\n").dev();
    let names = names(&found);
    assert!(names.iter().any(|name| name.starts_with("ConfigMap/a-extra-z-")), "{names:?}");
    let env = &find(&found, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["envFrom"];
    assert!(text(&env[2]["configMapRef"]["name"]).starts_with("a-extra-z-"), "{env}");
}

#[test]
fn a_later_layer_removes_a_prefix() {
    let base = format!("{BASE}prefix: a-\n");
    let found = Sandbox::of(&base, "prefix: null\nmanifests: { replace: [] }\n").dev();
    assert_eq!(names(&found), ["ConfigMap/extra", "ConfigMap/shop", "Secret/shop"]);
}

#[test]
fn a_bundle_has_names_of_its_own_and_is_immutable_as_layers_say() {
    for (dev, expected) in [
        ("bundles: { extra: { names: kustomize } }\n", [("extra-", true), ("shop", false)]),
        ("names: kustomize\nbundles: { extra: { names: plain } }\n", [("extra", false), ("shop-", true)]),
        ("names: kustomize\nimmutable: false\n", [("extra-", false), ("shop-", false)]),
        (
            "names: kustomize\nimmutable: false\nbundles: { extra: { immutable: true } }\n",
            [("extra-", true), ("shop-", false)],
        ),
        ("names: kustomize\nbundles: { extra: { immutable: false } }\n", [("extra-", false), ("shop-", true)]),
        // without a hash the values may change, unless the layers say otherwise
        ("", [("extra", false), ("shop", false)]),
        ("immutable: true\n", [("extra", true), ("shop", true)]),
        ("bundles: { extra: { names: plain, immutable: true } }\n", [("extra", true), ("shop", false)]),
    ] {
        let found = project(&format!("{dev}manifests: {{ replace: [] }}\n")).dev();
        let maps = found.0.iter().filter(|object| object["kind"] == "ConfigMap");
        for (object, (name, immutable)) in maps.zip(expected) {
            let found = text(&object["metadata"]["name"]);
            let is_named = if name.ends_with('-') { found.starts_with(name) } else { found == name };
            assert!(is_named, "{dev}: {found}");
            assert_eq!(object["immutable"] == json!(true), immutable, "{dev}: {found}");
        }
    }
}

#[test]
fn null_removes_the_default_labels() {
    let dev = "labels: { app.kubernetes.io/managed-by: null, app.kubernetes.io/name: null, team: x }\n";
    for object in &project(dev).dev().0 {
        assert_eq!(object["metadata"]["labels"], json!({ "team": "x" }), "{object}");
    }
    let base = format!("{BASE}labels: {{ app.kubernetes.io/managed-by: null }}\n");
    let again = Sandbox::of(&base, "labels: { app.kubernetes.io/managed-by: us }\n").file("w/web.yaml", WORKLOAD).dev();
    assert_eq!(again.0[0]["metadata"]["labels"]["app.kubernetes.io/managed-by"], "us");
}

#[test]
fn selector_labels_are_on_objects_selectors_and_pod_templates() {
    let found = project("selectorLabels: { tier: front }\n").dev();
    for object in &found.0 {
        assert_eq!(object["metadata"]["labels"]["tier"], "front", "{object}");
    }
    let both = json!({ "app": "web", "tier": "front" });
    let spec = &find(&found, "StatefulSet")["spec"];
    assert_eq!(spec["selector"]["matchLabels"], both);
    assert_eq!(spec["template"]["metadata"]["labels"], both);
    assert_eq!(find(&found, "Service")["spec"]["selector"], both);
}

/// Objects with labels at all places where kustomize adds `commonLabels`, and without them.
fn labelled_objects() -> [Json; 15] {
    let labels = json!({ "matchLabels": { "app": "a" } });
    let terms = json!([{ "labelSelector": labels }, { "labelSelector": {} }, { "topologyKey": "z" }]);
    let affinity = json!({
        "requiredDuringSchedulingIgnoredDuringExecution": terms,
        "preferredDuringSchedulingIgnoredDuringExecution": [{ "podAffinityTerm": { "labelSelector": labels } }, { "weight": 1 }],
    });
    let affinity = json!({ "podAffinity": affinity, "podAntiAffinity": affinity });
    let pod = json!({ "metadata": { "labels": { "app": "a" } }, "spec": { "affinity": affinity, "topologySpreadConstraints": terms } });
    let claims = json!([{ "metadata": { "name": "a" } }, { "metadata": { "name": "b", "labels": { "c": "d" } } }]);
    let peers = json!([{ "podSelector": labels }, { "podSelector": {} }, { "namespaceSelector": labels }]);
    let job = json!({ "spec": { "selector": labels, "template": pod } });
    let specs = [
        ("v1", "Service", json!({ "type": "ExternalName" })),
        ("v1", "ReplicationController", json!({ "selector": { "app": "a" } })),
        ("example.com/v1", "Deployment", json!({ "template": pod })),
        ("apps/v1", "Deployment", json!({ "selector": { "matchExpressions": [] }, "template": pod })),
        ("apps/v1", "ReplicaSet", json!({ "selector": labels })),
        ("apps/v1", "DaemonSet", json!({ "template": { "spec": {} } })),
        ("apps/v1", "StatefulSet", json!({ "template": pod, "volumeClaimTemplates": claims })),
        ("example.com/v1", "StatefulSet", json!({ "template": pod, "volumeClaimTemplates": claims })),
        ("batch/v1", "Job", json!({ "template": pod })),
        ("example.com/v1", "Job", job["spec"].clone()),
        ("batch/v1", "CronJob", json!({ "jobTemplate": job })),
        ("policy/v1", "PodDisruptionBudget", json!({ "selector": labels })),
        ("networking.k8s.io/v1", "NetworkPolicy", json!({ "podSelector": {}, "ingress": [{ "from": peers }, {}] })),
        ("networking.k8s.io/v1", "NetworkPolicy", json!({ "podSelector": labels, "egress": [{ "to": peers }] })),
        ("argoproj.io/v1alpha1", "Rollout", json!({ "selector": labels, "template": pod })),
    ];
    let mut number = 0;
    specs.map(|(version, kind, spec)| {
        number += 1;
        json!({ "apiVersion": version, "kind": kind, "metadata": { "name": format!("n{number:02}") }, "spec": spec })
    })
}

#[test]
fn selector_labels_are_where_kustomize_adds_common_labels() {
    let Some(kustomize) = peer("kustomize") else { return };
    let base = "app: shop\nmanifests: [w/*.yaml]\nlabels: { app.kubernetes.io/name: null, app.kubernetes.io/managed-by: null }\n";
    let objects = labelled_objects();
    let desk = Sandbox::of(base, "selectorLabels: { tier: front }\n")
        .file("w/all.yaml", objects.clone().map(|object| object.to_string()).join("\n---\n"))
        .file("k/all.yaml", objects.clone().map(|object| object.to_string()).join("\n---\n"))
        .file("k/kustomization.yaml", "resources: [all.yaml]\ncommonLabels: { tier: front }\n");
    let built = Command::new(kustomize).arg("build").arg(desk.root().join("k")).output().unwrap();
    let by_name = |Objects(objects): Objects| {
        objects.into_iter().map(|object| (object["metadata"]["name"].to_string(), object)).collect::<BTreeMap<_, _>>()
    };
    let (built, found) = (by_name(Objects::read(&String::from_utf8(built.stdout).unwrap())), by_name(desk.dev()));
    assert_eq!((found.len(), &found), (objects.len(), &built));
}

#[test]
fn mistakes_in_these_fields_are_refused() {
    for dev in [
        "prefix: A_\n",
        "suffix: [x]\n",
        "prefix: '{{ vars.x }}'\n",
        "immutable: yes\n",
        "bundles: { extra: { names: hash } }\n",
        "selectorLabels: { 'a b': x }\n",
        "selectorlabels: { a: x }\n",
    ] {
        project(dev).run(&["render", "dev"]).refused();
    }
}
