//! Check of one app.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::flux::{self, FluxSubstitution};
use super::places::EntryIndex;
use super::remedy::FormerUseIndex;
use super::results::CheckResults;
use super::unchecked::Unchecked;
use super::{
    Baseline, CheckScope, allow, environments, leak, lifecycle, pitfall, shared, undeclared, unencrypted, waiting,
};
use crate::diagnostic::{Diagnostics, Rule};
use crate::files::InputQuery;
use crate::layer::AllowedFinding;
use crate::leak_scan::{self, AcceptedLeak};
use crate::map::HashSet;
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::output_tree::{self, ObjectSite};
use crate::pipeline::{PartialTarget, Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::sort::CollectSorted;
use crate::span::Located;
use crate::visibility::OnMissingKey;

/// Check of one app by itself, which may be kept while others are checked again.
#[derive(Clone, Default)]
pub struct AppCheck {
    pub(super) results: CheckResults,
    /// Queries to the disk on which the results depend, beside its layers; none if its layers could not be read.
    pub inputs: Option<BTreeSet<InputQuery>>,
}

/// Checks apps, each by itself.
#[derive(Clone, Copy)]
pub(super) struct AppChecker<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) scope: &'a CheckScope<'a>,
    pub(super) flux: &'a FluxSubstitution<'a>,
}

impl AppChecker<'_> {
    pub(super) fn check_app(self, app: &App) -> AppCheck {
        let Self { pipeline, scope, .. } = self;
        let mut found = CheckResults::default();
        let asked: HashSet<_> = scope.environments.iter().collect();
        let wanted = app.environments.iter().filter(|name| asked.contains(name));
        let wanted: Vec<_> = wanted.cloned().collect();
        if wanted.is_empty() {
            // what makes its base unreadable is told beside that it has no environment
            let unread = pipeline.library.selected_app_name(app).err().filter(|_| app.environments.is_empty());
            return match unread {
                Some(problems) => self.check_unread(app, problems, found),
                None => AppCheck { results: found, inputs: Some(BTreeSet::new()) },
            };
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
        let Some(survey) = survey else { return self.check_unread(app, problems, found) };
        found.is_partial = !survey.partial.is_empty();
        found.unseen.extend(Unchecked::of_unread(&survey));
        let places = EntryIndex::of(&survey);
        let findings = self.find_all(app, &survey, &wanted, &places, problems, &mut found);
        let days = allow::AcceptanceDays { today: scope.today, is_locked: !locked.is_empty() };
        let (accepted, findings) = allow::split_accepted(findings, &survey, &wanted, days, &places, &mut found.usage);
        let anchors = scope.only.map(|only| only.find_entry_refs(&survey)).unwrap_or_default();
        let is_wanted = |finding: &Finding| {
            // an app that cannot be read, or only in part, is never clean, whatever is staged
            let is_unread = || {
                let is_missing = finding.file().is_some_and(|file| survey.unread.contains(file));
                finding.is_of_layers && (is_missing || finding.diagnostic.rule.is_of_yaml())
            };
            scope.only.is_none_or(|only| is_unread() || only.has_finding(finding, &anchors))
        };
        found.findings.extend(findings.into_iter().filter(is_wanted));
        found.accepted.extend(accepted.into_iter().filter(is_wanted));
        let inputs = survey.environments.iter().flat_map(|resolved| resolved.files.recorded_queries()).collect_set();
        AppCheck { results: found, inputs: survey.unread.is_empty().then_some(inputs) }
    }

    /// The check of an app whose layers could not be read: it was not checked, whatever the origin of the error.
    fn check_unread(self, app: &App, problems: Diagnostics, mut found: CheckResults) -> AppCheck {
        let name = self.pipeline.library.app_name(app).ok();
        let name = name.as_ref().map(AppName::as_str);
        let findings = problems
            .into_iter()
            .map(|problem| Finding::new_finding(problem, name, None, None).of_layers().mark_unjudged());
        found.findings.extend(findings);
        found.is_partial = true;
        AppCheck { results: found, inputs: None }
    }

    /// All findings of an app, accepted or not, with `problems` of its survey.
    fn find_all(
        self,
        app: &App,
        survey: &Survey,
        wanted: &[EnvironmentName],
        places: &EntryIndex,
        problems: Diagnostics,
        found: &mut CheckResults,
    ) -> Vec<Finding> {
        let former_uses = FormerUseIndex::of(survey);
        let findings = places.findings(problems, None).into_iter();
        let findings = findings.map(|finding| finding.with_rename(&former_uses).of_layers());
        // without these files, the app was not checked as a whole
        let mut findings: Vec<_> = findings.map(|finding| finding.mark_unread(&survey.unread)).collect();
        for environment in wanted {
            let (problems, accepted) = self.check_objects(app, survey, environment, &mut found.sites);
            findings.extend(places.findings(problems, Some(environment)).into_iter().map(Finding::of_result));
            findings.extend(accepted.into_iter().map(|leak| places.accepted_leak(leak, environment).of_result()));
        }
        // they are sorted, as those of the app are
        let is_wanted = |target: &&PartialTarget| wanted.binary_search(&target.resolved.definition.environment).is_ok();
        for target in survey.partial.iter().filter(is_wanted) {
            let mut problems = Diagnostics::new();
            self.pipeline.check_partial(survey, target, &mut problems);
            let of_environment = places.findings(problems, Some(&target.resolved.definition.environment));
            findings.extend(of_environment.into_iter().map(Finding::of_result));
        }
        findings.extend(places.findings(pitfall::find_pitfalls(survey, wanted), None));
        for resolved in wanted.iter().filter_map(|environment| survey.environment(environment)) {
            findings.extend(waiting::check_incoming(self.pipeline, app, resolved));
        }
        if let Some(day) = self.pipeline.day() {
            findings.extend(lifecycle::find_due_values(self.pipeline, survey, wanted, day));
        }
        let of_layers = self.check_layers(survey, wanted, places);
        // an encrypted value need not be declared: moving it fixes both
        let leaking: Vec<EntryId> =
            of_layers.iter().filter(|it| it.is_leak()).filter_map(|it| it.entry().cloned()).collect();
        findings.extend(without_covered(of_layers));
        if !survey.partial.is_empty() {
            // what is sensitive may be known from a missing layer, and so which object has a key
            findings.retain(|finding| finding.diagnostic.rule != Rule::DanglingReference);
            return findings;
        }
        findings.extend(places.findings_with_fix(undeclared::find_undeclared(survey, &leaking), None));
        // the result for one environment alone shows nothing about the others
        if wanted.len() == app.environments.len() {
            findings.extend(places.findings(environments::find_missing_values(survey), None));
            findings.extend(places.findings(shared::find_shared_secrets(survey), None));
            found.usage.record_survey(survey, places);
        }
        findings
    }

    /// Findings of rendering, and problems of the rendered objects; and leaks that a layer accepts.
    fn check_objects(
        self,
        app: &App,
        survey: &Survey,
        environment: &EnvironmentName,
        sites: &mut Vec<ObjectSite>,
    ) -> (Diagnostics, Vec<AcceptedLeak>) {
        let Self { pipeline, scope, flux } = self;
        let mut problems = Diagnostics::new();
        let objects = pipeline.objects(survey, environment, OnMissingKey::Keep(&|_| None), &mut problems);
        // as rendering does, whatever other errors there are
        let delivered =
            output_tree::deliver_unscanned(pipeline, app, survey, environment, objects, scope.now, &mut problems);
        sites.extend(output_tree::object_sites(app, survey, environment, &delivered));
        let mut accepted = Vec::new();
        if let Some(resolved) = survey.environment(environment) {
            let is_valid = |allow: &AllowedFinding| !allow::is_past(allow, scope.today);
            let leaks = leak_scan::find_leaks(resolved, &survey.routing, &delivered, &is_valid);
            problems.extend(leaks.problems);
            accepted = leaks.accepted;
            problems.extend(flux.find_substituted(resolved, &delivered));
            problems.extend(flux::find_template_marks(resolved, &delivered));
            problems.extend(flux::find_disabled_decryption(resolved));
        }
        // ciphertext of a file that is not kept is always new
        (problems.into_iter().filter(|problem| problem.rule != Rule::UnstableCiphertext).collect(), accepted)
    }

    /// Findings in the files that the output does not show.
    fn check_layers(self, survey: &Survey, wanted: &[EnvironmentName], places: &EntryIndex) -> Vec<Finding> {
        let mut search = leak::CredentialSearch::new(survey, self.scope.rules, self.scope.baseline.map(Baseline::key));
        let mut findings = Vec::new();
        for resolved in survey.readable_among(wanted) {
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
