//! Fixes that change nothing but a plaintext layer, without writing it.

use super::broken::BrokenApps;
use super::draft::{EntryChange, EntryChangeKind, LayerDraft};
use super::refusal::FixError;
use crate::check::{Finding, Fix};

/// A layer with a fix.
#[derive(Debug)]
pub struct FixPreview<'f> {
    /// Name of its file.
    pub file: &'f str,
    /// Its text.
    pub before: &'f str,
    /// Its text with the fix.
    pub after: String,
    /// The fix, as an imperative.
    pub title: String,
}

/// The layer with the fix of one of some findings, as it was checked; none if there is no fix, or if it changes
/// another file or needs a key.
pub fn preview_fix<'f>(findings: &'f [Finding], finding: &'f Finding) -> Option<FixPreview<'f>> {
    if BrokenApps::of(findings).affects_finding(finding) {
        return None;
    }
    let location = finding.fix.as_ref()?.entry_location()?;
    let (file, before) = (location.place.source.name(), location.place.source.text());
    let edited = || -> Result<Option<(String, String)>, FixError> {
        let mut draft = LayerDraft::read(file, before)?;
        let path = draft.find(location)?;
        let (kind, title) = match &finding.fix {
            Some(Fix::Declare(_)) => {
                (EntryChangeKind::Declare, format!("declare `{}` sensitive", finding.label().unwrap_or_default()))
            }
            Some(Fix::Rename { new, .. }) => (EntryChangeKind::Rename(new.as_str()), format!("write `{new}`")),
            Some(Fix::Move { .. } | Fix::Encrypt(_)) | None => return Ok(None),
        };
        draft.change_all(&[EntryChange { path: &path, kind }]).into_iter().try_for_each(|made| made.map(drop))?;
        Ok(Some((draft.text().to_owned(), title)))
    };
    // a fix that cannot be made is not offered
    let (after, title) = edited().ok().flatten()?;
    Some(FixPreview { file, before, after, title })
}
