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

/// The start of a document with the file that it is from.
const FILE: &str = "x: {postrenderer.helm.sh/postrender-filename: 'web/templates/web.yaml'}\n";

#[test]
fn documents_without_a_directive_keep_their_text() {
    let site = project();
    let run = site.give(CHART, &["helm", "post-render", "prod"]);
    // its hook runs too early
    run.record();
    let printed = run.succeeds();
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
    let twice = format!("a: 1\n---\n{FILE}{}metadata: {{}}\n", deployment("septum.dev/env-from: shop"));
    for (input, arguments) in [
        (CHART, &["prdo"][..]),
        (CHART, &["flux"]),
        (CHART, &["prod", "--app", "shpo"]),
        (shop, &["prod"]),
        (wrong.as_str(), &["prod"]),
        ("a: [ # septum.dev/mount\nseptum.dev/mount: x\n", &["prod"]),
        (twice.as_str(), &["prod", "--wire-only"]),
        ("", &["dev", "--wire-only"]),
        ("null\n---\ntext\n", &["dev", "--wire-only"]),
        ("~\n", &["dev", "--check"]),
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
    let plain = site.give(CHART, &["helm", "post-render", "flux", "--delivery", "manifest"]).succeeds();
    assert!(plain.contains("kind: Secret"));
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

/// Helm and the API server accept more than Septum does.
#[test]
fn documents_that_need_no_wiring_pass_unread() {
    let site = project();
    let deep = format!("{FILE}kind: CustomResourceDefinition\nspec: {}1{}\n", "{a: ".repeat(70), "}".repeat(70));
    let web = deployment("septum.dev/env-from: shop");
    for (document, is_read) in [
        (deep.as_str(), false),
        ("kind: A\n # septum.dev/mount\nkind: A\n", false),
        ("kind: A\nspec: !Ref x\n", false),
        ("kind: A\nmetadata: {labels: {septum.dev/base-name: a, septum.dev/base-name: a}}\n", false),
        ("kind: A\n...\nkind: B\n", false),
        ("kind: A\n", true),
    ] {
        let input = format!("{document}---\n{web}---\n{document}");
        let run = site.give(&input, &["helm", "post-render", "prod"]);
        run.record();
        assert_eq!(run.stderr.is_empty(), is_read, "{}", run.stderr);
        let printed = run.succeeds();
        assert!(printed.starts_with(document), "{printed}");
        assert!(printed.contains(&format!("---\n{document}---\n")), "{printed}");
        assert!(printed.contains("envFrom:") && printed.contains("kind: Secret"), "{printed}");
        // nothing is added that it could collide with
        let wired = site.give(&input, &["helm", "post-render", "prod", "--wire-only"]).ok();
        assert!(wired.contains("envFrom:"), "{wired}");
    }
}

#[test]
fn a_hook_that_runs_before_its_objects_exist_is_told() {
    let site = project();
    let warned = |hook: &str, arguments: &[&str]| {
        let job = CHART.replace("helm.sh/hook: pre-install", &format!("helm.sh/hook: {hook}"));
        let run = site.give(&job, &[&["helm", "post-render", "prod"], arguments].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        !run.stderr.is_empty()
    };
    assert!(warned("pre-install", &[]));
    assert!(warned("\"post-install, pre-upgrade\"", &[]));
    assert!(!warned("post-install", &[]));
    assert!(!warned("pre-install", &["--wire-only"]));
    assert!(!warned("pre-install", &["--check"]));
    site.write(
        "environments/prod.yaml",
        "annotations: { helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"-5\" }\n",
    );
    assert!(!warned("pre-install", &[]));
}

#[cfg(unix)]
#[test]
fn a_report_is_written_only_to_a_file() {
    let site = project();
    let pipe = site.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for log in [pipe, "/dev/null".into(), site.root()] {
        let site = project().env("SEPTUM_LOG", log);
        let run = site.give(CHART, &["helm", "post-render", "prdo"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        record(run.stdout);
    }
}

#[cfg(unix)]
#[test]
fn the_directory_of_a_plugin_has_the_modes_of_the_mask() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = project();
    std::fs::create_dir(site.path("other")).unwrap();
    site.run(&["helm", "plugin", "--out", "share/septum-helm"]).succeeds();
    let mode = |name: &str| std::fs::metadata(site.path(name)).unwrap().permissions().mode();
    assert_eq!((mode("share"), mode("share/septum-helm")), (mode("other"), mode("other")));
}
