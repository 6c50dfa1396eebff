//! Conversion of layers to what needs no Septum: manifests, or bases and overlays of kustomize.
//!
//! A form gives an [`EjectPlan`]: files in memory, and the objects that they must give. [`write_eject`] writes them beside
//! the destination, reads them back, compares the objects with the rendered ones, and moves the directory into place.
//! Secrets are encrypted in every file.

mod kustomize;
mod plain;
mod plan;
mod target;
mod write;

pub use kustomize::{KustomizeLayout, plan_kustomize};
pub use plain::plan_plain;
pub use plan::{EjectPlan, EjectedFile};
pub use target::{EjectRequest, EjectTarget, EjectedObject, collect_targets};
pub use write::{EjectDestination, EjectOutcome, ProofTools, write_eject};
