//! YAML in its common form and as Kubernetes reads it. Independent of Septum's model.

pub mod kubectl;
pub mod node;
mod old_breaks;
pub mod read;
pub mod scalar;
pub mod splice;
pub mod write;

pub use old_breaks::check_old_breaks;
