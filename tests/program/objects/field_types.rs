//! What is rendered is what was meant: types of fields, numbers for kubectl, workloads of any kind, and texts that
//! only look like something else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tables")]

use std::process::Command;

use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const BASE: &str = "app: shop
data: { PORT: 8080, WORD: high, FLAG: true, COUNT: \"3\" }
manifests: [\"w/*.yaml\"]
";

fn shop(manifest: &str) -> Sandbox {
    Sandbox::of(BASE, "").file("w/d.yaml", manifest)
}

fn deployment(body: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: a }}\nspec:\n  selector: {{ matchLabels: {{ a: b }} }}\n  template:\n    metadata: {{ labels: {{ a: b }} }}\n    spec:\n      {body}\n"
    )
}

/// The objects as JSON, by kind and name.
fn rendered(project: &Sandbox, name: &str) -> Json {
    let list = project.run(&["render", "dev", "--format", "json"]).json();
    let found = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {list}")).clone()
}

#[test]
fn an_expression_has_the_type_of_its_field() {
    let body = "nodeSelector: { x: \"{{ data.PORT }}\" }
      terminationGracePeriodSeconds: \"{{ data.COUNT }}\"
      hostNetwork: \"{{ data.FLAG }}\"
      containers:
      - name: a
        image: \"{{ data.PORT }}\"
        command: [\"{{ data.FLAG }}\", \"{{ 1.50 }}\"]
        args: [\"{{ data.PORT }}\"]
        env: [{ name: P, value: \"{{ data.PORT }}\" }]
        ports: [{ containerPort: \"{{ data.PORT }}\" }]
        resources: { limits: { cpu: \"{{ data.PORT }}\" } }
        livenessProbe: { httpGet: { port: \"{{ data.PORT }}\", path: \"{{ data.PORT }}\" } }";
    let project = shop(&deployment(body));
    let spec = &rendered(&project, "a")["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    assert_eq!(spec["nodeSelector"], json!({ "x": "8080" }));
    assert_eq!(spec["terminationGracePeriodSeconds"], json!(3));
    assert_eq!(spec["hostNetwork"], json!(true));
    assert_eq!(container["image"], json!("8080"));
    assert_eq!(container["command"], json!(["true", "1.5"]));
    assert_eq!(container["args"], json!(["8080"]));
    assert_eq!(container["env"], json!([{ "name": "P", "value": "8080" }]));
    assert_eq!(container["ports"], json!([{ "containerPort": 8080 }]));
    // a port may be a name, a quantity a number: the expression keeps its type
    assert_eq!(container["livenessProbe"]["httpGet"], json!({ "port": 8080, "path": "8080" }));
    assert_eq!(container["resources"]["limits"]["cpu"], json!(8080));
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c, labels: { l: \"{{ data.PORT }}\" }, annotations: { l: \"{{ data.FLAG }}\" } }\ndata: { P: \"{{ data.PORT }}\" }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { P: \"{{ data.PORT }}\" }\n---\napiVersion: example.com/v1\nkind: Odd\nmetadata: { name: o, labels: { l: \"{{ data.PORT }}\" } }\nspec: { any: \"{{ data.PORT }}\", template: { spec: { containers: [{ name: x, args: [\"{{ data.PORT }}\"] }] } } }\n";
    let project = shop(config);
    assert_eq!(rendered(&project, "c")["data"], json!({ "P": "8080" }));
    assert_eq!(rendered(&project, "c")["metadata"]["annotations"], json!({ "l": "true" }));
    assert_eq!(rendered(&project, "s")["stringData"], json!({ "P": "8080" }));
    let odd = rendered(&project, "o");
    assert_eq!(odd["metadata"]["labels"]["l"], json!("8080"));
    assert_eq!(odd["spec"]["any"], json!(8080));
    assert_eq!(odd["spec"]["template"]["spec"]["containers"][0]["args"], json!(["8080"]));
}

#[test]
fn a_literal_of_another_type_than_its_field_is_an_error() {
    for body in [
        "containers: [{ name: a, args: [1] }]",
        "containers: [{ name: a, env: [{ name: P, value: true }] }]",
        "containers: [{ name: a, env: [{ name: P, value: 0x1F }] }]",
        "containers: [{ name: a, args: x }]",
        "nodeSelector: x",
        "terminationGracePeriodSeconds: \"3\"",
        "hostNetwork: \"true\"",
        "terminationGracePeriodSeconds: \"{{ data.WORD }}\"",
    ] {
        let told = shop(&deployment(body)).run(&["render", "dev"]).refused();
        assert!(told.contains("w/d.yaml:"), "{body}: {told}");
    }
    // a date is a text for kubectl, and null is nothing; what is a text in YAML 1.2 stays one for readers of 1.1
    let texts = deployment(
        "containers: [{ name: a, args: [2024-01-01, 1:30, yes, n, 1_000], env: [{ name: P, value: null }] }]",
    );
    let project = shop(&texts);
    let args = json!(["2024-01-01", "1:30", "yes", "n", "1_000"]);
    assert_eq!(rendered(&project, "a")["spec"]["template"]["spec"]["containers"][0]["args"], args);
    let yaml = project.run(&["render", "dev"]).ok();
    assert!(yaml.contains("- \"yes\"\n") && yaml.contains("- \"n\"\n") && yaml.contains("- \"1_000\"\n"), "{yaml}");
}

/// JSON says what kubectl reads from the YAML, by kubectl itself.
#[test]
fn json_means_what_kubectl_reads_from_the_yaml() {
    let words = "a: 0b11, b: 1.e3, c: 0x1F, d: on, e: .5, f: 1e3, g: 2024-01-01, h: 1:30, i: ~, k: 0o17, l: 017, m: 1_0.5, \
        p: No, r: 08, s: 1e+3, t: 9007199254740993, u: 1.10, v: 1_000, x: 0400, z: 1__0, aa: _1, ab: 0x, ad: 1., ae: 1e, ag: -0, \
        ao: Off, aq: Null, av: 00, aw: -017, ba: +.5, bc: 1e-7, bh: +0x1, bk: 0B11, bn: -0b11";
    let project =
        shop(&format!("apiVersion: example.com/v1\nkind: Foo\nmetadata: {{ name: f }}\nspec: {{ {words} }}\n"));
    let ours = rendered(&project, "f")["spec"].clone();
    assert_eq!(
        (&ours["x"], &ours["d"], &ours["v"], &ours["g"]),
        (&json!(256), &json!(true), &json!(1000), &json!("2024-01-01"))
    );
    let Some(kubectl) = peer("kubectl") else { return };
    let yaml = project.run(&["render", "dev"]).ok();
    let document = yaml.split("---\n").find(|document| document.contains("kind: Foo")).unwrap();
    let file = project.root().join("foo.txt");
    std::fs::write(&file, document).unwrap();
    let read =
        Command::new(kubectl).args(["annotate", "--local", "-o", "json", "x=y", "-f"]).arg(&file).output().unwrap();
    let read: Json =
        serde_json::from_slice(&read.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&read.stderr)));
    let number = |value: &Json| value.as_f64();
    for (key, theirs) in read["spec"].as_object().unwrap() {
        let is_same = ours[key] == *theirs || number(theirs).is_some() && number(&ours[key]) == number(theirs);
        assert!(is_same, "{key}: {} and kubectl's {theirs}", ours[key]);
    }
}

#[test]
fn workloads_of_any_kind_are_wired_and_misspelt_kinds_are_named() {
    let workload = |kind: &str, template: &str| {
        format!(
            "{kind}\nmetadata: {{ name: a }}\nspec:\n  {template}:\n    metadata: {{ annotations: {{ septum.dev/env-from: shop, septum.dev/mount: 'shop:/etc/shop' }} }}\n    spec: {{ containers: [{{ name: a, image: b }}] }}\n"
        )
    };
    for (kind, template) in [
        ("apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet", "template"),
        ("apiVersion: serving.knative.dev/v1\nkind: Service", "template"),
        ("apiVersion: argoproj.io/v1alpha1\nkind: Rollout", "template"),
        ("apiVersion: example.com/v1\nkind: Any", "podTemplate"),
    ] {
        let found = rendered(&shop(&workload(kind, template)), "a");
        let pod = &found["spec"][template];
        assert_eq!(pod["spec"]["containers"][0]["envFrom"], json!([{ "configMapRef": { "name": "shop" } }]), "{kind}");
        assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1, "{kind}");
        assert_eq!(pod["metadata"]["annotations"], Json::Null, "{kind}");
    }
    let told = shop(&workload("apiVersion: apps/v1\nkind: Deployement", "template")).run(&["render", "dev"]).refused();
    assert!(told.contains("`Deployment`"), "{told}");
    let without = "apiVersion: example.com/v1\nkind: Any\nmetadata: { name: a }\nspec: { x: { metadata: { annotations: { septum.dev/env-from: shop } } } }\n";
    shop(without).run(&["render", "dev"]).refused();
}

#[test]
fn a_truth_value_prints_as_it_is_written_through_every_filter_and_operator() {
    for (expression, expected) in [
        ("true | trim", "true"),
        ("true ~ ''", "true"),
        ("'x' ~ false ~ 1", "xfalse1"),
        ("true | upper", "TRUE"),
        ("true | title", "True"),
        ("true | indent(2)", "true"),
        ("true | replace('t', 'x')", "xrue"),
        ("'%s' | format(true)", "true"),
        ("true | split('r') | join('-')", "t-ue"),
        ("[true, false] | map('string') | join(',')", "true,false"),
        ("'a-true' | replace(true, 'b')", "a-b"),
    ] {
        let project = Sandbox::of(&format!("app: app\ndata: {{ A: \"{{{{ {expression} }}}}\" }}\n"), "");
        assert_eq!(project.dev().value("A"), expected, "{expression}");
    }
    for expression in ["none | trim", "none ~ 'x'", "'x' ~ none", "none | indent(2)"] {
        Sandbox::of(&format!("app: app\ndata: {{ A: \"{{{{ {expression} }}}}\" }}\n"), "")
            .run(&["render", "dev"])
            .refused();
    }
}

#[test]
fn what_only_looks_like_an_operator_or_a_mapping_is_an_error() {
    let base = "app: app\nvars: { hosts: [a], m: { l: [1] } }\ndata: { c.json: { content: { hosts: [a] } }, A: \"{{ vars | tojson }}\" }\n";
    for overlay in [
        "vars: { hosts+: c }",
        "vars: { +hosts: { c: d } }",
        "vars: { hosts+: null }",
        "vars: { m: { +l+: [2] } }",
        "vars: { m: { l+: [2], l: [3] } }",
        "data: { c.json: { content: { hosts+: c } } }",
        "data: { c.json: { content: { hosts: [z], hosts+: [c] } } }",
        "vars: { hosts: [fd00::, x] }",
        "vars: { m: { l: [a:, b] } }",
        "vars: { m: { l: fd00:: } }",
    ] {
        let told = Sandbox::of(base, &format!("{overlay}\n")).run(&["render", "dev"]).refused();
        assert!(told.contains("dev.yaml:1:"), "{overlay}: {told}");
    }
    Sandbox::of(base, "vars: { hosts: [::1, fe80::1, http://x, { k: null }], m: { l+: [2], +l: [0] } }\n")
        .run(&["render", "dev"])
        .ok();
}

#[test]
fn a_variable_is_no_binary_key() {
    let pod = |container: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: p }}\nspec: {{ containers: [{{ name: a, image: b, {container} }}] }}\n"
        )
    };
    let base = "app: shop\ndata: { A: b, BIN: { file: bin } }\nmanifests: [\"w/*.yaml\"]\n";
    let project = |manifest: &str| Sandbox::of(base, "").file("bin", [0, 255, 254]).file("w/p.yaml", manifest);
    let by_key = pod("env: [{ name: X, valueFrom: { configMapKeyRef: { name: shop, key: BIN } } }]");
    project(&by_key).run(&["render", "dev"]).refused();

    let whole = project(&pod("envFrom: [{ configMapRef: { name: shop } }]")).run(&["render", "dev"]);
    whole.record();
    assert!(whole.code == 0, "{}", whole.stderr);
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\nbinaryData: { B: AP8= }\n---\n";
    let by_key = pod("env: [{ name: X, valueFrom: { configMapKeyRef: { name: c, key: B } } }]");
    project(&format!("{other}{by_key}")).run(&["render", "dev"]).refused();

    let mounted = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: a, image: b }], volumes: [{ name: v, configMap: { name: shop, items: [{ key: BIN, path: x }] } }] }\n";
    project(mounted).run(&["render", "dev"]).ok();
}

#[test]
fn what_another_program_fills_in_or_only_looks_like_a_pod_is_left_alone() {
    for manifest in [
        deployment("hostNetwork: ${HOST}\n      containers: [{ name: a, ports: [{ containerPort: \"${PORT}\" }] }]"),
        deployment("terminationGracePeriodSeconds: $(params.SECONDS)"),
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: { name: p }\nspec: { rules: [{ validate: { pattern: { spec: { containers: [{ securityContext: { allowPrivilegeEscalation: \"false\" } }] } } } }] }\n".to_owned(),
        "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nmetadata: { name: r }\nspec: { template: { spec: { containers: [{ name: a, ports: [{ containerPort: \"8080\" }] }] } } }\n".to_owned(),
    ] {
        let run = shop(&manifest).run(&["render", "dev"]);
        assert_eq!(run.code, 0, "{manifest}: {}", run.stderr);
    }
}

#[test]
fn a_field_of_another_shape_is_an_error() {
    for body in [
        "containers: [{ name: a, env: { A: b } }]",
        "containers: [{ name: a, image: { repository: b } }]",
        "containers: [{ name: a, args: [[a]] }]",
        "nodeSelector: [a]",
        "terminationGracePeriodSeconds: [3]",
        "securityContext: [x]",
    ] {
        shop(&deployment(body)).run(&["render", "dev"]).refused();
    }
}

#[test]
fn a_number_with_a_leading_zero_is_none_but_for_the_mode_of_a_file() {
    let base = BASE.replace("FLAG: true", "FLAG: true, M: \"0400\"");
    let project = |manifest: &str| Sandbox::of(&base, "").file("w/d.yaml", manifest);
    project(&deployment("terminationGracePeriodSeconds: \"{{ data.M }}\"")).run(&["render", "dev"]).refused();

    let volume = deployment(
        "volumes: [{ name: v, emptyDir: {} }, { name: w, configMap: { name: shop, defaultMode: \"{{ data.M }}\" } }]",
    );
    let found = rendered(&project(&volume), "a");
    assert_eq!(found["spec"]["template"]["spec"]["volumes"][1]["configMap"]["defaultMode"], json!(256));
}

#[test]
fn a_function_is_no_text() {
    for expression in ["namespace", "range", "dict | upper", "'x' ~ namespace"] {
        let told = Sandbox::of(&format!("app: app\ndata: {{ A: \"{{{{ {expression} }}}}\" }}\n"), "")
            .run(&["render", "dev"])
            .refused();
        assert!(!told.contains("::"), "{expression}: {told}");
    }
}

#[test]
fn a_list_that_a_filter_or_a_loop_uses_is_used() {
    let base = "app: app\nvars: { l: [a, b], m: { x: 1, y: 2 }, n: { p: 1, q: 2 } }\ndata:\n  A: \"{{ vars.l | length }}{{ vars.n.p }}\"\n  B: \"{% for k in vars.m %}{{ k }}{% endfor %}\"\n";
    let run = Sandbox::of(base, "").run(&["check"]);
    assert_eq!(run.stdout.matches("unused-variable").count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("`vars.n.q`"), "{}", run.stdout);
}
