//! Outcome of a promotion: what becomes of each item, and the files that change.

use std::path::PathBuf;

use super::inherited::InheritedValue;
use super::item::PromotedItem;
use super::own_file::StagedFile;
use super::unpromoted::UnpromotedField;
use crate::name::{AppName, EnvironmentName};
use crate::secret_files::FileContent;
use crate::span::Location;

/// Promotion of an app.
pub struct AppPromotion {
    /// The app.
    pub app: AppName,
    /// Items that its layers set, in their order.
    pub rows: Vec<PromotionRow>,
    /// Everything that has a name in it.
    pub known: Vec<PromotedItem>,
    /// Fields of the layer of `from` that are not promoted, and differ in `to`.
    pub unpromoted: Vec<UnpromotedField>,
    /// Values of `from` in layers that `to` lacks, other than its own.
    pub inherited: Vec<InheritedValue>,
    /// Names of what waited in the incoming file, and no longer does, because `from` no longer promotes it.
    pub dropped: Vec<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// Files with new content, in the order in which they are written.
    pub staged: Vec<StagedFile>,
    /// The incoming file that was merged, and is removed.
    pub merged: Option<MergedFile>,
}

/// An incoming file whose values are merged into an environment.
pub struct MergedFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// Its name in messages.
    pub name: String,
    /// Its content, as it was merged.
    pub content: FileContent,
    /// Origin of its values.
    pub source: PromotionSource,
}

/// Origin of the values of an incoming file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionSource {
    /// The environment.
    pub environment: EnvironmentName,
    /// The commit, if the values were committed.
    pub commit: Option<String>,
}

/// An item in a promotion.
#[derive(Debug)]
pub struct PromotionRow {
    /// The item.
    pub item: PromotedItem,
    /// Name of the item in messages.
    pub name: String,
    /// Outcome for it.
    pub outcome: PromotionOutcome,
    /// Location in the layer of `from`, if it is set there.
    pub from: Option<Location>,
    /// Location in the layer of `to`, if it is set there.
    pub to: Option<Location>,
    /// Names of the files that it is written to.
    pub files: Vec<String>,
    /// Whether its value is encrypted where it is written.
    pub is_encrypted: bool,
    /// Commit of the last promotion of it, if there is one.
    pub base: Option<String>,
    /// Commit in which `--ours` kept the value of `to`, if the last promotion did.
    pub kept_in: Option<String>,
    /// Whether a copy would change a file, of an item that has not changed since the last promotion.
    pub would_change: bool,
}

/// Outcome for an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromotionOutcome {
    /// It is copied.
    Copied,
    /// It is removed.
    Removed,
    /// It is left in an incoming file, for somebody with a key of `to`.
    Staged,
    /// It is the same in both.
    Same,
    /// It has not changed since the last promotion.
    Unchanged,
    /// It changed in both since the last promotion.
    Conflict,
    /// The value of `to` stays, as asked.
    Kept,
    /// It is never promoted, with the reason.
    Skipped(SkipReason),
}

/// Reason why an item is not promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// A rule says so.
    Never(Location),
    /// Its value is a secret, and no rule allows it.
    Secret,
    /// It is removed, and removals were not asked for.
    Removal,
}

impl PromotionRow {
    /// Whether it changes a file.
    pub fn is_change(&self) -> bool {
        matches!(self.outcome, PromotionOutcome::Copied | PromotionOutcome::Removed | PromotionOutcome::Staged)
    }

    /// Whether the next promotion starts from this one.
    pub fn is_settled(&self) -> bool {
        self.is_change() || matches!(self.outcome, PromotionOutcome::Same | PromotionOutcome::Kept)
    }
}
