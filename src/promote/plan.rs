//! Plan of a promotion in an app, and the files that change.

mod comments;
mod staging;

use self::comments::bare;
pub(super) use self::comments::{CommentPolicy, with_fitting_comments};
use super::entry::{cut_item, has_source, is_content, is_literal, is_removal, put_item, without_rules};
use super::excerpt::LayerExcerpt;
use super::history::{ItemBase, PromotionHistory};
use super::incoming::IncomingValues;
use super::inherited::find_inherited;
use super::item::{PromotedItem, list_items, place_item};
use super::outcome::{AppPromotion, PromotionOutcome, PromotionRow, SkipReason};
use super::own_file::{
    ChangeContext, OwnFile, OwnFiles, edit_failure, is_same_item, read_own_files, source_comments, stage_own_files,
};
use super::request::PromotionRequest;
use super::sealed::StageFailure;
use super::target_drafts::{DecideRow, TargetDrafts, decide_rows};
use super::tree_edit::DraftStep;
use super::unpromoted::find_unpromoted;
use crate::diagnostic::Diagnostics;
use crate::layer::{Entry, Promotion};
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::route::Sensitivity;
use crate::visibility::KeyAccess;

/// The parts of an item by the file that they are written to.
struct DesiredParts {
    plain: Option<LayerExcerpt>,
    secret: Option<LayerExcerpt>,
}

/// The promotion of an app; none if it lacks one of the environments.
pub fn plan_promotion(
    pipeline: &Pipeline<'_>,
    app: &App,
    request: &PromotionRequest<'_>,
    history: &PromotionHistory<'_>,
) -> Result<Option<AppPromotion>, Diagnostics> {
    with_fitting_comments(|comments| plan_with(pipeline, app, request, history, comments))
}

fn plan_with(
    pipeline: &Pipeline<'_>,
    app: &App,
    request: &PromotionRequest<'_>,
    history: &PromotionHistory<'_>,
    comments: CommentPolicy,
) -> Result<Option<AppPromotion>, StageFailure> {
    if ![request.from, request.to].iter().all(|name| app.environments.contains(name)) {
        return Ok(None);
    }
    let files = &pipeline.library.project.files;
    let asked = [request.from.clone(), request.to.clone()];
    let survey = survey_environments(pipeline, app, &asked)?;
    let name = survey.app.clone();
    let planner = PromotionPlanner {
        request,
        survey: &survey,
        app: name.as_str(),
        from: read_own_files(files, app, request.from)?,
        to: read_own_files(files, app, request.to)?,
        incoming: IncomingValues::read(files, app, request.to)?,
        comments,
    };
    let known = planner.known_items();
    let DecidedDrafts { rows, dropped, planner, drafts, secret } = planner.plan(app, history)?;
    let (rules, comments) = (pipeline.library.rules(), source_comments(&planner.from));
    let change = ChangeContext { rules, identities: request.identities, now: request.now, comments: &comments };
    let mut staged = Vec::new();
    let mut notes = Vec::new();
    let has_incoming = rows.iter().any(|row| row.outcome == PromotionOutcome::Staged);
    if let Some(draft) = drafts.incoming.as_ref().filter(|_| has_incoming) {
        staged.push(planner.incoming.file.stage_anew(files, draft, &secret, change)?);
        notes.extend(planner.recipients_note(change));
    }
    staged.extend(stage_own_files(files, &planner.to, &drafts.own, &secret, change)?);
    let unpromoted =
        if request.keys.is_empty() { find_unpromoted(&planner.from, &planner.to, planner.app) } else { Vec::new() };
    // that of the environment in the shared directory belongs to several apps
    let own = pipeline.library.files(app, request.from.as_str()).iter().map(|path| files.name(path)).collect();
    let inherited = find_inherited(&survey, own, request);
    Ok(Some(AppPromotion { app: name, rows, known, unpromoted, inherited, dropped, notes, staged, merged: None }))
}

/// Resolves environments as far as there are keys.
pub(super) fn survey_environments(
    pipeline: &Pipeline<'_>,
    app: &App,
    asked: &[EnvironmentName],
) -> Result<Survey, Diagnostics> {
    let (mut problems, mut locked) = (Diagnostics::new(), std::collections::BTreeMap::new());
    let options = SurveyOptions::showing(asked, KeyAccess::Decrypt).as_far_as_known(&mut locked);
    let Some(survey) = pipeline.survey(app, options, &mut problems) else { return Err(problems) };
    // the rules of an environment that could not be read are not known
    let is_known = asked.iter().all(|environment| survey.environment(environment).is_some());
    if is_known || problems.is_empty() { Ok(survey) } else { Err(problems) }
}

/// Outcome for each item, and the files of `to` with their new content.
struct DecidedDrafts<'a> {
    rows: Vec<PromotionRow>,
    dropped: Vec<String>,
    planner: PromotionPlanner<'a>,
    drafts: TargetDrafts,
    /// Paths in the encrypted file that is written at which nothing may be readable.
    secret: Vec<Vec<DraftStep>>,
}

struct PromotionPlanner<'a> {
    request: &'a PromotionRequest<'a>,
    survey: &'a Survey,
    app: &'a str,
    from: OwnFiles,
    to: OwnFiles,
    incoming: IncomingValues,
    comments: CommentPolicy,
}

impl<'a> PromotionPlanner<'a> {
    fn plan(mut self, app: &App, history: &PromotionHistory<'_>) -> Result<DecidedDrafts<'a>, Diagnostics> {
        let items = self.all_items(app, history)?;
        let mut rows: Vec<_> =
            items.into_iter().filter(|item| self.is_asked(item)).filter_map(|item| self.first_row(item)).collect();
        let needs_key = rows.iter().any(|row| row.outcome == PromotionOutcome::Copied && self.needs_key(&row.item));
        let is_staging = needs_key && self.open_files()?;
        let mut drafts = TargetDrafts {
            own: [self.to[0].draft.clone(), self.to[1].draft.clone()],
            incoming: is_staging.then(|| self.incoming.new_draft(self.request, app, history)).transpose()?,
        };
        let (mut secret, mut open) = (Vec::new(), Vec::new());
        for row in rows.iter_mut().filter(|row| row.outcome == PromotionOutcome::Copied) {
            let base = history.base_of(app, self.app, &row.name, self.request)?;
            open.push((row, base));
        }
        let decide: &DecideRow<'_> = &|row, base, drafts, secret| self.decide(row, base, drafts, secret);
        decide_rows(&mut open, &mut drafts, &mut secret, decide)?;
        let mut dropped = Vec::new();
        if rows.iter().any(|row| row.outcome == PromotionOutcome::Staged) {
            dropped = self.stage_waiting(&mut rows, &mut drafts, &mut secret)?;
        } else {
            self.check_not_waiting(&rows)?;
        }
        Ok(DecidedDrafts { rows, dropped, planner: self, drafts, secret })
    }

    /// Items that `from` sets, and those that it set at the last promotion.
    fn all_items(&self, app: &App, history: &PromotionHistory<'_>) -> Result<Vec<PromotedItem>, Diagnostics> {
        let mut items = Vec::new();
        for file in &self.from {
            items.extend(list_items(file.root(), self.app));
        }
        for states in history.all_bases(app, self.app, self.request)? {
            for file in &states.from {
                items.extend(list_items(file.root(), self.app));
            }
        }
        let mut seen = crate::map::HashSet::default();
        items.retain(|item| seen.insert(item.clone()));
        Ok(items)
    }

    /// Everything that has a name: entries of both environments, and what their own layers set.
    fn known_items(&self) -> Vec<PromotedItem> {
        let environments = [self.request.from, self.request.to];
        let entries = environments.iter().filter_map(|environment| self.survey.environment(environment));
        let entries = entries.flat_map(|resolved| resolved.entries.keys().cloned().map(PromotedItem::Entry));
        let own = self.from.iter().chain(&self.to).flat_map(|file| list_items(file.root(), self.app));
        let mut seen = crate::map::HashSet::default();
        entries.chain(own).filter(|item| seen.insert(item.clone())).collect()
    }

    fn is_meant(&self, item: &PromotedItem, patterns: &[String]) -> bool {
        patterns.iter().any(|pattern| item.is_meant_by(pattern, self.app))
    }

    fn entry(&self, item: &PromotedItem, environment: &EnvironmentName) -> Option<&Entry> {
        let PromotedItem::Entry(id) = item else { return None };
        self.survey.environment(environment)?.definition.entry(id)
    }

    fn is_sensitive(&self, item: &PromotedItem) -> bool {
        match item {
            PromotedItem::Entry(id) => self.survey.routing.sensitivity(id) == Sensitivity::Sensitive,
            item => self.from.iter().any(|file| file.is_secret() && file.find(item, self.app).is_some()),
        }
    }

    fn is_asked(&self, item: &PromotedItem) -> bool {
        let keys = self.request.keys;
        let is_asked = if keys.is_empty() { item.is_usual() } else { self.is_meant(item, keys) };
        // also where a conflict is decided
        let is_decided = self.is_meant(item, self.request.theirs) || self.is_meant(item, self.request.ours);
        is_asked || keys.is_empty() && is_decided
    }

    /// The row of an item, with the outcome `Copied` if it may be promoted; none if it has rules alone.
    fn first_row(&self, item: PromotedItem) -> Option<PromotionRow> {
        let nodes: Vec<_> = self.from.iter().filter_map(|file| file.item(&item, self.app)).collect();
        let is_set = nodes.iter().any(|node| has_source(&item, node));
        let is_null = nodes.iter().any(|node| is_removal(node));
        if !is_set && !is_null && !nodes.is_empty() {
            // rules alone
            return None;
        }
        let place = |files: &OwnFiles| files.iter().rev().find_map(|file| file.place(&item, self.app));
        let outcome = match self.refusal(&item) {
            Some(reason) => PromotionOutcome::Skipped(reason),
            None if !is_set && !self.request.deletions => PromotionOutcome::Skipped(SkipReason::Removal),
            None => PromotionOutcome::Copied,
        };
        Some(PromotionRow {
            name: item.name(self.app),
            from: place(&self.from),
            to: place(&self.to),
            item,
            outcome,
            files: Vec::new(),
            is_encrypted: false,
            base: None,
            kept_in: None,
            would_change: false,
        })
    }

    /// Reason why an item is never promoted, if it is not.
    fn refusal(&self, item: &PromotedItem) -> Option<SkipReason> {
        let rules = [self.request.from, self.request.to]
            .map(|environment| self.entry(item, environment).and_then(|entry| entry.rules.promote.as_ref()));
        let mut rules = rules.into_iter().flatten();
        if let Some(never) = rules.clone().find(|rule| rule.value == Promotion::Never) {
            return Some(SkipReason::Never(never.place.clone()));
        }
        let is_allowed = rules.any(|rule| rule.value == Promotion::Always);
        (self.is_sensitive(item) && !is_allowed).then_some(SkipReason::Secret)
    }

    /// Whether an item is promoted from or to an encrypted file.
    fn needs_key(&self, item: &PromotedItem) -> bool {
        let is_in_encrypted = |file: &OwnFile| file.is_secret() && file.find(item, self.app).is_some();
        let is_moved = || {
            self.is_sensitive(item)
                && self.from[0].item(item, self.app).is_some_and(|node| is_literal(node, self.may_render(item)))
        };
        self.from.iter().chain(&self.to).any(is_in_encrypted) || self.to[0].is_secret() || is_moved()
    }

    fn may_render(&self, item: &PromotedItem) -> bool {
        let rule = self.entry(item, self.request.from).and_then(|entry| entry.rules.template.as_ref());
        rule.is_none_or(|rule| rule.value)
    }

    /// Decides about an item by the state of the last promotion, and changes the drafts.
    fn decide(
        &self,
        row: &mut PromotionRow,
        base: Option<&ItemBase>,
        drafts: &mut TargetDrafts,
        secret: &mut Vec<Vec<DraftStep>>,
    ) -> Result<(), Diagnostics> {
        row.base = base.map(|base| base.states.commit.clone());
        row.kept_in = base.and_then(|base| base.kept_in.clone());
        let is_ours = self.is_meant(&row.item, self.request.ours);
        let is_forced = self.is_meant(&row.item, self.request.theirs);
        let is_unchanged = base.is_some_and(|base| is_same_item(&base.states.from, &self.from, &row.item, self.app));
        if is_unchanged && !is_forced && !is_ours {
            row.outcome = PromotionOutcome::Unchanged;
            row.would_change = self.would_change(&row.item, drafts);
            return Ok(());
        }
        let before = drafts.checkpoint();
        let mut hidden = Vec::new();
        let outcome = match self.apply(&row.item, drafts, &mut hidden) {
            // what stays need not be written
            Err(_) if is_ours => PromotionOutcome::Kept,
            outcome => outcome?,
        };
        let changed = drafts.changed_since(&before);
        let is_changed_there = base.is_some_and(|base| {
            // the value that was kept is a change of `to`
            base.kept_in.is_some() || !is_same_item(&base.states.to, &self.to, &row.item, self.app)
        });
        row.outcome = if changed == [false; 3] && outcome != PromotionOutcome::Kept {
            PromotionOutcome::Same
        } else if is_ours {
            PromotionOutcome::Kept
        } else if is_changed_there && !is_forced {
            PromotionOutcome::Conflict
        } else {
            outcome
        };
        if !row.is_change() {
            drafts.restore(before);
            return Ok(());
        }
        let files = self.to.iter().chain([&self.incoming.file]).zip(changed);
        row.files = files.filter(|(_, is_changed)| *is_changed).map(|(file, _)| file.name.clone()).collect();
        row.is_encrypted = !hidden.is_empty();
        secret.extend(hidden);
        Ok(())
    }

    /// Whether a copy of an item would change a file, as far as that is known without a key. The drafts stay.
    fn would_change(&self, item: &PromotedItem, drafts: &mut TargetDrafts) -> bool {
        let before = drafts.checkpoint();
        let is_applied = self.apply(item, drafts, &mut Vec::new()).is_ok();
        let would_change = is_applied && drafts.changed_since(&before) != [false; 3];
        drafts.restore(before);
        would_change
    }

    /// Makes the drafts say of an item what `from` says.
    fn apply(
        &self,
        item: &PromotedItem,
        drafts: &mut TargetDrafts,
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<PromotionOutcome, Diagnostics> {
        let desired = self.desired(item);
        let is_null = desired.plain.as_ref().is_some_and(|excerpt| is_removal(&excerpt.node));
        let mut outcome = match (&desired.plain, &desired.secret) {
            (None, None) => PromotionOutcome::Removed,
            (Some(_), None) if is_null => PromotionOutcome::Removed,
            _ => PromotionOutcome::Copied,
        };
        let mut keeps_plain = false;
        if self.stage_secret(item, desired.secret.as_ref(), drafts.incoming.as_mut(), hidden)? {
            outcome = PromotionOutcome::Staged;
            // without it, the environment would have no value until the other one is merged
            keeps_plain = desired.secret.is_some() && desired.plain.is_none();
        }
        let parts = [desired.plain, desired.secret];
        for (index, ((file, draft), part)) in self.to.iter().zip(&mut drafts.own).zip(parts).enumerate() {
            let Some(draft) = draft else { continue };
            let path = place_item(draft.root(), item, self.app);
            let done = match &part {
                Some(excerpt) => {
                    let done = put_item(draft, item, &path, excerpt);
                    if index == 1 {
                        hidden.push(path);
                    }
                    done
                }
                None if index == 0 && keeps_plain => Ok(()),
                None => cut_item(draft, item, &path),
            };
            done.map_err(|failure| edit_failure(&file.name, failure))?;
        }
        Ok(outcome)
    }

    /// The parts of an item, by the file of `to` that they belong to: nothing from an encrypted file goes to a plain
    /// one.
    fn desired(&self, item: &PromotedItem) -> DesiredParts {
        let (mut plain, mut secret) = (None, None);
        for file in &self.from {
            let (Some(draft), Some(path)) = (&file.draft, file.find(item, self.app)) else { continue };
            let excerpt = if file.is_secret() { self.comments.excerpt(draft, &path) } else { draft.excerpt(&path) };
            let Some(excerpt) = excerpt else { continue };
            let is_null = is_removal(&excerpt.node);
            if !(has_source(item, &excerpt.node) || is_null) {
                continue;
            }
            match (file.is_secret(), is_null) {
                (true, false) => secret = Some(excerpt),
                // a comment on it is as secret as one on a value
                (true, true) => plain = Some(bare(&excerpt, &path)),
                (false, _) => plain = Some(excerpt),
            }
        }
        let PromotedItem::Entry(id) = item else { return DesiredParts { plain, secret } };
        let is_literal =
            |excerpt: &LayerExcerpt| !is_removal(&excerpt.node) && is_literal(&excerpt.node, self.may_render(item));
        if self.is_sensitive(item)
            && let Some(excerpt) = plain.take_if(|excerpt| is_literal(excerpt))
        {
            match &secret {
                None => secret = Some(without_rules(id.key.as_str(), excerpt)),
                // the plain part of a structure is public
                Some(_) if is_content(&excerpt.node) => plain = Some(excerpt),
                Some(_) => {}
            }
        }
        DesiredParts { plain, secret }
    }
}
