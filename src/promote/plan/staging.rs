//! Values for an encrypted file that cannot be decrypted here: they are left for somebody who can.

use super::super::draft::PromotionDraft;
use super::super::excerpt::LayerExcerpt;
use super::super::incoming::IncomingValues;
use super::super::item::PromotedItem;
use super::super::outcome::{PromotionOutcome, PromotionRow};
use super::super::own_file::{ChangeContext, edit_failure};
use super::super::target_drafts::TargetDrafts;
use super::super::tree_edit::DraftStep;
use super::PromotionPlanner;
use crate::diagnostic::{Diagnostics, FailureKind};
use crate::map::HashSet;
use crate::sops::compute_drift;

impl PromotionPlanner<'_> {
    /// Decrypts the files of both environments. Returns whether values for the encrypted file of `to` are staged,
    /// because there is no key for it.
    pub(super) fn open_files(&mut self) -> Result<bool, Diagnostics> {
        let [plain, secret] = &mut self.to;
        for file in self.from.iter_mut().chain([plain]) {
            file.open(self.request.identities)?;
        }
        let Err(found) = secret.open(self.request.identities) else { return Ok(false) };
        if found.iter().any(|problem| problem.failure != FailureKind::Key) {
            return Err(found);
        }
        if self.request.stage {
            return Ok(true);
        }
        let name = &self.incoming.file.name;
        let hint = format!("`--stage` leaves the values in `{name}`, for somebody with a key");
        Err(found.into_iter().map(|problem| problem.hint(hint.clone())).collect())
    }

    /// Stages the value of an item that belongs to the encrypted file, or the removal of the one that is there. Returns
    /// whether there was one to stage.
    pub(super) fn stage_secret(
        &self,
        item: &PromotedItem,
        value: Option<&LayerExcerpt>,
        incoming: Option<&mut PromotionDraft>,
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<bool, Diagnostics> {
        let Some(incoming) = incoming else { return Ok(false) };
        if value.is_none() && self.to[1].find(item, self.app).is_none() {
            return Ok(false);
        }
        IncomingValues::put(incoming, item, self.app, value, hidden)
            .map_err(|failure| edit_failure(&self.incoming.file.name, failure))?;
        Ok(true)
    }

    /// Stages what waits already again, with the values of now: an incoming file that cannot be decrypted is replaced
    /// as a whole. Returns the names of what is no longer promoted.
    pub(super) fn stage_waiting(
        &self,
        rows: &mut Vec<PromotionRow>,
        drafts: &mut TargetDrafts,
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<Vec<String>, Diagnostics> {
        self.incoming.check_source(self.request)?;
        let mut dropped = Vec::new();
        for item in self.incoming.items(self.app) {
            let known = rows.iter_mut().find(|row| row.item == item);
            if known.as_ref().is_some_and(|row| row.outcome == PromotionOutcome::Staged) {
                continue;
            }
            let mut new = None;
            let row = match known {
                Some(row) => (row.outcome == PromotionOutcome::Unchanged).then_some(row),
                None => {
                    new = self.first_row(item.clone()).filter(|row| row.outcome == PromotionOutcome::Copied);
                    new.as_mut()
                }
            };
            let secret = self.desired(&item).secret;
            let is_staged =
                row.is_some() && self.stage_secret(&item, secret.as_ref(), drafts.incoming.as_mut(), hidden)?;
            match row.filter(|_| is_staged) {
                Some(row) => {
                    (row.outcome, row.is_encrypted) = (PromotionOutcome::Staged, true);
                    row.files = vec![self.incoming.file.name.clone()];
                }
                None => dropped.push(item.name(self.app)),
            }
            rows.extend(new.filter(|_| is_staged));
        }
        Ok(dropped)
    }

    /// Note for a file whose readers are others than those of the file that it is merged into.
    pub(super) fn recipients_note(&self, change: ChangeContext<'_>) -> Option<String> {
        let (incoming, [_, secret]) = (&self.incoming.file, &self.to);
        let rule = change.rules.find_rule(&incoming.path).ok()??;
        let differs = secret.metadata().is_some_and(|metadata| compute_drift(&rule, &metadata).changes_recipients());
        let (incoming, secret) = (&incoming.name, &secret.name);
        differs.then(|| {
            format!("`{incoming}` is encrypted for the recipients of its rule, which are not those of `{secret}`")
        })
    }

    /// Refuses to change values that still wait: merged later, they would replace the new ones.
    pub(super) fn check_not_waiting(&self, rows: &[PromotionRow]) -> Result<(), Diagnostics> {
        let waiting: HashSet<_> = self.incoming.items(self.app).into_iter().collect();
        let changed = rows.iter().filter(|row| row.is_change() && waiting.contains(&row.item));
        let problems: Diagnostics = changed.map(|row| self.incoming.still_waits(row, self.app, self.request)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
