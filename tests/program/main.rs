//! Tests that run the program as its users do, by capability.
//!
//! One binary for all of them: it is linked once. `cargo test --test program check::` runs one room.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod check;
mod delivery;
mod diff;
mod editors;
mod eject;
mod exec;
mod first_hour;
mod forges;
mod git_drivers;
mod gitops;
mod import;
mod kustomize;
mod layers;
mod lsp;
mod meant;
mod messages;
mod neighbours;
mod objects;
mod promote;
mod repository;
mod safety;
mod secret_files;
mod seeing;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod tree;
