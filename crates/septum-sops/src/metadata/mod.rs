//! The `sops` block of a file, and errors of encrypted files.

pub(crate) mod block;
pub(crate) mod error;
pub(crate) mod selector_origin;
