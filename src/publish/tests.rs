//! Trees against a model.

mod model;
mod world;
