//! A document as sops sees it: values with types, their paths, its traversal, and the selection of encrypted values.

pub(crate) mod conflict;
pub(crate) mod pattern;
pub(crate) mod scalar;
pub(crate) mod selector;
pub(crate) mod text_bytes;
pub(crate) mod traversal;
pub(crate) mod tree;
