//! What the stages of a render take, each by itself.

use std::path::Path;
use std::sync::Arc;

use septum::deliver::Delivered;
use septum::diagnostic::Diagnostics;
use septum::emit::{self, ManifestFormat};
use septum::layer::{Definition, LayerCache};
use septum::object::{self, BuildInput, Constraints, Reveal};
use septum::project::Project;
use septum::resolve::{self, Engine, ResolvedTarget};
use septum::route;
use septum::sops::{HostSystem, Identities, IdentitySources};
use septum::visibility::{KeyAccess, OnMissingKey};

use super::measure::time;

const RUNS: usize = 41;

/// The stages with the median of their times, in the order in which they run. All three
/// environments go through each.
pub(super) fn medians(directory: &Path) -> Vec<(&'static str, f64)> {
    let runs: Vec<_> = (0..RUNS).map(|_| run(directory)).collect();
    let mut medians = Vec::new();
    for stage in 0..runs[0].len() {
        let mut times: Vec<f64> = runs.iter().map(|run| run[stage].1).collect();
        times.sort_unstable_by(f64::total_cmp);
        medians.push((runs[0][stage].0, times[RUNS / 2]));
    }
    medians
}

fn run(directory: &Path) -> [(&'static str, f64); 6] {
    let mut problems = Diagnostics::new();
    let (discover, project) = time(|| Project::discover(directory).expect("a project"));
    let app = &project.apps[0];
    let library = LayerCache::new(&project, Identities::new(IdentitySources::of(HostSystem::current(), |_| None)));
    let (read, definitions) = time(|| {
        app.environments
            .iter()
            .map(|name| library.merge_definition(app, name, KeyAccess::Decrypt, &mut problems).expect("valid layers"))
            .collect::<Vec<Definition>>()
    });
    let engine = Engine::new(Arc::clone(&project.files));
    let (resolve, resolved) = time(|| {
        definitions
            .into_iter()
            .map(|definition| resolve::resolve(&engine, definition, resolve::ManifestMode::Skipped, &mut problems))
            .collect::<Vec<ResolvedTarget>>()
    });
    let (route, routing) = time(|| route::route(&resolved, &mut Vec::new()));
    let references = septum::manifest::references::ReferenceRules::default();
    let constraints = Constraints::default();
    let (build, objects) = time(|| {
        let target = |one| BuildInput {
            resolved: one,
            routing: &routing,
            siblings: &resolved,
            constraints: &constraints,
            references: &references,
            at: None,
            on_missing_key: OnMissingKey::Fail,
        };
        resolved.iter().flat_map(|one| object::render(target(one), &mut problems).whole).collect::<Vec<_>>()
    });
    let objects: Vec<_> = objects.into_iter().map(Delivered::plain).collect();
    let (emit, text) = time(|| emit::write_objects(&objects, ManifestFormat::Yaml, Reveal::Values));
    assert!(problems.is_empty() && !text.is_empty(), "the generated project is rendered without a finding");
    [
        ("project: find", discover),
        ("layer: read and merge", read),
        ("resolve", resolve),
        ("route", route),
        ("object", build),
        ("emit", emit),
    ]
}
