//! Comparison of trees with a model.

mod model;
mod world;
