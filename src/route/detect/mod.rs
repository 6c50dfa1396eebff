//! Telling secrets by their names and values.

mod names;
mod vocabulary;
mod words;

pub use names::{NameVerdict, name, public_prefix};
