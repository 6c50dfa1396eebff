//! `vars.NAME` in `explain`, `get`, `set` and `unset`, and the rules of variables.

use serde_json::{Value as Json, json};

use crate::support::messages::{note_case, record};
use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "app: shop\nvars:\n  domain: shop.test\n  db: { host: localhost, user: u }\n  replicas: 1\n  open: {}\n  hosts: [a]\n\
    varRules:\n  db.password: { required: true, minLength: 8, description: For the database. }\n  replicas: { type: integer, minimum: 1 }\n\
    data:\n  HOST: \"{{ vars.domain }}\"\n  URL: \"postgres://{{ vars.db.user }}:{{ vars.db.password }}@{{ vars.db.host }}/x\"\n\
    \x20 LIST: \"{{ vars.hosts | join(',') }}{{ vars.open | tojson }}{{ vars.replicas }}\"\n";

fn site() -> Sandbox {
    let site = Sandbox::with_identities();
    site.write("environments/base.yaml", BASE);
    site.write("environments/dev.yaml", "vars: { db: { password: dummy-dev-only }, hosts+: [b] }\n");
    site.write("environments/prod.yaml", "vars: { domain: prod.test }\n");
    site.encrypted("environments/prod.secrets.yaml", format!("vars: {{ db: {{ password: {CANARY} }} }}\n"));
    site
}

#[test]
fn a_key_is_explained_in_all_environments_and_a_variable_with_its_readers() {
    let site = site();
    for arguments in [&["explain", "HOST"][..], &["explain", "vars.domain"], &["explain", "prod", "vars.db.password"]] {
        record(site.run(arguments).ok());
    }
    for arguments in [&["explain", "dev", "vars.hosts"][..], &["explain", "dev", "vars.db"]] {
        record(site.run(arguments).ok());
    }
    for arguments in [&["explain", "prod"][..], &["explain", "HSOT"], &["explain", "dev", "vars.dmain"]] {
        site.run(arguments).refused();
    }
}

#[test]
fn a_key_that_is_declared_plain_is_secret_where_its_encrypted_value_is_a_credential() {
    let site = Sandbox::with_identities();
    site.write("environments/base.yaml", "app: shop\ndata:\n  BACKEND: { value: none, sensitive: false, reason: x }\n");
    site.write("environments/dev.yaml", "");
    let url = ["postgres://app", ":", CANARY, "@db/app"].concat();
    site.encrypted("environments/dev.secrets.yaml", format!("data: {{ BACKEND: '{url}' }}\n"));
    let rendered = site.run(&["render", "dev"]).ok();
    assert!(rendered.contains("kind: Secret") && !rendered.contains("kind: ConfigMap"), "{rendered}");
}

#[test]
fn an_explained_variable_has_the_documented_shape() {
    let site = site();
    let found = site.run(&["explain", "prod", "vars.domain", "--format", "json"]).json();
    let expected = json!({
        "app": "shop", "key": "vars.domain", "sensitive": false, "reasons": [],
        "environments": { "prod": { "state": "set", "source": "environments/prod.yaml:1:17" } },
        "history": [
            { "source": "environments/base.yaml:3:11", "layer": "base", "change": "value", "value": "shop.test" },
            { "source": "environments/prod.yaml:1:17", "layer": "prod", "change": "value", "value": "prod.test" },
        ],
        "consumers": ["data.HOST"],
        "value": "prod.test",
    });
    assert_eq!(found, expected);
    let all = site.run(&["explain", "vars.db.password", "--format", "json"]).json();
    let environments: Vec<_> = all.as_array().unwrap().iter().map(|found| found["environments"].clone()).collect();
    assert_eq!(environments.len(), 2);
    assert!(all.as_array().unwrap().iter().all(|found| found["sensitive"] == true && found.get("value").is_none()));
    assert_eq!(all[0]["description"], "For the database.");
}

#[test]
fn a_variable_is_set_printed_and_removed_encrypted() {
    let site = site();
    assert_eq!(site.run(&["get", "prod", "vars.db.password"]).ok(), CANARY);
    assert_eq!(site.run(&["get", "dev", "vars.domain"]).ok(), "shop.test");
    site.give("correct-horse", &["set", "prod", "vars.db.password"]).record();
    assert_eq!(site.run(&["get", "prod", "vars.db.password"]).ok(), "correct-horse");
    let url = site.run(&["get", "prod", "URL"]).ok();
    assert_eq!(url, "postgres://u:correct-horse@localhost/x");
    assert!(!site.read("environments/prod.secrets.yaml").contains("correct-horse"));
    // a number stays one, below a mapping that is not in the file yet
    site.give("3", &["set", "dev", "vars.replicas"]).succeeds();
    assert!(site.read("environments/dev.secrets.yaml").contains("type:int"));
    site.give("anything", &["set", "dev", "vars.open.new"]).succeeds();
    assert_eq!(site.run(&["get", "dev", "vars.open.new"]).ok(), "anything");
    site.run(&["unset", "dev", "vars.open.new"]).succeeds();
    site.run(&["get", "dev", "vars.open.new"]).refused();
    site.run(&["unset", "dev", "vars.domain"]).refused();
}

#[test]
fn what_is_not_a_single_defined_variable_is_not_set() {
    let site = site();
    let before = site.all();
    for key in ["vars.dmain", "vars.db", "vars.hosts", "vars.db.hots", "vars."] {
        note_case(key);
        site.give("x", &["set", "prod", key]).refused();
    }
    site.give("short", &["set", "prod", "vars.db.password"]).refused();
    site.give("{{ vars.domain }}", &["set", "prod", "vars.db.password"]).refused();
    assert_eq!(before, site.all());
}

#[test]
fn rules_of_variables_hold_in_every_environment() {
    let rules = "app: app\nvars: { a: 1, t: \"{{ vars.a }}x\", open: {} }\n\
        varRules: { a: { type: integer, maximum: 9 }, need: { required: true, enum: [x, y] }, t: { pattern: \"^[0-9]+x$\" } }\n\
        data: { K: \"{{ vars.a }}{{ vars.t }}{{ vars.need | default('') }}\" }\n";
    for (dev, code) in [
        ("vars: { need: x }\n", 0),
        ("{}\n", 2),
        ("vars: { need: z }\n", 2),
        ("vars: { need: x, a: many }\n", 2),
        ("vars: { need: x, a: 10 }\n", 2),
        ("vars: { need: x, t: z }\n", 2),
        ("vars: { need: { deep: 1 } }\n", 2),
        ("vars: { need: ~ }\n", 2),
        ("varRules: { nothing: { required: true } }\nvars: { need: x }\n", 2),
        ("varRules: { a: { maximum: 99 } }\nvars: { need: x, a: 10 }\n", 0),
        ("varRules: { a: { sensitive: true } }\nvars: { need: x }\n", 2),
        ("varRules: { a: 3 }\nvars: { need: x }\n", 2),
        ("varRules: { a: { requird: true } }\nvars: { need: x }\n", 2),
    ] {
        let project = Sandbox::of(rules, dev);
        note_case(dev);
        let run = project.run(&["render", "dev"]);
        if code == 0 {
            run.ok();
            project.run(&["check"]).succeeds();
        } else {
            run.fails(code);
            assert_eq!(project.run(&["check", "--format", "json"]).code, 1, "{dev}");
        }
    }
}

#[test]
fn an_explanation_that_differs_by_the_name_of_the_object_alone_is_shown_once() {
    let base = "app: shop\nnames: hashed\ndata: { A: same, B: x }\n";
    let site = Sandbox::new([
        ("base.yaml", base),
        ("dev.yaml", "data: { B: 1 }\n"),
        ("prod.yaml", "data: { B: 2 }\n"),
        ("staging.yaml", "data: { B: 1 }\n"),
    ]);
    let text = site.run(&["explain", "A"]).ok();
    assert_eq!(text.matches("history").count(), 1, "{text}");
    record(text);
}

#[test]
fn without_a_key_the_object_of_a_plain_encrypted_value_is_not_certain() {
    let site = Sandbox::with_identities();
    let base = "app: shop\ndata:\n  A: { sensitive: false, reason: it is public }\n  B: '{{ data.A }}'\n  C: { value: x, sensitive: false }\n  \
                D: { sensitive: false, reason: r }\nallow: [{ rule: plaintext-secret, key: D, reason: r }]\n";
    site.write("environments/base.yaml", base);
    site.write("environments/dev.yaml", "");
    let values = format!("data: {{ A: {CANARY}, D: {CANARY} }}\n");
    site.encrypted("environments/dev.secrets.yaml", values);
    let first = |key: &str| {
        let printed = site.run_without_key(&["explain", "dev", key]).ok();
        printed.lines().next().unwrap_or_default().to_owned()
    };
    for key in ["A", "B"] {
        assert_eq!(first(key), format!("{key} in dev → ConfigMap `shop`, or a Secret if the value is a credential"));
    }
    for key in ["C", "D"] {
        assert_eq!(first(key), format!("{key} in dev → ConfigMap `shop`"));
    }
    let kinds: Vec<String> = site.run_without_key(&["list"]).ok().lines().skip(1).map(str::to_owned).collect();
    let kinds: Vec<_> = kinds.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(kinds, ["ConfigMap?", "ConfigMap?", "ConfigMap", "ConfigMap"]);
    let row = site.run_without_key(&["explain", "dev", "A", "--format", "json"]).json();
    assert_eq!((&row["sensitive"], &row["undecided"]), (&false.into(), &true.into()));
    // pages say so, too, and are the same with a key: they are written without one
    for format in ["markdown", "html", "env-example"] {
        let page = site.run_without_key(&["docs", "--format", format]).ok();
        assert_eq!(site.run(&["docs", "--format", format]).ok(), page);
        let lines = page
            .lines()
            .filter(|line| ["`A`", ">A<", "`D`", ">D<", "#", "A=", "D="].iter().any(|part| line.contains(part)));
        record(lines.fold(String::new(), |text, line| format!("{text}{line}\n")));
    }
    let data = |page: String| -> Json {
        let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("data");
        serde_json::from_str(rest.split_once("</script>").expect("its end").0).expect("JSON")
    };
    let found = data(site.run_without_key(&["report"]).ok());
    let flags: Vec<_> = found["groups"][0][1].as_array().expect("keys").iter().map(|key| key[1].clone()).collect();
    assert_eq!(flags, [4, 4, 0, 0]);
    assert_eq!(data(site.run(&["report"]).ok()), found);
    let schema: Json = serde_json::from_str(&site.run(&["schema"]).ok()).expect("JSON");
    let described = |key: &str| schema["properties"]["data"]["properties"][key]["markdownDescription"].clone();
    assert_ne!(described("A"), described("D"));
    record(format!("{}\n{}\n", described("A"), described("D")));
}
