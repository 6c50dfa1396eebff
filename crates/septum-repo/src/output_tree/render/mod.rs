//! Rendering of the targets of a run that changed.

mod inputs;
mod jobs;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::OutputTree;
use super::cache::TargetInputs;
use super::name::TargetName;
use super::output::{RenderedFiles, RenderedTarget, TargetOutcome, UnverifiedFile};
use super::request::RenderRequest;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind};
use crate::meter::ProgressUnit;
use crate::parallel;
use crate::pipeline::{Pipeline, SurveyOptions};
use crate::project::App;

use inputs::InputDigests;
use jobs::{AppJob, RequestedTarget};
use target::{SharedInputs, TargetFiles, TargetRender};

/// Number of apps from which threads are worth their cost.
const FEW: usize = 4;

/// A run over the apps.
pub(super) struct RenderRun<'a> {
    pipeline: &'a Pipeline<'a>,
    request: &'a RenderRequest<'a>,
    /// The directory of the tree, absolute.
    dir: &'a Path,
    tree: &'a OutputTree,
    answers: InputDigests<'a>,
}

/// Renders the targets that changed. Returns all existing targets with problems of their names, and the results.
pub(super) fn render_changed(run: &RenderRun<'_>) -> (BTreeSet<TargetName>, Diagnostics, RenderResults) {
    let (jobs, known, problems) = jobs::plan_jobs(run);
    let changed = jobs.iter().flat_map(|job| &job.targets).filter(|target| !target.is_current).count();
    run.pipeline.meter.expect(ProgressUnit::Targets, changed);
    // none depends on another, except through shared layers
    let mut all = RenderResults::default();
    for found in parallel::par_map(jobs, FEW, |job| run.render_app(job)) {
        all.take(found);
    }
    (known, problems, all)
}

/// Results of an app, or of several.
#[derive(Default)]
pub(super) struct RenderResults {
    pub(super) targets: usize,
    /// Number of rendered targets.
    pub(super) count: usize,
    pub(super) rendered: Vec<RenderedTarget>,
    pub(super) problems: Diagnostics,
    /// Reasons why environments could not be decrypted.
    pub(super) keys: Diagnostics,
    pub(super) unverified: Vec<UnverifiedFile>,
}

impl RenderResults {
    fn take(&mut self, mut other: Self) {
        self.targets += other.targets;
        self.count += other.count;
        self.rendered.append(&mut other.rendered);
        self.problems.extend(other.problems);
        self.keys.extend(other.keys);
        self.unverified.append(&mut other.unverified);
    }
}

impl<'a> RenderRun<'a> {
    pub(super) fn new(
        pipeline: &'a Pipeline<'a>,
        request: &'a RenderRequest<'a>,
        dir: &'a Path,
        tree: &'a OutputTree,
    ) -> Self {
        let answers = InputDigests::new(Arc::clone(&pipeline.library.project.files), tree.cache());
        Self { pipeline, request, dir, tree, answers }
    }
}

impl RenderRun<'_> {
    /// Renders the targets of an app that need it.
    fn render_app(&self, AppJob { app, targets, .. }: AppJob<'_>) -> RenderResults {
        let mut found = RenderResults { targets: targets.len(), ..RenderResults::default() };
        let (current, stale): (Vec<_>, Vec<_>) = targets.into_iter().partition(|wanted| wanted.is_current);
        found.rendered.extend(current.into_iter().map(|wanted| unchanged_target(wanted.name, None)));
        if !stale.is_empty() {
            self.render(app, stale, &mut found);
            self.pipeline.library.forget(app);
        }
        found
    }

    fn render(&self, app: &App, stale: Vec<RequestedTarget>, found: &mut RenderResults) {
        let environments: Vec<_> = stale.iter().map(|wanted| wanted.environment.clone()).collect();
        let mut locked = BTreeMap::new();
        let options = SurveyOptions::decrypting(&environments).as_far_as_known(&mut locked);
        let survey = self.pipeline.survey(app, options, &mut found.problems);
        found.keys.extend(locked.values().flat_map(Diagnostics::iter).cloned().map(as_warning));
        let Some(survey) = survey else { return };
        let is_remembered = self.tree.cache().is_used();
        let shared = if is_remembered { SharedInputs::find(self, app, &survey) } else { SharedInputs::default() };
        for RequestedTarget { environment, name: target, .. } in stale {
            let rendering = TargetRender {
                pipeline: self.pipeline,
                request: self.request,
                dir: self.dir,
                tree: self.tree,
                app,
                survey: &survey,
                shared: &shared,
                environment: &environment,
                target: &target,
                is_open: !locked.contains_key(&environment),
            };
            let target = self.render_target(&rendering, found);
            found.rendered.extend(target);
            self.pipeline.meter.advance(ProgressUnit::Targets, 1);
        }
    }

    /// Renders a changed target of an app.
    fn render_target(&self, rendering: &TargetRender<'_>, found: &mut RenderResults) -> Option<RenderedTarget> {
        let name = rendering.target.clone();
        let is_remembered = self.tree.cache().is_used();
        let inputs = || if is_remembered { rendering.inputs(&self.answers) } else { TargetInputs::default() };
        let state = is_remembered.then(|| rendering.state(&self.answers)).flatten();
        if state.is_some() && self.tree.state(&name) == state.as_deref() && self.tree.is_intact(&name) {
            // the changes are in other environments
            return Some(unchanged_target(name, Some(inputs())));
        }
        let mut files = rendering.render(&mut found.problems)?;
        found.count += 1;
        let state = state.filter(|_| files.unverified.is_empty());
        found.unverified.append(&mut files.unverified);
        let TargetFiles { all: files, sites, .. } = files;
        let rendered = RenderedFiles { inputs: inputs(), state, files, sites };
        Some(RenderedTarget { name, outcome: TargetOutcome::Rendered(rendered) })
    }
}

fn unchanged_target(name: TargetName, inputs: Option<TargetInputs>) -> RenderedTarget {
    RenderedTarget { name, outcome: TargetOutcome::Unchanged { inputs } }
}

/// Turns an error about a missing key into a warning, where the run can continue without.
fn as_warning(problem: Diagnostic) -> Diagnostic {
    match problem.failure {
        FailureKind::Key => Diagnostic { severity: crate::diagnostic::Severity::Warning, ..problem },
        _ => problem,
    }
}
