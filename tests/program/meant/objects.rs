//! Manifests: no object is passed over because of where it is, what it says of itself, or what an annotation lacks.

use super::rules;
use crate::support::sandbox::{Run, Sandbox};

const BASE: &str = "app: app\nmanifests: [\"w/*.yaml\"]\ndata:\n  A: x\nbundles:\n  tls: { data: { CERT: { description: of production } } }\n";

fn project(manifest: &str) -> Sandbox {
    Sandbox::new([("base.yaml", BASE), ("dev.yaml", ""), ("prod.yaml", "bundles: { tls: { data: { CERT: x } } }\n")])
        .file("w/a.yaml", manifest)
}

fn render(manifest: &str) -> Run {
    project(manifest).run(&["render", "dev"])
}

/// A workload with fields of its own metadata, of its spec, and of the metadata of its pods.
fn workload(version: &str, kind: &str, metadata: &str, spec: &str, of_pods: &str) -> String {
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{ name: w{metadata} }}\nspec:\n  selector: {{ matchLabels: {{ a: b }} }}\n{spec}  template:\n    metadata: {{ labels: {{ a: b }}{of_pods} }}\n    spec: {{ containers: [{{ name: c, image: i }}] }}\n"
    )
}

#[test]
fn a_secret_within_another_object_is_a_secret() {
    const SECRET: &str = "{ apiVersion: v1, kind: Secret, metadata: { name: s }, FIELD }";
    for (name, around) in [
        (
            "a template",
            "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: { name: t }\nobjects: [SECRET]\n",
        ),
        (
            "a resource",
            "apiVersion: example.com/v1\nkind: Bundle\nmetadata: { name: t }\nspec: { resources: { one: SECRET } }\n",
        ),
        (
            "a list in one",
            "apiVersion: example.com/v1\nkind: Bundle\nmetadata: { name: t }\nspec: { list: { kind: List, items: [SECRET] } }\n",
        ),
        ("a list", "apiVersion: v1\nkind: List\nitems: [SECRET]\n"),
        (
            "manifest work",
            "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nmetadata: { name: t }\nspec: { workload: { manifests: [SECRET] } }\n",
        ),
    ] {
        for (field, is_leak) in [
            ("stringData: { password: Tr0ub4dor-and-3-more }", true),
            ("data: { password: VHIwdWI0ZG9yLWFuZC0zLW1vcmU= }", true),
            ("stringData: { password: changeme }", false),
            ("stringData: { motto: one for all }", false),
        ] {
            let manifest = around.replace("SECRET", &SECRET.replace("FIELD", field));
            let check = project(&manifest).run(&["check", "--format", "json"]);
            let found = rules(&check).contains(&("error".to_owned(), "plaintext-secret".to_owned()));
            assert_eq!(found, is_leak, "{name} {field}: {}", check.stdout);
        }
    }
}

#[test]
fn a_kind_in_the_wrong_version_is_reported_with_the_right_one() {
    for (version, kind) in [
        ("app/v1", "Deployment"),
        ("apps/v2", "Deployment"),
        ("v1", "Deployment"),
        ("batch/v1", "StatefulSet"),
        ("apps/v1", "Deployement"),
    ] {
        render(&workload(version, kind, "", "", "")).refused();
    }
    for (version, kind) in [("extensions/v1beta1", "Deployment"), ("apps/v1beta2", "DaemonSet")] {
        let run = render(&workload(version, kind, "", "", ""));
        run.record();
        assert!(run.code == 0 && run.stderr.contains("warning"), "{version}: {}", run.stderr);
    }
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("apps.kruise.io/v1alpha1", "CloneSet"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("example.com/v1", "Deployment"),
    ] {
        let run = render(&workload(version, kind, "", "", ""));
        assert!(run.code == 0 && run.stderr.is_empty(), "{version} {kind}: {}", run.stderr);
    }
}

#[test]
fn an_integer_is_no_fraction() {
    for (value, is_right) in [("1.5", false), ("-0.5", false), ("2", true), ("2.0", true), ("1e1", true)] {
        let run = render(&workload("apps/v1", "Deployment", "", &format!("  replicas: {value}\n"), ""));
        assert_eq!(run.code == 0, is_right, "{value}: {}", run.stderr);
        run.record();
    }
    let schema = "{ type: number, maximum: 1.5 }";
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: a.b.c }}\nspec: {{ versions: [{{ name: v1, schema: {{ openAPIV3Schema: {schema} }} }}] }}\n"
    );
    assert_eq!(render(&definition).code, 0);
}

#[test]
fn an_annotation_of_ours_is_granted_or_reported_wherever_it_is() {
    for (metadata, spec, of_pods) in [
        (", labels: { septum.dev/env-from: app }", "", ""),
        ("", "", ", septum.dev/env-from: app"),
        ("", "  septum.dev/env-from: app\n", ""),
        ("", "", ", annotations: { septum.dev/env-from: \"\" }"),
        ("", "", ", annotations: { septum.dev/env-from: \" , \" }"),
        ("", "", ", annotations: { septum.dev/mount: \"\" }"),
        ("", "", ", annotations: { septum.dev/env-from: null }"),
        ("", "", ", annotations: { septum.dev/env-form: \"\" }"),
        ("", "", ", annotations: { septum.dev/env-from: tls }"),
        ("", "", ", annotations: { septum.dev/env-from: tsl }"),
        (", annotations: { septum.dev/env-from: app }", "", ""),
    ] {
        render(&workload("apps/v1", "Deployment", metadata, spec, of_pods)).refused();
    }
    let right = workload(
        "apps/v1",
        "Deployment",
        ", annotations: { septum.dev/reload: \"true\" }",
        "",
        ", annotations: { septum.dev/env-from: app }",
    );
    assert_eq!(render(&right).code, 0);
}

#[test]
fn bytes_in_a_manifest_are_reported() {
    for manifest in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\nbinaryData: { a: !!binary aGk= }\n",
        "apiVersion: example.com/v1\nkind: X\nmetadata: { name: c }\nspec: [{ a: !!binary aGk= }]\n",
    ] {
        let message = render(manifest).refused();
        assert!(message.contains("w/a.yaml:"), "{message}");
    }
}

#[test]
fn what_a_mixin_defines_by_a_slip_is_a_warning() {
    for mixin in [
        "data: { LOG_LEVL: debug }",
        "bundles: { regsitry: { data: { A: x } } }",
        "bundles: { registry: { data: { TOKNE: x } } }",
    ] {
        let project = Sandbox::new([
            (
                "base.yaml",
                "app: app\ndata: { LOG_LEVEL: info }\nbundles: { registry: { data: { TOKEN: changeme } } }\n",
            ),
            ("dev.yaml", "extends: [m/a]\n"),
            ("m/a.yaml", mixin),
        ]);
        let run = project.run(&["render", "dev"]);
        run.record();
        assert!(run.code == 0 && run.stderr.contains("warning"), "{mixin}: {}", run.stderr);
        let check = project.run(&["check", "--format", "json"]);
        assert!(rules(&check).contains(&("warning".to_owned(), "unknown-key".to_owned())), "{mixin}: {}", check.stdout);
    }
    for mixin in ["data: { LOG_LEVEL2: x }", "data: { OTHER: x }", "bundles: { mirror: { data: { A: x } } }"] {
        let project = Sandbox::new([
            (
                "base.yaml",
                "app: app\ndata: { LOG_LEVEL: info }\nbundles: { registry: { data: { TOKEN: changeme } } }\n",
            ),
            ("dev.yaml", "extends: [m/a]\n"),
            ("m/a.yaml", mixin),
        ]);
        let run = project.run(&["render", "dev"]);
        assert!(run.code == 0 && run.stderr.is_empty(), "{mixin}: {}", run.stderr);
    }
}
