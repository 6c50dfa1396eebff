//! Variables are as strict as entries.

use super::rules;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: app\nvars:\n  domain: example.com\n  server: { port: 80, tls: { min: \"1.2\" } }\n  flags: {}\n  later: ~\n  hosts: [a]\ndata:\n  URL: \"{{ vars.domain }}:{{ [vars.flags, vars.later, vars.hosts, vars.server] | tojson }}\"\n";

/// What an environment says of variables, and what is said of that: the name in the message, and the hint.
const LAYERS: &[(&str, Option<&str>)] = &[
    ("vars: { domain: shop.example.com }", None),
    ("vars: { server: { port: 81 } }", None),
    ("vars: { server: { tls: { min: \"1.3\" } } }", None),
    ("vars: { server: 5 }", None),
    ("vars: { domain: ~ }", None),
    ("vars: { flags: { anything: { goes: true } } }", None),
    ("vars: { later: { a: 1 } }", None),
    ("vars: { hosts+: [b] }", None),
    ("vars: { +hosts: [b] }", None),
    ("vars: { domian: shop.example.com }", Some("vars.domian")),
    ("vars: { Domain: shop.example.com }", Some("vars.Domain")),
    ("vars: { server: { prot: 81 } }", Some("vars.server.prot")),
    ("vars: { server: { tls: { mni: \"1.3\" } } }", Some("vars.server.tls.mni")),
    ("vars: { other: 1 }", Some("vars.other")),
    ("vars: { hsots+: [b] }", Some("vars.hsots")),
    ("vars: { domian: ~ }", Some("vars.domian")),
    ("vars: { flag: { a: 1 } }", Some("vars.flag")),
];

#[test]
fn an_environment_sets_variables_that_are_defined_and_no_others() {
    for (dev, expected) in LAYERS {
        let project = Sandbox::of(BASE, &format!("{dev}\n"));
        let (render, check) = (project.run(&["render", "dev"]), project.run(&["check", "--format", "json"]));
        let found = rules(&check);
        match expected {
            None if *dev == "vars: { domain: ~ }" => assert!(!render.stderr.contains("unknown-key"), "{dev}"),
            None => drop(render.ok()),
            Some(name) => {
                let message = render.refused();
                assert!(message.contains(&format!("`{name}`")), "{dev}: {message}");
                assert!(message.contains("dev.yaml:1:"), "{dev}: {message}");
                assert_eq!(check.code, 1, "{dev}: {}", check.stdout);
                assert_eq!(found, [("error".to_owned(), "unknown-key".to_owned())], "{dev}");
            }
        }
    }
}

#[test]
fn a_mixin_defines_variables_and_shared_layers_do_not_for_environments() {
    let project = Sandbox::new([
        ("base.yaml", "app: app\ndata:\n  A: x\n"),
        (
            "regions/eu.yaml",
            "vars: { region: eu, flags: {} }\ndata:\n  R: \"{{ vars.region }}{{ vars.flags | tojson }}\"\n",
        ),
        ("staging.yaml", "extends: [regions/eu]\nvars: { flags: { a: 1 } }\n"),
        ("prod.yaml", "extends: [staging]\nvars: { region: eu-1, flags: { b: 1 } }\n"),
    ]);
    project.run(&["render", "--all"]).ok();
    let project = Sandbox::new([
        ("base.yaml", "app: app\nvars: {}\ndata:\n  A: x\n"),
        ("regions/eu.yaml", "vars: { region: eu }\ndata:\n  R: \"{{ vars.region }}\"\n"),
        ("dev.yaml", "extends: [regions/eu]\nvars: { region: eu-1 }\n"),
    ]);
    project.run(&["render", "--all"]).ok();
    let project = Sandbox::of("app: app\ndata:\n  A: x\n", "vars: { region: eu }\n");
    project.run(&["render", "dev"]).refused();
}

#[test]
fn an_encrypted_layer_is_as_strict_without_a_key() {
    let project =
        Sandbox::of("app: app\nvars: { brokre: { password: x } }\ndata:\n  A: \"{{ vars.brokre.password }}\"\n", "")
            .file("dev.secrets.yaml", crate::support::samples::ENCRYPTED_VARS);
    for run in [project.run(&["check", "--format", "json"]), project.run_with_key(&["check", "--format", "json"])] {
        assert!(rules(&run).contains(&("error".to_owned(), "unknown-key".to_owned())), "{}", run.stdout);
    }
}
