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
mod progress;
mod shards;
mod sparse;
mod stable;
mod unwritable;
mod world;
