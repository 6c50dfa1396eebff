//! YAML as people write it and as Kubernetes reads it. Knows nothing of Septum.

pub mod kubectl;
pub mod node;
pub mod read;
pub mod scalar;
pub mod write;
