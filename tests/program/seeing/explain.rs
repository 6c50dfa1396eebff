//! `septum explain`: keys that an environment does not have, and other forms of the names of keys.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;

/// A project with keys of a mixin, which one environment extends.
fn with_mixin() -> Sandbox {
    Sandbox::read_only()
        .file("base.yaml", "app: shop\ndata: { A: x }\nbundles: { b: { data: { B: { sensitive: true } } } }\n")
        .file("regions/eu.yaml", "data: { REGION: eu }\nvars: { zone: eu-1 }\n")
        .file("prod.yaml", "extends: regions/eu\n")
        .file("dev.yaml", "")
}

#[test]
fn a_key_that_only_others_have_is_not_called_unknown() {
    for key in ["REGION", "vars.zone"] {
        with_mixin().run(&["explain", "dev", key]).refused();
        with_mixin().run(&["explain", "prod", key]).ok();
    }
}

#[test]
fn a_key_may_be_copied_from_a_message() {
    for label in ["data.A", "bundles.b.B", "b/B"] {
        for command in ["explain", "get", "set"] {
            with_mixin().run(&[command, "prod", label]).refused();
        }
    }
}
