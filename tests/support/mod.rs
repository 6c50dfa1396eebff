//! What the integration tests share.

pub(crate) mod desk;
pub(crate) mod help;
pub(crate) mod messages;
pub(crate) mod peers;
pub(crate) mod project;
pub(crate) mod sandbox;
pub(crate) mod sources;
pub(crate) mod terminal;
