//! Planning of the work: the targets of each app, and which of them changed.

use std::collections::BTreeSet;

use super::{FEW, RenderRun};
use crate::diagnostic::Diagnostics;
use crate::map::{HashMap, HashSet};
use crate::meter::RunStage;
use crate::name::{AppName, EnvironmentName};
use crate::output_tree::OutputTree;
use crate::output_tree::name::TargetName;
use crate::output_tree::namesakes::TargetOwners;
use crate::parallel;
use crate::project::App;
use crate::span::Location;

/// An app with its requested targets.
pub(super) struct AppJob<'a> {
    pub(super) app: &'a App,
    pub(super) targets: Vec<RequestedTarget>,
    /// All its targets.
    all: Vec<TargetName>,
}

/// A requested target.
pub(super) struct RequestedTarget {
    pub(super) environment: EnvironmentName,
    pub(super) name: TargetName,
    /// Whether its inputs have not changed since this machine made it.
    pub(super) is_current: bool,
}

/// Plans the jobs, and returns all existing targets, and problems of their names.
pub(super) fn plan_jobs<'a>(run: &RenderRun<'a>) -> (Vec<AppJob<'a>>, BTreeSet<TargetName>, Diagnostics) {
    let names = RememberedNames::of(run.tree);
    let job = |app: &'a App| {
        let mut problems = Diagnostics::new();
        (run.plan_job(app, &names, &mut problems), problems)
    };
    let (mut jobs, mut owners, mut problems) = (Vec::new(), TargetOwners::default(), Diagnostics::new());
    for (job, of_app) in parallel::par_map(run.request.apps.to_vec(), FEW, job) {
        problems.extend(of_app);
        let Some(mut job) = job else { continue };
        for target in std::mem::take(&mut job.all) {
            if !owners.add(target.clone(), jobs.len()) {
                job.targets.retain(|wanted| wanted.name != target);
            }
        }
        jobs.push(job);
    }
    let (known, clashes) = owners.finish(|index: usize| {
        let job = jobs.get(index);
        job.map_or_else(Location::synthetic, |job: &AppJob<'_>| run.pipeline.library.place_of_app(job.app))
    });
    problems.extend(clashes);
    (jobs, known, problems)
}

impl<'a> RenderRun<'a> {
    /// Plans the job of an app.
    fn plan_job(&self, app: &'a App, names: &RememberedNames, problems: &mut Diagnostics) -> Option<AppJob<'a>> {
        // the sources of the name are inputs of each target: where none changed, nothing need be read
        if let Some(name) = names.of_directory(&self.answers.relative_path(&app.directory)) {
            let job = self.job_called(app, name, &mut Diagnostics::new());
            let are_current = job.targets.iter().all(|target| target.is_current);
            if are_current && !job.targets.is_empty() && job.all.len() == app.environments.len() {
                return Some(job);
            }
        }
        let name = self.pipeline.library.app_name(app).map_err(|found| problems.extend(found)).ok()?;
        Some(self.job_called(app, &name, problems))
    }

    fn job_called(&self, app: &'a App, name: &AppName, problems: &mut Diagnostics) -> AppJob<'a> {
        let (mut targets, mut all) = (Vec::new(), Vec::new());
        let asked: HashSet<_> = self.request.environments.iter().collect();
        for environment in &app.environments {
            let Some(name) = problems.take(TargetName::new(environment, name)) else { continue };
            let is_asked = asked.contains(environment);
            if is_asked && self.request.shard.is_none_or(|shard| shard.has(name.as_str())) {
                let is_current = self.pipeline.meter.time(RunStage::Compare, || self.is_current(&name));
                targets.push(RequestedTarget { environment: environment.clone(), name: name.clone(), is_current });
            }
            all.push(name);
        }
        AppJob { app, targets, all }
    }

    /// Whether none of the inputs of a target changed since this machine made it.
    fn is_current(&self, target: &TargetName) -> bool {
        self.tree.inputs(target).is_some_and(|inputs| self.answers.are_unchanged(&inputs))
            && self.tree.is_intact(target)
    }
}

/// The names of apps in the cache of this machine.
struct RememberedNames(HashMap<String, AppName>);

impl RememberedNames {
    /// The directory of an app is queried for its layers, and this query is one of the inputs of each of its targets.
    fn of(tree: &OutputTree) -> Self {
        let mut names: HashMap<String, AppName> = HashMap::default();
        let mut groups = HashSet::default();
        for (target, inputs) in tree.made_targets() {
            let shared = groups.insert(inputs.group).then(|| inputs.shared());
            let all = shared.into_iter().flatten().chain(inputs.own());
            for directory in all.filter_map(|(input, _)| super::inputs::layer_directory(input)) {
                names.entry(directory.to_owned()).or_insert_with(|| target.app().into());
            }
        }
        Self(names)
    }

    fn of_directory(&self, directory: &str) -> Option<&AppName> {
        self.0.get(directory)
    }
}
