//! Plan of a promotion in an app, and the files that change.

use super::draft::PromotionDraft;
use super::entry::{cut_item, has_source, is_content, is_literal, is_removal, put_item, without_rules};
use super::excerpt::LayerExcerpt;
use super::history::{BaseStates, PromotionHistory};
use super::item::{PromotedItem, list_items, place_item};
use super::own_file::{ChangeContext, OwnFile, OwnFiles, StagedFile, edit_failure, is_same_item, read_own_files};
use super::request::PromotionRequest;
use super::tree_edit::DraftStep;
use crate::diagnostic::Diagnostics;
use crate::layer::{Entry, Promotion};
use crate::name::{AppName, EnvironmentName};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::route::Sensitivity;
use crate::span::Location;
use crate::visibility::KeyAccess;

/// Promotion of an app.
pub struct AppPromotion {
    /// The app.
    pub app: AppName,
    /// Items that its layers set, in their order.
    pub rows: Vec<PromotionRow>,
    /// Everything that has a name in it.
    pub known: Vec<PromotedItem>,
    /// Files with new content.
    pub staged: Vec<StagedFile>,
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
}

/// Outcome for an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromotionOutcome {
    /// It is copied.
    Copied,
    /// It is removed.
    Removed,
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
        matches!(self.outcome, PromotionOutcome::Copied | PromotionOutcome::Removed)
    }

    /// Whether the next promotion starts from this one.
    pub fn is_settled(&self) -> bool {
        self.is_change() || matches!(self.outcome, PromotionOutcome::Same | PromotionOutcome::Kept)
    }
}

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
    if ![request.from, request.to].iter().all(|name| app.environments.contains(name)) {
        return Ok(None);
    }
    let files = &pipeline.library.project.files;
    let asked = [request.from.clone(), request.to.clone()];
    let (mut problems, mut locked) = (Diagnostics::new(), std::collections::BTreeMap::new());
    let options = SurveyOptions::showing(&asked, KeyAccess::Decrypt).as_far_as_known(&mut locked);
    let Some(survey) = pipeline.survey(app, options, &mut problems) else { return Err(problems) };
    let name = survey.app.clone();
    let planner = PromotionPlanner {
        request,
        survey: &survey,
        app: name.as_str(),
        from: read_own_files(files, app, request.from)?,
        to: read_own_files(files, app, request.to)?,
    };
    let known = planner.known_items();
    let DecidedDrafts { rows, to, drafts, secret } = planner.plan(app, history)?;
    let change = ChangeContext { rules: pipeline.library.rules(), identities: request.identities, now: request.now };
    let mut staged = Vec::new();
    for ((file, draft), secret) in to.iter().zip(&drafts).zip([&[][..], secret.as_slice()]) {
        if let Some(draft) = draft {
            staged.extend(file.stage(files, draft, secret, change)?);
        }
    }
    Ok(Some(AppPromotion { app: name, rows, known, staged }))
}

/// Outcome for each item, and the files of `to` with their new content.
struct DecidedDrafts {
    rows: Vec<PromotionRow>,
    to: OwnFiles,
    drafts: [Option<PromotionDraft>; 2],
    /// Paths in the encrypted file at which nothing may be readable.
    secret: Vec<Vec<DraftStep>>,
}

struct PromotionPlanner<'a> {
    request: &'a PromotionRequest<'a>,
    survey: &'a Survey,
    app: &'a str,
    from: OwnFiles,
    to: OwnFiles,
}

impl PromotionPlanner<'_> {
    fn plan(mut self, app: &App, history: &PromotionHistory<'_>) -> Result<DecidedDrafts, Diagnostics> {
        let mut rows = Vec::new();
        for item in self.all_items(app, history)? {
            if let Some(row) = self.first_row(item) {
                rows.push(row);
            }
        }
        if rows.iter().any(|row| row.outcome == PromotionOutcome::Copied && self.needs_key(&row.item)) {
            for file in self.from.iter_mut().chain(&mut self.to) {
                file.open(self.request.identities)?;
            }
        }
        let mut drafts = [self.to[0].draft.clone(), self.to[1].draft.clone()];
        let mut secret = Vec::new();
        for row in rows.iter_mut().filter(|row| row.outcome == PromotionOutcome::Copied) {
            let base = history.base_of(app, self.app, &row.name, self.request)?;
            self.decide(row, base.as_deref(), &mut drafts, &mut secret)?;
        }
        Ok(DecidedDrafts { rows, to: self.to, drafts, secret })
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
        let mut seen = std::collections::HashSet::new();
        items.retain(|item| seen.insert(item.clone()));
        Ok(items)
    }

    /// Everything that has a name: entries of both environments, and what their own layers set.
    fn known_items(&self) -> Vec<PromotedItem> {
        let environments = [self.request.from, self.request.to];
        let entries = environments.iter().filter_map(|environment| self.survey.environment(environment));
        let entries = entries.flat_map(|resolved| resolved.entries.keys().cloned().map(PromotedItem::Entry));
        let own = self.from.iter().chain(&self.to).flat_map(|file| list_items(file.root(), self.app));
        let mut seen = std::collections::HashSet::new();
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
            item => self.from.iter().any(|file| file.is_encrypted && file.find(item, self.app).is_some()),
        }
    }

    /// The row of an item, with the outcome `Copied` if it may be promoted; none if it is not asked for.
    fn first_row(&self, item: PromotedItem) -> Option<PromotionRow> {
        let keys = self.request.keys;
        let is_asked = if keys.is_empty() { item.is_usual() } else { self.is_meant(&item, keys) };
        // also where a conflict is decided
        let is_decided = self.is_meant(&item, self.request.theirs) || self.is_meant(&item, self.request.ours);
        if !(is_asked || keys.is_empty() && is_decided) {
            return None;
        }
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
        let is_in_encrypted = |file: &OwnFile| file.is_encrypted && file.find(item, self.app).is_some();
        let is_moved = || {
            self.is_sensitive(item)
                && self.from[0].item(item, self.app).is_some_and(|node| is_literal(node, self.may_render(item)))
        };
        self.from.iter().chain(&self.to).any(is_in_encrypted) || self.to[0].is_encrypted || is_moved()
    }

    fn may_render(&self, item: &PromotedItem) -> bool {
        let rule = self.entry(item, self.request.from).and_then(|entry| entry.rules.template.as_ref());
        rule.is_none_or(|rule| rule.value)
    }

    /// Decides about an item by the state of the last promotion, and changes the drafts.
    fn decide(
        &self,
        row: &mut PromotionRow,
        base: Option<&BaseStates>,
        drafts: &mut [Option<PromotionDraft>; 2],
        secret: &mut Vec<Vec<DraftStep>>,
    ) -> Result<(), Diagnostics> {
        row.base = base.map(|base| base.commit.clone());
        if self.is_meant(&row.item, self.request.ours) {
            row.outcome = PromotionOutcome::Kept;
            return Ok(());
        }
        let is_forced = self.is_meant(&row.item, self.request.theirs);
        let is_unchanged = base.is_some_and(|base| is_same_item(&base.from, &self.from, &row.item, self.app));
        if is_unchanged && !is_forced {
            row.outcome = PromotionOutcome::Unchanged;
            return Ok(());
        }
        let mut changed = drafts.clone();
        let mut hidden = Vec::new();
        let outcome = self.apply(&row.item, &mut changed, &mut hidden)?;
        let texts = |drafts: &[Option<PromotionDraft>; 2]| {
            drafts.each_ref().map(|draft| draft.as_ref().map(|draft| draft.text().to_owned()).unwrap_or_default())
        };
        let (before, after) = (texts(drafts), texts(&changed));
        if before == after {
            row.outcome = PromotionOutcome::Same;
            return Ok(());
        }
        let is_changed_there = base.is_some_and(|base| !is_same_item(&base.to, &self.to, &row.item, self.app));
        if is_changed_there && !is_forced {
            row.outcome = PromotionOutcome::Conflict;
            return Ok(());
        }
        row.outcome = outcome;
        row.files = self
            .to
            .iter()
            .zip(before.iter().zip(&after))
            .filter(|(_, (before, after))| before != after)
            .map(|(file, _)| file.name.clone())
            .collect();
        row.is_encrypted = !hidden.is_empty();
        *drafts = changed;
        secret.extend(hidden);
        Ok(())
    }

    /// Makes the drafts say of an item what `from` says.
    fn apply(
        &self,
        item: &PromotedItem,
        drafts: &mut [Option<PromotionDraft>; 2],
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<PromotionOutcome, Diagnostics> {
        let desired = self.desired(item);
        let outcome = if desired.plain.is_none() && desired.secret.is_none() {
            PromotionOutcome::Removed
        } else {
            PromotionOutcome::Copied
        };
        let parts = [desired.plain, desired.secret];
        for (index, ((file, draft), part)) in self.to.iter().zip(drafts).zip(parts).enumerate() {
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
            let Some(excerpt) = draft.excerpt(&path) else { continue };
            let is_null = is_removal(&excerpt.node);
            if !(has_source(item, &excerpt.node) || is_null) {
                continue;
            }
            if file.is_encrypted && !is_null {
                secret = Some(excerpt);
            } else {
                plain = Some(excerpt);
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
