//! The repository itself: its documentation, its examples, its structure.

mod architecture;
mod clocks;
mod docs;
mod examples;
