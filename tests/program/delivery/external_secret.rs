//! `refs: external-secret`: what an operator makes a Secret of.

use serde_json::{Value as Json, json};

use crate::delivery::schema::assert_valid;
use crate::support::messages::record;
use crate::support::objects::Objects;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

const DELIVERY: &str = "delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: vault } }\n";

fn found(objects: &Objects, kind: &str, name: &str) -> Json {
    let is = |object: &&Json| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.0.iter().find(is).unwrap_or_else(|| panic!("no {kind} `{name}` in {:#?}", objects.0)).clone()
}

fn names(objects: &Objects) -> Vec<String> {
    let name = |object: &Json| {
        format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
    };
    objects.0.iter().map(name).collect()
}

/// The objects of `dev`, which are as their definitions say.
fn dev(base: &str, dev: &str) -> Objects {
    let objects = Sandbox::of(base, &format!("{DELIVERY}{dev}")).dev();
    assert_valid(&objects.0, "ExternalSecret");
    objects
}

#[test]
fn a_pointer_is_fetched_under_its_key() {
    let base = "app: app\nnamespace: shop\ndata: { A: x, K: { required: true } }\n";
    for (pointer, expected) in [
        ("shop/db", json!({"key": "shop/db"})),
        ("'shop/db#password'", json!({"key": "shop/db", "property": "password"})),
        ("'shop/db#password@3'", json!({"key": "shop/db", "property": "password", "version": "3"})),
        ("{ key: 'a#b', property: c }", json!({"key": "a#b", "property": "c"})),
    ] {
        let objects = dev(base, &format!("data: {{ K: {{ ref: {pointer} }} }}\n"));
        assert_eq!(names(&objects), ["ConfigMap/app", "ExternalSecret/app"]);
        let spec = &found(&objects, "ExternalSecret", "app")["spec"];
        assert_eq!(spec["data"], json!([{"remoteRef": expected, "secretKey": "K"}]), "{pointer}");
        assert_eq!(spec["secretStoreRef"], json!({"kind": "ClusterSecretStore", "name": "vault"}));
        assert_eq!(spec["target"], json!({"creationPolicy": "Owner", "name": "app"}));
    }
}

#[test]
fn values_and_pointers_go_their_own_ways_and_a_workload_finds_both() {
    let base = "app: app
data:
  A: x
  B: { value: secret, sensitive: true }
  C: { ref: shop/c }
manifests: ['workloads/*.yaml']
";
    let workload = "apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: { septum.dev/env-from: app, septum.dev/mount: 'app:/etc/app' }
spec:
  containers:
  - name: web
    image: web
    env:
    - { name: C1, valueFrom: { secretKeyRef: { name: app, key: C } } }
    - { name: B1, valueFrom: { secretKeyRef: { name: app, key: B } } }
";
    let project = Sandbox::of(base, DELIVERY).file("workloads/web.yaml", workload);
    let objects = project.dev();
    assert_eq!(names(&objects), ["ConfigMap/app", "ExternalSecret/app-refs", "Pod/web", "Secret/app"]);
    assert_eq!(found(&objects, "ExternalSecret", "app-refs")["spec"]["target"]["name"], "app-refs");
    let pod = found(&objects, "Pod", "web");
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["envFrom"],
        json!([{"configMapRef": {"name": "app"}}, {"secretRef": {"name": "app"}}, {"secretRef": {"name": "app-refs"}}])
    );
    assert_eq!(container["env"][0]["valueFrom"]["secretKeyRef"]["name"], "app-refs");
    assert_eq!(container["env"][1]["valueFrom"]["secretKeyRef"]["name"], "app");
    assert_eq!(
        pod["spec"]["volumes"][0]["projected"]["sources"],
        json!([{"configMap": {"name": "app"}}, {"secret": {"name": "app"}}, {"secret": {"name": "app-refs"}}])
    );
    // who may read the one may read the other
    let project =
        project.file("base.yaml", format!("{base}bundles: {{ app: {{ rbac: {{ serviceAccount: web }} }} }}\n"));
    let role = found(&project.dev(), "Role", "app-reader");
    assert_eq!(role["rules"][0]["resourceNames"], json!(["app", "app-refs"]));
}

#[test]
fn what_is_referred_to_by_hand_is_told_of_the_other_secret() {
    let base = "app: app\ndata: { B: { value: secret, sensitive: true }, C: { ref: c } }\nmanifests: ['m/*']\n";
    let pod = |spec: &str| {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: web }}\nspec: {{ {spec} }}\n");
        Sandbox::of(base, DELIVERY).file("m/pod.yaml", text).run(&["render", "dev"])
    };
    let volume = |items: &str| format!("volumes: [{{ name: v, secret: {{ secretName: app, items: [{items}] }} }}]");
    pod(&volume("{ key: B, path: b }, { key: C, path: c }")).refused();

    // all keys of one: it is the one that has them
    let found_by = pod(&volume("{ key: C, path: c }")).objects();
    assert_eq!(found(&found_by, "Pod", "web")["spec"]["volumes"][0]["secret"]["secretName"], "app-refs");
    let env = |from: &str| format!("containers: [{{ name: web, image: web, envFrom: [{from}] }}]");
    let half = pod(&env("{ secretRef: { name: app } }"));
    assert_eq!(half.code, 0, "{}", half.stderr);
    half.record();
    pod(&env("{ secretRef: { name: app } }, { secretRef: { name: app-refs } }")).ok();
}

#[test]
fn a_template_with_a_pointer_becomes_one_of_the_operator() {
    let base = r#"app: app
data:
  HOST: db
  P: { ref: shop/p }
  with-dash: { ref: shop/d }
  URL: "postgres://app:{{ data.P | urlencode }}@{{ data.HOST }}/x"
  AUTH: "{{ data.P | b64encode }}"
  JSON: '{"a": {{ data.P | tojson }}}'
  SUM: "{{ data['with-dash'] | trim | sha256 }}"
  BOTH: "{{ data.URL }}?x={{ data['with-dash'] }}"
  BRACES: "{ {{ data.P }} {% raw %}{{ x }} {{% endraw %}{{ data.P }}"
  LOOP: "{% for i in [1, 2] %}{{ i }}={{ data.P }};{% endfor %}"
  IF: "{% if data.HOST == 'db' %}{{ data.P }}{% else %}none{% endif %}"
  NEVER: "{% if data.HOST == 'other' %}{{ data.P }}{% else %}none{% endif %}"
"#;
    let objects = dev(base, "");
    let object = found(&objects, "ExternalSecret", "app-refs");
    let template = &object["spec"]["target"]["template"];
    for (key, expected) in [
        ("P", "{{ .P }}"),
        ("with-dash", "{{ index . \"with-dash\" }}"),
        ("URL", "postgres://app:{{ .P | urlquery | replace \"+\" \"%20\" }}@db/x"),
        ("AUTH", "{{ .P | b64enc }}"),
        ("JSON", "{\"a\": {{ .P | toJson | replace \"'\" \"\\\\u0027\" }}}"),
        ("SUM", "{{ index . \"with-dash\" | trim | sha256sum }}"),
        ("BOTH", "postgres://app:{{ .P | urlquery | replace \"+\" \"%20\" }}@db/x?x={{ index . \"with-dash\" }}"),
        ("BRACES", "{ {{ .P }} {{ \"{\" }}{ x }} {{ \"{\" }}{{ .P }}"),
        ("LOOP", "1={{ .P }};2={{ .P }};"),
        ("IF", "{{ .P }}"),
    ] {
        assert_eq!(template["data"][key], expected, "{key}");
    }
    assert_eq!(template["engineVersion"], "v2");
    assert_eq!(template["metadata"]["labels"]["app.kubernetes.io/managed-by"], "septum");
    assert_eq!(object["spec"]["data"].as_array().unwrap().len(), 2, "each is fetched once");
    // what holds none of it is known here, and what has a pointer in its text stays on its side of the wall
    assert_eq!(objects.texts("Secret/app"), crate::support::objects::pairs([("NEVER", "none")]));
}

#[test]
fn what_would_have_to_be_known_here_is_refused() {
    for template in [
        "{% if data.P %}x{% endif %}",
        "{{ data.P | upper }}",
        "{{ data.P ~ 'x' }}",
        "{{ data.P == 'x' }}",
        "{% set p = data.P %}{{ p }}",
        "{{ [data.P] | join }}",
        "{{- data.P -}}",
        "{% filter upper %}{{ data.P }}{% endfilter %}",
        "{% set p %}{{ data.P }}{% endset %}{{ p | upper }}",
        "{% macro m() %}{{ data.P }}{% endmacro %}{{ m() }}",
        "{% for data in [{'P': 1}] %}{{ data.P }}{% endfor %}",
        "{{ data.U | urlencode }}",
        "{{ data.P }}{{ data.Q }}",
    ] {
        let base = format!(
            "app: app\ndata:\n  P: {{ ref: shop/p }}\n  U: 'a{{{{ data.P }}}}'\n  Q: {{ value: known, sensitive: true }}\n  T: \"{template}\"\n"
        );
        let stderr = Sandbox::of(&base, DELIVERY).run(&["render", "dev"]).refused();

        assert_eq!(stderr.matches("error:").count(), 1, "{template}: {stderr}");
        assert!(!stderr.contains("known\n"), "{template}: {stderr}");
    }
}

#[test]
fn a_structure_and_a_manifest_cannot_hold_a_pointer() {
    for base in [
        "data: { P: { ref: p }, a.json: { content: { x: '{{ data.P }}' } } }\n",
        "data: { P: { ref: p } }\nvars: { v: '{{ data.P }}' }\nbundles: { b: { data: { X: '{{ vars.v }}' } } }\n",
        "data: { P: { ref: p } }\nbundles: { b: { registries: { ghcr.io: { username: u, password: '{{ data.P }}' } } } }\n",
    ] {
        Sandbox::of(base, DELIVERY).run(&["render", "dev"]).refused();
    }
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { a: '{{ data.P }}' }\n";
    let project = Sandbox::of("data: { P: { ref: p } }\nmanifests: [m/*]\n", DELIVERY).file("m/a.yaml", manifest);
    project.run(&["render", "dev"]).refused();
}

#[test]
fn a_secret_of_a_type_is_one_object() {
    let tls = |certificate: &str, key: &str| {
        format!(
            "app: app\nbundles: {{ tls: {{ type: kubernetes.io/tls, data: {{ tls.crt: {certificate}, tls.key: {key} }} }} }}\n"
        )
    };
    let objects = dev(&tls("{ ref: 'tls#crt' }", "{ ref: 'tls#key' }"), "");
    let template = &found(&objects, "ExternalSecret", "tls")["spec"]["target"]["template"];
    assert_eq!(template["type"], "kubernetes.io/tls");
    assert_eq!(
        template["data"],
        json!({"tls.crt": "{{ index . \"tls.crt\" }}", "tls.key": "{{ index . \"tls.key\" }}"})
    );
    // the certificate is no secret
    let certificate = include_str!("../../vectors/sealed/cert.pem");
    let project = Sandbox::of(&tls("{ file: a.crt }", "{ ref: 'tls#key' }"), DELIVERY).file("a.crt", certificate);
    let objects = project.dev();
    assert_eq!(found(&objects, "ExternalSecret", "tls")["spec"]["target"]["template"]["data"]["tls.crt"], certificate);
    assert_eq!(names(&objects), ["ExternalSecret/tls"]);
    // a password is one
    let base = "app: app\nbundles: { l: { type: kubernetes.io/basic-auth, data: { username: { ref: u }, password: hunter22 } } }\n";
    let stderr = Sandbox::of(base, DELIVERY).run(&["render", "dev"]).refused();
    assert!(!stderr.contains("hunter22"), "{stderr}");
    for kind in ["bootstrap.kubernetes.io/token", "kubernetes.io/service-account-token"] {
        let base = format!("app: app\nbundles: {{ b: {{ type: {kind}, data: {{ token: {{ ref: t }} }} }} }}\n");
        assert_eq!(Sandbox::of(&base, DELIVERY).run(&["render", "dev"]).code, 2, "{kind}");
    }
}

#[test]
fn the_metadata_of_a_template_are_templates_too() {
    let base = "app: app\nannotations: { note: '{{ x }}' }\ndata: { P: { ref: p }, U: 'x{{ data.P }}' }\n";
    let object = found(&dev(base, ""), "ExternalSecret", "app");
    assert_eq!(object["metadata"]["annotations"]["note"], "{{ x }}");
    let template = &object["spec"]["target"]["template"];
    assert_eq!(template["metadata"]["annotations"]["note"], "{{ \"{\" }}{ x }}");
}

#[test]
fn no_other_secret_has_the_name_of_the_one_that_is_made() {
    let base = "app: app\ndata: { P: { ref: p }, K: { value: dummy, sensitive: true } }\n";
    let bundle = format!("{base}bundles: {{ app-refs: {{ data: {{ Z: {{ value: zz, sensitive: true }} }} }} }}\n");
    Sandbox::of(&bundle, DELIVERY).run(&["render", "dev"]).refused();

    let plain = format!("{base}bundles: {{ app-refs: {{ data: {{ Z: zz }} }} }}\n");
    assert_eq!(names(&dev(&plain, "")).len(), 3, "a ConfigMap may have it");
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: { name: app-refs }\n";
    let by_hand = Sandbox::of(&format!("{base}manifests: [m/*]\n"), DELIVERY).file("m/a.yaml", manifest);
    by_hand.run(&["render", "dev"]).refused();

    let long = "a".repeat(250);
    let told = Sandbox::of(&base.replace("app: app", &format!("app: {long}")), DELIVERY).run(&["render", "dev"]);
    told.refused();
}

#[test]
fn the_name_of_a_store_is_one_of_an_object() {
    for (base, delivery, line) in [
        ("data: { P: { ref: p } }\n", "delivery: { refs: external-secret, store: My_Store }\n", "dev.yaml:1:"),
        ("data: { P: { ref: { key: p, store: My_Store } } }\n", DELIVERY, "base.yaml:1:"),
    ] {
        let told = Sandbox::of(base, delivery).run(&["render", "dev"]).refused();
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn another_store_is_named_where_it_differs() {
    let base = "app: app\ndata: { A: { ref: a }, B: { ref: { key: b, store: other } } }\n";
    let data = found(&dev(base, ""), "ExternalSecret", "app")["spec"]["data"].clone();
    assert_eq!(data[0].get("sourceRef"), None);
    assert_eq!(data[1]["sourceRef"]["storeRef"], json!({"kind": "ClusterSecretStore", "name": "other"}));
    let lone = "app: app\ndelivery: { refs: external-secret }\ndata: { A: { ref: { key: a, store: s } } }\n";
    let object = found(&Sandbox::of(lone, "").dev(), "ExternalSecret", "app");
    assert_eq!(object["spec"]["secretStoreRef"], json!({"kind": "SecretStore", "name": "s"}));
}

#[test]
fn an_environment_may_have_the_value_where_another_has_a_pointer() {
    let base = "app: app\ndata: { P: { required: true, minLength: 12 }, U: 'x{{ data.P }}' }\n";
    let project = Sandbox::new([
        ("base.yaml", base),
        ("dev.yaml", "data: { P: not-so-secret }\n"),
        ("prod.yaml", &format!("{DELIVERY}data: {{ P: {{ ref: p }} }}\n")),
    ]);
    assert_eq!(names(&project.run(&["render", "dev"]).objects()), ["Secret/app"], "sensitive in all of them");
    assert_eq!(names(&project.run(&["render", "prod"]).objects()), ["ExternalSecret/app"]);
    let told = project.run(&["explain", "prod", "P"]).ok();
    record(&told);
    let run = project.run(&["get", "prod", "P"]);
    run.record();
    assert!(run.code == 2);
}

#[test]
fn what_is_wrong_with_a_pointer_is_told_where_it_stands() {
    for base in [
        "data: { P: { ref: '' } }",
        "data: { P: { ref: } }",
        "data: { P: { ref: '#x' } }",
        "data: { P: { ref: { property: x } } }",
        "data: { P: { ref: { kye: x } } }",
        "data: { P: { ref: 'a/{{ env.name }}' } }",
        "data: { P: { ref: a, value: b } }",
        "data: { P: { ref: a, sensitive: false, reason: x } }",
        "data: { P: { ref: [a] } }",
    ] {
        let stderr = Sandbox::of(&format!("{base}\n"), DELIVERY).run(&["render", "dev"]).refused();

        assert!(stderr.contains("base.yaml:1:"), "{base}: {stderr}");
    }
    Sandbox::of("data: { P: { ref: a } }\n", "").run(&["render", "dev"]).refused();

    for delivery in [
        "{ refs: external-secrt }",
        "{ refs: external-secret }",
        "{ refs: external-secret, store: { kind: Vault, name: x } }",
        "{ refs: external-secret, store: { kind: SecretStore } }",
        "{ refs: external-secret, store: s, refreshInterval: daily }",
        "{ secrets: sealed-secrets, certificate: x }",
        "{ recipients: [] }",
        "{ scope: strickt }",
        "{ recipient: [] }",
    ] {
        Sandbox::of("data: { P: { ref: a } }\n", &format!("delivery: {delivery}\n")).run(&["render", "dev"]).refused();
    }
}

#[test]
fn encrypted_secrets_and_pointers_stand_side_by_side() {
    let base = "app: app\ndata: { DATABASE_PASSWORD: { sensitive: true }, STRIPE_WEBHOOK_SECRET: { sensitive: true }, P: { ref: p } }\n";
    let delivery = "delivery: { secrets: sops, recipients: [age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms], refs: external-secret, store: vault }\n";
    let project = Sandbox::new([("base.yaml", base), ("prod.yaml", delivery), ("prod.secrets.yaml", ENCRYPTED)]);
    let objects = project.run_with_key(&["render", "prod"]).objects();
    assert_eq!(names(&objects), ["ExternalSecret/app-refs", "Secret/app"]);
    assert!(objects.0[1]["sops"]["mac"].is_string());
}
