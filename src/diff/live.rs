//! Objects that were read, compared with those that an environment renders.

use super::change::DiffReport;
use super::cluster::{Cluster, ClusterObjects};
use super::compare::compare_targets;
use super::foreign::{self, AmbiguousNames};
use super::snapshot::TargetSnapshot;
use super::surveyed::{AppChanges, LAYERS, mask_secrets, mask_unrouted, survey_app};
use super::value::ValueMarker;
use crate::diagnostic::Diagnostics;
use crate::import::SourceObject;
use crate::leak_scan::SecretFinder;
use crate::name::EnvironmentName;
use crate::output_tree::find_duplicates;
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::visibility::KeyAccess;

/// Objects that an environment is compared with.
#[derive(Debug)]
pub enum LiveObjects {
    /// Those of a cluster.
    Cluster(Cluster),
    /// Those that were read.
    Read(Vec<SourceObject>),
}

/// Compares objects with those that an environment renders.
pub fn compare_with_objects(
    pipeline: &Pipeline<'_>,
    apps: &[&App],
    environment: &EnvironmentName,
    live: LiveObjects,
    label: &str,
) -> Result<DiffReport, Diagnostics> {
    let marker = ValueMarker::random();
    let asked = std::slice::from_ref(environment);
    let mut problems = Diagnostics::new();
    let mut forms = Vec::new();
    let mut found = AppChanges::default();
    for app in apps.iter().filter(|app| app.environments.contains(environment)) {
        let Some(surveyed) = survey_app(pipeline, app, asked, KeyAccess::Decrypt, &mut problems) else { continue };
        let form = foreign::object_form(pipeline, (app, &surveyed.survey), environment, &marker, &mut problems);
        found.note_side(&surveyed);
        if surveyed.has_errors {
            found.broken.insert(LAYERS.to_owned());
        }
        forms.push((surveyed, form));
    }
    // the cluster has one object of each name: it cannot be compared with two
    let sites: Vec<_> = forms.iter_mut().flat_map(|(_, form)| std::mem::take(&mut form.sites)).collect();
    problems.extend(find_duplicates(&sites));
    if problems.has_errors() {
        return Err(problems);
    }
    let addresses: Vec<_> = forms.iter().flat_map(|(_, form)| form.addresses.iter().cloned()).collect();
    let (is_live, mut read) = match live {
        LiveObjects::Cluster(cluster) => (true, cluster.read(&addresses, pipeline.references())?),
        LiveObjects::Read(objects) => {
            let is_live = objects.iter().any(|object| object.is_live);
            (is_live, ClusterObjects { objects, ..ClusterObjects::default() })
        }
    };
    let targets =
        forms.iter().flat_map(|(it, _)| it.survey.environments.iter().map(|resolved| (resolved, &it.survey.routing)));
    let finder = SecretFinder::with_values(targets, &foreign::secret_values(&read.objects));
    let environments = [environment.to_string()];
    for (surveyed, form) in &forms {
        let left = foreign::take_matching(&mut read.objects, &form.addresses, is_live, &marker);
        let app = surveyed.survey.app.as_str();
        let mut changes = compare_targets(app, &environments, &left, &form.snapshot, &marker);
        mask_unrouted(&mut changes, true);
        found.changes.extend(changes);
    }
    let others: Vec<_> = foreign::compared_objects(&read.objects, &[]).collect();
    let others = foreign::other_objects(&others, &AmbiguousNames::of(&[&others]), &marker);
    let mut of_others = compare_targets("", &environments, &others, &TargetSnapshot::default(), &marker);
    mask_unrouted(&mut of_others, false);
    found.changes.extend(of_others);
    mask_secrets(&mut found.changes, &finder);
    let mut report = AppChanges::into_report(vec![found], label, environment.as_str())?;
    report.former_users = read.former_users;
    report.warnings.extend(read.warnings);
    Ok(report)
}

/// Compares two sets of objects.
pub fn compare_files(left: &[SourceObject], right: &[SourceObject], labels: (&str, &str)) -> DiffReport {
    let marker = ValueMarker::random();
    let was: Vec<_> = foreign::compared_objects(left, right).collect();
    let is: Vec<_> = foreign::compared_objects(right, left).collect();
    let ambiguous = AmbiguousNames::of(&[&was, &is]);
    let [was, is] = [was, is].map(|side| foreign::other_objects(&side, &ambiguous, &marker));
    let mut changes = compare_targets("", &[], &was, &is, &marker);
    let values: Vec<_> = [left, right].into_iter().flat_map(foreign::secret_values).collect();
    mask_unrouted(&mut changes, false);
    mask_secrets(&mut changes, &SecretFinder::with_values([], &values));
    let (left, right) = (labels.0.to_owned(), labels.1.to_owned());
    let mut report = DiffReport { left, right, changes, ..DiffReport::default() };
    report.sort();
    report
}
