//! The repository itself: its documentation, its examples, its structure.

mod architecture;
mod circles;
mod clocks;
mod code_size;
mod docs;
mod examples;
mod help;
mod promises;
mod releases;
mod wording;
