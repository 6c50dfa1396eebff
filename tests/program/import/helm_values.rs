//! Values files of Helm charts.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::{Case, import, written};
use crate::support::messages::record;
use crate::support::peers::peer;
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
            proof: "15 of 15 values equal in prod",
        },
        Case {
            name: "two environments",
            files,
            arguments: &["helm-values", "values.yaml", "dev=values.yaml", "values-prod.yaml"],
            proof: "30 of 30 values equal in dev, prod",
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
            proof: "14 of 14 values equal in prod",
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
        ("two bases", &[("values.yaml", "a: b\n"), ("a b.yaml", "a: b\n")], &["values.yaml", "a b.yaml"]),
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
        proof: "3 of 3 values equal in prod",
    }
    .check();
    record(written(&desk, "base.yaml"));
    record(written(&desk, "prod.yaml"));
}

#[test]
fn files_of_an_environment_are_merged_and_all_that_was_encrypted_is_secret() {
    let base = "db: { host: localhost, password: canary-hunter2-b }\nmode: a\n";
    let prod = "# of prod\ndb:\n  host: db.prod # the new one\n";
    for (name, secrets) in [
        (
            "new keys",
            "# it was canary-hunter2-o\nflags: { beta: true, seats: 7 }\ntier: canary-hunter2-t # not canary-hunter2-u\n",
        ),
        ("the same map", "db: { password: canary-hunter2-p, port: 5433 }\n"),
    ] {
        let desk = Sandbox::with_identities();
        desk.write("values.yaml", base);
        desk.write("values-prod.yaml", prod);
        desk.encrypted("prod.secrets.yaml", secrets);
        let files = ["values.yaml", "values-prod.yaml", "prod=prod.secrets.yaml"];
        let run = import(&desk, &[&["helm-values"], &files[..], &["--app", "shop"]].concat());
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        record(&run.stdout);
        for path in ["base.yaml", "prod.yaml"] {
            let text = written(&desk, path);
            super::assert_no_secret(name, text.as_bytes());
            record(text);
        }
        desk.run(&["render", "prod"]).ok();
    }
}

#[test]
fn an_encrypted_values_file_without_a_key_writes_nothing() {
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", "a: b\n");
    desk.encrypted("prod.secrets.yaml", "tier: canary-hunter2-t\n");
    let before = desk.all();
    let run = desk.run_without_key(&["import", "helm-values", "values.yaml", "prod=prod.secrets.yaml"]);
    run.fails(3);
    assert!(desk.all() == before);
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

/// The values that a chart of a directory gets from Helm with some files.
fn values_in_chart(helm: &Path, desk: &Sandbox, chart: &str, files: &[&str]) -> Json {
    let mut command = Command::new(helm);
    command.args(["template", "x", chart]).args(files.iter().flat_map(|file| ["-f", file]));
    command.current_dir(desk.root()).env_clear().env("HOME", desk.root().join("home"));
    let run = command.output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let json = text.lines().find_map(|line| line.strip_prefix("values: "));
    let json = json.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    serde_json::from_str(&serde_json::from_str::<String>(json).unwrap()).unwrap()
}

/// A value without the keys that are null, which are as good as missing for a template.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(fields.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        value => value,
    }
}

/// The file of values that an environment renders.
fn rendered_values(desk: &Sandbox, environment: &str) -> String {
    let objects = desk.run(&["render", environment, "--delivery", "manifest", "--format", "json"]).ok();
    let objects: Json = serde_json::from_str(&objects).unwrap();
    let all = objects["items"].as_array().cloned().unwrap_or_else(|| vec![objects]);
    let object = all.iter().find(|object| object["data"]["values.yaml"].is_string()).expect("values");
    let text = object["data"]["values.yaml"].as_str().unwrap();
    match object["kind"].as_str() {
        Some("Secret") => String::from_utf8(STANDARD.decode(text).unwrap()).unwrap(),
        _ => text.to_owned(),
    }
}

/// What a chart gets stays the same, whether `values.yaml` is in the chart or beside the files of environments.
#[test]
fn a_chart_gets_the_same_values_from_helm() {
    let Some(helm) = peer("helm") else { return };
    for (base, prod) in [
        // a null removes a default of the chart, which the rendered values must do too
        (
            "image: { tag: a, name: b }\nnum: 1\n",
            "image: { tag: null }\nnum: ~\nother:\n  deep:\nnew: { a: null, b: 1 }\n",
        ),
        ("resources:\n  limits: { cpu: 1 }\n", "resources: null\n"),
        ("resources:\n  limits: { cpu: 1 }\n", "resources:\n"),
        ("a: { b: [1, null, { c: null }] }\n", "a: { b: [null, { d: ~ }] }\n\"q\": null # why\n'r':\n"),
        ("a: null\nb: { c: null }\n", "{ a: { x: 1 }, d, e: , f: null }\n"),
        ("a: x\nb: { c: 1 }\nl: [1]\n", "a: { b: 1 }\nb: 2\nl: { m: 1 }\n"),
        ("a: &x { b: 1, c: 2 }\nd: { b: 1 }\n", "a: &n { b: null }\nd: *n\ne: { <<: *n, f: 1 }\n"),
        // nothing in the base, and all forms of documents
        ("# nothing\n", "a: 1\n"),
        ("", "{ a: { b: 1 } }\n"),
        ("--- # why\na: 1\n", "---\t\na: 2\n...\n"),
        ("\u{feff}# x\r\na: |\r\n  x\r\n  y\r\n", "\u{feff}b: 1\r\n"),
        ("a: 1\n", "{\n\"b\": {\n\"c\": null\n}\n}\n"),
        ("a: |\n  x\n      \n  y\n \nb: |+\n  x\n\n   \n", "c: |2\n    x\n     \n"),
        // secrets keep their types, and are no templates
        (
            "a: { password: '12345678' }\nb: { password: 12345678 }\nc: { password: 012345678 }\nd: { password: '1e10' }\n",
            "e: { password: 0123456 }\nf: { password: 0x1F }\ng: { password: 1234567890123456789 }\nh: { password: null }\n",
        ),
        ("2fa: { secret: canary-hunter2-2 }\n", "2fa: { password: canary-hunter2-3, auth: { password: n } }\n"),
        (
            "db: { password: '{{ .Release.Name }}-canary-hunter2' }\n",
            "db: { url: 'postgres://u:canary-{%hunter2@h/d' }\n",
        ),
    ] {
        let desk = Sandbox::with_identities();
        for (path, text) in [("values.yaml", base), ("values-prod.yaml", prod)] {
            desk.write(path, text);
        }
        for chart in ["own", "other"] {
            desk.write(&format!("{chart}/Chart.yaml"), "apiVersion: v2\nname: x\nversion: 0.1.0\n");
            desk.write(&format!("{chart}/templates/a.yaml"), "values: {{ .Values | toJson | quote }}\n");
        }
        desk.write("own/values.yaml", base);
        import(&desk, &["helm-values", "values.yaml", "values-prod.yaml", "--app", "x"]).ok();
        desk.write("rendered.yaml", rendered_values(&desk, "prod"));
        let of_files = values_in_chart(&helm, &desk, "other", &["values.yaml", "values-prod.yaml"]);
        assert_eq!(values_in_chart(&helm, &desk, "other", &["rendered.yaml"]), of_files, "{base}{prod}");
        let of_chart = without_nulls(values_in_chart(&helm, &desk, "own", &["values-prod.yaml"]));
        let rendered = values_in_chart(&helm, &desk, "own", &["rendered.yaml"]);
        assert_eq!(without_nulls(rendered), of_chart, "{base}{prod}");
    }
}

#[test]
fn a_map_that_becomes_data_leaves_no_null_behind() {
    for values in [
        "app:\n  env: { A: b }\n  extraEnv: { C: d }\nother: 1\n",
        "{ app: { env: { A: b }, extraEnv: { C: d } }, other: 1 }\n",
        "app: { x: 1, env: { A: b }, extraEnv: { C: d } }\n",
        "app: { \"env\": { A: b }, x: 1, 'extraEnv': { C: d }, }\n",
    ] {
        let desk = Sandbox::with_identities();
        desk.write("values.yaml", values);
        let arguments = ["helm-values", "values.yaml", "--data", "app.env", "--data", "app.extraEnv"];
        import(&desk, &[&arguments[..], &["--app", "x"]].concat()).ok();
        let rendered = rendered_values(&desk, "prod");
        assert!(!rendered.contains("null") && !rendered.to_lowercase().contains("env"), "{values}{rendered}");
    }
}

/// Helm passes numbers and words to templates by their values, and an entry has the text as it is written.
#[test]
fn variables_of_which_helm_passes_another_text_are_named() {
    let Some(helm) = peer("helm") else { return };
    let values = "env:\n  A: 1\n  B: 1.10\n  C: yes\n  D: 'yes'\n  E: true\n  F: True\n  G: 1000000\n  H: 999999\n  I: 010\n  J: 1.5\n  \
                  K: 0.00001\n  L: 2024-01-01\n  M: \"1.10\"\n  T: 12:30\n  O: -0\n  P: 1_0\n  Q: text\n  R: 0.25\n  S: !!str 1.0\n  \
                  API_TOKEN: 123456789\n";
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", values);
    desk.write("values-prod.yaml", "env: { A: 1.0, Z: on }\n");
    desk.write("chart/Chart.yaml", "apiVersion: v2\nname: x\nversion: 0.1.0\n");
    desk.write("chart/templates/a.yaml", "{{ range $k, $v := .Values.env }}{{ $k }}: {{ $v | quote }}\n{{ end }}");
    let run = import(&desk, &["helm-values", "values.yaml", "values-prod.yaml", "--data", "env", "--app", "x"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    record(&run.stdout);
    let mut command = Command::new(&helm);
    command.args(["template", "x", "chart", "-f", "values.yaml", "-f", "values-prod.yaml"]);
    let printed = command.current_dir(desk.root()).env_clear().env("HOME", desk.root().join("home")).output().unwrap();
    let passed: Json = serde_yaml::from_slice(&printed.stdout).unwrap();
    let exported: Json = serde_json::from_str(&desk.run(&["export", "prod", "--format", "json"]).ok()).unwrap();
    let passed = passed.as_object().unwrap();
    let differ = passed.iter().filter(|(key, text)| exported[key.as_str()] != **text);
    let named = |key: &str| run.stdout.contains(&format!("`env.{key}`"));
    assert_eq!(
        differ.map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        passed.keys().map(String::as_str).filter(|key| named(key)).collect::<Vec<_>>(),
        "{}",
        run.stdout
    );
}

#[test]
fn keys_that_helm_reads_in_another_way_are_refused() {
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", "\"y\": 1\n8080: a\nmap:\n  y: 1\n  1.10: a\n  ~: b\nlist:\n- off: 1\n  010: 1\n");
    let before = desk.all();
    let run = import(&desk, &["helm-values", "values.yaml"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    record(&run.stderr);
    assert!(desk.all() == before);
}

#[test]
fn a_path_that_two_secrets_have_leaves_neither_in_plaintext() {
    let desk = Sandbox::with_identities();
    desk.write("values.yaml", "a: { b: { password: canary-hunter2-1 } }\na.b: { password: canary-hunter2-2 }\n");
    let run = import(&desk, &["helm-values", "values.yaml"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    super::assert_no_secret("base.yaml", written(&desk, "base.yaml").as_bytes());
}
