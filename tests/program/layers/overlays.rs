//! Other objects of an app across its layers: `manifests` of each add to those before.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::objects::text;
use crate::support::sandbox::Sandbox;
use serde_json::Value as Json;

const BASE: &str = "app: shop\ndata: { LOG_LEVEL: info }\nmanifests: [w/*.yaml]\n";

fn service(name: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n")
}

/// A base with the Service `a`, a mixin with `b`, and an environment with `c`.
fn project(dev: &str) -> Sandbox {
    Sandbox::of(BASE, dev)
        .file("m/more.yaml", "manifests: [more.d/*.yaml]\n")
        .file("w/a.yaml", service("a"))
        .file("m/more.d/b.yaml", service("b"))
        .file("x/c.yaml", service("c"))
}

/// The names of the Services.
fn services(project: &Sandbox) -> Vec<String> {
    let objects = project.dev().0;
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    services.map(|object: &Json| text(&object["metadata"]["name"]).to_owned()).collect()
}

#[test]
fn manifests_of_a_later_layer_add_to_those_before() {
    for (dev, expected) in [
        ("", "a"),
        ("manifests: [x/c.yaml]\n", "a c"),
        ("extends: m/more\nmanifests: [x/c.yaml]\n", "a b c"),
        ("extends: m/more\nmanifests: []\n", "a b"),
        // a file counts once, however often it is listed
        ("extends: m/more\nmanifests: [x/*.yaml, 'x/c.yaml', 'w/*.yaml']\n", "a b c"),
        ("extends: m/more\nmanifests: { replace: [x/c.yaml] }\n", "c"),
        ("extends: m/more\nmanifests: { replace: [] }\n", ""),
        ("extends: m/more\nmanifests: { replace: [x/c.yaml, { path: w/a.yaml, template: false }] }\n", "a c"),
    ] {
        assert_eq!(services(&project(dev)).join(" "), expected, "{dev}");
    }
}

#[test]
fn an_object_of_two_layers_is_refused_with_both_places() {
    let project = project("manifests: [x/*.yaml]\n").file("x/other.yaml", service("a"));
    let stderr = project.run(&["render", "dev"]).refused();
    assert!(stderr.contains("w/a.yaml:1:1") && stderr.contains("x/other.yaml:1:1"), "{stderr}");
    // the namespace of the app makes two objects one
    let namespaced = |namespace: &str| service("a").replace("{ name", &format!("{{ namespace: {namespace}, name"));
    let apart = self::project("manifests: [x/*.yaml]\n").file("x/other.yaml", namespaced("other"));
    assert_eq!(services(&apart), ["a", "c", "a"]);
    apart.file("base.yaml", format!("{BASE}namespace: one\n")).run(&["render", "dev"]).refused();
}

#[test]
fn manifests_that_are_not_a_list_are_refused() {
    for dev in [
        "manifests: x/c.yaml\n",
        "manifests: { add: [x/c.yaml] }\n",
        "manifests: { replace: x/c.yaml }\n",
        "manifests: { replace: [{ paht: x/c.yaml }] }\n",
    ] {
        project(dev).run(&["render", "dev"]).refused();
    }
}
