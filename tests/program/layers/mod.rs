//! Layers: how they are stacked, named and merged.

mod merging;
mod model;
mod names;
