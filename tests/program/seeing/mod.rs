//! What people and programs see of a project: its keys, variables, readers and history, and never a secret.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod docs;
mod exposure;
mod list;
mod report;
mod variables;
