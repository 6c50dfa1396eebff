//! The forms in which secrets leave: encrypted, sealed, or as pointers to a store. What is written is read
//! by those that it is for.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test")]

mod csi;
mod external_secret;
mod operator;
mod schema;
mod sealed_secret;
mod sops;
