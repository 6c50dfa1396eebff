//! What the commands print: objects and their formats, views, exit codes, and what a shell needs
//! (contract, sections 6 and 8).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
#[cfg(target_os = "linux")]
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
#[cfg(target_os = "linux")]
use std::process::Stdio;

use crate::support::messages::{note_line, record};
use crate::support::objects::Objects;
use crate::support::peers::{peer, python_with};
use crate::support::samples::repository;
#[cfg(target_os = "linux")]
use crate::support::sandbox::septum;
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};
use serde_json::{Value as Json, json};

const BASE: &str = r#"namespace: shop
data:
  LOG_LEVEL: { value: info, enum: [debug, info], description: How much is said. }
  PORT: 8080
  DB_PASSWORD: { sensitive: true }
  URL: "postgres://app:{{ data.DB_PASSWORD | default('') | urlencode }}@db"
  GONE: x
  note.txt: |
    two
    lines
bundles:
  more: { data: { A: 1.10, TOKEN_TTL: 5m } }
"#;

fn small() -> Sandbox {
    Sandbox::new([
        ("base.yaml", BASE),
        ("dev.yaml", "data: { LOG_LEVEL: debug, DB_PASSWORD: \"p w\" }\n"),
        ("prod.yaml", "data: { GONE: null }\n"),
    ])
}

const YAML: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    app.kubernetes.io/managed-by: septum
    app.kubernetes.io/name: app
  name: app
  namespace: shop
data:
  GONE: x
  LOG_LEVEL: debug
  PORT: "8080"
  note.txt: |
    two
    lines
---
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    app.kubernetes.io/managed-by: septum
    app.kubernetes.io/name: app
  name: more
  namespace: shop
data:
  A: "1.10"
  TOKEN_TTL: "5m"
---
apiVersion: v1
kind: Secret
metadata:
  labels:
    app.kubernetes.io/managed-by: septum
    app.kubernetes.io/name: app
  name: app
  namespace: shop
type: Opaque
data:
  DB_PASSWORD: cCB3
  URL: "cG9zdGdyZXM6Ly9hcHA6cCUyMHdAZGI="
"#;

#[test]
fn objects_are_written_to_the_byte() {
    assert_eq!(small().run(&["render", "dev"]).ok(), YAML);
    assert_eq!(small().run(&["render", "dev", "--format", "yaml", "--reveal"]).ok(), YAML, "a pipe gets values anyway");
}

#[test]
fn every_format_reads_back_equal() {
    let small = small();
    for (name, directory, environment) in [("small", small.root(), "dev"), ("demo", repository().to_path_buf(), "prod")]
    {
        let rendered = |format: &str| {
            run(&directory, &["render", environment, "--format", format], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).ok()
        };
        let yaml = Objects::read(&rendered("yaml"));
        let list: Json = serde_json::from_str(&rendered("json")).unwrap();
        assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("List"), &json!("v1")), "{name}");
        assert_eq!(list["items"].as_array().unwrap(), &yaml.0, "{name}");
        assert_eq!(Objects::read(&rendered("kyaml")), yaml, "{name}");
        assert!(yaml.0.len() >= 2, "{name}");
    }
}

#[test]
fn python_readers_read_every_format_equal() {
    for (module, load) in [
        ("yaml", "yaml.load_all(sys.stdin, yaml.SafeLoader)"),
        ("ruamel.yaml", "ruamel.yaml.YAML(typ='safe', pure=True).load_all(sys.stdin)"),
    ] {
        let Some(python) = python_with(module) else { continue };
        let project = small();
        let expected = Objects::read(&project.run(&["render", "dev", "prod"]).ok()).0;
        for format in ["yaml", "kyaml", "json"] {
            let text = project.run(&["render", "dev", "prod", "--format", format]).ok();
            let script = format!("import json, sys, {module}\nprint(json.dumps(list({load})))");
            let read: Json = serde_json::from_str(&piped(&python, &["-c", &script], &text)).unwrap();
            let objects = if format == "json" { read[0]["items"].clone() } else { read };
            assert_eq!(objects.as_array().unwrap(), &expected, "{module}, {format}");
        }
    }
}

/// What a program prints that reads `text` from its standard input.
fn piped(program: &PathBuf, arguments: &[&str], text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("input");
    fs::write(&file, text).unwrap();
    let output = Command::new(program).args(arguments).stdin(fs::File::open(file).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn kubectl_reads_every_format_equal() {
    let Some(kubectl) = peer("kubectl") else { return };
    let project = small();
    let expected = Objects::read(&project.run(&["render", "dev"]).ok()).0;
    for format in ["yaml", "kyaml", "json"] {
        let text = project.run(&["render", "dev", "--format", format]).ok();
        // needs no cluster, and reads as `apply` does
        let read = piped(&kubectl, &["annotate", "--local", "-o", "json", "septum.dev/test=1", "-f", "-"], &text);
        let read: Vec<Json> = serde_json::Deserializer::from_str(&read).into_iter().map(Result::unwrap).collect();
        let read: Vec<Json> = read
            .into_iter()
            .map(|mut object| {
                object["metadata"].as_object_mut().unwrap().remove("annotations");
                object
            })
            .collect();
        assert_eq!(read, expected, "{format}");
    }
}

#[test]
fn kustomize_takes_every_format_as_a_resource() {
    let Some(kustomize) = peer("kustomize") else { return };
    let project = small();
    let expected = sorted(&project.run(&["render", "dev"]).objects());
    for format in ["yaml", "kyaml", "json"] {
        let directory = tempfile::tempdir().unwrap();
        let text = project.run(&["render", "dev", "--format", format]).ok();
        fs::write(directory.path().join("kustomization.yaml"), "resources: [app.yaml]\n").unwrap();
        fs::write(directory.path().join("app.yaml"), text).unwrap();
        let built = piped(&kustomize, &["build", directory.path().to_str().unwrap()], "");
        assert_eq!(sorted(&Objects::read(&built)), expected, "{format}");
    }
}

/// The objects in an order of their text, for readers that have their own.
fn sorted(objects: &Objects) -> Vec<String> {
    let text = |object: &Json| {
        let mut object = object.clone();
        object.sort_all_objects();
        object.to_string()
    };
    let mut texts: Vec<_> = objects.0.iter().map(text).collect();
    texts.sort();
    texts
}

fn names(objects: &Objects) -> Vec<String> {
    let part = |json: &Json| json.as_str().unwrap_or("-").to_owned();
    let name = |object: &Json| {
        let metadata = &object["metadata"];
        format!("{} {}/{}", part(&object["kind"]), part(&metadata["namespace"]), part(&metadata["name"]))
    };
    objects.0.iter().map(name).collect()
}

#[test]
fn objects_are_ordered_by_environment_kind_namespace_and_name() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [services/*]\n"),
        ("services/b/base.yaml", "data: { A: 1, API_TOKEN: x }\n"),
        ("services/b/dev.yaml", "namespace: z\n"),
        ("services/b/prod.yaml", "namespace: a\n"),
        ("services/a/base.yaml", "app: named\ndata: { A: 1, API_TOKEN: x }\nbundles: { b0: { data: { A: 1 } } }\n"),
        ("services/a/dev.yaml", "namespace: z\n"),
        ("services/c/base.yaml", "data: { A: 1 }\n"),
        ("services/c/prod.yaml", ""),
    ]);
    let dev = ["ConfigMap z/b", "ConfigMap z/b0", "ConfigMap z/named", "Secret z/b", "Secret z/named"];
    let prod = ["ConfigMap -/c", "ConfigMap a/b", "Secret a/b"];
    let both = [&dev[..], &prod[..]].concat();
    for (arguments, expected) in [
        (&["dev"][..], &dev[..]),
        (&["prod"], &prod),
        (&["dev", "prod"], &both),
        (&["prod", "dev", "prod"], &both),
        (&["--all"], &both),
        (&["dev", "--app", "b"], &["ConfigMap z/b", "Secret z/b"]),
        (&["dev", "--app", "named", "--app", "b"], &dev),
        (&["--all", "--app", "c"], &["ConfigMap -/c"]),
    ] {
        let found = project.run(&[&["render"], arguments].concat()).objects();
        assert_eq!(names(&found), expected, "{arguments:?}");
    }
    for arguments in [&["dev", "--app", "a"][..], &["dev", "--app", "c"], &["dve"], &["dve", "rpod"]] {
        project.run(&[&["render"], arguments].concat()).refused();
    }
}

#[test]
fn an_object_that_would_be_empty_is_not_written() {
    for (base, expected) in [
        ("", &[][..]),
        ("data: {}\n", &[]),
        ("data: { A: { description: x } }\n", &[]),
        ("data: { A: 1 }\n", &["ConfigMap -/app"]),
        ("data: { A: '' }\n", &["ConfigMap -/app"]),
        ("data: { API_TOKEN: x }\n", &["Secret -/app"]),
        ("bundles: { b: { data: {} } }\n", &[]),
    ] {
        let text = Sandbox::of(base, "").run(&["render", "dev"]).ok();
        assert_eq!(text.is_empty(), expected.is_empty(), "{base}");
        let found = if text.is_empty() { Objects(Vec::new()) } else { Objects::read(&text) };
        assert_eq!(names(&found), expected, "{base}");
    }
}

#[test]
fn exit_codes_tell_what_happened() {
    let encrypted = small().file("prod.secrets.yaml", crate::support::samples::ENCRYPTED);
    let broken = Sandbox::of("data: { A: 1\n", "");
    let both = Sandbox::of("data: { DATABASE_PASSWORD: x, STRIPE_WEBHOOK_SECRET: x }\n", "data: { UNKNOWN: 1 }\n")
        .file("prod.secrets.yaml", crate::support::samples::ENCRYPTED);
    let small = small();
    for (project, arguments, code, on_stdout) in [
        (&small, &["render", "dev"][..], 0, true),
        (&small, &["list"], 0, true),
        (&small, &["explain", "dev", "PORT"], 0, true),
        (&small, &["--help"], 0, true),
        (&small, &["render", "--help"], 0, true),
        (&small, &["--version"], 0, true),
        (&small, &[], 2, false),
        (&small, &["render"], 2, false),
        (&small, &["render", "nowhere"], 2, false),
        (&small, &["render", "dev", "--all"], 2, false),
        (&small, &["render", "dev", "--format", "xml"], 2, false),
        (&small, &["render", "dev", "--nonsense"], 2, false),
        (&small, &["nonsense"], 2, false),
        (&small, &["explain", "dev", "NONE"], 2, false),
        (&small, &["list", "nowhere"], 2, false),
        (&small, &["list", "--format", "xml"], 2, false),
        (&small, &["completions", "tcsh"], 2, false),
        (&small, &["man", "nonsense"], 2, false),
        (&broken, &["render", "dev"], 2, false),
        (&broken, &["list"], 2, false),
        (&encrypted, &["render", "prod"], 3, false),
        (&both, &["render", "prod"], 2, false), // what the author has to mend comes first
        (&small, &["-C", "/nowhere", "render", "dev"], 4, false),
    ] {
        let run = project.run(arguments);
        assert_eq!((run.code, !run.stdout.is_empty()), (code, on_stdout), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr.is_empty(), code == 0, "{arguments:?}");
    }
    let locked = Sandbox::of("data: { DATABASE_PASSWORD: x, STRIPE_WEBHOOK_SECRET: x }\n", "")
        .file("prod.yaml", "")
        .file("prod.secrets.yaml", crate::support::samples::ENCRYPTED);
    assert_eq!(locked.run(&["render", "prod"]).code, 3);
    assert_eq!(locked.run(&["render", "--all"]).code, 3);
    assert_eq!(locked.run_with_key(&["render", "--all"]).code, 0);
    let missing = run(&locked.root(), &["render", "prod"], &[("SOPS_AGE_KEY_FILE", "/nowhere/keys.txt")]);
    assert!(missing.code == 3 || missing.code == 4, "{}", missing.stderr);
    assert!(missing.stderr.contains("/nowhere/keys.txt"), "{}", missing.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let project = Sandbox::of(&format!("data: {{ A: '{}' }}\n", "x".repeat(200_000)), "");
    let commands =
        [&["render", "dev"][..], &["render", "--all", "--format", "json"], &["man"], &["--help"], &["set", "--help"]];
    for command in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = septum(&project.root(), &[]).args(command).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));

        let mut child =
            septum(&project.root(), &[]).args(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut message = String::new();
        child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*message), (Some(0), ""), "{command:?}");
    }
}

#[test]
fn warnings_go_to_stderr_and_quiet_silences_them() {
    let project = Sandbox::of("data: { OLD: { value: x, deprecated: use NEW } }\n", "");
    let run = project.run(&["render", "dev"]);
    assert_eq!(run.code, 0);
    run.record();
    assert!(run.stdout.starts_with("apiVersion: v1\n") && !run.stdout.contains("deprecated"));
    assert_eq!(project.run(&["-q", "render", "dev"]).ok(), run.stdout);
    let coloured = project.run(&["render", "dev", "--color", "always"]);
    assert!(coloured.stderr.contains('\u{1b}') && coloured.stdout == run.stdout, "results have no colours");
    assert!(!run.stderr.contains('\u{1b}'));
}

#[test]
fn list_shows_the_matrix() {
    let expected = "\
app                       dev        prod
  LOG_LEVEL    ConfigMap  debug      inherited
  PORT         ConfigMap  inherited  inherited
  DB_PASSWORD  Secret     [secret]   missing
  URL          Secret     inherited  inherited
  GONE         ConfigMap  inherited  removed
  note.txt     ConfigMap  inherited  inherited
app/more                  dev        prod
  A            ConfigMap  inherited  inherited
  TOKEN_TTL    ConfigMap  inherited  inherited
";
    assert_eq!(small().run(&["list"]).ok(), expected);
    if let Some(python) = crate::support::terminal::driver() {
        let narrow = crate::support::terminal::session(
            &python,
            small().root().as_path(),
            &[("NO_COLOR", "1")],
            "stty rows 20 cols 30; exec \"$SEPTUM\" list prod",
            &[],
        );
        let first = "app\n  LOG_LEVEL  ConfigMap\n    prod  inherited\n  PORT  ConfigMap\n    prod  inherited\n  DB_PASSWORD  Secret\n    prod  missing\n";
        assert!(narrow.shown.starts_with(first), "{}", narrow.shown);
        assert!(narrow.shown.contains("app/more\n  A  ConfigMap\n"), "{}", narrow.shown);
    }
    let missing = "app                    prod\n  DB_PASSWORD  Secret  missing\n";
    assert_eq!(small().run(&["list", "prod", "--missing"]).ok(), missing);
    let coloured = small().run(&["list", "--color", "always"]).ok();
    assert!(coloured.contains('\u{1b}') && !coloured.contains("p w"));
}

#[test]
fn list_as_json_has_the_documented_shape() {
    let rows = small().run(&["list", "--format", "json"]).json();
    let password = json!({
        "app": "app", "bundle": "app", "key": "DB_PASSWORD", "sensitive": true,
        "reasons": [
            { "layer": "declared", "detail": "declared `sensitive: true`", "source": "base.yaml:5:29" },
            { "layer": "name", "detail": "word `password`", "source": "base.yaml:5:3" },
        ],
        "environments": { "dev": { "state": "set", "source": "dev.yaml:1:40" }, "prod": { "state": "missing" } },
    });
    let gone = json!({
        "app": "app", "bundle": "app", "key": "GONE", "sensitive": false,
        "reasons": [{ "layer": "default", "detail": rows[1]["reasons"][0]["detail"], "source": "base.yaml:7:3" }],
        "environments": {
            "dev": { "state": "inherited", "source": "base.yaml:7:9" },
            "prod": { "state": "removed", "source": "prod.yaml:1:9" },
        },
    });
    assert_eq!((&rows[0], &rows[1]), (&password, &gone));
    let keys: Vec<_> = rows.as_array().unwrap().iter().map(|row| format!("{}/{}", row["bundle"], row["key"])).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!((keys.len(), &keys), (8, &sorted), "sorted by app, bundle and key");
    let only = small().run(&["list", "prod", "--format", "json"]).json();
    assert_eq!(only[0]["environments"], json!({ "prod": { "state": "missing" } }));
    assert_eq!(small().run(&["list", "prod", "--missing", "--format", "json"]).json().as_array().unwrap().len(), 1);
}

#[test]
fn explain_tells_history_verdict_and_object() {
    for (environment, key) in [("dev", "LOG_LEVEL"), ("dev", "URL"), ("prod", "GONE")] {
        record(small().run(&["explain", environment, key]).ok());
    }
    small().run(&["explain", "dev", "LOG_LEVL"]).refused();
}

#[test]
fn explain_as_json_has_the_documented_shape() {
    let found = small().run(&["explain", "dev", "LOG_LEVEL", "--format", "json"]).json();
    let expected = json!({
        "app": "app", "bundle": "app", "key": "LOG_LEVEL", "sensitive": false,
        "reasons": [{ "layer": "default", "detail": found["reasons"][0]["detail"], "source": "base.yaml:3:3" }],
        "environments": { "dev": { "state": "set", "source": "dev.yaml:1:20" } },
        "history": [
            { "source": "base.yaml:3:23", "layer": "base", "change": "value", "value": "info" },
            { "source": "dev.yaml:1:20", "layer": "dev", "change": "value", "value": "debug" },
        ],
        "object": { "kind": "ConfigMap", "name": "app", "base_name": "app" },
        "consumers": [],
        "value": "debug",
        "description": "How much is said.",
    });
    assert_eq!(found, expected);
    let secret = small().run(&["explain", "dev", "DB_PASSWORD", "--format", "json"]).json();
    let history = json!([
        { "source": "base.yaml:5:3", "layer": "base", "change": "rules" },
        { "source": "dev.yaml:1:40", "layer": "dev", "change": "value" },
    ]);
    assert_eq!((&secret["history"], secret.get("value")), (&history, None));
    assert_eq!(secret["object"], json!({ "kind": "Secret", "name": "app", "base_name": "app" }));
    let missing = small().run(&["explain", "prod", "DB_PASSWORD", "--format", "json"]).json();
    assert_eq!(missing.get("object"), None, "what has no value goes nowhere");
}

#[test]
fn a_key_of_two_bundles_is_explained_for_each() {
    let project = Sandbox::of("data: { A: 1 }\nbundles: { more: { data: { A: 2 } } }\n", "");
    let both = project.run(&["explain", "dev", "A", "--format", "json"]).json();
    let bundles: Vec<_> = both.as_array().unwrap().iter().map(|found| &found["bundle"]).collect();
    assert_eq!(bundles, ["app", "more"]);
    let one = project.run(&["explain", "dev", "A", "--bundle", "more", "--format", "json"]).json();
    assert_eq!(one["value"], "2");
}

#[test]
fn views_show_no_secret_and_need_no_key() {
    let directory = repository();
    let rendered = run(directory, &["render", "--all"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).objects();
    let secrets: BTreeMap<String, String> =
        ["Secret/checkout", "Secret/checkout-files"].into_iter().flat_map(|name| rendered.texts(name)).collect();
    assert!(secrets.len() >= 4);
    let mut views = vec![
        run(directory, &["list"], &[]).ok(),
        run(directory, &["list", "--format", "json"], &[]).ok(),
        run(directory, &["list"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).ok(),
    ];
    for key in secrets.keys() {
        for environment in ["dev", "staging", "prod"] {
            for format in ["text", "json"] {
                let arguments = ["explain", environment, key, "--format", format];
                let without = run(directory, &arguments, &[]).ok();
                assert_eq!(
                    without,
                    run(directory, &arguments, &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]).ok(),
                    "{arguments:?}"
                );
                views.push(without);
            }
        }
    }
    for view in views {
        assert!(!secrets.values().any(|secret| view.contains(secret)), "{view}");
    }
}

#[test]
fn secret_values_are_hidden_on_a_terminal() {
    let Some(python) = python_with("pty") else { return };
    let project = small();
    let on_terminal = |arguments: &str| {
        let script = format!(
            "import os, pty, sys\nos.chdir(sys.argv[2])\nsys.exit(os.waitstatus_to_exitcode(pty.spawn([sys.argv[1]] + '{arguments}'.split())))"
        );
        note_line(&format!("septum {arguments}"));
        let binary = env!("CARGO_BIN_EXE_septum");
        piped(&python, &["-c", &script, binary, project.root().to_str().unwrap()], "").replace("\r\n", "\n")
    };
    let hidden = on_terminal("render dev");
    assert!(hidden.contains("DB_PASSWORD: \"[secret]\"") && !hidden.contains("cCB3"), "{hidden}");
    record(&hidden);
    assert!(hidden.contains("LOG_LEVEL: debug"), "{hidden}");
    assert_eq!(on_terminal("render dev --reveal"), YAML);
}

#[test]
fn init_writes_a_project_that_renders_and_overwrites_nothing() {
    let home = Sandbox::new([]);
    let said = home.run(&["init", "My Shop"]).ok();
    let directory = home.root().join("My Shop");
    let files = ["environments/base.yaml", "environments/prod.yaml", ".sops.yaml", ".github/workflows/septum.yaml"];
    for file in files {
        assert!(directory.join(file).is_file() && said.contains(file), "{file}: {said}");
    }
    let keys = home.root().parent().unwrap().join(".config/sops/age/keys.txt");
    let key = fs::read_to_string(&keys).unwrap();
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET")).expect("a private key");
    assert!(said.contains(keys.to_str().unwrap()) && !said.contains(secret), "{said}");
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    assert!(fs::read_to_string(directory.join(".sops.yaml")).unwrap().contains(recipient));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let rendered = run(&directory, &["render", "dev"], &[]).objects();
    assert_eq!(names(&rendered), ["ConfigMap dev/my-shop", "Secret dev/my-shop"]);

    let before = contents(&directory);
    home.run(&["init", "My Shop"]).ok();
    assert_eq!((contents(&directory), fs::read_to_string(&keys).unwrap()), (before, key.clone()));

    home.run(&["init", "other"]).ok();
    assert_eq!(fs::read_to_string(&keys).unwrap(), key, "the key that is there is used");
    home.run(&["init", "third", "--key-file", "here/key.txt"]).ok();
    assert!(home.root().join("here/key.txt").is_file());
}

/// Every file below a directory with its text, sorted.
fn contents(directory: &PathBuf) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![directory.clone()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.push(format!("./{name}: {}", fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_init_writes_works_with_sops() {
    let (Some(sops), project) = (peer("sops"), Sandbox::new([])) else { return };
    project.run(&["init"]).ok();
    let secrets = project.root().join("environments/prod.secrets.yaml");
    fs::write(&secrets, "data:\n  DATABASE_PASSWORD: from-sops-itself\n").unwrap();
    let mut encrypt = Command::new(sops);
    encrypt.args(["--encrypt", "--in-place"]).arg(&secrets).current_dir(project.root());
    assert!(encrypt.status().unwrap().success());
    assert!(!fs::read_to_string(&secrets).unwrap().contains("from-sops-itself"));
    // the key lies where both look for it
    let rendered = project.run(&["render", "prod"]).objects();
    assert_eq!(rendered.value("DATABASE_PASSWORD"), "from-sops-itself");
    assert_eq!(rendered.value("DATABASE_URL"), "postgres://app:from-sops-itself@db.prod.internal/app");
}

#[test]
fn completions_are_written_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = small().run(&["completions", shell]).ok();
        assert!(script.contains("septum") && script.contains("COMPLETE"), "{shell}: {script}");
    }
    let message = small().run(&["completions", "tcsh"]).refused();
    assert!(message.contains("bash, elvish, fish, powershell, zsh"), "{message}");
}

#[test]
fn shells_complete_environments_apps_and_keys() {
    let project = small().file("prod.secrets.yaml", "data: { DB_PASSWORD: x }\n");
    for (words, expected, excluded) in [
        (&["render", ""][..], &["dev", "prod"][..], "base"),
        (&["render", "p"], &["prod"], "dev"),
        (&["explain", ""], &["dev", "prod"], "base"),
        (&["list", ""], &["dev", "prod"], "base"),
        (&["explain", "dev", ""], &["DB_PASSWORD", "LOG_LEVEL", "TOKEN_TTL", "note.txt"], "dev"),
        (&["explain", "dev", "L"], &["LOG_LEVEL"], "PORT"),
        (&["render", "dev", "--app", ""], &["app"], "more"),
        (&["re"], &["render"], "list"),
        (&["-C", ".", "render", ""], &["dev", "prod"], "base"),
    ] {
        let index = words.len().to_string();
        let environment = [
            ("COMPLETE", "bash"),
            ("_CLAP_IFS", "\n"),
            ("_CLAP_COMPLETE_INDEX", &index),
            ("_CLAP_COMPLETE_COMP_TYPE", "9"),
            ("_CLAP_COMPLETE_SPACE", "false"),
        ];
        let found = run(&project.root(), &[&["--", "septum"], words].concat(), &environment).ok();
        let found: Vec<_> = found.lines().collect();
        assert!(expected.iter().all(|word| found.contains(word)), "{words:?}: {found:?}");
        assert!(!found.contains(&excluded), "{words:?}: {found:?}");
    }
}

#[test]
fn completion_outside_of_a_project_offers_no_names_and_no_errors() {
    let empty = Sandbox::new([]);
    let environment = [("COMPLETE", "bash"), ("_CLAP_IFS", "\n"), ("_CLAP_COMPLETE_INDEX", "2")];
    let found = run(&empty.root(), &["--", "septum", "render", ""], &environment).ok();
    assert!(found.lines().all(|word| word.starts_with('-')), "{found}");
}

#[test]
fn manual_pages_render() {
    let commands = crate::support::help::commands();
    let pages = commands.iter().map(String::as_str).filter(|name| *name != "help").chain([""]);
    for page in pages {
        let arguments: Vec<_> = ["man", page].into_iter().filter(|word| !word.is_empty()).collect();
        let text = small().run(&arguments).ok();
        let name = if page.is_empty() { "septum".to_owned() } else { format!("septum-{page}") };
        assert!(text.contains(&format!(".TH {name} 1")), "{page}: {text}");
        // the language server has only the options of every command
        assert!(text.contains(".SH SYNOPSIS") && text.contains("OPTIONS"), "{page}");
        if let Some(man) = peer("man") {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(&file, &text).unwrap();
            let output = Command::new(&man).args(["--warnings=all", "-l"]).arg(file.path()).output().unwrap();
            let (shown, warnings) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(warnings, "", "{page}");
            assert!(shown.contains("NAME"), "{page}: {shown}");
        }
    }
    small().run(&["man", "rendr"]).refused();
}
