//! Check of one app.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{self, AppChecker};
use super::finding::Finding;
use super::flux;
use super::places::EntryIndex;
use super::remedy::FormerUseIndex;
use super::results::CheckResults;
use super::unchecked::Unchecked;
use super::{allow, environments, lifecycle, pitfall, shared, undeclared, unused_layers, unused_references, waiting};
use crate::diagnostic::{Diagnostics, Rule};
use crate::files::InputQuery;
use crate::layer::AllowedFinding;
use crate::leak_scan::{self, AcceptedLeak};
use crate::map::HashSet;
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::output_tree;
use crate::pipeline::{PartialTarget, Survey, SurveyOptions};
use crate::project::App;
use crate::sort::CollectSorted;
use crate::span::Located;
use crate::test_hook;
use crate::visibility::OnMissingKey;

/// Check of one app by itself, which may be kept while others are checked again.
#[derive(Clone, Default)]
pub struct AppCheck {
    pub(super) results: CheckResults,
    /// Queries to the disk on which the results depend, beside its layers; none if its layers could not be read.
    pub inputs: Option<BTreeSet<InputQuery>>,
}

/// Environment whose objects are checked.
#[derive(Clone, Copy)]
struct ObjectScope<'a> {
    environment: &'a EnvironmentName,
    /// Whether everything that its app refers to is known, in all environments.
    is_whole: bool,
}

impl AppChecker<'_> {
    pub(super) fn check_app(self, app: &App) -> AppCheck {
        let Self { pipeline, scope, .. } = self;
        let mut found = CheckResults::default();
        let asked: HashSet<_> = scope.environments.iter().collect();
        let is_asked = |name: &&EnvironmentName| {
            test_hook::count_work(1);
            asked.contains(name)
        };
        let wanted = app.environments.iter().filter(is_asked);
        let wanted: Vec<_> = wanted.cloned().collect();
        if app.environments.is_empty() {
            self.check_without_environments(app, &mut found);
            return AppCheck { results: found, inputs: None };
        }
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
        if wanted.len() == app.environments.len() {
            let (used, is_known) = (unused_layers::used_files(&survey), survey.unread.is_empty());
            self.check_unused_mixins(app, &app.directory, (&used, is_known), &mut found);
            found.shared_layers.extend(unused_layers::shared_among(pipeline.library.project, used));
        }
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
        // what was not asked for, not read, or not decrypted, may refer to anything
        let is_whole = wanted.len() == app.environments.len();
        let is_whole = is_whole && survey.partial.is_empty() && survey.unread.is_empty() && found.unseen.is_empty();
        for environment in wanted {
            let scope = ObjectScope { environment, is_whole };
            let (problems, accepted) = self.check_objects(app, survey, scope, places, found);
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
        findings.extend(checker::without_covered(of_layers));
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
        ObjectScope { environment, is_whole }: ObjectScope<'_>,
        places: &EntryIndex,
        found: &mut CheckResults,
    ) -> (Diagnostics, Vec<AcceptedLeak>) {
        let Self { pipeline, scope, flux } = self;
        let mut problems = Diagnostics::new();
        let objects = pipeline.objects(survey, environment, OnMissingKey::Keep(&|_| None), &mut problems);
        // as rendering does, whatever other errors there are
        let delivered =
            output_tree::deliver_unscanned(pipeline, app, survey, environment, objects, scope.now, &mut problems);
        found.sites.extend(output_tree::object_sites(app, survey, environment, &delivered));
        let mut accepted = Vec::new();
        if let Some(resolved) = survey.environment(environment) {
            if !is_whole || !unused_references::has_all_manifests(resolved) {
                found.references.mark_partial();
                unused_references::keep_external(resolved, &mut found.usage);
            } else {
                let rules = pipeline.references();
                found.references.record(resolved, &delivered, rules);
                unused_references::record_external(resolved, &delivered, rules, places, &mut found.usage);
            }
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
}
