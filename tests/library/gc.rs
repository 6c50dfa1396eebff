//! `gc` on random clusters: it never names an object that is in use, and names all others that it may name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use septum::gc::{EVIDENCE, OwnObject, OwnObjects, RetentionPolicy, find_old_objects};
use septum::manifest::references::{RefKind, ReferenceRules};
use serde_json::{Value as Json, json};

const SPACES: [&str; 2] = ["shop", "other"];
const HASH: &[u8] = b"2456789bcdfghkmt";

/// Version of an object: namespace, kind, base name, hash, time.
#[derive(Debug, Clone)]
struct Version {
    space: usize,
    is_secret: bool,
    base: usize,
    hash: u64,
    day: u32,
    is_labelled: bool,
    is_foreign: bool,
}

/// Use of a version: by what, and where in it.
#[derive(Debug, Clone)]
struct Use {
    version: usize,
    by: usize,
    at: usize,
}

#[derive(Debug, Clone)]
struct Cluster {
    versions: Vec<Version>,
    uses: Vec<Use>,
    current: Option<usize>,
    keep: usize,
    has_hash: bool,
}

impl Version {
    fn name(&self) -> String {
        let digit = |index: u32| char::from(HASH[usize::try_from(self.hash >> (4 * index) & 15).unwrap()]);
        format!("{}-{}", ["web", "web-api"][self.base], (0..10).map(digit).collect::<String>())
    }

    fn kind(&self) -> &'static str {
        if self.is_secret { "Secret" } else { "ConfigMap" }
    }

    fn created(&self) -> String {
        format!("2026-{:02}-{:02}T00:00:00Z", 1 + self.day / 28, 1 + self.day % 28)
    }

    fn object(&self) -> Json {
        let mut labels = serde_json::Map::new();
        if self.is_labelled {
            labels.insert("septum.dev/base-name".to_owned(), json!(["web", "web-api"][self.base]));
            labels.insert("app.kubernetes.io/managed-by".to_owned(), json!("septum"));
        }
        if self.is_foreign {
            labels.insert("app.kubernetes.io/managed-by".to_owned(), json!("Helm"));
        }
        json!({ "apiVersion": "v1", "kind": self.kind(), "data": { "A": "dummy-canary" }, "metadata": {
            "name": self.name(), "namespace": SPACES[self.space], "labels": labels, "creationTimestamp": self.created() } })
    }
}

/// Number of places in a pod, and of users.
const PLACES: usize = 11;
const USERS: usize = 14;

/// Spec of a pod that uses an object.
fn pod_spec(version: &Version, at: usize) -> Json {
    let (name, is_secret) = (version.name(), version.is_secret);
    let env_from =
        if is_secret { json!({ "secretRef": { "name": name } }) } else { json!({ "configMapRef": { "name": name } }) };
    let field = if is_secret { "secretKeyRef" } else { "configMapKeyRef" };
    let env = json!({ "name": "A", "valueFrom": { field: { "name": name, "key": "A", "optional": true } } });
    let volume =
        if is_secret { json!({ "secret": { "secretName": name } }) } else { json!({ "configMap": { "name": name } }) };
    let source =
        if is_secret { json!({ "secret": { "name": name } }) } else { json!({ "configMap": { "name": name } }) };
    match at % PLACES {
        0 => json!({ "containers": [{ "envFrom": [env_from] }] }),
        1 => json!({ "containers": [{}, { "env": [env] }] }),
        2 => json!({ "initContainers": [{ "envFrom": [env_from] }], "containers": [{}] }),
        3 => json!({ "ephemeralContainers": [{ "env": [env] }], "containers": [{}] }),
        4 => json!({ "volumes": [volume] }),
        5 => json!({ "volumes": [{ "projected": { "sources": [{ "serviceAccountToken": {} }, source] } }] }),
        6 if is_secret => json!({ "imagePullSecrets": [{ "name": name }] }),
        7 if is_secret => {
            json!({ "volumes": [{ "csi": { "driver": "x", "nodePublishSecretRef": { "name": name } } }] })
        }
        8 => json!({ "containers": [{ "args": [format!("--config=/etc/{name}.")] }] }),
        9 => json!({ "containers": [{ "env": [{ "name": "LIST", "value": format!("a,{name},b") }] }] }),
        _ => json!({ "containers": [{ "env": [env], "envFrom": [env_from] }] }),
    }
}

/// Object that uses a version.
fn user(version: &Version, by: usize, at: usize, index: usize) -> Json {
    let spec = pod_spec(version, at);
    let template = json!({ "metadata": {}, "spec": spec });
    let space = SPACES[version.space];
    let object = |api: &str, kind: &str, rest: Json| {
        let mut object =
            json!({ "apiVersion": api, "kind": kind, "metadata": { "name": format!("u{index}"), "namespace": space } });
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    match by % USERS {
        0 => object("apps/v1", "Deployment", json!({ "spec": { "template": template } })),
        1 => object("apps/v1", "ReplicaSet", json!({ "spec": { "replicas": 0, "template": template } })),
        2 => object("apps/v1", "StatefulSet", json!({ "spec": { "template": template } })),
        3 => object("apps/v1", "DaemonSet", json!({ "spec": { "template": template } })),
        4 => object("batch/v1", "Job", json!({ "spec": { "template": template }, "status": { "succeeded": 1 } })),
        5 => object(
            "batch/v1",
            "CronJob",
            json!({ "spec": { "suspend": true, "jobTemplate": { "spec": { "template": template } } } }),
        ),
        6 => object("v1", "Pod", json!({ "spec": spec, "status": { "phase": "Succeeded" } })),
        7 => object(
            "apps/v1",
            "ControllerRevision",
            json!({ "revision": 1, "data": { "spec": { "template": template } } }),
        ),
        8 => object("v1", "ServiceAccount", json!({ "imagePullSecrets": [{ "name": version.name() }] })),
        9 => object("example.com/v1", "Widget", json!({ "spec": { "config": { "objects": [version.name()] } } })),
        12 => object("v1", "ServiceAccount", json!({ "secrets": [{ "name": version.name() }] })),
        13 => {
            object("networking.k8s.io/v1", "Ingress", json!({ "spec": { "tls": [{ "secretName": version.name() }] } }))
        }
        10 => object("v1", "ReplicationController", json!({ "spec": { "template": template } })),
        _ => {
            json!({ "apiVersion": "example.com/v1", "kind": "ClusterWidget", "metadata": { "name": format!("u{index}"),
            "annotations": { "example.com/uses": format!("{space}/{}", version.name()) } } })
        }
    }
}

fn clusters() -> impl Strategy<Value = Cluster> {
    let version = (
        0..2usize,
        any::<bool>(),
        0..2usize,
        any::<u64>(),
        0..300u32,
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.1),
    );
    let version = version.prop_map(|(space, is_secret, base, hash, day, is_labelled, is_foreign)| Version {
        space,
        is_secret,
        base,
        hash,
        day,
        is_labelled: is_labelled && !is_foreign,
        is_foreign,
    });
    let uses = prop::collection::vec((any::<usize>(), 0..USERS, 0..PLACES), 0..12);
    (prop::collection::vec(version, 1..24), uses, any::<Option<usize>>(), 0..4usize, any::<bool>()).prop_map(
        |(versions, uses, current, keep, has_hash)| {
            let count = versions.len();
            let uses = uses.into_iter().map(|(version, by, at)| Use { version: version % count, by, at }).collect();
            Cluster { versions, uses, current: current.map(|current| current % count), keep, has_hash }
        },
    )
}

/// Name of an object in a cluster.
type Id = (String, String, String);

fn id(version: &Version) -> Id {
    (SPACES[version.space].to_owned(), version.kind().to_owned(), version.name())
}

fn found(cluster: &Cluster) -> BTreeSet<Id> {
    let mut objects: Vec<_> = cluster.versions.iter().map(Version::object).collect();
    let users = cluster.uses.iter().enumerate();
    objects.extend(users.map(|(index, used)| user(&cluster.versions[used.version], used.by, used.at, index)));
    let input = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    let own = |is_secret: bool, base: usize| OwnObject {
        app: "web".to_owned(),
        bundle: ["web", "web-api"][base].to_owned(),
        kind: if is_secret { RefKind::Secret } else { RefKind::ConfigMap },
        base_name: ["web", "web-api"][base].to_owned(),
        namespace: Some(SPACES[0].to_owned()),
        has_hash: cluster.has_hash,
        manager: Some("septum".to_owned()),
        current: current(cluster, is_secret, base),
    };
    let objects = [(false, 0), (false, 1), (true, 0), (true, 1)].map(|(is_secret, base)| own(is_secret, base)).to_vec();
    let absent = EVIDENCE.map(|(_, _, word)| word.to_owned()).to_vec();
    let policy = RetentionPolicy { keep: cluster.keep, older: None, at: None, absent };
    let own = OwnObjects { objects, used: Vec::new() };
    let old = find_old_objects(input.as_bytes(), &own, &ReferenceRules::default(), &policy).unwrap();
    assert!(!format!("{old:?}").contains("canary"));
    old.unused.into_iter().map(|object| (object.namespace.unwrap(), object.kind, object.name)).collect()
}

/// Current name of an object, if it is known: a name that may not be in the cluster.
fn current(cluster: &Cluster, is_secret: bool, base: usize) -> Option<String> {
    let version = &cluster.versions[cluster.current?];
    let is_it = version.space == 0 && (version.is_secret, version.base) == (is_secret, base);
    Some(if is_it { version.name() } else { format!("{}-2222222222", ["web", "web-api"][base]) })
}

fn expected(cluster: &Cluster) -> BTreeSet<Id> {
    // a mention by an object of the cluster counts in every namespace
    let is_used = |version: &Version| {
        cluster.uses.iter().any(|used| {
            let other = &cluster.versions[used.version];
            let everywhere = matches!(used.by % USERS, 9..=11);
            other.name() == version.name() && (everywhere || id(other) == id(version) || other.space == version.space)
        })
    };
    let mut names = BTreeMap::<_, Vec<&Version>>::new();
    for version in cluster.versions.iter().filter(|version| version.space == 0 && !version.is_foreign) {
        if version.is_labelled || cluster.has_hash {
            names.entry((version.is_secret, version.base)).or_default().push(version);
        }
    }
    let mut unused = BTreeSet::new();
    for ((is_secret, base), mut versions) in names {
        versions.sort_by_key(|version| std::cmp::Reverse((version.day, version.name())));
        let current = current(cluster, is_secret, base).unwrap_or_else(|| versions[0].name());
        let free = versions.iter().filter(|version| !is_used(version) && version.name() != current);
        unused.extend(free.skip(cluster.keep).map(|version| id(version)));
    }
    unused
}

#[test]
fn no_object_in_use_is_named_and_all_others_are() {
    let cases = std::env::var("SEPTUM_GC_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    let mut named = 0;
    let total = std::cell::Cell::new(0);
    runner
        .run(&clusters(), |cluster| {
            let found = found(&cluster);
            for used in &cluster.uses {
                let version = id(&cluster.versions[used.version]);
                prop_assert!(!found.contains(&version), "{version:?} is in use");
            }
            prop_assert_eq!(&found, &expected(&cluster));
            total.set(total.get() + found.len());
            Ok(())
        })
        .unwrap();
    named += total.get();
    assert!(named > 100, "only {named} objects were named");
}
