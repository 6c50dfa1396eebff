//! Comments of values that are encrypted where they come from: they are promoted where they stay encrypted.

use super::super::draft::PromotionDraft;
use super::super::excerpt::LayerExcerpt;
use super::super::outcome::AppPromotion;
use super::super::sealed::StageFailure;
use super::super::tree_edit::DraftStep;
use crate::diagnostic::Diagnostics;

/// Fate of the comments of values that are encrypted where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promote) enum CommentPolicy {
    /// They are promoted with their values.
    Kept,
    /// They are not promoted.
    Dropped,
}

impl CommentPolicy {
    /// The part of an encrypted file at a path, as it may be written to another encrypted one.
    pub(in crate::promote) fn excerpt(self, draft: &PromotionDraft, path: &[DraftStep]) -> Option<LayerExcerpt> {
        let excerpt = draft.excerpt(path)?;
        Some(match self {
            Self::Kept => excerpt,
            Self::Dropped => bare(&excerpt, path),
        })
    }
}

/// A part without its style and its comments, those within it included.
pub(super) fn bare(excerpt: &LayerExcerpt, path: &[DraftStep]) -> LayerExcerpt {
    let key = match path.last() {
        Some(DraftStep::Key(key)) => Some(key.as_str()),
        _ => None,
    };
    LayerExcerpt::in_one_line(key, &excerpt.node)
}

/// Plans with the comments of encrypted values, or without if a file would have them in plaintext.
pub(in crate::promote) fn with_fitting_comments(
    plan: impl Fn(CommentPolicy) -> Result<Option<AppPromotion>, StageFailure>,
) -> Result<Option<AppPromotion>, Diagnostics> {
    let name = match plan(CommentPolicy::Kept) {
        Err(StageFailure::Comments(name)) => name,
        done => return Ok(done?),
    };
    let mut done = plan(CommentPolicy::Dropped)?;
    if let Some(promotion) = &mut done {
        let why = format!("`{name}` would have them in plaintext");
        promotion.notes.push(format!("comments of encrypted values are not promoted: {why}"));
    }
    Ok(done)
}
