//! Patches, images and replica counts give the objects that kustomize gives.

mod build;
mod kustomize;
mod random;
mod vectors;
