//! Checksums of the objects that a workload uses, in the annotations of its pod template.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::objects::{Objects, text};
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: shop
namespace: shop
delivery: { secrets: manifest }
data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
bundles:
  other: { data: { A: 1 } }
manifests: ['workloads/*.yaml']
";

fn workload(kind: &str, annotations: &str, env: &str) -> String {
    let meta = format!("metadata: {{ annotations: {{ {annotations} }} }}");
    let spec = format!("spec: {{ containers: [{{ name: web, image: i, envFrom: [{env}] }}] }}");
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{ name: web }}\nspec:\n  selector: {{}}\n  template:\n    {meta}\n    {spec}\n"
    )
}

const BOTH: &str = "{ configMapRef: { name: shop } }, { secretRef: { name: shop } }";
const ASKED: &str = "septum.dev/checksum: 'true'";

fn project(base: &str, workload: &str) -> Sandbox {
    Sandbox::new([
        ("base.yaml", base),
        ("prod.yaml", ""),
        ("prod.secrets.yaml", ENCRYPTED),
        ("workloads/web.yaml", workload),
    ])
}

fn annotations(objects: &Objects) -> BTreeMap<String, String> {
    let workload = objects.0.iter().find(|object| object["metadata"]["name"] == "web").unwrap();
    let found = &workload["spec"]["template"]["metadata"]["annotations"];
    let pairs = found.as_object().cloned().unwrap_or_default().into_iter();
    pairs.map(|(key, value)| (key, text(&value).to_owned())).collect()
}

fn prod(project: &Sandbox) -> Objects {
    project.run_with_key(&["render", "prod"]).objects()
}

#[test]
fn each_object_that_a_workload_uses_has_a_checksum() {
    let found = annotations(&prod(&project(BASE, &workload("Deployment", ASKED, BOTH))));
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["checksum.septum.dev/configmap-shop", "checksum.septum.dev/secret-shop"]
    );
    // the suffixes that hashed names have
    let hashed = prod(&project(&format!("names: hashed\n{BASE}"), &workload("Deployment", ASKED, BOTH)));
    let suffix = |kind: &str| {
        let is_it =
            |object: &&Json| object["kind"] == kind && object["metadata"]["labels"]["septum.dev/base-name"] == "shop";
        text(&hashed.0.iter().find(is_it).unwrap()["metadata"]["name"]).strip_prefix("shop-").unwrap().to_owned()
    };
    assert_eq!(found["checksum.septum.dev/configmap-shop"], suffix("ConfigMap"));
    assert_eq!(found["checksum.septum.dev/secret-shop"], suffix("Secret"));
    assert!(annotations(&hashed).is_empty(), "a name with a hash changes by itself");
    // nothing is added that was not requested
    for annotations_of in ["", "septum.dev/checksum: 'false'"] {
        assert!(annotations(&prod(&project(BASE, &workload("Deployment", annotations_of, BOTH)))).is_empty());
    }
}

#[test]
fn a_change_of_a_used_object_changes_its_checksum_alone() {
    let before = project(BASE, &workload("Deployment", &format!("{ASKED}, own: kept"), BOTH));
    let first = annotations(&prod(&before));
    assert_eq!(first["own"], "kept");
    let second = annotations(&prod(&before.edited("base.yaml", "LOG_LEVEL: info", "LOG_LEVEL: debug")));
    assert_ne!(first["checksum.septum.dev/configmap-shop"], second["checksum.septum.dev/configmap-shop"]);
    assert_eq!(first["checksum.septum.dev/secret-shop"], second["checksum.septum.dev/secret-shop"]);
    let other = project(BASE, &workload("Deployment", ASKED, BOTH)).edited("base.yaml", "A: 1", "A: 2");
    let unused = annotations(&prod(&other));
    assert_eq!(unused["checksum.septum.dev/configmap-shop"], first["checksum.septum.dev/configmap-shop"]);
}

#[test]
fn wired_bundles_prefixed_names_and_manifests_have_checksums() {
    let wired = format!("{ASKED}, septum.dev/env-from: 'shop, other'");
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: own }\ndata: { B: '1' }\n";
    let long = "l".repeat(200);
    let base =
        format!("prefix: team-\n{BASE}").replace("  other:", &format!("  {long}: {{ data: {{ L: 1 }} }}\n  other:"));
    let references = format!("{{ configMapRef: {{ name: own }} }}, {{ configMapRef: {{ name: {long} }} }}");
    let found = prod(&project(&base, &workload("StatefulSet", &wired, &references)).file("workloads/own.yaml", own));
    let workload = found.0.iter().find(|object| object["kind"] == "StatefulSet").unwrap();
    let annotations = workload["spec"]["template"]["metadata"]["annotations"].as_object().unwrap();
    let names: Vec<_> = annotations.keys().map(|key| key.strip_prefix("checksum.septum.dev/").unwrap()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
    for name in ["configmap-team-other", "configmap-team-own", "configmap-team-shop", "secret-team-shop"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[test]
fn a_directive_that_could_have_no_effect_is_refused() {
    let job = |kind: &str| workload(kind, ASKED, BOTH).replace("apps/v1", "batch/v1");
    for manifest in [
        job("Job"),
        workload("Deployment", "septum.dev/checksum: 'yes'", BOTH),
        workload("Deployment", "", BOTH)
            .replace("name: web }\nspec", &format!("name: web, annotations: {{ {ASKED} }} }}\nspec")),
    ] {
        project(BASE, &manifest).run_with_key(&["render", "prod"]).fails(2);
    }
}

#[test]
fn a_secret_has_no_checksum_that_could_be_guessed() {
    let base = "data: { PASSWORD: { value: changeme, sensitive: true } }\nmanifests: [w/web.yaml]\n";
    let env = "{ secretRef: { name: app } }";
    let manifest = workload("Deployment", ASKED, env);
    Sandbox::of(base, "").file("w/web.yaml", manifest).run(&["render", "dev"]).fails(2);
}

#[test]
fn without_a_key_the_workload_is_as_unknown_as_the_secret() {
    let recipient = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let base = BASE.replace("secrets: manifest", &format!("secrets: sops, recipients: [{recipient}]"));
    let project = project(&base, &workload("Deployment", ASKED, BOTH));
    project.run_with_key(&["render", "--all", "--out", "rendered"]).succeeds();
    let written = project.read("rendered/prod/shop/deployment-web.yaml");
    assert!(written.contains("checksum.septum.dev/secret-shop: "), "{written}");
    project.run_without_key(&["render", "--all", "--out", "rendered"]).succeeds();
    assert_eq!(project.read("rendered/prod/shop/deployment-web.yaml"), written);
    let check = project.run_without_key(&["render", "--all", "--out", "rendered", "--check", "--keyless"]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    // everything but the checksum of the Secret is compared
    let is_stale = || {
        let check = project.run_without_key(&["render", "--all", "--out", "rendered", "--check", "--keyless"]);
        check.code == 1 && check.stdout.contains("deployment-web.yaml")
    };
    let path = "rendered/prod/shop/deployment-web.yaml";
    for (line, is_found) in [("image: i", true), ("configmap-shop: ", true), ("secret-shop: ", false)] {
        let at = written.find(line).unwrap() + line.len();
        let mut changed = written.clone();
        let end = written[at..].find('\n').unwrap() + at;
        changed.replace_range(at..end, "g2h4k6m8t9");
        project.write(path, changed);
        assert_eq!(is_stale(), is_found, "{line}");
    }
    project.write(path, &written);
    // a new value takes a key
    project.replace("base.yaml", "LOG_LEVEL: info", "LOG_LEVEL: debug");
    assert_eq!(project.run_without_key(&["render", "--all", "--out", "rendered"]).code, 3);
    assert_eq!(project.read("rendered/prod/shop/deployment-web.yaml"), written);
    project.run_with_key(&["render", "--all", "--out", "rendered"]).succeeds();
    assert_ne!(project.read("rendered/prod/shop/deployment-web.yaml"), written);
    assert_eq!(json!(project.run_with_key(&["render", "--all", "--out", "rendered", "--check"]).code), json!(0));
}
