//! Checks of a whole project at once: problems that rendering finds, and others that its output does not show.
//!
//! No file is written, and plain values need no key; values that could not be checked without one are listed, and are
//! never assumed to be fine.

mod allow;
mod baseline;
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
mod rules;
mod shared;
mod staged;
mod stale;
mod tag;
mod unchecked;
mod undeclared;
mod unencrypted;
mod unused;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::diagnostic::{Diagnostics, FailureKind, Rule, Severity, without_consequences};
use crate::disk::BoundedRoot;
use crate::files::{FileKind, InputQuery, refuse_file};
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::object::Day;
use crate::output_tree::{self, ObjectSite};
use crate::parallel;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::sops::Timestamp;
use crate::sort::{CollectSorted, sort_by};
use crate::span::Located;
use crate::visibility::OnMissingKey;

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

use flux::FluxSubstitution;
use places::EntryIndex;
use remedy::FormerUseIndex;
use staged::StagedEntryRefs;
use unused::UsageTracker;

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

/// Check of one app by itself, which may be kept while others are checked again.
#[derive(Clone, Default)]
pub struct AppCheck {
    results: CheckResults,
    /// Queries to the disk on which the results depend, beside its layers; none if its layers could not be read.
    pub inputs: Option<BTreeSet<InputQuery>>,
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
    found.into_report(scope)
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

/// Check of an app.
#[derive(Clone, Copy)]
struct AppChecker<'a> {
    pipeline: &'a Pipeline<'a>,
    scope: &'a CheckScope<'a>,
    flux: &'a FluxSubstitution<'a>,
}

impl AppChecker<'_> {
    fn check_app(self, app: &App) -> AppCheck {
        let Self { pipeline, scope, .. } = self;
        let mut found = CheckResults::default();
        let wanted = app.environments.iter().filter(|name| scope.environments.contains(name));
        let wanted: Vec<_> = wanted.cloned().collect();
        if wanted.is_empty() {
            return AppCheck { results: found, inputs: Some(BTreeSet::new()) };
        }
        // an error in its layers hides no app of the same name
        found.targets.extend(pipeline.library.app_name(app).ok().map(|value| {
            let place = pipeline.library.place_of_app(app);
            (Located { value, place }, wanted.clone())
        }));
        let (mut problems, mut locked) = (Diagnostics::new(), BTreeMap::new());
        let options = SurveyOptions::decrypting(&wanted).as_far_as_readable(&mut locked);
        let survey = pipeline.survey(app, options, &mut problems);
        found.unseen.extend(locked.values().flat_map(Diagnostics::iter).filter_map(Unchecked::of_locked));
        let Some(survey) = survey else {
            let name = pipeline.library.app_name(app).ok();
            let name = name.as_ref().map(AppName::as_str);
            // the app was not checked, whatever the origin of the error
            let findings = problems
                .into_iter()
                .map(|problem| Finding::new_finding(problem, name, None, None).of_layers().mark_unjudged());
            found.findings.extend(findings);
            return AppCheck { results: found, inputs: None };
        };
        let is_whole = survey.unread.is_empty();
        found.unseen.extend(Unchecked::of_unread(&survey));
        let places = EntryIndex::of(&survey);
        let former_uses = FormerUseIndex::of(&survey);
        let findings = places.findings(problems, None).into_iter();
        let findings = findings.map(|finding| finding.with_rename(&former_uses).of_layers());
        // without these files, the app was not checked as a whole
        let mut findings: Vec<_> = findings.map(|finding| finding.mark_unread(&survey.unread)).collect();
        for environment in &wanted {
            let problems = self.check_objects(app, &survey, environment, &mut found.sites);
            findings.extend(places.findings(problems, Some(environment)));
        }
        for target in survey.partial.iter().filter(|it| wanted.contains(&it.resolved.definition.environment)) {
            let mut problems = Diagnostics::new();
            pipeline.check_partial(&survey, target, &mut problems);
            findings.extend(places.findings(problems, Some(&target.resolved.definition.environment)));
        }
        findings.extend(places.findings(pitfall::find_pitfalls(&survey, &wanted), None));
        for resolved in wanted.iter().filter_map(|environment| survey.environment(environment)) {
            findings.extend(waiting::check_incoming(pipeline, app, resolved));
        }
        if let Some(day) = pipeline.day() {
            findings.extend(lifecycle::find_due_values(pipeline, &survey, &wanted, day));
        }
        let of_layers = self.check_layers(&survey, &wanted, &places);
        // an encrypted value need not be declared: moving it fixes both
        let leaking: Vec<EntryId> =
            of_layers.iter().filter(|it| it.is_leak()).filter_map(|it| it.entry().cloned()).collect();
        findings.extend(without_covered(of_layers));
        if survey.partial.is_empty() {
            findings.extend(places.findings_with_fix(undeclared::find_undeclared(&survey, &leaking), None));
        } else {
            // what is sensitive may be known from a missing layer, and so which object has a key
            findings.retain(|finding| finding.diagnostic.rule != Rule::DanglingReference);
        }
        // the result for one environment alone shows nothing about the others
        if wanted.len() == app.environments.len() && survey.partial.is_empty() {
            findings.extend(places.findings(environments::find_missing_values(&survey), None));
            findings.extend(places.findings(shared::find_shared_secrets(&survey), None));
            let has_hidden = findings.iter().any(|finding| hides_template(finding.diagnostic.rule));
            found.usage.record_survey(&survey, &places, has_hidden);
        }
        let (accepted, findings) =
            allow::split_accepted(findings, &survey, &wanted, scope.today, &places, &mut found.usage);
        let anchors = scope.only.map(|only| only.find_entry_refs(&survey)).unwrap_or_default();
        let is_wanted = |finding: &Finding| {
            // an app that cannot be read is never clean, whatever is staged
            let is_unread = || finding.is_of_layers && finding.file().is_some_and(|file| survey.unread.contains(file));
            scope.only.is_none_or(|only| is_unread() || only.has_finding(finding, &anchors))
        };
        found.findings.extend(findings.into_iter().filter(is_wanted));
        found.accepted.extend(accepted.into_iter().filter(is_wanted));
        let inputs = survey.environments.iter().flat_map(|resolved| resolved.files.recorded_queries()).collect_set();
        AppCheck { results: found, inputs: is_whole.then_some(inputs) }
    }

    /// Findings of rendering, and problems of the rendered objects.
    fn check_objects(
        self,
        app: &App,
        survey: &Survey,
        environment: &EnvironmentName,
        sites: &mut Vec<ObjectSite>,
    ) -> Diagnostics {
        let Self { pipeline, scope, flux } = self;
        let mut problems = Diagnostics::new();
        let objects = pipeline.objects(survey, environment, OnMissingKey::Keep(&|_| None), &mut problems);
        let is_whole = !problems.has_errors();
        // as rendering does, whatever other errors there are
        let delivered =
            output_tree::deliver_objects(pipeline, app, survey, environment, objects, scope.now, &mut problems);
        sites.extend(output_tree::object_sites(app, survey, environment, &delivered));
        if let Some(resolved) = survey.environment(environment).filter(|_| is_whole) {
            problems.extend(flux.find_substituted(resolved, &delivered));
            problems.extend(flux::find_template_marks(resolved, &delivered));
            problems.extend(flux::find_disabled_decryption(resolved));
        }
        // ciphertext of a file that is not kept is always new
        problems.into_iter().filter(|problem| problem.rule != Rule::UnstableCiphertext).collect()
    }

    /// Findings in the files that the output does not show.
    fn check_layers(self, survey: &Survey, wanted: &[EnvironmentName], places: &EntryIndex) -> Vec<Finding> {
        let mut search = leak::CredentialSearch::new(survey, self.scope.rules, self.scope.baseline.map(Baseline::key));
        let mut findings = Vec::new();
        for resolved in survey.readable().filter(|it| wanted.contains(&it.definition.environment)) {
            let environment = &resolved.definition.environment;
            search.search_environment(resolved);
            findings.extend(search.leaks.drain(..).map(|leak| places.leak_finding(leak, environment)));
            let invalid = places.findings(unencrypted::invalid_rules(self.pipeline, resolved), None);
            findings.extend(invalid.into_iter().map(Finding::mark_unjudged));
            findings.extend(places.findings(unencrypted::without_keys(self.pipeline, resolved), None));
            findings.extend(
                places.findings_with_fix(
                    unencrypted::find_unencrypted_layers(self.pipeline, resolved),
                    Some(environment),
                ),
            );
        }
        findings
    }
}

/// Removes credentials in files that should be encrypted as a whole: that finding is reported once, and its fix
/// covers them all.
fn without_covered(mut findings: Vec<Finding>) -> Vec<Finding> {
    let of_files = findings.iter().filter(|it| it.diagnostic.rule == Rule::NotEncrypted).filter_map(Finding::file);
    let open: BTreeSet<String> = of_files.map(str::to_owned).collect_set();
    findings.retain(|it| !(it.is_leak() && it.file().is_some_and(|file| open.contains(file))));
    findings
}

/// Findings so far.
#[derive(Clone, Default)]
struct CheckResults {
    findings: Vec<Finding>,
    /// Sources of all objects.
    sites: Vec<ObjectSite>,
    /// The names of the apps with the environments that were checked.
    targets: Vec<(Located<AppName>, Vec<EnvironmentName>)>,
    accepted: Vec<Finding>,
    unseen: BTreeSet<Unchecked>,
    usage: UsageTracker,
}

impl CheckResults {
    fn merge_results(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        self.sites.extend(other.sites);
        self.targets.extend(other.targets);
        self.accepted.extend(other.accepted);
        self.unseen.extend(other.unseen);
        self.usage.extend(other.usage);
        self
    }

    /// The findings in the order of files, each once.
    fn into_report(self, scope: &CheckScope<'_>) -> CheckReport {
        let Self { mut findings, sites: _, targets, mut accepted, unseen, usage } = self;
        let is_wanted =
            |finding: &Finding| scope.only.is_none_or(|only| only.has_finding(finding, &StagedEntryRefs::default()));
        findings.extend(usage.findings().filter(is_wanted));
        let mut findings = sort_findings(without_consequences(findings, |found| &found.diagnostic));
        if let Some(baseline) = scope.baseline {
            // what was not seen is not gone
            let is_complete = unseen.is_empty() && findings.iter().all(|it| it.failure() != FailureKind::Invalid);
            let (known, left) = baseline.split_known(findings, scope.is_whole && is_complete);
            accepted.extend(known);
            findings = sort_findings(left);
        }
        CheckReport {
            findings,
            accepted: sort_findings(accepted),
            unseen: unseen.into_iter().collect(),
            targets: targets.into_iter().map(|(app, environments)| (app.value, environments)).collect(),
            ..Default::default()
        }
    }
}

fn sort_findings(mut findings: Vec<Finding>) -> Vec<Finding> {
    sort_by(&mut findings, |a, b| (a.is_last, a.key()).cmp(&(b.is_last, b.key())));
    findings.dedup_by(|later, first| {
        let is_same = later.is_same(first);
        if is_same {
            first.absorb(later);
        }
        is_same
    });
    findings
}

/// Whether a rule prevents a template from being read at all.
fn hides_template(rule: Rule) -> bool {
    matches!(rule, Rule::FileTooBig | Rule::MissingFile | Rule::NotUtf8)
}
