//! Annotations of workloads, and what is added for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use super::*;
use crate::span::Source;
use crate::yaml::read::read_document;

fn wired(annotations: &str, containers: &str) -> (String, Vec<String>) {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    metadata:\n      annotations:\n{annotations}\n    spec:\n{containers}"
    );
    let source = Source::new("web.yaml", text);
    let tree = Tree::from_node(read_document(&source).unwrap(), &source);
    let mut manifest = Manifest::of(tree).unwrap();
    let mut bundles = BundleObjectMap::default();
    bundles.add_config_map("shop");
    bundles.add_secret("shop", "shop", "Opaque");
    bundles.add_secret("registry", "registry", "kubernetes.io/dockerconfigjson");
    bundles.add_config_map("plain.config");
    bundles.define("empty");
    let mut problems = Diagnostics::new();
    wire_workload(&mut manifest, &bundles, &mut problems);
    let mut out = zeroize::Zeroizing::new(String::new());
    let template = manifest.tree.at(&["spec", "template"]).unwrap();
    crate::yaml::write::append_document(&mut out, &template.to_value());
    (out.to_string(), problems.into_iter().map(|problem| problem.message).collect())
}

#[test]
fn a_workload_gets_what_it_wishes() {
    let (text, problems) = wired(
        "        septum.dev/env-from: shop\n        septum.dev/mount: 'shop:/etc/shop, plain.config:/etc/plain'\n        septum.dev/image-pull-secrets: registry\n",
        "      initContainers:\n      - name: migrate\n      containers:\n      - name: web\n        envFrom:\n        - secretRef: {name: shop}\n",
    );
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        text,
        "metadata: {}
spec:
  initContainers:
  - name: migrate
    envFrom:
    - configMapRef:
        name: shop
    - secretRef:
        name: shop
    volumeMounts:
    - name: septum-shop
      mountPath: /etc/shop
      readOnly: true
    - name: septum-plain-config
      mountPath: /etc/plain
      readOnly: true
  containers:
  - name: web
    envFrom:
    - secretRef:
        name: shop
    - configMapRef:
        name: shop
    volumeMounts:
    - name: septum-shop
      mountPath: /etc/shop
      readOnly: true
    - name: septum-plain-config
      mountPath: /etc/plain
      readOnly: true
  volumes:
  - name: septum-shop
    projected:
      defaultMode: 256
      sources:
      - configMap:
          name: shop
      - secret:
          name: shop
  - name: septum-plain-config
    projected:
      sources:
      - configMap:
          name: plain.config
  imagePullSecrets:
  - name: registry
"
    );
}

#[test]
fn a_bundle_has_one_volume_of_a_free_name() {
    let (text, problems) = wired(
        "        septum.dev/mount: 'shop:/etc/a, shop:/etc/b, plain.config:/etc/c'\n",
        "      containers: [{name: a}]\n      volumes: [{name: septum-shop}, {name: septum-plain-config}]\n",
    );
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(text.matches("- name: septum-shop-2\n").count(), 3, "two mounts of one volume: {text}");
    assert_eq!(text.matches("- name: septum-plain-config-2\n").count(), 2, "{text}");
}

#[test]
fn a_wish_that_cannot_be_granted_is_told() {
    for (annotations, containers, expected) in [
        ("        septum.dev/env-from: shpo", "", "unknown bundle `shpo`"),
        (
            "        septum.dev/env-from: empty",
            "",
            "no key of the bundle `empty` has a value here, so it has no objects",
        ),
        ("        septum.dev/env-from: ''", "", "`septum.dev/env-from` does not specify a bundle"),
        ("        septum.dev/mount: ', '", "", "`septum.dev/mount` does not specify a bundle"),
        ("        septum.dev/env-form: ''", "", "unknown annotation `septum.dev/env-form`"),
        ("        septum.dev/env-form: shop", "", "unknown annotation `septum.dev/env-form`"),
        ("        septum.dev/reload: 'true'", "", "`septum.dev/reload` has no effect here"),
        ("        septum.dev/mount: shop", "", "`shop` has no valid mount path"),
        ("        septum.dev/mount: 'shop:etc'", "", "`shop:etc` has no valid mount path"),
        ("        septum.dev/mount: 'shop:/'", "", "`shop:/` has no valid mount path"),
        ("        septum.dev/mount: 'shop:/etc/x:ro'", "", "`shop:/etc/x:ro` has no valid mount path"),
        ("        septum.dev/mount: 'shop:/etc/../x'", "", "`shop:/etc/../x` has no valid mount path"),
        (
            "        septum.dev/mount: 'shop:/etc/x, plain.config:/etc//x/'",
            "      containers: [{name: a}]\n",
            "`/etc/x` is already a mount path",
        ),
        (
            "        septum.dev/mount: 'shop:/etc/x'",
            "      containers: [{name: a, volumeMounts: [{mountPath: /etc/x/}]}]\n",
            "`/etc/x` is already a mount path",
        ),
        (
            "        septum.dev/mount: 'shop:/etc/x'",
            "      containers: [{name: a, volumeMounts: [{mountPath: /etc/x}]}]\n",
            "`/etc/x` is already a mount path",
        ),
        ("        septum.dev/image-pull-secrets: shop", "", "the bundle `shop` contains no registry credentials"),
        (
            "        septum.dev/env-from: [shop]",
            "",
            "expected the name of a bundle for `septum.dev/env-from`, found a list",
        ),
    ] {
        let containers = if containers.is_empty() { "      containers: []\n" } else { containers };
        assert_eq!(wired(annotations, containers).1, [expected], "{annotations}");
    }
}
