//! YAML in its common form and as Kubernetes reads it. Independent of Septum's model.

pub mod kubectl;
pub mod node;
pub mod read;
pub mod scalar;
pub mod write;
