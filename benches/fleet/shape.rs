//! The same fleet twice: as a project of Septum, and as bases and overlays of kustomize.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How many services there are, and of what size.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) services: usize,
    pub(super) environments: usize,
    /// Keys of a service that are no secrets. Each environment sets a quarter of them.
    pub(super) keys: usize,
    /// Secrets of a service. Each environment sets two of them, or all where they are encrypted.
    pub(super) secrets: usize,
    /// Bytes of a value.
    pub(super) size: usize,
    /// Whether secrets lie in encrypted layers, which kustomize cannot read.
    pub(super) is_encrypted: bool,
}

const TYPICAL: Shape = Shape { services: 0, environments: 3, keys: 20, secrets: 5, size: 0, is_encrypted: false };

impl Shape {
    /// Twenty keys and five secrets a service, in three environments.
    pub(super) fn of(services: usize) -> Self {
        Self { services, ..TYPICAL }
    }

    pub(super) fn environments(self) -> Vec<String> {
        let named = ["dev", "staging", "prod"].map(str::to_owned).into_iter();
        named.chain((3..).map(|number| format!("env-{number}"))).take(self.environments).collect()
    }

    pub(super) fn targets(self) -> usize {
        self.services * self.environments
    }

    fn service(self, number: usize) -> Service {
        let name = name(number);
        let prefix = name.to_uppercase().replace('-', "_");
        Service { number, name, prefix, pad: "x".repeat(self.size.saturating_sub(16)) }
    }

    /// Writes the project of Septum.
    pub(super) fn septum(self, root: &Path, recipient: &str) {
        put(&root.join("septum.yaml"), "apps: [\"services/*\"]\n");
        put(&root.join(".sops.yaml"), &format!("creation_rules:\n  - age: {recipient}\n"));
        for service in (0..self.services).map(|number| self.service(number)) {
            let directory = root.join("services").join(&service.name);
            put(&directory.join("workloads/deploy.yaml"), &service.deployment());
            let mut base = format!("app: {}\nnames: kustomize\nmanifests: [workloads/*.yaml]\ndata:\n", service.name);
            lines(&mut base, &service.keys(0..self.keys, "value"), |key, value| format!("  {key}: {value}"));
            lines(&mut base, &service.secrets(0..self.secrets, "s3cr3t"), |key, value| {
                let value = if self.is_encrypted { String::new() } else { format!("value: {value}, ") };
                format!("  {key}: {{ {value}sensitive: true }}")
            });
            put(&directory.join("base.yaml"), &base);
            for environment in self.environments() {
                let mut layer = format!("namespace: {environment}\ndata:\n");
                lines(&mut layer, &self.overlaid(&service, &environment), |key, value| format!("  {key}: {value}"));
                let mut secrets = "data:\n".to_owned();
                let to = if self.is_encrypted { &mut secrets } else { &mut layer };
                lines(to, &self.overlaid_secrets(&service, &environment), |key, value| format!("  {key}: {value}"));
                put(&directory.join(format!("{environment}.yaml")), &layer);
                if self.is_encrypted {
                    put(&directory.join(format!("{environment}.secrets.yaml")), &secrets);
                }
            }
        }
    }

    /// The files of the project that are to be encrypted.
    pub(super) fn to_encrypt(self, root: &Path) -> Vec<PathBuf> {
        let files = |number| {
            let directory = root.join("services").join(name(number));
            self.environments()
                .into_iter()
                .map(move |environment| directory.join(format!("{environment}.secrets.yaml")))
        };
        if self.is_encrypted { (0..self.services).flat_map(files).collect() } else { Vec::new() }
    }

    /// Writes bases and overlays, and for each environment a list of all overlays.
    pub(super) fn kustomize(self, root: &Path) {
        for service in (0..self.services).map(|number| self.service(number)) {
            let base = root.join("services").join(&service.name).join("base");
            put(&base.join("deploy.yaml"), &service.deployment());
            put(&base.join("app.env"), &env(&service.keys(0..self.keys, "value")));
            put(&base.join("secret.env"), &env(&service.secrets(0..self.secrets, "s3cr3t")));
            put(&base.join("kustomization.yaml"), &service.kustomization("resources: [deploy.yaml]\n", ""));
            for environment in self.environments() {
                let overlay = root.join(overlay(&service.name, &environment));
                put(&overlay.join("app.env"), &env(&self.overlaid(&service, &environment)));
                put(&overlay.join("secret.env"), &env(&self.overlaid_secrets(&service, &environment)));
                let head = format!("namespace: {environment}\nresources: [../../base]\n");
                put(&overlay.join("kustomization.yaml"), &service.kustomization(&head, "  behavior: merge\n"));
            }
        }
        for environment in self.environments() {
            let mut all = "resources:\n".to_owned();
            for number in 0..self.services {
                let _ = writeln!(all, "- ../../{}", overlay(&name(number), &environment));
            }
            put(&root.join("all").join(&environment).join("kustomization.yaml"), &all);
        }
    }

    /// The overlays of all services in all environments.
    pub(super) fn overlays(self) -> Vec<String> {
        let environments = self.environments();
        let of = |number| environments.iter().map(move |environment| overlay(&name(number), environment));
        (0..self.services).flat_map(of).collect()
    }

    fn overlaid(self, service: &Service, environment: &str) -> Vec<(String, String)> {
        service.keys(0..(self.keys / 4).max(1), environment)
    }

    fn overlaid_secrets(self, service: &Service, environment: &str) -> Vec<(String, String)> {
        let set = if self.is_encrypted { self.secrets } else { self.secrets.min(2) };
        service.secrets(0..set, &format!("{environment}-s3cr3t"))
    }
}

/// The layer of the first service in the last environment, and the kustomize overlay's list of the same keys.
pub(super) fn first_layer(root: &Path, environment: &str) -> PathBuf {
    root.join("services").join(name(0)).join(format!("{environment}.yaml"))
}

fn name(number: usize) -> String {
    format!("svc-{number:04}")
}

fn overlay(service: &str, environment: &str) -> String {
    format!("services/{service}/overlays/{environment}")
}

struct Service {
    number: usize,
    name: String,
    prefix: String,
    pad: String,
}

impl Service {
    fn keys(&self, range: Range<usize>, word: &str) -> Vec<(String, String)> {
        let Self { number, prefix, pad, .. } = self;
        range.map(|key| (format!("{prefix}_KEY_{key}"), format!("{word}-{number}-{key}{pad}"))).collect()
    }

    fn secrets(&self, range: Range<usize>, word: &str) -> Vec<(String, String)> {
        let Self { number, pad, .. } = self;
        range.map(|key| (format!("SECRET_{key}"), format!("{word}-{number}-{key}{pad}"))).collect()
    }

    fn deployment(&self) -> String {
        let name = &self.name;
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels:\n      \
             app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n    spec:\n      containers:\n      \
             - name: app\n        image: example.com/{name}:1.0\n        envFrom:\n        - configMapRef:\n            \
             name: {name}\n        - secretRef:\n            name: {name}\n"
        )
    }

    fn kustomization(&self, head: &str, behavior: &str) -> String {
        let generator =
            |kind: &str, file: &str| format!("{kind}Generator:\n- name: {}\n{behavior}  envs: [{file}]\n", self.name);
        format!(
            "{head}generatorOptions:\n  immutable: true\n{}{}",
            generator("configMap", "app.env"),
            generator("secret", "secret.env")
        )
    }
}

fn env(entries: &[(String, String)]) -> String {
    let mut out = String::new();
    lines(&mut out, entries, |key, value| format!("{key}={value}"));
    out
}

fn lines(out: &mut String, entries: &[(String, String)], line: impl Fn(&str, &str) -> String) {
    for (key, value) in entries {
        let _ = writeln!(out, "{}", line(key, value));
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
    fs::write(path, text).expect("a file is written");
}
