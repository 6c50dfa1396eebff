//! Patches of objects as kustomize applies them: strategic merge, JSON6902 operations, images and replica counts.
//!
//! Pure functions over the trees of objects. Each object and each patch comes with its templated parts: after a patch,
//! those of the object are at their new paths, those of the patch are parts of the object, and those of removed values
//! are gone. A templated value that only *decides* something (a merge key, a directive, an operation, a tested value)
//! is reported beside, since what is rendered depends on it: it is for the caller to refuse it if it is sensitive.
//!
//! The caller splits lists of objects first, and applies the patches to [`PatchedObjects`] layer by layer, then calls
//! [`override_replicas`] and [`override_images`]. A patch costs what it touches: other objects are at most compared by
//! their identity.

mod apply;
mod consumed;
mod directive;
mod equality;
mod failure;
mod field_pattern;
mod image;
mod merge_list;
mod merge_schema;
mod node;
mod object;
mod operation;
mod pointer;
mod reading;
mod replicas;
mod selector;
mod strategic;
mod target;
mod target_index;

pub use apply::{PatchDocument, PatchOptions, PatchReport, PatchSettings, PatchedObjects, ResolvedPatch};
pub use consumed::{ConsumedPart, DecidingRole};
pub use image::{ImageOverride, override_images};
pub use merge_schema::MergeSchema;
pub use object::PatchObject;
pub use pointer::pointer_keys;
pub use replicas::{ReplicaOverride, override_replicas};
pub use strategic::UnappliedDirectives;

#[cfg(test)]
mod tests;
