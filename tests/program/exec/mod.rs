//! `septum exec` and `septum export`: values of an environment as variables of a program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod export;
mod marks;
#[cfg(target_os = "linux")]
mod parent;
mod variables;

use crate::support::sandbox::{CANARY, Sandbox};

/// A project with a value of each kind, and a secret of `dev`.
fn project() -> Sandbox {
    let site = Sandbox::with_identities()
        .file(
            "base.yaml",
            "app: shop\nvars: { domain: example.com }\ndata:\n  LEVEL: info\n  HOST: \"db.{{ vars.domain }}\"\n  \
             PASSWORD: { sensitive: true, required: true }\n  \
             URL: \"postgres://shop:{{ data.PASSWORD | urlencode }}@{{ data.HOST }}/shop\"\n  \
             nginx.conf: { file: files/nginx.conf }\n  UNSET: { sensitive: true }\n\
             bundles: { worker: { data: { QUEUE: jobs } } }\n",
        )
        .file("files/nginx.conf", "server {}\n")
        .file("dev.yaml", "data: { LEVEL: debug }\n")
        .file("prod.yaml", "");
    for environment in ["dev", "prod"] {
        site.encrypted(&format!("{environment}.secrets.yaml"), format!("data:\n  PASSWORD: '{CANARY} Z9/+'\n"));
    }
    site
}
