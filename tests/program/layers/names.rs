//! The names of objects: `plain`, `hashed` and `kustomize` (contract, sections 4 and 6).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use crate::support::messages::record;
use crate::support::objects::{Objects, text};
use crate::support::peers::peer;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{DEMO_KEY, Run, Sandbox, run};
use serde_json::{Value as Json, json};

/// `KIND/NAME` of all objects.
fn names(objects: &Objects) -> Vec<String> {
    let name = |object: &Json| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    objects.0.iter().map(name).collect()
}

/// What comes after the name of the bundle.
#[track_caller]
fn suffix(objects: &Objects, kind: &str, bundle: &str) -> String {
    let names = names(objects);
    let start = format!("{kind}/{bundle}-");
    let found = names.iter().find_map(|name| name.strip_prefix(&start));
    found.unwrap_or_else(|| panic!("`{start}…` is not among {names:?}")).to_owned()
}

/// The base of a project whose secrets in `prod` are [`ENCRYPTED`].
const BASE: &str = "data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
";

fn project(names: &str) -> Sandbox {
    Sandbox::new([("base.yaml", &*format!("{names}{BASE}")), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)])
}

fn prod(project: &Sandbox) -> Objects {
    project.run_with_key(&["render", "prod"]).objects()
}

#[test]
fn names_are_those_of_kustomize_and_the_objects_never_change() {
    let base = "names: kustomize\ndata: { A: 1 }\nbundles: { s: { data: { A: { sensitive: true, value: 1 } } } }\n";
    let found = Sandbox::of(base, "").dev();
    // as kustomize names them
    assert_eq!(names(&found), ["ConfigMap/app-89g4tffbfk", "Secret/s-526mcbf5c2"]);
    for object in &found.0 {
        assert_eq!(object["immutable"], json!(true));
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/name"], json!("app"));
    }
    for plain in ["", "names: plain\n"] {
        let found = Sandbox::of(&format!("{plain}data: {{ A: 1 }}\n"), "").dev();
        assert_eq!(names(&found), ["ConfigMap/app"]);
        assert_eq!(found.0[0].get("immutable"), None);
    }
}

#[test]
fn every_format_has_the_names_and_says_immutable() {
    let project = Sandbox::of("names: kustomize\ndata: { A: 1 }\n", "");
    let yaml = project.dev();
    assert_eq!(project.run(&["render", "dev", "--format", "kyaml"]).objects(), yaml);
    assert_eq!(project.run(&["render", "dev", "--format", "json"]).json()["items"], Json::Array(yaml.0));
}

#[test]
fn the_last_layer_that_says_it_wins() {
    for (name, layers, suffixed) in [
        ("the base", [("base.yaml", "names: kustomize\ndata: { A: 1 }"), ("m/x.yaml", ""), ("dev.yaml", "")], true),
        (
            "a mixin over the base",
            [
                ("base.yaml", "names: plain\ndata: { A: 1 }"),
                ("m/x.yaml", "names: hashed"),
                ("dev.yaml", "extends: m/x"),
            ],
            true,
        ),
        (
            "the environment over both",
            [
                ("base.yaml", "names: hashed\ndata: { A: 1 }"),
                ("m/x.yaml", "names: kustomize"),
                ("dev.yaml", "extends: m/x\nnames: plain"),
            ],
            false,
        ),
    ] {
        let found = names(&Sandbox::new(layers).dev());
        let expected = if suffixed { "ConfigMap/app-89g4tffbfk" } else { "ConfigMap/app" };
        assert_eq!(found, [expected], "{name}");
    }
}

#[test]
fn a_hashed_secret_has_a_name_that_only_the_key_gives() {
    let hashed = prod(&project("names: hashed\n"));
    let kustomize = prod(&project("names: kustomize\n"));
    assert_eq!(suffix(&hashed, "ConfigMap", "app"), suffix(&kustomize, "ConfigMap", "app"));
    let keyed = suffix(&hashed, "Secret", "app");
    assert_ne!(keyed, suffix(&kustomize, "Secret", "app"));
    assert_eq!(keyed, suffix(&prod(&project("names: hashed\n")), "Secret", "app"), "the same input, the same name");
    assert_eq!(keyed.len(), 10);
    assert!(keyed.bytes().all(|byte| b"2456789bcdfghkmt".contains(&byte)), "{keyed}");
    // computed apart from Septum; if it were made in another way, all Secrets of all users would be new ones
    assert_eq!(keyed, "24mb264596");
    // what stands in plaintext is named by the same key
    let more = prod(&project("names: hashed\n").file("prod.yaml", "data: { LOG_LEVEL: debug }\n"));
    assert_eq!(suffix(&more, "Secret", "app"), keyed, "nothing of the Secret changed");
    assert_ne!(suffix(&more, "ConfigMap", "app"), suffix(&hashed, "ConfigMap", "app"));
}

fn with_key(project: &Sandbox, arguments: &[&str]) -> Run {
    run(&project.root(), arguments, &[("SOPS_AGE_KEY_FILE", DEMO_KEY)])
}

#[test]
fn a_new_data_key_and_another_encrypted_layer_change_the_names_of_secrets() {
    let project = project("names: hashed\n");
    let before = prod(&project);
    with_key(&project, &["rotate", "prod.secrets.yaml"]).ok();
    let rotated = prod(&project);
    assert_ne!(suffix(&rotated, "Secret", "app"), suffix(&before, "Secret", "app"));
    assert_eq!(suffix(&rotated, "ConfigMap", "app"), suffix(&before, "ConfigMap", "app"));

    // the values are those of the last one, and yet both keys count
    let project = project.file("base.secrets.yaml", ENCRYPTED);
    let both = prod(&project);
    assert_eq!(
        both.texts(&format!("Secret/app-{}", suffix(&both, "Secret", "app"))),
        rotated.texts(&format!("Secret/app-{}", suffix(&rotated, "Secret", "app")))
    );
    assert_ne!(suffix(&both, "Secret", "app"), suffix(&rotated, "Secret", "app"));
}

#[test]
fn without_an_encrypted_layer_a_hashed_secret_is_refused() {
    let project = Sandbox::of("names: hashed\ndata: { A: 1, B: { sensitive: true } }\n", "data: { B: b }\n");
    let message = project.run(&["render", "dev"]).refused();

    assert_eq!(message.matches("error:").count(), 1, "{message}");
    // without a Secret there is nothing to name
    let found = Sandbox::of("names: hashed\ndata: { A: 1, B: { sensitive: true } }\n", "").dev();
    assert_eq!(names(&found), ["ConfigMap/app-89g4tffbfk"]);
}

#[test]
fn explain_and_list_need_no_key_and_tell_the_name_as_far_as_it_is_known() {
    for (naming, plain, secret) in
        [("", "app", "app"), ("names: hashed\n", "app-SUFFIX", "app-…"), ("names: kustomize\n", "app-SUFFIX", "app-…")]
    {
        let project = project(naming);
        let plain = plain.replace("SUFFIX", &suffix_of_config(&project));
        for (key, kind, name) in [("LOG_LEVEL", "ConfigMap", &*plain), ("DATABASE_PASSWORD", "Secret", secret)] {
            let found = project.run(&["explain", "prod", key, "--format", "json"]).json();
            assert_eq!(found["object"], json!({ "kind": kind, "name": name, "base_name": "app" }), "{naming}");
            let shown = project.run(&["explain", "prod", key]).ok();
            assert_eq!(shown.lines().next().unwrap(), format!("{key} in prod → {kind} `{name}`"), "{naming}");
        }
        project.run(&["list"]).ok();
    }
    // all of it stands in plaintext: with kustomize's hash anyone can tell the name
    let base = "names: kustomize\ndata: { A: { sensitive: true, value: 1 } }\n";
    let shown = Sandbox::of(base, "").run(&["explain", "dev", "A"]).ok();
    record(&shown);
}

/// The suffix of a ConfigMap, or nothing if it has none.
fn suffix_of_config(project: &Sandbox) -> String {
    let found = names(&prod(project));
    let name = found.iter().find_map(|name| name.strip_prefix("ConfigMap/")).unwrap();
    name.strip_prefix("app-").unwrap_or_default().to_owned()
}

#[test]
fn a_base_name_leaves_room_for_the_suffix() {
    for (naming, length, fits) in [
        ("plain", 253, true),
        ("hashed", 242, true),
        ("hashed", 243, false),
        ("kustomize", 242, true),
        ("kustomize", 243, false),
    ] {
        let name = "a".repeat(length);
        let base = format!("names: {naming}\nbundles:\n  {name}: {{ data: {{ A: 1 }} }}\n");
        let found = Sandbox::of(&base, "").run(&["render", "dev"]);
        if fits {
            let suffix = if naming == "plain" { "" } else { "-89g4tffbfk" };
            assert_eq!(names(&found.objects()), [format!("ConfigMap/{name}{suffix}")], "{naming} {length}");
        } else {
            let message = found.refused();

            assert!(message.contains("base.yaml:3:3"), "{message}");
        }
    }
}

#[test]
fn a_role_names_the_secret_as_it_is_named() {
    let base = "names: kustomize
bundles: { s: { rbac: { serviceAccount: me }, data: { A: { sensitive: true, value: 1 } } } }
";
    let found = Sandbox::of(base, "").dev();
    let role = found.0.iter().find(|object| object["kind"] == "Role").unwrap();
    assert_eq!(role["rules"][0]["resourceNames"], json!(["s-526mcbf5c2"]));
}

/// Numbers that are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn text(&mut self, alphabet: &[char], length: usize) -> String {
        (0..self.below(length + 1)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let length = self.below(length + 1);
        // never text
        std::iter::once(0xff).chain((0..length).map(|_| u8::try_from(self.below(256)).unwrap())).collect()
    }
}

/// What kustomize takes in a literal as it is, and what it takes in a file.
const TAME: &str = "abcXYZ0189 .,:;/+-_=%<>&{}[]()!?*#@ßé☃🎉";
const WILD: &str = "ab0 \n\t\r\"'\\<>&{}%\u{85}\u{a0}\u{2028}\u{2029}\u{feff}é日☃🎉";
/// A ConfigMap with these is one that it cannot write.
const CONTROLS: &str = "a\u{1}\u{7}\u{8}\u{b}\u{c}\u{1b}\u{1f}\u{7f}\0";

#[test]
fn kustomize_gives_the_same_names_to_random_data() {
    let Some(kustomize) = peer("kustomize") else { return };
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    let (tame, wild, controls) = (chars(TAME), chars(WILD), chars(CONTROLS));
    let mut random = Seeded(7);
    let mut layer = String::from("names: kustomize\nbundles:\n");
    let mut generators: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for number in 0..60 {
        let is_secret = number % 2 == 1;
        let (mut literals, mut names) = (Vec::new(), Vec::new());
        let rules = if is_secret { "sensitive: true" } else { "sensitive: false, reason: a test" };
        let secret_type = ["Opaque", "example.com/x"][random.below(2)];
        let typed = if is_secret { format!("type: {secret_type}, ") } else { String::new() };
        let _ = writeln!(layer, "  b{number}: {{ {typed}data: {{");
        for key in 0..=random.below(6) {
            let key = format!("{}{key}", ["K", "k", "_", ".x", "a-b", "Z.conf"][random.below(6)]);
            let bytes = match random.below(5) {
                0 => {
                    let value = random.text(&tame, 80);
                    let quoted = Json::from(value.as_str());
                    let _ = writeln!(layer, "    \"{key}\": {{ value: {quoted}, template: false, {rules} }},");
                    literals.push(format!("{key}={value}"));
                    continue;
                }
                1 => random.bytes(120),
                2 if is_secret => random.text(&controls, 60).into_bytes(),
                _ => random.text(&wild, 120).into_bytes(),
            };
            let file = format!("f{number}-{key}");
            let _ = writeln!(layer, "    \"{key}\": {{ file: {file}, {rules} }},");
            names.push(format!("{key}=environments/{file}"));
            files.push((file, bytes));
        }
        layer.push_str("  } }\n");
        let mut generator = json!({ "name": format!("b{number}"), "literals": literals, "files": names });
        if is_secret {
            generator["type"] = Json::from(secret_type);
        }
        generators.entry(if is_secret { "secretGenerator" } else { "configMapGenerator" }).or_default().push(generator);
    }
    let kustomization = serde_json::to_string(&generators).unwrap();
    let layers = [("environments/base.yaml", &*layer), ("environments/dev.yaml", "")];
    let project = files
        .into_iter()
        .fold(Sandbox::new(layers), |project, (name, bytes)| project.file(&format!("environments/{name}"), bytes));
    let project = project.file("kustomization.yaml", kustomization);
    let built = Command::new(kustomize).arg("build").arg(project.root()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut expected = names(&Objects::read(&String::from_utf8(built.stdout).unwrap()));
    // quiet: U+0085 is a warning, because kustomize prints another character
    let mut found = names(&project.run(&["render", "dev", "--quiet"]).objects());
    expected.sort();
    found.sort();
    assert_eq!(expected.len(), 60);
    assert_eq!(found, expected);
}

#[test]
fn a_bundle_and_a_manifest_of_one_name_are_refused_with_both_places() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { A: b }\n";
    for dev in [
        "",
        "prefix: a-\n",
        "suffix: -b\n",
        "prefix: a-\nsuffix: -b\n",
        "names: hashed\n",
        "prefix: a-\nnames: hashed\n",
    ] {
        let project =
            Sandbox::of("app: app\ndata: { LOG_LEVEL: info }\nmanifests: [w]\n", dev).file("w/a.yaml", object);
        for command in [&["render", "dev"][..], &["check", "dev"]] {
            let run = project.run(command);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_ne!(run.code, 0, "{dev}: {said}");
            assert!(said.contains("w/a.yaml:1:1") && said.contains("base.yaml:2:9"), "{dev}: {said}");
            record(said);
        }
    }
}
