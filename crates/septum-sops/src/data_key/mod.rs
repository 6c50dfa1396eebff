//! The data key of a file: unlocked with an identity, wrapped for recipients.

pub(crate) mod unlock;
pub(crate) mod wrap;
