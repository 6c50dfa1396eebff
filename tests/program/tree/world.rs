//! A project with three environments, two of them encrypted, in the forms in which Git may have them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{Run, Sandbox};

pub(crate) const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

pub(crate) const BASE: &str = "app: shop
namespace: shop
delivery: { secrets: sops, recipients: [age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms] }
data:
  LOG_LEVEL: info
  GREETING: hello
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
  URL: 'postgres://app:{{ data.DATABASE_PASSWORD | urlencode }}@db/shop'
bundles:
  files: { data: { app.conf: { template: files/app.conf.j2 } } }
manifests: ['workloads/*.yaml']
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata:
      labels: { app: web }
      annotations: { septum.dev/env-from: shop }
    spec: { containers: [{ name: web, image: 'web:{{ env.name }}' }] }
";

/// The project. Its own `dev` has no secrets.
pub(crate) fn shop() -> Sandbox {
    let dev = "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null, URL: null }\n";
    Sandbox::new([
        ("base.yaml", BASE),
        ("dev.yaml", dev),
        ("prod.yaml", "data: { LOG_LEVEL: warn }\n"),
        ("prod.secrets.yaml", ENCRYPTED),
        ("staging.yaml", "data: { LOG_LEVEL: debug }\n"),
        ("staging.secrets.yaml", ENCRYPTED),
        ("files/app.conf.j2", "greeting = {{ bundles.shop.GREETING }}\n"),
        ("workloads/web.yaml", DEPLOYMENT),
    ])
}

/// All files below a directory, by their paths from there.
pub(crate) fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(at) = directories.pop() {
        let Ok(entries) = fs::read_dir(&at) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("below").display().to_string();
                found.insert(name, fs::read(path).expect("a file"));
            }
        }
    }
    found
}

/// What differs between two trees: `+`, `-` or `~` and the path.
pub(crate) fn changes(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut changes = Vec::new();
    for (path, bytes) in after {
        match before.get(path) {
            None => changes.push(format!("+ {path}")),
            Some(old) if old != bytes => changes.push(format!("~ {path}")),
            Some(_) => {}
        }
    }
    changes.extend(before.keys().filter(|path| !after.contains_key(*path)).map(|path| format!("- {path}")));
    changes.retain(|change| !change.ends_with("/inventory.json"));
    changes
}

impl Sandbox {
    pub(crate) fn rendered(&self) -> PathBuf {
        self.root().join("rendered")
    }

    /// What is in the tree, the inventory included.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        tree(&self.rendered())
    }

    /// Renders all into the tree, with the key.
    #[track_caller]
    pub(crate) fn render(&self) -> String {
        let run = self.run_with_key(&["render", "--all", "--out", "rendered"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr
    }

    /// Renders into the tree with some words more.
    pub(crate) fn render_with(&self, words: &[&str]) -> Run {
        self.run_with_key(&[&["render", "--out", "rendered"], words].concat())
    }

    /// Changes a file.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.root().join(path);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("a file");
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.root().join(path)).expect("a file");
    }
}
