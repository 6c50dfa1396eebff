//! Values files of Helm charts.

use super::{Case, import, written};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const VALUES: &str = r#"# Defaults of the shop.
replicaCount: 1
image:
  repository: ghcr.io/x/shop # where it is
  tag: "1.10"
account: 12345678901234567890
app:
  env:
    # -- Log level
    LOG_LEVEL: info
    PORT: 8080
    GREETING: "{{ .Release.Name }}"
  extraEnv:
    - name: A
      value: "1"
## @param auth.password [default: none] Password of the database
auth:
  user: app
  password: canary-hunter2-a
resources: {}
nodeSelector:
script: |
  #!/bin/sh
  echo "{{ .Values.x }}"
args: ["a", b]
"#;

const PROD: &str =
    "replicaCount: 3\nauth: { password: canary-hunter2-b }\napp: { env: { LOG_LEVEL: warn } }\nimage:\n  tag: null\n";

const SCHEMA: &str = r#"{"properties":{"app":{"properties":{"env":{"properties":{"LOG_LEVEL":{"type":"string","enum":["info","warn"]},"PORT":{"type":"integer","minimum":1}}}}}}}"#;

#[test]
fn values_are_merged_as_by_helm() {
    let files = &[("values.yaml", VALUES), ("values-prod.yaml", PROD)][..];
    for case in [
        Case {
            name: "one file",
            files,
            arguments: &["helm-values", "values.yaml"],
            proof: "15 of 15 values equal in prod",
        },
        Case {
            name: "an environment",
            files,
            arguments: &["helm-values", "values.yaml", "values-prod.yaml"],
            proof: "14 of 14 values equal in prod",
        },
        Case {
            name: "two environments",
            files,
            arguments: &["helm-values", "values.yaml", "dev=values.yaml", "values-prod.yaml"],
            proof: "29 of 29 values equal in dev, prod",
        },
        Case {
            name: "variables as data",
            files,
            arguments: &[
                "helm-values",
                "values.yaml",
                "values-prod.yaml",
                "--data",
                "app.env",
                "--data",
                "app.extraEnv",
            ],
            proof: "13 of 13 values equal in prod",
        },
        Case {
            name: "flow style",
            files: &[("values.yaml", "{a: 1, env: {B: c, D: e}, list: [1, {x: y}]}\n")],
            arguments: &["helm-values", "values.yaml", "--data", "env"],
            proof: "5 of 5 values equal in prod",
        },
        Case {
            name: "nothing but a map of variables",
            files: &[("values.yaml", "env:\n  A: b\n")],
            arguments: &["helm-values", "values.yaml", "--data", "env"],
            proof: "1 of 1 values equal in prod",
        },
    ] {
        case.check();
    }
}

#[test]
fn comments_and_numbers_stay_and_secrets_go() {
    let desk = Sandbox::with_identities();
    for (path, text) in [("values.yaml", VALUES), ("values-prod.yaml", PROD), ("values.schema.json", SCHEMA)] {
        desk.write(path, text);
    }
    let arguments = ["helm-values", "values.yaml", "values-prod.yaml", "--data", "app.env", "--app", "shop"];
    record(import(&desk, &arguments).ok());
    for path in ["base.yaml", "prod.yaml"] {
        record(written(&desk, path));
    }
    desk.run(&["render", "prod"]).ok();
}

#[test]
fn invalid_values_write_nothing() {
    for (name, files, arguments) in [
        ("not YAML", &[("values.yaml", "a: [\n")][..], &["values.yaml"][..]),
        ("no base", &[("values-prod.yaml", "a: b\n")], &["values-prod.yaml"]),
        ("no such map", &[("values.yaml", "a: b\n")], &["values.yaml", "--data", "a.env"]),
        ("a schema", &[("values.yaml", "a: b\n"), ("values.schema.json", "{")], &["values.yaml"]),
        ("twice", &[("values.yaml", "a: b\n")], &["values.yaml", "prod=values.yaml", "prod=values.yaml"]),
    ] {
        let desk = Sandbox::with_identities();
        for (path, text) in files {
            desk.write(path, text);
        }
        let before = desk.all();
        let run = import(&desk, &[&["helm-values"], arguments].concat());
        assert_eq!(run.code, 2, "{name}: {}", run.stderr);
        record(&run.stderr);
        assert!(desk.all() == before, "{name}");
    }
}

#[test]
fn secrets_that_every_environment_replaces_are_encrypted_too() {
    let base = "list: [{ name: x, password: canary-hunter2-l }]\ndb: { url: \"postgres://u:canary-hunter2-u@h/d\", password: canary-hunter2-p }\n";
    let prod = "list: [{ name: z }]\ndb: { url: null, password: other }\n";
    let desk = Case {
        name: "replaced",
        files: &[("values.yaml", base), ("values-prod.yaml", prod)],
        arguments: &["helm-values", "values.yaml", "values-prod.yaml", "--app", "shop"],
        proof: "2 of 2 values equal in prod",
    }
    .check();
    record(written(&desk, "base.yaml"));
    record(written(&desk, "prod.yaml"));
}

#[test]
fn values_that_are_not_a_mapping_are_refused() {
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", "- canary-hunter2\n");
    let run = import(&desk, &["helm-values", "values.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    super::assert_no_secret("a list", run.stderr.as_bytes());
    record(&run.stderr);
}

#[test]
fn the_base_keeps_its_values_beside_those_of_environments() {
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", "# the app\nenv:\n  DB_HOST: db\n  LOG_LEVEL: info\n  SENTRY_DSN: null\n  MODE: a\n# @param env.LOG_LEVEL level of logs\npostgresql: { enabled: true }\n");
    desk.write("values-prod.yaml", "env: { DB_HOST: db.prod, LOG_LEVEL: warn, MODE: null, EXTRA: x }\n");
    desk.write("values-dev.yaml", "env: { SENTRY_DSN: y }\n");
    let files = ["helm-values", "values.yaml", "values-dev.yaml", "values-prod.yaml", "--app", "shop"];
    let run = import(&desk, &files);
    record(run.ok());
    std::fs::remove_dir_all(desk.path("environments")).unwrap();
    record(import(&desk, &[&files[..], &["--data", "env"]].concat()).ok());
    for path in ["base.yaml", "dev.yaml", "prod.yaml"] {
        record(written(&desk, path));
    }
}

#[test]
fn a_map_that_cannot_be_data_is_reported_with_its_part() {
    for values in [
        "env: { A: b, C: { d: e } }\n",
        "env: { A: b, 'C D': e }\n",
        "env: [{ name: A, valueFrom: { secretKeyRef: { name: x, key: y } } }]\n",
        "env: b\n",
    ] {
        let desk = Sandbox::with_identities();
        desk.write("values.yaml", values);
        let run = import(&desk, &["helm-values", "values.yaml", "--data", "env"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        record(&run.stderr);
    }
}
