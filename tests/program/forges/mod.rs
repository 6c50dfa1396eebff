//! Findings and differences where forges and CI show them.

mod action;
mod formats;
mod github;
mod jobs;
