//! What Argo CD, Flux and kubectl do with the program and its output. Where one does not run here, the files and the
//! environment are exactly those that it gives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod argocd;
mod flux;
mod hydration;
mod kubectl;
mod manifests;
