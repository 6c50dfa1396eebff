//! What the integration tests share.

pub(crate) mod help;
pub(crate) mod messages;
pub(crate) mod objects;
pub(crate) mod peers;
pub(crate) mod samples;
pub(crate) mod sandbox;
pub(crate) mod sources;
pub(crate) mod terminal;
pub(crate) mod texts;
