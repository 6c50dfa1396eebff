//! Objects of Kubernetes: what is rendered.

mod apiserver;
mod checksums;
mod field_types;
mod manifests;
mod old_objects;
mod output;
mod placeholders;
mod typed_secrets;
mod valid_objects;
mod versions;
