//! In every list and mapping of the files that people write, a second mistake is reported beside the first.

use std::collections::BTreeSet;

use crate::support::sandbox::{Run, Sandbox};
use serde_json::Value as Json;

/// Text of a file with two mistakes or more, each on a line that ends with `# wrong`.
type Row = (&'static str, &'static str);

const PROJECT_FILE: &[Row] = &[
    ("septum.yaml", "nope: 1 # wrong\napps: [app]\nnada: 1 # wrong\n"),
    ("septum.yaml", "apps:\n- [X] # wrong\n- {y: z} # wrong\n- app\n"),
    ("septum.yaml", "apps:\n- nope/* # wrong\n- nada/* # wrong\n"),
    ("septum.yaml", "apps:\n- nope/* # wrong\nreferences:\n- a # wrong\n"),
    ("septum.yaml", "apps: [app]\nshared: [x] # wrong\noutput: [x] # wrong\nreferences: x # wrong\n"),
    ("septum.yaml", "apps: [app]\napps: [b] # wrong\nreferences: x # wrong\n"),
    (
        "septum.yaml",
        "apps: [app]\nreferences:\n- {kind: a/b, path: x, target: Secret} # wrong\n- {kind: W, path: $.a, target: Secret} # wrong\n",
    ),
    ("septum.yaml", "apps: [app]\nreferences:\n- {kind: W, path: x} # wrong\n- {kind: W, target: Secret} # wrong\n"),
    ("septum.yaml", "apps: [app]\nreferences:\n- {kind: W, path: a, target: !!int x} # wrong\n- {kind: W} # wrong\n"),
    (
        "septum.yaml",
        "apps: [app]\nreferences:\n- kind: a/b # wrong\n  path: $.a # wrong\n  target: Sceret # wrong\n  rle: output # wrong\n  role: nope # wrong\n",
    ),
];

const LAYERS: &[Row] = &[
    ("base.yaml", "nope: 1 # wrong\nnada: 1 # wrong\n"),
    ("dev.yaml", "extends:\n- nope # wrong\n- nada # wrong\n"),
    ("dev.yaml", "extends:\n- [x] # wrong\n- {a: b} # wrong\n"),
    ("dev.yaml", "data:\n  A: 1 # wrong\n  B: 1 # wrong\nvars:\n  a: 1 # wrong\n  b: 1 # wrong\n"),
    ("dev.yaml", "bundles:\n  a: {data: {A: 1}} # wrong\n  b: {data: {A: 1}} # wrong\n"),
    ("base.yaml", "data:\n  A: [x] # wrong\n  B: [y] # wrong\n"),
    (
        "base.yaml",
        "data:\n  A:\n    value: x # wrong\n    enum: [y]\n    pattern: ( # wrong\n    format: x # wrong\nvarRules:\n  v:\n    enum: [y]\n    pattern: ( # wrong\nvars:\n  v: x # wrong\n",
    ),
    ("base.yaml", "data:\n  A: {file: no} # wrong\n  B: {template: no} # wrong\n"),
    ("base.yaml", "data:\n  A:\n    requred: true # wrong\n    sensitve: true # wrong\n"),
    ("base.yaml", "data:\n  A:\n    required: x # wrong\n    minLength: x # wrong\n    expires: x # wrong\n"),
    ("base.yaml", "data:\n  A: {value: x, type: integer} # wrong\n  B: {value: y, enum: [x]} # wrong\n"),
    ("base.yaml", "data:\n  a.json:\n    content:\n      a: \"{{ x }}\" # wrong\n      b: [\"{{ y }}\"] # wrong\n"),
    ("base.yaml", "data:\n  A: {ref: [x]} # wrong\n  B: {ref: {nope: x}} # wrong\n"),
    ("base.yaml", "data:\n  A:\n    ref:\n      key: [x] # wrong\n      property: [x] # wrong\n"),
    ("base.yaml", "data: {A: \"{{vars.a}}{{vars.b}}\"}\nvars:\n  a: \"{{ x }}\" # wrong\n  b: \"{{ y }}\" # wrong\n"),
    ("base.yaml", "vars: {a: 1, b: 1}\nvarRules:\n  a: [x] # wrong\n  b: {tpe: x} # wrong\n"),
    ("base.yaml", "bundles:\n  a: [x] # wrong\n  b: {dta: {}} # wrong\n"),
    ("base.yaml", "bundles:\n  a:\n    labels:\n      \"a b\": x # wrong\n      c: [x] # wrong\n    data: {A: b}\n"),
    ("base.yaml", "bundles:\n  a:\n    registries:\n      x: a # wrong\n      y: {usrname: a} # wrong\n"),
    ("base.yaml", "labels:\n  a: [x] # wrong\n  b: [x] # wrong\n"),
    ("base.yaml", "manifests:\n- [x] # wrong\n- {path: [y]} # wrong\n- no.yaml # wrong\n- no/*.yaml # wrong\n"),
    ("base.yaml", "external:\n- a # wrong\n- {kind: X, name: y} # wrong\n- {kind: Secret} # wrong\n"),
    ("base.yaml", "images:\n  a: [x] # wrong\n  b: {nwTag: y} # wrong\n  c: {newTag: [x]} # wrong\n"),
    ("base.yaml", "images:\n  a: {newTag: x} # wrong\n  b: {newTag: x} # wrong\n"),
    ("base.yaml", "replicas:\n  a: x # wrong\n  b: y # wrong\n"),
    ("base.yaml", "replicas:\n  a: 1 # wrong\n  b: 2 # wrong\n"),
    ("base.yaml", "allow:\n- a # wrong\n- {rule: nope, reason: x} # wrong\n"),
    ("base.yaml", "allow:\n- rule: nope # wrong\n  until: x # wrong\n  reason: x\n"),
    (
        "base.yaml",
        "delivery:\n  secrets: x # wrong\n  refs: y # wrong\n  scope: z # wrong\n  store: {nme: y} # wrong\n",
    ),
    ("base.yaml", "delivery:\n  secrets: sops\n  recipients:\n  - nope # wrong\n  - nada # wrong\n  - [x] # wrong\n"),
];

const PATCHES: &[Row] = &[
    ("base.yaml", "patches:\n- [x] # wrong\n- {pth: y} # wrong\n- no.yaml # wrong\n"),
    ("base.yaml", "patches:\n- patch: \"a: b\" # wrong\n- patch: 'c: d' # wrong\n- patch: [x] # wrong\n"),
    (
        "base.yaml",
        "manifests: [m/x.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch:\n  - {op: nope, path: /a} # wrong\n  - x # wrong\n  - op: nada # wrong\n    path: a # wrong\n  - {oop: add, path: /a} # wrong\n",
    ),
    (
        "base.yaml",
        "manifests: [m/x.yaml]\npatches:\n- target:\n    kind: ( # wrong\n    name: ( # wrong\n    labelSelector: a in ( # wrong\n  patch: \"{}\"\n",
    ),
    (
        "patch.yaml",
        "{kind: A, apiVersion: v1, metadata: {name: a}} # wrong\n---\n{kind: B, apiVersion: v1, metadata: {name: a}} # wrong\n",
    ),
    ("patch.yaml", "{kind: A, apiVersion: v1} # wrong\n---\n[x] # wrong\n"),
];

const CREATION_RULES: &[Row] = &[
    (".sops.yaml", "creation_rules: x # wrong\nstores: y # wrong\n"),
    (".sops.yaml", "creation_rules:\n- age: nope # wrong\n- age: nada # wrong\n"),
    (".sops.yaml", "creation_rules:\n- age:\n  - nope # wrong\n  - nada # wrong\n"),
    (".sops.yaml", "creation_rules:\n- path_regex: ( # wrong\n  encrypted_regex: ( # wrong\n  age: nope # wrong\n"),
    (".sops.yaml", "creation_rules:\n- pth_regex: x # wrong\n  mac_only_encrypted: 5 # wrong\n  age: nope # wrong\n"),
    (".sops.yaml", "creation_rules:\n- key_groups:\n  - age: [nope] # wrong\n  - age: [nada] # wrong\n"),
    (".sops.yaml", "creation_rules:\n- key_groups:\n  - aeg: [x] # wrong\n  - age: x # wrong\n  - pgp: [{}] # wrong\n"),
    (
        ".sops.yaml",
        "creation_rules:\n- key_groups:\n  - kms:\n    - {rn: x} # wrong\n    - {role: x} # wrong\n    - arn: [x] # wrong\n",
    ),
    (".sops.yaml", "creation_rules: []\nstores:\n  yaml: {indent: x} # wrong\n  json: {indent: y} # wrong\n"),
];

const DETECTION_RULES: &[Row] = &[
    ("rules.toml", "[[rules]]\nid = 'a'\nregex = '(' # wrong\n[[rules]]\nid = 'b'\nregex = '(' # wrong\n"),
    (
        "rules.toml",
        "[[rules]]\nid = 'a'\nregex = 'x'\nkeywords = [\n1, # wrong\n2, # wrong\n]\nentropy = 'x' # wrong\n",
    ),
    (
        "rules.toml",
        "[[rules]]\nid = 'a'\nregex = 'x'\n[[rules.allowlists]]\nregexes = [\n'(', # wrong\n'(', # wrong\n]\nregexTarget = 'x' # wrong\n",
    ),
];

/// Places of all that a run reports, as `file:line`.
fn places(run: &Run) -> BTreeSet<String> {
    let of_text = run.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")?.rsplit_once(':'));
    let mut found: BTreeSet<String> = of_text.map(|(place, _)| place.to_owned()).collect();
    if let Ok(report) = serde_json::from_str::<Json>(&run.stdout) {
        let findings = report["findings"].as_array().unwrap();
        found.extend(findings.iter().map(|it| format!("{}:{}", it["file"].as_str().unwrap_or_default(), it["line"])));
    }
    found
}

#[test]
fn a_second_mistake_in_a_list_or_mapping_is_reported_beside_the_first() {
    for (file, text) in [PROJECT_FILE, LAYERS, PATCHES, CREATION_RULES, DETECTION_RULES].concat() {
        let (directory, base) = match file {
            "septum.yaml" => ("app/", ""),
            "patch.yaml" => ("", "patches: [patch.yaml]\n"),
            _ => ("", ""),
        };
        let project = Sandbox::new([]).file(&format!("{directory}base.yaml"), base);
        let project = project.file(&format!("{directory}dev.yaml"), "").file(file, text);
        project.write("m/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n");
        let rules: &[&str] = if file == "rules.toml" { &["--rules", file] } else { &[] };
        let run = project.run(&[&["check", "--format", "json"], rules].concat());
        let found = places(&run);
        let wrong = text.lines().enumerate().filter(|(_, line)| line.ends_with("# wrong"));
        let missing: Vec<_> =
            wrong.map(|(index, _)| format!("{file}:{}", index + 1)).filter(|place| !found.contains(place)).collect();
        assert!(missing.is_empty(), "{text}\nnot reported: {missing:?}\n{}{}", run.stdout, run.stderr);
        assert_ne!(run.code, 0, "{text}");
    }
}
