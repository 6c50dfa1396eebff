//! `refs: csi`: values that a driver mounts, and that never become a Secret.

use serde_json::{Value as Json, json};

use crate::delivery::schema::assert_valid;
use crate::support::objects::Objects;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: app
namespace: shop
data:
  PASSWORD: { ref: 'shop/db#password' }
  api-key: { ref: 'shop/api#api-key@3' }
";

/// The parameters of the class, with the list of objects read.
fn parameters(delivery: &str, base: &str, field: &str) -> Json {
    let objects = Sandbox::of(base, &format!("delivery: {{ refs: csi, {delivery} }}\n")).dev();
    assert_valid(&objects.0, "SecretProviderClass");
    let [class] = objects.0.as_slice() else { panic!("one object: {:#?}", objects.0) };
    assert_eq!((&class["metadata"]["name"], &class["metadata"]["namespace"]), (&json!("app"), &json!("shop")));
    assert_eq!(class["spec"].get("secretObjects"), None, "with them a Secret would be made");
    let mut parameters = class["spec"]["parameters"].clone();
    assert!(parameters.as_object().unwrap().values().all(Json::is_string), "{parameters}");
    parameters[field] = yaml(parameters[field].as_str().unwrap());
    parameters
}

fn yaml(text: &str) -> Json {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn vault_mounts_what_lies_under_a_path() {
    let objects = |prefix: &str| {
        json!([
            {"objectName": "PASSWORD", "secretPath": format!("{prefix}shop/db"), "secretKey": "password"},
            {"objectName": "api-key", "secretPath": format!("{prefix}shop/api?version=3"), "secretKey": "api-key"},
        ])
    };
    let delivery = "provider: vault, parameters: { vaultAddress: 'https://vault', roleName: shop }";
    let found = parameters(delivery, BASE, "objects");
    assert_eq!(found, json!({"objects": objects(""), "roleName": "shop", "vaultAddress": "https://vault"}));
    // as an ExternalSecret has it: below a mount of the second version
    let delivery = "provider: vault, parameters: { roleName: shop, mount: secret }";
    assert_eq!(parameters(delivery, BASE, "objects"), json!({"objects": objects("secret/data/"), "roleName": "shop"}));
}

#[test]
fn aws_takes_parts_of_a_secret_from_one_object() {
    let base = "app: app
namespace: shop
data:
  A: { ref: 'shop/db#user' }
  B: { ref: 'shop/db#pass-word' }
  A.json: { ref: shop/whole@uuid/12 }
  C: { ref: shop/whole@uuid/12 }
  F: { ref: 'shop/whole#a.1.b@uuid/12' }
  stripe: { ref: stripe }
  D: { ref: 'shop/db#user@AWSPREVIOUS' }
  E: { ref: 'arn:aws:ssm:eu-central-1:1:parameter/x@4' }
";
    let expected = json!([
        {"objectName": "arn:aws:ssm:eu-central-1:1:parameter/x", "objectType": "ssmparameter", "objectVersion": "4",
         "objectAlias": "E"},
        // the whole is mounted as well, under a name that no entry has
        {"objectName": "shop/db", "objectType": "secretsmanager", "objectAlias": "A.json.json",
         "jmesPath": [{"path": "user", "objectAlias": "A"}, {"path": "\"pass-word\"", "objectAlias": "B"}]},
        {"objectName": "shop/db", "objectType": "secretsmanager", "objectVersionLabel": "AWSPREVIOUS",
         "objectAlias": "D.json", "jmesPath": [{"path": "user", "objectAlias": "D"}]},
        {"objectName": "shop/whole", "objectType": "secretsmanager", "objectVersion": "12", "objectAlias": "A.json",
         "jmesPath": [{"path": "a[1].b", "objectAlias": "F"}]},
        {"objectName": "shop/whole", "objectType": "secretsmanager", "objectVersion": "12", "objectAlias": "C"},
        {"objectName": "stripe", "objectType": "secretsmanager"},
    ]);
    let found = parameters("provider: aws, parameters: { region: eu-central-1 }", base, "objects");
    assert_eq!(found, json!({"objects": expected, "region": "eu-central-1"}));
    let one = "app: app\nnamespace: shop\ndata: { A: { ref: /shop/a } }\n";
    let found = parameters("provider: aws, parameters: { service: ParameterStore }", one, "objects");
    assert_eq!(found["objects"][0]["objectType"], "ssmparameter");
}

#[test]
fn azure_has_a_text_in_a_list_in_a_text() {
    let base = "app: app\nnamespace: shop\ndata: { A: { ref: shop-a }, B: { ref: cert/shop-b@f00 } }\n";
    let found = parameters("provider: azure, parameters: { keyvaultName: v, tenantId: t }", base, "objects");
    let inner: Vec<_> =
        found["objects"]["array"].as_array().unwrap().iter().map(|text| yaml(text.as_str().unwrap())).collect();
    assert_eq!(
        json!(inner),
        json!([
            {"objectName": "shop-a", "objectType": "secret", "objectAlias": "A"},
            {"objectName": "shop-b", "objectType": "cert", "objectAlias": "B", "objectVersion": "f00"},
        ])
    );
}

#[test]
fn google_names_resources() {
    let base = "app: app
namespace: shop
data:
  A: { ref: shop-a }
  B: { ref: 'shop-b#field@7' }
  C: { ref: projects/other/secrets/c }
";
    let found = parameters("provider: gcp, parameters: { projectID: p }", base, "secrets");
    assert_eq!(
        found,
        json!({"secrets": [
            {"resourceName": "projects/p/secrets/shop-a/versions/latest", "path": "A"},
            {"resourceName": "projects/p/secrets/shop-b/versions/7", "path": "B", "extractJSONKey": "field"},
            {"resourceName": "projects/other/secrets/c/versions/latest", "path": "C"},
        ]})
    );
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: { WISHES }
spec:
  containers: [{ name: web, image: web }]
";

fn with_pod(wishes: &str, base: &str) -> Sandbox {
    let delivery = "delivery: { refs: csi, provider: vault, parameters: { roleName: shop } }\n";
    Sandbox::of(&format!("{base}manifests: [m/*]\n"), delivery).file("m/pod.yaml", POD.replace("WISHES", wishes))
}

fn pod(objects: &Objects) -> Json {
    objects.0.iter().find(|object| object["kind"] == "Pod").unwrap().clone()
}

#[test]
fn a_wish_mounts_the_class() {
    let csi = json!({"driver": "secrets-store.csi.k8s.io", "readOnly": true, "volumeAttributes": {"secretProviderClass": "app"}});
    let only = with_pod("septum.dev/mount: 'app:/etc/app'", "app: app\ndata: { P: { ref: 'p#x' } }\n").dev();
    assert_eq!(pod(&only)["spec"]["volumes"], json!([{"name": "septum-app", "csi": csi}]));
    assert_eq!(pod(&only)["spec"]["containers"][0]["volumeMounts"][0]["mountPath"], "/etc/app");
    // beside what else the bundle has, since neither can lie in the other
    let base = "app: app\ndata: { A: x, S: { value: y, sensitive: true }, P: { ref: 'p#x' } }\n";
    let both = pod(&with_pod("septum.dev/env-from: app, septum.dev/mount: 'app:/etc/app'", base).dev());
    assert_eq!(both["spec"]["volumes"][1], json!({"name": "septum-app-refs", "csi": csi}));
    let paths: Vec<_> = both["spec"]["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["mountPath"].clone())
        .collect();
    assert_eq!(paths, ["/etc/app", "/etc/app-refs"]);
    assert_eq!(both["spec"]["containers"][0]["envFrom"].as_array().unwrap().len(), 2);
}

#[test]
fn no_two_volumes_are_mounted_at_one_path() {
    let base = "app: app\ndata: { A: x, P: { ref: 'p#x' } }\nbundles: { other: { data: { B: y } } }\n";
    let mounted = "image: web, volumeMounts: [{ name: v, mountPath: /etc/app-refs }]";
    let by_hand = with_pod("septum.dev/mount: 'app:/etc/app'", base);
    let pod = POD.replace("WISHES", "septum.dev/mount: 'app:/etc/app'").replace("image: web", mounted);
    let by_hand = by_hand.file("m/pod.yaml", pod);
    let by_wish = with_pod("septum.dev/mount: 'app:/etc/app, other:/etc/app-refs'", base);
    for project in [by_hand, by_wish] {
        project.run(&["render", "dev"]).refused();
    }
}

#[test]
fn what_a_driver_cannot_do_is_told() {
    let base = "app: app\ndata: { A: x, P: { ref: p } }\n";
    with_pod("septum.dev/env-from: app", base).run(&["render", "dev"]).refused();

    let by_key = with_pod("x: y", base);
    let by_key = by_key.file(
        "m/pod.yaml",
        POD.replace("image: web", "image: web, env: [{ name: P, valueFrom: { secretKeyRef: { name: app, key: P } } }]"),
    );
    by_key.run(&["render", "dev"]).refused();
    for (base, delivery) in [
        ("data: { P: { ref: p } }", "{ refs: csi }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: valut }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: vault }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: azure }"),
        ("data: { P: { ref: 'p#x' } }", "{ refs: csi, provider: azure, parameters: { keyvaultName: v, tenantID: t } }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: gcp }"),
        ("data: { P: { ref: 'projects/p/secrets/s/versions/3@4' } }", "{ refs: csi, provider: gcp }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: vault, parameters: { roleName: x } }"),
        (
            "data: { P: { ref: /p@1 }, Q: { ref: '/p#x@2' } }",
            "{ refs: csi, provider: aws, parameters: { service: ParameterStore } }",
        ),
        (
            "data: { P: { ref: /p }, Q: { ref: /p } }",
            "{ refs: csi, provider: aws, parameters: { service: ParameterStore } }",
        ),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: aws, parameters: { service: S3 } }"),
        ("data: { P: { ref: p } }", "{ refs: csi, provider: vault, parameters: { roleName: x, objects: y } }"),
        ("data: { P: { ref: { key: p, store: s } } }", "{ refs: csi, provider: vault, parameters: { roleName: x } }"),
        ("data: { P: { ref: p }, U: 'x{{ data.P }}' }", "{ refs: csi, provider: vault, parameters: { roleName: x } }"),
        (
            "bundles: { t: { type: kubernetes.io/tls, data: { tls.crt: { ref: c }, tls.key: { ref: k } } } }",
            "{ refs: csi, provider: vault, parameters: { roleName: x } }",
        ),
    ] {
        Sandbox::of(&format!("{base}\n"), &format!("delivery: {delivery}\n")).run(&["render", "dev"]).refused();
    }
}

#[test]
fn an_image_cannot_be_pulled_with_a_mounted_value() {
    let base = "app: app\ndata: { A: x }\nbundles: { reg: { data: { .dockerconfigjson: { ref: 'p#x' } } } }\n";
    with_pod("septum.dev/image-pull-secrets: reg", base).run(&["render", "dev"]).refused();
}

#[test]
fn a_mounted_class_has_the_name_that_is_rendered() {
    let base = "app: app\nprefix: p-\nsuffix: -s\ndata: { S: { value: y, sensitive: true }, P: { ref: 'p#x' } }\n";
    let classes = |text: &str| {
        let find = |line: &str| line.trim().strip_prefix("secretProviderClass: ").map(str::to_owned);
        text.lines().filter_map(find).collect::<Vec<_>>()
    };
    let workload = "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet\nmetadata: { name: set }\nspec:\n  template:\n    metadata: { annotations: { septum.dev/mount: 'app:/etc/app' } }\n    spec: { containers: [{ name: a, image: a }] }\n";
    let by_hand = "apiVersion: v1\nkind: Pod\nmetadata: { name: hand }\nspec:\n  containers: [{ name: a, image: a }]\n  volumes:\n  - { name: v, csi: { driver: secrets-store.csi.k8s.io, volumeAttributes: { secretProviderClass: app } } }\n  - { name: w, csi: { driver: secrets-store.csi.k8s.io, volumeAttributes: { secretProviderClass: own } } }\n  - { name: x, csi: { driver: secrets-store.csi.k8s.io, volumeAttributes: { secretProviderClass: other } } }\n";
    let own = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: { name: own }\nspec: { provider: vault }\n";
    let project = with_pod("septum.dev/mount: 'app:/etc/app'", base)
        .file("m/set.yaml", workload)
        .file("m/hand.yaml", by_hand)
        .file("m/own.yaml", own);
    let rendered = project.run(&["render", "dev"]).ok();
    assert!(rendered.contains("name: p-app-s\n"), "{rendered}");
    assert_eq!(classes(&rendered), ["p-app-s", "p-app-s", "p-own-s", "other", "p-app-s"], "{rendered}");
    // and on its way through another program
    let project = Sandbox::of(base, "delivery: { refs: csi, provider: vault, parameters: { roleName: shop } }\n");
    let chart = POD.replace("WISHES", "septum.dev/mount: 'app:/etc/app'");
    let rendered = project.give(chart, &["helm", "post-render", "dev"]).ok();
    assert_eq!(classes(&rendered), ["p-app-s"], "{rendered}");
}
