//! New contents of the files of an environment, and the decisions about items that change them.

use super::draft::{EditFailure, PromotionDraft};
use super::history::ItemBase;
use super::outcome::PromotionRow;
use super::tree_edit::DraftStep;
use crate::diagnostic::Diagnostics;

/// New contents of the files of `to`.
#[derive(Clone)]
pub(super) struct TargetDrafts {
    /// Those of its own files, as far as they are known.
    pub(super) own: [Option<PromotionDraft>; 2],
    /// The content of its incoming file, if values are staged there.
    pub(super) incoming: Option<PromotionDraft>,
}

/// A state of drafts to which they can return.
pub(super) enum DraftCheckpoint {
    /// The drafts.
    Whole(Box<TargetDrafts>),
    /// The number of edits that each of them has collected.
    Collected([usize; 3]),
}

impl TargetDrafts {
    fn all(&self) -> [Option<&PromotionDraft>; 3] {
        let [plain, secret] = &self.own;
        [plain.as_ref(), secret.as_ref(), self.incoming.as_ref()]
    }

    fn all_mut(&mut self) -> [Option<&mut PromotionDraft>; 3] {
        let [plain, secret] = &mut self.own;
        [plain.as_mut(), secret.as_mut(), self.incoming.as_mut()]
    }

    /// The current state.
    pub(super) fn checkpoint(&self) -> DraftCheckpoint {
        let counts = self.all().map(|draft| draft.map(PromotionDraft::collected_count));
        if counts.iter().flatten().all(Option::is_some) {
            return DraftCheckpoint::Collected(counts.map(|count| count.flatten().unwrap_or_default()));
        }
        DraftCheckpoint::Whole(Box::new(self.clone()))
    }

    /// Returns to a former state.
    pub(super) fn restore(&mut self, state: DraftCheckpoint) {
        match state {
            DraftCheckpoint::Whole(drafts) => *self = *drafts,
            DraftCheckpoint::Collected(counts) => {
                for (draft, count) in self.all_mut().into_iter().zip(counts) {
                    if let Some(draft) = draft {
                        draft.forget_collected(count);
                    }
                }
            }
        }
    }

    /// Whether each file differs from a former state: the two own ones, and the incoming one.
    pub(super) fn changed_since(&self, state: &DraftCheckpoint) -> [bool; 3] {
        let mut changed = [false; 3];
        for (index, (draft, changed)) in self.all().into_iter().zip(&mut changed).enumerate() {
            *changed = match state {
                DraftCheckpoint::Whole(before) => {
                    before.all().get(index).copied().flatten().map(PromotionDraft::text)
                        != draft.map(PromotionDraft::text)
                }
                DraftCheckpoint::Collected(counts) => {
                    let count = counts.get(index).copied().unwrap_or_default();
                    draft.is_some_and(|draft| draft.is_changed_since(count))
                }
            };
        }
        changed
    }

    /// Collects the edits that follow, of which nothing is known before they are made.
    fn collect_edits(&mut self) {
        self.all_mut().into_iter().flatten().for_each(PromotionDraft::collect_edits);
    }

    /// Makes all edits that were collected.
    fn make_collected(&mut self) -> Result<(), EditFailure> {
        self.all_mut().into_iter().flatten().try_for_each(PromotionDraft::make_collected)
    }
}

/// An item that is decided about, and the state of the last promotion of it.
pub(super) type OpenRow<'r> = (&'r mut PromotionRow, Option<ItemBase>);

/// Decision about an item, which changes the drafts, and adds the paths at which nothing may be readable.
pub(super) type DecideRow<'d> = dyn Fn(&mut PromotionRow, Option<&ItemBase>, &mut TargetDrafts, &mut Vec<Vec<DraftStep>>) -> Result<(), Diagnostics>
    + 'd;

/// Decides about items, as if one after the other: about all at once if that gives exactly their changes, else about
/// half of them at a time, because each edit requires parsing the file.
pub(super) fn decide_rows(
    rows: &mut [OpenRow<'_>],
    drafts: &mut TargetDrafts,
    secret: &mut Vec<Vec<DraftStep>>,
    decide: &DecideRow<'_>,
) -> Result<(), Diagnostics> {
    match rows {
        [] => return Ok(()),
        [(row, base)] => return decide(row, base.as_ref(), drafts, secret),
        _ => {}
    }
    let before: Vec<_> = rows.iter().map(|(row, _)| row.outcome.clone()).collect();
    let (mut together, mut hidden) = (drafts.clone(), Vec::new());
    together.collect_edits();
    let decided = rows.iter_mut().try_for_each(|(row, base)| decide(row, base.as_ref(), &mut together, &mut hidden));
    if decided.is_ok() && together.make_collected().is_ok() {
        *drafts = together;
        secret.extend(hidden);
        return Ok(());
    }
    for ((row, _), outcome) in rows.iter_mut().zip(before) {
        (row.outcome, row.is_encrypted) = (outcome, false);
        row.files.clear();
    }
    let (first, second) = rows.split_at_mut(rows.len() / 2);
    decide_rows(first, drafts, secret, decide)?;
    decide_rows(second, drafts, secret, decide)
}
