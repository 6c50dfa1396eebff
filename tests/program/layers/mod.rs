//! Layers: how they are stacked, named and merged.

mod encrypted_manifests;
mod lifecycle;
mod merging;
mod model;
mod names;
mod naming_fields;
mod overlays;
mod patching;
mod renamed;
mod tags;
