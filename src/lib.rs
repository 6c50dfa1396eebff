//! Septum.

pub mod cli;
pub mod diagnostic;
pub mod emit;
pub mod files;
pub mod format;
pub mod layer;
pub mod name;
pub mod object;
pub mod pipeline;
pub mod project;
pub mod resolve;
pub mod route;
pub mod secret;
pub mod sops;
pub mod span;
pub mod value;
pub mod view;
pub mod yaml;
