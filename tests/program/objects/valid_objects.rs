//! What the demo and the examples render is what Kubernetes takes: valid by its schemas of every
//! version, and read unchanged by kustomize and kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::objects::{Objects, text};
use crate::support::peers::{peer, python_with};
use crate::support::samples::{PROJECTS, repository};
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};
use serde_json::{Value as Json, json};

/// Prints what is wrong with titled documents on standard input by the schemas of each version of
/// Kubernetes, as a list of texts. A kind without a schema is wrong too.
const VALIDATE: &str = "
import functools, json, sys, yaml
from kubernetes_validate import SchemaNotFoundError, ValidationError, utils, validate

# else the megabytes of schemas are read anew for each object
utils.schema_contents = functools.cache(utils.schema_contents)
objects = [(title, item) for title, text in json.load(sys.stdin) for item in yaml.safe_load_all(text)]
wrong = []
for version in sorted(set(utils.all_versions())):
    for title, item in objects:
        name = f\"{title}, {version}: {item['kind']} {item['metadata']['name']}\"
        try:
            validate(item, version, strict=True)
        except ValidationError as error:
            wrong.append(f\"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}\")
        except SchemaNotFoundError as error:
            wrong.append(f\"{name}: {error.message}\")
print(json.dumps(wrong))
";

/// All that Septum adds to objects, or makes itself, and that the demo and the examples do without.
const WIRED: &str = "app: app
namespace: shop
labels: { team: payments }
annotations: { example.com/owner: payments }
names: kustomize
data: { LOG_LEVEL: info, DATABASE_PASSWORD: { sensitive: true, value: dummy-dummy } }
bundles:
  files: { data: { logo.png: !!binary iVBORw0KGgo=, app.json: { content: { port: 8080 } } } }
  locked: { data: { TOKEN: { sensitive: true, value: xyzxyz } }, rbac: { serviceAccount: web } }
  registry:
    type: kubernetes.io/dockerconfigjson
    data: { .dockerconfigjson: '{\"auths\": {\"registry.example.com\": {\"auth\": \"YTpi\"}}}' }
manifests: [\"workloads/*\"]
";

/// A workload of each kind that has a pod template, wired in all ways.
const WORKLOADS: &str = "{% macro pod(restart, indent) %}{% filter indent(indent) %}
metadata:
  labels: { app: web }
  annotations:
    septum.dev/env-from: app
    septum.dev/mount: \"files:/etc/files, locked:/etc/locked\"
    septum.dev/image-pull-secrets: registry
spec:
  serviceAccountName: web
  restartPolicy: {{ restart }}
  initContainers: [{ name: init, image: registry.example.com/init:1 }]
  containers: [{ name: web, image: registry.example.com/web:1 }]
{% endfilter %}{% endmacro %}
{% for kind in ['DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'] %}
apiVersion: apps/v1
kind: {{ kind }}
metadata: { name: web, annotations: { septum.dev/reload: 'true' } }
spec:
  {% if kind == 'StatefulSet' %}serviceName: web{% endif %}
  selector: { matchLabels: { app: web } }
  template:{{ pod('Always', 4) }}
---
{% endfor %}
apiVersion: batch/v1
kind: Job
metadata: { name: web }
spec:
  template:{{ pod('Never', 4) }}
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: web }
spec:
  schedule: '*/5 * * * *'
  jobTemplate:
    spec:
      template:{{ pod('OnFailure', 8) }}
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web }
imagePullSecrets: [{ name: registry }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  rules:
    - http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }
";

/// Every environment of the demo and the examples, and what they do without: a title, and what it renders.
fn rendered() -> impl Iterator<Item = (String, String)> {
    let wired = Sandbox::of(WIRED, "").file("workloads/all.yaml.j2", WORKLOADS).run(&["render", "dev"]).succeeds();
    let all = PROJECTS.iter().flat_map(|(name, directory, all)| all.iter().map(move |one| (name, directory, one)));
    all.map(|(name, directory, environment)| {
        let key = DEMO_KEY;
        let run = run(&repository().join(directory), &["render", environment], &[("SOPS_AGE_KEY_FILE", key)]);
        (format!("{name} {environment}"), run.ok())
    })
    .chain([("wired".to_owned(), wired)])
}

/// What a program prints that reads `input`. It has no cluster to ask.
fn piped(program: &Path, arguments: &[&str], input: &str) -> String {
    // a file, since a program that prints while it reads would wait for us as we wait for it
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    let output = Command::new(program).args(arguments).env("KUBECONFIG", "/dev/null").stdin(file).output().unwrap();
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is wrong with titled objects.
fn complaints(python: &Path, objects: &[(String, String)]) -> Vec<String> {
    serde_json::from_str(&piped(python, &["-c", VALIDATE], &json!(objects).to_string())).unwrap()
}

#[test]
fn all_objects_are_valid_in_every_version_of_kubernetes() {
    let Some(python) = python_with("kubernetes_validate") else { return };
    assert_eq!(complaints(&python, &rendered().collect::<Vec<_>>()), Vec::<String>::new());
}

#[test]
fn placeholders_are_valid_in_every_version_of_kubernetes() {
    let Some(python) = python_with("kubernetes_validate") else { return };
    let all = PROJECTS.iter().flat_map(|(name, directory, all)| all.iter().map(move |one| (name, directory, one)));
    let objects = all.map(|(name, directory, environment)| {
        let run = run(&repository().join(directory), &["render", environment, "--placeholders"], &[]);
        (format!("{name} {environment}"), run.succeeds())
    });
    assert_eq!(complaints(&python, &objects.collect::<Vec<_>>()), Vec::<String>::new());
}

/// Or else the test above would tell nothing.
#[test]
fn the_schemas_find_mistakes_in_every_version() {
    let Some(python) = python_with("kubernetes_validate") else { return };
    let prod = fs::read_to_string(repository().join("tests/cases/demo/prod.yaml")).unwrap();
    let mistakes = [
        ("replicas: 3", "replicas: \"3\"", "Deployment checkout: spec.replicas: '3' is not of type"),
        ("readOnly: true", "readonly: true", "'readonly' was unexpected"),
        ("  name: checkout-files\n", "  name: checkout-files\n  nam: x\n", "'nam' was unexpected"),
        ("kind: Service\n", "kind: Sevrice\n", "Couldn't find schema for kind Sevrice"),
    ];
    let wrong = mistakes.map(|(from, to, _)| (from.to_owned(), prod.replacen(from, to, 1)));
    let found = complaints(&python, &wrong);
    let versions = found.len() / mistakes.len();
    assert!(versions > 10, "{found:#?}");
    for (from, _, expected) in mistakes {
        let of_this = found.iter().filter(|complaint| complaint.starts_with(from) && complaint.contains(expected));
        assert_eq!(of_this.count(), versions, "{expected}: {found:#?}");
    }
}

#[test]
fn kustomize_and_kubectl_build_the_same_objects() {
    let programs = [("kustomize", "build"), ("kubectl", "kustomize")];
    let programs: Vec<(PathBuf, &str)> =
        programs.into_iter().filter_map(|(program, verb)| Some((peer(program)?, verb))).collect();
    for (title, objects) in rendered() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("kustomization.yaml"), "resources: [rendered.yaml]\n").unwrap();
        fs::write(directory.path().join("rendered.yaml"), &objects).unwrap();
        let expected = by_name(Objects::read(&objects).0);
        for (program, verb) in &programs {
            let built = piped(program, &[verb, directory.path().to_str().unwrap()], "");
            assert_eq!(by_name(Objects::read(&built).0), expected, "{title}: {}", program.display());
        }
    }
}

/// `create` and `apply` ask a server for its kinds even in a dry run; `annotate --local` reads the
/// same way, and asks nobody.
#[test]
fn kubectl_reads_the_same_objects() {
    let Some(kubectl) = peer("kubectl") else { return };
    for (title, objects) in rendered() {
        let arguments = ["annotate", "--local", "-o", "json", "septum.dev/read=yes", "-f", "-"];
        let read = piped(&kubectl, &arguments, &objects);
        let read: Vec<Json> = serde_json::Deserializer::from_str(&read).into_iter().map(Result::unwrap).collect();
        let mut expected = Objects::read(&objects).0;
        for object in &mut expected {
            object["metadata"]["annotations"]["septum.dev/read"] = json!("yes");
        }
        assert_eq!(by_name(read), by_name(expected), "{title}");
    }
}

/// The demo shows each kind of object that a small application has, so that the tests above see them.
#[test]
fn the_demo_has_a_workload_with_its_configuration() {
    for (title, objects) in rendered().filter(|(title, _)| title.starts_with("demo ")) {
        let objects = Objects::read(&objects).0;
        let kinds: BTreeSet<&str> = objects.iter().map(|object| text(&object["kind"])).collect();
        assert_eq!(kinds, BTreeSet::from(["ConfigMap", "Deployment", "Secret", "Service"]), "{title}");
        let pod = &objects.iter().find(|object| object["kind"] == "Deployment").unwrap()["spec"]["template"]["spec"];
        let sources = pod["containers"][0]["envFrom"].as_array().unwrap();
        let variables: Vec<&String> = sources.iter().flat_map(|source| source.as_object().unwrap().keys()).collect();
        assert_eq!(variables, ["configMapRef", "secretRef"], "{title}");
        let files = pod["volumes"][0]["projected"]["sources"].as_array().unwrap();
        let files: Vec<&String> = files.iter().flat_map(|source| source.as_object().unwrap().keys()).collect();
        assert_eq!(files, ["configMap", "secret"], "{title}");
    }
}

/// The objects in the order of kind and name, for programs that have their own.
fn by_name(mut objects: Vec<Json>) -> Vec<Json> {
    let name = |object: &Json| {
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        format!("{} {namespace}/{}", text(&object["kind"]), text(&metadata["name"]))
    };
    objects.sort_by_key(name);
    objects
}
