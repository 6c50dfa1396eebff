//! `septum list`: which keys and variables, of which environments, in which order.

use serde_json::json;

use crate::support::sandbox::{CANARY, Sandbox};

/// Environments whose alphabetical order is not the one of the stack: `alpha` extends `zeta`.
fn site() -> Sandbox {
    let base = format!(
        "app: shop\nvars:\n  domain: shop.test\n  db: {{ host: localhost, password: \"{CANARY}\" }}\n  hosts: [a, b]\n  open: {{}}\n\
         data:\n  HOST: \"{{{{ vars.domain }}}}\"\n  LEVEL: info\n  URL: \"postgres://u:{{{{ vars.db.password }}}}@{{{{ vars.db.host }}}}/x\"\n\
         \x20 API_TOKEN: {{ sensitive: true, required: true }}\n  GONE: x\n"
    );
    Sandbox::new([
        ("base.yaml", base.as_str()),
        ("zeta.yaml", "vars: { domain: zeta.test }\ndata: { LEVEL: debug }\n"),
        ("alpha.yaml", "extends: [zeta]\nvars: { hosts+: [c], db: { host: db } }\n"),
        ("prod.yaml", "vars: { domain: null }\ndata: { HOST: prod.test, GONE: null }\n"),
        ("dev.yaml", "data: { API_TOKEN: dummy-dev-only }\n"),
    ])
}

#[test]
fn environments_are_in_the_order_of_the_stack() {
    let heading = |arguments: &[&str]| {
        let text = site().run(arguments).ok();
        let first: Vec<_> = text.lines().next().unwrap().split_whitespace().map(str::to_owned).collect();
        first[1..].to_vec()
    };
    // `alpha` extends `zeta`; `dev` is of an early stage and `prod` of a late one
    assert_eq!(heading(&["list"]), ["dev", "zeta", "alpha", "prod"]);
    assert_eq!(heading(&["list", "prod", "alpha"]), ["prod", "alpha"], "named ones are in the order of the arguments");
}

#[test]
fn the_table_shows_variables_and_no_secret() {
    crate::support::messages::record(site().run(&["list"]).ok());
    crate::support::messages::record(site().run(&["list", "--values"]).ok());
    crate::support::messages::record(site().run(&["list", "--missing"]).ok());
}

#[test]
fn patterns_choose_keys_and_variables() {
    let keys = |arguments: &[&str]| -> Vec<String> {
        let all = [&["list", "--format", "json"], arguments].concat();
        let rows = site().run(&all).json();
        rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(&["--key", "LEVEL"]), ["LEVEL"]);
    assert_eq!(keys(&["--key", "vars.db.*", "--key", "H*"]), ["vars.db.host", "vars.db.password", "HOST"]);
    assert_eq!(keys(&["dev", "--key", "*O*", "--missing"]), [] as [&str; 0]);
    assert_eq!(keys(&["prod", "--key", "*_{TOKEN,KEY}", "--missing"]), ["API_TOKEN"]);
    for wrong in ["NOTHING*", "[", "{a"] {
        site().run(&["list", "--key", wrong]).refused();
    }
}

#[test]
fn values_of_plain_keys_are_also_in_json() {
    let rows = site().run(&["list", "dev", "prod", "--values", "--format", "json"]).json();
    let row = |key: &str| rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    let domain = row("vars.domain");
    assert_eq!((domain.get("bundle"), &domain["sensitive"]), (None, &json!(false)));
    let dev = json!({ "state": "inherited", "source": "base.yaml:3:11", "value": "shop.test" });
    assert_eq!(domain["environments"]["dev"], dev);
    assert_eq!(domain["environments"]["prod"], json!({ "state": "removed", "source": "prod.yaml:1:17" }));
    assert_eq!(row("vars.hosts")["environments"]["dev"]["value"], "[a, b]");
    let host = json!({ "dev": { "state": "inherited", "source": "base.yaml:8:9", "value": "shop.test" },
        "prod": { "state": "set", "source": "prod.yaml:2:15", "value": "prod.test" } });
    assert_eq!(row("HOST")["environments"], host);
    for key in ["vars.db.password", "URL", "API_TOKEN"] {
        let row = row(key);
        assert_eq!(row["sensitive"], true, "{key}");
        assert!(row["environments"].as_object().unwrap().values().all(|cell| cell.get("value").is_none()), "{key}");
    }
    let without = site().run(&["list", "dev", "--format", "json"]).ok();
    assert!(!without.contains("\"value\":"), "{without}");
}

#[test]
fn a_narrow_terminal_shows_a_list_and_colours_it() {
    let Some(python) = crate::support::terminal::driver() else { return };
    let site = site();
    let list = |colour: &str| {
        let command = format!("stty rows 20 cols 60; exec \"$SEPTUM\" list --color {colour}");
        crate::support::terminal::session(&python, &site.root(), &[("TERM", "xterm")], &command, &[]).shown
    };
    let plain = list("never");
    assert!(plain.lines().all(|line| line.chars().count() <= 60), "{plain}");
    let level = "  LEVEL  ConfigMap\n    dev, alpha, prod  inherited\n    zeta  debug\n";
    assert!(plain.contains(level), "{plain}");
    assert!(list("auto").contains('\u{1b}'));
    let piped = site.run(&["list", "--color", "auto"]).ok();
    assert!(!piped.contains('\u{1b}'), "a pipe has no colours");
    let coloured = site.run(&["list", "--color", "always"]).ok();
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mmissing"), "{coloured:?}");
}
