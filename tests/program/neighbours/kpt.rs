//! Callers that keep objects in files, as kpt does: what earlier runs generated is among the items of the next.

use serde_json::Value as Json;

use super::{documents, project, with_names};
use crate::support::sandbox::Sandbox;

const CONFIG: &str =
    "functionConfig: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {environment: prod}}\n";

/// The text of an answer to these items.
fn generate(site: &Sandbox, items: &str) -> String {
    let run = site.give(format!("kind: ResourceList\n{items}{CONFIG}"), &["krm"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{items}");
    run.stdout
}

/// The items of an answer as the items of the next call.
fn items_of(answer: &str) -> String {
    answer[answer.find("items:").unwrap()..].to_owned()
}

/// `KIND/NAME PATH INDEX` of each item, sorted.
fn places(answer: &str) -> Vec<String> {
    let [list] = <[Json; 1]>::try_from(documents(answer)).unwrap();
    let mut found: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let annotations = &item["metadata"]["annotations"];
            let text = |name: &str| {
                annotations[format!("internal.config.kubernetes.io/{name}")].as_str().unwrap_or("-").to_owned()
            };
            let name = item["metadata"]["name"].as_str().unwrap();
            format!("{}/{name} {} {}", item["kind"].as_str().unwrap(), text("path"), text("index"))
        })
        .collect();
    found.sort();
    found
}

const FIRST: [&str; 3] = [
    "ConfigMap/features configmap-features.yaml 0",
    "ConfigMap/shop configmap-shop.yaml 0",
    "Secret/shop secret-shop.yaml 0",
];

/// The base layer without its second bundle.
fn remove_features(site: &Sandbox, names: &str) {
    site.write(
        "environments/base.yaml",
        format!(
            "app: shop\nnames: {names}\ndata:\n  LEVEL: info\n  PORT: {{ value: 8080, type: integer, minimum: 1 }}\n  \
             PASSWORD: {{ sensitive: true }}\n"
        ),
    );
}

#[test]
fn the_configuration_is_an_object_like_others() {
    let site = project();
    let config = "items:\n- apiVersion: v1\n  kind: ConfigMap # kept\n  metadata:\n    name: c\n    annotations:\n      config.kubernetes.io/local-config: 'true'\n      internal.config.kubernetes.io/path: fn.yaml\n";
    let answer = generate(&site, config);
    assert!(answer.contains(config), "{answer}");
    let mut expected = FIRST.map(str::to_owned).to_vec();
    expected.insert(0, "ConfigMap/c fn.yaml -".to_owned());
    assert_eq!(places(&answer), expected);
}

#[test]
fn an_object_with_a_new_hash_replaces_the_old_one() {
    for names in ["hashed", "kustomize"] {
        let site = with_names(names);
        let first = generate(&site, "items: []\n");
        site.write("environments/prod.yaml", "data: { LEVEL: error }\n");
        let again = generate(&site, &items_of(&first).replace("configmap-shop", "moved/shop"));
        let (first, again) = (places(&first), places(&again));
        assert_eq!((first.len(), again.len()), (3, 3), "{names}: {again:?}");
        assert_eq!((&first[0], &first[2]), (&again[0], &again[2]));
        assert!(first[1] != again[1] && again[1].contains(" moved/shop"), "{again:?}");
    }
}

#[test]
fn what_is_no_longer_generated_is_taken_out() {
    let site = project();
    let first = generate(&site, "items: []\n");
    assert_eq!(places(&first), FIRST);
    let foreign = "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: other, labels: {app.kubernetes.io/name: shop}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: apart, labels: {app.kubernetes.io/managed-by: septum, app.kubernetes.io/name: web}}\n";
    remove_features(&site, "plain");
    let again = generate(&site, &(items_of(&first) + foreign));
    assert_eq!(places(&again), ["ConfigMap/apart - -", "ConfigMap/other - -", FIRST[1], FIRST[2]]);
}

#[test]
fn objects_of_another_environment_stay() {
    for names in ["plain", "hashed"] {
        let site = with_names(names);
        site.write("environments/dev.yaml", "prefix: dev-\n");
        let input = format!("kind: ResourceList\n{CONFIG}").replace("environment: prod", "environment: dev");
        let dev = site.give(input, &["krm"]).ok();
        let both = generate(&site, &items_of(&dev));
        assert_eq!(places(&both).len(), places(&dev).len() + 3, "{both}");
        // nor do the two take each other's
        assert_eq!(places(&generate(&site, &items_of(&both))), places(&both));
    }
}

#[test]
fn the_place_of_another_object_is_not_taken() {
    let other = "items:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: s\n    annotations: {internal.config.kubernetes.io/path: configmap-shop.yaml, internal.config.kubernetes.io/index: '1'}\n";
    let answer = generate(&project(), other);
    assert!(places(&answer).contains(&"ConfigMap/shop configmap-shop.yaml 2".to_owned()), "{answer}");
    let former = other.replace("internal.config.kubernetes.io", "config.kubernetes.io").replace("'1'", "'0'");
    let answer = generate(&project(), &former);
    assert!(places(&answer).contains(&"ConfigMap/shop configmap-shop.yaml 1".to_owned()), "{answer}");
}

#[test]
fn an_object_in_another_namespace_is_not_replaced_unnoticed() {
    let site = project();
    let object = |namespace: &str, manager: &str| {
        format!(
            "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: shop, namespace: {namespace}, labels: {{app.kubernetes.io/managed-by: {manager}}}}}\n"
        )
    };
    let call = |items: String| site.give(format!("kind: ResourceList\nitems:\n{items}{CONFIG}"), &["krm"]);
    let one = call(object("staging", "septum"));
    one.record();
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(one.stderr.starts_with("warning: ") && one.stdout.contains("namespace: staging"), "{}", one.stdout);
    let two = call(object("staging", "septum") + &object("test", "septum"));
    two.record();
    assert_eq!(two.code, 2, "{}", two.stderr);
    let foreign = call(object("staging", "septum") + &object("test", "other"));
    assert_eq!(foreign.code, 2, "{}", foreign.stderr);
    // with a namespace, the others are other objects
    site.write("environments/prod.yaml", "namespace: prod\ndata: { LEVEL: warn }\n");
    let apart = call(object("staging", "septum") + &object("test", "other"));
    assert_eq!((apart.code, apart.stderr.as_str()), (0, ""));
    assert_eq!(places(&apart.stdout).len(), 5, "{}", apart.stdout);
}

#[test]
fn objects_in_a_list_are_replaced_too() {
    let site = project();
    let first = generate(&site, "items: []\n");
    let members = items_of(&first).replace('\n', "\n  ");
    let list = format!("items:\n- apiVersion: v1\n  kind: List\n  {}\n", members.trim_end());
    assert_eq!(places(&generate(&site, &list)), FIRST);
}
