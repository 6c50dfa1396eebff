//! Objects of a target in their delivery form: for a tree, or for a stream.

use super::duplicates::ObjectSite;
use super::name::file_name;
use crate::deliver::{self, Delivered, DeliveryContext};
use crate::diagnostic::Diagnostics;
use crate::leak_scan;
use crate::name::EnvironmentName;
use crate::object::{Day, TargetObjects};
use crate::pipeline::{Pipeline, Survey};
use crate::project::App;
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::sops::Timestamp;

/// The usual directory of a tree.
const USUAL: &str = "rendered";

/// The objects of an environment for a stream, without previous output, scanned for secrets.
pub fn deliver_objects(
    pipeline: &Pipeline<'_>,
    app: &App,
    survey: &Survey,
    environment: &EnvironmentName,
    objects: TargetObjects,
    now: Timestamp,
    problems: &mut Diagnostics,
) -> Vec<Delivered> {
    let delivered = deliver_unscanned(pipeline, app, survey, environment, objects, now, problems);
    if let Some(resolved) = survey.environment(environment) {
        leak_scan::check_leaks(resolved, &survey.routing, &delivered, problems);
    }
    delivered
}

/// The same, before the scan.
pub fn deliver_unscanned(
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
        path: &|id| directory.join(file_name(id).as_str()),
        committed: &|_| None,
        now,
        day: certificate_day(pipeline, now),
    };
    deliver::deliver(objects, &way, problems)
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
pub(super) fn deliver_target(
    resolved: &ResolvedTarget,
    routing: &Routing,
    objects: TargetObjects,
    way: &DeliveryContext<'_>,
    problems: &mut Diagnostics,
) -> Vec<Delivered> {
    let delivered = deliver::deliver(objects, way, problems);
    leak_scan::check_leaks(resolved, routing, &delivered, problems);
    delivered
}

/// The day on which certificates must be valid: today, unless another is given.
pub fn certificate_day(pipeline: &Pipeline<'_>, now: Timestamp) -> Option<Day> {
    pipeline.day().or_else(|| Some(now.day()))
}
