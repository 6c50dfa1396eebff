//! What the integration tests share.

pub(crate) mod help;
#[allow(dead_code, reason = "a model for one of the binaries, and for fuzzing")]
pub(crate) mod layer_model;
pub(crate) mod messages;
pub(crate) mod objects;
pub(crate) mod peers;
pub(crate) mod samples;
pub(crate) mod sandbox;
pub(crate) mod sources;
pub(crate) mod terminal;
pub(crate) mod texts;
