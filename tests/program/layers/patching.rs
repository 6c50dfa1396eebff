//! Fields that change other objects: `patches`, `images` and `replicas`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;

use crate::support::objects::{Objects, text};
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const BASE: &str = "app: shop
vars: { replicas: 4, tier: front }
data: { LOG_LEVEL: info, TOKEN: { sensitive: true, value: dummy-canary } }
manifests: [w/*.yaml]
";

const WORKLOADS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { tier: front } }
spec:
  replicas: 1
  template:
    spec:
      initContainers: [{ name: init, image: busybox }]
      containers:
      - { name: web, image: 'nginx:1.26', env: [{ name: A, value: a }] }
      - { name: side, image: r.example.com/side@sha256:abc }
---
apiVersion: v1
kind: List
items:
- { apiVersion: v1, kind: Service, metadata: { name: web }, spec: { ports: [{ port: 80, name: http }] } }
- { apiVersion: v1, kind: Secret, metadata: { name: own }, stringData: { A: dummy } }
";

fn project(dev: &str) -> Sandbox {
    Sandbox::of(BASE, dev).file("w/all.yaml", WORKLOADS)
}

#[track_caller]
fn find<'o>(objects: &'o Objects, kind: &str, name: &str) -> &'o Json {
    let is_it = |object: &&Json| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.0.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} `{name}`"))
}

/// Variables of the first container of the Deployment.
fn variables(objects: &Objects) -> &Json {
    &find(objects, "Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["env"]
}

const STRATEGIC: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: '{{ vars.replicas }}'
  template:
    spec:
      containers:
      - name: web
        env: [{ name: B, value: b }]
";

#[test]
fn a_patch_is_a_file_a_text_or_a_structure() {
    let indented = format!("    {}\n", STRATEGIC.trim_end().replace('\n', "\n    "));
    let structure = "patches: [{ patch: { apiVersion: apps/v1, kind: Deployment, metadata: { name: web }, spec: { replicas: '{{ vars.replicas }}', template: { spec: { containers: [{ name: web, env: [{ name: B, value: b }] }] } } } } }]\n";
    for dev in [
        "patches: [patches/web.yaml]\n",
        "patches: [{ path: patches/web.yaml }]\n",
        &format!("patches:\n- patch: |\n{indented}"),
        &format!("patches:\n- patch: >\n{}", indented.replace('\n', "\n\n")),
        structure,
    ] {
        let found = project(dev).file("patches/web.yaml", STRATEGIC).dev();
        assert_eq!(*variables(&found), json!([{ "name": "B", "value": "b" }, { "name": "A", "value": "a" }]), "{dev}");
        assert_eq!(find(&found, "Deployment", "web")["spec"]["replicas"], 4, "{dev}");
        assert_eq!(find(&found, "Deployment", "web")["spec"]["template"]["spec"]["containers"][1]["name"], "side");
    }
}

#[test]
fn operations_apply_to_all_objects_that_a_target_selects() {
    for (target, expected) in [
        ("{ kind: Deployment }", "Deployment"),
        ("{ labelSelector: tier=front }", "Deployment"),
        ("{ name: w.b, kind: S.* }", "Service"),
        ("{ name: own }", "Secret"),
        ("{ name: web }", "Deployment Service"),
    ] {
        for patch in [
            "[{ op: add, path: /metadata/annotations, value: { a: b } }]",
            "'[{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {\"a\": \"b\"}}]'",
        ] {
            let found = project(&format!("patches: [{{ target: {target}, patch: {patch} }}]\n")).dev();
            let patched = found.0.iter().filter(|object| object["metadata"]["annotations"]["a"] == "b");
            let kinds: Vec<_> = patched.map(|object| text(&object["kind"])).collect();
            assert_eq!(kinds.join(" "), expected, "{target}");
        }
    }
}

#[test]
fn layers_patch_what_the_layers_before_them_made() {
    let base = format!(
        "{BASE}patches: [{{ target: {{ kind: Deployment }}, patch: [{{ op: replace, path: /spec/replicas, value: 2 }}] }}]\n"
    );
    let dev = "manifests: [x.d/more.yaml]
patches:
- target: { kind: Deployment }
  patch: [{ op: test, path: /spec/replicas, value: 2 }, { op: replace, path: /spec/replicas, value: 3 }]
";
    let more = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: more }\nspec: { replicas: 2 }\n";
    let project = Sandbox::of(&base, dev).file("w/all.yaml", WORKLOADS).file("x.d/more.yaml", more);
    let found = project.dev();
    assert_eq!(find(&found, "Deployment", "web")["spec"]["replicas"], 3);
    assert_eq!(find(&found, "Deployment", "more")["spec"]["replicas"], 3);
}

#[test]
fn names_and_kinds_change_only_where_an_option_allows_it() {
    let patch = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: other }\n";
    let named = |options: &str| {
        let dev = format!("patches: [{{ path: p.d/x.yaml, target: {{ kind: Deployment }}, options: {options} }}]\n");
        let objects = project(&dev).file("p.d/x.yaml", patch).dev();
        let found = objects.0.iter().find(|object| object["apiVersion"] == "apps/v1").unwrap();
        format!("{}/{}", text(&found["kind"]), text(&found["metadata"]["name"]))
    };
    assert_eq!(named("{}"), "Deployment/web");
    assert_eq!(named("{ allowNameChange: true }"), "Deployment/other");
    assert_eq!(named("{ allowNameChange: true, allowKindChange: true }"), "StatefulSet/other");
}

#[test]
fn images_and_replicas_merge_by_name() {
    let base = format!(
        "{BASE}images: {{ nginx: {{ newName: r/nginx, newTag: '1' }}, busybox: {{ newTag: x }} }}\nreplicas: {{ web: 2 }}\n"
    );
    let images = |dev: &str| {
        let found = Sandbox::of(&base, dev).file("w/all.yaml", WORKLOADS).dev();
        let pod = &find(&found, "Deployment", "web")["spec"];
        let image = |list: &str, index: usize| text(&pod["template"]["spec"][list][index]["image"]).to_owned();
        (image("containers", 0), image("initContainers", 0), pod["replicas"].clone())
    };
    let expected = |nginx: &str, busybox: &str, replicas: u32| (nginx.to_owned(), busybox.to_owned(), json!(replicas));
    assert_eq!(images(""), expected("r/nginx:1", "busybox:x", 2));
    assert_eq!(images("images: { nginx: { newTag: '1.27' } }\n"), expected("r/nginx:1.27", "busybox:x", 2));
    assert_eq!(images("images: { nginx: { digest: 'sha256:1' } }\n"), expected("r/nginx@sha256:1", "busybox:x", 2));
    assert_eq!(images("images: { nginx: null }\nreplicas: { web: null }\n"), expected("nginx:1.26", "busybox:x", 1));
    assert_eq!(images("replicas: { web: 0 }\n"), expected("r/nginx:1", "busybox:x", 0));
}

#[test]
fn an_image_or_a_count_that_matches_nothing_is_a_warning() {
    let run = project("images: { ngnix: { newTag: '2' } }\nreplicas: { wbe: 2 }\n").run(&["render", "dev"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert_eq!(run.stderr.matches("warning:").count(), 2, "{}", run.stderr);
}

#[test]
fn prefix_and_references_follow_patched_objects() {
    let dev = "prefix: a-\npatches:\n- target: { kind: Deployment }\n  patch: [{ op: add, path: /spec/template/spec/containers/0/envFrom, value: [{ secretRef: { name: own } }] }]\n";
    let found = project(dev).dev();
    let pod = &find(&found, "Deployment", "a-web")["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["envFrom"], json!([{ "secretRef": { "name": "a-own" } }]));
    // a reference that a patch adds is checked like any other
    project(&dev.replace("name: own", "name: none")).run(&["render", "dev"]).refused();
}

#[test]
fn a_secret_in_a_patch_is_allowed_in_the_data_of_a_secret_only() {
    let in_secret = "patches:\n- patch: { apiVersion: v1, kind: Secret, metadata: { name: own }, stringData: { B: '{{ data.TOKEN }}' } }\n";
    let found = project(in_secret).dev();
    assert_eq!(find(&found, "Secret", "own")["stringData"], json!({ "A": "dummy", "B": "dummy-canary" }));
    let by_operation = "patches:\n- target: { kind: Secret }\n  patch: [{ op: add, path: /stringData/B, value: '{{ data.TOKEN }}' }]\n";
    assert_eq!(find(&project(by_operation).dev(), "Secret", "own")["stringData"]["B"], "dummy-canary");
    let by_text = "patches:\n- target: { kind: Secret }\n  patch: '[{ op: add, path: /stringData/B, value: \"{{ data.TOKEN }}\" }, { op: copy, from: /stringData/B, path: /stringData/C }]'\n";
    for key in ["B", "C"] {
        assert_eq!(find(&project(by_text).dev(), "Secret", "own")["stringData"][key], "dummy-canary", "{key}");
    }
    for patch in [
        "target: { kind: Deployment }, patch: [{ op: add, path: /metadata/annotations, value: { a: '{{ data.TOKEN }}' } }]",
        "target: { kind: Deployment }, patch: '[{ op: add, path: /metadata/annotations, value: { a: \"{{ data.TOKEN }}\" } }]'",
        "patch: { apiVersion: apps/v1, kind: Deployment, metadata: { name: web, annotations: { a: 'x{{ data.TOKEN }}' } } }",
        "patch: { apiVersion: v1, kind: Secret, metadata: { name: own, labels: { a: '{{ data.TOKEN }}' } } }",
        "target: { kind: Secret }, patch: [{ op: add, path: '/metadata/{{ data.TOKEN }}', value: x }]",
        "target: { kind: Secret }, patch: [{ op: test, path: /stringData/A, value: '{{ data.TOKEN }}' }]",
        "target: { kind: Secret }, patch: [{ op: add, path: /stringData/B, value: '{{ data.TOKEN }}' }, { op: copy, from: /stringData/B, path: /metadata/generateName }]",
        "target: { kind: Secret }, patch: [{ op: add, path: /stringData/B, value: '{{ data.TOKEN }}' }, { op: move, from: /stringData, path: /type }]",
        "patch: '{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web }, spec: { template: { spec: { containers: [{ name: \"{{ data.TOKEN }}\", image: x }] } } } }'",
    ] {
        let run = project(&format!("patches:\n- {{ {patch} }}\n")).run(&["render", "dev"]);
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
        let stderr = run.refused();
        assert!(stderr.contains("sensitive"), "{patch}: {stderr}");
    }
}

#[test]
fn mistakes_in_patches_are_refused_with_their_place() {
    for dev in [
        "patches: [none.yaml]\n",
        "patches: [{ path: a.yaml, patch: {} }]\n",
        "patches: [{ target: { kind: Deployment } }]\n",
        "patches: [{ path: a.yaml, taget: {} }]\n",
        "patches: [{ patch: {}, target: { nmae: x } }]\n",
        "patches: [{ patch: {}, options: { allowNamechange: true } }]\n",
        "patches: [[x]]\n",
        "patches: { path: x }\n",
        "patches:\n- target: { kind: Deploymnet }\n  patch: [{ op: remove, path: /spec/replicas }]\n",
        "patches:\n- target: { kind: '[' }\n  patch: [{ op: remove, path: /spec/replicas }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: |\n    - op: remove\n      path: /spec/none\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: test, path: '', value: {} }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: replace, path: '', value: [1] }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: move, from: '', path: /spec/x }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: copy, from: [/spec], path: /spec/x }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: [add], path: /spec/x, value: 1 }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: add, path: /spec/replicas/x, value: 1 }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: remove, path: /spec/template/spec/containers/7 }]\n",
        "patches:\n- target: { kind: Deployment }\n  patch: [{ op: remove, path: /spec/template/spec/initContainers/1 }]\n",
        "patches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: { name: wbe }\n",
        "patches:\n- patch: |\n    apiVersion: apps/v1\n    kind: [\n",
        "patches:\n- patch: { apiVersion: v1, kind: ConfigMap, metadata: { name: shop }, data: { LOG_LEVEL: debug } }\n",
        "patches:\n- target: { kind: Secret, name: shop }\n  patch: [{ op: remove, path: /data }]\n",
        "images: { nginx: r/nginx }\n",
        "images: { nginx: { tag: x } }\n",
        "images: { nginx: { newTag: '{{ vars.tag }}' } }\n",
        "replicas: { web: many }\n",
        "replicas: [web]\n",
    ] {
        let stderr = project(dev).run(&["render", "dev"]).refused();
        assert!(stderr.contains("--> dev.yaml:"), "{dev}: {stderr}");
    }
}

#[test]
fn directives_without_effect_are_refused() {
    const THING: &str = "apiVersion: example.com/v1
kind: Thing
metadata: { name: t }
spec: { items: [{ name: a }], policy: { mutate: [{ $patch: delete }] } }
";
    let deployment =
        |fields: &str| format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\n{fields}");
    for patch in [
        deployment("spec: { strategy: { $retainKeys: [type], type: Recreate } }\n"),
        deployment("metadata: { name: web, $deleteFromPrimitiveList/finalizers: [a/b] }\n").replacen(
            "metadata: { name: web }\n",
            "",
            1,
        ),
        deployment("spec: { template: { spec: { $setElementOrder/containers: [{ name: side }, { name: web }] } } }\n"),
        deployment("spec: { template: { spec: { tolerations: [{ key: a, $patch: delete }] } } }\n"),
        THING.replace("{ name: a }", "{ name: a, $patch: delete }"),
    ] {
        let project = project("patches: [p.d/x.yaml]\n").file("w/thing.yaml", THING).file("p.d/x.yaml", patch);
        project.run(&["render", "dev"]).refused();
    }
    // what the object itself has is its own
    let own = project(
        "patches: [{ patch: { apiVersion: example.com/v1, kind: Thing, metadata: { name: t }, spec: { a: 1 } } }]\n",
    );
    assert_eq!(
        find(&own.file("w/thing.yaml", THING).dev(), "Thing", "t")["spec"]["policy"],
        json!({ "mutate": [{ "$patch": "delete" }] })
    );
}

/// A word that only YAML 1.1 takes for a truth value is a text in an object, as for kustomize, and a truth value in operations.
#[test]
fn a_test_reads_the_words_of_an_object_as_texts() {
    let run = |value: &str| {
        let dev = format!(
            "patches: [{{ target: {{ kind: Thing }}, patch: '[{{ op: test, path: /spec/a, value: {value} }}]' }}]\n"
        );
        let thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: t }\nspec: { a: yes }\n";
        project(&dev).file("w/thing.yaml", thing).run(&["render", "dev"]).code
    };
    assert_eq!((run("\"yes\""), run("yes")), (0, 2));
}

#[test]
fn patches_are_checked_without_a_key_and_are_inputs_of_the_tree() {
    let base = "app: shop\ndata: { LOG_LEVEL: info, DATABASE_PASSWORD: {}, STRIPE_WEBHOOK_SECRET: {} }\nmanifests: [w/*.yaml]\ndelivery: { secrets: sops, recipients: [age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms] }\n";
    let dev = "patches: [p.d/own.yaml]\nreplicas: { web: 3 }\n";
    let patch =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: own }\nstringData: { B: '{{ data.DATABASE_PASSWORD }}' }\n";
    let project = Sandbox::of(base, dev)
        .file("dev.secrets.yaml", ENCRYPTED)
        .file("w/all.yaml", WORKLOADS)
        .file("p.d/own.yaml", patch);
    let render = ["render", "--all", "--out", "rendered"];
    assert_eq!(project.run_with_key(&render).code, 0);
    let check = ["render", "--all", "--check", "--out", "rendered"];
    assert_eq!(project.run_with_key(&check).code, 0);
    // the values cannot be verified without a key, and everything else is
    let keyless = project.run(&check);
    assert_eq!(keyless.code, 3, "{}", keyless.stderr);
    let committed = fs::read_to_string(project.root().join("rendered/dev/shop/secret-own.yaml")).unwrap();
    assert_eq!(project.run_with_key(&render).code, 0);
    assert_eq!(fs::read_to_string(project.root().join("rendered/dev/shop/secret-own.yaml")).unwrap(), committed);
    assert_eq!(project.run(&["check", "dev"]).code, 3);
    let changed = project.file("p.d/own.yaml", patch.replace("B:", "C:"));
    assert_eq!(changed.run_with_key(&check).code, 1);
    assert_eq!(changed.run(&check).code, 1);
}

#[test]
fn what_matches_nothing_is_named_with_the_nearest_name() {
    for dev in [
        "patches: [{ patch: { apiVersion: apps/v1, kind: Deployment, metadata: { name: wep }, spec: { replicas: '{{ vars.replicas }}' } } }]\n",
        "prefix: acme-\npatches: [{ patch: { apiVersion: apps/v1, kind: Deployment, metadata: { name: acme-web } } }]\n",
        "patches: [{ target: { kind: Deployment, name: wep }, patch: [{ op: remove, path: /spec }] }]\n",
        "images: { ngnix: { newTag: x } }\nreplicas: { wep: 2 }\n",
        "images: { docker.io/library/nginx: { newTag: x } }\n",
        "images: [{ name: nginx, newTag: x }]\nreplicas: [{ name: web, count: 2 }]\n",
        "namePrefix: a-\nnameSuffix: -b\npatchesStrategicMerge: [x.yaml]\ncomponents: [c]\n",
    ] {
        project(dev).run(&["render", "dev"]).record();
    }
}

#[test]
fn an_invalid_manifest_is_the_only_problem_of_its_patches() {
    let dev = "patches: [{ target: { kind: Deployment }, patch: [{ op: add, path: /spec/replicas, value: 2 }] }]\nimages: { nginx: { newTag: x } }\nreplicas: { web: 2 }\n";
    let desk = Sandbox::of(BASE, dev).file("w/all.yaml", WORKLOADS.replace("replicas: 1", "replicas: '{{ vars.r }}'"));
    let stderr = desk.run(&["render", "dev"]).refused();
    assert_eq!(stderr.matches("error: ").count() + stderr.matches("warning: ").count(), 1, "{stderr}");
}
