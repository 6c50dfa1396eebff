//! Checks of a whole project at once: problems that rendering finds, and others that its output does not show.
//!
//! No file is written, and plain values need no key; values that could not be checked without one are listed, and are
//! never assumed to be fine.

mod allow;
mod app;
mod baseline;
mod baseline_form;
mod checker;
mod environments;
mod finding;
mod flux;
mod format;
mod leak;
mod leftover;
mod lifecycle;
mod pitfall;
mod places;
mod remedy;
mod results;
mod rules;
mod shared;
mod staged;
mod stale;
mod tag;
mod unchecked;
mod undeclared;
mod unencrypted;
mod unused;
mod unused_layers;
mod unused_references;
mod waiting;

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::{Diagnostics, FailureKind, Severity};
use crate::disk::BoundedRoot;
use crate::files::{FileKind, refuse_file};
use crate::name::{AppName, EnvironmentName};
use crate::object::Day;
use crate::output_tree::{self};
use crate::parallel;
use crate::pipeline::Pipeline;
use crate::project::App;
use crate::sops::Timestamp;
use crate::sort::CollectSorted;

pub use app::AppCheck;
pub use baseline::{Baseline, FILE as BASELINE};
pub use finding::{Finding, FindingView};
pub use format::{
    MOST_ANNOTATIONS, code_quality_report, junit_report, rdjson_report, sarif_log, step_summary, workflow_commands,
};
pub use leftover::find_drafts;
pub use remedy::{EntryLocation, Fix};
pub use rules::{RuleMatch, UserRules};
pub use staged::{StagedFilter, check_staged};
pub use unchecked::Unchecked;
pub use unencrypted::{check_secret_file, find_encrypted_files, is_of_tree};
pub use unused_layers::find_unused_mixins;

use checker::AppChecker;
use flux::FluxSubstitution;
use results::CheckResults;
use staged::StagedEntryRefs;

/// Scope of a check.
#[derive(Debug)]
pub struct CheckScope<'a> {
    /// The apps.
    pub apps: &'a [&'a App],
    /// The environments.
    pub environments: &'a [EnvironmentName],
    /// Whether these are all apps and all environments.
    pub is_whole: bool,
    /// A tree of output, which must be what rendering produces now.
    pub rendered: Option<&'a Path>,
    /// Custom rules, in addition to the built-in ones.
    pub rules: &'a [UserRules],
    /// Known findings.
    pub baseline: Option<&'a Baseline>,
    /// Today, for findings that were accepted until a day.
    pub today: Option<Day>,
    /// The current time, which does not affect the output.
    pub now: Timestamp,
    /// The files that findings must be about; none for all.
    pub only: Option<&'a StagedFilter>,
}

impl<'a> CheckScope<'a> {
    /// A check of layers alone: of some apps and environments, on the day of `now`.
    pub fn of_layers(apps: &'a [&'a App], environments: &'a [EnvironmentName], now: Timestamp) -> Self {
        Self {
            apps,
            environments,
            is_whole: false,
            rendered: None,
            rules: &[],
            baseline: None,
            today: Some(now.day()),
            now,
            only: None,
        }
    }
}

/// Whether a check without keys was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum MissingKeys {
    /// A part that could not be decrypted was not checked as it should be.
    #[default]
    Reported,
    /// It is not checked on purpose.
    Expected,
}

/// Result of a check.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Findings, in the order of files.
    pub findings: Vec<Finding>,
    /// Accepted findings.
    pub accepted: Vec<Finding>,
    /// Parts that could not be checked, and the reasons.
    pub unseen: Vec<Unchecked>,
    /// Whether missing keys were expected, so that what could not be checked does not count.
    pub missing_keys: MissingKeys,
    /// Names of the checked apps with the environments in which each was checked, as far as they are known.
    pub targets: Vec<(AppName, Vec<EnvironmentName>)>,
}

impl CheckReport {
    /// The worst failure among findings of at least a severity; none if there are none and everything could be
    /// checked.
    pub fn failure(&self, least: Severity) -> Option<FailureKind> {
        let counts = |finding: &&Finding| least == Severity::Warning || finding.diagnostic.is_error();
        let of = |failure| self.findings.iter().filter(counts).any(|finding| finding.failure() == failure);
        let kinds = [FailureKind::Bug, FailureKind::Invalid, FailureKind::Io, FailureKind::Found, FailureKind::Key];
        let unseen = self.unseen.iter().any(Unchecked::lacks_key).then_some(FailureKind::Key);
        kinds.into_iter().find(|kind| of(*kind)).or(unseen)
    }
}

impl CheckReport {
    /// Turns findings that only lack a key into warnings, for a check that does not look for keys.
    pub fn excuse_missing_keys(&mut self) {
        self.missing_keys = MissingKeys::Expected;
        for finding in self.findings.iter_mut().filter(|finding| finding.failure() == FailureKind::Key) {
            finding.diagnostic.severity = Severity::Warning;
        }
    }
}

/// Number of apps from which threads are worth their cost.
const FEW: usize = 4;

/// Checks apps in environments.
pub fn check_apps(pipeline: &Pipeline<'_>, scope: &CheckScope<'_>) -> CheckReport {
    let of_apps = check_each_app(pipeline, scope, scope.apps.to_vec());
    combine_checks(pipeline, scope, of_apps)
}

/// Checks some of the apps of a scope, each by itself, in their order.
pub fn check_each_app(pipeline: &Pipeline<'_>, scope: &CheckScope<'_>, apps: Vec<&App>) -> Vec<AppCheck> {
    let flux = FluxSubstitution::new(&pipeline.library.project.files);
    let look = AppChecker { pipeline, scope, flux: &flux };
    parallel::par_map(apps, FEW, |app| look.check_app(app))
}

/// Report on the apps of a scope, of which each was checked, and on what concerns several of them.
pub fn combine_checks(
    pipeline: &Pipeline<'_>,
    scope: &CheckScope<'_>,
    of_apps: impl IntoIterator<Item = AppCheck>,
) -> CheckReport {
    let results = of_apps.into_iter().map(|check| check.results);
    let mut found = results.fold(CheckResults::default(), CheckResults::merge_results);
    let project = pipeline.library.project;
    check_unused_of_project(pipeline, scope, &mut found);
    let targets = found.targets.iter().map(|(app, environments)| (app, environments.as_slice()));
    let duplicates = output_tree::find_duplicates_beside_namesakes(&found.sites);
    let duplicates = output_tree::find_namesakes(targets).into_iter().chain(duplicates);
    let duplicates: Vec<_> = duplicates.into_iter().map(|it| Finding::new_finding(it, None, None, None)).collect();
    let misnamed = project.misnamed(scope.apps.iter().copied());
    let misnamed = misnamed.map(|file| Finding::new_finding(file.diagnostic.clone(), None, None, None));
    found.findings.extend(
        misnamed
            .chain(duplicates)
            .filter(|it| scope.only.is_none_or(|only| only.has_finding(it, &StagedEntryRefs::default()))),
    );
    if let Some(dir) = scope.rendered {
        found.findings.extend(stale::find_stale_outputs(pipeline, dir, scope));
    }
    if scope.is_whole {
        let left = find_drafts(&pipeline.library.project.files);
        found.findings.extend(left.into_iter().map(|problem| Finding::new_finding(problem, None, None, None)));
        let of_files = find_unencrypted(pipeline, &found);
        found.findings.extend(of_files);
        let undecrypted = flux::find_undecrypted_files(&pipeline.library.project.files);
        let undecrypted = undecrypted.unwrap_or_else(Diagnostics::from).into_iter();
        found.findings.extend(undecrypted.map(|problem| Finding::new_finding(problem, None, None, None)));
    }
    let shared = project.shared.as_deref();
    let is_shared = |file: &str| shared.is_some_and(|shared| project.files.root().join(file).starts_with(shared));
    found.into_report(scope, &is_shared)
}

/// Checks the shared mixins and the rules for references that no app uses, if all apps are checked.
fn check_unused_of_project(pipeline: &Pipeline<'_>, scope: &CheckScope<'_>, found: &mut CheckResults) {
    let project = pipeline.library.project;
    let asked: BTreeSet<_> = scope.environments.iter().collect_set();
    let is_all = scope.apps.len() == project.apps.len() && project.environments().is_subset(&asked);
    if is_all {
        if !found.is_partial {
            let of_project = unused_references::findings_of_project(&found.references, &project.references);
            found.findings.extend(of_project);
        }
        let flux = FluxSubstitution::new(&project.files);
        AppChecker { pipeline, scope, flux: &flux }.check_unused_shared(found);
    }
}

/// Files of the project, of apps or not, that should be encrypted and are not: every file for which a commit would be
/// refused.
fn find_unencrypted(pipeline: &Pipeline<'_>, found: &CheckResults) -> Vec<Finding> {
    let (files, book) = (&pipeline.library.project.files, pipeline.library.rules());
    let all = found.findings.iter().chain(&found.accepted);
    let known = all.filter_map(|it| Some((it.diagnostic.rule, it.file()?.to_owned()))).collect();
    let disk = files.disk().clone();
    let directory = disk.repository_of(files.root()).unwrap_or(files.root()).to_path_buf();
    let found = BoundedRoot::new(disk, &directory)
        .map_err(|error| refuse_file(&error.into(), FileKind::SecretFile, &files.name(&directory)))
        .and_then(|bounds| {
            Ok(unencrypted::errors_of_files(&bounds, book, &find_encrypted_files(files, &bounds, book)?, &known))
        });
    found.unwrap_or_else(|problem| vec![Finding::new_finding(problem, None, None, None)])
}
