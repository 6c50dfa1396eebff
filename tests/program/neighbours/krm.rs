//! The protocol of KRM functions, without another program.

use serde_json::{Value as Json, json};

use super::{deployment, documents, project, with_names};
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// A ResourceList with these items and this configuration.
fn list(items: &str, spec: &str) -> String {
    let item = |item: &str| ["- ", &item.trim_end().replace('\n', "\n  "), "\n"].concat();
    let items: String = items.split("---\n").filter(|item| !item.is_empty()).map(item).collect();
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}functionConfig:\n  apiVersion: septum.dev/v1\n  \
         kind: Septum\n  metadata: {{ name: shop }}\n  spec: {{ {spec} }}\n"
    )
}

/// The only document on standard output.
#[track_caller]
fn answer(run: &Run) -> Json {
    let [list] = <[Json; 1]>::try_from(documents(&run.stdout)).expect("one document");
    assert_eq!(list["kind"], "ResourceList");
    list
}

/// The answer to a call that must succeed without a message.
#[track_caller]
fn answered(site: &Sandbox, input: &str) -> Json {
    let run = site.give(input, &["krm"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{input}");
    answer(&run)
}

/// Items as kustomize passes them: with annotations of its own, in two styles of quotes.
const OF_KUSTOMIZE: &str = "apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    annotations:
      internal.config.kubernetes.io/generatorBehavior: unspecified
      internal.config.kubernetes.io/needsHashSuffix: enabled
      kustomize.config.k8s.io/id: |
        kind: ConfigMap
        name: other
        version: v1
      config.kubernetes.io/index: '0'
      internal.config.kubernetes.io/annotations-migration-resource-id: '0'
    name: other
  data: # kept
    A: \"1\"
    B: |+
      lines

- apiVersion: v1
  kind: Service
  metadata: {name: web, annotations: {kustomize.config.k8s.io/id: \"x\"}}
";

#[test]
fn items_that_are_not_changed_keep_their_bytes() {
    let site = project();
    let config =
        "functionConfig:\n  apiVersion: septum.dev/v1\n  kind: Septum\n  spec: {environment: prod, mode: wire}\n";
    let input = format!("{OF_KUSTOMIZE}{config}");
    assert_eq!(site.give(&input, &["krm"]).ok(), OF_KUSTOMIZE);
    // also of Windows, where the lines of the list itself are not its own
    let windows = site.give(input.replace('\n', "\r\n"), &["krm"]).ok();
    assert_eq!(windows.replace("\r\n", "\n"), OF_KUSTOMIZE);
    assert!(windows.contains("  data: # kept\r\n"));
    // and after an item that is changed
    let changed = format!(
        "{OF_KUSTOMIZE}- apiVersion: v1\n  kind: Pod\n  metadata: {{name: p, annotations: {{septum.dev/env-from: shop}}}}\n  spec: {{containers: [{{name: a}}]}}\n{config}"
    );
    let changed = site.give(&changed, &["krm"]).ok();
    assert!(changed.starts_with(OF_KUSTOMIZE) && changed.contains("secretRef"), "{changed}");
}

#[test]
fn the_objects_of_an_environment_are_added() {
    let site = project();
    let list = answered(&site, &list(&deployment(""), "environment: prod"));
    let names: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{}/{}", item["kind"].as_str().unwrap(), item["metadata"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(names, ["Deployment/web", "ConfigMap/features", "ConfigMap/shop", "Secret/shop"]);
    assert_eq!(list["items"][2]["data"], json!({ "LEVEL": "warn", "PORT": "8080" }));
    assert!(list["results"].is_null());
}

#[test]
fn a_program_that_keeps_files_is_told_their_names_and_gets_new_versions() {
    let site = project();
    let first = site.give(list(&deployment(""), "environment: prod"), &["krm"]).ok();
    let paths = |list: &Json| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .filter_map(|item| {
                Some(item["metadata"]["annotations"]["internal.config.kubernetes.io/path"].as_str()?.to_owned())
            })
            .collect()
    };
    assert_eq!(paths(&documents(&first)[0]), ["configmap-features.yaml", "configmap-shop.yaml", "secret-shop.yaml"]);
    // the next time its own objects are among the items
    site.write("environments/prod.yaml", "data: { LEVEL: error }\n");
    let again = first.replace("configmap-shop.yaml", "moved/shop.yaml")
        + "functionConfig: {apiVersion: v1, kind: ConfigMap, data: {environment: prod}}\n";
    let again = answered(&site, &again);
    assert_eq!(paths(&again), ["configmap-features.yaml", "moved/shop.yaml", "secret-shop.yaml"]);
    assert_eq!(again["items"].as_array().unwrap().len(), 4);
    assert_eq!(again["items"][2]["data"]["LEVEL"], "error");
}

#[test]
fn json_is_answered_in_json_and_lists_are_wired_in_place() {
    let site = project();
    let input = r#"{"apiVersion": "config.kubernetes.io/v1beta1", "kind": "ResourceList", "functionConfig": {"apiVersion": "v1",
        "kind": "ConfigMap", "data": {"environment": "prod", "mode": "wire"}}, "items": [{"apiVersion": "v1", "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}, {"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "b", "annotations": {"septum.dev/env-from": "features"}}, "spec": {"containers": [{"name": "c"}]}}]}]}"#;
    let run = site.give(input, &["krm"]);
    let list: Json = serde_json::from_str(&run.ok()).unwrap();
    assert_eq!(list["apiVersion"], "config.kubernetes.io/v1beta1");
    assert_eq!((&list["items"][0]["kind"], list["items"].as_array().unwrap().len()), (&"List".into(), 1));
    assert_eq!(
        list["items"][0]["items"][1]["spec"]["containers"][0]["envFrom"],
        json!([{ "configMapRef": { "name": "features" } }])
    );
}

/// Texts of items that come back byte for byte.
#[test]
fn lists_and_odd_line_breaks_lose_nothing() {
    let site = project();
    let config = "functionConfig: {apiVersion: septum.dev/v1, kind: Septum, spec: {environment: prod, mode: wire}}\n";
    let head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n";
    for item in [
        "- apiVersion: x.example.com/v1\n  kind: IPAllowList\n  metadata: {name: mine}\n  items: []\n",
        "- apiVersion: x.example.com/v1\n  kind: PodList\n  items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}] # c\n",
        "- apiVersion: v1\n  kind: List # c\n  metadata: {annotations: {internal.config.kubernetes.io/path: l.yaml}}\n  items:\n  - {apiVersion: v1, kind: Service, metadata: {name: a}}\n",
        "- apiVersion: v1\n  kind: ConfigMapList\n  items: []\n",
    ] {
        assert_eq!(site.give(format!("{head}{item}{config}"), &["krm"]).ok(), format!("{head}{item}"));
    }
    // to YAML, a carriage return alone is a line break too
    for (breaks, kinds) in [
        ("kind: ResourceList\ritems:\r- kind: A\r  a: 1\r- kind: B\r", vec!["A", "B"]),
        ("kind: ResourceList\nitems:\n- kind: A\n  a: 1\r- kind: B\n  b: 2\n- kind: C\n", vec!["A", "B", "C"]),
        ("kind: ResourceList\nitems:\n- kind: A\n  a: 1\n- kind: C\r", vec!["A", "C"]),
    ] {
        let list = answered(&site, &format!("{breaks}{config}"));
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.iter().map(|item| item["kind"].as_str().unwrap()).collect::<Vec<_>>(), kinds, "{breaks:?}");
        assert_eq!((&items[0]["kind"], &list["functionConfig"]), (&"A".into(), &Json::Null));
    }
}

#[test]
fn an_app_that_is_named_twice_has_its_objects_once() {
    let site = project();
    let twice = answered(&site, &list("", "environment: prod, apps: [shop, shop]"));
    assert_eq!(twice["items"].as_array().unwrap().len(), 3);
}

#[test]
fn a_second_hash_is_refused_whether_objects_are_immutable_or_not() {
    // as kustomize calls a generator
    let generator = "{apiVersion: septum.dev/v1, kind: Septum, metadata: {name: shop, annotations: {config.kubernetes.io/local-config: 'true'}}}";
    let call = |names: &str| with_names(names).give(list(generator, "environment: prod, needsHash: true"), &["krm"]);
    for names in ["plain", "plain\nimmutable: true"] {
        assert_eq!(answer(&call(names))["items"].as_array().unwrap().len(), 3, "{}", call(names).stderr);
    }
    for names in ["hashed", "kustomize", "hashed\nimmutable: false"] {
        let run = call(names);
        assert_eq!((run.code, answer(&run)["items"].as_array().unwrap().len()), (2, 0), "{names}: {}", run.stderr);
        // the other hash of a Secret depends on a key
        if names == "kustomize" {
            run.record();
        }
    }
}

#[test]
fn workloads_are_wired_without_a_key() {
    let site = project().env("SOPS_AGE_KEY_FILE", "");
    let items = deployment("septum.dev/env-from: shop, septum.dev/mount: \"features:/etc/features\", kept: x");
    let list = answered(&site, &list(&items, "environment: prod, mode: wire"));
    let template = &list["items"][0]["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"], json!({ "kept": "x" }));
    let sources = json!([{ "configMapRef": { "name": "shop" } }, { "secretRef": { "name": "shop" } }]);
    assert_eq!(template["spec"]["containers"][0]["envFrom"], sources);
    assert_eq!(
        template["spec"]["volumes"][0]["projected"]["sources"],
        json!([{ "configMap": { "name": "features" } }])
    );
}

#[test]
fn workloads_refer_to_names_with_a_hash() {
    let site = with_names("hashed");
    let generated = answered(&site, &list("", "environment: prod"));
    let items = generated["items"].as_array().unwrap();
    let name_of = |kind: &str| {
        items
            .iter()
            .filter(|item| item["kind"] == kind)
            .map(|item| item["metadata"]["name"].as_str().unwrap())
            .find(|name| name.starts_with("shop"))
            .unwrap()
    };
    let item = deployment("septum.dev/env-from: shop");
    let wired = answered(&site, &list(&item, "environment: prod, mode: wire"));
    let sources =
        json!([{ "configMapRef": { "name": name_of("ConfigMap") } }, { "secretRef": { "name": name_of("Secret") } }]);
    assert_eq!(wired["items"][0]["spec"]["template"]["spec"]["containers"][0]["envFrom"], sources);
    // without a key, the name of the Secret is not known
    let keyless = site.env("SOPS_AGE_KEY_FILE", "");
    let run = keyless.give(list(&item, "environment: prod, mode: wire"), &["krm"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    run.record();
}

#[test]
fn a_check_returns_the_items_with_findings() {
    let site = project();
    let items = deployment("septum.dev/env-from: shop");
    let sound = answered(&site, &list(&items, "environment: prod, mode: check"));
    assert_eq!(sound["items"][0]["spec"]["template"]["metadata"]["annotations"]["septum.dev/env-from"], "shop");
    let none = answered(&site, &list(&items, "environment: prod, mode: check, returnItems: false"));
    assert_eq!(none["items"], json!([]));
    let dangling =
        site.give(list(&deployment("septum.dev/env-from: shpo"), "environment: prod, mode: check"), &["krm"]);
    assert_eq!(dangling.code, 1);
    dangling.record();
    let result = &answer(&dangling)["results"][0];
    assert_eq!(result["resourceRef"], json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" }));
    site.write("environments/prod.yaml", "data: { LEVEL: warn, PORT: 0 }\n");
    let wrong = site.give(list(&items, "environment: prod, mode: check"), &["krm"]);
    assert_eq!(wrong.code, 1, "{}", wrong.stderr);
    wrong.record();
    let list = answer(&wrong);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let result = &list["results"][0];
    assert_eq!((&result["severity"], &result["file"]["path"]), (&"error".into(), &"environments/prod.yaml".into()));
    assert_eq!(result["tags"]["rule"], "invalid-value");
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_returned() {
    let site = project();
    site.write("environments/flux.yaml", "extends: [prod]\ndelivery: { secrets: sops }\n");
    let shop = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop }\n";
    let web = deployment("");
    let cases = [
        String::new(),
        "a: [\n".to_owned(),
        "kind: ConfigMap\n".to_owned(),
        "kind: ResourceList\nitmes: []\n".to_owned(),
        "kind: ResourceList\nitems: []\n".to_owned(),
        list("", "environment: prdo"),
        list("", "enviroment: prod"),
        list("", "environment: prod, apps: [shpo]"),
        list("", "environment: prod, root: ../nowhere"),
        list("", "environment: flux"),
        list(shop, "environment: prod"),
        list(&web, "environment: prod, behavior: merge"),
        list(&deployment("septum.dev/env-form: shop"), "environment: prod, mode: wire"),
        list(&deployment("septum.dev/env-from: shpo"), "environment: prod, mode: wire"),
        list(
            &format!("{}data: {{ logo: !!binary aGk= }}\n", deployment("septum.dev/env-from: shop")),
            "environment: prod, mode: wire",
        ),
    ];
    for input in &cases {
        let run = site.give(input, &["krm"]);
        assert!(run.code == 2 || run.code == 4, "{input}: {} {}", run.code, run.stderr);
        run.record();
        let list = answer(&run);
        assert_eq!(list["items"], json!([]), "{input}");
        assert_eq!(list["results"][0]["severity"], "error", "{input}");
        let first = run.stderr.lines().next().unwrap().strip_prefix("error: ").unwrap();
        assert!(list["results"][0]["message"].as_str().unwrap().starts_with(first), "{input}");
        assert!(!run.stdout.contains(CANARY), "{input}");
    }
    let plain = answered(&site, &list("", "environment: flux, delivery: manifest"));
    assert_eq!(plain["items"].as_array().unwrap().len(), 3);
}

#[test]
fn no_value_of_the_input_is_told() {
    let site = project();
    let pod = |more: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, data: {{P: {CANARY}}}, metadata: {{name: p, annotations: {{septum.dev/env-from: shpo, a: {CANARY}}}}}{more}}}\n"
        )
    };
    for input in [
        list(&pod(""), "environment: prod, mode: wire"),
        list(&pod(""), &format!("environment: {CANARY}, mode: wire")),
        list(&pod(""), &format!("environment: prod, apps: [{CANARY}]")),
        list(&pod(""), &format!("environment: prod, {CANARY}")),
        list(&pod(&format!(", x: [{CANARY}")), "environment: prod, mode: wire"),
        format!("{{kind: ResourceList, {CANARY}}}\n"),
        format!("kind: ResourceList\nitems: {CANARY}\n"),
        format!("kind: ResourceList\nitems: [{CANARY}]\n"),
        format!("{CANARY}\n"),
    ] {
        let run = site.give(&input, &["krm"]);
        assert!(run.code != 0, "{input}");
        assert!(!run.stderr.contains(CANARY) && !run.stdout.contains(CANARY), "{input}: {} {}", run.stderr, run.stdout);
    }
}

#[test]
fn a_missing_key_is_told() {
    let site = project().env("SOPS_AGE_KEY_FILE", "");
    let run = site.give(list("", "environment: prod"), &["krm"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(answer(&run)["items"], json!([]));
}
