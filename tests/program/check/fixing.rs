//! `--fix`: what it mends, what it leaves and why, and that nothing else changes by it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use super::{check, findings};
use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::peers::peer;
use crate::support::sandbox::{DEMO_KEY, Run, Sandbox};

const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

/// A value that is told from all else, wherever it comes up.
const CANARY: &str = "x9CanaryLq2mVb7";

/// A project whose files are encrypted for the demo's key.
fn project(files: &[(&str, &str)]) -> Sandbox {
    let rules = format!("creation_rules:\n- age: {RECIPIENT}\n");
    let project = Sandbox::new([("dev.yaml", ""), (".sops.yaml", &rules)]);
    files.iter().fold(project, |project, (path, text)| project.file(path, text))
}

fn fix(project: &Sandbox) -> Run {
    project.run_with_key(&["check", "--fix"])
}

fn read(project: &Sandbox, path: &str) -> String {
    fs::read_to_string(project.root().join(path)).unwrap()
}

/// All files of a project by name.
fn files(project: &Sandbox) -> BTreeMap<String, String> {
    let entries = fs::read_dir(project.root()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().is_file());
    files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

fn rendered(project: &Sandbox) -> Vec<String> {
    ["dev", "prod"]
        .iter()
        .filter(|name| project.root().join(format!("{name}.yaml")).exists())
        .map(|name| project.run_with_key(&["render", name]).ok())
        .collect()
}

/// Mends a project, and holds what must hold of every one: nothing that is rendered changes, the value is in no
/// file and in no output, and there is nothing left to do for a second run.
#[track_caller]
fn assert_mended(name: &str, project: &Sandbox) -> Run {
    let before = rendered(project);
    let run = fix(project);
    assert_eq!(
        (run.code, run.stderr.contains("0 errors, 0 warnings")),
        (0, true),
        "{name}: {}{}",
        run.stdout,
        run.stderr
    );
    assert_eq!(rendered(project), before, "{name}");
    let once = files(project);
    for (file, text) in &once {
        assert!(!text.contains("Canary"), "{name}: {file}\n{text}");
    }
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("Canary"), "{name}: {}", run.stdout);
    let again = fix(project);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{name}: {}", again.stderr);
    assert_eq!(files(project), once, "{name}");
    run
}

#[test]
fn a_value_leaves_a_layer_however_it_is_written() {
    let base = "data:\n  A: 1\n  S: { sensitive: true }\n  B: 1\n";
    for (name, dev, expected) in [
        ("plain", "data:\n  A: 2\n  S: VALUE\n", "data:\n  A: 2\n"),
        ("first", "data:\n  S: VALUE\n  A: 2\n", "data:\n  A: 2\n"),
        ("single quotes", "data:\n  A: 2\n  S: 'it''s VALUE'\n", "data:\n  A: 2\n"),
        ("double quotes", "data:\n  A: 2\n  S: \"\\t# VALUE\"\n", "data:\n  A: 2\n"),
        ("no line break at the end", "data:\n  A: 2\n  S: VALUE", "data:\n  A: 2\n"),
        ("line breaks of Windows", "data:\r\n  A: 2\r\n  S: VALUE\r\n  B: 3\r\n", "data:\r\n  A: 2\r\n  B: 3\r\n"),
        ("a quoted key", "data:\n  A: 2\n  \"S\": VALUE\n", "data:\n  A: 2\n"),
        ("on the next line", "data:\n  A: 2\n  S:\n    VALUE\n  B: 3\n", "data:\n  A: 2\n  B: 3\n"),
        ("over lines", "data:\n  A: 2\n  S: one\n    VALUE\n  B: 3\n", "data:\n  A: 2\n  B: 3\n"),
        (
            "comments around it",
            "# a\ndata: # b\n  # c\n  A: 2 # d\n  S: VALUE # e\n  # f\n  B: 3\n",
            "# a\ndata: # b\n  # c\n  A: 2 # d\n  # f\n  B: 3\n",
        ),
        ("a block", "data:\n  A: 2\n  S: |\n    one\n      VALUE\n\n    end\n  B: 3\n", "data:\n  A: 2\n  B: 3\n"),
        ("a folded block", "data:\n  S: >-\n    one\n    VALUE\n  B: 3\n", "data:\n  B: 3\n"),
        ("a block with a comment", "data:\n  A: 2\n  S: |- # why\n    VALUE\n", "data:\n  A: 2\n"),
        ("alone", "data:\n  S: VALUE # e\n", "data: {} # e\n"),
        ("alone under a comment", "data:\n  # c\n  S: VALUE\n", "data:\n  # c\n  {}\n"),
        ("alone as a block", "data:\n  S: |-\n    VALUE\n", "data: {}\n"),
        ("in braces", "data: { A: 2, S: VALUE, B: 3 }\n", "data: { A: 2, B: 3 }\n"),
        ("first in braces", "data: { S: VALUE, A: 2 }\n", "data: { A: 2 }\n"),
        ("last in braces", "data: {A: 2, S: 'VALUE'}\n", "data: {A: 2}\n"),
        ("alone in braces", "data: { S: VALUE }\n", "data: {}\n"),
        ("as JSON", "{\"data\":{\"A\":\"2\",\"S\":\"VALUE\"}}", "{\"data\":{\"A\":\"2\"}}"),
        ("in braces over lines", "data: {\n  A: 2, # a\n  S: VALUE,\n  B: 3,\n}\n", "left"),
        ("the long form", "data:\n  A: 2\n  S: { value: VALUE }\n", "data:\n  A: 2\n"),
        (
            "with other fields",
            "data:\n  S: { value: VALUE, description: x } # e\n",
            "data:\n  S: { description: x } # e\n",
        ),
        (
            "with other fields on lines",
            "data:\n  S:\n    description: x # d\n    value: |-\n      VALUE\n    minLength: 2\n",
            "data:\n  S:\n    description: x # d\n    minLength: 2\n",
        ),
    ] {
        let project = project(&[("base.yaml", base), ("dev.yaml", &dev.replace("VALUE", CANARY))]);
        if expected == "left" {
            let run = fix(&project);
            record(&run.stdout);
            continue;
        }
        let run = assert_mended(name, &project);
        assert_eq!(read(&project, "dev.yaml"), expected, "{name}");
        assert_eq!(read(&project, "base.yaml"), base, "{name}");
        record(&run.stdout);
    }
}

#[test]
fn a_key_stays_where_it_is_defined() {
    for (name, base, expected) in [
        ("plain", "data:\n  S_TOKEN: VALUE # c\n  A: 1\n", "data:\n  S_TOKEN: { sensitive: true } # c\n  A: 1\n"),
        ("alone", "data: { S_TOKEN: VALUE }\n", "data: { S_TOKEN: { sensitive: true } }\n"),
        (
            "a block",
            "data:\n  S_TOKEN: | # c\n    VALUE\n    x\n\n  A: 1\n",
            "data:\n  S_TOKEN: { sensitive: true } # c\n\n  A: 1\n",
        ),
        (
            "the long form",
            "data:\n  S_TOKEN: { value: 'VALUE', description: x }\n",
            "data:\n  S_TOKEN: { sensitive: true, description: x }\n",
        ),
        (
            "declared",
            "data:\n  S: { sensitive: true, value: VALUE, minLength: 3 }\n",
            "data:\n  S: { sensitive: true, minLength: 3 }\n",
        ),
        (
            "on lines",
            "data:\n  S_TOKEN:\n    description: x\n    value: >-\n      VALUE\n    # c\n    minLength: 3\n",
            "data:\n  S_TOKEN:\n    description: x\n    sensitive: true\n    # c\n    minLength: 3\n",
        ),
        (
            "of another bundle",
            "bundles:\n  b:\n    data: { S_TOKEN: VALUE }\n",
            "bundles:\n  b:\n    data: { S_TOKEN: { sensitive: true } }\n",
        ),
        (
            "the app's own by its name",
            "bundles:\n  app:\n    data: { S_TOKEN: VALUE }\n",
            "bundles:\n  app:\n    data: { S_TOKEN: { sensitive: true } }\n",
        ),
    ] {
        let project = project(&[("base.yaml", &base.replace("VALUE", CANARY))]);
        assert_mended(name, &project);
        assert_eq!(read(&project, "base.yaml"), expected, "{name}");
    }
}

#[test]
fn a_key_is_declared_and_all_else_stays() {
    for (name, base, expected) in [
        ("plain", "S_TOKEN: changeme", "S_TOKEN: { value: changeme, sensitive: true }"),
        ("a comment behind", "S_TOKEN:  changeme   # c", "S_TOKEN:  { value: changeme, sensitive: true }   # c"),
        ("quotes", "S_TOKEN: \"change, me\" # c", "S_TOKEN: { value: \"change, me\", sensitive: true } # c"),
        ("a template", "S_TOKEN: '{{ env.name }}'", "S_TOKEN: { value: '{{ env.name }}', sensitive: true }"),
        ("a reference", "S_TOKEN: ${NAME}", "S_TOKEN:\n    sensitive: true\n    value: ${NAME}"),
        ("nothing", "S_TOKEN: ''", "S_TOKEN: { value: '', sensitive: true }"),
        (
            "a block",
            "S_TOKEN: | # c\n    {{ env.name }}\n\n      {{ app.name }}",
            "S_TOKEN:\n    sensitive: true\n    value: | # c\n      {{ env.name }}\n\n        {{ app.name }}",
        ),
        (
            "an indented block",
            "S_TOKEN: |2-\n      {{ env.name }}",
            "S_TOKEN:\n    sensitive: true\n    value: |2-\n        {{ env.name }}",
        ),
        (
            "on the next line",
            "S_TOKEN: # c\n    changeme # d",
            "S_TOKEN: # c\n    sensitive: true\n    value: changeme # d",
        ),
        (
            "over lines",
            "S_TOKEN: \"{{ env.name }}\n    x\"",
            "S_TOKEN:\n    sensitive: true\n    value: \"{{ env.name }}\n      x\"",
        ),
        ("a long form", "S_TOKEN: { value: changeme } # c", "S_TOKEN: { value: changeme, sensitive: true } # c"),
        (
            "a long form on lines",
            "S_TOKEN: # c\n    # d\n    value: changeme # e",
            "S_TOKEN: # c\n    # d\n    sensitive: true\n    value: changeme # e",
        ),
    ] {
        let page = |entry: &str| format!("# a\ndata:\n  A: 1 # b\n  {entry}\n  # z\n  Z: 1\n");
        let project = project(&[("base.yaml", &page(base))]);
        let run = assert_mended(name, &project);
        assert_eq!(read(&project, "base.yaml"), page(expected), "{name}");
        record(&run.stdout);
        assert!(!project.root().join("base.secrets.yaml").exists(), "{name}");
    }
    let project = project(&[("base.yaml", "{\"data\": {\"S_TOKEN\": \"changeme\"}}")]);
    assert_mended("JSON", &project);
    assert_eq!(read(&project, "base.yaml"), "{\"data\": {\"S_TOKEN\": { value: \"changeme\", sensitive: true }}}");
}

#[test]
fn what_cannot_be_mended_says_why_and_stays() {
    let base = "data: { S: { sensitive: true }, T: { sensitive: true }, A: { description: x } }\n";
    let other = project(&[("base.yaml", base), ("dev.yaml", "data: { S: other, A: '{{ data.S }}' }")]);
    fix(&other);
    let other = read(&other, "dev.secrets.yaml");
    let unencrypted = format!("creation_rules:\n- age: {RECIPIENT}\n  unencrypted_regex: ^S$\n");
    for (name, files) in [
        ("an alias", &[("dev.yaml", "data: { S: &a VALUE, T: *a }")][..]),
        ("an alias of what is plain", &[("dev.yaml", "data: { A: &a VALUE, S: *a }")]),
        ("a tag", &[("dev.yaml", "data: { S: !!str VALUE }")]),
        ("an anchor around it", &[("dev.yaml", "data: &d { S: VALUE }\nbundles: { b: { data: *d } }")]),
        ("another value", &[("dev.yaml", "data: { S: VALUE }"), ("dev.secrets.yaml", &other)]),
        ("no rule", &[("dev.yaml", "data: { S: VALUE }"), (".sops.yaml", "creation_rules: []")]),
        ("a rule that leaves it", &[("dev.yaml", "data: { S: VALUE, T: VALUE }"), (".sops.yaml", &unencrypted)]),
        ("twice", &[("dev.yaml", "data: { S: VALUE }\nbundles: { app: { data: { S: changeme } } }")]),
        ("a broken layer", &[("dev.yaml", "data: { S: VALUE }\nlabels: 1")]),
    ] {
        let project =
            project(&[("base.yaml", &format!("{base}bundles: {{ b: {{ data: {{ S: {{ sensitive: true }} }} }} }}"))]);
        let project =
            files.iter().fold(project, |project, (path, text)| project.file(path, text.replace("VALUE", CANARY)));
        let before = self::files(&project);
        let run = fix(&project);
        assert!(run.code == 1 || run.code == 2, "{name}: {}{}", run.stdout, run.stderr);
        record(&run.stdout);
        assert!(!run.stdout.contains("check --fix"), "{name}: {}", run.stdout);
        assert_eq!(self::files(&project), before, "{name}");
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("Canary"), "{name}: {}", run.stdout);
    }
}

#[test]
fn without_a_key_a_new_file_is_made_and_an_old_one_stays() {
    let base = "data: { S: { sensitive: true }, T: { value: '', sensitive: true } }";
    let project = project(&[("base.yaml", base), ("dev.yaml", &format!("data: {{ S: {CANARY} }}"))]);
    let run = project.run(&["check", "--fix", "--keyless"]);
    record(&run.stdout);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let project = project.file("dev.yaml", format!("data: {{ T: {CANARY} }}"));
    let before = files(&project);
    let run = project.run(&["check", "--fix", "--keyless", "--format", "json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.code, 1);
    assert_eq!((report["fixed"].as_array().map(Vec::len), findings(&run).len()), (Some(0), 1));
    assert!(text(&report["findings"][0]["unfixed"]).contains("`dev.secrets.yaml`"), "{report}");
    assert_eq!(files(&project), before);
    assert_mended("with the key", &project);
}

#[test]
fn files_that_should_be_encrypted_are() {
    let base = "data: { S: { sensitive: true }, T: { sensitive: true } }";
    let project = project(&[
        ("base.yaml", base),
        ("dev.yaml", &format!("data: {{ T: {CANARY} }}")),
        ("dev.secrets.yaml", &format!("data:\n  # why\n  S: '{CANARY}'\n")),
    ]);
    let run = assert_mended("a file", &project);
    record(&run.stdout);
}

#[test]
fn many_findings_are_mended_in_one_go_and_sops_reads_what_comes_of_it() {
    let base = format!(
        "data:\n  A_TOKEN: {CANARY}\n  B_TOKEN: changeme\n  C_TOKEN: 'c {CANARY}'\n  PIN_CODE: {{ value: 7391, type: integer, sensitive: true }}\nbundles:\n  b:\n    data:\n      D_TOKEN: |\n        d\n        {CANARY}\n"
    );
    let project = project(&[
        ("base.yaml", &base),
        ("dev.yaml", &format!("data: {{ A_TOKEN: dev{CANARY} }}")),
        ("prod.yaml", &format!("data: {{ A_TOKEN: prod{CANARY}, B_TOKEN: prod{CANARY} }}")),
    ]);
    let run = assert_mended("many", &project);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("fixed[")).count(), 7, "{}", run.stdout);
    assert_eq!(read(&project, "prod.yaml"), "data: {}");
    let decrypted = project.run_with_key(&["decrypt", "base.secrets.yaml"]).ok();
    assert!(decrypted.contains("PIN_CODE: 7391\n"), "the base says that it is a number: {decrypted}");
    if let Some(sops) = peer("sops") {
        let output = Command::new(sops)
            .args(["decrypt", "--output-type", "json", "base.secrets.yaml"])
            .current_dir(project.root())
            .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
            .output()
            .unwrap();
        let json: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(text(&json["bundles"]["b"]["data"]["D_TOKEN"]), format!("d\n{CANARY}\n"));
    }
}

#[test]
fn who_was_stopped_half_way_goes_on() {
    let base = "data: { S: { sensitive: true } }";
    let dev = format!("data: {{ S: {CANARY} }}");
    let project = project(&[("base.yaml", base), ("dev.yaml", &dev)]);
    fix(&project);
    let encrypted = read(&project, "dev.secrets.yaml");
    let project = project.file("dev.yaml", dev);
    assert_mended("again", &project);
    assert_eq!(read(&project, "dev.secrets.yaml"), encrypted, "it has the value");
}

#[test]
fn what_is_accepted_stays() {
    let base = format!(
        "data:\n  S_TOKEN: {CANARY}\nallow:\n- {{ rule: plaintext-secret, key: S_TOKEN, reason: of the mock server }}\n"
    );
    let project = project(&[("base.yaml", &base)]);
    assert_eq!((fix(&project).code, read(&project, "base.yaml")), (0, base));
    let known = self::project(&[("base.yaml", &format!("data: {{ S_TOKEN: {CANARY} }}"))]);
    known.run(&["check", "--write-baseline"]);
    let before = files(&known);
    assert_eq!((fix(&known).code, files(&known)), (0, before));
    assert_eq!(known.run(&["check", "--fix", "--write-baseline"]).code, 2, "one or the other");
}

#[test]
fn what_is_declared_plain_or_only_a_rule_of_a_team_knows_is_for_people() {
    let base = "data: { URL: { value: 'postgres://a:x9CanaryLq2@db', sensitive: false, reason: local } }";
    let project = project(&[("base.yaml", base)]);
    let before = files(&project);
    fix(&project);
    assert_eq!(files(&project), before);
}

#[test]
fn mixins_and_open_bundles_keep_the_keys_that_they_define() {
    let project = project(&[
        ("base.yaml", "names: hashed\nbundles: { o: { open: true, data: { X: 1 } } }\n"),
        ("m/a.yaml", &format!("data:\n  S_TOKEN: {CANARY}\n")),
        ("dev.yaml", &format!("extends: [m/a]\nbundles: {{ o: {{ data: {{ N_TOKEN: {CANARY} }} }} }}\n")),
    ]);
    let run = project.run_with_key(&["render", "dev"]);
    run.record();
    let run = fix(&project);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(read(&project, "m/a.yaml"), "data:\n  S_TOKEN: { sensitive: true }\n");
    assert_eq!(
        read(&project, "dev.yaml"),
        "extends: [m/a]\nbundles: { o: { data: { N_TOKEN: { sensitive: true } } } }\n"
    );
    let objects = project.run_with_key(&["render", "dev"]).ok();
    assert_eq!(objects.matches("kind: Secret").count(), 2, "{objects}");
}

#[test]
fn a_layer_that_apps_share_is_mended_for_all_of_them() {
    let project = project(&[
        ("septum.yaml", "apps: [apps/*]\nshared: shared"),
        ("shared/base.yaml", &format!("data: {{ S_TOKEN: {CANARY} }}")),
        ("apps/one/base.yaml", "data: { A: 1 }"),
        ("apps/one/dev.yaml", ""),
        ("apps/two/base.yaml", "data: { A: x }"),
        ("apps/two/dev.yaml", ""),
    ]);
    let before = project.run_with_key(&["render", "--all"]).ok();
    let run = fix(&project);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(project.run_with_key(&["render", "--all"]).ok(), before);
    assert_eq!(read(&project, "shared/base.yaml"), "data: { S_TOKEN: { sensitive: true } }");
    assert!(check(&project).iter().all(|finding| !finding.starts_with("plaintext")));
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_written() {
    use std::os::unix::fs::symlink;
    let base = "data: { S: { sensitive: true } }";
    let project = project(&[("base.yaml", base), ("dev.yaml", &format!("data: {{ S: {CANARY} }}"))]);
    let outside = project.root().with_file_name("outside.yaml");
    symlink(&outside, project.root().join("dev.secrets.yaml")).unwrap();
    let run = fix(&project);
    record(&run.stdout);
    assert!(!outside.exists());
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_written_leaves_all_as_it_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let base = "data: { S: { sensitive: true }, T_TOKEN: changeme }";
    let project = project(&[("base.yaml", base), ("dev.yaml", &format!("data: {{ S: {CANARY} }}"))]);
    let mode = |mode| fs::set_permissions(project.root(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    // root may write everywhere
    let is_denied = fs::write(project.root().join("probe"), "").is_err();
    let before = files(&project);
    let run = is_denied.then(|| fix(&project));
    mode(0o755);
    if let Some(run) = run {
        assert_eq!((run.code, files(&project)), (1, before));
        assert_eq!(run.stdout.matches("not fixed: ").count(), 2, "{}", run.stdout);
    }
}
