//! Rules about the life of a value: `expires`, `rotateEvery`, `owner`, `rotation`, `renamedFrom`, `promote`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

const BASE: &str = "app: shop
data:
  TOKEN: { sensitive: true, value: dummy-dummy, expires: 2027-03-01, promote: never }
  PLAIN: { value: a, promote: always, renamedFrom: OLD_PLAIN }
bundles:
  payments:
    owner: team-payments
    rotateEvery: 12w
    rotation: https://wiki.example.com/stripe
    expires: 2028-01-01
    data:
      STRIPE_KEY: { sensitive: true, value: dummy-dummy }
      HOOK: { sensitive: true, value: dummy-dummy, owner: team-hooks, rotateEvery: 1d }
";

const RULES: [&str; 6] = ["expires", "rotateEvery", "owner", "rotation", "renamedFrom", "promote"];

/// The lifecycle rules that `explain` shows of a key.
fn rules(project: &Sandbox, environment: &str, key: &str) -> Json {
    let mut found = project.run(&["explain", environment, key, "--format", "json"]).json();
    let fields = found.as_object_mut().unwrap();
    fields.retain(|name, _| RULES.contains(&name.as_str()));
    found
}

#[test]
fn an_entry_has_its_own_rules_and_those_of_its_bundle() {
    let project = Sandbox::of(BASE, "");
    let payments = json!({ "expires": "2028-01-01", "rotateEvery": "84d", "owner": "team-payments",
        "rotation": "https://wiki.example.com/stripe" });
    assert_eq!(rules(&project, "dev", "STRIPE_KEY"), payments);
    let hook = json!({ "expires": "2028-01-01", "rotateEvery": "1d", "owner": "team-hooks",
        "rotation": "https://wiki.example.com/stripe" });
    assert_eq!(rules(&project, "dev", "HOOK"), hook);
    assert_eq!(rules(&project, "dev", "TOKEN"), json!({ "expires": "2027-03-01", "promote": "never" }));
    assert_eq!(rules(&project, "dev", "PLAIN"), json!({ "promote": "always", "renamedFrom": "OLD_PLAIN" }));
    record(project.run(&["explain", "dev", "STRIPE_KEY"]).ok());
}

#[test]
fn a_layer_replaces_each_rule_by_itself_and_no_bundle_replaces_that_of_an_entry() {
    let dev = "data: { TOKEN: { expires: 2026-12-31 } }
bundles:
  payments:
    owner: team-dev
    rotateEvery: 2w
    data: { STRIPE_KEY: { rotation: ask Ann } }
";
    let project = Sandbox::of(BASE, dev).file("prod.yaml", "");
    assert_eq!(rules(&project, "dev", "TOKEN"), json!({ "expires": "2026-12-31", "promote": "never" }));
    assert_eq!(rules(&project, "prod", "TOKEN"), json!({ "expires": "2027-03-01", "promote": "never" }));
    let stripe = json!({ "expires": "2028-01-01", "rotateEvery": "14d", "owner": "team-dev", "rotation": "ask Ann" });
    assert_eq!(rules(&project, "dev", "STRIPE_KEY"), stripe);
    assert_eq!(rules(&project, "dev", "HOOK")["owner"], "team-hooks");
}

#[test]
fn rules_change_no_object() {
    let without: String = BASE
        .lines()
        .filter(|line| {
            !["owner:", "rotateEvery:", "rotation:", "expires:"]
                .iter()
                .any(|rule| line.contains(&format!("    {rule}")))
        })
        .map(|line| line.replace(", expires: 2027-03-01", "") + "\n")
        .collect();
    assert_ne!(without, BASE);
    assert_eq!(Sandbox::of(BASE, "").dev(), Sandbox::of(&without, "").dev());
}

#[test]
fn a_rule_that_cannot_be_read_is_refused_at_its_place() {
    for rule in [
        "expires: 2027-02-30",
        "expires: tomorrow",
        "expires: 31.12.2027",
        "expires: ~",
        "rotateEvery: 90",
        "rotateEvery: 3m",
        "rotateEvery: 0d",
        "owner: [a, b]",
        "promote: sometimes",
        "promote: Never",
        "renamedFrom: A",
        "expiry: 2027-01-01",
        "rotate: 90d",
        "renamed: B",
    ] {
        let run = Sandbox::of(&format!("data: {{ A: {{ value: x, {rule} }} }}\n"), "").run(&["render", "dev"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{rule}");
        assert!(run.stderr.contains("base.yaml:1:"), "{rule}: {}", run.stderr);
        run.record();
    }
    for rule in ["expires: soon", "rotateEvery: x", "owner: {}", "promote: always", "renamedFrom: B"] {
        let base = format!("bundles: {{ b: {{ {rule}, data: {{ A: x }} }} }}\n");
        Sandbox::of(&base, "").run(&["render", "dev"]).refused();
    }
}

#[test]
fn an_encrypted_rule_is_refused_where_it_is() {
    let project = Sandbox::with_identities()
        .file("base.yaml", "app: shop\ndata: { TOKEN: { sensitive: true } }\n")
        .file("dev.yaml", "");
    project.encrypted("dev.secrets.yaml", "data:\n  TOKEN: { value: hunter2-canary, expires: 2027-01-01 }\n");
    project.run(&["render", "dev"]).refused();
}

#[test]
fn a_finding_about_a_date_names_every_environment_that_it_holds_in() {
    let base = "app: a\ndata:\n  P: { sensitive: true, expires: 2027-01-10 }\n";
    let value = |text: &str| format!("data: {{ P: {text} }}\n");
    let (dev, prod) = (value("hunter2-canary-dev"), value("hunter2-canary-prod"));
    let project = Sandbox::new([("base.yaml", base), ("dev.yaml", &*dev), ("prod.yaml", &*prod)]);
    let run = project.run(&["check", "--at", "2027-02-01"]);
    assert_eq!(run.stdout.matches("expired-secret").count(), 1);
    record(&run.stdout);
}
