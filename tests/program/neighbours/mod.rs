//! Programs that let Septum change their objects: `septum krm` and `septum helm`, by themselves and in the real
//! kustomize and Helm.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod chart_values;
mod helm;
mod kpt;
mod krm;
mod kustomize;
mod post_render;

use std::path::Path;

use serde::Deserialize as _;
use serde_json::Value as Json;

use crate::support::sandbox::{CANARY, Sandbox};

/// A project in `environments`, with a plain key and a secret in `prod`, and a bundle beside that of the app.
fn project() -> Sandbox {
    with_names("plain")
}

/// The same with this naming of objects.
fn with_names(names: &str) -> Sandbox {
    let site = Sandbox::with_identities()
        .file(
            "environments/base.yaml",
            format!(
                "app: shop\nnames: {names}\ndata:\n  LEVEL: info\n  PORT: {{ value: 8080, type: integer, minimum: 1 }}\n  \
                 PASSWORD: {{ sensitive: true }}\nbundles: {{ features: {{ data: {{ A: \"on\" }} }} }}\n"
            ),
        )
        .file("environments/dev.yaml", "")
        .file("environments/prod.yaml", "data: { LEVEL: warn }\n");
    site.encrypted("environments/prod.secrets.yaml", format!("data: {{ PASSWORD: {CANARY} }}\n"));
    site
}

/// A Deployment with these annotations of its pod template.
fn deployment(annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector: {{ matchLabels: {{ app: web }} }}\n  \
         template:\n    metadata:\n      labels: {{ app: web }}\n      annotations: {{ {annotations} }}\n    spec:\n      \
         containers:\n      - name: web\n        image: web:1\n"
    )
}

/// The documents of a text.
fn documents(text: &str) -> Vec<Json> {
    serde_yaml::Deserializer::from_str(text).map(|document| Json::deserialize(document).unwrap()).collect()
}

/// `PATH` with the program itself, and the programs of others.
fn path_with(program: &Path) -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{}:{}:{others}", own.display(), program.parent().unwrap().display())
}
