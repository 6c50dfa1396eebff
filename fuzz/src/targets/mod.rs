//! The targets, a file each.

pub(crate) mod certificates;
pub(crate) mod detect;
pub(crate) mod dotenv;
pub(crate) mod go_regex;
pub(crate) mod krm;
pub(crate) mod layers;
pub(crate) mod leak_search;
pub(crate) mod lsp;
pub(crate) mod manifests;
pub(crate) mod patches;
pub(crate) mod rules;
pub(crate) mod sops;
pub(crate) mod sops_config;
pub(crate) mod templates;
pub(crate) mod yaml;
