//! Rendering to the tree that Git keeps: decides which targets are rendered again, and how Secrets are handled that
//! the available identities cannot decrypt.
//!
//! A target is left alone while its inputs and its files match the cache of this machine. To check a tree, every
//! target is rendered. An environment that cannot be decrypted is rendered except for its secrets; its Secrets are
//! compared except for their ciphertext, and listed as unverified.

mod clash;
mod duplicates;
mod git;
mod inputs;
mod jobs;
mod lost;
mod shard;
mod target;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::deliver::{Delivered, DeliveryContext};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::emit::tree::{
    CacheOptions, ChangeSummary, Coverage, ExistingTargets, OutputTree, RenderedTarget, SourceDirectories, TargetName,
    TreePart, TreePlan,
};
use crate::leak_scan;
use crate::meter::{Meter, ProgressUnit, RunStage};
use crate::name::EnvironmentName;
use crate::object::{Day, TargetObjects};
use crate::parallel;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::sops::Timestamp;

use inputs::InputDigests;
use jobs::{AppJob, RequestedTarget};

pub use duplicates::{ObjectSite, find_duplicates};
pub use jobs::find_namesakes;
pub use shard::Shard;

/// Purpose of planning a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishIntent {
    /// It will be applied.
    Apply,
    /// Only to show the changes.
    Check,
}

/// Treatment of an environment or app that a tree has, and that no longer exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLostEnvironment {
    /// An error: the tree would lose it.
    Refuse,
    /// It is removed.
    Prune,
}

/// Parameters of `render --out`.
#[derive(Debug)]
pub struct RenderRequest<'a> {
    /// The directory of the tree.
    pub dir: &'a Path,
    /// The apps.
    pub apps: &'a [&'a App],
    /// Whether these are all apps: then recorded ones that no longer exist are stale.
    pub all_apps: bool,
    /// The environments.
    pub environments: &'a [EnvironmentName],
    /// Whether these are all environments.
    pub all_environments: bool,
    /// The part of the targets that this run is responsible for.
    pub shard: Option<Shard>,
    /// Treatment of environments and apps that no longer exist.
    pub lost: OnLostEnvironment,
    /// Whether Secrets may be written in plaintext where Git would commit them.
    pub allow_plaintext: bool,
    /// The purpose.
    pub intent: PublishIntent,
    /// Location of the machine-local cache. A check uses none.
    pub cache: Option<&'a CacheOptions>,
    /// The time of encryption.
    pub now: Timestamp,
}

/// Planned publication of a tree.
pub struct Publication {
    tree: OutputTree,
    /// The changes.
    pub plan: TreePlan,
    /// Warnings.
    pub warnings: Diagnostics,
    /// Environments and apps that the tree would lose as a whole.
    pub lost: Vec<Diagnostic>,
    /// Finding for Secrets in plaintext that Git would commit.
    pub exposed: Option<Diagnostic>,
    /// Files that require a key to be verified, or generated.
    pub unverified: Vec<UnverifiedFile>,
    /// Number of targets in scope.
    pub targets: usize,
    /// Number of targets that had to be rendered.
    pub rendered: usize,
}

/// A file that requires a key to be verified, or generated. Those that are likely to be out of date come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnverifiedFile {
    /// Known state of it.
    pub state: VerificationState,
    /// Its target.
    pub target: TargetName,
    /// Its name, if it is known.
    pub file: Option<String>,
}

/// Known state of a file that cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerificationState {
    /// It does not exist.
    Missing,
    /// More than its ciphertext is out of date.
    Different,
    /// The inventory does not record that it was made of these inputs.
    Uncovered,
    /// The inventory records that it was made of these inputs, without proof.
    Covered,
}

/// Plans a publication. All errors are reported together, and then there is no plan.
///
/// Errors: those of rendering, `plaintext-secret`, and those of [`OutputTree::open`] and `plan`.
pub fn plan_publication(pipeline: &Pipeline<'_>, wish: &RenderRequest<'_>) -> Result<Publication, Diagnostics> {
    let project = pipeline.library.project;
    let directories = project.apps.iter().map(|app| app.directory.as_path()).chain(project.shared.as_deref());
    let real = |directory: &Path| project.files.real_directory(directory).unwrap_or_else(|_| directory.to_path_buf());
    let directories: Vec<_> = directories.map(real).collect();
    let sources = SourceDirectories { root: project.files.root(), directories: &directories };
    let part = wish.shard.map_or(TreePart::Whole, |shard| TreePart::Shard { index: shard.index, count: shard.count });
    let tree = OutputTree::open(wish.dir, &sources, part, wish.cache.filter(|_| wish.intent == PublishIntent::Apply))?;
    let dir = std::path::absolute(wish.dir).unwrap_or_else(|_| wish.dir.to_path_buf());
    let answers = InputDigests::new(Arc::clone(&project.files), tree.cache());
    let run = RenderRun { pipeline, request: wish, dir: &dir, tree: &tree, answers };
    let meter = &pipeline.meter;
    let (jobs, known, mut problems) = jobs::plan_jobs(&run);
    meter.expect(ProgressUnit::Targets, jobs.iter().flat_map(|job| &job.targets).filter(|it| !it.is_current).count());
    // none depends on another, except through shared layers
    let mut all = RenderResults::default();
    for found in parallel::par_map(jobs, FEW, |job| run.render_app(job)) {
        all.take(found);
    }
    let RenderResults { targets, count, rendered, problems: of_apps, keys, mut unverified } = all;
    unverified.sort();
    problems.extend(project.misnamed(wish.apps.iter().copied()).map(|file| file.diagnostic.clone()));
    problems.extend(of_apps);
    let sites: Vec<_> = rendered.iter().flat_map(|target| target.sites.iter().cloned()).collect();
    problems.extend(find_duplicates(&sites));
    problems.extend(clash::find_clashes(&rendered, &tree));
    let exposed = if wish.allow_plaintext && wish.intent == PublishIntent::Apply {
        None
    } else {
        git::find_exposed(&rendered, wish)
    };
    if !wish.allow_plaintext {
        problems.extend(exposed.clone());
    }
    if problems.has_errors() {
        // a missing key is not an error, but explains further missing values
        return Err(problems);
    }
    let outcomes = rendered.into_iter().map(|target| RenderedTarget { name: target.name, outcome: target.outcome });
    let outcomes: Vec<_> = outcomes.collect();
    let coverage = Coverage {
        is_gone: &|target| wish.is_gone(target, &known),
        is_beside: &|environment| wish.is_beside(environment),
    };
    let plan = meter.time(RunStage::Emit, || tree.plan(outcomes, coverage))?;
    if wish.intent == PublishIntent::Check {
        // a file that is not written needs no new ciphertext
        problems = problems.into_iter().filter(|problem| problem.rule != Rule::UnstableCiphertext).collect();
    }
    let lost = plan.lost_targets(ExistingTargets {
        has_environment: &|name| project.has_environment(name),
        has_app: &|name| known.iter().any(|target| target.app() == name),
        has_target: &|target| known.contains(target),
    });
    let lost: Vec<_> = lost.iter().map(|it| lost::report_lost(it, wish.dir)).collect();
    if wish.intent == PublishIntent::Apply {
        if wish.lost == OnLostEnvironment::Refuse && !lost.is_empty() {
            return Err(lost.into_iter().collect());
        }
        if let Some(obstacle) = plan.obstacle() {
            return Err(obstacle.into());
        }
        problems.extend(plan.warnings());
    }
    // missing keys are reported to a writer only where files are left to write
    let is_left = |unverified: &UnverifiedFile| {
        wish.intent == PublishIntent::Check || unverified.state != VerificationState::Covered
    };
    if unverified.iter().any(is_left) {
        problems.extend(keys);
    }
    Ok(Publication { tree, plan, warnings: problems, lost, exposed, unverified, targets, rendered: count })
}

impl Publication {
    /// Plans the publication.
    pub fn apply(self, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
        meter.time(RunStage::Emit, || self.tree.apply(self.plan, meter))
    }
}

/// The objects of an environment for a stream, without previous output.
pub fn deliver_objects(
    pipeline: &Pipeline<'_>,
    app: &App,
    survey: &Survey,
    environment: &EnvironmentName,
    objects: TargetObjects,
    now: Timestamp,
    problems: &mut Diagnostics,
) -> Vec<Delivered> {
    let Some(resolved) = survey.environment(environment) else { return Vec::new() };
    let project = pipeline.library.project;
    // the rule for the file that a tree would have
    let output = project.output.clone().unwrap_or_else(|| project.files.root().join(USUAL));
    let directory = output.join(environment.as_str()).join(survey.app.as_str());
    let way = DeliveryContext {
        definition: &resolved.definition,
        secrets: &app.secrets_file(environment),
        rules: pipeline.library.rules(),
        identities: pipeline.library.identities(),
        files: &project.files,
        path: &|id| directory.join(target::file_of(id)),
        committed: &|_| None,
        now,
        day: certificate_day(pipeline, now),
    };
    deliver_target(resolved, &survey.routing, objects, &way, problems)
}

/// Sources of the objects of an environment.
pub fn object_sites(
    app: &App,
    survey: &Survey,
    environment: &EnvironmentName,
    delivered: &[Delivered],
) -> Vec<ObjectSite> {
    let resolved = survey.environment(environment);
    resolved.map(|resolved| ObjectSite::all_of(app, &resolved.definition, delivered)).unwrap_or_default()
}

/// The objects of a target in their delivery form, scanned for secrets.
fn deliver_target(
    resolved: &ResolvedTarget,
    routing: &Routing,
    objects: TargetObjects,
    way: &DeliveryContext<'_>,
    problems: &mut Diagnostics,
) -> Vec<Delivered> {
    let delivered = crate::deliver::deliver(objects, way, problems);
    leak_scan::check_leaks(resolved, routing, &delivered, problems);
    delivered
}

/// The day on which certificates must be valid: today, unless another is given.
fn certificate_day(pipeline: &Pipeline<'_>, now: Timestamp) -> Option<Day> {
    pipeline.day().or_else(|| Some(now.day()))
}

/// The usual directory of a tree.
const USUAL: &str = "rendered";

/// Number of apps from which threads are worth their cost.
const FEW: usize = 4;

/// A run over the apps.
struct RenderRun<'a> {
    pipeline: &'a Pipeline<'a>,
    request: &'a RenderRequest<'a>,
    /// The directory of the tree, absolute.
    dir: &'a Path,
    tree: &'a OutputTree,
    answers: InputDigests<'a>,
}

/// Results of an app, or of several.
#[derive(Default)]
struct RenderResults {
    targets: usize,
    /// Number of rendered targets.
    count: usize,
    rendered: Vec<target::TargetResult>,
    problems: Diagnostics,
    /// Reasons why environments could not be decrypted.
    keys: Diagnostics,
    unverified: Vec<UnverifiedFile>,
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

impl RenderRun<'_> {
    /// Renders the targets of an app that need it.
    fn render_app(&self, AppJob { app, targets, .. }: AppJob<'_>) -> RenderResults {
        let mut found = RenderResults { targets: targets.len(), ..RenderResults::default() };
        let (current, stale): (Vec<_>, Vec<_>) = targets.into_iter().partition(|wanted| wanted.is_current);
        found.rendered.extend(current.into_iter().map(|wanted| target::TargetResult::unchanged(wanted.name, None)));
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
        for RequestedTarget { environment, name: target, .. } in stale {
            let rendering = target::TargetRender {
                pipeline: self.pipeline,
                request: self.request,
                dir: self.dir,
                tree: self.tree,
                app,
                survey: &survey,
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
    fn render_target(
        &self,
        rendering: &target::TargetRender<'_>,
        found: &mut RenderResults,
    ) -> Option<target::TargetResult> {
        let name = rendering.target.clone();
        let is_remembered = self.tree.cache().is_used();
        let inputs =
            || if is_remembered { self.answers.input_digests(rendering.input_queries()) } else { BTreeMap::new() };
        let state = is_remembered.then(|| rendering.state(&self.answers)).flatten();
        if state.is_some() && self.tree.state(&name) == state.as_deref() && self.tree.is_intact(&name) {
            // the changes are in other environments
            return Some(target::TargetResult::unchanged(name, Some(inputs())));
        }
        let mut files = rendering.render(&mut found.problems)?;
        found.count += 1;
        let state = state.filter(|_| files.unverified.is_empty());
        found.unverified.append(&mut files.unverified);
        Some(target::TargetResult::rendered(name, inputs(), state, files))
    }
}

/// Turns an error about a missing key into a warning, where the run can continue without.
fn as_warning(problem: Diagnostic) -> Diagnostic {
    match problem.failure {
        FailureKind::Key => Diagnostic { severity: crate::diagnostic::Severity::Warning, ..problem },
        _ => problem,
    }
}

impl RenderRequest<'_> {
    /// Whether a recorded target no longer exists, and this run is responsible for it.
    fn is_gone(&self, target: &TargetName, known: &BTreeSet<TargetName>) -> bool {
        let is_asked = self.environments.iter().any(|environment| environment.as_str() == target.environment());
        self.all_apps
            && (is_asked || self.all_environments)
            && !known.contains(target)
            && self.shard.is_none_or(|shard| shard.has(target.as_str()))
    }

    /// Whether this run is responsible for files beside the targets of an environment, or of all.
    fn is_beside(&self, environment: Option<&str>) -> bool {
        let is_asked = |name: &str| self.environments.iter().any(|environment| environment.as_str() == name);
        self.all_apps
            && (self.all_environments || environment.is_some_and(is_asked))
            && self.shard.is_none_or(|shard| shard.index == 1)
    }
}
