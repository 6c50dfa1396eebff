//! Merging of the values that wait for an environment into its own layer.

use super::entry::{cut_item, has_source, is_content, is_removal, put_item};
use super::history::{ItemBase, PromotionHistory};
use super::incoming::IncomingValues;
use super::item::{PromotedItem, place_item};
use super::outcome::{AppPromotion, MergedFile, PromotionOutcome, PromotionRow, SkipReason};
use super::own_file::{
    ChangeContext, OwnFiles, edit_failure, is_same_item, read_own_files, source_comments, stage_own_files,
};
use super::plan::{CommentPolicy, survey_environments, with_fitting_comments};
use super::request::PromotionRequest;
use super::sealed::StageFailure;
use super::target_drafts::{DecideRow, TargetDrafts, decide_rows};
use super::tree_edit::{DraftStep, node_at};
use crate::diagnostic::Diagnostics;
use crate::files::FileKind;
use crate::layer::Promotion;
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::secret_files::FileContent;

/// The environment whose values wait for one of an app; none if nothing waits. Needs no key.
pub fn find_source(
    pipeline: &Pipeline<'_>,
    app: &App,
    environment: &EnvironmentName,
) -> Result<Option<EnvironmentName>, Diagnostics> {
    let files = &pipeline.library.project.files;
    let incoming = IncomingValues::read(files, app, environment)?;
    let source = incoming.environment()?;
    if let Some(source) = &source {
        incoming.check_origin(source, app, environment)?;
    }
    Ok(source)
}

/// Plans to merge what waits for `to` into its own layer; none if nothing waits.
pub fn plan_merge(
    pipeline: &Pipeline<'_>,
    app: &App,
    request: &PromotionRequest<'_>,
    history: &PromotionHistory<'_>,
) -> Result<Option<AppPromotion>, Diagnostics> {
    with_fitting_comments(|comments| merge_with(pipeline, app, request, history, comments))
}

fn merge_with(
    pipeline: &Pipeline<'_>,
    app: &App,
    request: &PromotionRequest<'_>,
    history: &PromotionHistory<'_>,
    comments: CommentPolicy,
) -> Result<Option<AppPromotion>, StageFailure> {
    let files = &pipeline.library.project.files;
    let mut incoming = IncomingValues::read(files, app, request.to)?;
    let Some(bytes) = incoming.file.bytes.clone() else { return Ok(None) };
    incoming.check_encrypted()?;
    incoming.file.open(request.identities)?;
    let Some(mut source) = incoming.source()? else { return Ok(None) };
    let mut notes = Vec::new();
    if let Some(commit) = source.commit.take_if(|commit| !history.has_commit(commit)) {
        let short = commit.get(..12).unwrap_or(&commit);
        notes.push(format!(
            "Git does not know the commit {short}, which `{}` names, so no commit can record this promotion",
            incoming.file.name
        ));
    }
    let mut to = read_own_files(files, app, request.to)?;
    for file in &mut to {
        file.open(request.identities)?;
    }
    let survey = survey_environments(pipeline, app, std::slice::from_ref(request.to))?;
    let name = survey.app.clone();
    let merger = ValueMerger { request, survey: &survey, app: name.as_str(), incoming: &incoming, to: &to, comments };
    let mut drafts = TargetDrafts { own: to.each_ref().map(|file| file.draft.clone()), incoming: None };
    let (mut rows, mut secret) = (Vec::new(), Vec::new());
    rows.extend(incoming.items(merger.app).into_iter().map(|item| merger.first_row(item)));
    let mut open = Vec::new();
    for row in &mut rows {
        let base = history.base_of(app, merger.app, &row.name, request)?;
        open.push((row, base));
    }
    let decide: &DecideRow<'_> = &|row, base, drafts, secret| merger.decide(row, base, drafts, secret);
    decide_rows(&mut open, &mut drafts, &mut secret, decide)?;
    let (rules, source_comments) = (pipeline.library.rules(), source_comments([&incoming.file]));
    let comments = &source_comments;
    let change = ChangeContext { rules, identities: request.identities, now: request.now, comments };
    let staged = stage_own_files(files, &to, &drafts.own, &secret, change)?;
    let merged = MergedFile {
        path: files.writable_path(FileKind::Layer, &incoming.file.path)?,
        name: incoming.file.name.clone(),
        content: FileContent::of(&bytes),
        source,
    };
    let known = rows.iter().map(|row| row.item.clone()).collect();
    let (unpromoted, dropped) = (Vec::new(), Vec::new());
    let inherited = Vec::new();
    Ok(Some(AppPromotion {
        app: name,
        rows,
        known,
        unpromoted,
        inherited,
        dropped,
        notes,
        staged,
        merged: Some(merged),
    }))
}

struct ValueMerger<'a> {
    request: &'a PromotionRequest<'a>,
    survey: &'a Survey,
    app: &'a str,
    incoming: &'a IncomingValues,
    to: &'a OwnFiles,
    comments: CommentPolicy,
}

impl ValueMerger<'_> {
    fn first_row(&self, item: PromotedItem) -> PromotionRow {
        let name = item.name(self.app);
        PromotionRow {
            outcome: match self.never(&item) {
                Some(reason) => PromotionOutcome::Skipped(reason),
                None => PromotionOutcome::Copied,
            },
            from: self.incoming.file.place(&item, self.app),
            to: self.to.iter().rev().find_map(|file| file.place(&item, self.app)),
            item,
            name,
            files: Vec::new(),
            is_encrypted: false,
            base: None,
            kept_in: None,
            would_change: false,
        }
    }

    /// The rule by which an item is not promoted, which may be newer than the value.
    fn never(&self, item: &PromotedItem) -> Option<SkipReason> {
        let PromotedItem::Entry(id) = item else { return None };
        let entry = self.survey.environment(self.request.to)?.definition.entry(id)?;
        let rule = entry.rules.promote.as_ref().filter(|rule| rule.value == Promotion::Never)?;
        Some(SkipReason::Never(rule.place.clone()))
    }

    fn is_meant(&self, item: &PromotedItem, patterns: &[String]) -> bool {
        patterns.iter().any(|pattern| item.is_meant_by(pattern, self.app))
    }

    /// Decides about an item, and changes the drafts.
    fn decide(
        &self,
        row: &mut PromotionRow,
        base: Option<&ItemBase>,
        drafts: &mut TargetDrafts,
        secret: &mut Vec<Vec<DraftStep>>,
    ) -> Result<(), Diagnostics> {
        row.base = base.map(|base| base.states.commit.clone());
        if self.is_meant(&row.item, self.request.ours) {
            row.outcome = PromotionOutcome::Kept;
            return Ok(());
        }
        if row.outcome != PromotionOutcome::Copied {
            return Ok(());
        }
        let before = drafts.checkpoint();
        let mut hidden = Vec::new();
        let outcome = self.apply(&row.item, drafts, &mut hidden)?;
        let changed = drafts.changed_since(&before);
        let is_forced = self.is_meant(&row.item, self.request.theirs);
        let is_changed_there = || base.is_some_and(|base| !is_same_item(&base.states.to, self.to, &row.item, self.app));
        row.outcome = if changed == [false; 3] {
            PromotionOutcome::Same
        } else if !is_forced && is_changed_there() {
            PromotionOutcome::Conflict
        } else {
            outcome
        };
        if !row.is_change() {
            drafts.restore(before);
            return Ok(());
        }
        let files = self.to.iter().zip(changed).filter(|(_, is_changed)| *is_changed);
        row.files = files.map(|(file, _)| file.name.clone()).collect();
        row.is_encrypted = !hidden.is_empty();
        secret.extend(hidden);
        Ok(())
    }

    /// Makes the drafts say of an item what the incoming file says.
    fn apply(
        &self,
        item: &PromotedItem,
        drafts: &mut TargetDrafts,
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<PromotionOutcome, Diagnostics> {
        let file = &self.incoming.file;
        let excerpt = file.find(item, self.app).and_then(|path| self.comments.excerpt(file.draft.as_ref()?, &path));
        let Some(excerpt) = excerpt else { return Ok(PromotionOutcome::Same) };
        let [plain, secret] = &mut drafts.own;
        let (Some(plain), Some(secret)) = (plain, secret) else { return Ok(PromotionOutcome::Same) };
        let failed = |index: usize| {
            let name = self.to.get(index).map(|file| file.name.clone()).unwrap_or_default();
            move |failure| edit_failure(&name, failure)
        };
        let at = place_item(secret.root(), item, self.app);
        if is_removal(&excerpt.node) {
            cut_item(secret, item, &at).map_err(failed(1))?;
            return Ok(PromotionOutcome::Removed);
        }
        put_item(secret, item, &at, &excerpt).map_err(failed(1))?;
        hidden.push(at);
        let at = place_item(plain.root(), item, self.app);
        // the plain part of a structure is public; any other value is replaced
        let is_replaced = node_at(plain.root(), &at).is_some_and(|node| {
            (has_source(item, node) || is_removal(node)) && !(is_content(node) && is_content(&excerpt.node))
        });
        if is_replaced {
            cut_item(plain, item, &at).map_err(failed(0))?;
        }
        Ok(PromotionOutcome::Copied)
    }
}
