//! The demo, the examples and their encrypted files.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::Path;

/// `prod.secrets.yaml` of the demo: `DATABASE_PASSWORD` and `STRIPE_WEBHOOK_SECRET` under `data`.
pub(crate) const ENCRYPTED: &str = include_str!("../../environments/prod.secrets.yaml");

/// The file of the monorepo: `broker.password` under `vars`.
pub(crate) const ENCRYPTED_VARS: &str = include_str!("../../examples/monorepo/environments/prod.secrets.yaml");

/// The demo and the examples that render objects of Kubernetes alone, in plaintext: the name of the case, the
/// directory, and its environments.
pub(crate) const PROJECTS: &[(&str, &str, &[&str])] = &[
    ("demo", ".", &["dev", "prod", "staging"]),
    ("helm-chart", "examples/helm-chart", &["dev", "prod"]),
    ("kustomize-function", "examples/kustomize-function", &["dev", "prod"]),
    ("mastodon", "examples/mastodon", &["dev", "prod", "staging"]),
    ("minimal", "examples/minimal", &["dev", "prod"]),
    ("monorepo", "examples/monorepo", &["dev", "prod"]),
    ("typed-secrets", "examples/typed-secrets", &["dev", "prod"]),
];

/// The examples whose tree is committed, in `rendered`, with secrets in some other form: the directory, and its
/// environments.
pub(crate) const TREES: &[(&str, &[&str])] = &[
    ("examples/csi", &["aws", "azure", "gcp", "vault"]),
    ("examples/external-secrets", &["dev", "dr", "prod", "qa", "staging"]),
    ("examples/fleet-job", &["dev", "prod"]),
    ("examples/gitops-flux", &["prod", "staging"]),
    ("examples/sealed-secrets", &["dev", "prod"]),
];

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
