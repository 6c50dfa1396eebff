//! `septum gc`: old objects of a cluster that nothing refers to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use serde_json::{Value as Json, json};

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{CANARY, Run, Sandbox};

const ALL: &str = "deploy,rs,sts,ds,controllerrevision,job,cronjob,pod";

fn project() -> Sandbox {
    let base = "app: shop\nnamespace: shop\nnames: hashed\ndata:\n  A: 1\n  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: { sensitive: true }\n";
    Sandbox::new([("base.yaml", base), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)])
}

/// Version of an object that was created on a day of January.
fn version(kind: &str, hash: &str, day: u32) -> Json {
    let labels = json!({ "septum.dev/base-name": "shop", "app.kubernetes.io/managed-by": "septum" });
    let metadata = json!({ "name": format!("shop-{hash}"), "namespace": "shop", "labels": labels,
        "creationTimestamp": format!("2026-01-{day:02}T00:00:00Z"),
        "annotations": { "kubectl.kubernetes.io/last-applied-configuration": CANARY } });
    json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata, "data": { "A": CANARY } })
}

fn versions() -> Vec<Json> {
    let hashes = ["2222222222", "4444444444", "5555555555", "6666666666", "7777777777", "8888888888"];
    let all =
        hashes.iter().zip(1..).flat_map(|(hash, day)| ["ConfigMap", "Secret"].map(|kind| version(kind, hash, day)));
    all.collect()
}

fn pod(field: &str, name: &str) -> Json {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop" },
        "spec": { "containers": [{ "envFrom": [{ field: { "name": name } }] }] } })
}

fn list(objects: &[Json]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string()
}

fn gc(project: &Sandbox, input: &str, options: &[&str]) -> Run {
    let arguments = [&["gc", "prod"], options].concat();
    let run = project.give(input, &arguments);
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{arguments:?}");
    run
}

/// Names that are printed, without `shop-`.
fn names(run: &Run) -> Vec<String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.lines().map(|line| line.replace("/shop-", " ")).collect()
}

#[test]
fn unused_versions_beyond_the_newest_are_named_in_three_formats() {
    let project = project();
    let mut objects = versions();
    objects.push(pod("secretRef", "shop-2222222222"));
    let input = list(&objects);
    let none = ["--none", ALL.strip_suffix(",pod").unwrap()];
    let run = gc(&project, &input, &[&none[..], &["--keep", "3"]].concat());
    record(format!("{}{}", run.stdout, run.stderr));
    // without a key, the newest Secret counts as the current one; the current ConfigMap is not in the cluster, and the
    // name in the pod may be that of either
    assert_eq!(
        names(&run),
        ["configmap 4444444444 -n shop", "configmap 5555555555 -n shop", "secret 4444444444 -n shop"]
    );
    let json: Json =
        serde_json::from_str(&gc(&project, &input, &[&none[..], &["--format", "json"]].concat()).stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 3);
    assert_eq!(
        json[2],
        json!({ "namespace": "shop", "kind": "Secret", "name": "shop-4444444444", "apiVersion": "v1", "app": "shop",
            "bundle": "shop", "created": "2026-01-02T00:00:00Z" })
    );
    let run = gc(&project, &input, &[&none[..], &["--format", "list"]].concat());
    record(&run.stdout);
    let all: Json = serde_yaml::from_str(&run.stdout).unwrap();
    assert_eq!((&all["kind"], all["items"].as_array().unwrap().len()), (&json!("List"), 3));
    assert_eq!(names(&gc(&project, &input, &[&none[..], &["--keep", "9"]].concat())).len(), 0);
    assert_eq!(names(&gc(&project, &input, &[&none[..], &["--keep", "0"]].concat())).len(), 5 + 4);
    assert_eq!(gc(&project, &input, &[&none[..], &["--app", "other"]].concat()).code, 2);
}

#[test]
fn a_current_object_is_known_with_the_key_alone() {
    let project = project();
    let rendered = project.run_with_key(&["render", "prod"]).objects();
    let mut objects = versions();
    for object in &rendered.0 {
        // older than all others: a value that was set back
        let hash = text(&object["metadata"]["name"]).strip_prefix("shop-").unwrap();
        objects.push(version(text(&object["kind"]), hash, 1));
    }
    objects.push(pod("secretRef", "none"));
    let none = ALL.strip_suffix(",pod").unwrap();
    let mut command = project.command(&["gc", "prod", "--keep", "0", "--none", none]);
    command.env("SOPS_AGE_KEY_FILE", crate::support::sandbox::DEMO_KEY);
    let run: Run = crate::support::sandbox::give(command, list(&objects).as_bytes()).into();
    assert_eq!(names(&run).len(), 12, "{}", run.stdout);
    for object in &rendered.0 {
        assert!(!run.stdout.contains(text(&object["metadata"]["name"])), "{}", run.stdout);
    }
}

#[test]
fn a_job_that_a_cron_job_runs_has_to_be_in_the_input() {
    let project = project();
    let job = |name: &str| {
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": "shop" },
            "spec": { "template": { "spec": {} } } })
    };
    let active = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "nightly-1", "namespace": "shop" }]);
    let cron = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "nightly", "namespace": "shop" },
        "spec": { "jobTemplate": {} }, "status": { "active": active } });
    let none = ["--none", "deploy,rs,sts,ds,controllerrevision,pod", "--keep", "0"];
    for (name, code) in [("nightly-0", 2), ("nightly-1", 0)] {
        let mut objects = versions();
        objects.extend([job(name), cron.clone()]);
        let run = gc(&project, &list(&objects), &none);
        assert_eq!(run.code, code, "{name}: {}", run.stderr);
        record(&run.stderr);
    }
}

/// Programs find objects by names in their configuration, and some resources have their fields below `data`.
#[test]
fn a_name_in_a_value_is_a_use() {
    let project = project();
    let object = |kind: &str, data: Json| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "other", "namespace": "shop" }, "data": data });
    for data in [
        json!({ "credentialsSecret": "shop-4444444444" }),
        json!({ "config.yaml": "auth:\n  secret: shop-4444444444\n" }),
        json!({ "nested": { "name": "shop-4444444444" } }),
    ] {
        for kind in ["ConfigMap", "Widget"] {
            let mut objects = versions();
            objects.extend([object(kind, data.clone()), pod("configMapRef", "none")]);
            let none = ALL.strip_suffix(",pod").unwrap();
            let run = gc(&project, &list(&objects), &["--none", none, "--keep", "0"]);
            assert!(!names(&run).iter().any(|name| name.contains("4444444444")), "{kind} {data}: {}", run.stdout);
        }
    }
}

#[test]
fn ages_are_counted_from_the_next_version() {
    let project = project();
    let mut objects = versions();
    objects.push(pod("configMapRef", "none"));
    let (input, none) = (list(&objects), ALL.strip_suffix(",pod").unwrap());
    let older = |options: &[&str]| {
        let run = gc(&project, &input, &[&["--none", none, "--keep", "0"], options].concat());
        names(&run).iter().filter(|name| name.starts_with("configmap")).count()
    };
    // the versions were replaced on the days 2 to 6, and the newest object is of day 6
    for (age, expected) in [("0h", 5), ("1d", 4), ("72h", 2), ("4d", 1), ("5d", 0), ("1w", 0)] {
        assert_eq!(older(&["--older", age]), expected, "{age}");
    }
    assert_eq!(older(&["--older", "7d", "--at", "2026-01-10"]), 2);
    for wrong in ["7", "d", "-1d", "1m", "99999999999999999999d", ""] {
        assert_eq!(gc(&project, &input, &["--older", wrong]).code, 2, "{wrong}");
    }
}

#[test]
fn evidence_that_is_not_complete_is_refused() {
    let project = project();
    let meta = |name: &str, owner: Json| json!({ "name": name, "namespace": "shop", "ownerReferences": owner });
    let owner = |kind: &str| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": "web", "controller": true }]);
    let none = json!([]);
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("web", none.clone()), "status": { "replicas": 1 } });
    let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("web", owner("Deployment")) });
    let running = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("web", none), "status": { "replicas": 1 } });
    let orphan = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta("p", owner("ReplicaSet")) });
    let wrong = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": "no" });
    for (title, extra, absent) in [
        ("nothing but ConfigMaps and Secrets", vec![], "job"),
        ("a Deployment without its ReplicaSets", vec![deployment], ALL),
        ("a ReplicaSet without its Deployment", vec![set], ALL),
        ("a ReplicaSet without its pods", vec![running], ALL),
        ("a pod without its ReplicaSet", vec![orphan], ALL),
        ("metadata of another type", vec![wrong], ALL),
    ] {
        let input = list(&[versions(), extra].concat());
        let run = gc(&project, &input, &["--none", absent]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{title}: {}", run.stderr);
        record(format!("{title}\n{}", run.stderr));
    }
    for input in ["", "{", "[]", "\u{feff}", &"[".repeat(100_000), &format!("{{\"a\": {CANARY}}}")] {
        assert_eq!(gc(&project, input, &["--none", ALL]).code, 2);
    }
}

#[test]
fn a_secret_that_a_controller_made_is_named_by_its_origin() {
    let project = project();
    let made = |hash: &str, kind: &str, api: &str| {
        let mut secret = version("Secret", hash, 1);
        secret["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": api, "kind": kind, "name": format!("shop-{hash}") }]);
        secret
    };
    let sealed = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": { "name": "shop-4444444444",
        "namespace": "shop" }, "spec": { "template": { "metadata": { "name": "shop-4444444444" } } } });
    let objects = [
        version("Secret", "9999999999", 9),
        made("4444444444", "SealedSecret", "bitnami.com/v1alpha1"),
        sealed,
        made("5555555555", "Custom", "example.com/v1"),
    ];
    let run = gc(&project, &list(&objects), &["--keep", "0", "--none", ALL]);
    assert_eq!(names(&run), ["sealedsecret.bitnami.com 4444444444 -n shop"]);
}

#[test]
fn objects_of_others_are_not_named() {
    let project = project();
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut object = version("ConfigMap", "4444444444", 1);
        change(&mut object["metadata"]);
        object
    };
    let others = [
        changed(&|metadata| metadata["namespace"] = json!("other")),
        changed(&|metadata| metadata["labels"]["septum.dev/base-name"] = json!("other")),
        changed(&|metadata| metadata["labels"]["app.kubernetes.io/managed-by"] = json!("Helm")),
        changed(&|metadata| metadata["name"] = json!("shop-config")),
        changed(&|metadata| metadata["name"] = json!("shop-4444444444 -n kube-system")),
        changed(&|metadata| metadata["name"] = json!("shopper-4444444444")),
    ];
    for other in others {
        let input = list(&[version("ConfigMap", "9999999999", 9), other.clone()]);
        let run = gc(&project, &input, &["--keep", "0", "--none", ALL]);
        assert_eq!(names(&run), ["configmap 9999999999 -n shop"], "{other}");
    }
}
