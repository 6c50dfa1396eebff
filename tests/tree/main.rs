//! The tree that Git keeps: `septum render --out`, as users run it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test")]
#![cfg(unix)]

mod attacks;
mod canary;
mod check;
mod counts;
mod evidence;
mod git;
mod keyless;
mod killed;
mod layout;
#[path = "../support/peers.rs"]
mod peers;
mod progress;
#[path = "../support/project.rs"]
mod project;
mod shards;
mod stable;
#[path = "../support/terminal.rs"]
mod terminal;
mod unwritable;
mod world;
