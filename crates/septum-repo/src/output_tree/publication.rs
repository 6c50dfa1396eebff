//! Publication of a tree: renders the targets that changed, and plans the changes of its files.

use std::path::Path;

use super::OutputTree;
use super::clash::find_clashes;
use super::duplicates::find_duplicates;
use super::exposed::find_exposed;
use super::left_out::LeftOutApps;
use super::lost::find_lost;
use super::output::{RenderedTarget, UnverifiedFile, VerificationState};
use super::place::SourceDirectories;
use super::plan::{ChangeSummary, TreePlan};
use super::render::{RenderResults, RenderRun, render_changed};
use super::request::{OnLostEnvironment, PublishIntent, RenderRequest};
use super::strays::Coverage;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::meter::{Meter, RunStage};
use crate::pipeline::Pipeline;
use crate::sort::sort;

/// Planned publication of a tree.
pub struct Publication {
    pub(super) tree: OutputTree,
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

/// Plans a publication. All errors are reported together, and then there is no plan.
///
/// Errors: those of rendering, `plaintext-secret`, and those of a directory or an inventory that cannot be used.
pub fn plan_publication(pipeline: &Pipeline<'_>, wish: &RenderRequest<'_>) -> Result<Publication, Diagnostics> {
    let project = pipeline.library.project;
    let directories = project.apps.iter().map(|app| app.directory.as_path()).chain(project.shared.as_deref());
    let real = |directory: &Path| project.files.real_directory(directory).unwrap_or_else(|_| directory.to_path_buf());
    let directories: Vec<_> = directories.map(real).collect();
    let sources = SourceDirectories { root: project.files.root(), directories: &directories };
    let cache = wish.cache.filter(|_| wish.intent == PublishIntent::Apply);
    let tree = OutputTree::open(wish.dir, &sources, wish.shard, cache)?;
    let dir = std::path::absolute(wish.dir).unwrap_or_else(|_| wish.dir.to_path_buf());
    let run = RenderRun::new(pipeline, wish, &dir, &tree);
    let (known, mut problems, all) = render_changed(&run);
    let RenderResults { targets, count, rendered, problems: of_apps, keys, mut unverified } = all;
    sort(&mut unverified);
    problems.extend(project.name_errors(wish.apps.iter().copied()));
    problems.extend(of_apps);
    let sites: Vec<_> =
        rendered.iter().filter_map(RenderedTarget::rendered).flat_map(|files| files.sites.iter().cloned()).collect();
    problems.extend(find_duplicates(&sites));
    problems.extend(find_clashes(&rendered, &tree));
    let exposed =
        if wish.allow_plaintext && wish.intent == PublishIntent::Apply { None } else { find_exposed(&rendered, wish) };
    if !wish.allow_plaintext {
        problems.extend(exposed.clone());
    }
    if problems.has_errors() {
        // a missing key is not an error, but explains further missing values
        return Err(problems);
    }
    let left_out = LeftOutApps::of(project);
    problems.extend(left_out.warnings(project, &tree, |target| wish.is_gone(target, &known)));
    let coverage = Coverage {
        is_gone: &|target| wish.is_gone(target, &known) && left_out.app_of(target).is_none(),
        is_beside: &|environment| wish.is_beside(environment),
    };
    let plan = pipeline.meter.time(RunStage::Emit, || tree.plan(rendered, coverage))?;
    if wish.intent == PublishIntent::Check {
        // a file that is not written needs no new ciphertext
        problems = problems.into_iter().filter(|problem| problem.rule != Rule::UnstableCiphertext).collect();
    }
    let lost = find_lost(&plan, &known, |name| project.has_environment(name), wish.dir);
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
    /// Applies the plan.
    pub fn apply(self, meter: &Meter) -> Result<ChangeSummary, Diagnostics> {
        meter.time(RunStage::Emit, || self.tree.apply(self.plan, meter))
    }
}
