//! Identities of the user.

pub(crate) mod identity;
pub(crate) mod keygen;
pub(crate) mod sources;
