//! Git repositories with encrypted files, as people have them: real repositories, the real git, and
//! the program as Git runs it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test")]
#![cfg(unix)]

mod deploy;
mod merge;
mod property;
mod repository;
mod textconv;
