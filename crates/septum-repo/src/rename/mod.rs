//! Renaming of a key in all files of the project: layers, encrypted ones too, templates, manifests.
//!
//! All changes are made in memory. Then the project is resolved once more, with the changed files in place of those on
//! the disk: every value, its routing and every reference must be as before, but for the name. Otherwise nothing is
//! written, and the difference is the error.

mod documents;
mod files;
mod mentions;
mod plan;
mod text;
mod verify;

pub use mentions::{KeyMention, find_mentions, find_naming_files};
pub use plan::{RenameOutcome, RenamePlan, RenameRequest, RenamedPlace};
pub use text::{NameKind, is_key_text};
