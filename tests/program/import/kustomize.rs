//! Kustomizations of different shapes, each a file of `tests/vectors/import-kustomize`: what `septum import` writes
//! renders to what the real kustomize builds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::support::messages::{note_case, record};
use crate::support::objects::{Objects, text};
use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{DEMO_KEY, Run, Sandbox, run};

/// Sandbox of a file: its files, the arguments of the import, and its last line.
struct Shape {
    name: String,
    project: Sandbox,
    arguments: Vec<String>,
    expected: String,
}

fn shapes() -> Vec<Shape> {
    let directory = repository().join("tests/vectors/import-kustomize");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| read_shape(path)).collect()
}

fn read_shape(path: &Path) -> Shape {
    let content = fs::read_to_string(path).unwrap();
    let (header, files) = content.split_once("==== ").unwrap();
    let value = |field: &str| {
        let line = header.lines().find_map(|line| line.strip_prefix(&format!("# {field}: ")));
        line.unwrap_or_else(|| panic!("{}: {field}", path.display())).to_owned()
    };
    let project = files.split("\n==== ").fold(Sandbox::new([]), |project, file| {
        let (name, text) = file.split_once('\n').unwrap();
        project.file(name, format!("{}\n", text.trim_end_matches('\n')))
    });
    let arguments = value("arguments").split(' ').map(str::to_owned).collect();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    Shape { name, project, arguments, expected: value("expected") }
}

/// The search path with the real kustomize, if it is installed.
fn search_path() -> Option<String> {
    Some(peer("kustomize")?.parent()?.display().to_string())
}

fn import(project: &Sandbox, arguments: &[&str], path: &str) -> Run {
    let arguments: Vec<_> = ["import", "kustomize"].into_iter().chain(arguments.iter().copied()).collect();
    run(&project.root(), &arguments, &[("PATH", path)])
}

/// Rules of what `check` finds.
fn rules_found(project: &Sandbox) -> BTreeSet<String> {
    let run = project.run(&["check", "--format", "json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    report["findings"].as_array().unwrap().iter().map(|finding| text(&finding["rule"]).to_owned()).collect()
}

#[test]
fn what_is_imported_renders_to_what_kustomize_builds() {
    let Some(path) = search_path() else { return };
    let shapes = shapes();
    assert!(shapes.len() >= 10, "only {} shapes", shapes.len());
    for shape in shapes {
        let arguments: Vec<_> = shape.arguments.iter().map(String::as_str).collect();
        let run = import(&shape.project, &arguments, &path);
        assert_eq!(run.code, 0, "{}: {}", shape.name, run.stderr);
        assert_eq!(run.stdout.trim_end().lines().last(), Some(shape.expected.as_str()), "{}", shape.name);
        note_case(&shape.name);
        record(&run.stdout);
        let settings = shape.project.root().join("septum.yaml");
        if settings.exists() {
            record(fs::read_to_string(settings).unwrap());
        }
        let found = rules_found(&shape.project);
        assert!(["unmatched-reference", "invalid-name"].iter().all(|rule| !found.contains(*rule)), "{}", shape.name);
        // something is mapped, rather than all objects copied as they were built
        let is_mapped = |(path, bytes): (&String, &Vec<u8>)| {
            let is_written = path.starts_with("environments/") && !path.contains("/as-built/");
            is_written && (path.contains("manifests/") || String::from_utf8_lossy(bytes).contains("bundles:"))
        };
        assert!(shape.project.all().iter().any(is_mapped), "{}", shape.name);
    }
}

/// Objects that a command prints, by identity. An empty mapping of labels or annotations is none.
fn by_identity(mut objects: Objects) -> BTreeMap<String, Json> {
    for metadata in objects.0.iter_mut().filter_map(|object| object["metadata"].as_object_mut()) {
        metadata.retain(|_, value| value.as_object().is_none_or(|texts| !texts.is_empty()));
    }
    let key = |object: &Json| {
        format!("{}/{}/{}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"])
    };
    objects.0.into_iter().map(|object| (key(&object), object)).collect()
}

#[test]
fn the_layers_render_by_themselves() {
    let Some(path) = search_path() else { return };
    for name in ["overlays", "operations", "affixes"] {
        let shape = read_shape(&repository().join(format!("tests/vectors/import-kustomize/{name}.txt")));
        let arguments: Vec<_> = shape.arguments.iter().map(String::as_str).collect();
        assert_eq!(import(&shape.project, &arguments, &path).code, 0, "{name}");
        let root = shape.project.root();
        let environments = shape.expected.rsplit_once(" in ").unwrap().1.split(", ");
        for environment in environments {
            let directory = find_overlay(&root, environment);
            let mut build = std::process::Command::new(Path::new(&path).join("kustomize"));
            let built = build.arg("build").arg(&directory).output().unwrap();
            let built = Objects::read(&String::from_utf8(built.stdout).unwrap());
            // the rules for a new identity were written beside the layers, and its key to the user's key file
            let rendered = run(&root, &["render", environment], &[("PATH", &path)]);
            assert_eq!(rendered.code, 0, "{name}: {}", rendered.stderr);
            let (built, rendered) = (by_identity(built), by_identity(Objects::read(&rendered.stdout)));
            assert_eq!(built.keys().collect::<Vec<_>>(), rendered.keys().collect::<Vec<_>>(), "{name} {environment}");
            for (key, object) in built.iter().filter(|(_, object)| text(&object["kind"]) != "Secret") {
                assert_eq!(object, &rendered[key], "{name} {environment}");
            }
        }
    }
}

fn find_overlay(root: &Path, environment: &str) -> PathBuf {
    let candidates = ["apps/web/overlays", "overlays"].map(|above| root.join(above).join(environment));
    candidates.into_iter().find(|path| path.is_dir()).unwrap()
}

#[test]
fn what_cannot_be_imported_is_refused_with_the_reason_and_nothing_is_written() {
    let Some(path) = search_path() else { return };
    for (case, kustomization) in [
        ("an unknown field", "resources: [a.yaml]\nreources: [b.yaml]\n"),
        ("an unknown field of a generator", "configMapGenerator: [{ name: a, literal: [b] }]\n"),
        ("a remote resource", "resources: [\"https://example.com/crds.yaml\", github.com/org/repo//deploy?ref=v1]\n"),
        ("a file that does not exist", "resources: [missing.yaml]\n"),
        ("a chart", "helmCharts: [{ name: a, repo: \"https://example.com\", version: 1.0.0 }]\n"),
        ("an object twice", "resources: [a.yaml, b.yaml]\n"),
        ("a field of the wrong type", "resources: a.yaml\n"),
        ("the repository is left", "resources: [../../outside]\n"),
        ("a plugin", "generators: [generator.yaml]\n"),
        (
            "a remote file of a generator",
            "configMapGenerator: [{ name: g, files: [\"g.json=https://example.com/g.json\"] }]\n",
        ),
        ("ciphertext in a generator", "secretGenerator: [{ name: g, files: [g.toml=encrypted.toml] }]\n"),
        ("a component among the resources", "resources: [component]\n"),
        (
            "a replacement of nothing",
            "resources: [a.yaml]\nreplacements: [{ source: { kind: X }, targets: [{ select: { kind: ConfigMap } }] }]\n",
        ),
        (
            "a replacement of no field",
            "resources: [a.yaml]\nreplacements: [{ source: { kind: ConfigMap, fieldPath: metadata.name }, targets: [{ select: { kind: ConfigMap }, fieldPaths: [spec.a] }] }]\n",
        ),
        (
            "an operation at no path",
            "resources: [a.yaml]\npatches: [{ target: { kind: ConfigMap }, patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]' }]\n",
        ),
        (
            "a test that fails",
            "resources: [a.yaml]\npatches: [{ target: { kind: ConfigMap }, patch: '[{\"op\": \"test\", \"path\": \"/kind\", \"value\": \"a\"}]' }]\n",
        ),
        ("a patch that is a word", "resources: [a.yaml]\npatches: [{ target: { kind: ConfigMap }, patch: word }]\n"),
        ("a count of nothing", "resources: [a.yaml]\nreplicas: [{ name: x, count: 2 }]\n"),
        ("a literal without a value", "configMapGenerator: [{ name: g, literals: [a] }]\n"),
        ("an encrypted object that is no Secret", "resources: [users.yaml]\n"),
        ("an object without a name", "resources: [nameless.yaml]\n"),
        (
            "a cause that has no words",
            "resources: [a.yaml]\nreplacements: [{ source: { kind: ConfigMap, fieldPath: metadata.name, options: { delimiter: '-', index: 9 } }, targets: [{ select: { kind: ConfigMap }, fieldPaths: [metadata.name] }] }]\n",
        ),
        ("a path in the place of a patch", "resources: [a.yaml]\npatches: [b.yaml]\n"),
    ] {
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
        let plugin = "apiVersion: example.com/v1\nkind: Made\nmetadata: { name: a, annotations: { config.kubernetes.io/function: \"exec: { path: ./run }\" } }\n";
        let project = Sandbox::new([
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("deploy/kustomization.yaml", kustomization),
            ("deploy/a.yaml", object),
            ("deploy/b.yaml", object),
            (
                "deploy/users.yaml",
                "apiVersion: example.com/v1\nkind: Users\nmetadata: { name: users }\nspec:\n  users: [\"ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\"]\nsops: { mac: \"ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\", version: 3.9.4 }\n",
            ),
            ("deploy/nameless.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { labels: { a: b } }\n"),
            ("deploy/generator.yaml", plugin),
            ("deploy/encrypted.toml", "key = \"ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\"\n"),
            (
                "deploy/component/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: a-\n",
            ),
        ]);
        let run = import(&project, &["deploy"], &path);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{case}: {}", run.stderr);
        note_case(case);
        run.record();
        assert!(!project.root().join("environments").exists() && !project.root().join(".sops.yaml").exists(), "{case}");
    }
}

#[test]
fn what_kustomize_reads_of_utf_16_is_taken_as_built() {
    let Some(path) = search_path() else { return };
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let object = "\u{feff}apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n";
    let project =
        Sandbox::new([("deploy/kustomization.yaml", "resources: [a.yaml, b.yaml]\npatches: [{ path: patch.yaml }]\n")])
            .file("deploy/a.yaml", utf_16(object))
            .file("deploy/b.yaml", object.trim_start_matches('\u{feff}').replace("name: a", "name: b"))
            .file("deploy/patch.yaml", utf_16(&object.replace("name: a", "name: b").replace("a: b", "c: d")));
    let run = import(&project, &["deploy"], &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
}

#[test]
fn a_checkout_is_read_in_the_place_of_a_remote_resource() {
    let Some(path) = search_path() else { return };
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n";
    let kustomization = "resources: [\"https://example.com/org/repo//deploy?ref=v1\", own.yaml]\nnamePrefix: x-\n";
    let project = Sandbox::new([
        ("deploy/kustomization.yaml", kustomization),
        ("deploy/own.yaml", &object.replace("name: a", "name: own")),
        (
            "vendor/repo/deploy/kustomization.yaml",
            "resources: [a.yaml]\nconfigMapGenerator: [{ name: g, envs: [a.env] }]\n",
        ),
        ("vendor/repo/deploy/a.yaml", object),
        ("vendor/repo/deploy/a.env", "A=1\n"),
    ]);
    let remote = "https://example.com/org/repo//deploy?ref=v1=vendor/repo/deploy";
    let run = import(&project, &["deploy", "--remote", remote], &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
}

#[cfg(unix)]
#[test]
fn kubectl_builds_where_kustomize_is_missing() {
    let Some(kubectl) = peer("kubectl") else { return };
    let project = Sandbox::new([("deploy/kustomization.yaml", "configMapGenerator: [{ name: g, literals: [A=1] }]\n")]);
    let directory = project.root().join("bin");
    fs::create_dir(&directory).unwrap();
    std::os::unix::fs::symlink(kubectl, directory.join("kubectl")).unwrap();
    let run = import(&project, &["deploy"], &directory.display().to_string());
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
}

#[test]
fn without_kustomize_it_says_what_to_install() {
    let project = Sandbox::new([("deploy/kustomization.yaml", "resources: []\n")]);
    let run = import(&project, &["deploy"], "/nonexistent");
    assert_eq!(run.code, 4);
    run.record();
}

#[test]
fn environments_are_named_by_directories_or_options() {
    let Some(path) = search_path() else { return };
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n";
    let files = [("a/prod/a.yaml", object), ("b/prod/a.yaml", object)];
    let project = Sandbox::new(files)
        .file("a/prod/kustomization.yaml", "resources: [a.yaml]\n")
        .file("b/prod/kustomization.yaml", "resources: [a.yaml]\n");
    let twice = import(&project, &["a/prod", "b/prod"], &path);
    assert_eq!(twice.code, 2);
    twice.record();
    let both = import(&project, &["--env", "x=a/prod", "b/prod"], &path);
    assert_eq!(both.code, 2);
    let named = import(&project, &["--env", "one=a/prod", "--env", "two=b/prod", "--out", "out"], &path);
    assert_eq!(named.code, 0, "{}", named.stderr);
    record(&named.stdout);
    let layers = ["base.yaml", "one.yaml", "two.yaml"].map(|name| project.root().join("out").join(name).exists());
    assert_eq!(layers, [true; 3]);
    let again = import(&project, &["a/prod", "--out", "out"], &path);
    assert_eq!(again.code, 2);
    again.record();
}

#[test]
fn overlays_of_one_directory_are_the_environments() {
    let Some(path) = search_path() else { return };
    for (directory, base, overlays) in [
        ("web", "web/base", "web/overlays"),
        ("web/base", "web/base", "web/envs"),
        ("web/overlays", "web/base", "web/overlays"),
        ("web", "web/base", "web"),
        ("environment/envs", "common", "environment/envs"),
    ] {
        let up = "../".repeat(overlays.matches('/').count() + 2);
        let mut project = Sandbox::new([])
            .file(&format!("{base}/kustomization.yaml"), "resources: [a.yaml]\n")
            .file(&format!("{base}/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n");
        for name in ["dev", "prod"] {
            let text = format!("namePrefix: {name}-\nresources: [{up}{base}]\n");
            project = project.file(&format!("{overlays}/{name}/kustomization.yaml"), text);
        }
        let run = import(&project, &[directory, "--out", "out"], &path);
        assert_eq!(run.code, 0, "{directory}: {}", run.stderr);
        let written: Vec<_> = project.all().into_keys().filter(|path| path.starts_with("out/")).collect();
        let expected = ["out/base.yaml", "out/dev.yaml", "out/manifests/base/a.yaml", "out/prod.yaml"];
        assert_eq!(written, expected, "{directory}");
    }
}

#[test]
fn no_value_of_a_secret_stays_in_a_patch() {
    let Some(path) = search_path() else { return };
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { a: canary-hunter2-a }\n--- # the next one\napiVersion: v1\nkind: Secret\nmetadata: { name: b }\nstringData: { b: \"${X}canary-hunter2-b${Y}\" }\n";
    let patch =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: a, labels: { x: y } }\nstringData: { c: canary-hunter2-c }\n";
    let overlay = "resources: [../../base]\npatches:\n- path: patch.yaml\n- patch: |\n    kind: Secret\n    apiVersion: v1\n    metadata: { name: a }\n    stringData: { a: canary-hunter2-d }\n- target: { name: b }\n  patch: |\n    - { op: add, path: /stringData/q, value: canary-hunter2-e }\n";
    // a mark with a comment ends a document, too
    let secret =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: c }}\ndata: {{ a: b }}\n--- # secret\n{secret}");
    let project = Sandbox::new([
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("base/kustomization.yaml", "resources: [secret.yaml, web.yaml]\n"),
        ("base/secret.yaml", secret.as_str()),
        (
            "base/web.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: web, image: nginx, envFrom: [{ secretRef: { name: a } }] }] }\n",
        ),
        ("overlays/dev/kustomization.yaml", "resources: [../../base]\n"),
        ("overlays/prod/kustomization.yaml", overlay),
        ("overlays/prod/patch.yaml", patch),
    ]);
    let before = project.all();
    let run = import(&project, &["."], &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.trim_end().lines().last(), Some("8 of 8 objects equal in dev, prod"), "{}", run.stdout);
    record(&run.stdout);
    for (path, bytes) in project.all().iter().filter(|(path, _)| !before.contains_key(*path)) {
        super::assert_no_secret(path, bytes);
    }
    let rendered = self::run(&project.root(), &["render", "prod"], &[("PATH", &path)]);
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    assert!(rendered.stdout.contains("canary-hunter2-c"), "{}", rendered.stdout);
}

#[test]
fn references_to_a_secret_as_built_are_checked_with_and_without_a_key() {
    let Some(path) = search_path() else { return };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: reader }\nspec: { containers: [{ name: reader, image: nginx }], volumes: [{ name: v, secret: { secretName: store } }] }\n";
    let base = "resources: [pod.yaml]\nsecretGenerator: [{ name: store, files: [store.bin] }]\n";
    // the rule encrypts the names of objects too
    let rules = "creation_rules: [{ age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms }]\n";
    let project = Sandbox::new([(".git/HEAD", "ref: refs/heads/main\n"), (".sops.yaml", rules)])
        .file("base/kustomization.yaml", base)
        .file("base/pod.yaml", pod)
        .file("base/store.bin", b"\xff\xfe not a text")
        .file("overlays/one/kustomization.yaml", "resources: [../../base]\n")
        .file("overlays/two/kustomization.yaml", "resources: [../../base]\nnamePrefix: t-\n");
    let run = import(&project, &["."], &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
    let layers = ["base", "one", "two"].map(|name| project.read(&format!("environments/{name}.yaml")));
    assert!(layers.iter().all(|layer| !layer.contains("external")), "{layers:?}");
    for keys in [&[("SOPS_AGE_KEY_FILE", DEMO_KEY)][..], &[]] {
        let arguments = if keys.is_empty() { &["check", "--keyless"][..] } else { &["check"] };
        let check = self::run(&project.root(), arguments, keys);
        assert_eq!(check.code, 0, "{arguments:?}: {}{}", check.stdout, check.stderr);
        assert!(check.stderr.contains("0 errors"), "{arguments:?}: {}", check.stderr);
    }
    let key = [("SOPS_AGE_KEY_FILE", DEMO_KEY)];
    let rendered = Objects::read(&self::run(&project.root(), &["render", "two"], &key).stdout);
    let secret = rendered.0.iter().find(|object| object["kind"] == "Secret").unwrap();
    let reader = rendered.0.iter().find(|object| object["kind"] == "Pod").unwrap();
    assert_eq!(reader["spec"]["volumes"][0]["secret"]["secretName"], secret["metadata"]["name"]);
    assert!(text(&secret["metadata"]["name"]).starts_with("t-store-"), "{secret}");
}

#[test]
fn names_of_environments_are_checked() {
    let Some(path) = search_path() else { return };
    let object =
        |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ a: b }}\n");
    let project = Sandbox::new([(".git/HEAD", "ref: refs/heads/main\n")])
        .file("overlays/a.b/kustomization.yaml", "resources: [a.yaml]\n")
        .file("overlays/a.b/a.yaml", object("a"))
        .file("overlays/a-b/kustomization.yaml", "resources: [\"[b].yaml\", \"b*.yaml\", b1.yaml]\n")
        .file("overlays/a-b/[b].yaml", object("x"))
        .file("overlays/a-b/b*.yaml", object("y"))
        .file("overlays/a-b/b1.yaml", object("z"));
    for arguments in [
        &["--env", "../x=overlays/a-b"][..],
        &["--env", "base=overlays/a-b"],
        &["--env", "a=overlays/a-b", "--env", "a=overlays/a.b"],
        &["."],
    ] {
        let run = import(&project, arguments, &path);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
        run.record();
    }
    // names of files with characters of patterns are other words
    let run = import(&project, &["overlays/a-b"], &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stdout);
    assert!(project.path("environments/manifests/base/-b-.yaml").exists());
}
