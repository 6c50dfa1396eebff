//! Random objects, and random patches of them.

use std::ops::Range;

use serde_json::{Map, Value, json};

/// Objects and a kustomization of them.
pub(super) struct RandomCase {
    state: u64,
}

const WORDS: [&str; 8] = ["a", "b", "web", "proxy", "y", "1", "x/y", "true"];

impl RandomCase {
    pub(super) fn with_seed(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) }
    }

    /// Objects, and the kustomization.
    pub(super) fn generate(mut self) -> (Vec<Value>, Value) {
        let mut objects: Vec<Value> = Vec::new();
        for _ in 0..self.number(1..5) {
            let object = self.object();
            let id = |object: &Value| (object["kind"].clone(), object["metadata"]["name"].clone());
            if objects.iter().all(|other| id(other) != id(&object)) {
                objects.push(object);
            }
        }
        let patches: Vec<_> = (0..self.number(1..4)).map(|_| self.patch(&objects)).collect();
        let mut kustomization = json!({ "patches": patches });
        if self.chance(30) {
            let images: Vec<_> = (0..self.number(1..3)).map(|_| self.image()).collect();
            kustomization["images"] = json!(images);
        }
        if self.chance(15) {
            let name = self.pick(&objects)["metadata"]["name"].clone();
            kustomization["replicas"] = json!([{ "name": name, "count": self.number(0..9) }]);
        }
        (objects, kustomization)
    }

    /// Number by `SplitMix64`: the same cases on every run.
    fn number(&mut self, range: Range<u64>) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.number(0..100) < percent
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.number(0..choices.len() as u64)).unwrap()].clone()
    }

    fn image(&mut self) -> Value {
        let name = self.pick(&["nginx", "r.io:5000/a/web", "busybox", "ngin.", "r.io/web", "none"]);
        let mut image = json!({ "name": name });
        for (field, values) in
            [("newName", ["other", "r.io:1/x/y"]), ("newTag", ["2", "v1.0"]), ("digest", ["sha256:abc", "sha256:0"])]
        {
            if self.chance(50) {
                image[field] = json!(self.pick(&values));
            }
        }
        image
    }

    fn object(&mut self) -> Value {
        let (api, kind) = self.pick(&[
            ("apps/v1", "Deployment"),
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "CronJob"),
            ("batch/v1", "Job"),
            ("v1", "Pod"),
            ("v1", "Service"),
            ("v1", "ConfigMap"),
            ("v1", "Secret"),
            ("v1", "ServiceAccount"),
            ("v1", "PersistentVolumeClaim"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("networking.k8s.io/v1", "Ingress"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            ("policy/v1", "PodDisruptionBudget"),
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("example.com/v1", "Thing"),
            ("example.com/v1", "Thing"),
        ]);
        let mut metadata = json!({ "name": self.pick(&["web", "db", "worker"]) });
        if self.chance(60) {
            metadata["labels"] = json!({ "app": self.pick(&["web", "db"]), "tier": self.pick(&["front", "back"]) });
        }
        if self.chance(30) {
            metadata["annotations"] = json!({ "n/a": self.pick(&WORDS) });
        }
        if self.chance(20) {
            metadata["finalizers"] = json!(["f/a", "f/b"]);
        }
        if self.chance(15) && !kind.starts_with("Cluster") && !kind.starts_with("Val") && !kind.starts_with("CustomR") {
            metadata["namespace"] = json!(self.pick(&["ns", "default"]));
        }
        let mut object = json!({ "apiVersion": api, "kind": kind, "metadata": metadata });
        let pod = self.pod();
        let template = json!({ "metadata": { "labels": { "app": "web" } }, "spec": pod });
        let spec = match kind {
            "Deployment" => {
                json!({ "replicas": 1, "template": template, "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } }, "selector": { "matchLabels": { "app": "web" } } })
            }
            "StatefulSet" => {
                json!({ "template": template, "serviceName": "s", "volumeClaimTemplates": [{ "metadata": { "name": "d" }, "spec": { "accessModes": ["ReadWriteOnce"] } }] })
            }
            "DaemonSet" | "Job" => json!({ "template": template }),
            "CronJob" => json!({ "schedule": "* * * * *", "jobTemplate": { "spec": { "template": template } } }),
            "Pod" => template["spec"].clone(),
            "Service" => json!({ "ports": self.ports("port"), "selector": { "app": "web" } }),
            "PersistentVolumeClaim" => {
                json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } })
            }
            "Ingress" => {
                json!({ "rules": [{ "host": "a", "http": { "paths": [{ "path": "/" }] } }], "tls": [{ "secretName": "s" }] })
            }
            "NetworkPolicy" => json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [] }] }),
            "HorizontalPodAutoscaler" => {
                json!({ "minReplicas": 1, "maxReplicas": 2, "metrics": [{ "type": "Resource" }] })
            }
            "PodDisruptionBudget" => json!({ "minAvailable": 1, "selector": { "matchLabels": { "app": "web" } } }),
            "CustomResourceDefinition" => {
                json!({ "versions": [{ "name": "v1" }], "containers": [{ "image": "nginx:1" }] })
            }
            "Thing" => {
                json!({ "map": { "x": 1, "y": { "z": [1, 2] } }, "list": [{ "name": "a", "v": 1 }, { "name": "b" }], "empty": {}, "none": null, "containers": self.containers(),
                "inner": { "apiVersion": "v1", "kind": "Pod", "spec": template["spec"] } })
            }
            _ => Value::Null,
        };
        match kind {
            "ConfigMap" => object["data"] = json!({ "A": "1", "B": "two\nlines", "yes": "no" }),
            "Secret" => object["data"] = json!({ "P": "cHc=" }),
            "ServiceAccount" => {
                object["secrets"] = json!([{ "name": "a" }, { "name": "b" }]);
                object["imagePullSecrets"] = json!([{ "name": "pull" }]);
            }
            "ClusterRole" => object["rules"] = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]),
            "ValidatingWebhookConfiguration" => {
                object["webhooks"] = json!([{ "name": "a.b", "sideEffects": "None" }, { "name": "c.d", "rules": [{ "operations": ["CREATE"] }] }]);
            }
            _ => object["spec"] = spec,
        }
        object
    }

    fn ports(&mut self, key: &str) -> Value {
        let count = self.number(1..4);
        let mut ports = Vec::new();
        for _ in 0..count {
            let mut port = json!({ key: self.pick(&[80, 443, 53]) });
            if self.chance(40) {
                port["protocol"] = json!(self.pick(&["TCP", "UDP"]));
            }
            if self.chance(60) {
                port["name"] = json!(self.pick(&WORDS));
            }
            ports.push(port);
        }
        json!(ports)
    }

    fn containers(&mut self) -> Value {
        let mut containers = Vec::new();
        for name in ["web", "proxy", "sidecar"] {
            if !self.chance(60) {
                continue;
            }
            let image = self.pick(&[
                "nginx:1.25",
                "nginx",
                "r.io:5000/a/web:1@sha256:aa",
                "r.io/web@sha256:bb",
                "busybox:1",
                "r.io:5000/a/web",
            ]);
            let mut container = json!({ "name": name, "image": image });
            if self.chance(50) {
                container["ports"] = self.ports("containerPort");
            }
            if self.chance(60) {
                container["env"] = json!([{ "name": "A", "value": "1" }, { "name": "B", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
            }
            if self.chance(40) {
                container["args"] = json!(["-a", "-b"]);
                container["envFrom"] = json!([{ "configMapRef": { "name": "cm" } }]);
            }
            if self.chance(40) {
                container["volumeMounts"] =
                    json!([{ "name": "cfg", "mountPath": "/etc/cfg" }, { "name": "tmp", "mountPath": "/tmp" }]);
            }
            if self.chance(40) {
                container["resources"] = json!({ "limits": { "cpu": "1", "memory": "1Gi" } });
            }
            containers.push(container);
        }
        json!(containers)
    }

    fn pod(&mut self) -> Value {
        let mut pod = json!({ "containers": self.containers() });
        for (field, value) in [
            ("initContainers", json!([{ "name": "init", "image": "busybox:1" }])),
            ("volumes", json!([{ "name": "cfg", "configMap": { "name": "cm" } }, { "name": "tmp", "emptyDir": {} }])),
            ("imagePullSecrets", json!([{ "name": "pull" }])),
            ("hostAliases", json!([{ "ip": "1.2.3.4", "hostnames": ["a"] }])),
            ("tolerations", json!([{ "key": "k", "operator": "Exists" }])),
            ("nodeSelector", json!({ "disk": "ssd" })),
            (
                "topologySpreadConstraints",
                json!([{ "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1 }]),
            ),
        ] {
            if self.chance(40) {
                pod[field] = value;
            }
        }
        pod
    }

    fn patch(&mut self, objects: &[Value]) -> Value {
        let object = self.pick(objects);
        let is_operations = self.chance(45);
        let mut patch = Map::new();
        if is_operations {
            let operations: Vec<_> = (0..self.number(1..4)).map(|_| self.operation(&object)).collect();
            patch.insert("patch".to_owned(), json!(self.yaml(&json!(operations))));
            patch.insert("target".to_owned(), self.target(&object));
            return patch.into();
        }
        let mut change = json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": { "name": object["metadata"]["name"] } });
        if object["metadata"]["namespace"].is_string() {
            change["metadata"]["namespace"] = object["metadata"]["namespace"].clone();
        }
        for (key, value) in object.as_object().unwrap() {
            if ["spec", "data", "secrets", "imagePullSecrets", "webhooks", "rules"].contains(&key.as_str())
                && self.chance(85)
            {
                change[key] = self.change(value, key, 0);
            }
        }
        for field in ["labels", "annotations", "finalizers"] {
            if self.chance(15) {
                change["metadata"][field] = match &object["metadata"][field] {
                    Value::Null if field == "finalizers" => json!(["f/c"]),
                    Value::Null => json!({ "app": self.pick(&WORDS) }),
                    value => self.change(value, field, 0),
                };
            }
        }
        if self.chance(4) {
            change["$patch"] = json!(self.pick(&["delete", "merge"]));
        }
        if self.chance(35) {
            patch.insert("target".to_owned(), self.target(&object));
            // with a target, kustomize makes a text of null
            for field in ["labels", "annotations"] {
                match change["metadata"].get_mut(field) {
                    Some(Value::Object(map)) => map.retain(|key, value| key != "$patch" && !value.is_null()),
                    Some(value) => *value = json!({ "app": "x" }),
                    None => {}
                }
            }
            if self.chance(40) {
                change["metadata"]["name"] = json!("renamed");
            }
            if self.chance(20) {
                change["kind"] = json!("Other");
            }
            if self.chance(30) {
                patch.insert(
                    "options".to_owned(),
                    json!({ "allowNameChange": self.chance(50), "allowKindChange": self.chance(50) }),
                );
            }
        }
        patch.insert("patch".to_owned(), json!(self.yaml(&change)));
        patch.into()
    }

    fn target(&mut self, object: &Value) -> Value {
        let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        match self.number(0..12) {
            0..=3 => json!({ "kind": kind, "name": name }),
            4 => json!({ "kind": ".*Set|Deployment" }),
            5 => json!({ "name": "w.*" }),
            6 => {
                json!({ "labelSelector": self.pick(&["app=web", "tier in (front)", "app!=db", "!tier", "app,tier notin (x)", "app=("]) })
            }
            7 => json!({ "annotationSelector": "n/a" }),
            8 => json!({ "namespace": self.pick(&["default", "ns", "n.*"]) }),
            9 => json!({ "group": "apps", "version": "v1" }),
            10 => json!({ "kind": kind.get(1..).unwrap() }),
            _ => json!({ "kind": kind }),
        }
    }

    fn scalar(&mut self) -> Value {
        self.pick(&[json!("new"), json!(7), json!(true), json!("1"), json!("y"), json!(""), json!("a b"), json!(1.5)])
    }

    /// Strategic merge patch of a value.
    fn change(&mut self, value: &Value, field: &str, depth: usize) -> Value {
        if self.chance(5) {
            return Value::Null;
        }
        if self.chance(1) {
            return self.scalar();
        }
        match value {
            Value::Object(map) => {
                let mut change = Map::new();
                for (key, value) in map {
                    if self.chance(45) {
                        change.insert(key.clone(), self.change(value, key, depth + 1));
                    }
                }
                if self.chance(12) {
                    let is_text = ["labels", "annotations", "matchLabels"].contains(&field);
                    let value = if is_text { self.scalar() } else { self.new_value() };
                    change.insert(self.pick(&["added", "type", "emptyDir", "y"]).to_owned(), value);
                }
                if self.chance(6) {
                    let directive = self.pick(&["delete", "replace", "merge"]);
                    change.insert("$patch".to_owned(), json!(directive));
                }
                if self.chance(2) {
                    change.insert("$retainKeys".to_owned(), json!(["type"]));
                }
                change.into()
            }
            Value::Array(items) => self.change_list(items, field, depth),
            _ => self.scalar(),
        }
    }

    fn change_list(&mut self, items: &[Value], field: &str, depth: usize) -> Value {
        const KEYS: [&str; 7] = ["name", "containerPort", "port", "mountPath", "ip", "topologyKey", "key"];
        let mut changes = Vec::new();
        for item in items {
            if !self.chance(50) {
                continue;
            }
            let mut change = self.change(item, field, depth + 1);
            if let (Some(item), Some(change)) = (item.as_object(), change.as_object_mut()) {
                for key in KEYS.iter().filter(|key| item.contains_key(**key)) {
                    change.insert((*key).to_owned(), item[*key].clone());
                }
                if self.chance(10) {
                    change.insert("$patch".to_owned(), json!(self.pick(&["delete", "replace", "merge", "delete"])));
                }
            }
            if !change.is_null() {
                changes.push(change);
            }
        }
        if self.chance(40) {
            changes.push(match field {
                "containers" | "initContainers" => json!({ "name": self.pick(&["new", "web"]), "image": "new:1", "env": [{ "name": "A", "$patch": self.pick(&["delete", "merge"]) }, { "name": "Q", "value": null }] }),
                "ports" => {
                    let key = if items.first().is_some_and(|item| item["port"].is_number()) { "port" } else { "containerPort" };
                    self.ports(key)[0].clone()
                }
                "env" => json!({ "name": self.pick(&["A", "Z"]), "value": "9" }),
                "volumeMounts" => json!({ "mountPath": self.pick(&["/tmp", "/new"]), "name": "tmp" }),
                "volumes" | "secrets" | "imagePullSecrets" | "webhooks" => json!({ "name": self.pick(&["cfg", "new"]), "x": self.new_value() }),
                "topologySpreadConstraints" => json!({ "topologyKey": "zone", "whenUnsatisfiable": self.pick(&["ScheduleAnyway", "DoNotSchedule"]) }),
                "hostAliases" => json!({ "ip": self.pick(&["1.2.3.4", "5.6.7.8"]), "hostnames": ["b"] }),
                "finalizers" => json!(self.pick(&["f/a", "f/z"])),
                "args" | "hostnames" | "accessModes" | "verbs" | "resources" => self.scalar(),
                _ => json!({ "name": "new", "x": self.new_value() }),
            });
        }
        if self.chance(8) {
            let at = if self.chance(80) { 0 } else { changes.len() };
            changes.insert(at, json!({ "$patch": self.pick(&["replace", "delete", "merge", "replace"]) }));
        }
        changes.into()
    }

    fn new_value(&mut self) -> Value {
        match self.number(0..6) {
            0 => json!({ "a": 1, "b": null }),
            1 => json!([1, { "c": null }]),
            2 => json!({ "d": { "$patch": "delete", "e": 1 }, "f": {} }),
            3 => json!({}),
            _ => self.scalar(),
        }
    }

    fn operation(&mut self, object: &Value) -> Value {
        let mut paths = Vec::new();
        collect_paths(object, String::new(), &mut paths);
        let path = self.path(&paths);
        match self.number(0..12) {
            kind @ 0..=4 => {
                // what other transformers read stays a text
                let is_text =
                    ["/image", "/metadata/labels/", "/metadata/annotations/"].iter().any(|part| path.contains(part));
                let value = if is_text { json!(self.pick(&["x", "y", "nginx"])) } else { self.new_value() };
                json!({ "op": if kind < 3 { "add" } else { "replace" }, "path": path, "value": value })
            }
            5..=6 => json!({ "op": "remove", "path": path }),
            kind @ 7..=8 => {
                // kustomize keeps notes of its own among the annotations
                let sources: Vec<_> = paths.iter().filter(|path| *path != "/metadata/annotations").cloned().collect();
                json!({ "op": if kind == 7 { "move" } else { "copy" }, "from": self.path(&sources), "path": path })
            }
            9..=10 => {
                let value = object.pointer(&path).cloned().filter(|_| self.chance(90)).unwrap_or_else(|| self.scalar());
                json!({ "op": "test", "path": path, "value": value })
            }
            _ => {
                json!({ "op": self.pick(&["add", "nothing", "remove"]), "path": self.pick(&["", "/", "spec", "/metadata/labels/-", "/spec/x~2y"]), "value": 1 })
            }
        }
    }

    /// Path of the object, or one near it.
    fn path(&mut self, paths: &[String]) -> String {
        // the identity stays, or other patches fail in kustomize for other reasons
        let paths: Vec<_> = paths
            .iter()
            .filter(|path| {
                !["/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace"].contains(&path.as_str())
            })
            .cloned()
            .collect();
        let mut path = self.pick(&paths);
        let last = path.rfind('/').unwrap();
        match self.number(0..14) {
            0 => path.push_str("/new"),
            1 => path.push_str("/-"),
            2 => path.push_str("/0"),
            3 => path.replace_range(last.., self.pick(&["/new~1key", "/-", "/0", "/-1", "/9", "/1", "/-4"])),
            _ => {}
        }
        if path == "/-" || path == "/0" || path.len() < 3 { "/metadata/labels/x".to_owned() } else { path }
    }

    /// YAML text of a patch; now and then JSON.
    fn yaml(&mut self, value: &Value) -> String {
        if self.chance(15) {
            return value.to_string();
        }
        let text = serde_yaml::to_string(value).unwrap();
        // words that YAML 1.1 reads as something else
        if self.chance(30) { text.replace("'y'", "y").replace("\"y\"", "y").replace("'true'", "yes") } else { text }
    }
}

fn collect_paths(value: &Value, path: String, paths: &mut Vec<String>) {
    let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect_paths(value, below(key), paths)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect_paths(item, below(&index.to_string()), paths));
        }
        _ => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}
