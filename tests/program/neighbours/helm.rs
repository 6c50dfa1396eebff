//! The plugin in the real Helm 4.

use std::path::PathBuf;
use std::process::Command;

use super::{deployment, documents, path_with, project};
use crate::support::messages::{note_command, record};
use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{CANARY, DEMO_KEY, Run, Sandbox};

/// Helm with directories of its own, and the project in which it runs.
struct Helm {
    program: PathBuf,
    site: Sandbox,
}

impl Helm {
    /// Helm with the plugin, and a chart with a workload, a Service in the same file, and a hook; none without Helm.
    fn new(workload: &str) -> Option<Self> {
        let program = peer("helm")?;
        let service = "apiVersion: v1\nkind: Service\nmetadata: { name: web } # commented\n";
        let hook =
            "apiVersion: batch/v1\nkind: Job\nmetadata: { name: hook, annotations: { helm.sh/hook: pre-install } }\n";
        let site = project()
            .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
            .file("chart/templates/web.yaml", format!("{workload}---\n{service}"))
            .file("chart/templates/hook.yaml", hook);
        let helm = Self { program, site };
        helm.site.run(&["helm", "plugin", "--out", "plugin"]).succeeds();
        let installed = helm.run(&["plugin", "install", "plugin"]);
        assert_eq!(installed.code, 0, "{}", installed.stderr);
        Some(helm)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let home = self.site.root().join("home");
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.site.root()).env_clear();
        command.env("PATH", path_with(&self.program)).env("HOME", &home);
        command.env("SOPS_AGE_KEY_FILE", self.site.root().join("alice.txt"));
        note_command(&command);
        command.output().unwrap().into()
    }

    /// What `helm template` gives with the plugin, and these arguments for it.
    fn template(&self, arguments: &[&str]) -> Run {
        let mut all = vec!["template", "shop", "chart", "--post-renderer", "septum"];
        let given: Vec<_> = arguments.iter().map(|argument| format!("--post-renderer-args={argument}")).collect();
        all.extend(given.iter().map(String::as_str));
        self.run(&all)
    }
}

#[test]
fn the_objects_of_a_chart_are_wired_and_those_of_the_environment_added() {
    let Some(helm) = Helm::new(&deployment("septum.dev/env-from: shop")) else { return };
    let run = helm.template(&["prod"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.contains("# Source: web/templates/web.yaml\napiVersion: apps/v1"), "{}", run.stdout);
    assert!(run.stdout.contains("# Source: web/templates/hook.yaml\n"), "{}", run.stdout);
    assert!(run.stdout.contains("# commented"), "{}", run.stdout);
    assert!(!run.stdout.contains("postrenderer.helm.sh"), "{}", run.stdout);
    let objects = documents(&run.stdout);
    let web = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let sources = &web["spec"]["template"]["spec"]["containers"][0]["envFrom"];
    assert_eq!(
        *sources,
        serde_json::json!([{ "configMapRef": { "name": "shop" } }, { "secretRef": { "name": "shop" } }])
    );
    let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "ConfigMap").count(), 2, "{kinds:?}");
    assert!(kinds.contains(&"Secret") && kinds.contains(&"Job"), "{kinds:?}");
    let checked = helm.template(&["prod", "--check"]);
    assert_eq!(documents(&checked.stdout).len(), 3, "{}", checked.stderr);
}

#[test]
fn a_failure_stops_helm_with_the_reason() {
    let Some(helm) = Helm::new(&deployment("septum.dev/env-from: shpo")) else { return };
    let stopped = |arguments: &[&str]| {
        let run = helm.template(arguments);
        assert!(run.code != 0 && run.stdout.is_empty(), "{arguments:?}: {}", run.stdout);
        assert!(!run.stderr.contains(CANARY));
        record(run.stderr.replace(&helm.site.root().display().to_string(), "DIR"));
        assert!(helm.site.read("home/.local/state/septum/last-error").starts_with("error: "));
    };
    stopped(&[]);
    stopped(&["prdo"]);
    stopped(&["prod"]);
    helm.site.write("environments/prod.yaml", "data: { PORT: 0 }\n");
    stopped(&["prod"]);
    stopped(&["prod", "--check"]);
}

#[test]
fn values_fit_their_schema_and_a_misspelt_one_does_not() {
    let Some(helm) = Helm::new("{{ .Values.server.port }}: # {{ .Values.env.LEVEL }}\n") else { return };
    helm.site.write("chart/templates/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { PORT: \"{{ .Values.server.port }}\", LEVEL: \"{{ .Values.env.LEVEL }}\" }\n");
    let maps = ["--map", "data=env", "--map", "data.PORT=server.port"];
    for (format, file) in [("helm-values", "values.yaml"), ("helm-values-schema", "chart/values.schema.json")] {
        let text = helm.site.run(&[&["render", "prod", "--format", format][..], &maps].concat()).ok();
        helm.site.write(file, text);
    }
    let template = |more: &[&str]| helm.run(&[&["template", "shop", "chart", "-f", "values.yaml"][..], more].concat());
    let run = template(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("PORT: \"8080\", LEVEL: \"warn\""), "{}", run.stdout);
    let misspelt = template(&["--set", "server.prot=1"]);
    assert!(misspelt.code != 0 && misspelt.stderr.contains("prot"), "{}", misspelt.stderr);
    let invalid = template(&["--set", "server.port=0"]);
    assert!(invalid.code != 0 && invalid.stderr.contains("minimum"), "{}", invalid.stderr);
}

/// The example works, and its page shows what happens.
#[test]
fn the_example_renders_what_its_page_shows() {
    let Some(helm) = Helm::new("") else { return };
    let run = Command::new(&helm.program)
        .args(["template", "checkout", "chart", "--post-renderer", "septum", "--post-renderer-args=prod"])
        .current_dir(repository().join("examples/helm-chart"))
        .env_clear()
        .env("PATH", path_with(&helm.program))
        .env("HOME", helm.site.root().join("home"))
        .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
        .output()
        .unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let page = std::fs::read_to_string(repository().join("docs/helm.md")).unwrap();
    let command = "$ helm template checkout chart --post-renderer septum --post-renderer-args=prod\n";
    let shown = page.split(command).nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shown, printed);
}
