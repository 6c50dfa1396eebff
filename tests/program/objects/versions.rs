//! Objects with a hash in their names: their label, and what keeps the old ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use serde_json::{Value as Json, json};

use crate::support::objects::{Objects, text};
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

const LABEL: &str = "septum.dev/base-name";
const FLUX: &str = "kustomize.toolkit.fluxcd.io/prune";
const SYNC: &str = "argocd.argoproj.io/sync-options";
const COMPARE: &str = "argocd.argoproj.io/compare-options";

const SECRETS: &str = "  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true }\n";

fn rendered(base: &str) -> Objects {
    let base = format!("{base}data:\n  A: 1\n{SECRETS}");
    Sandbox::new([("base.yaml", &*base), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)])
        .run_with_key(&["render", "prod"])
        .objects()
}

fn labels(objects: &Objects) -> Vec<Json> {
    objects.0.iter().map(|object| object["metadata"]["labels"][LABEL].clone()).collect()
}

#[test]
fn hashed_objects_are_labelled_with_the_name_before_the_hash() {
    for (settings, expected) in [
        ("names: hashed\n", json!(["app", "app"])),
        ("names: hashed\nprefix: team-\nsuffix: -v2\n", json!(["team-app-v2", "team-app-v2"])),
        ("names: kustomize\n", json!([null, null])),
        ("names: plain\n", json!([null, null])),
        ("names: hashed\nlabels: { septum.dev/base-name: null }\n", json!([null, null])),
        ("names: hashed\nlabels: { septum.dev/base-name: own }\n", json!(["own", "own"])),
    ] {
        let found = rendered(settings);
        assert_eq!(json!(labels(&found)), expected, "{settings}");
        for (object, label) in found.0.iter().zip(labels(&found)).filter(|(_, label)| label != "own") {
            let Some(base) = label.as_str() else { continue };
            let suffix = text(&object["metadata"]["name"]).strip_prefix(base).unwrap();
            assert_eq!(suffix.len(), 11, "{suffix}");
        }
    }
    // a label has 63 characters at most
    for (length, expected) in [(63, true), (64, false)] {
        let name = "n".repeat(length);
        let base = format!("names: hashed\nbundles: {{ {name}: {{ data: {{ A: 1 }} }} }}\n");
        assert_eq!(labels(&Sandbox::of(&base, "").dev())[0].is_string(), expected, "{length}");
    }
    // the name of a token is found by itself
    let base = "names: hashed\nbundles: { t: { type: kubernetes.io/service-account-token, annotations: { kubernetes.io/service-account.name: a } } }\n";
    assert_eq!(labels(&Sandbox::of(base, "").dev()), [Json::Null]);
}

#[test]
fn the_label_does_not_change_the_name() {
    let names = |found: &Objects| -> Vec<_> {
        found.0.iter().map(|object| text(&object["metadata"]["name"]).to_owned()).collect()
    };
    let with = rendered("names: hashed\n");
    let without = rendered("names: hashed\nlabels: { septum.dev/base-name: null }\n");
    assert_eq!(names(&with), names(&without));
    assert_eq!(names(&with)[0], names(&rendered("names: kustomize\n"))[0], "as kustomize names it");
}

#[test]
fn prune_keep_sets_the_annotations_of_flux_and_argo_cd() {
    for names in ["hashed", "kustomize"] {
        let found = rendered(&format!("names: {names}\ndelivery: {{ prune: keep }}\n"));
        assert_eq!(found.0.len(), 2);
        for object in &found.0 {
            let expected = json!({ FLUX: "disabled", SYNC: "Prune=false", COMPARE: "IgnoreExtraneous" });
            assert_eq!(object["metadata"]["annotations"], expected, "{names}");
        }
    }
    for settings in [
        "names: hashed\n",
        "names: hashed\ndelivery: { prune: controller }\n",
        "names: plain\ndelivery: { prune: keep }\n",
        "delivery: { prune: keep }\n",
    ] {
        let found = rendered(settings);
        assert!(found.0.iter().all(|object| object["metadata"].get("annotations").is_none()), "{settings}");
    }
}

#[test]
fn options_of_the_layers_are_kept_and_win() {
    for (annotations, expected) in [
        (
            json!({ SYNC: "ServerSideApply=true" }),
            json!({ FLUX: "disabled", SYNC: "ServerSideApply=true,Prune=false", COMPARE: "IgnoreExtraneous" }),
        ),
        (
            json!({ FLUX: "enabled", SYNC: "Prune=true", COMPARE: "ServerSideDiff=true" }),
            json!({ FLUX: "enabled", SYNC: "Prune=true", COMPARE: "ServerSideDiff=true,IgnoreExtraneous" }),
        ),
    ] {
        let found = rendered(&format!("names: hashed\ndelivery: {{ prune: keep }}\nannotations: {annotations}\n"));
        for object in &found.0 {
            assert_eq!(object["metadata"]["annotations"], expected);
        }
    }
}

#[test]
fn layers_set_prune_and_reset_it() {
    let base = "names: hashed\ndelivery: { prune: keep }\ndata: { A: 1 }\n";
    let kept = |dev: &str| {
        let found = Sandbox::of(base, dev).dev();
        found.0[0]["metadata"].get("annotations").is_some()
    };
    assert!(kept(""));
    assert!(!kept("delivery: { prune: null }\n"));
    assert!(!kept("delivery: { prune: controller }\n"));
    Sandbox::of("delivery: { prune: keeps }\n", "").run(&["render", "dev"]).fails(2);
}

#[test]
fn a_job_that_uses_a_hashed_name_is_a_warning() {
    let spec = "{ template: { spec: { restartPolicy: Never, containers: [{ name: a, image: i, envFrom: [{ configMapRef: { name: app } }] }] } } }";
    let job = format!("apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: j }}\nspec: {spec}\n");
    let cron = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{ name: c }}\nspec: {{ schedule: '0 4 * * *', jobTemplate: {{ spec: {spec} }} }}\n"
    );
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: d }}\nspec: {}\n",
        spec.replace("restartPolicy: Never", "restartPolicy: Always").replace("{ template", "{ selector: {}, template")
    );
    for (manifest, settings, is_reported) in [
        (&job, "names: hashed\n", true),
        (&cron, "names: hashed\n", true),
        (&cron, "names: kustomize\nprefix: p-\n", true),
        (&cron, "names: hashed\ndelivery: { prune: keep }\n", false),
        (&cron, "names: hashed\nbundles: { app: { names: plain } }\n", false),
        (&job, "", false),
        (&deployment, "names: hashed\n", false),
    ] {
        let base = format!("{settings}manifests: [w/m.yaml]\ndata: {{ A: 1 }}\n");
        let project = Sandbox::of(&base, "").file("w/m.yaml", manifest);
        let run = project.run(&["render", "dev"]);
        assert_eq!((run.code, !run.stderr.is_empty()), (0, is_reported), "{settings}{manifest}{}", run.stderr);
        if is_reported {
            run.record();
        }
        let check: Json = serde_json::from_str(&project.run(&["check", "dev", "--format", "json"]).stdout).unwrap();
        let rules: Vec<_> = check["findings"].as_array().unwrap().iter().map(|found| text(&found["rule"])).collect();
        assert_eq!(rules.contains(&"hashed-name-in-job"), is_reported, "{settings}{rules:?}");
    }
}
