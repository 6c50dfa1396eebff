//! The repository itself: its documentation, its examples, its structure.

mod architecture;
mod circles;
mod clocks;
mod code_size;
mod docs;
mod examples;
mod help;
mod promises;
#[cfg(unix)] // scripts of a shell
mod releases;
mod wording;
