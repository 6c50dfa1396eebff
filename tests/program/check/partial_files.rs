//! Files that are not valid YAML in part: all other mistakes in them are found as well, and nothing that only follows from
//! what is not valid.
//!
//! The law: what is found in a project with an error of YAML and other mistakes is what is found with that error alone, and
//! with those mistakes alone. In each table, the first row is valid, and the others have one error.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;

use crate::support::objects::text;
use crate::support::sandbox::{CANARY, Run, Sandbox};
use serde_json::Value as Json;

type Files = Vec<(&'static str, String)>;

/// Lines of a file: a row of a table, or a column.
type Lines = &'static [&'static str];

/// A kind of file.
struct Law {
    /// Lines with an error of YAML, each with the rules that are found; the first is valid. All have as many lines.
    rows: &'static [(&'static str, Lines)],
    /// Lines with other mistakes, each with the rules that are found; the first is valid.
    columns: &'static [(&'static str, Lines)],
    /// The project with a row, and the lines of the columns.
    project: fn(row: Lines, columns: &[Lines]) -> Files,
    /// Exit code of `check`.
    code: i32,
}

/// Findings of `check`, each with its file, line and message.
fn findings(run: &Run) -> BTreeSet<String> {
    let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let findings = report["findings"].as_array().unwrap().iter();
    let shown =
        |it: &Json| format!("{} {}:{} {}", text(&it["rule"]), text(&it["file"]), it["line"], text(&it["message"]));
    findings.map(shown).collect()
}

fn rules(findings: &BTreeSet<String>) -> Vec<&str> {
    findings.iter().map(|finding| finding.split(' ').next().unwrap()).collect()
}

fn sandbox(files: &Files) -> Sandbox {
    Sandbox::new(files.iter().map(|(name, text)| (*name, text.as_str())))
}

impl Law {
    fn check(&self, row: Lines, columns: &[Lines]) -> (BTreeSet<String>, i32) {
        let valid = vec![self.columns[0].1; self.columns.len() - 1];
        let project = sandbox(&(self.project)(row, if columns.is_empty() { &valid } else { columns }));
        let run = project.run(&["check", "--format", "json"]);
        (findings(&run), run.code)
    }

    /// Checks each row alone, with each column, and with all columns at once.
    fn hold(&self) {
        let (valid, mistakes) = (self.columns[0].1, &self.columns[1..]);
        let (sound, _) = self.check(self.rows[0].1, &[]);
        assert_eq!(sound, BTreeSet::new());
        let columns_with = |index: usize| {
            let lines = mistakes.iter().enumerate().map(|(at, (_, lines))| if at == index { *lines } else { valid });
            lines.collect::<Vec<_>>()
        };
        let of_columns: Vec<_> =
            (0..mistakes.len()).map(|index| self.check(self.rows[0].1, &columns_with(index)).0).collect();
        for ((expected, lines), found) in mistakes.iter().zip(&of_columns) {
            assert_eq!(rules(found).join(" "), *expected, "{lines:?}: {found:?}");
        }
        let all: Vec<Lines> = mistakes.iter().map(|(_, lines)| *lines).collect();
        for (number, (expected, row)) in self.rows.iter().enumerate().skip(1) {
            let (of_row, code) = self.check(row, &[]);
            assert_eq!((rules(&of_row).join(" ").as_str(), code), (*expected, self.code), "{row:?}: {of_row:#?}");
            let both = |found: &BTreeSet<String>| -> BTreeSet<String> { of_row.union(found).cloned().collect() };
            let every = of_columns.iter().flatten().cloned().collect();
            assert_eq!(self.check(row, &all), (both(&every), self.code), "{row:?} with everything");
            // each pair follows from that, unless one mistake hides another one
            if number % 5 == 1 {
                for (index, found) in of_columns.iter().enumerate() {
                    let columns = columns_with(index);
                    assert_eq!(self.check(row, &columns), (both(found), self.code), "{row:?} with {columns:?}");
                }
            }
        }
    }

    /// No row is rendered, and nothing is written.
    fn is_refused(&self) {
        for (_, row) in &self.rows[1..] {
            let valid = vec![self.columns[0].1; self.columns.len() - 1];
            let project = sandbox(&(self.project)(row, &valid));
            let before = project.all();
            for arguments in [&["render", "dev"][..], &["render", "--all"], &["render", "dev", "--out", "rendered"]] {
                let run = project.run(arguments);
                assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?} {row:?}: {}", run.stderr);
            }
            assert_eq!(project.all(), before, "{row:?}");
        }
    }
}

/// An app whose template, structure and object read what the rows set.
const READERS: &str = r#"  READER: "{{ data.ROW }}-{{ vars.row }}"
  OTHER: "{{ vars.sound }}"
  c.json: { content: { a: "{{ data.ROW }}" } }
"#;

const POD: &str = r"apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
    - name: web
      image: nginx
      env:
        - { name: ROW, valueFrom: { configMapKeyRef: { name: shop, key: ROW } } }
        - { name: READER, valueFrom: { configMapKeyRef: { name: shop, key: READER } } }
";

const ENTRIES: &[(&str, Lines)] = &[
    ("", &["  ROW: 1"]),
    ("unknown-tag", &["  ROW: !!int live"]),
    ("unknown-tag", &["  ROW: { value: !!int live, type: integer, required: true }"]),
    ("unknown-tag", &["  ROW: { value: !!bool maybe, enum: [a, b], required: true }"]),
    ("unknown-tag", &["  ROW: !vault x"]),
    ("unknown-tag", &["  ROW: !hunter2"]),
    ("unknown-tag", &["  ROW: !foo { value: 1 }"]),
    ("unknown-tag", &["  ROW: !foo [a]"]),
    ("unknown-tag", &["  ROW: !!set { a, b }"]),
    ("unknown-tag", &["  !!int ROW: 1"]),
    ("unknown-tag", &["  !foo ROW: 1"]),
    ("duplicate-key", &["  ROW: 1", "  ROW: 2"]),
    ("duplicate-key", &["  ROW: { value: 1 }", "  ROW: { value: 2, required: true }"]),
    ("duplicate-key", &["  ROW: { value: 1, type: integer, type: string }"]),
    ("duplicate-key", &["  ROW: 1", "data: { MORE: 1 }"]),
    ("duplicate-key", &["  SOUND: 1", "data: { ROW: 1 }"]),
    ("complex-key", &["  ROW: 1", "  ? [a]", "  : b"]),
    ("complex-key", &["  ROW: {{ vars.row }}"]),
    ("complex-key", &["  ROW: 1", "  : x"]),
    ("complex-key", &["  ROW: { : 1, required: true }"]),
    ("undefined-alias", &["  ROW: *x"]),
    ("undefined-alias", &["  ROW: 1", "  *x : y"]),
    ("undefined-alias", &["  ROW: { <<: *x, required: true }"]),
    ("recursive-alias", &["  ROW: &x { value: *x, required: true }"]),
    ("merge-key", &["  ROW: 1", "  <<: 1"]),
    ("merge-key", &["  ROW: { <<: 1, required: true }"]),
    ("yaml-syntax", &["  ROW: { value: a, enum: [a:, b] }"]),
    ("unknown-tag", &["  ROW: { value: a, pattern: !!int x }"]),
    ("unknown-tag", &["  ROW: { value: a, required: !!bool x }"]),
    ("unknown-tag", &["  ROW: { value: a, enum: [!!int b] }"]),
    ("unknown-tag", &["  ROW: { ref: { key: !!int x } }"]),
    ("unknown-tag unknown-tag", &["  ROW: 1", "  d.json: { content: { a: !!int x, b: [!foo y] } }"]),
    ("duplicate-key", &["  ROW: 1", "  d.json: { content: { a: 1, a: 2 } }"]),
    ("undefined-alias", &["  ROW: 1", "  d.json: { content: { a: 1, <<: *x } }"]),
    ("several-documents", &["  ROW: 1", "---", "data: { MORE: 1 }"]),
    ("several-documents", &["  ROW: 1", "---", "apiVersion: v1", "kind: Secret"]),
    ("several-documents", &["  SOUND: 1", "---", "data: { ROW: 1 }"]),
    ("unknown-tag", &["  ROW: 1", "labels: { a: !!int x }"]),
    ("unknown-tag", &["  ROW: 1", "labels: !foo { a: x }"]),
    ("unknown-tag", &["  ROW: 1", "prefix: !!int x"]),
    ("unknown-tag", &["  ROW: 1", "images: { nginx: !!int x }"]),
    ("unknown-tag", &["  ROW: 1", "replicas: { web: !!int x }"]),
    ("unknown-tag", &["  ROW: 1", "allow: [{ rule: x, key: y, reason: !!int z }]"]),
    ("unknown-tag", &["  ROW: 1", "bundles: { more: { data: { A: 1 }, rbac: { serviceAccount: !!int x } } }"]),
    ("unknown-tag", &["  ROW: 1", "bundles: { more: { data: { A: !!int x } } }"]),
    ("unknown-tag", &["  ROW: 1", "bundles: { more: { registries: { r.io: { password: !!int x } } } }"]),
];

/// Each with its lines: of the fields, of the entries.
const MISTAKES: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing"]),
    ("unknown-field", &["nope: 1", "# nothing"]),
    ("invalid-value", &["# nothing", "  PORT: { value: x, type: integer }"]),
    ("invalid-value", &["# nothing", "  LEVEL: { value: live, enum: [a, b] }"]),
    ("plaintext-secret", &["# nothing", "  API_TOKEN: ghp_a8Kd02LmPq93ZxVb71NcRt56YuHs04EwQjFg"]),
    ("unknown-field", &["# nothing", "  X: { value: a, nope: 1 }"]),
    ("undefined", &["# nothing", "  Y: \"{{ vars.nope }}\""]),
    ("unknown-key", &["# nothing", "# nothing", "data: { NOPE: 1 }"]),
];

/// The lines of a text, further to the right.
fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| " ".repeat(by) + line + "\n").collect()
}

/// The lines of all columns for one place.
fn lines_at(columns: &[Lines], place: usize) -> String {
    columns.iter().map(|lines| lines[place].to_owned() + "\n").collect()
}

/// A base that ends with the row, so that no other line depends on it. The third line of a column is an overlay.
fn base_with(section: &str, row: Lines, columns: &[Lines]) -> Files {
    let other = if section == "data" { "vars: { row: 1, sound: 1 }\n" } else { "" };
    let fields = format!("app: shop\n{}manifests: [w/pod.yaml]\n{other}", lines_at(columns, 0));
    let entries = format!("data:\n{}{READERS}", lines_at(columns, 1));
    let before = if section == "data" { "" } else { "  ROW: 1\nvars:\n  sound: 1\n" };
    let overlay = columns.iter().find_map(|lines| lines.get(2)).unwrap_or(&"data: {}");
    vec![
        ("base.yaml", format!("{fields}{entries}{before}{}\n", row.join("\n"))),
        ("dev.yaml", format!("{overlay}\n")),
        ("prod.yaml", "data: { OTHER: b }\n".to_owned()),
        ("w/pod.yaml", POD.to_owned()),
    ]
}

#[test]
fn an_entry_that_is_not_valid_hides_nothing_and_has_no_consequences() {
    let law =
        Law { rows: ENTRIES, columns: MISTAKES, project: |row, columns| base_with("data", row, columns), code: 2 };
    law.hold();
    law.is_refused();
}

const VARIABLES: &[(&str, Lines)] = &[
    ("", &["  row: 1"]),
    ("unknown-tag", &["  row: !!int x"]),
    ("unknown-tag", &["  row: !foo [a]"]),
    ("duplicate-key", &["  row: 1", "  row: 2"]),
    ("undefined-alias", &["  row: *x"]),
    ("undefined-alias", &["  row: { <<: *x, a: 1 }"]),
    ("complex-key", &["  row: {{ x }}"]),
    ("complex-key", &["  row: 1", "  ? { a: b }", "  : x"]),
    ("unknown-tag", &["  row: !!int x", "varRules: { row: { required: true, type: integer } }"]),
    ("unknown-tag", &["  row: !foo { a: 1 }", "varRules: { row.a: { required: true, type: integer } }"]),
];

#[test]
fn a_variable_that_is_not_valid_hides_nothing_and_has_no_consequences() {
    let law =
        Law { rows: VARIABLES, columns: MISTAKES, project: |row, columns| base_with("vars", row, columns), code: 2 };
    law.hold();
    law.is_refused();
}

const OVERLAY_ROWS: &[(&str, Lines)] = &[
    ("", &["  ROW: 2"]),
    ("unknown-tag", &["  ROW: !!int live"]),
    ("unknown-tag", &["  ROW: !foo { value: 1 }"]),
    ("duplicate-key", &["  ROW: 1", "  ROW: 2"]),
    ("duplicate-key", &["  ROW: 1", "data: { OTHER: 2 }"]),
    ("complex-key", &["  ROW: {{ vars.row }}"]),
    ("complex-key", &["  ROW: 1", "  : x"]),
    ("undefined-alias", &["  ROW: *x"]),
    ("recursive-alias", &["  ROW: &x { value: *x }"]),
    ("merge-key", &["  ROW: 1", "  <<: 1"]),
    ("unknown-tag", &["  ROW: 1", "vars: { row: !!int x }"]),
    ("several-documents", &["  ROW: 1", "---", "vars: { row: 2 }"]),
];

/// The third line of a column is in the base.
const OVERLAY_MISTAKES: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing"]),
    ("unknown-field", &["nope: 1", "# nothing"]),
    ("invalid-value", &["# nothing", "  PORT: x"]),
    ("invalid-value", &["# nothing", "  LEVEL: live"]),
    ("plaintext-secret", &["# nothing", "  API_TOKEN: ghp_a8Kd02LmPq93ZxVb71NcRt56YuHs04EwQjFg"]),
    ("unknown-key", &["# nothing", "  NOPE: 1"]),
    ("invalid-field", &["# nothing", "# nothing", "  X: [a]"]),
];

#[test]
fn an_overlay_that_is_not_valid_in_part_hides_nothing_and_has_no_consequences() {
    let project = |row: Lines, columns: &[Lines]| {
        let more = columns.iter().find_map(|lines| lines.get(2)).unwrap_or(&"# nothing");
        let rules = "  ROW: { value: 1, required: true }\n  PORT: { value: 1, type: integer }\n  LEVEL: { value: a, enum: [a, b] }\n  API_TOKEN: \"{{ vars.sound }}\"\n";
        let vars = "vars: { row: 1, sound: 1 }\n";
        let overlay = format!("{}data:\n{}{}\n", lines_at(columns, 0), lines_at(columns, 1), row.join("\n"));
        vec![
            ("base.yaml", format!("app: shop\nmanifests: [w/pod.yaml]\n{vars}data:\n{rules}{READERS}{more}\n")),
            ("dev.yaml", overlay),
            ("prod.yaml", "data: {}\n".to_owned()),
            ("w/pod.yaml", POD.to_owned()),
        ]
    };
    let law = Law { rows: OVERLAY_ROWS, columns: OVERLAY_MISTAKES, project, code: 2 };
    law.hold();
    law.is_refused();
}

const FIELDS: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing"]),
    ("unknown-tag", &["tty: !!bool maybe", "# nothing"]),
    ("unknown-tag", &["tty: !foo x", "# nothing"]),
    ("unknown-tag", &["args: !foo [a]", "# nothing"]),
    ("unknown-tag", &["resources: !foo { a: b }", "# nothing"]),
    ("duplicate-key", &["image: nginx2", "# nothing"]),
    ("complex-key", &["? [a]", ": b"]),
    ("complex-key", &[": x", "# nothing"]),
    ("complex-key", &["args: {{ x }}", "# nothing"]),
    ("undefined-alias", &["args: *x", "# nothing"]),
    ("undefined-alias", &["args: [*x]", "# nothing"]),
    ("undefined-alias", &["securityContext: { <<: *x }", "# nothing"]),
    ("recursive-alias", &["args: &x [*x]", "# nothing"]),
    ("merge-key", &["<<: 1", "# nothing"]),
    ("yaml-syntax", &["args: [fd00::, x]", "# nothing"]),
];

/// Mistakes in an object, and in one after it.
const OBJECT_MISTAKES: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing", "name: svc"]),
    ("invalid-value", &["hostNetwork: \"yes\"", "# nothing", "name: svc"]),
    (
        "dangling-reference",
        &["# nothing", "- { name: A, valueFrom: { configMapKeyRef: { name: shop, key: NOPE } } }", "name: svc"],
    ),
    ("plaintext-secret", &["subdomain: ghp_a8Kd02LmPq93ZxVb71NcRt56YuHs04EwQjFg", "# nothing", "name: svc"]),
    ("invalid-manifest", &["# nothing", "# nothing", "nme: svc"]),
];

fn manifests(row: Lines, columns: &[Lines]) -> Files {
    // names of one object: the last that differs
    let name = columns.iter().map(|lines| lines[2]).find(|name| *name != "name: svc").unwrap_or("name: svc");
    let pod = format!(
        "{}{}{}{}",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n",
        indented(&lines_at(columns, 0), 2),
        "  containers:\n    - name: web\n      image: nginx\n",
        indented(&row.join("\n"), 6),
    );
    let env = "      env:\n        - { name: A0, valueFrom: { configMapKeyRef: { name: shop, key: A } } }\n";
    let service =
        format!("---\napiVersion: v1\nkind: Service\nmetadata: {{ {name} }}\nspec: {{ ports: [{{ port: 80 }}] }}\n");
    vec![
        ("base.yaml", "app: shop\nmanifests: [w/x.yaml]\ndata: { A: a }\n".to_owned()),
        ("dev.yaml", "data: {}\n".to_owned()),
        ("w/x.yaml", format!("{pod}{env}{}{service}", indented(&lines_at(columns, 1), 8))),
    ]
}

#[test]
fn an_object_that_is_not_valid_in_part_hides_nothing_and_has_no_consequences() {
    let law = Law { rows: FIELDS, columns: OBJECT_MISTAKES, project: manifests, code: 1 };
    law.hold();
    law.is_refused();
}

const TEMPLATES: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing", "name: svc"]),
    ("undefined", &["nodeName: \"{{ vars.nope }}\"", "# nothing", "name: svc"]),
];

#[test]
fn templates_of_an_object_that_is_not_valid_in_part_are_rendered() {
    Law { rows: FIELDS, columns: TEMPLATES, project: manifests, code: 1 }.hold();
}

const PATCH_FIELDS: &[(&str, Lines)] = &[
    ("", &["hostPID: true", "# nothing"]),
    ("unknown-tag", &["hostPID: !!bool maybe", "# nothing"]),
    ("duplicate-key", &["hostPID: true", "hostPID: false"]),
    ("undefined-alias", &["tolerations: *x", "# nothing"]),
    ("complex-key", &["? [a]", ": b"]),
];

const PATCH_MISTAKES: &[(&str, Lines)] = &[("", &["# nothing"]), ("undefined", &["nodeName: \"{{ vars.nope }}\""])];

fn patch(row: Lines, columns: &[Lines]) -> String {
    let lines = row.join("\n") + "\n" + &lines_at(columns, 0);
    let spec = indented(&lines, 2);
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: web }}\nspec:\n{spec}")
}

fn patched(base: &str, more: Files) -> Files {
    let base = format!("app: shop\nmanifests: [w/pod.yaml]\ndata: {{ ROW: 1, READER: 1 }}\n{base}");
    let mut files = vec![("base.yaml", base), ("dev.yaml", "data: {}\n".to_owned()), ("w/pod.yaml", POD.to_owned())];
    files.extend(more);
    files
}

fn patched_inline(opening: &str, row: Lines, columns: &[Lines]) -> Files {
    let lines = indented(&patch(row, columns), 6);
    patched(&format!("patches:\n  - patch:{opening}\n{lines}"), Vec::new())
}

#[test]
fn a_patch_that_is_not_valid_in_part_hides_nothing_and_has_no_consequences() {
    let of_file = |row: Lines, columns: &[Lines]| {
        patched("patches: [patches/web.yaml]\n", vec![("patches/web.yaml", patch(row, columns))])
    };
    for law in [
        Law { rows: PATCH_FIELDS, columns: PATCH_MISTAKES, project: of_file, code: 1 },
        Law { rows: PATCH_FIELDS, columns: PATCH_MISTAKES, project: |r, c| patched_inline(" |", r, c), code: 1 },
        // a structure is a part of the layer
        Law { rows: PATCH_FIELDS, columns: PATCH_MISTAKES, project: |r, c| patched_inline("", r, c), code: 2 },
    ] {
        law.hold();
        law.is_refused();
    }
}

const RULE_FIELDS: &[(&str, Lines)] = &[
    ("", &["# nothing", "# nothing"]),
    ("unknown-tag", &["shamir_threshold: !!int x", "# nothing"]),
    ("unknown-tag", &["encrypted_regex: !foo x", "# nothing"]),
    ("unknown-tag", &["key_groups: [!foo {}]", "# nothing"]),
    ("duplicate-key", &["age: x", "# nothing"]),
    ("complex-key", &["? [a]", ": b"]),
    ("complex-key", &[": x", "# nothing"]),
    ("undefined-alias", &["pgp: *x", "# nothing"]),
    ("undefined-alias", &["key_groups: [{ age: *x }]", "# nothing"]),
    ("merge-key", &["<<: 1", "# nothing"]),
];

const RULE_MISTAKES: &[(&str, Lines)] = &[
    ("", &["path_regex: enc$", "# nothing"]),
    ("sops-rules", &["path_regex: (", "# nothing"]),
    ("sops-rules", &["path_regex: enc$", "aeg: x"]),
    ("sops-rules", &["path_regex: enc$", "mac_only_encrypted: 5"]),
];

#[test]
fn rules_that_are_not_valid_in_part_hide_nothing_and_have_no_consequences() {
    let project = |row: Lines, columns: &[Lines]| {
        let lines = |lines: &[&str]| indented(&lines.join("\n"), 4);
        let age = "    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n";
        let rules = columns.iter().map(|column| "  -\n".to_owned() + age + &lines(column)).collect::<String>();
        let rules = format!("creation_rules:\n  - path_regex: never\n{age}{}{rules}", lines(row));
        vec![("base.yaml", "data: { A: b }\n".to_owned()), ("dev.yaml", String::new()), (".sops.yaml", rules)]
    };
    Law { rows: RULE_FIELDS, columns: RULE_MISTAKES, project, code: 2 }.hold();
}

/// Where so much is not valid that other files would be misunderstood, the other mistakes of the file are reported alone.
#[test]
fn a_layer_without_a_part_that_others_depend_on_is_not_merged() {
    for part in [
        "data: { <<: *x, A: 1 }",
        "data: !foo { A: 1 }",
        "data: *x",
        "<<: *x",
        "bundles: { more: *x }",
        "bundles: { more: { data: { <<: *x } } }",
        "vars: { <<: *x }",
        "vars: !foo {}",
        "namespace: !!int x",
        "app: !!int x",
        "manifests: [!!int x]",
        "external: [{ kind: Secret, name: !!int x }]",
        "delivery: { secrets: !!int x }",
        "patches: [*x]",
        "varRules: !foo {}",
    ] {
        let base = format!("{part}\nnope: 1\n");
        let overlay = "data: { A: 2, B: 1 }\nvars: { a: 1 }\nbundles: { more: { data: { C: 1 } } }\n";
        let run = Sandbox::of(&base, overlay).run(&["check", "--format", "json"]);
        let found = findings(&run);
        let rules = rules(&found);
        assert_eq!((run.code, rules.len(), rules.contains(&"unknown-field")), (2, 2, true), "{part}: {found:#?}");
        assert!(found.iter().all(|finding| finding.contains("base.yaml")), "{part}: {found:#?}");
    }
    let run = Sandbox::of("data: { A: 1 }\n", "extends: !foo [x]\ndata: { A: !!int b, B: 1 }\n").run(&["check"]);
    assert_eq!((run.code, run.stdout.matches("unknown-key").count()), (2, 0), "{}", run.stdout);
}

/// Only `check`, `render` and `report` report more; all other commands stop as at any text that is not YAML.
#[test]
fn no_command_uses_a_layer_that_is_not_valid_in_part() {
    let base = "app: shop\ndata:\n  SOUND: a\n  ROW: !!int x\n  ROW2: 1\n  ROW2: 2\n";
    for arguments in [
        &["get", "dev", "SOUND"][..],
        &["get", "prod", "SOUND"],
        &["unset", "prod", "SOUND"],
        &["list"],
        &["list", "dev"],
        &["explain", "SOUND"],
        &["diff", "dev", "prod"],
        &["docs"],
        &["schema"],
        &["export", "dev"],
        &["exec", "dev", "--", "true"],
        &["rename", "SOUND", "OTHER"],
        &["promote", "prod", "dev"],
        &["render", "dev", "--format", "json"],
        &["render", "dev", "--out", "rendered"],
        &["check", "--write-baseline"],
        &["check", "--fix"],
    ] {
        let project = Sandbox::of(base, "data: {}\n").file("prod.yaml", "data: { SOUND: b }\n");
        let before = project.all();
        let run = project.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.is_empty() || arguments[0] == "check", "{arguments:?}: {}", run.stdout);
        let shown = run.stdout + &run.stderr;
        assert!(shown.contains("base.yaml:4:8") && shown.contains("base.yaml:6:3"), "{arguments:?}: {shown}");
        let mut after = project.all();
        after.remove(".septum-baseline.yaml");
        assert_eq!(after, before, "{arguments:?}");
    }
}

/// A page has the findings of `check`, and there is none if a layer is not valid; the other mistakes are reported then, too.
#[test]
fn a_report_hides_no_finding_behind_what_is_not_valid() {
    let project = Sandbox::of("app: shop\ndata:\n  A: !!int x\n  B: [1]\n", "data: { C: 1 }\n");
    let refused = project.run(&["report", "--out", "page.html"]).fails(2);
    let places = ["base.yaml:3:6", "base.yaml:4:3", "dev.yaml:1:9"];
    assert!(places.iter().all(|place| refused.contains(place)), "{refused}");
    assert!(!project.path("page.html").exists());

    let project = sandbox(&manifests(FIELDS[1].1, &[OBJECT_MISTAKES[1].1]));
    let page = project.run(&["report"]).ok();
    let found = findings(&project.run(&["check", "--keyless", "--format", "json"]));
    assert_eq!(found.len(), 2, "{found:#?}");
    for finding in &found {
        let rule = finding.split(' ').next().unwrap_or_default();
        assert!(page.contains(&format!("<td>{rule}</td>")), "{finding}");
    }
}

/// An app is selected by its name, which is in its base.
#[test]
fn an_app_is_not_selected_beside_one_whose_base_is_not_valid() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [one, two]\n"),
        ("one/base.yaml", "data: { A: 1, A: 2 }\n"),
        ("one/dev.yaml", ""),
        ("two/base.yaml", "data: { B: 1 }\n"),
        ("two/dev.yaml", ""),
    ]);
    for arguments in
        [&["render", "dev", "--app", "two"][..], &["check", "--app", "two"], &["get", "dev", "B", "--app", "two"]]
    {
        let run = project.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
    }
}

/// The checksum covers all of an encrypted file, so that none of it is used if a part is not valid.
#[test]
fn an_encrypted_file_that_is_not_valid_in_part_is_refused() {
    for (from, to) in [
        ("A:", "C: !!int x\n    A:"),
        ("A:", "A: x\n    A:"),
        ("A:", "? [x]\n    : y\n    A:"),
        ("A:", "C: *x\n    A:"),
    ] {
        let desk = Sandbox::with_identities();
        desk.write("base.yaml", "data: { A: { required: true }, B: { required: true } }\n");
        desk.write("dev.yaml", "");
        desk.encrypted("dev.secrets.yaml", format!("data:\n    A: {CANARY}\n    B: {CANARY}-2\n"));
        desk.replace("dev.secrets.yaml", from, to);
        let before = desk.all();
        for arguments in [
            &["decrypt", "dev.secrets.yaml"][..],
            &["edit", "dev.secrets.yaml"],
            &["set", "dev", "A"],
            &["unset", "dev", "A"],
            &["rekey", "dev.secrets.yaml"],
            &["rotate", "dev.secrets.yaml"],
            &["get", "dev", "B"],
            &["render", "dev"],
            &["check"],
        ] {
            let run = desk.give("x\n", arguments);
            assert_eq!(run.code, 2, "{arguments:?} {to}: {}{}", run.stdout, run.stderr);
            assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{arguments:?} {to}");
        }
        assert_eq!(desk.all(), before, "{to}");
    }
}
