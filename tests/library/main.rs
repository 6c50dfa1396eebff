//! Tests that call the library many times in one process: random inputs, and files of other programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod diff_model;
mod format_peers;
mod gc;
mod never_panics;
mod noninterference;
mod patches;
mod routing_corpus;
mod sops_read;
#[path = "../support/mod.rs"]
mod support;
mod taint;
mod yaml_peers;
