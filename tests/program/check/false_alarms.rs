//! What is right, or what somebody else sees to, is no finding. Each row has a sibling that is one.

use super::rules::assert_all;
use crate::support::sandbox::Sandbox;

const POD: &str = "kind: Pod\napiVersion: v1\nmetadata: { name: p, namespace: web }\nspec:\n  containers:\n  - name: a\n    image: a\n    env:\n    - { name: A, valueFrom: { secretKeyRef: { name: NAME, key: KEY } } }\n";

fn pod(name: &str, key: &str) -> String {
    POD.replace("NAME", name).replace("KEY", key)
}

/// A base with a file of manifests.
fn with_pod(objects: &str, name: &str, key: &str) -> String {
    format!("{objects}---\n{}", pod(name, key))
}

#[test]
fn secrets_in_lists_of_any_kind_are_those_of_their_kind() {
    let secret = |indent: &str, value: &str| {
        format!(
            "{indent}- kind: Secret\n{indent}  apiVersion: v1\n{indent}  metadata: {{ name: s }}\n{indent}  {value}\n"
        )
    };
    let list = |kind: &str, items: &str| format!("kind: {kind}\napiVersion: v1\nitems:\n{items}");
    let plain = secret("", "stringData: { password: hunter2 }");
    let packed = secret("", "data: { password: aHVudGVyMg== }");
    let nested =
        format!("- kind: SecretList\n  apiVersion: v1\n  items:\n{}", secret("  ", "data: { password: aHVudGVyMg== }"));
    let variable = "- kind: Pod\n  apiVersion: v1\n  metadata: { name: p }\n  spec: { containers: [{ name: a, image: a, env: [{ name: DB_PASSWORD, value: hunter2 }] }] }\n";
    let harmless = secret("", "stringData: { password: changeme }");
    let note = "- kind: ConfigMap\n  apiVersion: v1\n  metadata: { name: s }\n  data: { NOTE: hunter2 }\n";
    let base = ("base.yaml", "manifests: [w/w.yaml]");
    let rows = [
        ("List", &plain, &["plaintext-secret w/w.yaml:7"][..]),
        ("SecretList", &plain, &["plaintext-secret w/w.yaml:7"]),
        ("List", &packed, &["plaintext-secret w/w.yaml:7"]),
        ("List", &nested, &["plaintext-secret w/w.yaml:10"]),
        ("List", &harmless, &[]),
    ];
    for (kind, items, expected) in rows {
        let text = list(kind, items);
        assert_all(&[(kind, &[base, ("w/w.yaml", &text)], expected)]);
    }
    assert_all(&[
        ("a variable", &[base, ("w/w.yaml", &list("PodList", variable))], &["plaintext-secret w/w.yaml:7"]),
        ("nothing", &[base, ("w/w.yaml", &list("ConfigMapList", note))], &[]),
    ]);
}

#[test]
fn an_external_object_without_a_namespace_is_in_all_of_them() {
    let push = "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata:\n  name: i\n  annotations: { nginx.ingress.kubernetes.io/auth-secret: other/corp }\nspec: {}\n";
    let base = |external: &str| format!("namespace: shop\nexternal: [{external}]\nmanifests: [w/w.yaml]");
    assert_all(&[
        ("in all", &[("base.yaml", &base("{ kind: Secret, name: corp }")), ("w/w.yaml", push)], &[]),
        (
            "in that one",
            &[("base.yaml", &base("{ kind: Secret, name: corp, namespace: other }")), ("w/w.yaml", push)],
            &[],
        ),
        (
            "in another one",
            &[("base.yaml", &base("{ kind: Secret, name: corp, namespace: third }")), ("w/w.yaml", push)],
            &["dangling-reference w/w.yaml:5"],
        ),
        (
            "of another kind",
            &[("base.yaml", &base("{ kind: ConfigMap, name: corp }")), ("w/w.yaml", push)],
            &["unmatched-reference base.yaml:2", "dangling-reference w/w.yaml:5"],
        ),
    ]);
}

#[test]
fn what_a_controller_fills_has_whatever_is_asked_for() {
    let secret = |head: &str| format!("kind: Secret\napiVersion: v1\nmetadata: {{ name: s, {head}\n");
    let base = ("base.yaml", "namespace: shop\nmanifests: [w/w.yaml]");
    let token =
        secret("annotations: { kubernetes.io/service-account.name: x } }\ntype: kubernetes.io/service-account-token");
    let copy = secret("annotations: { replicator.v1.mittwald.de/replicate-from: a/b } }");
    let labelled = secret("labels: { config.openshift.io/inject-trusted-cabundle: 'true' } }");
    let bare = secret("labels: { a: b } }");
    let service = "kind: Service\napiVersion: v1\nmetadata:\n  name: x\n  annotations: { service.beta.openshift.io/serving-cert-secret-name: s }\n";
    for (name, object, expected) in [
        ("a token", &token[..], &[][..]),
        ("a copy", &copy, &[]),
        ("a bundle of certificates", &labelled, &[]),
        ("a certificate of a service", service, &[]),
        ("nobody", &bare, &["dangling-reference w/w.yaml:13"]),
    ] {
        assert_all(&[(name, &[base, ("w/w.yaml", &with_pod(object, "s", "token"))], expected)]);
    }
}

#[test]
fn names_that_another_tool_completes_are_not_looked_up() {
    let base = ("base.yaml", "manifests: [w/w.yaml]");
    for (name, expected) in [
        ("\"${APP}-secret\"", &[][..]),
        ("$(params.secret)", &[]),
        ("\"$(tasks.x.results.name)-s\"", &[]),
        ("app-secret", &["dangling-reference w/w.yaml:9"]),
    ] {
        assert_all(&[(name, &[base, ("w/w.yaml", &pod(name, "k"))], expected)]);
    }
    let object = "kind: ConfigMap\napiVersion: v1\nmetadata: { name: 'NAME' }\n";
    for (name, expected) in [("${APP}-config", &[][..]), ("App_Config", &["invalid-name w/w.yaml:3"])] {
        assert_all(&[(name, &[base, ("w/w.yaml", &object.replace("NAME", name))], expected)]);
    }
}

#[test]
fn variables_are_called_unused_only_where_all_templates_were_read() {
    let used = "vars: { a: b }\ndata: { A: '{{ vars.a }}' }";
    let broken = "vars: { a: b }\ndata: { A: '{{ vars.a | nonsense }}', B: '{{ nothing }}' }";
    let unused = "vars: { a: b }\ndata: { A: x }";
    let file = "vars: { a: b }\nmanifests: [w/w.yaml]";
    let manifest = "kind: ConfigMap\napiVersion: v1\nmetadata: { name: x }\ndata: { A: '{{ vars.a }}{{ vars.b }}' }\n";
    assert_all(&[
        ("used", &[("base.yaml", used)], &[]),
        ("unused", &[("base.yaml", unused)], &["unused-variable base.yaml:1"]),
        ("failed", &[("base.yaml", broken)], &["template-failed base.yaml:2 A", "undefined base.yaml:2 B"]),
        ("failed in a manifest", &[("base.yaml", file), ("w/w.yaml", manifest)], &["undefined w/w.yaml:4"]),
    ]);
}

#[test]
fn an_unused_variable_is_no_slip_of_one_that_its_layer_defines_too() {
    let hints = |base: &str, mixin: &str| {
        let sandbox = Sandbox::new([("base.yaml", base), ("dev.yaml", "extends: [m/m]\n"), ("m/m.yaml", mixin)]);
        let run = sandbox.run(&["check"]);
        let text = run.stdout + &run.stderr;
        text.matches("`vars.host_a`").count()
    };
    let data = "data: { A: '{{ vars.host_a }}' }\n";
    assert_eq!(hints(&format!("vars: {{ host_a: x, host_b: y }}\n{data}"), ""), 0);
    assert_eq!(hints(&format!("vars: {{ host_a: x }}\n{data}"), "vars: { hots_a: y }\n"), 1);
}

#[test]
fn a_kustomization_of_flux_is_one_by_its_fields() {
    let base = "data:\n  nginx.conf: 'listen ${PORT};'\n";
    let head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n";
    let real = format!("{head}spec:\n  postBuild: {{ substitute: {{ a: b }} }}\n");
    let listed = format!("kind: List\napiVersion: v1\nitems:\n- {}", real.trim_end().replace('\n', "\n  "));
    let other = format!("{head}spec:\n  path: x\n# postBuild: later\n");
    let text = "data:\n  NOTE: |\n    apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    spec:\n      postBuild: { substitute: {} }\n";
    let broken = format!("{head}spec:\n  postBuild:\n    substitute: {{ a: @b }}\n");
    let told: &[&str] = &["substitution base.yaml:2 nginx.conf"];
    assert_all(&[
        ("one", &[("base.yaml", base), ("flux/a.yaml", &real)], told),
        ("in a list", &[("base.yaml", base), ("flux/a.yaml", &listed)], told),
        ("one that is no YAML", &[("base.yaml", base), ("flux/a.yaml", &broken)], told),
        ("a comment", &[("base.yaml", base), ("flux/a.yaml", &other)], &[]),
        ("a text in a layer", &[("base.yaml", base), ("notes/a.yaml", text)], &["unused-layer notes/a.yaml:1"]),
    ]);
}

#[test]
fn templates_of_go_belong_to_other_programs() {
    let go = "{{ define \"title\" }}{{ .Status }}{{ if .Labels.x }}!{{ end }}{{ end }}";
    let manifest = format!("kind: ConfigMap\napiVersion: v1\nmetadata: {{ name: x }}\ndata: {{ KEY: '{go}' }}\n");
    let entry = format!("data: {{ KEY: '{go}' }}");
    let rows = [
        ("a.tmpl", &[][..], &[][..]),
        ("a.gotmpl", &[], &[]),
        ("a.txt", &["template-syntax base.yaml:1 a.txt"], &["template-syntax w/w.yaml:4"]),
    ];
    for (key, of_entry, of_manifest) in rows {
        assert_all(&[
            (key, &[("base.yaml", &entry.replace("KEY", key))], of_entry),
            (key, &[("base.yaml", "manifests: [w/w.yaml]"), ("w/w.yaml", &manifest.replace("KEY", key))], of_manifest),
        ]);
    }
    // what names something of this program is its own template, also there
    assert_all(&[(
        "a template",
        &[("base.yaml", "data:\n  A: x\n  a.tmpl: '{{ .Status }} {{ data.A }}'\n")],
        &["template-syntax base.yaml:3 a.tmpl"],
    )]);
}
