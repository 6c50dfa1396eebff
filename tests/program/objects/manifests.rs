//! Other objects of an app: `manifests`, wiring, `rbac`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const BASE: &str = "app: app
namespace: shop
labels: { team: payments }
vars: { replicas: 2, domain: example.com, token: { sensitive: x } }
data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true, value: dummy-dummy }
  DATABASE_URL: \"postgres://a:{{ data.DATABASE_PASSWORD }}@db/x\"
bundles:
  plain: { data: { GREETING: hello } }
  locked: { data: { TOKEN: { sensitive: true, value: xyzxyz } }, rbac: { serviceAccount: web } }
manifests: [\"workloads/*\"]
";

/// A project with one file of manifests.
fn project(name: &str, manifest: &str) -> Sandbox {
    Sandbox::of(BASE, "").file(&format!("workloads/{name}"), manifest)
}

fn deployment(annotations: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: \"{{{{ vars.replicas }}}}\"\n  selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }}, annotations: {{ {annotations} }} }}\n    spec:\n      containers:\n      - name: web\n        image: \"registry.{{{{ vars.domain }}}}/web:1.10\"\n{container}"
    )
}

#[track_caller]
fn object(project: &Sandbox, kind: &str) -> Json {
    let objects = project.dev();
    let found = objects.0.iter().find(|object| object["kind"] == kind).cloned();
    found.unwrap_or_else(|| panic!("no {kind} among {objects:?}"))
}

#[test]
fn objects_get_what_all_objects_of_the_app_have() {
    let text =
        format!("{}---\napiVersion: v1\nkind: Namespace\nmetadata: {{ name: shop }}\n", deployment("note: kept", ""));
    let project = project("web.yaml", &text);
    let found = object(&project, "Deployment");
    assert_eq!(
        found["metadata"],
        json!({"name": "web", "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "septum", "app.kubernetes.io/name": "app", "team": "payments"}})
    );
    assert_eq!(found["spec"]["replicas"], 2, "an expression by itself keeps its type");
    assert_eq!(found["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example.com/web:1.10");
    assert_eq!(found["spec"]["selector"], json!({"matchLabels": {"app": "web"}}), "a selector cannot be changed later");
    assert_eq!(
        found["spec"]["template"]["metadata"],
        json!({"labels": {"app": "web"}, "annotations": {"note": "kept"}})
    );
    let namespace = object(&project, "Namespace");
    assert_eq!(namespace["metadata"].get("namespace"), None, "it lives in none itself");
    let kinds: Vec<_> = project.dev().0.iter().map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds, ["ConfigMap", "ConfigMap", "Deployment", "Namespace", "Role", "RoleBinding", "Secret", "Secret"]);
}

#[test]
fn a_label_of_the_objects_own_stays_and_lists_are_taken_apart() {
    let project = project(
        "all.json",
        r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "own", "team": "x"}}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "b"}}]}"#,
    );
    let labels = &object(&project, "Service")["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/name"], "own");
    assert_eq!(labels["team"], "payments");
    assert_eq!(object(&project, "ServiceAccount")["metadata"]["name"], "b");
}

#[test]
fn a_text_template_is_rendered_document_by_document() {
    let project = project(
        "jobs.yaml.j2",
        "{% for name in ['a', 'b'] %}\napiVersion: v1\nkind: Service\nmetadata: { name: {{ name }} }\n---\n{% endfor %}",
    );
    let names: Vec<_> = project
        .dev()
        .0
        .iter()
        .filter(|object| object["kind"] == "Service")
        .map(|object| object["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    // a secret in one document is no matter of the other
    let project = self::project(
        "two.yaml.j2",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData: { url: '{{ data.DATABASE_URL }}' }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: a }\n",
    );
    assert_eq!(object(&project, "Service")["metadata"]["name"], "a");
    assert_eq!(project.dev().0.iter().filter(|object| object["kind"] == "Secret").count(), 3);
}

#[test]
fn a_file_of_many_definitions_is_read() {
    let one = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: NAME }}\nspec: {{ description: \"{}\" }}\n",
        "x".repeat(50_000)
    );
    let text: Vec<_> = (0..40).map(|index| one.replace("NAME", &format!("c{index}.example.com"))).collect();
    let project = project("crds.yaml", &text.join("---\n"));
    assert_eq!(project.dev().0.iter().filter(|object| object["kind"] == "CustomResourceDefinition").count(), 40);
    self::project("crds.yaml", &"# 345678\n".repeat(2_000_000)).run(&["render", "dev"]).refused();
}

#[test]
fn templates_can_be_switched_off() {
    let base = BASE.replace("[\"workloads/*\"]", "[{ path: \"workloads/*.yaml\", template: false }]");
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: dashboards }\ndata: { legend: \"{{ instance }}\" }\n";
    let project = Sandbox::of(&base, "").file("workloads/dashboards.yaml", text);
    let found = project.dev().0.into_iter().find(|object| object["metadata"]["name"] == "dashboards").unwrap();
    assert_eq!(found["data"]["legend"], "{{ instance }}");
}

#[test]
fn a_secret_in_anything_but_a_secret_is_an_error_that_shows_the_way() {
    for leaf in [
        "{{ data.DATABASE_URL }}",
        "{% if data.DATABASE_PASSWORD == 'x' %}a{% endif %}",
        "{{ bundles.locked.TOKEN | b64encode }}",
    ] {
        let text = deployment("", &format!("        args: [\"{leaf}\"]\n"));
        let stderr = project("web.yaml", &text).run(&["render", "dev"]).refused();

        assert!(stderr.contains("--> workloads/web.yaml:13:16"), "{stderr}");
        assert!(!stderr.contains("dummy"), "{stderr}");
    }
    project("web.yaml", &deployment("x: \"{{ data.DATABASE_URL }}\"", "")).run(&["render", "dev"]).refused();

    let lifted = deployment("x: \"{{ declassify(data.DATABASE_URL | length, 'says little') }}\"", "");
    project("web.yaml", &lifted).run(&["render", "dev"]).ok();
    let whole = "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { x: '{{ data.DATABASE_URL }}' } }\n";
    project("web.yaml.j2", whole).run(&["render", "dev"]).refused();
}

#[test]
fn a_secret_may_be_in_the_data_of_a_secret_only() {
    let head = "apiVersion: v1\nkind: Secret\n";
    for rest in [
        "metadata: { name: '{{ data.DATABASE_URL }}' }",
        "metadata: { name: a, namespace: '{{ data.DATABASE_URL }}' }",
        "metadata: { name: a, labels: { x: '{{ data.DATABASE_URL }}' } }",
        "metadata: { name: a }\ntype: '{{ data.DATABASE_URL }}'",
    ] {
        project("a.yaml", &format!("{head}{rest}\n")).run(&["render", "dev"]).refused();
    }
    // of a list, each object has its own parts
    let list = "apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Secret, metadata: { name: a }, stringData: { x: '{{ data.DATABASE_URL }}' } }\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: b }, data: { y: z } }\n";
    project("a.yaml", list).run(&["render", "dev"]).ok();
    let stderr = project("a.yaml", &list.replace("y: z", "y: '{{ data.DATABASE_URL }}'")).run(&["render", "dev"]);
    stderr.refused();
}

#[test]
fn what_was_decrypted_is_tracked_into_manifests() {
    let project = Sandbox::of(
        "app: app\ndata: { DATABASE_PASSWORD: {}, STRIPE_WEBHOOK_SECRET: {} }\nmanifests: [w/x.yaml]\n",
        "",
    )
    .file("dev.secrets.yaml", ENCRYPTED)
    .file(
        "w/x.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { x: \"{{ data.DATABASE_PASSWORD }}\" } }\n",
    );
    project.run_with_key(&["render", "dev"]).refused();
}

#[test]
fn a_workload_gets_whichever_objects_its_bundles_became() {
    let annotations = "septum.dev/env-from: \"app, plain\", septum.dev/mount: \"locked:/etc/locked\"";
    let project = project("web.yaml", &deployment(annotations, ""));
    let template = object(&project, "Deployment")["spec"]["template"].clone();
    assert_eq!(template["metadata"], json!({"labels": {"app": "web"}}), "wishes do not reach the cluster");
    assert_eq!(
        template["spec"]["containers"][0]["envFrom"],
        json!([{"configMapRef": {"name": "app"}}, {"secretRef": {"name": "app"}}, {"configMapRef": {"name": "plain"}}])
    );
    assert_eq!(
        template["spec"]["volumes"],
        json!([{"name": "septum-locked", "projected": {"defaultMode": 256, "sources": [{"secret": {"name": "locked"}}]}}])
    );
    // a key that moves across the wall needs no edit of the workload
    let moved = BASE.replace("GREETING: hello", "GREETING: { value: hello, sensitive: true }");
    let project = Sandbox::of(&moved, "").file("workloads/web.yaml", deployment(annotations, ""));
    let template = object(&project, "Deployment")["spec"]["template"].clone();
    assert_eq!(template["spec"]["containers"][0]["envFrom"][2], json!({"secretRef": {"name": "plain"}}));
}

#[test]
fn who_may_read_a_secret_gets_a_role_for_that_one() {
    let project = project("sa.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web }\n");
    assert_eq!(
        object(&project, "Role")["rules"],
        json!([{"apiGroups": [""], "resourceNames": ["locked"], "resources": ["secrets"], "verbs": ["get"]}])
    );
    let binding = object(&project, "RoleBinding");
    assert_eq!(binding["subjects"], json!([{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]));
    assert_eq!(binding["roleRef"]["name"], "locked-reader");
    let unused = BASE.replace("plain: { data", "plain: { rbac: { serviceAccount: web }, data");
    let run = Sandbox::of(&unused, "").file("workloads/x.yaml", "").run(&["render", "dev"]);
    run.record();
}

#[test]
fn references_follow_service_accounts_and_services_to_the_namespace_of_the_app() {
    let text = "apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: system }
---
apiVersion: v1
kind: Service
metadata: { name: hook, namespace: system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: web }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects:
  - { kind: ServiceAccount, name: web, namespace: system }
  - { kind: ServiceAccount, name: web, namespace: elsewhere }
  - { kind: ServiceAccount, name: other, namespace: system }
  - { kind: ServiceAccount, name: bare }
  - { kind: User, name: web }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: hooks }
webhooks:
  - { name: a.example.com, clientConfig: { service: { name: hook, namespace: system } } }
  - { name: b.example.com, clientConfig: { service: { name: hook, namespace: elsewhere } } }
  - { name: c.example.com, clientConfig: { url: \"https://example.com\" } }
";
    let project = project("moved.yaml", text);
    let subjects = object(&project, "ClusterRoleBinding")["subjects"].clone();
    let namespaces: Vec<_> = subjects.as_array().unwrap().iter().map(|subject| subject["namespace"].clone()).collect();
    assert_eq!(namespaces, [json!("shop"), json!("elsewhere"), json!("system"), json!("shop"), json!(null)]);
    let webhooks = object(&project, "ValidatingWebhookConfiguration")["webhooks"].clone();
    let namespaces: Vec<_> =
        webhooks.as_array().unwrap().iter().map(|hook| hook["clientConfig"]["service"]["namespace"].clone()).collect();
    assert_eq!(namespaces, [json!("shop"), json!("elsewhere"), json!(null)]);
}

#[test]
fn mistakes_in_manifests_are_told_with_their_place() {
    for (name, text) in [
        ("a.yaml", "kind: Service\nmetadata: { name: a }\n"),
        ("a.yaml", "apiVersion: v1\nkind: Service\n"),
        ("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n"),
        ("a.yaml", "- a\n"),
        ("a.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"),
        ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: {{ app.name }} }\n"),
        ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: \"{{ app.nmae }}\" }\n"),
        ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { septum.dev/env-from: app } }\n"),
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: plain }\n"),
        ("a.yaml.j2", "apiVersion: v1\nkind: {% if %}\n"),
    ] {
        project(name, text).run(&["render", "dev"]).refused();
    }
    let beside =
        Sandbox::of("app: app\n", "").file("web.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: a }\n");
    beside.run(&["render", "dev"]).refused();
    for manifests in [
        "[none.yaml]",
        "['../x.yaml']",
        "['[a']",
        "[{ template: false }]",
        "[{ path: a, tmplate: false }]",
        "web.yaml",
        "web.yaml",
    ] {
        let base = BASE.replace("[\"workloads/*\"]", manifests);
        Sandbox::of(&base, "").file("workloads/web.yaml", deployment("", "")).run(&["render", "dev"]).refused();
    }
}

#[test]
fn an_overlay_may_replace_the_list_and_environments_differ() {
    let service = |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n");
    let project =
        Sandbox::of("app: app\nmanifests: [w/a.yaml]\n", "manifests: { replace: [w/b.yaml, 'sub/**/*.yaml'] }\n")
            .file("prod.yaml", "")
            .file("w/a.yaml", service("a"))
            .file("w/b.yaml", service("b"))
            .file("sub/deep/c.yaml", service("c"));
    let names = |environment: &str| -> Vec<String> {
        let objects = project.run(&["render", environment]).objects();
        objects.0.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("dev"), ["b", "c"]);
    assert_eq!(names("prod"), ["a"]);
}

#[test]
fn a_reference_that_leads_nowhere_is_an_error_that_says_where_the_key_went() {
    for container in [
        "        envFrom: [{ configMapRef: { name: lokced } }]\n",
        "        envFrom: [{ configMapRef: { name: locked } }]\n",
        "        env: [{ name: X, valueFrom: { configMapKeyRef: { name: app, key: DATABASE_URL } } }]\n",
        "        env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: DATABASE_PASWORD } } }]\n",
        "        env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: LOG_LEVEL } } }]\n",
        "      volumes: [{ name: v, secret: { secretName: locked, items: [{ key: TKEN, path: t }] } }]\n",
        "      imagePullSecrets: [{ name: corp }]\n",
    ] {
        let stderr = project("web.yaml", &deployment("", container)).run(&["render", "dev"]).refused();
        assert!(stderr.contains("error: "), "{stderr}");
        assert!(stderr.contains("--> workloads/web.yaml:13:"), "{stderr}");
    }
}

#[test]
fn a_reference_to_an_object_whose_secret_is_not_set_yet_is_reported_once() {
    let base = "app: app\nvars: { replicas: 1, domain: x }\ndata:\n  LOG_LEVEL: info\n  PASSWORD: { sensitive: true, required: true }\nmanifests: [workloads]\n";
    for (container, is_consequence) in [
        ("        envFrom: [{ secretRef: { name: app } }]\n", true),
        ("        env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: PASSWORD } } }]\n", true),
        // not what is missing
        ("        envFrom: [{ secretRef: { name: other } }]\n", false),
        ("        env: [{ name: X, valueFrom: { configMapKeyRef: { name: app, key: PASSWORD } } }]\n", false),
    ] {
        let project = Sandbox::of(base, "").file("workloads/web.yaml", deployment("", container));
        let stderr = project.run(&["render", "dev"]).refused();
        let errors = stderr.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, if is_consequence { 1 } else { 2 }, "{container}: {stderr}");
    }
    // without a rule, the reference is all that is wrong
    let optional = base.replace(", required: true", "");
    let project = Sandbox::of(&optional, "")
        .file("workloads/web.yaml", deployment("", "        envFrom: [{ secretRef: { name: app } }]\n"));
    project.run(&["render", "dev"]).refused();
}

#[test]
fn what_may_be_missing_or_is_made_by_others_is_no_mistake() {
    let base = format!("{BASE}external: [{{ kind: Secret, name: corp-ca }}]\n");
    for container in [
        "        envFrom: [{ configMapRef: { name: none, optional: true } }]\n",
        "        env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: NONE, optional: true } } }]\n",
        "      volumes: [{ name: v, secret: { secretName: corp-ca, items: [{ key: any, path: t }] } }]\n",
        "      volumes: [{ name: v, configMap: { name: kube-root-ca.crt } }]\n",
        "      volumes: [{ name: v, secret: { secretName: web-tls } }]\n",
        "      volumes: [{ name: v, configMap: { name: own, items: [{ key: a, path: t }] } }]\n",
    ] {
        let others = "---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: web }\nspec: { secretName: web-tls, issuerRef: { name: x } }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: own }\ndata: { a: b }\n";
        let project = Sandbox::of(&base, "").file("workloads/web.yaml", deployment("", container) + others);
        project.run(&["render", "dev"]).ok();
    }
}

#[test]
fn a_key_without_a_value_in_this_environment_is_told_as_such() {
    let base = "app: app\ndata: { A: { value: x }, B: {} }\nmanifests: ['workloads/*']\n";
    let text = deployment("", "        env: [{ name: X, valueFrom: { configMapKeyRef: { name: app, key: B } } }]\n")
        .replace("\"{{ vars.replicas }}\"", "2")
        .replace("{{ vars.domain }}", "x");
    let project = Sandbox::of(base, "").file("prod.yaml", "data: { B: y }\n").file("workloads/web.yaml", text);
    project.run(&["render", "prod"]).ok();
    project.run(&["render", "dev"]).refused();
}

#[test]
fn explain_names_what_uses_a_key_and_needs_no_key_for_it() {
    let project = Sandbox::of("app: app\ndata: { DATABASE_PASSWORD: {}, STRIPE_WEBHOOK_SECRET: {}, LOG_LEVEL: info }\nmanifests: ['w/*']\n", "")
        .file("dev.secrets.yaml", ENCRYPTED)
        .file("w/web.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { metadata: { annotations: { septum.dev/env-from: app } }, spec: { containers: [{ name: a }] } } }\n")
        .file("w/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { containers: [{ name: a, env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: DATABASE_PASSWORD } } }] }] } } }\n");
    let consumers = |key: &str| project.run(&["explain", "dev", key, "--format", "json"]).json()["consumers"].clone();
    assert_eq!(
        consumers("DATABASE_PASSWORD"),
        json!([
            "Deployment web (spec.template.spec.containers[0].envFrom[1].secretRef.name)",
            "Job once (spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef.name)"
        ])
    );
    assert_eq!(
        consumers("LOG_LEVEL"),
        json!(["Deployment web (spec.template.spec.containers[0].envFrom[0].configMapRef.name)"])
    );
    record(project.run(&["explain", "dev", "LOG_LEVEL"]).ok());
}

#[test]
fn explain_names_what_uses_a_value_of_a_store() {
    let base = "app: app\ndata: { A: x, S: { value: y, sensitive: true }, P: { ref: 'p#x' }, Q: { ref: 'q#x' } }\nmanifests: ['w/*']\n";
    let pod = |name: &str, wish: &str, env: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: {name}, annotations: {{ {wish} }} }}\nspec: {{ containers: [{{ name: a, image: a{env} }}] }}\n"
        )
    };
    let project = |delivery: &str, env: &str| {
        Sandbox::of(base, &format!("delivery: {{ {delivery} }}\n"))
            .file("w/wired.yaml", pod("wired", "septum.dev/env-from: app, septum.dev/mount: 'app:/etc/app'", ""))
            .file("w/hand.yaml", pod("hand", "", env))
    };
    let of_store = project(
        "refs: external-secret, store: vault",
        ", env: [{ name: X, valueFrom: { secretKeyRef: { name: app, key: P } } }, { name: Y, valueFrom: { secretKeyRef: { name: app-refs, key: P } } }]",
    );
    let consumers = |project: &Sandbox, key: &str| {
        project.run(&["explain", "dev", key, "--format", "json"]).json()["consumers"].clone()
    };
    let wired = [
        "Pod wired (spec.containers[0].envFrom[2].secretRef.name)",
        "Pod wired (spec.volumes[0].projected.sources[2].secret.name)",
    ];
    assert_eq!(
        consumers(&of_store, "P"),
        json!([
            "Pod hand (spec.containers[0].env[0].valueFrom.secretKeyRef.name)",
            "Pod hand (spec.containers[0].env[1].valueFrom.secretKeyRef.name)",
            wired[0],
            wired[1]
        ])
    );
    assert_eq!(consumers(&of_store, "Q"), json!(wired));
    assert_eq!(
        consumers(&of_store, "S"),
        json!([
            "Pod wired (spec.containers[0].envFrom[1].secretRef.name)",
            "Pod wired (spec.volumes[0].projected.sources[1].secret.name)"
        ])
    );
    let mounted = project("refs: csi, provider: vault, parameters: { roleName: r }", "");
    let class = "Pod wired (spec.volumes[1].csi.volumeAttributes.secretProviderClass)";
    assert_eq!(consumers(&mounted, "P"), json!([class]));
}

#[test]
fn reloader_is_told_what_a_workload_refers_to() {
    let text = deployment("septum.dev/env-from: app", "")
        .replace("metadata: { name: web }", "metadata: { name: web, annotations: { septum.dev/reload: \"true\" } }");
    let found = object(&project("web.yaml", &text), "Deployment");
    assert_eq!(
        found["metadata"]["annotations"],
        json!({"configmap.reloader.stakater.com/reload": "app", "secret.reloader.stakater.com/reload": "app"})
    );
    project(
        "web.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { septum.dev/reload: \"true\" } }\n",
    )
    .run(&["render", "dev"])
    .refused();
}

#[test]
fn a_key_that_is_no_name_of_a_variable_is_warned_of() {
    let base = BASE.replace("LOG_LEVEL: info", "LOG_LEVEL: info\n  nginx.conf: x");
    let run = Sandbox::of(&base, "")
        .file("workloads/web.yaml", deployment("septum.dev/env-from: app", ""))
        .run(&["render", "dev"]);
    run.record();
    assert_eq!(run.code, 0);
}

#[test]
fn a_project_knows_references_of_its_own() {
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\nspec: { passwordFrom: lokced }\n";
    let project = Sandbox::new([(
        "septum.yaml",
        "apps: [shop]\nreferences: [{ kind: Widget, group: example.com, path: spec.passwordFrom, target: Secret }]\n",
    )])
    .file("shop/base.yaml", BASE)
    .file("shop/dev.yaml", "")
    .file("shop/workloads/w.yaml", widget);
    project.run(&["render", "dev"]).refused();
}

#[test]
fn a_field_of_a_project_without_a_value_is_as_if_it_was_not_there() {
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\nspec: { passwordFrom: lokced }\n";
    let rule = "kind: Widget, path: spec.passwordFrom, target: Secret";
    for (field, knows_widgets) in [
        ("references:".to_owned(), false),
        ("references: null".to_owned(), false),
        ("shared:".to_owned(), false),
        ("output:".to_owned(), false),
        (format!("references: [{{ {rule}, group: }}]"), true),
        (format!("references: [{{ {rule}, key: , group: ~ }}]"), true),
    ] {
        let settings = format!("apps: [shop]\n{field}\n");
        let project = Sandbox::new([("septum.yaml", settings.as_str()), ("base.yaml", "data: { FROM_ROOT: x }\n")])
            .file("shop/base.yaml", BASE)
            .file("shop/dev.yaml", "")
            .file("shop/workloads/w.yaml", widget);
        let run = project.run(&["render", "dev"]);
        assert_eq!(run.code, if knows_widgets { 2 } else { 0 }, "{field}: {}", run.stderr);
        assert_eq!(run.stderr.contains("lokced"), knows_widgets, "{field}: {}", run.stderr);
        assert!(!run.stdout.contains("FROM_ROOT"), "{field}");
        let tree = project.run(&["render", "--all", "--out"]);
        assert_ne!(tree.code, 0, "{field}: no directory is named");
    }
}

#[test]
fn a_manifest_that_goes_by_the_name_of_a_bundle_is_refused() {
    // with a suffix the objects have different names, and a reference to `locked` could mean either
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: locked }\n";
    let other_kind = secret.replace("Secret", "ConfigMap");
    let other_group = secret.replace("apiVersion: v1", "apiVersion: example.com/v1");
    for (namespace, names) in [("namespace: shop\n", "names: kustomize\n"), ("", "names: kustomize\n")] {
        let base = BASE.replace("namespace: shop\n", &format!("{namespace}{names}"));
        let with = |manifest: &str| Sandbox::of(&base, "").file("workloads/x.yaml", manifest).run(&["render", "dev"]);
        for manifest in [secret.to_owned(), secret.replace("{ name", "{ namespace: shop, name")] {
            let stderr = with(&manifest).refused();

            assert!(stderr.contains("--> workloads/x.yaml:1:1"), "{stderr}");
        }
        assert_eq!(with(&other_kind).code, 0);
        assert_eq!(with(&other_group).code, 0);
    }
}

#[test]
fn a_name_with_a_namespace_follows_the_suffix_where_it_may_be_that_of_the_bundle() {
    let ingress = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, annotations: { nginx.ingress.kubernetes.io/auth-tls-secret: shop/locked } }
";
    for (namespace, follows) in [("namespace: shop\n", true), ("", true), ("namespace: other\n", false)] {
        let base = BASE.replace("namespace: shop\n", &format!("{namespace}names: kustomize\n"));
        let project = Sandbox::of(&base, "").file("workloads/x.yaml", ingress);
        if follows {
            let metadata = object(&project, "Ingress")["metadata"].clone();
            let name = metadata["annotations"]["nginx.ingress.kubernetes.io/auth-tls-secret"].as_str().unwrap();
            assert!(name.starts_with("shop/locked-"), "{namespace}: {name}");
        } else {
            project.run(&["render", "dev"]).refused();
        }
    }
}

#[test]
fn references_follow_names_with_a_suffix() {
    let base = BASE.replace("namespace: shop\n", "namespace: shop\nnames: kustomize\n");
    let annotations = "septum.dev/env-from: app, septum.dev/mount: 'locked:/etc/locked'";
    let container = "        env: [{ name: X, valueFrom: { configMapKeyRef: { name: plain, key: GREETING } } }]\n";
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\nspec: { settings: plain }\n";
    let project = Sandbox::of(&base, "")
        .file("workloads/web.yaml", deployment(annotations, container))
        .file("workloads/widget.yaml", widget);
    let run = project.run(&["render", "dev"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    let objects = crate::support::objects::Objects::read(&run.stdout);
    let name = |kind: &str, base: &str| -> String {
        let names = objects.0.iter().filter(|object| object["kind"] == kind);
        let mut names = names.filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned));
        names.find(|name| name.starts_with(&format!("{base}-")) && name.len() == base.len() + 11).unwrap()
    };
    let web = objects.0.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &web["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["envFrom"],
        json!([{"configMapRef": {"name": name("ConfigMap", "app")}}, {"secretRef": {"name": name("Secret", "app")}}])
    );
    assert_eq!(pod["containers"][0]["env"][0]["valueFrom"]["configMapKeyRef"]["name"], name("ConfigMap", "plain"));
    assert_eq!(pod["volumes"][0]["projected"]["sources"][0]["secret"]["name"], name("Secret", "locked"));
    let role = objects.0.iter().find(|object| object["kind"] == "Role").unwrap();
    assert_eq!(role["rules"][0]["resourceNames"], json!([name("Secret", "locked")]));
}

#[test]
fn a_bundle_whose_value_failed_is_not_missing_besides() {
    let base = BASE.replace("GREETING: hello", "GREETING: \"{{ vars.nope }}\"");
    let stderr = Sandbox::of(&base, "")
        .file("workloads/web.yaml", deployment("septum.dev/env-from: plain", ""))
        .run(&["render", "dev"])
        .refused();
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
}
