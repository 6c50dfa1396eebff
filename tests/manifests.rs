//! Other objects of an app: `manifests`, wiring, `rbac`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod support;

use serde_json::{Value as Json, json};
use support::project::{ENCRYPTED, Project};

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
fn project(name: &str, manifest: &str) -> Project {
    Project::of(BASE, "").file(&format!("workloads/{name}"), manifest)
}

fn deployment(annotations: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: \"{{{{ vars.replicas }}}}\"\n  selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }}, annotations: {{ {annotations} }} }}\n    spec:\n      containers:\n      - name: web\n        image: \"registry.{{{{ vars.domain }}}}/web:1.10\"\n{container}"
    )
}

#[track_caller]
fn object(project: &Project, kind: &str) -> Json {
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
fn templates_can_be_switched_off() {
    let base = BASE.replace("[\"workloads/*\"]", "[{ path: \"workloads/*.yaml\", template: false }]");
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: dashboards }\ndata: { legend: \"{{ instance }}\" }\n";
    let project = Project::of(&base, "").file("workloads/dashboards.yaml", text);
    let found = project.dev().0.into_iter().find(|object| object["metadata"]["name"] == "dashboards").unwrap();
    assert_eq!(found["data"]["legend"], "{{ instance }}");
}

#[test]
fn a_secret_in_anything_but_a_secret_is_an_error_that_shows_the_way() {
    for (leaf, expected) in [
        ("{{ data.DATABASE_URL }}", "uses `data.DATABASE_URL`, which is sensitive"),
        ("{% if data.DATABASE_PASSWORD == 'x' %}a{% endif %}", "uses `data.DATABASE_PASSWORD`, which is sensitive"),
        ("{{ bundles.locked.TOKEN | b64encode }}", "uses `bundles.locked.TOKEN`, which is sensitive"),
    ] {
        let text = deployment("", &format!("        args: [\"{leaf}\"]\n"));
        let stderr = project("web.yaml", &text).run(&["render", "dev"]).refused();
        assert!(
            stderr.contains(&format!("`spec.template.spec.containers[0].args[0]` of the Deployment `web` {expected}")),
            "{stderr}"
        );
        assert!(stderr.contains("--> workloads/web.yaml:13:16"), "{stderr}");
        assert!(!stderr.contains("dummy"), "{stderr}");
    }
    let stderr =
        project("web.yaml", &deployment("x: \"{{ data.DATABASE_URL }}\"", "")).run(&["render", "dev"]).refused();
    assert!(stderr.contains("is sensitive: uses data.DATABASE_PASSWORD (base.yaml:8:17)"), "{stderr}");
    assert!(stderr.contains("secretKeyRef: { name: app, key: DATABASE_URL }"), "{stderr}");
    let lifted = deployment("x: \"{{ declassify(data.DATABASE_URL | length, 'says little') }}\"", "");
    project("web.yaml", &lifted).run(&["render", "dev"]).ok();
    let whole = "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { x: '{{ data.DATABASE_URL }}' } }\n";
    let stderr = project("web.yaml.j2", whole).run(&["render", "dev"]).refused();
    assert!(stderr.contains("the Service `a` uses `data.DATABASE_URL`, which is sensitive"), "{stderr}");
}

#[test]
fn what_was_decrypted_is_tracked_into_manifests() {
    let project = Project::of(
        "app: app\ndata: { DATABASE_PASSWORD: {}, STRIPE_WEBHOOK_SECRET: {} }\nmanifests: [w/x.yaml]\n",
        "",
    )
    .file("dev.secrets.yaml", ENCRYPTED)
    .file(
        "w/x.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { x: \"{{ data.DATABASE_PASSWORD }}\" } }\n",
    );
    let stderr = project.run_with_key(&["render", "dev"]).refused();
    assert!(stderr.contains("`data.DATABASE_PASSWORD` is sensitive: encrypted with SOPS"), "{stderr}");
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
    let project = Project::of(&moved, "").file("workloads/web.yaml", deployment(annotations, ""));
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
    let run = Project::of(&unused, "").file("workloads/x.yaml", "").run(&["render", "dev"]);
    assert!(run.stderr.contains("warning: the bundle `plain` has no Secret to be read"), "{}", run.stderr);
}

#[test]
fn mistakes_in_manifests_are_told_with_their_place() {
    for (name, text, expected) in [
        (
            "a.yaml",
            "kind: Service\nmetadata: { name: a }\n",
            "a manifest lacks `apiVersion`\n --> workloads/a.yaml:1:1",
        ),
        ("a.yaml", "apiVersion: v1\nkind: Service\n", "a manifest lacks `metadata.name`"),
        ("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n", "gives another name each time"),
        ("a.yaml", "- a\n", "a manifest lacks `apiVersion`"),
        (
            "a.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n",
            "a kustomization is no object",
        ),
        (
            "a.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: {{ app.name }} }\n",
            "a template within YAML stands in quotes",
        ),
        ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: \"{{ app.nmae }}\" }\n", "there is `app.name`"),
        (
            "a.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: a, annotations: { septum.dev/env-from: app } }\n",
            "`septum.dev/env-from` does nothing here",
        ),
        (
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: plain }\n",
            "the manifests and bundles of `app` make a ConfigMap `plain`",
        ),
        ("a.yaml.j2", "apiVersion: v1\nkind: {% if %}\n", "workloads/a.yaml.j2:2"),
    ] {
        let stderr = project(name, text).run(&["render", "dev"]).refused();
        assert!(stderr.contains(expected), "{expected}:\n{stderr}");
    }
    let beside =
        Project::of("app: app\n", "").file("web.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: a }\n");
    assert!(beside.run(&["render", "dev"]).refused().contains("`web.yaml` holds an object of Kubernetes, not a layer"));
    for (manifests, expected) in [
        ("[none.yaml]", "`none.yaml` matches no file\n  --> base.yaml:12:13"),
        ("['../x.yaml']", "leads out of the folder of its layer"),
        ("['[a']", "`[a` is no valid glob"),
        ("[{ template: false }]", "a manifest needs `path`"),
        ("[{ path: a, tmplate: false }]", "did you mean `template`?"),
        ("web.yaml", "expected a list for `manifests`"),
    ] {
        let base = BASE.replace("[\"workloads/*\"]", manifests);
        let stderr = Project::of(&base, "").run(&["render", "dev"]).refused();
        assert!(stderr.contains(expected), "{expected}:\n{stderr}");
    }
}

#[test]
fn an_overlay_replaces_the_list_and_environments_differ() {
    let service = |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n");
    let project = Project::of("app: app\nmanifests: [w/a.yaml]\n", "manifests: [w/b.yaml, 'sub/**/*.yaml']\n")
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
