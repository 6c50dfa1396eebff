//! Septum.

pub mod diagnostic;
pub mod format;
pub mod secret;
pub mod sops;
pub mod span;
pub mod value;
pub mod yaml;
