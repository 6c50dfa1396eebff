//! The language server, as editors speak to it.

mod changes;
mod client;
mod diagnostics;
mod names;
mod session;
