//! `.sops.yaml`: creation rules, and comparison of a file with its rule.

pub(crate) mod drift;
pub mod policy;
pub(crate) mod policy_merge;
pub(crate) mod rules;
