//! Values for an encrypted file that cannot be decrypted here: they are left for somebody who can.

use super::super::draft::PromotionDraft;
use super::super::excerpt::LayerExcerpt;
use super::super::incoming::IncomingValues;
use super::super::item::PromotedItem;
use super::super::outcome::{PromotionOutcome, PromotionRow};
use super::super::own_file::{ChangeContext, edit_failure};
use super::super::target_drafts::{DecideRow, TargetDrafts, decide_rows};
use super::super::tree_edit::DraftStep;
use super::PromotionPlanner;
use crate::diagnostic::{Diagnostics, FailureKind};
use crate::map::{HashMap, HashSet};
use crate::sops::compute_drift;
use crate::sort::sort_by_key;

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
        let waiting = self.incoming.items(self.app);
        let at: HashMap<&PromotedItem, usize> = waiting.iter().enumerate().map(|(at, item)| (item, at)).collect();
        let known: HashSet<_> = rows.iter().map(|row| &row.item).collect();
        let new = waiting.iter().filter(|item| !known.contains(item));
        let new = new.filter_map(|item| self.first_row(item.clone()));
        let mut new: Vec<_> = new.filter(|row| row.outcome == PromotionOutcome::Copied).collect();
        let again = rows.iter_mut().filter(|row| row.outcome == PromotionOutcome::Unchanged);
        let again = again.filter(|row| at.contains_key(&row.item));
        let mut open: Vec<_> = again.chain(&mut new).map(|row| (row, None)).collect();
        sort_by_key(&mut open, |(row, _)| at.get(&row.item).copied());
        let stage: &DecideRow<'_> = &|row, _, drafts, hidden| {
            let value = self.desired(&row.item).secret;
            if self.stage_secret(&row.item, value.as_ref(), drafts.incoming.as_mut(), hidden)? {
                (row.outcome, row.is_encrypted) = (PromotionOutcome::Staged, true);
                row.files = vec![self.incoming.file.name.clone()];
            }
            Ok(())
        };
        decide_rows(&mut open, drafts, hidden, stage)?;
        drop(open);
        rows.extend(new.into_iter().filter(|row| row.outcome == PromotionOutcome::Staged));
        let staged = rows.iter().filter(|row| row.outcome == PromotionOutcome::Staged).map(|row| &row.item);
        let staged: HashSet<_> = staged.collect();
        let dropped = waiting.iter().filter(|item| !staged.contains(item));
        Ok(dropped.map(|item| item.name(self.app)).collect())
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
