//! Other objects of an app: read from files, checked, named, labelled and wired.
//!
//! A workload needs to know which object a key is in, which depends on the classification boundary. That is filled in
//! here, so that a key can move across the boundary without an edit of the workload.

mod affix;
mod checksum;
mod classes;
mod collect;
mod filled_in;
mod follow;
mod identity;
mod label;
mod named;
pub mod patch;
pub mod references;
mod reload;
mod schema;
mod scope;
mod selector_label;
mod taint;
mod tree;
mod wiring;

pub use affix::{add_affixes, keeps_name};
pub use checksum::{ChecksumIndex, ChecksumState, ObjectChecksum, add_checksums, is_checksum, requests_checksums};
pub use classes::{rename_classes, visit_class_names};
pub use collect::{collect_manifests, has_nameless, list_items};
pub use filled_in::is_filled_in_later;
pub use follow::MovedObjects;
pub use identity::Manifest;
pub use label::{BASE_NAME, CommonMetadata, apply_common};
pub use named::manifest_as_bundle;
pub use reload::reload;
pub use scope::is_namespaced;
pub use wiring::{BundleObjectMap, template_of as pod_template, wire_workload};
