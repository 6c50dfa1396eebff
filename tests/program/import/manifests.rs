//! Manifests, and what `kubectl get -o yaml` prints.

use super::{Case, import, written};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: shop, labels: { app: web } }\ndata:\n  LOG_LEVEL: info\n  PORT: \"8080\"\n  VERSION: \"1.10\"\n  MODE: \"0644\"\n  EMPTY: \"\"\n";

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: web, namespace: shop, labels: { app: web } }\ntype: Opaque\nstringData: { DB_PASSWORD: canary-hunter2-a }\n";

const DEPLOYMENT: &str = "# The server.\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec:\n  replicas: 1 # few\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec:\n      containers:\n        - name: web\n          image: nginx:1.27\n          envFrom:\n            - configMapRef: { name: web }\n            - secretRef: { name: web }\n            - secretRef: { name: elsewhere }\n";

/// As kubectl prints it.
const LIST: &str = r#"apiVersion: v1
kind: List
metadata: { resourceVersion: "" }
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"v1"}
    creationTimestamp: "2024-01-01T00:00:00Z"
    name: web
    namespace: shop
    resourceVersion: "1"
    uid: 6a0f5f3c-0000-0000-0000-000000000000
  data: { A: "1" }
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: kube-root-ca.crt, namespace: shop }
  data: { ca.crt: x }
- apiVersion: v1
  kind: Secret
  metadata: { name: web-token, namespace: shop, uid: u }
  type: Opaque
  data: { TOKEN: Y2FuYXJ5LWh1bnRlcjItYg== }
- apiVersion: apps/v1
  kind: ReplicaSet
  metadata:
    name: web-1
    namespace: shop
    ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true }]
  spec: { selector: { matchLabels: { app: web } } }
- apiVersion: v1
  kind: Service
  metadata: { name: web, namespace: shop, generation: 3 }
  spec: { ports: [{ port: 80 }] }
  status: { loadBalancer: {} }
"#;

const TYPED: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\ntype: kubernetes.io/basic-auth\nstringData: { username: app, password: canary-hunter2-c }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: pull }\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{\"ghcr.io\":{\"username\":\"u\",\"password\":\"canary-hunter2-d\"}}}'\n";

const FILES: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: files }\nbinaryData: { logo.png: iVBORw0KGgr/ }\ndata:\n  tabs.conf: \"a\\tb \\n\\nc\\n\"\n  app.json: |\n    {\n      \"port\": 1.10\n    }\n  app.yaml: |\n    server:\n      port: 8080\n  odd.yaml: |\n    # comment\n    a: {b: 1}\n  main.tpl: \"{{ .Values.x }}\"\n  run.sh: |\n    #!/bin/sh\n    echo ${A}\n";

const TEMPLATES: &str = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: { name: rules }\nspec:\n  groups:\n    - name: a\n      rules: [{ alert: A, expr: up, annotations: { summary: \"{{ $labels.pod }} is down\" } }]\n";

const NAMESPACES: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: one }\ndata: { K: v }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: two }\nstringData: { K: canary-hunter2-e }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: \"system:x\" }\nrules: []\n";

const SEALED: &str = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: { name: sealed, namespace: shop }\nspec: { encryptedData: { PASSWORD: AgBy3i4OJSWK } }\n---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: ext, namespace: shop }\nspec:\n  secretStoreRef: { kind: ClusterSecretStore, name: vault }\n  target: { name: ext }\n  data: [{ secretKey: A, remoteRef: { key: shop/a } }]\n";

const EXTERNAL: &str = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: db, labels: { a: b } }\nspec:\n  refreshInterval: 1h\n  secretStoreRef: { kind: ClusterSecretStore, name: vault }\n  data:\n    - { secretKey: USER, remoteRef: { key: shop/db, property: user } }\n    - { secretKey: PASSWORD, remoteRef: { key: shop/db, property: password, version: \"2\" } }\n---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: other }\nspec:\n  refreshInterval: 1h\n  secretStoreRef: { kind: ClusterSecretStore, name: vault }\n  dataFrom: [{ extract: { key: shop/other } }]\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  containers:\n    - { name: a, image: b, env: [{ name: U, valueFrom: { secretKeyRef: { name: db, key: USER } } }], envFrom: [{ secretRef: { name: other } }] }\n";

/// Objects that are immutable, in one environment or all, the own bundle of the app among them.
const FIXED: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: k8s }\nimmutable: true\nstringData: { A: canary-hunter2-k }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: k8s }\nimmutable: true\ndata: { B: c }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: one }\nimmutable: true\nstringData: { A: canary-hunter2-l }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: half }\nimmutable: true\ndata: { B: c }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: half }\nstringData: { A: canary-hunter2-m }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: other }\nimmutable: null\nstringData: { A: canary-hunter2-n }\n";

const ODD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: fixed }\nimmutable: true\ndata: { A: b }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: empty }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: same, labels: { a: b } }\ndata: { A: b }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: same }\nstringData: { A: canary-hunter2-f }\n";

/// A keystore beside a password, another Secret, and one that all environments have.
const BINARY: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: store }\ntype: Opaque\n# canary-hunter2-g\ndata: { keystore.p12: /+8=, PASSWORD: Y2FuYXJ5LWh1bnRlcjItZw== }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: same }\ndata: { key.der: /+0= }\nstringData: { PASSWORD: canary-hunter2-h }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: text }\nstringData: { PASSWORD: canary-hunter2-i }\n";

/// Secrets that a controller fills in, one of which a workload reads, and one of which has values elsewhere.
const EMPTY: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: certs, labels: { a: b } }\n# canary-hunter2-j\ntype: kubernetes.io/custom\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: filled }\ndata: {}\nimmutable: false\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: token, annotations: { kubernetes.io/service-account.name: app } }\ntype: kubernetes.io/service-account-token\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  containers: [{ name: a, image: b }]\n  volumes: [{ name: c, secret: { secretName: certs } }]\n";

const LOOKS_SECRET: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndata: { DB_PASSWORD: example-of-one, URL: \"postgres://app:s3cretpw9x@db/app\" }\n";

#[test]
fn a_secret_without_values_stays_a_manifest() {
    let filled = EMPTY.replace("data: {}\nimmutable: false", "data: { A: Y2FuYXJ5LWh1bnRlcjItag== }");
    let case = Case {
        name: "Secrets without values",
        files: &[("a.yaml", EMPTY), ("b.yaml", &filled)],
        arguments: &["manifests", "dev=a.yaml", "prod=b.yaml"],
        proof: "8 of 8 objects equal in dev, prod",
    };
    case.check();
}

#[test]
fn immutable_objects_become_bundles_that_are() {
    let prod = FIXED.replace("name: one }\nimmutable: true", "name: one }\nimmutable: false");
    let case = Case {
        name: "immutable objects",
        files: &[("a.yaml", FIXED), ("b.yaml", &prod)],
        arguments: &["manifests", "dev=a.yaml", "prod=b.yaml"],
        proof: "12 of 12 objects equal in dev, prod",
    };
    case.check();
}

#[test]
fn manifests_become_layers_that_render_to_the_same() {
    let prod = CONFIG.replace("info", "warn");
    let two = SECRET.replace("hunter2-a", "hunter2-z");
    let three = DEPLOYMENT.replace("replicas: 1", "replicas: 3");
    for case in [
        Case {
            name: "a ConfigMap",
            files: &[("a.yaml", CONFIG)],
            arguments: &["manifests", "a.yaml"],
            proof: "1 of 1 objects equal in prod",
        },
        Case {
            name: "a binary value of a Secret",
            files: &[("a.yaml", BINARY), ("b.yaml", &BINARY.replace("/+8=", "/+4="))],
            arguments: &["manifests", "dev=a.yaml", "prod=b.yaml"],
            proof: "6 of 6 objects equal in dev, prod",
        },
        Case {
            name: "two environments",
            files: &[
                ("k8s/dev/a.yaml", CONFIG),
                ("k8s/dev/b.yaml", SECRET),
                ("k8s/dev/c.yml", DEPLOYMENT),
                ("k8s/prod/a.yaml", &prod),
                ("k8s/prod/b.yaml", &two),
                ("k8s/prod/c.yml", &three),
            ],
            arguments: &["manifests", "dev=k8s/dev", "prod=k8s/prod"],
            proof: "6 of 6 objects equal in dev, prod",
        },
        Case {
            name: "an object of one environment",
            files: &[("dev.yaml", CONFIG), ("prod.yaml", SECRET)],
            arguments: &["manifests", "dev=dev.yaml", "prod=prod.yaml"],
            proof: "2 of 2 objects equal in dev, prod",
        },
        Case {
            name: "a list of kubectl",
            files: &[("a.yaml", LIST)],
            arguments: &["manifests", "a.yaml"],
            proof: "3 of 3 objects equal in prod",
        },
        Case {
            name: "typed Secrets",
            files: &[("a.yaml", TYPED)],
            arguments: &["manifests", "dev=a.yaml"],
            proof: "2 of 2 objects equal in dev",
        },
        Case {
            name: "files and structures",
            files: &[("a.yaml", FILES)],
            arguments: &["manifests", "a.yaml"],
            proof: "1 of 1 objects equal in prod",
        },
        Case {
            name: "templates of others",
            files: &[("a.yaml", TEMPLATES)],
            arguments: &["manifests", "a.yaml"],
            proof: "1 of 1 objects equal in prod",
        },
        Case {
            name: "two namespaces",
            files: &[("a.yaml", NAMESPACES)],
            arguments: &["manifests", "a.yaml"],
            proof: "3 of 3 objects equal in prod",
        },
        Case {
            name: "values of a store",
            files: &[("a.yaml", EXTERNAL), ("b.yaml", &EXTERNAL.replace("key: shop/db,", "key: prod/db,"))],
            arguments: &["manifests", "dev=a.yaml", "prod=b.yaml"],
            proof: "6 of 6 objects equal in dev, prod",
        },
        Case {
            name: "sealed and external",
            files: &[("a.yaml", SEALED)],
            arguments: &["manifests", "a.yaml"],
            proof: "2 of 2 objects equal in prod",
        },
        Case {
            name: "what does not fit into a bundle",
            files: &[("a.yaml", ODD)],
            arguments: &["manifests", "a.yaml"],
            proof: "4 of 4 objects equal in prod",
        },
        Case {
            name: "a secret in a ConfigMap",
            files: &[("a.yaml", LOOKS_SECRET)],
            arguments: &["manifests", "a.yaml"],
            proof: "1 of 1 objects equal in prod",
        },
    ] {
        case.check();
    }
}

#[test]
fn what_is_written_is_what_a_person_would_write() {
    let desk = Sandbox::with_identities();
    for (path, text) in [("dev/a.yaml", CONFIG), ("dev/b.yaml", SECRET), ("dev/c.yaml", DEPLOYMENT)] {
        desk.write(path, text);
        desk.write(
            &path.replace("dev/", "prod/"),
            text.replace("info", "warn").replace("replicas: 1", "replicas: 3").replace("2-a", "2-z"),
        );
    }
    record(import(&desk, &["manifests", "dev=dev", "prod=prod", "--app", "shop"]).ok());
    for path in ["base.yaml", "dev.yaml", "prod.yaml"] {
        record(written(&desk, path));
    }
    // comments stay
    assert_eq!(written(&desk, "manifests/dev/deployment-web.yaml"), DEPLOYMENT);
    desk.run(&["check"]).succeeds();
}

#[test]
fn what_was_dropped_kept_or_needs_a_look_is_reported() {
    let desk = Sandbox::with_identities();
    for (name, text) in
        [("list", LIST), ("sealed", SEALED), ("odd", ODD), ("secret", LOOKS_SECRET), ("spaces", NAMESPACES)]
    {
        desk.write("a.yaml", text);
        let run = import(&desk, &["manifests", "a.yaml", "--out", &format!("{name}/environments")]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        record(&run.stdout);
        record(&run.stderr);
    }
}

#[test]
fn standard_input_is_read() {
    let desk = Sandbox::with_identities();
    let run = desk.give(LIST, &["import", "manifests", "-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
}

#[test]
fn invalid_manifests_write_nothing() {
    for (name, text) in [
        ("no object", "a: b\n"),
        ("no name", "apiVersion: v1\nkind: ConfigMap\n"),
        ("not YAML", "a: [\n"),
        ("nothing", "# nothing\n"),
        (
            "twice",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
        ),
        ("not base64", "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { A: \"canary-hunter2 %\" }\n"),
        (
            "names that lead out of the directory",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ../../../out }\nbinaryData: { x: \"/+8=\", ../../../../y: \"/+8=\", .: \"/+8=\" }\n",
        ),
        (
            "a namespace that leads out of the directory",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: a }\ndata: { A: b }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: ../../b }\ndata: { A: b }\n",
        ),
        ("not accepted", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: A_B }\ndata: { A: b }\n"),
    ] {
        let desk = Sandbox::with_identities();
        desk.write("a.yaml", text);
        let before = desk.all();
        let run = import(&desk, &["manifests", "a.yaml"]);
        assert_eq!(run.code, 2, "{name}: {}", run.stderr);
        super::assert_no_secret(name, run.stderr.as_bytes());
        record(&run.stderr);
        assert!(desk.all() == before, "{name}");
    }
}

#[test]
fn a_secret_with_a_binary_value_becomes_an_encrypted_manifest() {
    let project = Sandbox::with_identities().file("a.yaml", BINARY);
    project.run(&["import", "manifests", "a.yaml"]).succeeds();
    for (file, keys) in [("secret-store", ["keystore.p12", "PASSWORD"]), ("secret-same", ["key.der", "PASSWORD"])] {
        let text = written(&project, &format!("manifests/{file}.secrets.yaml"));
        for key in keys {
            assert!(text.contains(&format!("{key}: ENC[")), "{text}");
        }
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
    }
    assert!(written(&project, "prod.secrets.yaml").contains("text:"));
    project.run(&["check"]).succeeds();
}

#[test]
fn objects_of_no_namespace_and_of_one_with_the_name_of_their_app_are_apart() {
    let desk = Sandbox::with_identities();
    let object = |namespace: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a{namespace} }}\ndata: {{ A: b }}\n")
    };
    desk.write("a.yaml", [object(""), object(", namespace: cluster"), object(", namespace: other")].join("---\n"));
    let stdout = import(&desk, &["manifests", "a.yaml", "--out", "all/environments"]).ok();
    assert_eq!(stdout.trim_end().lines().last(), Some("3 of 3 objects equal in prod"), "{stdout}");
}

/// Objects of an environment, in a namespace of their own.
fn in_namespace(namespace: &str, image: &str) -> String {
    format!(
        "# The server.\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: {namespace}\nspec:\n  selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    spec: {{ containers: [{{ name: web, image: {image} }}] }}\n---\n# Its address.\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: {namespace} # by environment\nspec: {{ ports: [{{ port: 80 }}] }}\n"
    )
}

#[test]
fn objects_that_differ_by_their_namespace_alone_are_in_the_base() {
    let desk = Sandbox::with_identities();
    desk.write("dev.yaml", in_namespace("shop-dev", "nginx:1"));
    desk.write("prod.yaml", in_namespace("shop-prod", "nginx:2"));
    record(import(&desk, &["manifests", "dev=dev.yaml", "prod=prod.yaml", "--app", "shop"]).ok());
    for path in ["base.yaml", "prod.yaml", "manifests/service-web.yaml"] {
        record(written(&desk, path));
    }
}

#[test]
fn files_of_environments_without_their_names_are_one_error() {
    let desk = Sandbox::with_identities();
    desk.write("staging.yaml", in_namespace("shop", "nginx:1"));
    desk.write("prod.yaml", in_namespace("shop", "nginx:2"));
    let run = import(&desk, &["manifests", "staging.yaml", "prod.yaml"]);
    assert_eq!(run.code, 2);
    record(&run.stderr);
}

#[test]
fn apps_that_only_some_environments_have_are_named() {
    let desk = Sandbox::with_identities();
    let config = |namespace: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, namespace: {namespace} }}\ndata: {{ A: b }}\n"
        )
    };
    desk.write("dev.yaml", config("n1") + &config("n2"));
    desk.write("prod.yaml", config("n1p") + &config("n2"));
    record(import(&desk, &["manifests", "dev=dev.yaml", "prod=prod.yaml"]).ok());
}

#[test]
fn what_a_cluster_assigned_is_dropped_from_what_was_read_from_it() {
    let desk = Sandbox::with_identities();
    let service = |name: &str, uid: &str, address: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{ name: {name}{uid} }}\nspec: {{ clusterIP: {address}, clusterIPs: [{address}], ports: [{{ port: 80 }}] }}\n"
        )
    };
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: d, uid: u, annotations: { pv.kubernetes.io/bound-by-controller: 'yes' } }\nspec: { volumeName: pvc-1, accessModes: [ReadWriteOnce] }\n";
    let text = service("dumped", ", uid: u", "10.0.0.7")
        + &service("headless", ", uid: u", "None")
        + &service("chosen", "", "10.0.0.8")
        + claim;
    desk.write("all.yaml", text);
    record(import(&desk, &["manifests", "all.yaml", "--app", "shop"]).ok());
    for (path, is_kept) in [
        ("service-dumped.yaml", false),
        ("service-headless.yaml", true),
        ("service-chosen.yaml", true),
        ("persistentvolumeclaim-d.yaml", false),
    ] {
        let text = written(&desk, &format!("manifests/{path}"));
        assert_eq!(text.contains("clusterIP") || text.contains("volumeName"), is_kept, "{text}");
    }
}

/// kustomize, kubectl and Helm put a value on a new line behind such a character, and indent it.
#[test]
fn a_line_break_of_old_yaml_is_refused() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop }\ndata:\n  A: 'x\u{2028}    y'\n";
    let sandbox = Sandbox::read_only().file("prod.yaml", text);
    let stderr = sandbox.run(&["import", "manifests", "prod=prod.yaml", "--out", "environments"]).fails(2);
    assert!(stderr.contains("U+2028") && stderr.contains("prod.yaml:5:8"), "{}", stderr);
    assert!(!sandbox.path("environments").exists());
}

#[test]
fn the_hint_for_a_value_that_looks_like_a_secret_names_all_environments_that_have_it() {
    let desk = Sandbox::with_identities();
    let config = |url: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web }}\ndata: {{ API_TOKEN: {url} }}\n")
    };
    desk.write("staging.yaml", config("xYz12345abcdefgh-not-real"));
    desk.write("prod.yaml", config("xYz12345abcdefgi-not-real"));
    record(import(&desk, &["manifests", "staging=staging.yaml", "prod=prod.yaml", "--app", "shop"]).stderr);
}

#[test]
fn a_service_account_without_a_namespace_is_that_of_its_binding() {
    let binding = |subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{ name: rb, namespace: shop }}\nroleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: Role, name: r }}\nsubjects: [{{ kind: ServiceAccount, name: default{subject} }}]\n"
        )
    };
    for subject in ["", ", namespace: shop", ", namespace: other"] {
        let desk = Sandbox::with_identities();
        desk.write("all.yaml", binding(subject));
        let run = import(&desk, &["manifests", "all.yaml", "--app", "shop"]);
        assert_eq!(run.code, 0, "{subject}: {}", run.stderr);
    }
}
