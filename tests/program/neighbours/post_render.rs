//! `septum helm post-render` and `septum helm plugin`, without Helm.

use super::{deployment, documents, project};
use crate::support::messages::record;
use crate::support::sandbox::CANARY;

/// A chart, as Helm passes it: with the files of its documents, one of which has comments.
const CHART: &str = "apiVersion: v1
kind: Service
metadata: {name: web, annotations: {postrenderer.helm.sh/postrender-filename: 'web/templates/all.yaml'}}
spec: {ports: [{port: 080}]} # as it is
---
# nothing but a comment
---
apiVersion: batch/v1
kind: Job
metadata:
  name: hook
  annotations:
    helm.sh/hook: pre-install
    postrenderer.helm.sh/postrender-filename: 'web/templates/hook.yaml'
spec:
  template:
    metadata: { annotations: { septum.dev/env-from: shop } }
    spec: { containers: [{ name: a }] }
";

#[test]
fn documents_without_a_directive_keep_their_text() {
    let site = project();
    let printed = site.give(CHART, &["helm", "post-render", "prod"]).ok();
    let kept = CHART.split("apiVersion: batch").next().unwrap();
    assert!(printed.starts_with(kept), "{printed}");
    let objects = documents(&printed);
    let hook = objects.iter().find(|object| object["kind"] == "Job").unwrap();
    assert_eq!(hook["metadata"]["annotations"]["postrenderer.helm.sh/postrender-filename"], "web/templates/hook.yaml");
    assert_eq!(hook["spec"]["template"]["spec"]["containers"][0]["envFrom"][1]["secretRef"]["name"], "shop");
    let added =
        objects.iter().filter(|object| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "septum");
    assert_eq!(added.count(), 3);
    let wired = site.give(CHART, &["helm", "post-render", "prod", "--wire-only"]).ok();
    assert_eq!(documents(&wired).iter().filter(|object| !object.is_null()).count(), 2);
    let checked = site.give(CHART, &["helm", "post-render", "prod", "--check"]).ok();
    assert_eq!(checked, CHART);
}

#[test]
fn failures_are_told_on_every_way() {
    let site = project();
    site.write("environments/flux.yaml", "extends: [prod]\ndelivery: { secrets: sops }\n");
    let shop = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop }\n";
    let wrong = deployment("septum.dev/env-from: shpo");
    for (input, arguments) in [
        (CHART, &["prdo"][..]),
        (CHART, &["flux"]),
        (CHART, &["prod", "--app", "shpo"]),
        (shop, &["prod"]),
        (wrong.as_str(), &["prod"]),
        ("a: [\n", &["prod"]),
        ("", &["dev", "--wire-only"]),
        (CHART, &[]),
        (CHART, &["prod", "--chekc"]),
        (CHART, &["prod", "-C", "nowhere"]),
    ] {
        let arguments = [&["helm", "post-render"], arguments].concat();
        let run = site.give(input, &arguments);
        assert!(run.code == 2 || run.code == 4, "{arguments:?}: {}", run.stderr);
        run.record();
        let first = run.stderr.lines().next().unwrap().strip_prefix("error: ").unwrap();
        // one line that is no object, with the reason
        let text: String = serde_yaml::from_str(&run.stdout).unwrap();
        assert_eq!(run.stdout.lines().count(), 1, "{text}");
        assert!(text.strip_prefix("septum: ").unwrap().starts_with(first), "{text}");
        let report = site.read("home/.local/state/septum/last-error");
        assert_eq!(report.trim_end(), run.stderr.trim_end());
        assert!(!run.stdout.contains(CANARY) && !report.contains(CANARY));
    }
    assert!(site.give(CHART, &["helm", "post-render", "flux", "--delivery", "manifest"]).ok().contains("kind: Secret"));
}

#[test]
fn a_plugin_of_helm_4_ends_with_success_and_its_output_is_the_reason() {
    let site = project().env("HELM_PLUGIN_NAME", "septum");
    let log = site.path("log/of.txt");
    let site = site.env("SEPTUM_LOG", log);
    let run = site.give(CHART, &["helm", "post-render", "prdo"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(run.stdout.replace(&site.root().display().to_string(), "DIR"));
    assert_eq!(site.read("log/of.txt").trim_end(), run.stderr.trim_end());
}

#[test]
fn a_check_lets_nothing_pass_that_is_wrong() {
    let site = project();
    site.write("environments/prod.yaml", "data: { PORT: 0 }\n");
    let run = site.give(CHART, &["helm", "post-render", "prod", "--check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    record(run.stdout.replace(&site.root().display().to_string(), "DIR"));
}

#[test]
fn a_plugin_is_written_where_nothing_of_others_is() {
    let site = project();
    site.run(&["helm", "plugin", "--out", "tools/septum-helm"]).succeeds();
    let plugin = site.read("tools/septum-helm/plugin.yaml");
    let yaml: serde_json::Value = serde_yaml::from_str(&plugin).unwrap();
    assert_eq!((&yaml["type"], &yaml["name"]), (&"postrenderer/v1".into(), &"septum".into()));
    assert!(site.run(&["helm", "plugin", "--out", "tools/septum-helm"]).succeeds().is_empty());
    site.write("mine/plugin.yaml", "name: mine\n");
    site.run(&["helm", "plugin", "--out", "mine"]).refused();
    assert_eq!(site.read("mine/plugin.yaml"), "name: mine\n");
}
