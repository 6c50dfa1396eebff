//! Objects as bases and overlays of kustomize: `[APP/]base` with what all environments share, `[APP/]overlays/ENV`.
//!
//! ConfigMaps and Secrets of bundles are generators, so kustomize gives them their hashes and writes these into the
//! references. Inputs of Secrets are encrypted files beside the names of their plaintext, which `sops -d` creates and
//! Git ignores.

mod configuration;
mod generator;
mod kustomization;
mod overlays;
mod patch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::plan::{EjectPlan, EjectedFile};
use super::target::EjectTarget;
use crate::manifest::references::ReferenceRules;
use crate::name::AppName;
use overlays::AppOverlays;

/// Layout of what is written.
pub struct KustomizeLayout<'a> {
    /// Whether each app has a directory of its own.
    pub has_apps: bool,
    /// Apps whose objects are resources with fixed names alone.
    pub fixed: &'a BTreeSet<AppName>,
    /// Fields that are references.
    pub references: &'a ReferenceRules,
}

/// Plans a base and overlays for each app.
pub fn plan_kustomize(targets: &[EjectTarget], layout: &KustomizeLayout<'_>) -> EjectPlan {
    let mut plan = EjectPlan::default();
    let mut apps: BTreeMap<&AppName, Vec<(usize, &EjectTarget)>> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        apps.entry(&target.app).or_default().push((index, target));
    }
    for (app, targets) in apps {
        AppOverlays::of(app, &targets, layout).add_to(&mut plan);
        if layout.fixed.contains(app) {
            plan.notes.push(format!(
                "{app}: generators and patches do not give the same objects, so all of them are resources with fixed names"
            ));
        }
    }
    let example = plan.builds.last().and_then(|build| build.input.directory()).unwrap_or("overlays/prod");
    let has_base = plan.files.keys().any(|path| path.starts_with("base/") || path.contains("/base/"));
    let text = read_me(example, has_base);
    plan.add_text("README.md", text);
    add_ignored(&mut plan);
    plan
}

/// Adds a file by which Git ignores decrypted inputs.
fn add_ignored(plan: &mut EjectPlan) {
    let mut text = String::new();
    for file in plan.files.values() {
        if let EjectedFile::Secret { decrypted: Some(path), .. } = file {
            let _ = writeln!(text, "/{path}");
        }
    }
    if !text.is_empty() {
        plan.add_text(".gitignore", format!("# decrypted by `sops -d`\n{text}"));
    }
}

/// Instructions for a reader without Septum.
fn read_me(overlay: &str, has_base: bool) -> String {
    let directories = if has_base {
        "`base` has what all environments share, and `overlays` has a directory for each."
    } else {
        "`overlays` has a directory for each environment. They share nothing."
    };
    format!(
        "\
# Kustomizations

{directories} Files of Secrets (`*.enc.*`) are
encrypted with [SOPS](https://github.com/getsops/sops); `sops FILE` edits one. kustomize reads their plaintext, which Git
ignores.

To decrypt the files of an environment with an identity for them, and apply it:

```sh
for file in $(find {overlay} -name '*.enc.*'); do
  sops -d \"$file\" > \"$(echo \"$file\" | sed 's/\\.enc\\.\\([a-z]*\\)$/.\\1/')\"
done
kubectl kustomize {overlay} | kubectl apply -f -
```
"
    )
}
