//! Recipients of a file and their key groups.

pub(crate) mod foreign;
pub(crate) mod group;
pub(crate) mod hybrid;
pub(crate) mod passphrase;
#[cfg(feature = "plugin")]
pub(crate) mod plugin;
pub(crate) mod private_key;
pub(crate) mod recipient;
pub(crate) mod ssh;
